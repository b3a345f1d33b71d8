//! Writing changes.

use super::conduct::Tally;
use super::rows::{
    Change, DealRow, JobRow, LogRow, NewJob, OrderKind, OrderRow, OrderStatus, Outcome, Party, ResultRow, ResultState,
    TransactionRow,
};
use super::{HistoryWriter, merge, query, uploads};
use crate::error::JournalError;
use crate::record::to_vec;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::{BTreeMap, HashSet};
use units::{Address, B256, OrderHash, TaskId, Timestamp};

impl HistoryWriter {
    /// Writes changes in one transaction, and that the history now has the consequences of all records up to `through`.
    /// Returns the ordinals that ended tasks were given.
    ///
    /// # Errors
    /// [`JournalError::Full`] and the like; nothing is written then.
    pub fn write(&mut self, changes: &[Change], through: u64) -> Result<Vec<(TaskId, u64)>, JournalError> {
        let path = self.path.clone();
        self.try_write(changes, through).map_err(|error| JournalError::database(&path, error))
    }

    fn try_write(&mut self, changes: &[Change], through: u64) -> rusqlite::Result<Vec<(TaskId, u64)>> {
        let transaction = self.connection.transaction()?;
        let mut batch = Batch::new(&transaction)?;
        let ending = merge::ending(changes);
        for change in changes {
            // What is final at the end of the same batch need not be written as provisional before.
            if !matches!(change, Change::Result(it) if it.state == ResultState::Provisional && ending.contains(&it.task))
            {
                batch.write(change)?;
            }
        }
        let ordinals = batch.finish()?;
        transaction.prepare_cached("UPDATE through SET record = max(record, ?1)")?.execute(params![through])?;
        transaction.commit()?;
        Ok(ordinals)
    }
}

/// A batch of changes being written; jobs and workers' counts are read once and written back once.
pub(super) struct Batch<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    jobs: BTreeMap<OrderHash, JobRow>,
    /// The next ordinal of each job that has had one.
    next: BTreeMap<OrderHash, u64>,
    ordinals: Vec<(TaskId, u64)>,
    /// Tasks that this batch finalized.
    pub(super) ended: HashSet<TaskId>,
    /// Parts that this batch has looked at.
    pub(super) counted: HashSet<(TaskId, Address)>,
    pub(super) tally: Tally,
}

impl<'a> Batch<'a> {
    fn new(transaction: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        Ok(Self {
            transaction,
            jobs: BTreeMap::new(),
            next: BTreeMap::new(),
            ordinals: Vec::new(),
            ended: HashSet::new(),
            counted: HashSet::new(),
            tally: Tally::new(transaction)?,
        })
    }

    fn write(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Job(job) => self.begin(job),
            Change::Title { job, title } => self.entitle(*job, title),
            Change::Upload { blob, uploader } => uploads::note(self.transaction, *blob, *uploader),
            Change::Forgotten { blob, uploader } => uploads::forget(self.transaction, *blob, *uploader),
            Change::JobClosed { job, at } => self.change_job(*job, |row| {
                row.closed = true;
                row.end_if_over(*at);
            }),
            Change::JobHalted { job, at } => self.change_job(*job, |row| {
                (row.closed, row.halted) = (true, true);
                row.end_if_over(*at);
            }),
            Change::Deal(deal) => self.deal(deal),
            Change::Result(result) => self.result(result),
            Change::Voided { job, task, at } => self.void(*job, *task, *at),
            Change::Transaction(transaction) => self.transaction(transaction),
            Change::Order(order) => self.order(order),
            Change::OrderChanged { order, remaining, status } => {
                let update = "UPDATE orders SET remaining = ?2, status = ?3 WHERE hash = ?1";
                let row = params![order.0.as_slice(), remaining.to_string(), status.number()];
                self.transaction.prepare_cached(update)?.execute(row).map(drop)
            }
            Change::Part(part) => self.part(part),
            Change::Standing(standing) => self.worker_standing(standing),
            Change::Rating(rating) => self.rating(rating),
        }
    }

    fn begin(&mut self, job: &NewJob) -> rusqlite::Result<()> {
        if self.job(job.id)?.is_some() {
            return Ok(());
        }
        let title = self
            .transaction
            .prepare_cached("SELECT title FROM titles WHERE job = ?1")?
            .query_row(params![job.id.0.as_slice()], |row| row.get(0))
            .optional()?;
        self.jobs.insert(job.id, JobRow::new(job.clone(), title.unwrap_or_default()));
        Ok(())
    }

    fn entitle(&mut self, job: OrderHash, title: &str) -> rusqlite::Result<()> {
        let insert = "INSERT OR REPLACE INTO titles VALUES (?1, ?2)";
        self.transaction.prepare_cached(insert)?.execute(params![job.0.as_slice(), title])?;
        self.change_job(job, |row| title.clone_into(&mut row.title))
    }

    /// The job's row, from the table if this batch has not touched it yet.
    fn job(&mut self, id: OrderHash) -> rusqlite::Result<Option<&mut JobRow>> {
        if !self.jobs.contains_key(&id)
            && let Some(row) = query::job(self.transaction, id)?
        {
            self.jobs.insert(id, row);
        }
        Ok(self.jobs.get_mut(&id))
    }

    fn change_job(&mut self, id: OrderHash, change: impl FnOnce(&mut JobRow)) -> rusqlite::Result<()> {
        if let Some(row) = self.job(id)? {
            change(row);
        }
        Ok(())
    }

    fn deal(&mut self, deal: &DealRow) -> rusqlite::Result<()> {
        let insert = "INSERT INTO deals SELECT ?1, (SELECT coalesce(max(ordinal), 0) + 1 FROM deals), ?2, ?3, ?4, ?5, ?6, ?7, \
            ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29 \
            WHERE true ON CONFLICT DO NOTHING";
        let new = self.transaction.prepare_cached(insert)?.execute(params![
            deal.id.0.as_slice(),
            deal.at.0,
            deal.record,
            deal.transaction.as_slice(),
            deal.app.as_slice(),
            deal.app_owner.as_slice(),
            deal.app_price.0.to_string(),
            deal.dataset.as_slice(),
            deal.dataset_owner.as_slice(),
            deal.dataset_price.0.to_string(),
            deal.workerpool.as_slice(),
            deal.workerpool_owner.as_slice(),
            deal.workerpool_price.0.to_string(),
            deal.app_order.0.as_slice(),
            deal.dataset_order.0.as_slice(),
            deal.workerpool_order.0.as_slice(),
            deal.request_order.0.as_slice(),
            deal.requester.as_slice(),
            deal.beneficiary.as_slice(),
            deal.callback.as_slice(),
            deal.sponsor.as_slice(),
            deal.params,
            deal.volume.to_string(),
            deal.category,
            deal.tag.0.as_slice(),
            deal.trust.to_string(),
            deal.bot_first.to_string(),
            deal.scheduler_reward_ratio.to_string(),
            deal.worker_stake.0.to_string(),
        ])?;
        if new > 0 {
            let volume = u64::try_from(deal.volume).unwrap_or(u64::MAX);
            self.change_job(deal.request_order, |row| row.matched = row.matched.saturating_add(volume))?;
        }
        Ok(())
    }

    /// A task's result takes the place of the one before. An ordinal is never given twice: the new one is greater than any
    /// that the job has, the one before among them.
    fn result(&mut self, result: &ResultRow) -> rusqlite::Result<()> {
        let ordinal = self.next_ordinal(result.job)?;
        let provisional = self.job(result.job)?.map(|row| row.provisional);
        let confirms = result.state == ResultState::Final && provisional.is_some_and(|count| count > 0);
        let mut replaces_provisional = confirms && self.confirm(result, ordinal)?;
        // Most jobs' tasks come here once: these are not looked up first.
        let new = !confirms && provisional == Some(0) && self.insert(result, ordinal)?;
        if !new && !replaces_provisional {
            match self.standing(result.task)? {
                Some((ResultState::Final, _)) => return Ok(()),
                Some((before, digest)) if before == result.state && digest == result.digest => return Ok(()),
                Some((before, _)) => {
                    replaces_provisional = before == ResultState::Provisional;
                    self.transaction
                        .prepare_cached("DELETE FROM results WHERE task = ?1")?
                        .execute(params![result.task.0.as_slice()])?;
                }
                None => {}
            }
            self.insert(result, ordinal)?;
        }
        self.next.insert(result.job, ordinal + 1);
        self.ordinals.push((result.task, ordinal));
        if result.state == ResultState::Final && result.outcome != Outcome::Claimed {
            self.ended.insert(result.task);
        }
        self.change_job(result.job, |row| {
            row.provisional -= u64::from(replaces_provisional).min(row.provisional);
            match result.state {
                ResultState::Final => row.count(result),
                ResultState::Provisional => row.provisional += 1,
                ResultState::Voided => {}
            }
        })
    }

    /// Writes a final result over the task's provisional one; false if it has none.
    fn confirm(&self, result: &ResultRow, ordinal: u64) -> rusqlite::Result<bool> {
        let update = "UPDATE results SET ordinal = ?2, outcome = ?3, reason = ?4, digest = ?5, blob = ?6, stderr = ?7, stdout = ?8, \
            cost = ?9, agreed = ?10, dissented = ?11, ended = ?12, parties = ?13, state = ?14, ran_ms = ?15 \
            WHERE task = ?1 AND state = 1";
        let (outcome, reason) = result.outcome.parts();
        let row = params![
            result.task.0.as_slice(),
            ordinal,
            outcome,
            reason,
            result.digest.as_slice(),
            result.blob.as_ref().map(|blob| blob.0.as_slice()),
            result.stderr,
            result.stdout,
            result.cost.0.to_string(),
            result.agreed,
            result.dissented,
            result.ended.0,
            encode_parties(&result.parties),
            result.state.number(),
            result.ran_ms.map(|ran| i64::try_from(ran).unwrap_or(i64::MAX)),
        ];
        Ok(self.transaction.prepare_cached(update)?.execute(row)? > 0)
    }

    /// Writes a result's row; false if the task has one.
    fn insert(&self, result: &ResultRow, ordinal: u64) -> rusqlite::Result<bool> {
        let insert = "INSERT INTO results \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) \
            ON CONFLICT (task) DO NOTHING";
        let (outcome, reason) = result.outcome.parts();
        let row = params![
            result.job.0.as_slice(),
            ordinal,
            result.task.0.as_slice(),
            result.index,
            result.deal.0.as_slice(),
            outcome,
            reason,
            result.digest.as_slice(),
            result.blob.as_ref().map(|blob| blob.0.as_slice()),
            result.stderr,
            result.stdout,
            result.cost.0.to_string(),
            result.agreed,
            result.dissented,
            result.ended.0,
            encode_parties(&result.parties),
            result.state.number(),
            result.ran_ms.map(|ran| i64::try_from(ran).unwrap_or(i64::MAX)),
        ];
        Ok(self.transaction.prepare_cached(insert)?.execute(row)? > 0)
    }

    fn void(&mut self, job: OrderHash, task: TaskId, at: Timestamp) -> rusqlite::Result<()> {
        let Some((ResultState::Provisional, _)) = self.standing(task)? else { return Ok(()) };
        let ordinal = self.next_ordinal(job)?;
        let update = "UPDATE results SET ordinal = ?2, state = ?3, ended = ?4, blob = NULL WHERE task = ?1";
        let row = params![task.0.as_slice(), ordinal, ResultState::Voided.number(), at.0];
        self.transaction.prepare_cached(update)?.execute(row)?;
        self.next.insert(job, ordinal + 1);
        self.ordinals.push((task, ordinal));
        self.change_job(job, |row| row.provisional = row.provisional.saturating_sub(1))
    }

    /// What a task's result is so far, and its digest.
    fn standing(&self, task: TaskId) -> rusqlite::Result<Option<(ResultState, B256)>> {
        let mut select = self.transaction.prepare_cached("SELECT state, digest FROM results WHERE task = ?1")?;
        let read = |row: &rusqlite::Row<'_>| Ok((query::state(row.get(0)?)?, B256::from(row.get::<_, [u8; 32]>(1)?)));
        select.query_row(params![task.0.as_slice()], read).optional()
    }

    fn next_ordinal(&self, job: OrderHash) -> rusqlite::Result<u64> {
        if let Some(next) = self.next.get(&job) {
            return Ok(*next);
        }
        let select = "SELECT coalesce(max(ordinal) + 1, 0) FROM results WHERE job = ?1";
        self.transaction.prepare_cached(select)?.query_row(params![job.0.as_slice()], |row| row.get(0))
    }

    fn transaction(&self, row: &TransactionRow) -> rusqlite::Result<()> {
        let insert = "INSERT OR IGNORE INTO transactions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        self.transaction
            .prepare_cached(insert)?
            .execute(params![
                row.hash.as_slice(),
                row.record,
                row.position,
                row.at.0,
                row.sender.as_slice(),
                row.target.as_slice(),
                row.nonce,
                row.kind,
                row.succeeded,
                row.revert.as_ref(),
                row.created.as_ref().map(|created| created.as_slice()),
                encode_logs(&row.logs),
            ])
            .map(drop)
    }

    /// An order that was taken off and is published again is open again.
    fn order(&self, order: &OrderRow) -> rusqlite::Result<()> {
        let insert = "INSERT OR REPLACE INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.transaction
            .prepare_cached(insert)?
            .execute(params![
                order.hash.0.as_slice(),
                order.kind.number(),
                order.signer.as_slice(),
                order.subject.as_slice(),
                order.body,
                order.remaining.to_string(),
                order.status.number(),
                order.published.0,
            ])
            .map(drop)
    }

    fn finish(self) -> rusqlite::Result<Vec<(TaskId, u64)>> {
        self.tally.write(self.transaction)?;
        let insert = "INSERT OR REPLACE INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
        for row in self.jobs.values() {
            self.transaction.prepare_cached(insert)?.execute(params![
                row.job.id.0.as_slice(),
                row.title,
                row.job.requester.as_slice(),
                row.job.app.as_slice(),
                row.job.trust,
                row.job.category,
                row.job.tasks,
                row.job.created.0,
                row.matched,
                row.finished,
                row.failed,
                row.claimed,
                row.spent.0.to_string(),
                row.closed,
                row.ended.map(|ended| ended.0),
                row.provisional,
                row.halted,
            ])?;
        }
        Ok(self.ordinals)
    }
}

impl JobRow {
    fn new(job: NewJob, title: String) -> Self {
        Self {
            job,
            title,
            matched: 0,
            finished: 0,
            failed: 0,
            claimed: 0,
            provisional: 0,
            spent: units::Amount::ZERO,
            halted: false,
            closed: false,
            ended: None,
        }
    }

    fn count(&mut self, result: &ResultRow) {
        match result.outcome {
            Outcome::Completed => self.finished += 1,
            Outcome::Failed(_) => {
                self.finished += 1;
                self.failed += 1;
            }
            Outcome::Claimed => self.claimed += 1,
        }
        self.spent = self.spent.checked_add(result.cost).unwrap_or(self.spent);
        self.end_if_over(result.ended);
    }

    /// Notes the end where nothing more can come: all tasks have ended, or all that were bought and no more will be.
    fn end_if_over(&mut self, at: Timestamp) {
        let done = self.finished + self.claimed;
        if self.ended.is_none() && (done >= self.job.tasks || (self.closed && done >= self.matched)) {
            self.ended = Some(at);
        }
    }
}

impl Outcome {
    fn parts(&self) -> (u8, &str) {
        match self {
            Self::Completed => (0, ""),
            Self::Failed(reason) => (1, reason),
            Self::Claimed => (2, ""),
        }
    }
}

impl ResultState {
    fn number(self) -> u8 {
        match self {
            Self::Final => 0,
            Self::Provisional => 1,
            Self::Voided => 2,
        }
    }
}

impl OrderKind {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::App => 0,
            Self::Dataset => 1,
            Self::Workerpool => 2,
            Self::Request => 3,
        }
    }
}

impl OrderStatus {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Filled => 1,
            Self::Canceled => 2,
            Self::Dead => 3,
            Self::Unpublished => 4,
        }
    }
}

fn encode_parties(parties: &[Party]) -> Vec<u8> {
    to_vec(|to| {
        to.array(parties.len() as u64)?;
        for party in parties {
            let reward = party.reward.0.to_be_bytes_trimmed_vec();
            to.array(3)?.bytes(party.worker.as_slice())?.u8(party.status)?.bytes(&reward)?;
        }
        Ok(())
    })
}

fn encode_logs(logs: &[LogRow]) -> Vec<u8> {
    to_vec(|to| {
        to.array(logs.len() as u64)?;
        for log in logs {
            to.array(3)?.bytes(log.address.as_slice())?.array(log.topics.len() as u64)?;
            for topic in &log.topics {
                to.bytes(topic.as_slice())?;
            }
            to.bytes(&log.data)?;
        }
        Ok(())
    })
}
