//! The folder: `incoming/` for what is being written, `sha256/<first byte>/<64 hex digits>` for what is there.

use crate::chunks::Recipes;
use crate::error::{OpenError, PutError, ReadError};
use crate::index::Index;
use crate::parts::UnderWay;
use crate::upload::{Stored, Upload};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use units::Digest;

/// A folder of blobs. Clones share it. Methods that are not `async` block on the disk.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    folder: PathBuf,
    cap: Option<u64>,
    index: Mutex<Index>,
    /// Held while a blob gets or loses its name, so that index and folder agree.
    naming: Mutex<()>,
    uploads: AtomicU64,
    under_way: Mutex<UnderWay>,
    /// Held while a blob is cut: one at a time.
    pub(crate) recipes: Arc<tokio::sync::Mutex<Recipes>>,
    /// Keeps other processes out for as long as the store lives.
    _lock: File,
}

impl Store {
    /// How many handles to this store there are: its folder is free for another once there is none.
    #[must_use]
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.inner)
    }

    /// Opens the folder, making it where it is not there, and sweeps what a crash left half written. With a `cap` in bytes the
    /// store is a cache: what was used longest ago makes room.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(folder: impl Into<PathBuf>, cap: Option<u64>) -> Result<Self, OpenError> {
        let folder = folder.into();
        let failed = |source| OpenError::Io { folder: folder.clone(), source };
        make_private_folder(&folder).map_err(failed)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse { folder }),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        let incoming = folder.join("incoming");
        match fs::remove_dir_all(&incoming) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        fs::create_dir(&incoming).map_err(failed)?;
        fs::create_dir_all(folder.join("sha256")).map_err(failed)?;
        sync_folder(&folder).map_err(failed)?;
        let index = scan(&folder.join("sha256")).map_err(failed)?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                cap,
                index: Mutex::new(index),
                naming: Mutex::new(()),
                uploads: AtomicU64::new(0),
                under_way: Mutex::default(),
                recipes: Arc::default(),
                _lock: lock,
            }),
        })
    }

    /// Whether the blob is here.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.size(digest).is_some()
    }

    /// The blob's size in bytes, where it is here.
    #[must_use]
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        self.index().size(digest)
    }

    /// Bytes of all blobs together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.index().total()
    }

    /// Bytes that this process may still write where the blobs are. Only Unix says so; elsewhere there is no end to them.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn free(&self) -> io::Result<u64> {
        #[cfg(unix)]
        {
            let disk = rustix::fs::statvfs(&self.inner.folder)?;
            Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
        }
        #[cfg(not(unix))]
        Ok(u64::MAX)
    }

    /// All blobs, by name.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        self.index().digests()
    }

    /// At most so many blobs, the one used last first.
    #[must_use]
    pub fn recent(&self, most: usize) -> Vec<Digest> {
        self.index().recent(most)
    }

    /// Blobs of so many bytes, at most so many.
    #[must_use]
    pub fn of_size(&self, size: u64, most: usize) -> Vec<Digest> {
        self.index().of_size(size, most)
    }

    /// Blobs of half to twice so many bytes with their sizes, the nearest first, at most so many.
    #[must_use]
    pub fn about(&self, size: u64, most: usize) -> Vec<(u64, Digest)> {
        self.index().about(size, most)
    }

    /// Begins to take in content, piece by piece; at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`PutError::DiskFull`] or [`PutError::Io`].
    pub fn upload(&self, limit: u64) -> Result<Upload, PutError> {
        let limit = self.inner.cap.map_or(limit, |cap| cap.min(limit));
        Upload::begin(self.clone(), self.incoming(), limit)
    }

    /// A new place for content on its way in.
    pub(crate) fn incoming(&self) -> PathBuf {
        let number = self.inner.uploads.fetch_add(1, Ordering::Relaxed);
        self.inner.folder.join("incoming").join(number.to_string())
    }

    /// Contents that come in parts.
    pub(crate) fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.inner.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in bytes that are in memory.
    ///
    /// # Errors
    ///
    /// [`PutError`]: `TooLarge` only where the store's cap is smaller.
    pub fn put(&self, bytes: &[u8]) -> Result<Stored, PutError> {
        let digest = digest_of(bytes);
        if let Some(size) = self.index().touch(&digest) {
            return Ok(Stored { digest, size });
        }
        let mut upload = self.upload(u64::MAX)?;
        upload.push(bytes)?;
        upload.finish(Some(digest))
    }

    /// Takes in a file by copying it.
    ///
    /// # Errors
    ///
    /// [`PutError`]: `Mismatch` where `expected` is given and is not the file's digest.
    pub fn put_file(&self, path: &Path, expected: Option<Digest>) -> Result<Stored, PutError> {
        let mut file = File::open(path)?;
        let mut upload = self.upload(u64::MAX)?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return upload.finish(expected),
                read => upload.push(&buffer[..read])?,
            }
        }
    }

    /// The whole blob, at most `limit` bytes, checked against its name.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: `Range` where it is longer, `Damaged` where the disk lost it.
    pub fn bytes(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let size = self.index().touch(digest).ok_or(ReadError::Missing { digest: *digest })?;
        if size > limit {
            return Err(ReadError::Range { size });
        }
        let bytes = match fs::read(self.inner.path(digest)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.vanished(*digest)),
            Err(error) => return Err(error.into()),
        };
        if digest_of(&bytes) != *digest {
            self.remove(digest)?;
            return Err(ReadError::Damaged { digest: *digest });
        }
        Ok(bytes)
    }

    /// Keeps the blob from making room for others while the pin is held, and gives its place on disk.
    #[must_use]
    pub fn pin(&self, digest: &Digest) -> Option<Pin> {
        let size = self.index().pin(digest)?;
        Some(Pin { store: self.clone(), digest: *digest, size, path: self.inner.path(digest) })
    }

    /// Removes a blob; whether it was here. Whoever has it open can read on (not on Windows, where removing fails).
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn remove(&self, digest: &Digest) -> io::Result<bool> {
        let _naming = self.naming();
        if self.index().remove(digest).is_none() {
            return Ok(false);
        }
        fs::remove_file(self.inner.path(digest))?;
        Ok(true)
    }

    /// Gives a whole, synced file in `incoming/` its name, durably, and makes room where the store has a cap.
    pub(crate) fn name(&self, incoming: &Path, digest: Digest, size: u64) -> Result<(), PutError> {
        let _naming = self.naming();
        if self.index().touch(&digest).is_some() {
            fs::remove_file(incoming)?;
            return Ok(());
        }
        let path = self.inner.path(&digest);
        let shard = path.parent().expect("a blob lies in a folder of its first byte");
        match fs::create_dir(shard) {
            Ok(()) => sync_folder(&self.inner.folder.join("sha256"))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        fs::rename(incoming, &path)?;
        sync_folder(shard)?;
        let mut index = self.index();
        index.insert(digest, size);
        let surplus = self.inner.cap.map_or_else(Vec::new, |cap| index.surplus(cap, &digest));
        for old in surplus {
            index.remove(&old);
            fs::remove_file(self.inner.path(&old))?;
        }
        Ok(())
    }

    /// Somebody took a blob's file away beneath the store: it is not here any more, and can be taken in again.
    pub(crate) fn vanished(&self, digest: Digest) -> ReadError {
        self.index().remove(&digest);
        ReadError::Missing { digest }
    }

    /// Marks a blob as used; its size.
    pub(crate) fn touch(&self, digest: &Digest) -> Option<u64> {
        self.index().touch(digest)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.inner.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn naming(&self) -> MutexGuard<'_, ()> {
        self.inner.naming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        path_in(&self.folder, digest)
    }
}

/// Where a store in this folder has a blob, if it has it: for who reads beside the store, and checks what is there.
#[must_use]
pub fn path_in(folder: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    folder.join("sha256").join(&hex[..2]).join(&hex)
}

/// A blob that stays while this is held.
#[derive(Debug)]
pub struct Pin {
    store: Store,
    digest: Digest,
    size: u64,
    path: PathBuf,
}

impl Pin {
    /// The blob's name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The blob's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it lies. To be read only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.store.index().unpin(&self.digest);
    }
}

/// The SHA-256 of bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    Digest::from(hash)
}

/// Makes names in a folder durable. Only Unix lets a folder be synced; elsewhere the file system journals names by itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Inputs and results are their owners' business: nobody else on this machine may read them.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Finds what is in the folder; what was written last counts as used last.
fn scan(folder: &Path) -> io::Result<Index> {
    let mut found: Vec<(SystemTime, Digest, u64)> = Vec::new();
    for shard in fs::read_dir(folder)? {
        let shard = shard?;
        if !shard.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(shard.path())? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok()) else {
                continue;
            };
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                found.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), digest, metadata.len()));
            }
        }
    }
    found.sort_unstable();
    let mut index = Index::default();
    for (_, digest, size) in found {
        index.insert(digest, size);
    }
    Ok(index)
}

/// Writes all of a piece; a helper of [`Upload`] that keeps `io::Write` out of its signature.
pub(crate) fn write_all(file: &mut File, piece: &[u8]) -> io::Result<()> {
    file.write_all(piece)
}
