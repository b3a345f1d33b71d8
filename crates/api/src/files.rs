//! What an account has stored with an exchange.

use serde::{Deserialize, Serialize};
use units::Digest;

/// A blob that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Files that an account needs no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// Which; [`limits::PAGE_MOST`](crate::limits::PAGE_MOST) at most.
    pub digests: Vec<Digest>,
}

/// What became of them. What is named in neither list was not the account's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// They are no longer the account's, and were removed where they are nobody's.
    pub forgotten: Vec<Stored>,
    /// Something of the account's still needs them: a job that is not over, or what it offers.
    pub needed: Vec<Stored>,
}

/// An account's files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Bytes that count: each file has 4 KiB at least.
    pub stored: u64,
    /// Bytes that the account may store; none: as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// How many files there are.
    pub count: u64,
    /// The largest of them, the largest first; [`limits::PAGE_MOST`](crate::limits::PAGE_MOST) at most.
    pub files: Vec<Stored>,
}
