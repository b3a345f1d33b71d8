//! Container images on this machine: fetched, kept and run as its owner lets them be.
//!
//! Invariants: nothing is asked of a registry that the owner does not list; an image that a task is run from is not thrown
//! out meanwhile; an image is fetched and unpacked once at a time.

mod own;

pub use own::{OwnImage, OwnTask};

use crate::config::ContainerPolicy;
use crate::fetch::Fetcher;
use crate::kit::Obstacle;
use api::image::ImageAddress;
use api::limits::BLOB_BYTES;
use api::worker::DeclineReason;
use images::{Caps, Credentials, Error, Fault, Image, Owner, Prepared, Puller, Reference, Store};
use results::Unusable;
use sandbox::{ContainerRun, Containers, ContainersError, Control, FIRST_ID, Input, Limits, Runtime, RuntimeError};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::RwLock;
use units::Digest;

/// Whose the files of images are here.
const OWNER: Owner = Owner { user: FIRST_ID, group: FIRST_ID };

/// Processes and threads that a container may have at once.
const PROCESSES: u64 = 1_024;
/// Where a container's programs are looked for unless its image says otherwise.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A machine that runs containers. Clones share it, and so may all agents of a process.
#[derive(Clone, Debug)]
pub struct ContainerHost {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    containers: Containers,
    store: Store,
    puller: Puller,
    credentials: BTreeMap<String, Credentials>,
    cap_bytes: u64,
    /// Images that tasks are run from, with how many.
    used: Arc<Mutex<BTreeMap<Digest, u32>>>,
    /// Written while images are thrown out.
    shelf: RwLock<()>,
    /// Who fetches what, so that nobody fetches it twice at a time.
    fetching: Mutex<BTreeMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
}

/// Why this machine runs no containers.
#[derive(Debug, thiserror::Error)]
pub enum ContainerHostError {
    /// No runtime to use.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// It cannot limit them.
    #[error(transparent)]
    Containers(#[from] ContainersError),
    /// The folder of images cannot be used.
    #[error("the folder {} cannot be used for images", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// An image that a deal's tasks are run from; it stays here as long as this does.
#[derive(Debug)]
pub(crate) struct InUse {
    pub(crate) prepared: Prepared,
    used: Arc<Mutex<BTreeMap<Digest, u32>>>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = used.get_mut(&self.prepared.digest) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                used.remove(&self.prepared.digest);
            }
        }
    }
}

impl ContainerHost {
    /// Whether this machine could run containers: a runtime is there, and it can limit them.
    ///
    /// # Errors
    /// [`ContainerHostError`].
    pub fn check(policy: &ContainerPolicy) -> Result<(), ContainerHostError> {
        find(policy)?;
        Ok(Containers::check()?)
    }

    /// Readies this machine, keeping images and runs' files in `folder`, which is made and is this process's alone; all may
    /// pass through the folders above it. What an agent that was killed left is swept.
    ///
    /// # Errors
    /// [`ContainerHostError`]: then the agent offers no containers.
    pub fn open(folder: &Path, policy: ContainerPolicy) -> Result<Self, ContainerHostError> {
        let runtime = find(&policy)?;
        let refused = |source| ContainerHostError::Folder { folder: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(refused)?;
        let containers = Containers::open(runtime, &folder.join("runs"))?;
        let store = Store::open(folder.join("images"), Caps::default()).map_err(refused)?;
        for name in ["images", "images/trees"] {
            let passable = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder.join(name), passable).map_err(refused)?;
        }
        let shared = Shared {
            containers,
            store,
            puller: Puller::new(policy.registries),
            credentials: policy.credentials,
            cap_bytes: policy.cap_bytes,
            used: Arc::default(),
            shelf: RwLock::default(),
            fetching: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The runtime in use.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        self.shared.containers.runtime()
    }

    pub(crate) fn containers(&self) -> &Containers {
        &self.shared.containers
    }

    /// Gets an image ready to be run.
    ///
    /// # Errors
    /// Why its tasks are not run.
    pub(crate) async fn prepare(
        &self,
        address: &ImageAddress,
        digest: Digest,
        fetcher: &Fetcher,
    ) -> Result<InUse, Obstacle> {
        let mutex = self.mutex(digest);
        let _alone = mutex.lock_owned().await;
        if let Some(kept) = self.kept(digest).await? {
            return Ok(kept);
        }
        let image = self.fetch(address, digest, fetcher).await?;
        self.unpack(image).await.map_err(own_fault)
    }

    /// The image's files, unpacked.
    async fn unpack(&self, image: Image) -> Result<InUse, Error> {
        let (shared, digest) = (Arc::clone(&self.shared), image.digest);
        let unpacking = tokio::task::spawn_blocking(move || shared.store.unpack(&image, Some(OWNER)));
        unpacking.await.map_err(io::Error::other)??;
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the image that was just unpacked is gone");
        let kept = self.keep(digest).await?.ok_or_else(gone)?;
        self.shrink().await;
        Ok(kept)
    }

    /// The image of an archive, its bytes kept.
    async fn import(&self, archive: PathBuf) -> Result<Image, Error> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.store.import(&archive)).await.map_err(io::Error::other)?
    }

    /// The image, if it is unpacked here.
    async fn kept(&self, digest: Digest) -> Result<Option<InUse>, Obstacle> {
        self.keep(digest).await.map_err(obstacle)
    }

    async fn keep(&self, digest: Digest) -> Result<Option<InUse>, Error> {
        let _shelf = self.shared.shelf.read().await;
        let Some(prepared) = self.shared.store.prepared(digest, Some(OWNER))? else {
            return Ok(None);
        };
        let used = Arc::clone(&self.shared.used);
        *used.lock().unwrap_or_else(PoisonError::into_inner).entry(prepared.digest).or_default() += 1;
        Ok(Some(InUse { prepared, used }))
    }

    async fn fetch(&self, address: &ImageAddress, digest: Digest, fetcher: &Fetcher) -> Result<Image, Obstacle> {
        let name = match address {
            ImageAddress::Archive(archive) => {
                let pin = fetcher.get(*archive, BLOB_BYTES).await?;
                let image = self.import(pin.path().to_owned()).await.map_err(own_fault)?;
                // Of an archive for many platforms, ours is another image than the one that was sold.
                return if image.digest == digest { Ok(image) } else { Err(DeclineReason::Runtime.into()) };
            }
            ImageAddress::Registry(name) => name,
        };
        let reference: Reference = name.parse().map_err(|fault: Fault| obstacle(fault.into()))?;
        let reference = reference.pinned(digest);
        let credentials = self.shared.credentials.get(reference.registry()).cloned().unwrap_or_default();
        tracing::info!(%reference, "fetching an image");
        let mut before = 0;
        let progress = |come: u64, _| fetcher.moved().add(come.saturating_sub(std::mem::replace(&mut before, come)));
        let pulled = self.shared.puller.pull(&reference, &credentials, &self.shared.store, progress).await;
        pulled.map_err(obstacle)
    }

    /// Throws out what was used longest ago, until the rest is within the owner's cap.
    async fn shrink(&self) {
        let _shelf = self.shared.shelf.write().await;
        let used: Vec<Digest> =
            self.shared.used.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let shared = Arc::clone(&self.shared);
        let shrinking = tokio::task::spawn_blocking(move || shared.store.shrink(shared.cap_bytes, &used));
        if let Ok(Err(error)) = shrinking.await {
            tracing::warn!(%error, "images that nobody uses could not be thrown out");
        }
    }

    fn mutex(&self, digest: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.shared.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.retain(|_, mutex| mutex.strong_count() > 0);
        if let Some(mutex) = fetching.get(&digest).and_then(Weak::upgrade) {
            return mutex;
        }
        let mutex = Arc::default();
        fetching.insert(digest, Arc::downgrade(&mutex));
        mutex
    }
}

/// The sandbox's words for a run of an image: arguments stand in for the image's command, after its entry point; its own variables
/// come before the task contract's.
pub(crate) fn described(
    image: &Prepared,
    args: &[String],
    contract: Vec<(String, String)>,
    inputs: Vec<Input>,
    limits: Limits,
    control: Control,
) -> ContainerRun {
    let config = &image.config;
    let args = if args.is_empty() { &config.command } else { args };
    let own = config.environment.iter().filter_map(|entry| entry.split_once('='));
    let mut env: BTreeMap<String, String> = [("HOME", "/tmp"), ("PATH", DEFAULT_PATH)]
        .into_iter()
        .chain(own)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    env.extend(contract);
    ContainerRun {
        root: image.tree.clone(),
        command: config.entrypoint.iter().chain(args).cloned().collect(),
        env: env.into_iter().collect(),
        folder: config.folder.clone(),
        inputs,
        limits,
        processes: PROCESSES,
        milli_cores: 1_000,
        stdout_counts: false,
        callback: false,
        control,
    }
}

fn find(policy: &ContainerPolicy) -> Result<Runtime, RuntimeError> {
    match policy.runtime {
        Some(kind) => Runtime::find_kind(kind, &policy.search),
        None => Runtime::find(&policy.search),
    }
}

/// What the trouble of an image whose every byte is what was sold means: it is the image that lies, on whatever machine.
fn own_fault(error: Error) -> Obstacle {
    if let Error::Refused(fault @ (Fault::Digest { .. } | Fault::Size { .. } | Fault::Missing(_))) = &error {
        let words = fault.to_string();
        tracing::warn!(error = words, "an image is not what it says");
        return Obstacle::Everywhere(Unusable::App, words);
    }
    obstacle(error)
}

/// What an image's trouble means for its tasks: what every machine would meet is their result.
fn obstacle(error: Error) -> Obstacle {
    let words = error.to_string();
    tracing::warn!(error = words, "an image is not to be had");
    match error {
        Error::Refused(Fault::Digest { .. } | Fault::Size { .. } | Fault::Missing(_)) | Error::Unreachable { .. } => {
            DeclineReason::Fetch.into()
        }
        Error::Refused(Fault::Unsupported(_)) | Error::NotAllowed { .. } => DeclineReason::Runtime.into(),
        Error::Refused(
            Fault::Reference { .. } | Fault::TooMuch { .. } | Fault::Malformed { .. } | Fault::Escape { .. },
        )
        | Error::NotThere { .. } => Obstacle::Everywhere(Unusable::App, words),
        Error::Here(_) => DeclineReason::Disk.into(),
    }
}
