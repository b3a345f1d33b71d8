//! Reading the canonical encoding, strictly and piece by piece.
//!
//! Whatever decodes re-encodes to the same bytes. Nothing is allocated on the word of a stranger: the longest thing held
//! is one path, and lengths are held to the reader's [`Limits`] before any content is passed on.

use crate::encode::{MAGIC, TAG_END, TAG_FILE, TAG_STDOUT};
use crate::path::{BadPath, MAX_PATH_BYTES, Misplaced, Order, check_path};
use sha2::{Digest as _, Sha256};
use units::Digest;

/// The most a reader will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files, standard output counted.
    pub entries: u64,
    /// Bytes of all contents together.
    pub content_bytes: u64,
}

/// What the decoder met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Standard output begins; so many bytes of [`Event::Content`] follow.
    Stdout {
        /// Its length in bytes, never 0.
        length: u64,
    },
    /// A file begins; so many bytes of [`Event::Content`] follow.
    File {
        /// Its path, checked by [`check_path`].
        path: String,
        /// Its length in bytes.
        length: u64,
    },
    /// The next piece of the current entry's content.
    Content(&'a [u8]),
    /// The encoding is complete.
    End,
}

/// Why bytes are not the canonical encoding of any tree, or of none that the reader will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first bytes are not a result's, or of another version.
    #[error("this is not a result of a version known here")]
    Magic,
    /// An entry of an unknown kind.
    #[error("the result has an entry of the unknown kind {tag}")]
    Tag {
        /// The kind's tag.
        tag: u8,
    },
    /// A path that no result may hold.
    #[error("the result has a file whose path it must not have")]
    Path(#[source] BadPath),
    /// A path that is not UTF-8.
    #[error("the result has a file whose path is not UTF-8")]
    PathNotUtf8,
    /// Not in ascending order, or the same path twice, or standard output not first.
    #[error("the result's entries are out of order")]
    Unsorted,
    /// A path that is a file and a folder.
    #[error("the result has a path that is both a file and a folder")]
    FileIsFolder,
    /// Standard output with a path, or empty.
    #[error("the result's standard output is not in its canonical form")]
    Stdout,
    /// More entries or content than the reader takes.
    #[error("the result is larger than is allowed")]
    TooLarge,
    /// The bytes end before the encoding does.
    #[error("the result ends too early")]
    Truncated,
    /// Bytes follow the end.
    #[error("bytes follow the result's end")]
    Trailing,
}

/// What the decoder waits for.
#[derive(Clone, Debug)]
enum State {
    Magic,
    Tag,
    PathLength { tag: u8 },
    Path { tag: u8, length: usize },
    ContentLength { tag: u8, path: String },
    Content { owed: u64 },
    Done,
}

/// Decodes one tree from pieces of any size.
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: Limits,
    hash: Sha256,
    state: State,
    /// Bytes of an incomplete header field, carried from piece to piece.
    held: Vec<u8>,
    order: Order,
    entries: u64,
    content_bytes: u64,
}

impl Decoder {
    /// Begins a tree.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hash: Sha256::new(),
            state: State::Magic,
            held: Vec::new(),
            order: Order::default(),
            entries: 0,
            content_bytes: 0,
        }
    }

    /// Takes bytes off the front of `input` up to the next event; `None` means that it is used up. Call until `None`.
    ///
    /// # Errors
    ///
    /// [`Malformed`]; the decoder is of no use afterwards.
    pub fn push<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            match self.state.clone() {
                State::Magic => {
                    let Some(magic) = self.field(input, MAGIC.len()) else { return Ok(None) };
                    if magic != MAGIC {
                        return Err(Malformed::Magic);
                    }
                    self.state = State::Tag;
                }
                State::Tag => {
                    let Some(field) = self.field(input, 1) else { return Ok(None) };
                    match field.first().copied() {
                        Some(TAG_END) => {
                            self.state = State::Done;
                            return Ok(Some(Event::End));
                        }
                        Some(tag @ (TAG_FILE | TAG_STDOUT)) => self.state = State::PathLength { tag },
                        Some(tag) => return Err(Malformed::Tag { tag }),
                        None => return Ok(None),
                    }
                }
                State::PathLength { tag } => {
                    let Some(field) = self.field(input, 2) else { return Ok(None) };
                    let length = field.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
                    if length > MAX_PATH_BYTES {
                        return Err(Malformed::Path(BadPath::TooLong));
                    }
                    self.state = State::Path { tag, length };
                }
                State::Path { tag, length } => {
                    let Some(field) = self.field(input, length) else { return Ok(None) };
                    let path = String::from_utf8(field).map_err(|_| Malformed::PathNotUtf8)?;
                    self.admit(tag, &path)?;
                    self.state = State::ContentLength { tag, path };
                }
                State::ContentLength { tag, path } => {
                    let Some(field) = self.field(input, 8) else { return Ok(None) };
                    let length = field.iter().fold(0_u64, |length, &byte| length << 8 | u64::from(byte));
                    return self.begin(tag, path, length).map(Some);
                }
                State::Content { owed: 0 } => self.state = State::Tag,
                State::Content { owed } => return Ok(self.content(input, owed)),
                State::Done if input.is_empty() => return Ok(None),
                State::Done => return Err(Malformed::Trailing),
            }
        }
    }

    /// The digest of the whole encoding, once it is complete.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] where it is not.
    pub fn finish(self) -> Result<Digest, Malformed> {
        match self.state {
            State::Done => {
                let hash: [u8; 32] = self.hash.finalize().into();
                Ok(Digest::from(hash))
            }
            State::Magic
            | State::Tag
            | State::PathLength { .. }
            | State::Path { .. }
            | State::ContentLength { .. }
            | State::Content { .. } => Err(Malformed::Truncated),
        }
    }

    /// Decodes a whole encoding at once into its digest, showing each event to `on`.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub fn decode(limits: Limits, mut bytes: &[u8], mut on: impl FnMut(Event<'_>)) -> Result<Digest, Malformed> {
        let mut decoder = Self::new(limits);
        while let Some(event) = decoder.push(&mut bytes)? {
            on(event);
        }
        decoder.finish()
    }

    /// Completes a header field of `length` bytes from what is held and the input.
    fn field(&mut self, input: &mut &[u8], length: usize) -> Option<Vec<u8>> {
        let missing = length.saturating_sub(self.held.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        self.held.extend_from_slice(taken);
        if self.held.len() < length {
            return None;
        }
        self.hash.update(&self.held);
        Some(std::mem::take(&mut self.held))
    }

    fn admit(&mut self, tag: u8, path: &str) -> Result<(), Malformed> {
        if tag == TAG_STDOUT {
            return match (path.is_empty(), self.entries) {
                (false, _) => Err(Malformed::Stdout),
                (true, 0) => Ok(()),
                (true, _) => Err(Malformed::Unsorted),
            };
        }
        check_path(path).map_err(Malformed::Path)?;
        self.order.admit(path).map_err(|misplaced| match misplaced {
            Misplaced::Unsorted => Malformed::Unsorted,
            Misplaced::FileIsFolder => Malformed::FileIsFolder,
        })
    }

    fn begin(&mut self, tag: u8, path: String, length: u64) -> Result<Event<'static>, Malformed> {
        self.entries = self.entries.checked_add(1).ok_or(Malformed::TooLarge)?;
        self.content_bytes = self.content_bytes.checked_add(length).ok_or(Malformed::TooLarge)?;
        if self.entries > self.limits.entries || self.content_bytes > self.limits.content_bytes {
            return Err(Malformed::TooLarge);
        }
        self.state = State::Content { owed: length };
        match (tag, length) {
            (TAG_STDOUT, 0) => Err(Malformed::Stdout),
            (TAG_STDOUT, length) => Ok(Event::Stdout { length }),
            (_, length) => Ok(Event::File { path, length }),
        }
    }

    fn content<'a>(&mut self, input: &mut &'a [u8], owed: u64) -> Option<Event<'a>> {
        if input.is_empty() {
            return None;
        }
        let most = usize::try_from(owed).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at(most);
        *input = rest;
        self.hash.update(piece);
        let taken = u64::try_from(piece.len()).expect("a piece is no longer than what is owed");
        self.state = State::Content { owed: owed.saturating_sub(taken) };
        Some(Event::Content(piece))
    }
}
