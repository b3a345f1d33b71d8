//! What became of each worker's part in a task: the log that says why a task is where it is.
//!
//! A task that is open keeps its attempts, oldest first; one that ended hands them over. What was begun before a restart is
//! not known here.

use crate::Dispatch;
use crate::open::{Open, Phase};
use crate::quarantine::Fault;
use crate::worker::Decline;
use std::time::Duration;
use units::{Address, TaskId, Timestamp};

/// How often a worker that lost a task with its connection is given it again.
const AGAIN: usize = 3;
/// Most attempts that a task keeps: beyond, the oldest that ended is forgotten.
const MOST: usize = 64;

/// Why a worker was given a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Its trust needs so many.
    Replica,
    /// Another worker has had it for longer than is likely.
    Hedge,
    /// Another's result is checked.
    Check,
    /// Another says that the program fails.
    Witness,
}

/// How a worker's part in a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Its result is the result.
    Accepted,
    /// Another result is.
    Dissented,
    /// Others were sooner, or agreed without it.
    NotNeeded,
    /// Its time for this phase was over.
    TooLate(Phase),
    /// It gave the task back.
    Declined(Decline),
    /// Its connection broke, and it did not come back in time.
    Left,
    /// It came back without the task.
    Dropped,
    /// It did not bring the package of its result.
    NotBrought,
    /// The rules did not take its statement.
    Refused,
    /// It was barred from the pool.
    Barred,
    /// The task was not done in time by anybody.
    Claimed,
}

/// One worker's part in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who.
    pub worker: Address,
    /// Why.
    pub role: Role,
    /// When it was given the task.
    pub granted: Timestamp,
    /// When it said that it runs it.
    pub running: Option<Timestamp>,
    /// When it stated a result.
    pub stated: Option<Timestamp>,
    /// When its part ended, and how.
    pub ended: Option<(Timestamp, Ended)>,
}

impl Open {
    pub(crate) fn begin(&mut self, worker: Address, role: Role, granted: Timestamp) {
        if self.attempts.len() >= MOST {
            let oldest = self.attempts.iter().position(|it| it.ended.is_some()).unwrap_or_default();
            self.attempts.remove(oldest);
        }
        self.attempts.push(Attempt { worker, role, granted, running: None, stated: None, ended: None });
    }

    /// The attempt of a worker that has not ended.
    pub(crate) fn attempt(&mut self, worker: Address) -> Option<&mut Attempt> {
        self.attempts.iter_mut().rev().find(|it| it.worker == worker && it.ended.is_none())
    }

    /// Whether a worker that took part may be given the task once more: its connection broke before it stated anything, and it
    /// did not come back in time. Where few accept what a deal pays, there might be nobody else.
    pub(crate) fn may_begin_anew(&self, worker: Address) -> bool {
        let its = || self.attempts.iter().filter(|it| it.worker == worker);
        let lost = |it: &Attempt| {
            it.stated.is_none() && it.ended.is_some_and(|(_, how)| matches!(how, Ended::Left | Ended::Dropped))
        };
        // Of a part from before a restart there is none here.
        (1..=AGAIN).contains(&its().count()) && its().all(lost) && !self.has_said(worker)
    }

    /// Writes down how a worker's part ended; false if it had ended before.
    pub(crate) fn close(&mut self, worker: Address, at: Timestamp, how: Ended) -> bool {
        self.attempt(worker).is_some_and(|attempt| {
            attempt.ended = Some((at, how));
            true
        })
    }
}

/// A task that so many attempts left without a statement is tried at growing intervals.
const TRIES: u32 = 12;
/// The first of these intervals; each is twice the one before, up to the category's time.
const REST: Duration = Duration::from_secs(30);

impl Dispatch {
    /// What became of each worker's part in an open task, oldest first; empty for a task that is not open.
    #[must_use]
    pub fn attempts(&self, task: TaskId) -> &[Attempt] {
        self.open.get(&task).map_or(&[], |open| &open.attempts)
    }

    /// Says how a worker's statement fared, before its task ends or it is dropped.
    pub fn outcome(&mut self, task: TaskId, worker: Address, how: Ended) {
        let now = self.now;
        let Some(open) = self.open.get_mut(&task) else { return };
        let key = open.job;
        let worked = open.said.iter().any(|it| it.worker == worker && !it.failed);
        // A statement that came after its time may be the result all the same.
        let last = open.attempts.iter_mut().rev().find(|it| it.worker == worker);
        if let Some(attempt) = last.filter(|it| it.ended.is_none() || it.stated.is_some()) {
            attempt.ended = Some((now, how));
        }
        match how {
            Ended::Accepted => self.success(worker, key, worked),
            Ended::Dissented => self.fault(worker, task, Fault::Dissented),
            Ended::NotBrought => self.fault(worker, task, Fault::NotBrought),
            Ended::NotNeeded
            | Ended::TooLate(_)
            | Ended::Declined(_)
            | Ended::Left
            | Ended::Dropped
            | Ended::Refused
            | Ended::Barred
            | Ended::Claimed => {}
        }
    }

    /// Writes down how a worker's part in a task ended.
    pub(crate) fn close(&mut self, task: TaskId, worker: Address, how: Ended) {
        let now = self.now;
        if let Some(open) = self.open.get_mut(&task) {
            open.close(worker, now, how);
        }
    }

    /// A worker's statement is held: its lease is fulfilled.
    pub(crate) fn release(&mut self, worker: Address, task: TaskId) {
        let now = self.now;
        if let Some(station) = self.workers.get_mut(&worker) {
            station.heard = now;
        }
        let lease = self.unlease(worker, task);
        let Some(open) = self.open.get_mut(&task) else { return };
        if let Some(attempt) = open.attempts.iter_mut().rev().find(|it| it.worker == worker && it.stated.is_none()) {
            attempt.stated = Some(now);
        }
        self.unstick(task);
        if let Some(running) = lease.and_then(|lease| lease.running) {
            self.learn(task, |pace| pace.run.learn(now.0.saturating_sub(running.0)));
        }
        self.used(worker, task);
    }

    /// A worker's part ended without a statement. After many such the task rests for a while before it is tried again.
    pub(crate) fn tried(&mut self, task: TaskId, worker: Address, how: Ended) {
        self.close(task, worker, how);
        self.unlease(worker, task);
        let now = self.now;
        let Some(open) = self.open.get_mut(&task) else { return };
        open.tried = open.tried.saturating_add(1);
        if open.tried >= TRIES && open.said.is_empty() {
            let most = self.bags.get(&open.deal).map_or(REST, |bag| bag.terms.time);
            let doublings = open.tried.saturating_sub(TRIES);
            let rest = REST.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(most);
            open.rests_until = now.saturating_add(rest);
            self.alarms.insert((open.rests_until, task));
            if !std::mem::replace(&mut open.stuck, true)
                && let Some(job) = self.jobs.get_mut(&open.job)
            {
                job.stuck = job.stuck.saturating_add(1);
            }
        }
        self.reconsider(task);
    }

    /// A task that was tried in vain got its statement, or ended.
    pub(crate) fn unstick(&mut self, task: TaskId) {
        let Some(open) = self.open.get_mut(&task) else { return };
        if std::mem::take(&mut open.stuck)
            && let Some(job) = self.jobs.get_mut(&open.job)
        {
            job.stuck = job.stuck.saturating_sub(1);
        }
    }
}
