//! What an agent keeps on disk: files by digest, compiled programs, and the files of runs that go on.

use blobs::Store;
use sandbox::Sandbox;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use units::Digest;

/// How often a cache that is being left is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// And how many times at most.
const LOOKS: u32 = 5_000;

/// A cache folder and the sandbox that runs from it. Clones share it, and so may all agents of a process: then a file is
/// fetched and a program compiled once for all of them.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(crate) store: Store,
    pub(crate) sandbox: Sandbox,
    /// Who fetches what, so that nobody fetches it twice at a time.
    fetching: Arc<Mutex<BTreeMap<Digest, Weak<tokio::sync::Mutex<()>>>>>,
}

/// Why a cache could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder of files could not be opened, or another process has it.
    #[error(transparent)]
    Files(#[from] blobs::OpenError),
    /// The sandbox could not be opened.
    #[error(transparent)]
    Sandbox(#[from] sandbox::OpenError),
    /// What an earlier run left could not be removed.
    #[error("{} could not be emptied", folder.display())]
    Scratch {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Cache {
    /// Opens the cache in `folder`, which is made where it is not there and is this process's alone. Files take at most
    /// `cap_bytes`; what was used longest ago makes room.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn open(folder: &Path, cap_bytes: u64) -> Result<Self, CacheError> {
        let store = Store::open(folder.join("files"), Some(cap_bytes))?;
        let scratch = folder.join("scratch");
        match std::fs::remove_dir_all(&scratch) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(CacheError::Scratch { folder: scratch, source }),
        }
        let sandbox = Sandbox::open(&folder.join("programs"), &scratch)?;
        Ok(Self { store, sandbox, fetching: Arc::default() })
    }

    /// Waits until this is the only handle, so that nothing is being written into the folder any more: a file that was on
    /// its way when its agent ended is written to its end. Gives up after ten seconds.
    pub async fn settled(self) {
        let mut looks = tokio::time::interval(LOOK);
        for _ in 0..LOOKS {
            if self.store.holders() <= 1 {
                return;
            }
            looks.tick().await;
        }
    }

    /// Waits until nobody else fetches this.
    pub(crate) async fn alone(&self, digest: Digest) -> OwnedMutexGuard<()> {
        let mutex = {
            let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            fetching.retain(|_, mutex| mutex.strong_count() > 0);
            match fetching.get(&digest).and_then(Weak::upgrade) {
                Some(mutex) => mutex,
                None => {
                    let mutex = Arc::new(tokio::sync::Mutex::new(()));
                    fetching.insert(digest, Arc::downgrade(&mutex));
                    mutex
                }
            }
        };
        mutex.lock_owned().await
    }
}
