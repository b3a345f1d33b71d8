//! Whose turn it is in a pool.
//!
//! Machines are shared between jobs by time, not by tasks: each grant moves a job's turn on by what its tasks take, and the
//! job whose turn is the least is next. So a short job is not stuck behind a long one, a job of long tasks gets no more than
//! one of short ones, and none starves. A job that comes, or comes back, starts at the pool's own time, which goes on by what
//! each grant takes over the number of jobs. Price has no say here: what is matched is owed.

use std::collections::BTreeSet;
use units::OrderHash;

/// The first turn of a pool: those before it are for what is in a hurry.
const FIRST: u64 = 1 << 32;

/// How a deal's tasks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Not begun.
    pub waiting: u64,
    /// Begun and not ended.
    pub open: u64,
    /// Of those, how many some worker holds.
    pub running: u64,
    /// Leases in all.
    pub replicas: u64,
    /// Ended.
    pub ended: u64,
}

/// What dispatch keeps, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Live deals.
    pub deals: usize,
    /// Jobs with live deals, over all pools.
    pub queued: usize,
    /// Tasks begun and not ended.
    pub open: usize,
    /// Leases on them.
    pub leases: usize,
    /// Tasks that workers hold: as many as leases.
    pub held: usize,
    /// Things that wait on time.
    pub alarms: usize,
    /// Packages to be asked for.
    pub unasked: usize,
}

/// The jobs of a pool that have something to give, by turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    ready: BTreeSet<(u64, OrderHash)>,
    /// Of those, the ones for which workers were not looked for since they had something new to give.
    active: BTreeSet<(u64, OrderHash)>,
    /// The turn at which a job starts that comes now.
    clock: u64,
}

impl Queue {
    /// A job has something to give. Its turn.
    pub(crate) fn ready(&mut self, turn: u64, request: OrderHash) -> u64 {
        let turn = turn.max(self.clock).max(FIRST);
        self.ready.insert((turn, request));
        self.active.insert((turn, request));
        turn
    }

    /// A ready job has something new to give.
    pub(crate) fn stir(&mut self, turn: u64, request: OrderHash) {
        if self.ready.contains(&(turn, request)) {
            self.active.insert((turn, request));
        }
    }

    /// A job has nothing to give any more.
    pub(crate) fn rest(&mut self, turn: u64, request: OrderHash) {
        self.ready.remove(&(turn, request));
        self.active.remove(&(turn, request));
    }

    /// A job is to go first. Its turn.
    pub(crate) fn hurry(&mut self, turn: u64, request: OrderHash) -> u64 {
        let first = self.ready.first().map_or(turn, |(first, _)| first.saturating_sub(1)).min(turn);
        if self.ready.remove(&(turn, request)) {
            self.ready.insert((first, request));
        }
        if self.active.remove(&(turn, request)) {
            self.active.insert((first, request));
        }
        first
    }

    /// Nobody who waits for work can take what the job has.
    pub(crate) fn set_aside(&mut self, turn: u64, request: OrderHash) {
        self.active.remove(&(turn, request));
    }

    /// A job was given a worker for about `cost` milliseconds. Its next turn; that of a hurried one stays.
    pub(crate) fn served(&mut self, turn: u64, request: OrderHash, cost: u64, hurried: bool) -> u64 {
        let next = if hurried { turn } else { turn.saturating_add(cost.max(1)) };
        // With ever new jobs coming time must go on, or those that came before would wait for ever.
        let share = cost.checked_div(u64::try_from(self.ready.len().max(1)).unwrap_or(u64::MAX)).unwrap_or(0);
        self.clock = self.clock.max(turn).saturating_add(share);
        if self.ready.remove(&(turn, request)) {
            self.ready.insert((next, request));
        }
        if self.active.remove(&(turn, request)) {
            self.active.insert((next, request));
        }
        next
    }

    /// The jobs that have something to give, in turn.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = OrderHash> {
        self.ready.iter().map(|(_, request)| *request)
    }

    /// The job for which workers are to be looked for next.
    pub(crate) fn next(&self) -> Option<(u64, OrderHash)> {
        self.active.first().copied()
    }
}
