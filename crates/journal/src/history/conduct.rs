//! What a worker's page shows: what it delivered, late and wrong, its standing; and what the sides of deals say of each other.
//!
//! Counts go by parts: a worker's part in a task counts once, however often it is written.

use super::write::Batch;
use super::{History, Page, query};
use crate::error::JournalError;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use units::{Address, DealId, TaskId, Timestamp, U256};

pub(super) const SCHEMA: &str = "
    CREATE TABLE parts (task BLOB NOT NULL, worker BLOB NOT NULL, PRIMARY KEY (task, worker)) STRICT, WITHOUT ROWID;
    CREATE TABLE workers (
        pool BLOB NOT NULL, worker BLOB NOT NULL, owner BLOB NOT NULL, delivered INTEGER NOT NULL, late INTEGER NOT NULL,
        wrong INTEGER NOT NULL, accepted INTEGER NOT NULL, checks INTEGER NOT NULL, barred INTEGER NOT NULL,
        score TEXT NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY (pool, worker)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX workers_by_worker ON workers (worker);
    CREATE INDEX workers_by_owner ON workers (owner);
    CREATE TABLE ratings (
        deal BLOB NOT NULL, rater BLOB NOT NULL, subject BLOB NOT NULL, performance INTEGER NOT NULL,
        safety INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (deal, rater, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ratings_by_subject ON ratings (subject, at);
";

/// How a worker's part in a task turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartOutcome {
    /// Its result was the right one.
    Delivered,
    /// It agreed with the others and did not show its result in time, or handed it in too late.
    Late,
    /// Its result was another than the right one.
    Wrong,
}

/// A worker's part in a task. A repeat changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRow {
    /// The task.
    pub task: TaskId,
    /// Its pool.
    pub pool: Address,
    /// The worker.
    pub worker: Address,
    /// How it turned out.
    pub outcome: PartOutcome,
    /// When that was known.
    pub at: Timestamp,
}

/// What a pool knows of a worker by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingRow {
    /// The pool.
    pub pool: Address,
    /// The worker.
    pub worker: Address,
    /// Whose it is.
    pub owner: Address,
    /// Results that strangers paid for.
    pub accepted: u64,
    /// Checks passed.
    pub checks: u64,
    /// Whether it was found to have lied.
    pub barred: bool,
    /// PoCo's score.
    pub score: U256,
    /// When.
    pub at: Timestamp,
}

/// A worker in a pool, and how it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    /// What the pool knows of it.
    pub standing: StandingRow,
    /// Tasks whose right result it brought.
    pub delivered: u64,
    /// Tasks that it was late for.
    pub late: u64,
    /// Tasks that it brought a wrong result of.
    pub wrong: u64,
}

/// What one side of a deal said of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatingRow {
    /// The deal.
    pub deal: DealId,
    /// Who rated.
    pub rater: Address,
    /// Who was rated.
    pub subject: Address,
    /// 1 to 5.
    pub performance: u8,
    /// 1 to 5.
    pub safety: u8,
    /// When.
    pub at: Timestamp,
}

/// All ratings of somebody in few numbers. A mean is a sum divided by the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RatingSummary {
    /// How many.
    pub count: u64,
    /// The sum of the marks for performance.
    pub performance: u64,
    /// The sum of the marks for safety.
    pub safety: u64,
}

/// What parts add to workers' counts in one batch.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By pool and worker: delivered, late, wrong, last seen.
    counts: BTreeMap<(Address, Address), [u64; 4]>,
    /// Whether parts are known beside those that results tell of.
    has_parts: bool,
}

impl Tally {
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM parts)")?;
        Ok(Self { counts: BTreeMap::new(), has_parts: select.query_row([], |row| row.get(0))? })
    }

    fn add(&mut self, part: &PartRow) {
        let [delivered, late, wrong, seen] = self.counts.entry((part.pool, part.worker)).or_default();
        match part.outcome {
            PartOutcome::Delivered => *delivered += 1,
            PartOutcome::Late => *late += 1,
            PartOutcome::Wrong => *wrong += 1,
        }
        *seen = part.at.0.max(*seen);
    }

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let insert = "INSERT INTO workers VALUES (?1, ?2, ?2, ?3, ?4, ?5, 0, 0, 0, '0', ?6) \
            ON CONFLICT DO UPDATE SET delivered = delivered + ?3, late = late + ?4, wrong = wrong + ?5, \
            seen = max(seen, ?6)";
        for ((pool, worker), [delivered, late, wrong, seen]) in &self.counts {
            let row = params![pool.as_slice(), worker.as_slice(), delivered, late, wrong, seen];
            connection.prepare_cached(insert)?.execute(row)?;
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Counts a part once. Of a task that ended the result names who took part, so these are not written again; what is known
    /// of somebody's part otherwise (it passed a check before the end, or came late) is.
    pub(super) fn part(&mut self, part: &PartRow) -> rusqlite::Result<()> {
        if !self.counted.insert((part.task, part.worker)) || self.tally.has_parts && self.has_row(part)? {
            return Ok(());
        }
        if !self.ended.contains(&part.task) {
            if took_part(self.transaction, part.task, part.worker)? {
                return Ok(());
            }
            let key = params![part.task.0.as_slice(), part.worker.as_slice()];
            self.transaction.prepare_cached("INSERT INTO parts VALUES (?1, ?2)")?.execute(key)?;
            self.tally.has_parts = true;
        }
        self.tally.add(part);
        Ok(())
    }

    fn has_row(&self, part: &PartRow) -> rusqlite::Result<bool> {
        let mut select = self.transaction.prepare_cached("SELECT 1 FROM parts WHERE task = ?1 AND worker = ?2")?;
        select.exists(params![part.task.0.as_slice(), part.worker.as_slice()])
    }

    pub(super) fn worker_standing(&self, row: &StandingRow) -> rusqlite::Result<()> {
        let insert = "INSERT INTO workers VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6, ?7, ?8) \
            ON CONFLICT DO UPDATE SET owner = ?3, accepted = ?4, checks = ?5, barred = ?6, score = ?7, \
            seen = max(seen, ?8)";
        let values = params![
            row.pool.as_slice(),
            row.worker.as_slice(),
            row.owner.as_slice(),
            row.accepted,
            row.checks,
            row.barred,
            row.score.to_string(),
            row.at.0,
        ];
        self.transaction.prepare_cached(insert)?.execute(values).map(drop)
    }

    pub(super) fn rating(&self, row: &RatingRow) -> rusqlite::Result<()> {
        let insert = "INSERT OR IGNORE INTO ratings VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![
            row.deal.0.as_slice(),
            row.rater.as_slice(),
            row.subject.as_slice(),
            row.performance,
            row.safety,
            row.at.0,
        ];
        self.transaction.prepare_cached(insert)?.execute(values).map(drop)
    }
}

/// Whether the result of a finalized task names somebody.
fn took_part(connection: &Connection, task: TaskId, who: Address) -> rusqlite::Result<bool> {
    let query = "SELECT parties FROM results WHERE task = ?1 AND state = 0 AND outcome <> 2";
    let parties: Option<Vec<u8>> =
        connection.prepare_cached(query)?.query_row(params![task.0.as_slice()], |row| row.get(0)).optional()?;
    let Some(parties) = parties else { return Ok(false) };
    let parties = query::decode_parties(&parties).map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(parties.iter().any(|party| party.worker == who))
}

impl History {
    /// A worker of a pool.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn worker(&self, pool: Address, worker: Address) -> Result<Option<WorkerRow>, JournalError> {
        let select = "SELECT * FROM workers WHERE pool = ?1 AND worker = ?2";
        let found = self.connection.prepare_cached(select).and_then(|mut statement| {
            statement.query_row(params![pool.as_slice(), worker.as_slice()], read_worker).optional()
        });
        found.map_err(|error| self.fail(error))
    }

    /// A worker in all its pools, or all workers of an owner; those seen last first.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn workers_of(&self, worker_or_owner: Address, page: Page) -> Result<Vec<WorkerRow>, JournalError> {
        let select = "SELECT * FROM workers WHERE worker = ?1 OR owner = ?1 \
            ORDER BY seen DESC, pool, worker LIMIT ?2 OFFSET ?3";
        self.rows(select, worker_or_owner, page, read_worker)
    }

    /// What the workers of a pool did there together: delivered, late and wrong.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn pool_tally(&self, pool: Address) -> Result<(u64, u64, u64), JournalError> {
        let select = "SELECT coalesce(sum(delivered), 0), coalesce(sum(late), 0), coalesce(sum(wrong), 0) \
            FROM workers WHERE pool = ?1";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found = self.connection.prepare_cached(select);
        let found = found.and_then(|mut statement| statement.query_row(params![pool.as_slice()], read));
        found.map_err(|error| self.fail(error))
    }

    /// What was said of somebody, the newest first.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn ratings(&self, subject: Address, page: Page) -> Result<Vec<RatingRow>, JournalError> {
        let select = "SELECT * FROM ratings WHERE subject = ?1 ORDER BY at DESC, deal, rater LIMIT ?2 OFFSET ?3";
        self.rows(select, subject, page, read_rating)
    }

    /// What was said of somebody, in few numbers.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub fn rating_summary(&self, subject: Address) -> Result<RatingSummary, JournalError> {
        let select = "SELECT count(*), coalesce(sum(performance), 0), coalesce(sum(safety), 0) \
            FROM ratings WHERE subject = ?1";
        let read =
            |row: &Row<'_>| Ok(RatingSummary { count: row.get(0)?, performance: row.get(1)?, safety: row.get(2)? });
        let found = self.connection.prepare_cached(select);
        let found = found.and_then(|mut statement| statement.query_row(params![subject.as_slice()], read));
        found.map_err(|error| self.fail(error))
    }

    fn rows<T>(
        &self,
        select: &str,
        about: Address,
        page: Page,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let bounds = [page.most, page.skip].map(|bound| Value::Integer(query::signed(bound)));
        self.list(select, [vec![Value::Blob(about.to_vec())], bounds.to_vec()].concat(), read)
    }
}

fn read_worker(row: &Row<'_>) -> rusqlite::Result<WorkerRow> {
    Ok(WorkerRow {
        standing: StandingRow {
            pool: query::address(row, "pool")?,
            worker: query::address(row, "worker")?,
            owner: query::address(row, "owner")?,
            accepted: row.get("accepted")?,
            checks: row.get("checks")?,
            barred: row.get("barred")?,
            score: query::number(row, "score")?,
            at: Timestamp(row.get("seen")?),
        },
        delivered: row.get("delivered")?,
        late: row.get("late")?,
        wrong: row.get("wrong")?,
    })
}

fn read_rating(row: &Row<'_>) -> rusqlite::Result<RatingRow> {
    Ok(RatingRow {
        deal: DealId(query::hash(row, "deal")?),
        rater: query::address(row, "rater")?,
        subject: query::address(row, "subject")?,
        performance: row.get("performance")?,
        safety: row.get("safety")?,
        at: Timestamp(row.get("at")?),
    })
}
