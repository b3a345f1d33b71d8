//! Policy: who runs which task, how many replicas it needs, and what the pool's gate lets through.
//!
//! [`Dispatch`] is told what happened (deals, workers, statements, time) and answers with [`Decision`]s; the exchange's
//! rules check each again. Invariants: a task is open only from its first grant until it ends, so that a deal of a million
//! tasks costs as little as one; a worker holds a task at most once; replicas of a task have distinct owners, unless the
//! exchange is private; nothing said about a task leaves the gate before the gate's rule passes.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod audit;
mod bag;
mod clocks;
mod decision;
mod gate;
mod grant;
mod open;
mod queue;
mod weight;
mod worker;

pub use audit::{AuditTerms, Standing, audit_draw};
pub use bag::{Bag, Terms};
pub use clocks::Clocks;
pub use decision::{Decision, Ending};
pub use open::{Phase, Statement};
pub use queue::{Load, Tasks};
pub use weight::{newcomers_needed, weight_of_score};
pub use worker::{Decline, Held, Joined, Worker, WorkerView};

use open::Open;
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, DealId, OrderHash, TaskId, Timestamp};
use worker::Station;

/// The state of dispatch. It is soft: it can be rebuilt from the exchange's state and what agents say they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Whether each machine counts as an owner of its own: a private exchange trusts its machines.
    private: bool,
    clocks: Clocks,
    workers: BTreeMap<Address, Station>,
    /// Workers with free slots.
    hungry: BTreeSet<Address>,
    bags: BTreeMap<DealId, Bag>,
    /// Per pool, whose turn it is.
    queues: BTreeMap<Address, Queue>,
    open: BTreeMap<TaskId, Open>,
    /// When something waits on time, and for which task.
    alarms: BTreeSet<(Timestamp, TaskId)>,
    /// Tasks whose result's package is wanted and was not asked for yet.
    unasked: BTreeSet<TaskId>,
    /// Tasks with statements from before a restart, by workers who have not come back yet.
    orphaned: BTreeMap<Address, BTreeSet<TaskId>>,
    /// The gate's audits of trust 1.
    audits: audit::Audits,
    /// Whether a grant may be possible that was not before.
    stirred: bool,
}

impl Dispatch {
    /// A dispatch with no deals and no workers.
    #[must_use]
    pub fn new(private: bool, clocks: Clocks) -> Self {
        Self {
            private,
            clocks,
            workers: BTreeMap::new(),
            hungry: BTreeSet::new(),
            bags: BTreeMap::new(),
            queues: BTreeMap::new(),
            open: BTreeMap::new(),
            alarms: BTreeSet::new(),
            unasked: BTreeSet::new(),
            orphaned: BTreeMap::new(),
            audits: audit::Audits::default(),
            stirred: false,
        }
    }

    /// A deal of a hosted pool was matched (or is found active after a restart): its tasks `terms.first..` are to be done.
    /// Returns nothing; grants follow from [`Dispatch::grants`].
    pub fn add_deal(&mut self, deal: DealId, terms: Terms) {
        self.queues.entry(terms.pool).or_default().add(terms.request, deal);
        self.bags.insert(deal, Bag::new(terms));
        self.bind_secret(deal);
        self.stirred = true;
    }

    /// Says, after a restart, that tasks below `next` of a deal were begun before, and which of those have ended.
    pub fn resume_deal(&mut self, deal: DealId, ended: &BTreeSet<u64>) {
        let Some(bag) = self.bags.get_mut(&deal) else { return };
        bag.resume(ended);
        if bag.is_done() {
            self.forget(deal);
        }
    }

    /// Says, after a restart, what a held commitment states about a task.
    pub fn restore_statement(&mut self, deal: DealId, index: u64, statement: Statement) {
        let Some(task) = self.open_task(deal, index) else { return };
        let open = self.open.get_mut(&task).expect("the task was opened just now");
        self.orphaned.entry(statement.worker).or_default().insert(task);
        let worker = statement.worker;
        open.note(statement);
        self.note_audited(task, worker);
        // Looked at again as soon as time is asked about.
        self.alarms.insert((Timestamp::default(), task));
        self.stirred = true;
    }

    /// Says, after a restart, that a worker took part in a task and is out: it gets no other part in it.
    pub fn restore_rejected(&mut self, deal: DealId, index: u64, worker: Address) {
        let Some(task) = self.open_task(deal, index) else { return };
        self.open.get_mut(&task).expect("the task was opened just now").touched.insert(worker);
        self.alarms.insert((Timestamp::default(), task));
    }

    /// Where an open task is, or a task that a worker was granted.
    #[must_use]
    pub fn place(&self, task: TaskId) -> Option<(DealId, u64)> {
        self.open.get(&task).map(|open| (open.deal, open.index))
    }

    /// The terms of a live deal.
    #[must_use]
    pub fn bag(&self, deal: DealId) -> Option<&Bag> {
        self.bags.get(&deal)
    }

    /// Live deals.
    pub fn deals(&self) -> impl Iterator<Item = (DealId, &Bag)> {
        self.bags.iter().map(|(deal, bag)| (*deal, bag))
    }

    /// How a deal's tasks stand just now.
    #[must_use]
    pub fn tasks(&self, deal: DealId) -> Option<Tasks> {
        let bag = self.bags.get(&deal)?;
        let held = bag.open.iter().filter_map(|task| self.open.get(task));
        let (running, replicas) = held.fold((0_u64, 0_u64), |(running, replicas), open| {
            let leases = u64::try_from(open.leases.len()).expect("a task's leases are few");
            (running.saturating_add(u64::from(leases > 0)), replicas.saturating_add(leases))
        });
        Some(Tasks { waiting: bag.unopened(), open: bag.open_count(), running, replicas, ended: bag.ended() })
    }

    /// How much is kept here: all zero when nothing is under way.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            deals: self.bags.len(),
            queued: self.queues.values().map(Queue::len).fold(0, usize::saturating_add),
            open: self.open.len(),
            leases: self.open.values().map(|open| open.leases.len()).fold(0, usize::saturating_add),
            held: self.workers.values().map(|station| station.holding.len()).fold(0, usize::saturating_add),
            alarms: self.alarms.len(),
            unasked: self.unasked.len(),
        }
    }

    /// When something here next waits on time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// A task has ended for good (finalized or claimed): its leases are called off, its deal may be done.
    pub fn task_ended(&mut self, task: TaskId, decisions: &mut Vec<Decision>) {
        self.end_audit(task);
        let Some(open) = self.open.remove(&task) else { return };
        for statement in &open.said {
            if let Some(tasks) = self.orphaned.get_mut(&statement.worker) {
                tasks.remove(&task);
            }
        }
        for worker in open.leases.keys() {
            self.release(*worker, task);
            decisions.push(Decision::Cancel { worker: *worker, task, ending: Ending::NotNeeded });
        }
        let deal = open.deal;
        if let Some(bag) = self.bags.get_mut(&deal) {
            bag.end(task, open.index);
            if bag.is_done() {
                self.forget(deal);
            }
        }
        self.stirred = true;
    }

    /// A task that was never opened here has ended: claimed for want of time.
    pub fn unopened_ended(&mut self, deal: DealId, task: TaskId, index: u64) {
        if let Some(bag) = self.bags.get_mut(&deal) {
            bag.end(task, index);
            if bag.is_done() {
                self.forget(deal);
            }
        }
    }

    /// Whether each machine counts as an owner of its own.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Whether a worker holds a task of this job now, or has stated a result that is not final.
    #[must_use]
    pub fn holds_of(&self, worker: Address, request: OrderHash) -> bool {
        let of_job = |deal: &DealId| self.bags.get(deal).is_some_and(|bag| bag.terms.request == request);
        let held = self.workers.get(&worker).into_iter().flat_map(|station| &station.holding);
        held.filter_map(|task| self.open.get(task)).any(|open| of_job(&open.deal))
    }

    /// Who took part in an open task and stated which result; empty for a task that is not open.
    #[must_use]
    pub fn statements(&self, task: TaskId) -> &[Statement] {
        self.open.get(&task).map_or(&[], |open| &open.said)
    }

    /// The task's running time was `ran_ms` on some worker: for forecasts.
    pub fn ran(&mut self, deal: DealId, ran_ms: u64) {
        if let Some(bag) = self.bags.get_mut(&deal) {
            bag.learn(ran_ms);
        }
    }

    fn forget(&mut self, deal: DealId) {
        self.unbind_secret(deal);
        if let Some(bag) = self.bags.remove(&deal) {
            let queue = self.queues.get_mut(&bag.terms.pool).expect("a deal's pool has a queue");
            queue.remove(bag.terms.request, deal);
        }
    }

    /// Opens a task if its deal is live and it has not ended; its id.
    fn open_task(&mut self, deal: DealId, index: u64) -> Option<TaskId> {
        let bag = self.bags.get_mut(&deal)?;
        let task = orders::ids::task_id(deal, units::U256::from(index));
        let known = self.open.contains_key(&task);
        if !known && !bag.open_index(task, index) {
            return None;
        }
        self.open.entry(task).or_insert_with(|| Open::new(deal, index));
        Some(task)
    }

    fn release(&mut self, worker: Address, task: TaskId) {
        if let Some(station) = self.workers.get_mut(&worker) {
            station.holding.remove(&task);
        }
    }
}
