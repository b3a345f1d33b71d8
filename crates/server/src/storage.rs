//! What accounts have stored here, and how much more they may.
//!
//! Whoever sends a blob is counted with it until it forgets it; who sends what another has sent is counted too, so that what is
//! left to an account says nothing of others' files. What is on its way counts from its first byte with all that it is said to
//! become, whatever of it has come. A task's result is its requester's, not its worker's: the worker is not counted with it once it
//! was taken. The operator's own are not limited; it is their disk. Invariant: what an account has here and on its way is never
//! more than it may have, and nobody's upload takes the last bytes that the journal needs.

use crate::problem::{Answer, Problem};
use axum::http::StatusCode;
use blobs::Store;
use journal::JournalError;
use journal::history::History;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use units::{Address, Digest};

/// A file counts as so many bytes at least: names cost too.
const LEAST: u64 = 4 << 10;

/// How much may be stored with an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageLimits {
    /// Bytes of one account's files; a file counts as 4 KiB at least.
    pub per_account: u64,
    /// Bytes that are to stay free where the data folder is: nothing more is taken in where fewer would be left.
    pub keep_free: u64,
}

impl Default for StorageLimits {
    fn default() -> Self {
        Self { per_account: 64 << 30, keep_free: 1 << 30 }
    }
}

impl StorageLimits {
    /// One's own machine: no limit but the disk's.
    #[must_use]
    pub fn own() -> Self {
        Self { per_account: u64::MAX, ..Self::default() }
    }
}

/// Who has stored what. It has no hold on the blobs themselves: a server that stops waits for those who have.
#[derive(Debug)]
pub(crate) struct Storage {
    limits: StorageLimits,
    operator: Address,
    accounts: Mutex<BTreeMap<Address, Account>>,
}

#[derive(Debug, Default)]
struct Account {
    files: BTreeMap<Digest, u64>,
    /// Of all files together.
    bytes: u64,
    /// Uploads in parts that are not ended.
    uploads: BTreeMap<u128, Coming>,
    /// Blobs that come whole, and those of uploads that are about to end: their bytes, and how often each comes.
    arriving: u64,
    named: BTreeMap<Digest, usize>,
}

/// An upload in parts.
#[derive(Debug, Default)]
struct Coming {
    total: u64,
    /// Requests that bring a part of it just now.
    parts: usize,
}

/// What is on its way; dropped, it no longer counts as that.
#[derive(Debug)]
pub(crate) struct OnItsWay {
    storage: Arc<Storage>,
    who: Address,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Part(u128),
    Whole(Digest, u64),
}

impl Storage {
    /// What the history knows of who stored what.
    pub(crate) fn open(
        folder: &Path,
        blobs: &Store,
        limits: StorageLimits,
        operator: Address,
    ) -> Result<Self, JournalError> {
        let mut accounts: BTreeMap<Address, Account> = BTreeMap::new();
        for (digest, who) in History::open(folder)?.uploads()? {
            if let Some(size) = blobs.size(&digest) {
                accounts.entry(who).or_default().add(digest, size);
            }
        }
        Ok(Self { limits, operator, accounts: Mutex::new(accounts) })
    }

    /// How many bytes an account may store; none: as many as there is room for.
    pub(crate) fn allowed(&self, who: Address) -> Option<u64> {
        Some(self.limits.per_account).filter(|most| who != self.operator && *most < u64::MAX)
    }

    /// An account's files by size, the largest first, and their bytes together.
    pub(crate) fn files(&self, who: Address) -> (Vec<(u64, Digest)>, u64) {
        let accounts = self.accounts();
        let Some(account) = accounts.get(&who) else { return (Vec::new(), 0) };
        let mut files: Vec<_> = account.files.iter().map(|(digest, size)| (*size, *digest)).collect();
        files.sort_unstable_by(|a, b| b.cmp(a));
        (files, account.bytes)
    }

    /// Room for a part of an upload of `total` bytes; counts until the upload is ended, or given up.
    pub(crate) fn part(self: &Arc<Self>, blobs: &Store, who: Address, upload: u128, total: u64) -> Answer<OnItsWay> {
        let mut accounts = self.accounts();
        let account = accounts.entry(who).or_default();
        account.uploads.retain(|name, coming| coming.parts > 0 || blobs.is_coming(who, *name));
        let total = total.max(LEAST);
        if !account.uploads.contains_key(&upload) {
            self.room(blobs, who, account, total)?;
        }
        let coming = account.uploads.entry(upload).or_default();
        coming.parts += 1;
        coming.total = coming.total.max(total);
        Ok(OnItsWay { storage: Arc::clone(self), who, what: What::Part(upload) })
    }

    /// Room for a blob that comes whole, of at most so many bytes.
    pub(crate) fn whole(self: &Arc<Self>, blobs: &Store, who: Address, digest: Digest, bytes: u64) -> Answer<OnItsWay> {
        let mut accounts = self.accounts();
        let account = accounts.entry(who).or_default();
        account.uploads.retain(|name, coming| coming.parts > 0 || blobs.is_coming(who, *name));
        // What it has already costs nothing more.
        let bytes = if account.files.contains_key(&digest) { 0 } else { bytes.max(LEAST) };
        self.room(blobs, who, account, bytes)?;
        account.arriving = account.arriving.saturating_add(bytes);
        *account.named.entry(digest).or_default() += 1;
        Ok(OnItsWay { storage: Arc::clone(self), who, what: What::Whole(digest, bytes) })
    }

    /// An upload in parts is about to be ended as this blob: nobody removes it meanwhile.
    pub(crate) fn ending(self: &Arc<Self>, who: Address, digest: Digest) -> OnItsWay {
        *self.accounts().entry(who).or_default().named.entry(digest).or_default() += 1;
        OnItsWay { storage: Arc::clone(self), who, what: What::Whole(digest, 0) }
    }

    /// An account has stored a blob, by an upload in parts or whole.
    pub(crate) fn stored(&self, who: Address, upload: Option<u128>, digest: Digest, size: u64) {
        let mut accounts = self.accounts();
        let account = accounts.entry(who).or_default();
        if let Some(upload) = upload {
            account.uploads.remove(&upload);
        }
        account.add(digest, size);
    }

    /// A blob is no longer an account's; whether it was.
    pub(crate) fn forget(&self, who: Address, digest: Digest) -> bool {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&who) else { return false };
        let Some(size) = account.files.remove(&digest) else { return false };
        account.bytes = account.bytes.saturating_sub(size.max(LEAST));
        account.is_empty().then(|| accounts.remove(&who));
        true
    }

    /// Removes a blob that nobody has any more, nor is about to have. Blocks on the disk.
    pub(crate) fn remove(&self, blobs: &Store, digest: Digest) -> io::Result<()> {
        // Held until it is gone: who sends it meanwhile would be told that it is here.
        let accounts = self.accounts();
        let has = |account: &Account| account.files.contains_key(&digest) || account.named.contains_key(&digest);
        if !accounts.values().any(has) {
            blobs.remove(&digest)?;
        }
        Ok(())
    }

    /// Whether so many bytes more are within what the account may store, and on the disk.
    fn room(&self, blobs: &Store, who: Address, account: &Account, more: u64) -> Answer<()> {
        let on_its_way =
            account.uploads.values().fold(account.arriving, |sum, coming| sum.saturating_add(coming.total));
        if let Some(most) = self.allowed(who)
            && account.bytes.saturating_add(on_its_way).saturating_add(more) > most
            && more > 0
        {
            return Err(full(who, account.bytes, on_its_way, more, most));
        }
        let free = blobs.free().unwrap_or(u64::MAX);
        if free.saturating_sub(more) < self.limits.keep_free && more > 0 {
            let words = "the exchange's disk is nearly full and takes no more files; its operator makes room";
            return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", words));
        }
        Ok(())
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<Address, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.uploads.is_empty() && self.named.is_empty()
    }

    fn add(&mut self, digest: Digest, size: u64) {
        if self.files.insert(digest, size).is_none() {
            self.bytes = self.bytes.saturating_add(size.max(LEAST));
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let mut accounts = self.storage.accounts();
        let Some(account) = accounts.get_mut(&self.who) else { return };
        match self.what {
            What::Part(upload) => {
                // What has ended meanwhile is no longer there.
                if let Some(coming) = account.uploads.get_mut(&upload) {
                    coming.parts = coming.parts.saturating_sub(1);
                }
            }
            What::Whole(digest, bytes) => {
                account.arriving = account.arriving.saturating_sub(bytes);
                if let Entry::Occupied(mut times) = account.named.entry(digest) {
                    *times.get_mut() -= 1;
                    if *times.get() == 0 {
                        times.remove();
                    }
                }
            }
        }
        account.is_empty().then(|| accounts.remove(&self.who));
    }
}

fn full(who: Address, stored: u64, on_its_way: u64, more: u64, most: u64) -> Problem {
    let coming = if on_its_way == 0 { String::new() } else { format!(" and {} on their way", size(on_its_way)) };
    let words = format!(
        "{who} stores {}{coming} here and may store {}: there is no room for {} more; `hands files list` shows them, \
         `hands files forget --unused` makes room",
        size(stored),
        size(most),
        size(more),
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "storage_full", words)
}

/// Bytes in words.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, (bytes >> 20) % 1024 * 10 / 1024),
    }
}
