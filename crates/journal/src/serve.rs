//! Reading ranges of a journal beside the process that writes it, for `GET /v1/journal`.

use crate::database::{Database, FILE};
use crate::error::{Corruption, JournalError};
use crate::format::{decode_entry, sealed_until};
use crate::record::{Place, RecordBytes};
use crate::replay::verify;
use exchange::{Exchange, Genesis};
use std::path::Path;
use units::TaskId;

/// A connection of its own to a journal, to read it. One thread uses it at a time.
#[derive(Debug)]
pub struct Reader {
    database: Database,
    genesis: Genesis,
}

impl Reader {
    /// Opens the journal of a data folder to be read.
    ///
    /// # Errors
    /// [`JournalError::Missing`] if there is none, and the like.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let database = Database::live(&folder.join(FILE))?;
        let path = database.path();
        let first = database.chunk(0, 0)?.into_iter().next();
        let first = first.ok_or_else(|| JournalError::Missing { path: path.to_path_buf() })?;
        let genesis = verify(first).and_then(|first| first.genesis()).map_err(|trouble| trouble.of(path))?;
        Ok(Self { database, genesis })
    }

    /// What the exchange started from.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Records from a sequence on as anybody may see them: at least one if there is one, at most about `max_bytes`, none
    /// at the end. `is_final` says of a task whether nothing more can happen to it (also when the live state has forgotten
    /// it); a sealed entry is opened only when that holds for every task in which it tells somebody's part.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] where a record is not what was written.
    pub fn records(
        &self,
        from: u64,
        max_bytes: usize,
        is_final: impl Fn(TaskId) -> bool,
    ) -> Result<Vec<RecordBytes>, JournalError> {
        let domain = self.genesis.domain();
        let mut records = self.database.chunk(from, max_bytes)?;
        for record in &mut records {
            let mut shown = Vec::with_capacity(record.openings.len());
            for opening in record.openings.drain(..) {
                let Ok(entry) = decode_entry(&opening.bytes, &domain) else {
                    let place = Place::entry(record.sequence, opening.entry as usize);
                    return Err(JournalError::corrupt(self.database.path(), place, Corruption::OpeningMismatch));
                };
                if sealed_until(&entry.command, &self.genesis).into_iter().all(&is_final) {
                    shown.push(opening);
                }
            }
            record.openings = shown;
        }
        Ok(records)
    }
}

/// Whether nothing more can happen to a task, as far as the live state knows: one that it has forgotten, or never heard of,
/// is final; one whose commitments are held, though nobody opened it yet, is not.
#[must_use]
pub fn is_final(exchange: &Exchange, task: TaskId) -> bool {
    exchange.held(task).is_none() && exchange.task(task).is_none_or(|task| task.status.is_final())
}
