//! The data folder: key, jobs, receipts, the embedded exchange. `--home` and MANYHANDS_HOME say where it is.
//!
//! ```text
//! key | keystore.json     the wallet's key (0600), or the same encrypted
//! exchange/               the embedded exchange, also that of `hands up`
//! exchanges.json          exchanges met: join tokens, and what their owner was told
//! jobs/<id>/              what a job is called and where its results go (job.json), what was placed (placed.jsonl)
//! orders/<hash>.json      orders signed here, which closing them needs
//! receipts/<hub>.jsonl    the operators' receipts
//! apps/<name>/            apps published from here: manifest, programs, their addresses (published.json)
//! images.json             images that were given a name (`hands app use`)
//! errands/<id>/           what became of a command to an app (errand.json), and the app as it was then
//! compiled/               apps' own programs, compiled
//! workers/<n>/            keys and caches of this machine's workers at other exchanges
//! ```

use crate::files::{read_json, write_json};
use anyhow::Context as _;
use etcetera::BaseStrategy as _;
use orders::SigningKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use units::{Address, OrderHash};

/// The data folder.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

/// An exchange that was met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// What lets into it, if it is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) join_token: Option<String>,
    /// Whether the person was told, and agreed, that strangers see what is sent there.
    #[serde(default)]
    pub(crate) agreed: bool,
}

/// A lock on a folder; let go when dropped or when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Home {
    /// The folder that was named, else the system's place for an application's data.
    pub(crate) fn new(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let root = match named {
            Some(root) => root,
            None => etcetera::choose_base_strategy()
                .context("this system names no folder for applications' data; name one with --home")?
                .data_dir()
                .join("manyhands"),
        };
        Ok(Self { root: std::path::absolute(&root).unwrap_or(root) })
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.root.join("key")
    }

    pub(crate) fn keystore_file(&self) -> PathBuf {
        self.root.join("keystore.json")
    }

    /// The embedded exchange's data folder.
    pub(crate) fn exchange_folder(&self) -> PathBuf {
        self.root.join("exchange")
    }

    pub(crate) fn jobs_folder(&self) -> PathBuf {
        self.root.join("jobs")
    }

    pub(crate) fn job_folder(&self, job: OrderHash) -> PathBuf {
        self.jobs_folder().join(job.to_string())
    }

    pub(crate) fn order_file(&self, order: OrderHash) -> PathBuf {
        self.root.join("orders").join(format!("{order}.json"))
    }

    /// Receipts of the exchange with this hub.
    pub(crate) fn receipts_file(&self, hub: Address) -> PathBuf {
        self.root.join("receipts").join(format!("{hub}.jsonl"))
    }

    /// Apps published from here.
    pub(crate) fn apps_folder(&self) -> PathBuf {
        self.root.join("apps")
    }

    /// Images that were given a name.
    pub(crate) fn images_file(&self) -> PathBuf {
        self.root.join("images.json")
    }

    /// What is known of a command to an app.
    pub(crate) fn errand_folder(&self, id: &str) -> PathBuf {
        self.root.join("errands").join(id)
    }

    /// Where apps' own programs lie compiled.
    pub(crate) fn compiled_folder(&self) -> PathBuf {
        self.root.join("compiled")
    }

    pub(crate) fn workers_folder(&self) -> PathBuf {
        self.root.join("workers")
    }

    /// Where the data folders in use by running exchanges are written down.
    pub(crate) fn running_file(&self) -> PathBuf {
        self.root.join("running.json")
    }

    /// What is known of the exchange at this URL.
    pub(crate) fn known(&self, url: &str) -> anyhow::Result<Known> {
        let mut all: BTreeMap<String, Known> = read_json(&self.known_file())?.unwrap_or_default();
        Ok(all.remove(url.trim_end_matches('/')).unwrap_or_default())
    }

    /// Remembers something of the exchange at this URL.
    pub(crate) fn remember(&self, url: &str, change: impl FnOnce(&mut Known)) -> anyhow::Result<()> {
        let mut all: BTreeMap<String, Known> = read_json(&self.known_file())?.unwrap_or_default();
        let known = all.entry(url.trim_end_matches('/').to_owned()).or_default();
        let before = known.clone();
        change(known);
        if *known == before { Ok(()) } else { write_json(&self.known_file(), &all) }
    }

    fn known_file(&self) -> PathBuf {
        self.root.join("exchanges.json")
    }
}

/// The key of the first worker in a folder that no other command holds; made on first use.
pub(crate) fn worker_key(folder: &Path) -> anyhow::Result<(SigningKey, Lock)> {
    for number in 0_u32.. {
        let own = folder.join(number.to_string());
        if let Some(lock) = Lock::take(&own)? {
            return Ok((crate::wallet::plain_key(&own.join("key"))?, lock));
        }
    }
    unreachable!("some worker's folder is free")
}

impl Lock {
    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Locks a folder, making it where it is missing; none where another process has it.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Option<Self>> {
        let open = || {
            std::fs::create_dir_all(folder)?;
            File::options().create(true).truncate(false).write(true).open(folder.join("in-use"))
        };
        let file = open().with_context(|| format!("cannot use {}", folder.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { folder: folder.to_owned(), _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", folder.display())),
        }
    }
}
