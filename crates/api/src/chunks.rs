//! Files that are mostly what others were: which stretches a file has, and a part of an upload made out of such stretches.

use serde::{Deserialize, Serialize};
use units::Digest;

/// A stretch of a file, cut where its content says so: its length in bytes, and its mark.
pub type Chunk = (u64, u64);

/// A file and what it consists of, from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunked {
    /// The file.
    pub digest: Digest,
    /// Its stretches, in order.
    pub chunks: Vec<Chunk>,
}

/// Files of about one size that are the asker's to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alike {
    /// The nearest in size first.
    pub files: Vec<Chunked>,
}

/// One piece of a part of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The file that has it; none if it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Digest>,
    /// Where it begins there.
    #[serde(default)]
    pub start: u64,
    /// Bytes.
    pub length: u64,
}

/// What tells stretches of one length apart: the first six bytes of the SHA-256, as a number. The whole file's digest is checked
/// in any case.
#[must_use]
pub fn mark(sha256: &Digest) -> u64 {
    sha256.0.iter().take(6).fold(0, |mark, byte| (mark << 8) | u64::from(*byte))
}
