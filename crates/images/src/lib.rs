//! Container images: fetched by digest, verified, unpacked safely, kept.
//!
//! An image is a stranger's bytes from a stranger's registry. Invariants, each with a test of its name in `tests/it`:
//!
//! - **What is used is what was asked for.** Every manifest, config and layer is hashed before it is read, against the
//!   digest that names it, and each layer's decompressed bytes against the config's `diff_ids`.
//! - **Nothing is allocated or written on the word of a stranger.** Sizes are capped as they are read, decompressed bytes,
//!   files, name lengths and depth included ([`Caps`]).
//! - **Unpacking touches nothing outside its tree**, whatever `..`, links or order of entries a layer holds: the kernel
//!   resolves every name with the tree as its root, and the last part of a name is never followed.
//! - **Nothing dangerous is made.** No devices, no sockets, no set-user-id bits, no extended attributes.
//!
//! [`Store`] is a folder that keeps blobs by digest and unpacked trees by image; trees appear whole or not at all.
#![expect(clippy::wildcard_enum_match_arm, reason = "other crates' lists of kinds, of which few are ours to name")]

mod archive;
mod error;
mod layer;
mod logins;
mod manifest;
mod pack;
mod reference;
mod registry;
mod store;
mod tree;

pub use error::{Error, Fault};
pub use manifest::{Config, Image, LayerKind};
pub use pack::{pack, pack_image};
pub use reference::{PUBLIC_REGISTRIES, Reference, Registries};
pub use registry::{Credentials, Puller};
pub use store::{Caps, Owner, Prepared, Store};
