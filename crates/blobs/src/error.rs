//! What can go wrong, told apart by what the caller should do.

use std::io;
use std::path::PathBuf;
use units::Digest;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{} is in use by another process", folder.display())]
    InUse {
        /// The store's folder.
        folder: PathBuf,
    },
    /// The folder could not be made or read.
    #[error("the blobs in {} could not be opened", folder.display())]
    Io {
        /// The store's folder.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// Why content was not taken in. Nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The content is not what its name says: whoever sent it is wrong.
    #[error("the content is {found} and not {expected}")]
    Mismatch {
        /// The name asked for.
        expected: Digest,
        /// The content's name.
        found: Digest,
    },
    /// More content than allowed.
    #[error("the content is longer than the {limit} bytes allowed")]
    TooLarge {
        /// The most allowed, in bytes.
        limit: u64,
    },
    /// Not one of the parts that such a content is sent in: whoever sends it is wrong.
    #[error("not a part of that content")]
    BadPart,
    /// The sender broke off: ask again.
    #[error("the content broke off")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// This machine's disk is full.
    #[error("the disk is full")]
    DiskFull(#[source] io::Error),
    /// This machine's disk failed.
    #[error("the content could not be written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for PutError {
    fn from(error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull(error)
        } else {
            Self::Io(error)
        }
    }
}

/// Why a blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such blob here.
    #[error("{digest} is not here")]
    Missing {
        /// The blob's name.
        digest: Digest,
    },
    /// The range begins behind the blob's end, or ends before it begins.
    #[error("the blob has only {size} bytes")]
    Range {
        /// The blob's size in bytes.
        size: u64,
    },
    /// The disk no longer holds what was written; the blob is gone from the store.
    #[error("{digest} was damaged on disk and has been removed")]
    Damaged {
        /// The blob's name.
        digest: Digest,
    },
    /// This machine's disk failed.
    #[error("the blob could not be read")]
    Io(#[from] io::Error),
}
