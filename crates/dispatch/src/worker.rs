//! Workers as dispatch knows them.

use crate::Dispatch;
use crate::decision::Decision;
use crate::open::Phase;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, DealId, OrderHash, Tag, TaskId, Timestamp};

/// With so many troubles a worker gets no more of a job.
const TROUBLES: u32 = 3;

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

/// A worker's place in dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) worker: Worker,
    pub(crate) score: u64,
    pub(crate) connected: bool,
    pub(crate) free: u32,
    /// Tasks it has a lease on.
    pub(crate) holding: BTreeSet<TaskId>,
    /// Jobs it gets no more of: it failed one of their tasks.
    pub(crate) quarantined: BTreeSet<OrderHash>,
    /// How often it had trouble with a job.
    pub(crate) troubles: BTreeMap<OrderHash, u32>,
}

impl Station {
    /// The least it works for in this category.
    pub(crate) fn floor(&self, category: u64) -> Amount {
        self.worker.floors.get(&category).copied().unwrap_or_default()
    }

    /// Whether the worker works for this pay in this category.
    pub(crate) fn accepts(&self, category: u64, pay: Amount) -> bool {
        self.worker.floors.is_empty() || self.worker.floors.get(&category).is_some_and(|floor| *floor <= pay)
    }
}

impl Dispatch {
    /// A worker connected. Tasks it still holds are adopted where they are still of use.
    pub fn worker_joined(&mut self, at: Timestamp, worker: Worker, holding: &[Held]) -> Joined {
        let address = worker.address;
        let before = self.workers.remove(&address);
        let known = before.is_some();
        let (leased, quarantined, troubles) =
            before.map_or_else(Default::default, |it| (it.holding, it.quarantined, it.troubles));
        let free = worker.slots;
        let score = worker.score;
        let station = Station { worker, score, connected: true, free, holding: BTreeSet::new(), quarantined, troubles };
        self.workers.insert(address, station);
        self.note_joined(address);
        let held: BTreeSet<TaskId> = holding.iter().map(|held| held.task).collect();
        for task in leased.difference(&held) {
            self.revoke(address, *task);
        }
        let mut joined = Joined::default();
        for held in holding {
            if self.adopt(at, address, *held, known) {
                joined.adopted.push(held.task);
            } else {
                joined.dropped.push(held.task);
            }
        }
        // It is known whose it is: what it stated before a restart counts from now on.
        let stated = self.orphaned.remove(&address).unwrap_or_default();
        self.alarms.extend(stated.into_iter().map(|task| (at, task)));
        self.set_free(address, free);
        joined
    }

    /// A worker's connection is gone. Its tasks wait for it for a while, then go to others.
    pub fn worker_left(&mut self, at: Timestamp, address: Address) {
        let Some(station) = self.workers.get_mut(&address) else { return };
        station.connected = false;
        let grace = at.saturating_add(self.clocks.grace);
        let held: Vec<TaskId> = station.holding.iter().copied().collect();
        self.hungry.remove(&address);
        self.rank(address);
        for task in held {
            let open = self.open.get_mut(&task).expect("a lease is on an open task");
            let lease = open.leases.get_mut(&address).expect("a worker's task has its lease");
            lease.until = lease.until.min(grace);
            let until = lease.until;
            self.alarms.insert((until, task));
        }
    }

    /// A worker says how many more tasks it can take.
    pub fn worker_ready(&mut self, address: Address, free: u32) {
        self.set_free(address, free);
    }

    /// A worker says anew what it works for, and how much load its site wishes for.
    pub fn worker_asks(&mut self, address: Address, floors: BTreeMap<u64, Amount>, heat: u8) {
        if let Some(station) = self.workers.get_mut(&address) {
            station.worker.floors = floors;
            station.worker.heat = heat;
            self.stirred = true;
        }
    }

    /// A worker gives a task back. It may be given it again, but gets no more of a job that it cannot run, or with which
    /// it had trouble too often.
    pub fn worker_declined(&mut self, address: Address, task: TaskId, reason: Decline) {
        let Some(open) = self.open.get_mut(&task) else { return };
        if open.leases.contains_key(&address) {
            open.touched.remove(&address);
        }
        let request = self.bags.get(&open.deal).map(|bag| bag.terms.request);
        self.revoke(address, task);
        let (Some(request), Some(station)) = (request, self.workers.get_mut(&address)) else { return };
        let cannot = match reason {
            Decline::Owner => false,
            Decline::Unable | Decline::TooSlow => true,
            Decline::Trouble => {
                let troubles = station.troubles.entry(request).or_default();
                *troubles = troubles.saturating_add(1);
                *troubles >= TROUBLES
            }
        };
        if cannot {
            station.quarantined.insert(request);
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
        self.workers.values().map(|station| WorkerView {
            worker: Worker { score: station.score, ..station.worker.clone() },
            connected: station.connected,
            holding: station.holding.len(),
            free: station.free,
        })
    }

    /// Takes a lease away; the task wants another worker.
    pub(crate) fn revoke(&mut self, address: Address, task: TaskId) {
        self.release(address, task);
        let Some(open) = self.open.get_mut(&task) else { return };
        open.leases.remove(&address);
        self.reconsider(task);
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
        if known && !self.open.get(&task).is_some_and(touched) || self.open_task(deal, index).is_none() {
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
        if open.settled_on.is_some() || !self.is_stranger_to(station, open) {
            return false;
        }
        let until = bag.lease_until(at, phase, 0, &clocks);
        let open = self.open.get_mut(&task).expect("the task is open");
        open.lease(address, phase, until);
        self.alarms.insert((until, task));
        let station = self.workers.get_mut(&address).expect("the worker joined just now");
        station.holding.insert(task);
        self.reconsider(task);
        true
    }

    fn set_free(&mut self, address: Address, free: u32) {
        let Some(station) = self.workers.get_mut(&address) else { return };
        station.free = free;
        if free > 0 && station.connected {
            self.hungry.insert(address);
            self.stirred = true;
        } else {
            self.hungry.remove(&address);
        }
    }

    /// What time brings: leases that ran out go to others. A worker that was there and let one run out gets no more of the
    /// job; one whose connection broke may have more when it is back.
    pub fn expire(&mut self, at: Timestamp, decisions: &mut Vec<Decision>) {
        while let Some((when, task)) = self.alarms.first().copied() {
            if when > at {
                return;
            }
            self.alarms.pop_first();
            self.expire_leases(at, task, decisions);
            self.examine(at, task, decisions);
        }
    }

    fn expire_leases(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let late: Vec<Address> =
            open.leases.iter().filter(|(_, lease)| lease.until <= at).map(|(worker, _)| *worker).collect();
        let request = self.bags.get(&open.deal).map(|bag| bag.terms.request);
        for worker in late {
            self.revoke(worker, task);
            decisions.push(Decision::Cancel { worker, task, ending: crate::Ending::TooLate });
            if let (Some(request), Some(station)) = (request, self.workers.get_mut(&worker))
                && station.connected
            {
                station.quarantined.insert(request);
            }
        }
    }
}
