//! Content that comes in parts, in any order and several at a time: one connection alone does not fill a long line. What it is,
//! its sender may find out while it comes, and says at the end.
//!
//! Invariants: each byte is written once, for a part that is here or on its way is not taken again, and parts do not overlap,
//! being of one size; what is in the hash of a part that breaks off leaves the hash with it; so what was hashed is what lies
//! there when the content gets its name.

use crate::error::PutError;
use crate::store::{Store, write_all};
use crate::upload::Stored;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use units::{Address, Digest};

/// How many contents come in parts at once; beyond that, the one of which nothing has come for longest is given up.
const UNDER_WAY: usize = 256;
/// A content of which nothing comes for so long is given up.
const PATIENCE: Duration = Duration::from_hours(1);
/// What is read at once to be hashed.
const PIECE_BYTES: usize = 1 << 18;
/// So many bytes are made durable while more come, so that the end has not to wait for all of them.
const SYNC_BYTES: u64 = 32 << 20;

/// Which part of which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Who sends it: nobody spoils another's upload.
    pub from: Address,
    /// The sender's own name for the upload.
    pub upload: u128,
    /// Bytes of the whole content.
    pub total: u64,
    /// Bytes of each part but the last.
    pub size: u64,
    /// Where the part begins: a multiple of `size`.
    pub start: u64,
}

/// Contents that are under way.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(BTreeMap<(Address, u128), (Instant, Arc<Content>)>);

impl UnderWay {
    /// Gives up what nothing has come of for long.
    fn give_up(&mut self, now: Instant) {
        self.0.retain(|_, (touched, _)| now.duration_since(*touched) < PATIENCE);
    }
}

/// A content of which parts have come.
#[derive(Debug)]
struct Content {
    path: PathBuf,
    total: u64,
    size: u64,
    /// Where both are held, this is the inner lock.
    progress: Mutex<Progress>,
    hashing: Mutex<Hashing>,
    /// The disk did not keep what it had been given.
    damaged: AtomicBool,
}

#[derive(Debug, Default)]
struct Progress {
    /// Parts on their way, and up to where each has come.
    writing: BTreeMap<u64, u64>,
    come: BTreeSet<u64>,
    unsynced: u64,
    syncing: bool,
}

#[derive(Debug, Default)]
struct Hashing {
    /// Everything before this is in the hash.
    hashed: u64,
    hash: Sha256,
    /// Where the part begins that was hashed last, and the hash of all before it.
    before: (u64, Sha256),
}

/// A part that is being taken in; dropped before [`finish`](Self::finish), it can be sent again.
#[derive(Debug)]
pub struct PartUpload {
    part: Part,
    content: Arc<Content>,
    file: File,
    next: u64,
}

impl Store {
    /// Begins to take in a part of a content; none if it has come already or is on its way.
    ///
    /// # Errors
    /// [`PutError::BadPart`] where it is not one of the parts of such a content; [`PutError::DiskFull`], [`PutError::Io`].
    pub fn part(&self, part: Part) -> Result<Option<PartUpload>, PutError> {
        if part.size == 0 || part.start >= part.total || !part.start.is_multiple_of(part.size) {
            return Err(PutError::BadPart);
        }
        let content = self.content(part)?;
        {
            let mut progress = content.progress();
            if progress.come.contains(&part.start) || progress.writing.contains_key(&part.start) {
                return Ok(None);
            }
            progress.writing.insert(part.start, part.start);
        }
        // From here on dropping it lets the part be sent again.
        let file = File::options().write(true).open(&content.path);
        let file = file.inspect_err(|_| {
            content.progress().writing.remove(&part.start);
        })?;
        let mut upload = PartUpload { part, content, file, next: part.start };
        upload.file.seek(SeekFrom::Start(part.start))?;
        Ok(Some(upload))
    }

    /// Ends an upload whose parts have all come: the content is durable and has its name when this returns. None where there is
    /// no such upload, or a part is missing.
    ///
    /// # Errors
    /// [`PutError`]: `Mismatch` where the content is not what it was to be: then nothing of it is kept; `DiskFull`, `Io`.
    pub fn finish_parts(&self, from: Address, upload: u128, expected: Digest) -> Result<Option<Stored>, PutError> {
        let key = (from, upload);
        let content = self.under_way().0.get(&key).map(|(_, content)| Arc::clone(content));
        let Some(content) = content else { return Ok(None) };
        let mut hashing = content.hashing();
        content.add(&mut hashing, None)?;
        if hashing.hashed < content.total {
            return Ok(None);
        }
        if self.under_way().0.remove(&key).is_none() {
            return Ok(None);
        }
        let found = Digest::from(<[u8; 32]>::from(hashing.hash.finalize_reset()));
        if found != expected {
            return Err(PutError::Mismatch { expected, found });
        }
        File::open(&content.path)?.sync_all()?;
        // Whoever heard of it first may have been a sync before the end.
        if content.damaged.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk did not keep what was written").into());
        }
        self.name(&content.path, found, content.total)?;
        Ok(Some(Stored { digest: found, size: content.total }))
    }

    /// Whether parts of an upload have come, and it is neither ended nor given up.
    #[must_use]
    pub fn is_coming(&self, from: Address, upload: u128) -> bool {
        let mut under_way = self.under_way();
        under_way.give_up(Instant::now());
        under_way.0.contains_key(&(from, upload))
    }

    /// The content that a part is of, begun if need be.
    fn content(&self, part: Part) -> Result<Arc<Content>, PutError> {
        let mut under_way = self.under_way();
        let now = Instant::now();
        under_way.give_up(now);
        if let Some((touched, content)) = under_way.0.get_mut(&(part.from, part.upload)) {
            *touched = now;
            let same = content.total == part.total && content.size == part.size;
            return if same { Ok(Arc::clone(content)) } else { Err(PutError::BadPart) };
        }
        if under_way.0.len() >= UNDER_WAY
            && let Some(oldest) = under_way.0.iter().min_by_key(|(_, (touched, _))| *touched).map(|(key, _)| *key)
        {
            under_way.0.remove(&oldest);
        }
        let path = self.incoming();
        File::create_new(&path)?;
        let content = Arc::new(Content {
            path,
            total: part.total,
            size: part.size,
            progress: Mutex::default(),
            hashing: Mutex::default(),
            damaged: AtomicBool::new(false),
        });
        under_way.0.insert((part.from, part.upload), (now, Arc::clone(&content)));
        Ok(content)
    }
}

impl Content {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hashing(&self) -> MutexGuard<'_, Hashing> {
        self.hashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of(&self, start: u64) -> u64 {
        start.saturating_add(self.size).min(self.total)
    }

    /// What follows in the hash and lies there. Of no part before all of the part before it is here to stay.
    fn ready(&self, hashed: u64) -> Range<u64> {
        let progress = self.progress();
        let behind = hashed.checked_rem(self.size).unwrap_or(0);
        let start = hashed.saturating_sub(behind);
        let before = start.saturating_sub(self.size);
        if behind == 0 && hashed > 0 && !progress.come.contains(&before) {
            return hashed..hashed;
        }
        let whole = progress.come.contains(&start).then(|| self.end_of(start));
        hashed..whole.or_else(|| progress.writing.get(&start).copied()).unwrap_or(hashed)
    }

    /// Hashes what can be hashed: from the piece that begins at a place and is at hand, or from the file.
    fn add(&self, hashing: &mut Hashing, at_hand: Option<(u64, &[u8])>) -> io::Result<()> {
        let mut file = None;
        loop {
            let ready = self.ready(hashing.hashed);
            if ready.is_empty() {
                return Ok(());
            }
            if ready.start.is_multiple_of(self.size) {
                hashing.before = (ready.start, hashing.hash.clone());
            }
            if let Some(piece) = at_hand.and_then(|(start, piece)| within(start, piece, &ready)) {
                hashing.hash.update(piece);
            } else {
                let file = match &mut file {
                    Some(file) => file,
                    None => file.insert(File::open(&self.path)?),
                };
                let mut hash = hashing.hash.clone();
                add(&mut hash, file, &ready)?;
                hashing.hash = hash;
            }
            hashing.hashed = ready.end;
        }
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        // The named file is no longer at this path.
        drop(fs::remove_file(&self.path));
    }
}

impl PartUpload {
    /// The part's next piece.
    ///
    /// # Errors
    /// [`PutError`]: `BadPart` where there is more than the part has, `DiskFull` or `Io`.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), PutError> {
        let length = u64::try_from(piece.len()).map_err(|_| PutError::BadPart)?;
        let start = self.next;
        let next = start.checked_add(length).filter(|next| *next <= self.content.end_of(self.part.start));
        self.next = next.ok_or(PutError::BadPart)?;
        write_all(&mut self.file, piece)?;
        {
            let mut progress = self.content.progress();
            progress.writing.insert(self.part.start, self.next);
            progress.unsynced = progress.unsynced.saturating_add(length);
        }
        // Whoever has the hash now takes this piece along, or a later one does.
        if let Ok(mut hashing) = self.content.hashing.try_lock() {
            self.content.add(&mut hashing, Some((start, piece)))?;
        }
        Ok(())
    }

    /// What makes durable what has come, where that is much.
    pub(crate) fn due(&self) -> Option<impl FnOnce() + Send + 'static> {
        let mut progress = self.content.progress();
        if progress.unsynced < SYNC_BYTES || progress.syncing {
            return None;
        }
        let content = Arc::clone(&self.content);
        let file = self.file.try_clone().ok()?;
        progress.unsynced = 0;
        progress.syncing = true;
        Some(move || {
            if file.sync_data().is_err() {
                content.damaged.store(true, Ordering::Relaxed);
            }
            content.progress().syncing = false;
        })
    }

    /// Ends the part.
    ///
    /// # Errors
    /// [`PutError`]: `BadPart` where something of the part is missing; `Io`.
    pub fn finish(self) -> Result<(), PutError> {
        if self.next != self.content.end_of(self.part.start) {
            return Err(PutError::BadPart);
        }
        self.content.progress().come.insert(self.part.start);
        if let Ok(mut hashing) = self.content.hashing.try_lock() {
            self.content.add(&mut hashing, None)?;
        }
        Ok(())
    }
}

impl Drop for PartUpload {
    fn drop(&mut self) {
        let mut hashing = self.content.hashing();
        let mut progress = self.content.progress();
        if !progress.come.contains(&self.part.start) && hashing.before.0 == self.part.start {
            hashing.hashed = self.part.start;
            hashing.hash = hashing.before.1.clone();
        }
        progress.writing.remove(&self.part.start);
    }
}

/// What a piece that begins at a place has of a range, where that is all of it.
fn within<'a>(start: u64, piece: &'a [u8], range: &Range<u64>) -> Option<&'a [u8]> {
    let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
    let to = usize::try_from(range.end.checked_sub(start)?).ok()?;
    piece.get(from..to)
}

/// Hashes a stretch of a file.
fn add(hash: &mut Sha256, file: &mut File, range: &Range<u64>) -> io::Result<()> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut left = range.end.saturating_sub(range.start);
    let mut piece = vec![0; PIECE_BYTES];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        match file.read(&mut piece[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                hash.update(&piece[..read]);
                left = left.saturating_sub(u64::try_from(read).unwrap_or(left));
            }
        }
    }
    Ok(())
}
