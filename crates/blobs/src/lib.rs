//! Content-addressed files: a blob is named by the SHA-256 of its bytes.
//!
//! Invariants: what a name shows is what it says, because content is hashed on its way in and gets its name only
//! afterwards; what is acknowledged is durable (file and folder are synced before a put returns); what a crash left half
//! written is never visible and is swept at the next start; with a cap, what was used longest ago goes first, and nothing
//! goes that is [pinned](Store::pin).
//!
//! The store is a folder of the local disk. It uses the file system directly and not `object_store`, whose local backend
//! neither verifies names nor gives the sandbox a path to read from; another backend would sit behind [`Store`].

mod chunks;
mod error;
mod index;
mod parts;
mod store;
mod stream;
mod upload;

pub use chunks::{Chunk, Cut};
pub use error::{OpenError, PutError, ReadError};
pub use parts::{Part, PartUpload};
pub use store::{Pin, Store, path_in};
pub use stream::{Pieces, Reading};
pub use units::Digest;
pub use upload::{Stored, Upload};
