//! Content that comes in parts, in any order and several at a time: one connection alone does not fill a long line.
//!
//! Invariants: each byte is written once, for a part that is here or on its way is not taken again, and parts do not overlap,
//! being of one size; so what was hashed is what lies there when the content gets its name.

use crate::error::PutError;
use crate::store::{Store, write_all};
use crate::upload::Stored;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use units::{Address, Digest};

/// How many contents come in parts at once; beyond that, the one of which nothing has come for longest is given up.
const UNDER_WAY: usize = 256;
/// A content of which nothing comes for so long is given up.
const PATIENCE: Duration = Duration::from_hours(1);
/// What is read at once to be hashed.
const PIECE_BYTES: usize = 1 << 18;

/// Which part of which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Who sends it: nobody spoils another's upload.
    pub from: Address,
    /// What the content is to be.
    pub digest: Digest,
    /// Bytes of the whole content.
    pub total: u64,
    /// Bytes of each part but the last.
    pub size: u64,
    /// Where the part begins: a multiple of `size`.
    pub start: u64,
}

/// Contents that are under way.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(BTreeMap<(Address, Digest), (Instant, Arc<Content>)>);

/// A content of which parts have come.
#[derive(Debug)]
struct Content {
    path: PathBuf,
    total: u64,
    size: u64,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    writing: BTreeSet<u64>,
    come: BTreeSet<u64>,
    /// Everything before this is in the hash.
    hashed: u64,
    hash: Sha256,
}

/// A part that is being taken in; dropped before [`finish`](Self::finish), it can be sent again.
#[derive(Debug)]
pub struct PartUpload {
    store: Store,
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
            if progress.come.contains(&part.start) || !progress.writing.insert(part.start) {
                return Ok(None);
            }
        }
        // From here on dropping it lets the part be sent again.
        let file = File::options().write(true).open(&content.path);
        let file = file.inspect_err(|_| {
            content.progress().writing.remove(&part.start);
        })?;
        let mut upload = PartUpload { store: self.clone(), part, content, file, next: part.start };
        upload.file.seek(SeekFrom::Start(part.start))?;
        Ok(Some(upload))
    }

    /// The content that a part is of, begun if need be.
    fn content(&self, part: Part) -> Result<Arc<Content>, PutError> {
        let mut under_way = self.under_way();
        let now = Instant::now();
        under_way.0.retain(|_, (touched, _)| now.duration_since(*touched) < PATIENCE);
        if let Some((touched, content)) = under_way.0.get_mut(&(part.from, part.digest)) {
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
        let content = Content { path, total: part.total, size: part.size, progress: Mutex::default() };
        let content = Arc::new(content);
        under_way.0.insert((part.from, part.digest), (now, Arc::clone(&content)));
        Ok(content)
    }
}

impl Content {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of(&self, start: u64) -> u64 {
        start.saturating_add(self.size).min(self.total)
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
        let next = self.next.checked_add(length).filter(|next| *next <= self.content.end_of(self.part.start));
        self.next = next.ok_or(PutError::BadPart)?;
        write_all(&mut self.file, piece)?;
        Ok(())
    }

    /// Ends the part. With the last of all parts the content is durable and has its name when this returns, and is given back.
    ///
    /// # Errors
    /// [`PutError`]: `BadPart` where something of the part is missing; `Mismatch` where the whole content is not what it was to
    /// be: then nothing of it is kept.
    pub fn finish(self) -> Result<Option<Stored>, PutError> {
        if self.next != self.content.end_of(self.part.start) {
            return Err(PutError::BadPart);
        }
        let mut progress = self.content.progress();
        progress.come.insert(self.part.start);
        let mut file = File::open(&self.content.path)?;
        while progress.come.contains(&progress.hashed) {
            let (start, end) = (progress.hashed, self.content.end_of(progress.hashed));
            add(&mut progress.hash, &mut file, start, end)?;
            progress.hashed = end;
        }
        if progress.hashed < self.content.total {
            return Ok(None);
        }
        let found = Digest::from(<[u8; 32]>::from(progress.hash.finalize_reset()));
        self.store.under_way().0.remove(&(self.part.from, self.part.digest));
        if found != self.part.digest {
            return Err(PutError::Mismatch { expected: self.part.digest, found });
        }
        self.file.sync_all()?;
        self.store.name(&self.content.path, found, self.content.total)?;
        Ok(Some(Stored { digest: found, size: self.content.total }))
    }
}

impl Drop for PartUpload {
    fn drop(&mut self) {
        self.content.progress().writing.remove(&self.part.start);
    }
}

/// Hashes a stretch of a file.
fn add(hash: &mut Sha256, file: &mut File, start: u64, end: u64) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    let mut left = file.take(end.saturating_sub(start));
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match left.read(&mut piece)? {
            0 => return Ok(()),
            read => hash.update(&piece[..read]),
        }
    }
}
