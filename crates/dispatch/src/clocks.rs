//! How long each phase of an assignment may take, and what happens then.
//!
//! Fetch, run and upload have clocks of their own, none of which counts another's time: a slow line is not a slow machine.
//! A task that waits behind others on its worker is not late while that worker gets on with them. When a clock runs out the
//! task goes to another; it is held against a worker that was there, and that had its whole time. Whoever says that more of a
//! large image or input has come since has the fetch clock started again, for half of the time that the deal has left; that it was
//! not enough is held against it only the second time.

use crate::Dispatch;
use crate::attempt::{Ended, Role};
use crate::decision::{Decision, Ending};
use crate::open::{Lease, Phase};
use crate::quarantine::Fault;
use std::time::Duration;
use units::{Address, TaskId, Timestamp};

/// The clocks of an assignment; each phase has its own, and none counts another's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// To fetch app and inputs, and to wait for a free core behind the worker's other tasks: per task already held, added
    /// to the category's time.
    pub fetch: Duration,
    /// To upload a result; no more than the category's time.
    pub upload: Duration,
    /// How long a worker whose connection broke may take to come back before its tasks go to others.
    pub grace: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { fetch: Duration::from_secs(120), upload: Duration::from_secs(300), grace: Duration::from_secs(20) }
    }
}

impl Dispatch {
    /// A worker says how far it is with a task; the clock of that phase starts.
    pub fn phase(&mut self, at: Timestamp, worker: Address, task: TaskId, phase: Phase) {
        self.seen(at);
        if let Some(station) = self.workers.get_mut(&worker) {
            station.heard = at;
        }
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let Some(lease) = open.leases.get_mut(&worker) else { return };
        if phase == Phase::Fetch && lease.phase == Phase::Fetch {
            lease.fetching = Some(at);
            let half = bag.terms.until.saturating_since(lease.granted).checked_div(2).unwrap_or_default();
            let until = bag.lease_until(at, phase, 0, &self.clocks).min(lease.granted.saturating_add(half));
            if until > lease.until {
                (lease.until, lease.ends) = (until, until);
                self.alarms.insert((until, task));
            }
        }
        if phase <= lease.phase {
            return;
        }
        lease.phase = phase;
        lease.ends = bag.lease_until(at, phase, 0, &self.clocks);
        lease.until = lease.ends;
        self.alarms.insert((lease.until, task));
        if phase == Phase::Run {
            lease.running = Some(at);
            let fetched = lease.alone.then(|| at.0.saturating_sub(lease.granted.0));
            if let Some(attempt) = open.attempt(worker) {
                attempt.running = Some(at);
            }
            if let Some(fetched) = fetched {
                self.learn(task, |pace| pace.fetch.learn(fetched));
            }
        }
        self.time_leases(task);
    }

    /// What time brings: leases that ran out go to others. A worker that was there and let one run out gets no more of the
    /// job; one whose connection broke may have more when it is back.
    pub fn expire(&mut self, at: Timestamp, decisions: &mut Vec<Decision>) {
        self.seen(at);
        while let Some((when, task)) = self.alarms.first().copied() {
            if when > at {
                break;
            }
            self.alarms.pop_first();
            self.expire_leases(at, task, decisions);
            self.examine(at, task, decisions);
        }
        self.open_to_all(at);
        while let Some((when, key)) = self.watch.first().copied() {
            if when > at {
                break;
            }
            self.watch.pop_first();
            self.unwatch(key);
            self.stir(key);
        }
        self.hurry(at);
    }

    fn expire_leases(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let late: Vec<(Address, Lease)> = open
            .leases
            .iter()
            .filter(|(_, lease)| lease.until <= at)
            .map(|(worker, lease)| (*worker, *lease))
            .collect();
        let end = self.bags.get(&open.deal).map(|bag| bag.terms.until);
        for (worker, lease) in late {
            if self.gets_on(at, task, worker, &lease) {
                continue;
            }
            let there = self.workers.get(&worker).is_some_and(|station| station.connected);
            if there && (self.is_at_work(at, task, worker, &lease) || self.still_fetches(at, task, worker, &lease)) {
                self.take_back(task, worker);
                decisions.push(Decision::Cancel { worker, task, ending: Ending::TooLate });
                continue;
            }
            let how = if there { Ended::TooLate(lease.phase) } else { Ended::Left };
            self.tried(task, worker, how);
            if lease.role == Role::Hedge {
                self.wasted(task);
            }
            // Whose deal ended first had less than its time.
            if there && end.is_some_and(|end| lease.until < end) {
                self.fault(worker, task, Fault::Late);
            }
            decisions.push(Decision::Cancel { worker, task, ending: Ending::TooLate });
        }
    }

    /// Whether a worker's line is slow and not it: what the task needs was still coming, and never ran out on it before.
    fn still_fetches(&self, at: Timestamp, task: TaskId, worker: Address, lease: &Lease) -> bool {
        let Some(open) = self.open.get(&task) else { return false };
        let late = |(_, how): (Timestamp, Ended)| how == Ended::TooLate(Phase::Fetch);
        let before = open.attempts.iter().any(|it| it.worker == worker && it.ended.is_some_and(late));
        let coming = lease.fetching.is_some_and(|said| at.saturating_since(said) <= self.clocks.fetch);
        lease.phase == Phase::Fetch && coming && !before
    }

    /// Whether a task only waits behind others that its worker gets on with: then it may wait on.
    fn gets_on(&mut self, at: Timestamp, task: TaskId, worker: Address, lease: &Lease) -> bool {
        let Some(station) = self.workers.get(&worker) else { return false };
        let Some(bag) = self.open.get(&task).and_then(|open| self.bags.get(&open.deal)) else { return false };
        let until = bag.lease_until(station.heard, Phase::Fetch, 0, &self.clocks);
        let waits = lease.phase == Phase::Fetch && station.connected && station.holding.len() > 1;
        if !waits || station.heard <= lease.granted || until <= at {
            return false;
        }
        if let Some(lease) = self.open.get_mut(&task).and_then(|open| open.leases.get_mut(&worker)) {
            (lease.until, lease.ends) = (until, until);
        }
        self.alarms.insert((until, task));
        true
    }
}
