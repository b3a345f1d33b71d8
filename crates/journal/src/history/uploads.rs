//! Who sent which blob. What is known of it is here alone: no journal has it.

use super::History;
use super::query::{address, hash};
use crate::error::JournalError;
use rusqlite::{Connection, params};
use units::{Address, Digest};

impl History {
    /// Whether a blob is somebody's to read: they sent it, or it is the result of a task of theirs (asked for or for them).
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn may_read(&self, blob: Digest, who: Address) -> Result<bool, JournalError> {
        let query = "SELECT EXISTS (SELECT 1 FROM uploads WHERE blob = ?1 AND uploader = ?2) OR EXISTS ( \
            SELECT 1 FROM results JOIN deals ON deals.id = results.deal \
            WHERE results.blob = ?1 AND (deals.requester = ?2 OR deals.beneficiary = ?2))";
        self.count(query, vec![blob.0.to_vec().into(), who.to_vec().into()]).map(|found| found > 0)
    }

    /// Who sent which blob, but for those that are tasks' results.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn uploads(&self) -> Result<Vec<(Digest, Address)>, JournalError> {
        let query = "SELECT blob, uploader FROM uploads WHERE NOT EXISTS \
            (SELECT 1 FROM results WHERE results.blob = uploads.blob)";
        self.list(query, Vec::new(), |row| Ok((Digest(hash(row, 0)?), address(row, 1)?)))
    }

    /// Whether a blob is some task's result.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn is_result(&self, blob: Digest) -> Result<bool, JournalError> {
        let query = "SELECT EXISTS (SELECT 1 FROM results WHERE blob = ?1)";
        self.count(query, vec![blob.0.to_vec().into()]).map(|found| found > 0)
    }
}

/// Notes who sent a blob.
pub(super) fn note(connection: &Connection, blob: Digest, uploader: Address) -> rusqlite::Result<()> {
    let insert = "INSERT OR IGNORE INTO uploads VALUES (?1, ?2)";
    connection.prepare_cached(insert)?.execute(params![blob.0.as_slice(), uploader.as_slice()]).map(drop)
}

/// Takes the note back.
pub(super) fn forget(connection: &Connection, blob: Digest, uploader: Address) -> rusqlite::Result<()> {
    let delete = "DELETE FROM uploads WHERE blob = ?1 AND uploader = ?2";
    connection.prepare_cached(delete)?.execute(params![blob.0.as_slice(), uploader.as_slice()]).map(drop)
}
