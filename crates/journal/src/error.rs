//! Why the journal could not do what it was asked.

use crate::record::Place;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong at a place of a journal. Whatever it is, the record there is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corruption {
    /// The bytes are no record, entry or genesis.
    #[error("it is no well-formed record (at byte {offset})")]
    Malformed {
        /// Where in the record's (or the entry's) bytes reading stopped.
        offset: usize,
    },
    /// The record's bytes do not have the hash that is kept beside them.
    #[error("its bytes do not have its hash")]
    HashMismatch,
    /// The record does not name the hash of the one before it.
    #[error("it does not continue the record before it")]
    ChainBroken,
    /// The record's number is not the next one.
    #[error("it says it is record {said}")]
    WrongSequence {
        /// What its bytes say.
        said: u64,
    },
    /// A record is missing.
    #[error("it is missing")]
    Missing,
    /// A sealed entry's opening is not what was sealed.
    #[error("its opening is not what was sealed")]
    OpeningMismatch,
    /// A sealed entry has no opening, though this is the operator's own copy.
    #[error("it is sealed and its opening is missing")]
    OpeningMissing,
    /// The rules refuse the entry now, though it was accepted when it was recorded.
    #[error("the rules refuse it: {refusal}")]
    Refused {
        /// In the rules' words.
        refusal: String,
    },
    /// The state after the record does not have the recorded digest.
    #[error("the state after it has not the digest that it records")]
    StateMismatch,
    /// The database itself cannot be read there.
    #[error("the database cannot be read there: {reason}")]
    Unreadable {
        /// SQLite's words.
        reason: String,
    },
}

/// Why a journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has the data folder.
    #[error("{} is in use by another process; stop that one, or name another folder with --data", .folder.display())]
    Locked {
        /// The data folder.
        folder: PathBuf,
    },
    /// There is no journal.
    #[error("{} has no journal", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a journal already, where a new one was to be made.
    #[error("{} has a journal already", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The file is some other database, or none.
    #[error("{} is not a journal", .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this software wrote it.
    #[error("{} was made by a newer hands (format {found}; this one knows up to {known}): update hands", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// No room left. Nothing was written.
    #[error("no room left on the disk for {}: free some and start again; nothing is lost", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A record is not what was written.
    #[error("{}: {place}: {what}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Which record, and which entry of it.
        place: Place,
        /// What is wrong with it.
        what: Corruption,
    },
    /// The file system failed.
    #[error("cannot use {}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database failed otherwise.
    #[error("cannot use the database {}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

impl JournalError {
    /// Sorts the database's error by what the caller should do.
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { path },
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotAJournal { path },
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::Locked { folder: path.parent().map_or_else(|| path.clone(), Path::to_path_buf) }
            }
            _ => Self::Database { path, source },
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if source.kind() == io::ErrorKind::StorageFull { Self::Full { path } } else { Self::Io { path, source } }
    }

    /// Whether a recorded state digest was not met.
    pub(crate) fn is_of_state(&self) -> bool {
        matches!(self, Self::Corrupt { what: Corruption::StateMismatch, .. })
    }

    pub(crate) fn corrupt(path: &Path, place: Place, what: Corruption) -> Self {
        Self::Corrupt { path: path.to_path_buf(), place, what }
    }
}
