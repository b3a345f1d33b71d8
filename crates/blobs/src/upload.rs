//! Content on its way in.

use crate::error::PutError;
use crate::store::{Store, write_all};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use units::Digest;

/// A blob that has been taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Content that is being taken in; dropped before [`finish`](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct Upload {
    store: Store,
    path: PathBuf,
    /// `None` once the content is complete.
    file: Option<File>,
    hash: Sha256,
    size: u64,
    limit: u64,
}

impl Upload {
    pub(crate) fn begin(store: Store, path: PathBuf, limit: u64) -> Result<Self, PutError> {
        let file = File::create_new(&path)?;
        Ok(Self { store, path, file: Some(file), hash: Sha256::new(), size: 0, limit })
    }

    /// The next piece.
    ///
    /// # Errors
    ///
    /// [`PutError`]: `TooLarge`, `DiskFull` or `Io`.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), PutError> {
        let length = u64::try_from(piece.len()).map_err(|_| PutError::TooLarge { limit: self.limit })?;
        self.size = self
            .size
            .checked_add(length)
            .filter(|size| *size <= self.limit)
            .ok_or(PutError::TooLarge { limit: self.limit })?;
        self.hash.update(piece);
        let file = self.file.as_mut().expect("an upload has its file until it is finished");
        write_all(file, piece)?;
        Ok(())
    }

    /// Ends the content; it is durable and has its name when this returns.
    ///
    /// # Errors
    ///
    /// [`PutError`]: `Mismatch` where `expected` is given and is not the content's digest; then nothing is kept.
    pub fn finish(mut self, expected: Option<Digest>) -> Result<Stored, PutError> {
        let hash: [u8; 32] = self.hash.finalize_reset().into();
        let found = Digest::from(hash);
        if let Some(expected) = expected
            && expected != found
        {
            return Err(PutError::Mismatch { expected, found });
        }
        let file = self.file.take().expect("an upload has its file until it is finished");
        file.sync_all()?;
        drop(file);
        self.store.name(&self.path, found, self.size)?;
        Ok(Stored { digest: found, size: self.size })
    }
}

/// So that whoever makes content can write straight into the store.
impl io::Write for Upload {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.push(piece) {
            Ok(()) => Ok(piece.len()),
            Err(PutError::DiskFull(error) | PutError::Io(error)) => Err(error),
            Err(error @ PutError::TooLarge { .. }) => Err(io::Error::new(io::ErrorKind::FileTooLarge, error)),
            Err(error @ (PutError::Mismatch { .. } | PutError::BadPart | PutError::Source(_))) => {
                Err(io::Error::other(error))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // The named file is no longer at this path; anything else is swept at the next start at the latest.
        drop(self.file.take());
        drop(fs::remove_file(&self.path));
    }
}
