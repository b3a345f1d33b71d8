//! The canonical encoding, its vectors, and the digest rules.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod computed;
mod encoding;
mod vectors;
