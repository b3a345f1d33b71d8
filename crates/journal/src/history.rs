//! The history: what has happened, arranged to be looked up. Lists, finished jobs, results, receipts of transactions.
//!
//! It is a read model and no evidence: everything in it but texts (titles, programs' last words) and who sent which blob
//! can be made again from the journal. So it is written after the journal's commit, without waiting for the disk, and knows up to which record
//! it goes ([`HistoryWriter::through`]); what a crash took from it is observed again at the next start. Writing a change
//! twice changes nothing.

mod conduct;
mod merge;
mod query;
mod rows;
mod uploads;
mod write;

use crate::error::JournalError;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use conduct::{PartOutcome, PartRow, RatingRow, RatingSummary, StandingRow, WorkerRow};
pub use query::{DealFilter, OrderFilter, Page};
pub use rows::{
    Change, DealRow, JobRow, LogRow, NewJob, OrderKind, OrderRow, OrderStatus, Outcome, Party, ResultRow, ResultState,
    TransactionRow,
};

/// The history in a data folder.
const FILE: &str = "history.db";
/// Version of its tables; another version's history is made anew.
const VERSION: u32 = 3;
/// How long one connection waits for another.
const BUSY: Duration = Duration::from_secs(5);
/// Prepared statements kept: all that a writer has.
const STATEMENTS: usize = 64;
/// What the writer keeps of the tables in memory, in KiB: results come by task, whose ids are anywhere.
const CACHE_KIB: i64 = 32 << 10;
/// Pages in the write-ahead log before they are copied into the tables: what is written often meanwhile is copied once.
const WAL_PAGES: u32 = 4_000;

const SCHEMA: &str = "
    CREATE TABLE through (record INTEGER NOT NULL) STRICT;
    INSERT INTO through VALUES (0);
    CREATE TABLE jobs (
        id BLOB PRIMARY KEY, title TEXT NOT NULL, requester BLOB NOT NULL, app BLOB NOT NULL,
        trust INTEGER NOT NULL, category INTEGER NOT NULL, tasks INTEGER NOT NULL, created INTEGER NOT NULL,
        matched INTEGER NOT NULL, finished INTEGER NOT NULL, failed INTEGER NOT NULL, claimed INTEGER NOT NULL,
        spent TEXT NOT NULL, closed INTEGER NOT NULL, ended INTEGER, provisional INTEGER NOT NULL, halted INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX jobs_by_requester ON jobs (requester, created);
    CREATE INDEX jobs_by_time ON jobs (created);
    CREATE TABLE titles (job BLOB PRIMARY KEY, title TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE results (
        job BLOB NOT NULL, ordinal INTEGER NOT NULL, task BLOB NOT NULL, task_index INTEGER NOT NULL, deal BLOB NOT NULL,
        outcome INTEGER NOT NULL, reason TEXT NOT NULL, digest BLOB NOT NULL, blob BLOB, stderr TEXT NOT NULL,
        stdout TEXT NOT NULL, cost TEXT NOT NULL, agreed INTEGER NOT NULL, dissented INTEGER NOT NULL,
        ended INTEGER NOT NULL, parties BLOB NOT NULL, state INTEGER NOT NULL, ran_ms INTEGER,
        PRIMARY KEY (job, ordinal)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX results_by_task ON results (task);
    CREATE INDEX results_by_blob ON results (blob);
    CREATE TABLE uploads (blob BLOB NOT NULL, uploader BLOB NOT NULL, PRIMARY KEY (blob, uploader)) STRICT, WITHOUT ROWID;
    CREATE TABLE transactions (
        hash BLOB PRIMARY KEY, record INTEGER NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
        sender BLOB NOT NULL, target BLOB NOT NULL, nonce INTEGER NOT NULL, kind INTEGER NOT NULL,
        succeeded INTEGER NOT NULL, revert BLOB NOT NULL, created BLOB, logs BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE orders (
        hash BLOB PRIMARY KEY, kind INTEGER NOT NULL, signer BLOB NOT NULL, subject BLOB NOT NULL, body TEXT NOT NULL,
        remaining TEXT NOT NULL, status INTEGER NOT NULL, published INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX orders_by_status ON orders (kind, status, published);
    CREATE INDEX orders_by_signer ON orders (signer, kind, published);
    CREATE TABLE deals (
        id BLOB PRIMARY KEY, ordinal INTEGER NOT NULL, at INTEGER NOT NULL, record INTEGER NOT NULL, transaction_hash BLOB NOT NULL,
        app BLOB NOT NULL, app_owner BLOB NOT NULL, app_price TEXT NOT NULL,
        dataset BLOB NOT NULL, dataset_owner BLOB NOT NULL, dataset_price TEXT NOT NULL,
        workerpool BLOB NOT NULL, workerpool_owner BLOB NOT NULL, workerpool_price TEXT NOT NULL,
        app_order BLOB NOT NULL, dataset_order BLOB NOT NULL, workerpool_order BLOB NOT NULL, request_order BLOB NOT NULL,
        requester BLOB NOT NULL, beneficiary BLOB NOT NULL, callback BLOB NOT NULL, sponsor BLOB NOT NULL,
        params TEXT NOT NULL, volume TEXT NOT NULL, category INTEGER NOT NULL, tag BLOB NOT NULL, trust TEXT NOT NULL,
        bot_first TEXT NOT NULL, scheduler_reward_ratio TEXT NOT NULL, worker_stake TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX deals_in_order ON deals (ordinal);
    CREATE INDEX deals_by_request ON deals (request_order, ordinal);
    CREATE INDEX deals_by_requester ON deals (requester, ordinal);
    CREATE INDEX deals_by_app ON deals (app, ordinal);
    CREATE INDEX deals_by_workerpool ON deals (workerpool, ordinal);
    CREATE INDEX deals_by_dataset ON deals (dataset, ordinal);
";

/// A connection to a history, to read it. One thread uses it at a time.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    connection: Connection,
}

/// The one connection that writes a history.
#[derive(Debug)]
pub struct HistoryWriter {
    path: PathBuf,
    connection: Connection,
}

impl HistoryWriter {
    /// Opens the history of a data folder; one that is missing, broken or of another version is made anew, empty.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`] and the like.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        if let Ok(Some(connection)) = existing(&path) {
            return Ok(Self { path, connection });
        }
        for suffix in ["", "-wal", "-shm"] {
            let file = folder.join(format!("{FILE}{suffix}"));
            match std::fs::remove_file(&file) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(JournalError::io(&file, error)),
            }
        }
        let fail = |error| JournalError::database(&path, error);
        let mut connection = Connection::open(&path).map_err(fail)?;
        prepare(&connection).map_err(fail)?;
        let found = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.execute_batch(conduct::SCHEMA)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()
        };
        found(&mut connection).map_err(fail)?;
        Ok(Self { path, connection })
    }

    /// The last record whose consequences the history has. Give it to [`Journal::open`](crate::Journal::open).
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn through(&self) -> Result<u64, JournalError> {
        let through = self.connection.query_row("SELECT record FROM through", [], |row| row.get(0));
        through.map_err(|error| JournalError::database(&self.path, error))
    }
}

impl History {
    /// Opens the history of a data folder that a [`HistoryWriter`] has opened before, to read it.
    ///
    /// # Errors
    /// [`JournalError::Missing`] if there is none, and the like.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(JournalError::Missing { path });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags);
        let connection = connection.map_err(|error| JournalError::database(&path, error))?;
        connection.busy_timeout(BUSY).map_err(|error| JournalError::database(&path, error))?;
        Ok(Self { path, connection })
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// The history there is, if it is whole and of this version.
fn existing(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((version == VERSION).then_some(connection))
}
