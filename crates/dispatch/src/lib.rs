//! Policy: who runs which task, how many replicas it needs, and what the pool's gate lets through.
//!
//! [`Dispatch`] is told what happened (deals, workers, statements, time) and answers with [`Decision`]s; the exchange's
//! rules check each again. Invariants: a task is open only from its first grant until it ends, so that a deal of a million
//! tasks costs as little as one; a worker holds a task at most once; replicas of a task have distinct owners, unless the
//! exchange is private; nothing said about a task leaves the gate before the gate's rule passes.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod alarms;
mod attempt;
mod audit;
mod bag;
mod choose;
mod classes;
mod clocks;
mod decision;
mod gate;
mod grant;
mod hedge;
mod hurry;
mod idle;
mod job;
mod kin;
mod look;
mod open;
mod pace;
mod pool;
mod quarantine;
mod queue;
mod returned;
mod weight;
mod worker;

pub use attempt::{Attempt, Ended, Role};
pub use audit::{AuditLoad, AuditTerms, Standing, audit_draw};
pub use bag::{Bag, Terms};
pub use classes::{Check, Word};
pub use clocks::Clocks;
pub use decision::{Decision, Ending};
pub use idle::Idle;
pub use job::JobLoad;
pub use open::{Phase, Statement};
pub use pool::PoolLoad;
pub use quarantine::Fault;
pub use queue::{Load, Tasks};
pub use weight::{newcomers_needed, weight_of_score};
pub use worker::{Decline, Held, Joined, Worker, WorkerView};

use alarms::Alarms;
use job::{Job, JobKey, Paces};
use open::Open;
use pool::Pool;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Address, DealId, OrderHash, TaskId, Timestamp};
use worker::Station;

/// The state of dispatch. It is soft: it can be rebuilt from the exchange's state and what agents say they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Whether each machine counts as an owner of its own: a private exchange trusts its machines.
    private: bool,
    clocks: Clocks,
    /// The latest moment that it was told of.
    now: Timestamp,
    workers: BTreeMap<Address, Station>,
    /// Workers whose connection is gone, the longest gone first.
    gone: VecDeque<Address>,
    pools: BTreeMap<Address, Pool>,
    bags: BTreeMap<DealId, Bag>,
    jobs: BTreeMap<JobKey, Job>,
    /// Jobs without live deals, the longest so first.
    retired: VecDeque<JobKey>,
    paces: Paces,
    /// Boxed, so that a new one does not move its neighbours.
    open: BTreeMap<TaskId, Box<Open>>,
    /// When something waits on time, and for which task.
    alarms: Alarms,
    /// When a job's first lease is overdue that may be hedged.
    watch: BTreeSet<(Timestamp, JobKey)>,
    /// When a deal's replicas are for everybody.
    opening: BTreeSet<(Timestamp, DealId)>,
    /// Tasks whose result's package is wanted and was not asked for yet.
    unasked: BTreeSet<TaskId>,
    /// Tasks with statements from before a restart, by workers who have not come back yet.
    orphaned: BTreeMap<Address, BTreeSet<TaskId>>,
    /// The gate's audits of trust 1.
    audits: audit::Audits,
    /// Pools in which a grant may be possible that was not before.
    stirred: BTreeSet<Address>,
    /// More could be granted than was at once.
    ungranted: bool,
    /// Workers and jobs looked at for grants.
    steps: u64,
}

impl Dispatch {
    /// A dispatch with no deals and no workers.
    #[must_use]
    pub fn new(private: bool, clocks: Clocks) -> Self {
        Self {
            private,
            clocks,
            now: Timestamp::default(),
            workers: BTreeMap::new(),
            gone: VecDeque::new(),
            pools: BTreeMap::new(),
            bags: BTreeMap::new(),
            jobs: BTreeMap::new(),
            retired: VecDeque::new(),
            paces: Paces::default(),
            open: BTreeMap::new(),
            alarms: Alarms::default(),
            watch: BTreeSet::new(),
            opening: BTreeSet::new(),
            unasked: BTreeSet::new(),
            orphaned: BTreeMap::new(),
            audits: audit::Audits::default(),
            stirred: BTreeSet::new(),
            ungranted: false,
            steps: 0,
        }
    }

    /// A deal of a hosted pool was matched (or is found active after a restart): its tasks `terms.first..` are to be done.
    /// Returns nothing; grants follow from [`Dispatch::grants`].
    pub fn add_deal(&mut self, deal: DealId, terms: Terms) {
        let key = (terms.request, terms.pool);
        let bag = Bag::new(terms);
        let load = &mut self.pools.entry(key.1).or_default().load;
        load.tasks = load.tasks.saturating_add(bag.terms.size);
        load.replicas = load.replicas.saturating_add(bag.replicas_left());
        let fair = self.fair_until(&bag.terms).filter(|until| *until > self.now);
        self.opening.extend(fair.map(|until| (until, deal)));
        self.bags.insert(deal, bag);
        self.bind_secret(deal);
        self.time_deal(deal);
        let job = self.jobs.entry(key).or_default();
        job.deals.push_back(deal);
        job.roomy.push_back(deal);
        self.stir(key);
    }

    /// A worker as it described itself, connected or not.
    #[must_use]
    pub fn description(&self, worker: Address) -> Option<&Worker> {
        self.workers.get(&worker).map(|station| &station.worker)
    }

    /// Says, after a restart, that tasks below `next` of a deal were begun before, and which of those have ended.
    pub fn resume_deal(&mut self, deal: DealId, ended: &BTreeSet<u64>) {
        let Some(bag) = self.bags.get_mut(&deal) else { return };
        let key = (bag.terms.request, bag.terms.pool);
        let before = bag.replicas_left();
        bag.resume(ended);
        let (after, count, done) = (bag.replicas_left(), bag.ended(), bag.is_done());
        self.count_ended(key.1, count, before.saturating_sub(after));
        if done {
            self.forget(deal);
        }
        self.refresh(key);
    }

    /// Says, after a restart, what a held commitment states about a task; and its place among what its worker stated, where the
    /// exchange knows that.
    pub fn restore_statement(&mut self, deal: DealId, index: u64, statement: Statement, place: Option<u64>) {
        let Some(task) = self.open_task(deal, index) else { return };
        let open = self.open.get_mut(&task).expect("the task was opened just now");
        self.orphaned.entry(statement.worker).or_default().insert(task);
        let worker = statement.worker;
        open.note(statement);
        self.note_audited(task, worker, place);
        if place.is_none() {
            self.note_restored(deal, worker);
        }
        // Looked at again as soon as time is asked about, and at its last call.
        self.alarms.insert((Timestamp::default(), task));
        self.time_last_call(task);
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
            queued: self.jobs.values().filter(|job| !job.deals.is_empty()).count(),
            open: self.open.len(),
            leases: self.open.values().map(|open| open.leases.len()).fold(0, usize::saturating_add),
            held: self.workers.values().map(|station| station.holding.len()).fold(0, usize::saturating_add),
            alarms: self.alarms.len(),
            unasked: self.unasked.len(),
        }
    }

    /// How a pool stands.
    #[must_use]
    pub fn pool(&self, pool: Address) -> PoolLoad {
        self.pools.get(&pool).map(|pool| pool.load).unwrap_or_default()
    }

    /// Workers and jobs looked at for grants so far: what grants cost, without a clock.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// When something here next waits on time. A grant that is possible now waits for nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let watch = self.watch.first().map(|(at, _)| *at);
        let opening = self.opening.first().map(|(at, _)| *at);
        let hurry = self.next_hurry().map(|(at, _)| at);
        if self.ungranted {
            return Some(self.now);
        }
        self.alarms.first().map(|(at, _)| *at).into_iter().chain(watch).chain(opening).chain(hurry).min()
    }

    /// A task has ended for good (finalized or claimed): its leases are called off, its deal may be done. What became of each
    /// worker's part in it, as far as it is known here.
    pub fn task_ended(&mut self, task: TaskId, decisions: &mut Vec<Decision>) -> Vec<Attempt> {
        self.call_off(task, decisions);
        self.end_audit(task);
        self.unstick(task);
        let Some(open) = self.open.remove(&task) else { return Vec::new() };
        for statement in &open.said {
            if let Some(tasks) = self.orphaned.get_mut(&statement.worker) {
                tasks.remove(&task);
                if tasks.is_empty() {
                    self.orphaned.remove(&statement.worker);
                }
            }
        }
        self.alarms.forget(task);
        self.unasked.remove(&task);
        self.returned_ended(&open, task);
        if let Some(job) = self.jobs.get_mut(&open.job) {
            job.wanting.remove(&(open.index, task));
        }
        self.unopened_ended(open.deal, task, open.index);
        self.refresh(open.job);
        open.attempts
    }

    /// A task that was never opened here has ended: claimed for want of time.
    pub fn unopened_ended(&mut self, deal: DealId, task: TaskId, index: u64) {
        let Some(bag) = self.bags.get_mut(&deal) else { return };
        let (pool, before) = (bag.terms.pool, bag.replicas_left());
        bag.end(task, index);
        let (after, done) = (bag.replicas_left(), bag.is_done());
        self.count_ended(pool, 1, before.saturating_sub(after));
        if done {
            self.forget(deal);
        }
    }

    fn count_ended(&mut self, pool: Address, tasks: u64, replicas: u64) {
        if let Some(pool) = self.pools.get_mut(&pool) {
            pool.load.tasks = pool.load.tasks.saturating_sub(tasks);
            pool.load.replicas = pool.load.replicas.saturating_sub(replicas);
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

    /// A worker says that it ran an open task for `ran_ms`: for forecasts, and for what is late. No longer is believed than
    /// it had the task.
    pub fn ran(&mut self, task: TaskId, ran_ms: u64) {
        let Some(open) = self.open.get(&task) else { return };
        if let Some(bag) = self.bags.get_mut(&open.deal) {
            bag.learn(ran_ms);
        }
        let Some(last) = open.attempts.iter().filter(|it| it.stated.is_some()).max_by_key(|it| it.stated) else {
            return;
        };
        let had = last.stated.unwrap_or(last.granted).0.saturating_sub(last.granted.0);
        if last.running.is_none() {
            self.learn(task, |pace| pace.run.learn(ran_ms.min(had)));
        }
    }

    fn forget(&mut self, deal: DealId) {
        self.unbind_secret(deal);
        let Some(bag) = self.bags.remove(&deal) else { return };
        self.untime_deal(deal, &bag);
        if let Some(until) = self.fair_until(&bag.terms) {
            self.opening.remove(&(until, deal));
        }
        let key = (bag.terms.request, bag.terms.pool);
        let Some(job) = self.jobs.get_mut(&key) else { return };
        job.deals.retain(|it| *it != deal);
        job.roomy.retain(|it| *it != deal);
        if job.deals.is_empty() {
            self.retire(key);
        }
        self.refresh(key);
    }

    /// The clock goes on, never back.
    fn seen(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }

    /// Opens a task if its deal is live and it has not ended; its id.
    fn open_task(&mut self, deal: DealId, index: u64) -> Option<TaskId> {
        self.open_known(orders::ids::task_id(deal, units::U256::from(index)), deal, index)
    }

    /// Opens a task whose id is known to follow from its deal and index, which takes a hash.
    fn open_known(&mut self, task: TaskId, deal: DealId, index: u64) -> Option<TaskId> {
        let bag = self.bags.get_mut(&deal)?;
        if self.open.contains_key(&task) {
            return Some(task);
        }
        if !bag.open_index(task, index) {
            return None;
        }
        let key = (bag.terms.request, bag.terms.pool);
        self.open.insert(task, Box::new(Open::new(deal, index, key)));
        if let Some(job) = self.jobs.get_mut(&key) {
            job.begun = job.begun.saturating_add(1);
        }
        Some(task)
    }
}
