//! Writing the canonical encoding of an output tree.
//!
//! `MHTREE 0x00 0x01`, then the entries, then the end tag `0xff`. An entry is its tag (0 a file, 1 standard output), the
//! path's length (u16) and the path, the content's length (u64) and the content; integers are big-endian. Standard output
//! comes first, has an empty path, and is there only if it is not empty; files follow in ascending order of their paths'
//! bytes. Folders are implied by paths, so empty ones are not kept; nor are times, owners and modes.

use crate::path::{BadPath, Misplaced, Order, check_path};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use units::Digest;

/// The first bytes of every encoding; the last of them is the version.
pub(crate) const MAGIC: [u8; 8] = *b"MHTREE\0\x01";
/// Tags of the entries and of the end.
pub(crate) const TAG_FILE: u8 = 0;
pub(crate) const TAG_STDOUT: u8 = 1;
pub(crate) const TAG_END: u8 = 0xff;

/// Why a tree could not be encoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError<E> {
    /// The sink did not take the bytes.
    #[error("the encoding could not be written")]
    Sink(#[source] E),
    /// A path that no result may hold.
    #[error("a file's path cannot stand in a result")]
    Path(#[source] BadPath),
    /// Entries must come in ascending order of their paths, standard output first, no file twice or also a folder.
    #[error("entries are out of order")]
    Misplaced,
    /// An entry's content was shorter or longer than announced.
    #[error("an entry's content has another length than announced")]
    Length,
}

/// A finished encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// SHA-256 of the encoding: the name of its blob, and the digest workers agree on.
    pub digest: Digest,
    /// The encoding's length in bytes.
    pub size: u64,
}

/// Encodes one tree into a sink, entry by entry, so that it never need be in memory whole.
///
/// The sink is called with consecutive pieces of the encoding.
#[derive(Debug)]
pub struct Encoder<S> {
    sink: S,
    hash: Sha256,
    size: u64,
    order: Order,
    started: bool,
    any_entry: bool,
    /// Content bytes of the current entry still to come.
    owed: u64,
}

impl<E, S: FnMut(&[u8]) -> Result<(), E>> Encoder<S> {
    /// Begins a tree; nothing is written before the first entry or the end.
    pub fn new(sink: S) -> Self {
        Self { sink, hash: Sha256::new(), size: 0, order: Order::default(), started: false, any_entry: false, owed: 0 }
    }

    /// Begins the standard output's entry, `length` bytes; must be the first entry. A length of 0 writes no entry.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Misplaced`] where another entry came before, [`EncodeError::Sink`] from the sink.
    pub fn stdout(&mut self, length: u64) -> Result<(), EncodeError<E>> {
        if self.any_entry {
            return Err(EncodeError::Misplaced);
        }
        if length == 0 {
            return Ok(());
        }
        self.entry(TAG_STDOUT, "", length)
    }

    /// Begins a file's entry; `length` bytes of [`content`](Self::content) must follow.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Path`], [`EncodeError::Misplaced`], [`EncodeError::Length`] where the entry before is not complete,
    /// [`EncodeError::Sink`] from the sink.
    pub fn file(&mut self, path: &str, length: u64) -> Result<(), EncodeError<E>> {
        check_path(path).map_err(EncodeError::Path)?;
        self.order.admit(path).map_err(|misplaced| match misplaced {
            Misplaced::Unsorted | Misplaced::FileIsFolder => EncodeError::Misplaced,
        })?;
        self.entry(TAG_FILE, path, length)
    }

    /// The next piece of the current entry's content.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Length`] where this is more than was announced, [`EncodeError::Sink`] from the sink.
    pub fn content(&mut self, piece: &[u8]) -> Result<(), EncodeError<E>> {
        let length = u64::try_from(piece.len()).map_err(|_| EncodeError::Length)?;
        self.owed = self.owed.checked_sub(length).ok_or(EncodeError::Length)?;
        self.write(piece)
    }

    /// Ends the tree.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Length`] where the last entry is not complete, [`EncodeError::Sink`] from the sink.
    pub fn finish(mut self) -> Result<Encoded, EncodeError<E>> {
        self.complete()?;
        self.write(&[TAG_END])?;
        let hash: [u8; 32] = self.hash.finalize().into();
        Ok(Encoded { digest: Digest::from(hash), size: self.size })
    }

    fn entry(&mut self, tag: u8, path: &str, length: u64) -> Result<(), EncodeError<E>> {
        self.complete()?;
        self.any_entry = true;
        let path_length = u16::try_from(path.len()).map_err(|_| EncodeError::Path(BadPath::TooLong))?;
        let mut header = vec![tag];
        header.extend_from_slice(&path_length.to_be_bytes());
        header.extend_from_slice(path.as_bytes());
        header.extend_from_slice(&length.to_be_bytes());
        self.write(&header)?;
        self.owed = length;
        Ok(())
    }

    /// Checks that the entry before is whole, and writes the magic before the first.
    fn complete(&mut self) -> Result<(), EncodeError<E>> {
        if self.owed != 0 {
            return Err(EncodeError::Length);
        }
        if !self.started {
            self.started = true;
            self.write(&MAGIC)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError<E>> {
        let length = u64::try_from(bytes.len()).map_err(|_| EncodeError::Length)?;
        self.size = self.size.checked_add(length).ok_or(EncodeError::Length)?;
        self.hash.update(bytes);
        (self.sink)(bytes).map_err(EncodeError::Sink)
    }
}

/// Encodes a small tree that is in memory; gives the bytes and their digest.
///
/// # Errors
///
/// As [`Encoder::file`].
pub fn encode(stdout: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Result<(Vec<u8>, Encoded), EncodeError<Infallible>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(|piece: &[u8]| -> Result<(), Infallible> {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    let length = |content: &[u8]| u64::try_from(content.len()).map_err(|_| EncodeError::Length);
    encoder.stdout(length(stdout)?)?;
    encoder.content(stdout)?;
    for (path, content) in files {
        encoder.file(path, length(content)?)?;
        encoder.content(content)?;
    }
    let encoded = encoder.finish()?;
    Ok((bytes, encoded))
}
