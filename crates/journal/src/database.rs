//! The journal's SQLite file: its schema, its versions, and reading and writing of rows. It knows bytes, not entries.

use crate::error::{Corruption, JournalError};
use crate::record::{FORMAT, Opening, Place, RecordBytes, decode_openings, encode_openings, to_vec};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use units::B256;

/// The journal in a data folder.
pub(crate) const FILE: &str = "journal.db";
/// Held locked by the process that writes the data folder.
const LOCK_FILE: &str = "journal.lock";
/// SQLite's `application_id` of a journal: "MHJ1".
const APPLICATION_ID: i32 = 0x4d48_4a31;
/// How long a reader waits while the file is being recovered.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE records (
        sequence INTEGER PRIMARY KEY,
        head BLOB NOT NULL,
        bytes BLOB NOT NULL,
        openings BLOB
    ) STRICT;
    CREATE TABLE set_aside (
        sequence INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        reason TEXT NOT NULL,
        noted INTEGER,
        PRIMARY KEY (sequence, entry)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE suspects (
        fingerprint BLOB PRIMARY KEY,
        entry BLOB NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// An open journal file.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Connection,
    /// A copy made to be read, where the original could not be; deleted with this.
    _copy: Option<tempfile::TempDir>,
}

/// The data folder, held against other processes until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, which must exist.
    pub(crate) fn take(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(LOCK_FILE);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| JournalError::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { folder: folder.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(JournalError::io(&path, error)),
        }
    }
}

/// A row of `set_aside`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAsideRow {
    pub(crate) place: Place,
    pub(crate) reason: String,
    /// The record that says so, once one does.
    pub(crate) noted: Option<u64>,
}

impl Database {
    /// Makes a new journal file, or opens one to append to it.
    pub(crate) fn writable(path: &Path, create: bool) -> Result<Self, JournalError> {
        if !create && !path.exists() {
            return Err(JournalError::Missing { path: path.to_path_buf() });
        }
        let fail = |error| JournalError::database(path, error);
        let connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(BUSY).map_err(fail)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        let fresh = is_empty(&connection).map_err(fail)?;
        if fresh && !create {
            return Err(JournalError::Missing { path: path.to_path_buf() });
        }
        let mut database = Self { path: path.to_path_buf(), connection, _copy: None };
        if fresh {
            database.found().map_err(fail)?;
        }
        database.check_version()?;
        Ok(database)
    }

    /// Opens a journal to read it, also one in a folder that cannot be written, also beside the process that writes it.
    pub(crate) fn readable(path: &Path) -> Result<Self, JournalError> {
        if !path.exists() {
            return Err(JournalError::Missing { path: path.to_path_buf() });
        }
        let wal = beside(path, "-wal");
        let mut database = if wal.exists() { Self::readable_with_wal(path, &wal)? } else { Self::immutable(path)? };
        database.path = path.to_path_buf();
        database.check_version()?;
        Ok(database)
    }

    /// Opens a journal that this process writes, to read it beside the writing.
    pub(crate) fn live(path: &Path) -> Result<Self, JournalError> {
        if !path.exists() {
            return Err(JournalError::Missing { path: path.to_path_buf() });
        }
        let fail = |error| JournalError::database(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        connection.busy_timeout(BUSY).map_err(fail)?;
        let database = Self { path: path.to_path_buf(), connection, _copy: None };
        database.check_version()?;
        Ok(database)
    }

    /// The file alone: nobody writes it, since there is no write-ahead log beside it.
    fn immutable(path: &Path) -> Result<Self, JournalError> {
        let fail = |error| JournalError::database(path, error);
        let absolute = path.canonicalize().map_err(|error| JournalError::io(path, error))?;
        let escaped = absolute.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).map_err(fail)?;
        Ok(Self { path: path.to_path_buf(), connection, _copy: None })
    }

    /// The file and its write-ahead log: in place where that can be, else from a copy.
    fn readable_with_wal(path: &Path, wal: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if let Ok(connection) = Connection::open_with_flags(path, flags)
            && connection.busy_timeout(BUSY).is_ok()
            && is_empty(&connection).is_ok()
        {
            return Ok(Self { path: path.to_path_buf(), connection, _copy: None });
        }
        let folder = tempfile::tempdir().map_err(|error| JournalError::io(&std::env::temp_dir(), error))?;
        let copy = folder.path().join(FILE);
        for (from, to) in [(path, &copy), (wal, &beside(&copy, "-wal"))] {
            fs::copy(from, to).map_err(|error| JournalError::io(from, error))?;
        }
        let connection = Connection::open(&copy).map_err(|error| JournalError::database(path, error))?;
        Ok(Self { path: path.to_path_buf(), connection, _copy: Some(folder) })
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn fail(&self, error: rusqlite::Error) -> JournalError {
        JournalError::database(&self.path, error)
    }

    fn found(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()
    }

    fn check_version(&self) -> Result<(), JournalError> {
        let number = |name: &str| {
            self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(|error| self.fail(error))
        };
        if number("application_id")? != i64::from(APPLICATION_ID) {
            return Err(JournalError::NotAJournal { path: self.path.clone() });
        }
        let found = u64::try_from(number("user_version")?).unwrap_or(0);
        if found > FORMAT {
            return Err(JournalError::Newer { path: self.path.clone(), found, known: FORMAT });
        }
        Ok(())
    }

    /// Appends a record: one durable transaction. `notes` are the places whose setting aside the record tells.
    pub(crate) fn append(&mut self, record: &RecordBytes, notes: &[Place]) -> Result<(), JournalError> {
        let path = self.path.clone();
        self.try_append(record, notes).map_err(|error| JournalError::database(&path, error))
    }

    fn try_append(&mut self, record: &RecordBytes, notes: &[Place]) -> rusqlite::Result<()> {
        const INSERT: &str = "INSERT INTO records (sequence, head, bytes, openings) VALUES (?1, ?2, ?3, ?4)";
        let openings = (!record.openings.is_empty()).then(|| to_vec(|to| encode_openings(&record.openings, to)));
        let row = params![record.sequence, record.head.as_slice(), record.bytes, openings];
        if notes.is_empty() {
            self.connection.prepare_cached(INSERT)?.execute(row)?;
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        transaction.prepare_cached(INSERT)?.execute(row)?;
        for place in notes {
            transaction.execute(
                "UPDATE set_aside SET noted = ?1 WHERE sequence = ?2 AND entry = ?3",
                params![record.sequence, place.record, place.entry],
            )?;
        }
        transaction.commit()
    }

    /// Records from a sequence on, at least one if there is one, until their bytes exceed `max_bytes`. Empty at the end.
    pub(crate) fn chunk(&self, from: u64, max_bytes: usize) -> Result<Vec<RecordBytes>, JournalError> {
        const SELECT: &str =
            "SELECT sequence, head, bytes, openings FROM records WHERE sequence >= ?1 ORDER BY sequence";
        let mut records = Vec::new();
        let mut size = 0_usize;
        let outcome = (|| -> rusqlite::Result<Result<(), Place>> {
            let mut statement = self.connection.prepare_cached(SELECT)?;
            let mut rows = statement.query(params![from])?;
            while let Some(row) = rows.next()? {
                let record = match read_record(row)? {
                    Ok(record) => record,
                    Err(place) => return Ok(Err(place)),
                };
                size = size.saturating_add(record.size());
                if size > max_bytes && !records.is_empty() {
                    break;
                }
                records.push(record);
            }
            Ok(Ok(()))
        })();
        let next = records.last().map_or(from, |record: &RecordBytes| record.sequence + 1);
        match outcome {
            Ok(Ok(())) => Ok(records),
            Ok(Err(place)) if records.is_empty() => {
                Err(JournalError::corrupt(&self.path, place, Corruption::Malformed { offset: 0 }))
            }
            Err(error) if records.is_empty() => Err(self.unreadable(next, error)),
            // What could be read is handed out; the next call meets the fault first.
            Ok(Err(_)) | Err(_) => Ok(records),
        }
    }

    fn unreadable(&self, sequence: u64, error: rusqlite::Error) -> JournalError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => JournalError::corrupt(
                &self.path,
                Place::record(sequence),
                Corruption::Unreadable { reason: error.to_string() },
            ),
            None => JournalError::corrupt(
                &self.path,
                Place::record(sequence),
                Corruption::Unreadable { reason: error.to_string() },
            ),
            Some(_) => self.fail(error),
        }
    }

    /// The last record's number; none in an empty journal.
    pub(crate) fn last(&self) -> Result<Option<u64>, JournalError> {
        let last = self.connection.query_row("SELECT max(sequence) FROM records", [], |row| row.get(0));
        last.map_err(|error| self.fail(error))
    }

    pub(crate) fn set_aside(&self) -> Result<Vec<SetAsideRow>, JournalError> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self
                .connection
                .prepare("SELECT sequence, entry, reason, noted FROM set_aside ORDER BY sequence, entry")?;
            let row = |row: &Row<'_>| {
                let place = Place { record: row.get(0)?, entry: Some(row.get(1)?) };
                Ok(SetAsideRow { place, reason: row.get(2)?, noted: row.get(3)? })
            };
            statement.query_map([], row)?.collect()
        };
        read().map_err(|error| self.fail(error))
    }

    pub(crate) fn add_set_aside(&self, place: Place, reason: &str) -> Result<(), JournalError> {
        let row = params![place.record, place.entry, reason];
        self.connection
            .execute("INSERT OR IGNORE INTO set_aside (sequence, entry, reason) VALUES (?1, ?2, ?3)", row)
            .map_err(|error| self.fail(error))?;
        Ok(())
    }

    /// Keeps a command that must not be tried again.
    pub(crate) fn add_suspect(&self, fingerprint: B256, entry: &[u8], reason: &str) -> Result<(), JournalError> {
        self.connection
            .execute(
                "INSERT OR IGNORE INTO suspects VALUES (?1, ?2, ?3)",
                params![fingerprint.as_slice(), entry, reason],
            )
            .map_err(|error| self.fail(error))?;
        Ok(())
    }

    /// Fingerprints of commands that must not be tried again, and why.
    pub(crate) fn suspects(&self) -> Result<Vec<(B256, String)>, JournalError> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = self.connection.prepare("SELECT fingerprint, reason FROM suspects")?;
            let row = |row: &Row<'_>| Ok((B256::from(row.get::<_, [u8; 32]>(0)?), row.get(1)?));
            statement.query_map([], row)?.collect()
        };
        read().map_err(|error| self.fail(error))
    }

    /// Lets the file grow to this many pages at most, so that tests meet a full disk.
    pub(crate) fn limit_pages(&self, pages: u64) -> Result<(), JournalError> {
        let set = self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        set.map_err(|error| self.fail(error))
    }

    /// How many pages the file has.
    pub(crate) fn pages(&self) -> Result<u64, JournalError> {
        self.connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(|error| self.fail(error))
    }
}

impl RecordBytes {
    /// What it takes to serve it, about.
    fn size(&self) -> usize {
        self.openings.iter().map(|opening| opening.bytes.len() + 40).sum::<usize>() + self.bytes.len() + 48
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let table = connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional()?;
    Ok(table.is_none())
}

/// A row, or the place of one that cannot have been written by this software.
fn read_record(row: &Row<'_>) -> rusqlite::Result<Result<RecordBytes, Place>> {
    let sequence = row.get(0)?;
    let head: Vec<u8> = row.get(1)?;
    let openings: Option<Vec<u8>> = row.get(3)?;
    let Ok(head) = B256::try_from(head.as_slice()) else { return Ok(Err(Place::record(sequence))) };
    let openings: Vec<Opening> = match openings.as_deref().map_or(Ok(Vec::new()), decode_openings) {
        Ok(openings) => openings,
        Err(_) => return Ok(Err(Place::record(sequence))),
    };
    Ok(Ok(RecordBytes { sequence, head, bytes: row.get(2)?, openings }))
}
