//! What a task's result is: one canonical encoding of its files, the digest rule, failures as results.
//!
//! A program's output is a tree of regular files, and for WebAssembly its standard output. [`Encoder`] turns it into one
//! sequence of bytes and [`Decoder`] back; equal trees have equal encodings and nothing else decodes. The SHA-256 of the
//! encoding names the blob that holds it, and is what workers agree on (PoCo's `resultDigest`), except where the tree has
//! a [`computed.json`](ComputedFile), whose rule is iExec's. A program's own [`Failure`] is a result too, with an encoding
//! and a digest of its own. What goes wrong on the worker's side is a [`Refusal`] and no result.
//!
//! The encoding is written down in `docs/result-encoding.md`, with the vectors that this crate's tests hold it to.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod computed;
mod decode;
mod encode;
mod failure;
mod outcome;
mod path;
mod tail;

pub use computed::{BadComputed, ComputedFile};
pub use decode::{Decoder, Event, Limits, Malformed};
pub use encode::{EncodeError, Encoded, Encoder, encode};
pub use failure::{BadFailure, Failure, InvalidModule, OutputLimit, Unusable};
pub use outcome::{Outcome, Refusal, Success};
pub use path::{BadPath, MAX_COMPONENT_BYTES, MAX_PATH_BYTES, check_path};
pub use tail::Tail;

use sha2::Digest as _;
use units::Digest;

/// The SHA-256 of some bytes, as the name of the blob that holds them.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let hash: [u8; 32] = sha2::Sha256::digest(bytes).into();
    Digest::from(hash)
}
