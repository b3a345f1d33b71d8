//! Where an audit has its records from.

use super::AuditError;
use crate::database::{Database, FILE};
use crate::error::JournalError;
use crate::record::{Place, RecordBytes};
use crate::replay::{CHUNK_BYTES, verify};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::Path;

type Fetch<'a> = dyn FnMut(u64) -> Result<Vec<RecordBytes>, AuditError> + 'a;

/// Records in order, as often as they are asked for.
pub struct Source<'a> {
    /// Gives records from a sequence on, some at a time, none at the end.
    fetch: Box<Fetch<'a>>,
    /// Whether every sealed entry should have its opening.
    complete: bool,
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("complete", &self.complete).finish_non_exhaustive()
    }
}

impl<'a> Source<'a> {
    /// A journal file, or the data folder it is in; neither need be writable.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::NotAJournal`], [`JournalError::Newer`] and the like.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = if path.is_dir() { path.join(FILE) } else { path.to_path_buf() };
        let database = Database::readable(&file)?;
        let fetch = move |from| Ok(database.chunk(from, CHUNK_BYTES)?);
        Ok(Self { fetch: Box::new(fetch), complete: true })
    }

    /// Records that somebody fetches: `fetch` gives those from a sequence on, some at a time, none at the end, and the
    /// same again when asked again. Entries about unfinished tasks may be sealed.
    pub fn fetched<E: Into<Box<dyn Error + Send + Sync>>>(
        mut fetch: impl FnMut(u64) -> Result<Vec<RecordBytes>, E> + 'a,
    ) -> Self {
        let fetch = move |from| fetch(from).map_err(|error| AuditError::Fetch(error.into()));
        Self { fetch: Box::new(fetch), complete: false }
    }

    pub(super) fn fetch(&mut self, from: u64) -> Result<Vec<RecordBytes>, AuditError> {
        (self.fetch)(from)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Everything that any record says was set aside.
    pub(super) fn set_aside(&mut self) -> Result<BTreeMap<Place, String>, AuditError> {
        let mut places = BTreeMap::new();
        let mut next = 0;
        loop {
            let chunk = self.fetch(next)?;
            let Some(last) = chunk.last() else { return Ok(places) };
            next = last.sequence + 1;
            for record in chunk {
                let verified = verify(record).map_err(super::error_of)?;
                let teller = verified.frame.sequence;
                let told = verified.frame.set_aside.into_iter();
                places.extend(told.map(|place| (place, format!("set aside, says record {teller}"))));
            }
        }
    }
}
