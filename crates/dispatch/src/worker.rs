//! Workers as dispatch knows them.

use crate::Dispatch;
use crate::attempt::{Ended, Role};
use crate::open::Phase;
use crate::pool::Rank;
use crate::quarantine::{Fault, Faults};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Address, Amount, DealId, Tag, TaskId, Timestamp};

/// Workers that are not connected and are remembered.
const MOST_GONE: usize = 10_000;
/// Apps and datasets that a worker used here and is taken to hold still.
const MOST_USED: usize = 64;

/// What a worker says of itself when it joins, and what the exchange knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// The worker.
    pub address: Address,
    /// Who owns it.
    pub owner: Address,
    /// The pool it works for.
    pub pool: Address,
    /// Cores it lends: tasks it runs at once.
    pub cores: u32,
    /// Tasks it can hold at once.
    pub slots: u32,
    /// The least it works for, by category, nano-credits a task; empty: anything, for nothing.
    pub floors: BTreeMap<u64, Amount>,
    /// Its PoCo score.
    pub score: u64,
    /// Its benchmark, millions of operations a second.
    pub benchmark: u64,
    /// What it can do.
    pub tag: Tag,
    /// Where it is, in the operator's words; `None` if it does not say.
    pub region: Option<String>,
    /// What class of machines it is of, as far as results depend on it: processor family and runtime.
    pub class: String,
    /// How much its site wishes for load: percent of all it can have, at most 100.
    pub heat: u8,
    /// Apps and datasets that it holds already.
    pub cached: BTreeSet<Address>,
    /// Contributions to strangers' tasks that were proved in its pool: the exchange's to say.
    pub earned: u64,
    /// Checks that it passed in its pool: the exchange's to say.
    pub checks: u64,
    /// Whether it is barred from its pool: the exchange's to say.
    pub barred: bool,
}

/// Why a worker gave a task back. None of these is held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decline {
    /// Its owner needs the machine.
    Owner,
    /// Something went wrong there this time: a fetch, the disk, memory.
    Trouble,
    /// It cannot run tasks of this job at all.
    Unable,
    /// It is too slow for the task.
    TooSlow,
}

/// A task that a worker still holds when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the request's bag.
    pub index: u64,
    /// How far it is.
    pub phase: Phase,
}

/// What became of the tasks a worker still held when it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// It goes on with these.
    pub adopted: Vec<TaskId>,
    /// It drops these.
    pub dropped: Vec<TaskId>,
}

/// A worker as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// What it said of itself.
    pub worker: Worker,
    /// Whether it is connected.
    pub connected: bool,
    /// Tasks it holds.
    pub holding: usize,
    /// Free slots.
    pub free: u32,
}

impl WorkerView {
    fn of(station: &Station) -> Self {
        Self {
            worker: Worker { score: station.score, ..station.worker.clone() },
            connected: station.connected,
            holding: station.holding.len(),
            free: station.free,
        }
    }
}

/// A worker's place in dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) worker: Worker,
    pub(crate) score: u64,
    pub(crate) connected: bool,
    /// Since when its connection is gone.
    pub(crate) left: Option<Timestamp>,
    pub(crate) free: u32,
    /// Tasks it has a lease on.
    pub(crate) holding: BTreeSet<TaskId>,
    /// How long these were expected to run, together, milliseconds.
    pub(crate) backlog_ms: u64,
    /// When it last said something about a task.
    pub(crate) heard: Timestamp,
    /// Apps and datasets that it used here, oldest first.
    used: VecDeque<Address>,
    pub(crate) faults: Faults,
    /// How often PoCo did not need its word, which agreed, less how often it had no need of another's because of it.
    pub(crate) turns_owed: i64,
    /// Its class in its pool, while connected.
    pub(crate) class: u32,
    /// Its place among those who wait for work.
    pub(crate) rank: Option<Rank>,
    /// Whether it waits and has yet to be tried against the jobs that are ready.
    pub(crate) fresh: bool,
}

impl Station {
    /// The least it works for in this category.
    pub(crate) fn floor(&self, category: u64) -> Amount {
        self.worker.floors.get(&category).copied().unwrap_or_default()
    }

    /// Whether the worker works for this pay in this category.
    pub(crate) fn accepts(&self, category: u64, pay: Amount) -> bool {
        accepts(&self.worker.floors, category, pay)
    }

    /// Apps and datasets that it says it holds, or used here.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &Address> {
        self.worker.cached.iter().chain(self.used.iter().filter(|asset| !self.worker.cached.contains(*asset)))
    }

    /// Whether it holds an app or a dataset.
    pub(crate) fn holds(&self, asset: &Address) -> bool {
        self.worker.cached.contains(asset) || self.used.contains(asset)
    }

    /// How many tasks it may hold with so many recent faults.
    pub(crate) fn slots_at(&self, faults: u64) -> usize {
        let halved = self.worker.slots.checked_shr(u32::try_from(faults).unwrap_or(u32::MAX)).unwrap_or(0);
        usize::try_from(halved.max(1)).unwrap_or(usize::MAX)
    }
}

/// Whether these floors allow this pay in this category.
pub(crate) fn accepts(floors: &BTreeMap<u64, Amount>, category: u64, pay: Amount) -> bool {
    floors.is_empty() || floors.get(&category).is_some_and(|floor| *floor <= pay)
}

impl Dispatch {
    /// A worker connected. Tasks it still holds are adopted where they are still of use.
    pub fn worker_joined(&mut self, at: Timestamp, worker: Worker, holding: &[Held]) -> Joined {
        self.seen(at);
        let address = worker.address;
        self.unplace(address);
        let before = self.workers.remove(&address);
        let known = before.is_some();
        // To come back is not to get on with anything.
        let (backlog_ms, heard) = before.as_ref().map_or((0, at), |it| (it.backlog_ms, it.heard));
        let (leased, used, faults, turns_owed) =
            before.map_or_else(Default::default, |it| (it.holding, it.used, it.faults, it.turns_owed));
        let mut station = Station {
            score: worker.score,
            connected: true,
            left: None,
            free: 0,
            holding: leased.clone(),
            backlog_ms,
            heard,
            used,
            faults,
            turns_owed,
            class: 0,
            rank: None,
            fresh: false,
            worker,
        };
        let free = station.worker.slots;
        station.class = self.pools.entry(station.worker.pool).or_default().enter(&station);
        self.workers.insert(address, station);
        self.note_joined(address);
        let mut joined = Joined::default();
        for held in holding {
            if self.adopt(at, address, *held, known) {
                joined.adopted.push(held.task);
            } else {
                joined.dropped.push(held.task);
            }
        }
        let adopted: BTreeSet<TaskId> = joined.adopted.iter().copied().collect();
        for task in leased.difference(&adopted) {
            self.close(*task, address, Ended::Dropped);
            self.revoke(address, *task);
        }
        // It is known whose it is: what it stated before a restart counts from now on.
        let stated = self.orphaned.remove(&address).unwrap_or_default();
        for task in stated.iter().chain(joined.adopted.iter().filter(|_| !known)) {
            self.promise_again(address, *task);
        }
        self.alarms.extend(stated.into_iter().map(|task| (at, task)));
        self.set_free(address, free);
        joined
    }

    /// A worker's connection is gone. Its tasks wait for it for a while, then go to others.
    pub fn worker_left(&mut self, at: Timestamp, address: Address) {
        self.seen(at);
        if !self.workers.get(&address).is_some_and(|station| station.connected) {
            return;
        }
        self.unplace(address);
        let Some(station) = self.workers.get_mut(&address) else { return };
        station.connected = false;
        station.left = Some(at);
        let grace = at.saturating_add(self.clocks.grace);
        let held: Vec<TaskId> = station.holding.iter().copied().collect();
        self.rank(address);
        for task in held {
            let open = self.open.get_mut(&task).expect("a lease is on an open task");
            let lease = open.leases.get_mut(&address).expect("a worker's task has its lease");
            lease.until = lease.until.min(grace);
            let until = lease.until;
            self.alarms.insert((until, task));
            self.time_leases(task);
        }
        self.gone.push_back(address);
        if self.gone.len() > MOST_GONE
            && let Some(oldest) = self.gone.pop_front()
            && self.workers.get(&oldest).is_some_and(|it| !it.connected && it.holding.is_empty())
        {
            self.workers.remove(&oldest);
        }
    }

    /// A worker says how many more tasks it can take.
    pub fn worker_ready(&mut self, address: Address, free: u32) {
        self.set_free(address, free);
    }

    /// A worker says anew what it works for, and how much load its site wishes for.
    pub fn worker_asks(&mut self, address: Address, floors: BTreeMap<u64, Amount>, heat: u8) {
        self.unplace(address);
        let Some(station) = self.workers.get_mut(&address) else { return };
        station.worker.floors = floors;
        station.worker.heat = heat;
        if station.connected {
            station.class = self.pools.entry(station.worker.pool).or_default().enter(station);
            self.appraise(address, true);
        }
    }

    /// A worker gives a task back. It may be given it again, but gets no more of a job that it cannot run, or with which
    /// it had trouble too often; and who gives back much for its owner cannot choose what it gets instead.
    pub fn worker_declined(&mut self, address: Address, task: TaskId, reason: Decline) {
        let Some(open) = self.open.get_mut(&task) else { return };
        if !open.leases.contains_key(&address) {
            return;
        }
        open.touched.remove(&address);
        if let Some(station) = self.workers.get_mut(&address) {
            station.heard = self.now;
        }
        let fault = match reason {
            Decline::Owner => None,
            Decline::Unable => Some(Fault::Unable),
            Decline::TooSlow => Some(Fault::Slow),
            Decline::Trouble => Some(Fault::Trouble),
        };
        if let Some(fault) = fault {
            self.fault(address, task, fault);
            self.tried(task, address, Ended::Declined(reason));
        } else {
            self.gives_back(address, task);
            self.close(task, address, Ended::Declined(reason));
            self.revoke(address, task);
        }
    }

    /// A worker's PoCo score changed.
    pub fn set_score(&mut self, address: Address, score: u64) {
        if let Some(station) = self.workers.get_mut(&address) {
            station.score = score;
        }
    }

    /// What a worker is to earn for a task of this deal: what it asks, as far as the deal covers that by itself. What a worker
    /// asks that has not come back since a restart is not known: then all that the deal covers.
    #[must_use]
    pub fn due(&self, worker: Address, deal: DealId) -> Amount {
        let Some(terms) = self.bags.get(&deal).map(|bag| &bag.terms) else { return Amount::ZERO };
        self.workers.get(&worker).map_or(terms.pay, |station| station.floor(terms.category).min(terms.pay))
    }

    /// The workers that joined and have not been forgotten, connected or not.
    pub fn workers(&self) -> impl Iterator<Item = WorkerView> {
        self.workers.values().map(WorkerView::of)
    }

    /// A worker that joined and has not been forgotten.
    #[must_use]
    pub fn worker(&self, address: Address) -> Option<WorkerView> {
        self.workers.get(&address).map(WorkerView::of)
    }

    /// Takes a lease away; the task wants another worker.
    pub(crate) fn revoke(&mut self, address: Address, task: TaskId) {
        self.unlease(address, task);
        self.reconsider(task);
    }

    /// A worker used what the task needs: it is taken to hold that from now on.
    pub(crate) fn used(&mut self, address: Address, task: TaskId) {
        let Some(bag) = self.open.get(&task).and_then(|open| self.bags.get(&open.deal)) else { return };
        let Some(station) = self.workers.get_mut(&address) else { return };
        let Some(pool) = self.pools.get_mut(&station.worker.pool).filter(|_| station.connected) else { return };
        for asset in &bag.terms.needs {
            if station.holds(asset) {
                continue;
            }
            station.used.push_back(*asset);
            pool.holders.entry(*asset).or_default().insert(address);
            if station.used.len() > MOST_USED
                && let Some(oldest) = station.used.pop_front()
            {
                pool.forget_holder(oldest, address);
            }
        }
    }

    /// Lets a worker go on with a task that it held before. Of a worker that was here before (`known`) only what it was
    /// granted is believed; of one that comes for the first time since a restart, what is still free to be held.
    fn adopt(&mut self, at: Timestamp, address: Address, held: Held, known: bool) -> bool {
        let Held { task, deal, index, phase } = held;
        let clocks = self.clocks;
        let live = self.bags.get(&deal).is_some_and(|bag| at < bag.terms.until);
        if !live || orders::ids::task_id(deal, units::U256::from(index)) != task {
            return false;
        }
        let touched = |open: &crate::Open| open.touched.contains(&address);
        if known && !self.open.get(&task).map(Box::as_ref).is_some_and(touched) || self.open_task(deal, index).is_none()
        {
            return false;
        }
        let open = self.open.get_mut(&task).expect("the task was opened just now");
        if open.has_said(address) {
            // What it was asked for may never have reached it.
            open.asked.remove(&address);
            self.alarms.insert((at, task));
            return true;
        }
        let open = self.open.get(&task).expect("the task was opened just now");
        let station = self.workers.get(&address).expect("the worker joined just now");
        let Some(bag) = self.bags.get(&open.deal) else { return false };
        if open.settled_on.is_some() || self.is_barred(address) || !self.is_stranger_to(station, open) {
            // It may have been opened just now, and is another's to do.
            self.reconsider(task);
            return false;
        }
        let before = open.leases.get(&address);
        let role = before.map_or(Role::Replica, |lease| lease.role);
        // A broken connection does not set a clock back; a machine that died begins anew.
        let goes_on =
            before.filter(|lease| lease.phase == phase).map(|lease| (lease.ends, lease.granted, lease.running));
        let until = goes_on.map_or_else(|| bag.lease_until(at, phase, 0, &clocks), |(ends, ..)| ends);
        self.lease(address, task, (role, phase), until);
        let lease = self.open.get_mut(&task).and_then(|open| open.leases.get_mut(&address));
        if let (Some(lease), Some((_, granted, running))) = (lease, goes_on) {
            (lease.granted, lease.running) = (granted, running);
            self.time_leases(task);
        }
        self.reconsider(task);
        true
    }

    fn set_free(&mut self, address: Address, free: u32) {
        let Some(station) = self.workers.get_mut(&address) else { return };
        station.free = free;
        self.appraise(address, free > 0);
    }

    /// Takes a worker that is connected out of its pool's indexes.
    fn unplace(&mut self, address: Address) {
        let Some(station) = self.workers.get_mut(&address).filter(|station| station.connected) else { return };
        let Some(pool) = self.pools.get_mut(&station.worker.pool) else { return };
        if let Some(rank) = station.rank {
            pool.fresh.remove(&(rank, address));
            pool.place(station, Some(rank), None);
        }
        (station.rank, station.fresh) = (None, false);
        pool.leave(station);
    }
}
