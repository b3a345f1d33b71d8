//! Appending: a group of accepted entries becomes one durable record.

use crate::database::{Database, FILE, Lock};
use crate::error::JournalError;
use crate::format::{encode_entry, encode_genesis, sealed_until};
use crate::record::{Frame, Item, Opening, Place, Record, RecordBytes, head_of, salt_of, seal};
use crate::snapshot;
use exchange::{Command, Entry, Exchange, Genesis};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use units::{B256, Timestamp};

/// A state digest is due after this many entries.
const STATE_INTERVAL: usize = 10_000;

/// The journal of a running exchange, open to be appended to. No other process can open it for that.
#[derive(Debug)]
pub struct Journal {
    pub(crate) folder: PathBuf,
    pub(crate) database: Database,
    pub(crate) genesis: Genesis,
    pub(crate) last: Record,
    /// Entries set aside that no record tells of yet.
    pub(crate) unnoted: Vec<Place>,
    /// Commands that made the rules panic before they were recorded, and what was said.
    pub(crate) suspects: BTreeMap<B256, String>,
    entries_since_state: usize,
    _lock: Lock,
}

/// Whether a data folder has a journal.
#[must_use]
pub fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

impl Journal {
    /// Founds an exchange in a folder, which is made if need be: record 0 with the genesis is durable when this returns.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if the folder has a journal; [`JournalError::Locked`], [`JournalError::Full`] and the like.
    pub fn create(folder: &Path, genesis: &Genesis) -> Result<Self, JournalError> {
        fs::create_dir_all(folder).map_err(|error| JournalError::io(folder, error))?;
        let lock = Lock::take(folder)?;
        let path = folder.join(FILE);
        let mut database = Database::writable(&path, true)?;
        // A process that died while founding has left an empty journal, which is founded now.
        if database.last()?.is_some() {
            return Err(JournalError::Exists { path });
        }
        let frame = Frame {
            sequence: 0,
            previous: B256::ZERO,
            rules: u64::from(genesis.rules_version),
            items: vec![Item::Open(encode_genesis(genesis))],
            state: None,
            set_aside: Vec::new(),
        };
        let bytes = frame.encode();
        let last = Record { sequence: 0, head: head_of(&bytes) };
        database.append(&RecordBytes { sequence: 0, head: last.head, bytes, openings: Vec::new() }, &[])?;
        Ok(Self::assemble(folder, database, lock, genesis.clone(), last))
    }

    pub(crate) fn assemble(folder: &Path, database: Database, lock: Lock, genesis: Genesis, last: Record) -> Self {
        Self {
            folder: folder.to_path_buf(),
            database,
            genesis,
            last,
            unnoted: Vec::new(),
            suspects: BTreeMap::new(),
            entries_since_state: STATE_INTERVAL,
            _lock: lock,
        }
    }

    /// What the exchange started from.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The last durable record.
    #[must_use]
    pub fn last(&self) -> Record {
        self.last
    }

    /// Whether the next append should be given the state's digest: it is taken at intervals, because it costs.
    #[must_use]
    pub fn state_due(&self) -> bool {
        self.entries_since_state >= STATE_INTERVAL
    }

    /// Appends entries that the exchange has accepted, in their order, as one record, and returns once it is durable.
    /// `state` is the digest of the exchange's state after exactly these entries, where it was taken. Without entries
    /// nothing is written and the last record is returned.
    ///
    /// # Errors
    /// [`JournalError::Full`] and the like. Nothing is written then, not even in part; the process should stop, because
    /// its state is ahead of the journal.
    pub fn append(&mut self, entries: &[Entry], state: Option<B256>) -> Result<Record, JournalError> {
        if entries.is_empty() && self.unnoted.is_empty() {
            return Ok(self.last);
        }
        let record = self.compose(entries, state);
        self.database.append(&record, &self.unnoted)?;
        self.unnoted.clear();
        self.last = Record { sequence: record.sequence, head: record.head };
        let since = if state.is_some() { 0 } else { self.entries_since_state };
        self.entries_since_state = since.saturating_add(entries.len());
        Ok(self.last)
    }

    /// The next record.
    fn compose(&self, entries: &[Entry], state: Option<B256>) -> RecordBytes {
        let mut secret = None;
        let mut items = Vec::with_capacity(entries.len());
        let mut openings = Vec::new();
        for (entry, index) in entries.iter().zip(0_u32..) {
            let bytes = encode_entry(entry);
            if sealed_until(&entry.command, &self.genesis).is_empty() {
                items.push(Item::Open(bytes));
                continue;
            }
            let salt = salt_of(secret.get_or_insert_with(new_secret), index);
            items.push(Item::Sealed(seal(&salt, &bytes)));
            openings.push(Opening { entry: index, salt, bytes });
        }
        let frame = Frame {
            sequence: self.last.sequence + 1,
            previous: self.last.head,
            rules: u64::from(exchange::RULES_VERSION),
            items,
            state,
            set_aside: self.unnoted.clone(),
        };
        let bytes = frame.encode();
        RecordBytes { sequence: frame.sequence, head: head_of(&bytes), bytes, openings }
    }

    /// Saves the whole state as it is after the last record, so that the next start replays only what comes later. It
    /// replaces the snapshot before; a crash on the way leaves that one.
    ///
    /// # Errors
    /// [`JournalError::Full`] and the like; the journal itself is not touched.
    pub fn save_snapshot(&self, exchange: &Exchange) -> Result<(), JournalError> {
        snapshot::save(&self.folder, exchange, self.last)
    }

    /// Notes, durably, that a command made the rules panic before it was recorded, so that after the next start
    /// [`Journal::suspicion`] tells of it. To be called by whoever caught the panic, before the process stops.
    ///
    /// # Errors
    /// [`JournalError::Full`] and the like.
    pub fn suspect(&mut self, entry: &Entry, reason: &str) -> Result<(), JournalError> {
        let fingerprint = fingerprint(&entry.command);
        self.database.add_suspect(fingerprint, &encode_entry(entry), reason)?;
        self.suspects.insert(fingerprint, reason.to_owned());
        Ok(())
    }

    /// Why a command must not be applied: it made the rules panic before. Costs nothing while no command did.
    #[must_use]
    pub fn suspicion(&self, command: &Command) -> Option<&str> {
        if self.suspects.is_empty() {
            return None;
        }
        self.suspects.get(&fingerprint(command)).map(String::as_str)
    }

    /// Lets the file grow by this many pages of 4 KiB at most: how tests meet a full disk.
    ///
    /// # Errors
    /// As every use of the database.
    #[doc(hidden)]
    pub fn limit_growth(&mut self, pages: u64) -> Result<(), JournalError> {
        self.database.limit_pages(self.database.pages()? + pages)
    }
}

/// A record's secret, of which its salts are made; 32 bytes of the system's randomness.
fn new_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).expect("the system has randomness");
    secret
}

/// What a command goes by whenever it comes.
fn fingerprint(command: &Command) -> B256 {
    let entry = Entry { at: Timestamp(0), command: command.clone() };
    B256::from(<[u8; 32]>::from(Sha256::digest(encode_entry(&entry))))
}
