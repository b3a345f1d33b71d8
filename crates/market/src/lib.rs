//! Rules and policy together: what the server and the simulator drive.
//!
//! A [`Market`] owns the exchange and the policy beside it. The shell puts commands and news of workers in; out come, in an
//! [`Output`], the entries that were accepted (to be journaled), their events, orders to be signed for the hosted pools, and
//! messages to workers, which must not leave before the entries are durable. Invariants: the exchange's state changes by
//! accepted entries alone, each of which is in the output, in order; everything else here can be rebuilt from that state and
//! from what agents say they hold.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod audit;
mod beside;
mod classes;
mod decide;
mod explain;
mod facts;
mod fleet;
mod image;
mod jobs;
mod makers;
mod observe;
mod output;
mod past;
mod rebuild;
mod supply;
mod wishes;

pub use audit::audit_commitment;
pub use book::{Cause, Change, Explanation, Fix, Match, Misfit, Obstacle, Tally};
pub use dispatch::{
    Attempt, AuditLoad, Check, Decline, Ended, Fault, Held, Idle, JobLoad, Joined, Load, Phase, PoolLoad, Role, Word,
    Worker, WorkerView,
};
pub use explain::Standing;
pub use image::{capability, image};
pub use jobs::JobView;
pub use output::{Case, Ending, Message, Output, Package};
pub use wishes::{Read, Wishes};

use beside::Beside;
use book::Book;
use dispatch::{Clocks, Dispatch};
use exchange::{AnyOrder, Command, Entry, Exchange, Place, Rejection};
use fleet::Fleet;
use jobs::Jobs;
use makers::Makers;
use orders::OrderKind;
use past::Past;
use std::collections::BTreeMap;
use supply::Supply;
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, Timestamp, U256};

/// The exchange with its policy.
#[derive(Debug)]
pub struct Market {
    exchange: Exchange,
    book: Book,
    /// Orders taken so far: the book's time.
    arrivals: u64,
    /// Whether a match may be possible that was not before.
    book_stirred: bool,
    dispatch: Dispatch,
    supply: Supply,
    /// By category, the lowest bid that supply looked at last, where there were more than it looks at.
    reach: BTreeMap<u64, Amount>,
    /// Who has how many open orders.
    makers: Makers,
    /// What pools pay workers beside PoCo.
    beside: Beside,
    fleet: Fleet,
    jobs: Jobs,
    /// What became of workers' parts in tasks that ended lately.
    past: Past,
    /// The job that each live hosted deal serves.
    deals: BTreeMap<DealId, OrderHash>,
    /// Results whose packages the shell holds, of tasks that are not final.
    packages: BTreeMap<TaskId, Vec<Package>>,
    /// What the accounts were paid for a task whose finalization is being observed.
    rewards: BTreeMap<(B256, Address), Amount>,
    secrets: audit::Secrets,
    /// Reads a deal's params.
    read: Read,
}

impl Market {
    /// A market around an exchange, be it new or replayed: policy is rebuilt from the exchange's state.
    /// Nothing is read of the deals' params.
    #[must_use]
    pub fn new(exchange: Exchange) -> Self {
        Self::reading(exchange, Wishes::none)
    }

    /// A market as of [`Market::new`] that heeds what the deals' params wish.
    #[must_use]
    pub fn reading(exchange: Exchange, read: Read) -> Self {
        let private = exchange.genesis().private;
        let mut market = Self {
            exchange,
            book: Book::default(),
            arrivals: 0,
            book_stirred: true,
            dispatch: Dispatch::new(private, Clocks::default()),
            supply: Supply::default(),
            reach: BTreeMap::new(),
            makers: Makers::default(),
            beside: Beside::default(),
            fleet: Fleet::default(),
            jobs: Jobs::default(),
            past: Past::default(),
            deals: BTreeMap::new(),
            packages: BTreeMap::new(),
            rewards: BTreeMap::new(),
            secrets: audit::Secrets::default(),
            read,
        };
        market.rebuild();
        market
    }

    /// The rules' state.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Applies a command; policy takes note of what came of it. A worker's batch need not say where its tasks are: the
    /// market knows where it granted them.
    ///
    /// # Errors
    /// The rules' [`Rejection`]; nothing has changed then.
    pub fn command(&mut self, at: Timestamp, mut command: Command, out: &mut Output) -> Result<(), Rejection> {
        if let Command::Batch { batch, places } = &mut command {
            let said = batch.batch();
            let tasks = said.commits.iter().map(|it| it.task).chain(said.completes.iter().map(|it| it.task));
            let known = tasks.filter_map(|task| self.dispatch.place(task));
            places.extend(known.map(|(deal, index)| Place { deal, index: U256::from(index) }));
            places.sort_unstable();
            places.dedup();
        }
        let first = out.events.len();
        // Among the entries while it is applied: if the rules panic, that is where it is found.
        out.entries.push(Entry { at, command });
        let entry = out.entries.last().expect("one was put there");
        if let Err(rejection) = self.exchange.apply(entry, &mut out.events) {
            out.events.truncate(first);
            if let Some(entry) = out.entries.pop() {
                self.note_rejected(&entry.command);
            }
            return Err(rejection);
        }
        self.observe(at, first, out);
        Ok(())
    }

    /// A rejected sell order of a hosted pool leaves its rung empty.
    fn note_rejected(&mut self, command: &Command) {
        if let Command::PlaceOrder(order) = command
            && let AnyOrder::Workerpool(order) = order.as_ref()
        {
            self.supply.not_placed(order.order().salt);
        }
        if let Command::Offer { order } = command {
            self.supply.not_placed(order.salt);
        }
    }

    /// A worker connected. It may go on with the adopted tasks, and is asked again for what was asked before. Whose it is was
    /// said before by [`Market::enlist`], unless it is its own.
    pub fn worker_joined(&mut self, at: Timestamp, worker: Worker, holding: &[Held], out: &mut Output) -> Joined {
        let address = worker.address;
        if worker.owner == address {
            // One that may not work here stays without work: the gate knows of it.
            let _refused = self.enlist(at, &worker, Bytes::new(), out);
        }
        let worker = self.with_standing(worker);
        let score = self.exchange.score(address).saturating_to();
        let worker = Worker { score, ..worker };
        self.fleet.joined(&worker);
        self.supply.joined(&worker, self.exchange.genesis().private);
        let joined = self.dispatch.worker_joined(at, worker, holding);
        self.ask_again(address, &joined, out);
        self.book_stirred = true;
        joined
    }

    /// A worker's connection is gone.
    pub fn worker_left(&mut self, at: Timestamp, worker: Address) {
        let pool = self.dispatch.description(worker).map(|worker| worker.pool);
        self.dispatch.worker_left(at, worker);
        self.fleet.left(worker);
        if let Some(pool) = pool {
            self.supply.left(pool, worker);
        }
    }

    /// A worker says how many more tasks it can take.
    pub fn worker_ready(&mut self, worker: Address, slots: u32) {
        self.dispatch.worker_ready(worker, slots);
    }

    /// A worker says anew what it works for, and how much load its site wishes for, percent.
    pub fn worker_asks(&mut self, worker: Address, floors: BTreeMap<u64, Amount>, heat: u8) {
        self.dispatch.worker_asks(worker, floors, heat);
        if let Some(worker) = self.dispatch.description(worker) {
            self.supply.asked(worker, self.exchange.genesis().private);
        }
        if let Some(view) = self.dispatch.worker(worker).filter(|view| view.connected) {
            self.fleet.joined(&view.worker);
        }
    }

    /// A worker says how far it is with a task.
    pub fn worker_phase(&mut self, at: Timestamp, worker: Address, task: TaskId, phase: Phase) {
        self.dispatch.phase(at, worker, task, phase);
    }

    /// A worker gives a task back.
    pub fn worker_declined(&mut self, worker: Address, task: TaskId, reason: Decline) {
        self.dispatch.worker_declined(worker, task, reason);
    }

    /// A task ran this long on a worker, milliseconds: for forecasts only.
    pub fn ran(&mut self, worker: Address, task: TaskId, ran_ms: u64) {
        if let Some((deal, _)) = self.dispatch.place(task) {
            self.dispatch.ran(task, ran_ms);
            if let Some(worker) = self.dispatch.description(worker) {
                self.supply.learn(worker, deal, ran_ms);
            }
        }
    }

    /// The shell holds the package of a result of this task, and has checked that it is of that digest.
    pub fn package(&mut self, at: Timestamp, task: TaskId, package: Package, out: &mut Output) {
        if self.dispatch.place(task).is_none() {
            return;
        }
        let digest = package.digest;
        let packages = self.packages.entry(task).or_default();
        packages.retain(|known| known.digest != digest);
        packages.push(package);
        let mut decisions = Vec::new();
        self.dispatch.package(at, task, digest, &mut decisions);
        self.carry_out(at, decisions, out);
    }

    /// How many orders of a kind rest that this maker signed, or that are its own.
    #[must_use]
    pub fn open_orders(&self, kind: OrderKind, maker: Address) -> u64 {
        self.makers.open(kind, maker)
    }

    /// When the shell should call [`Market::decide`] even if nothing happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        [self.exchange.next_deadline(), self.dispatch.next_deadline(), self.supply.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// How a job stands; `None` for a request that no hosted deal serves and that does not rest.
    #[must_use]
    pub fn job(&self, request: OrderHash) -> Option<JobView> {
        let mut view = self.jobs.view(request);
        if view.is_none() && self.book.request(request).is_none() {
            return None;
        }
        let mut found = view.take().unwrap_or_default();
        let load = self.dispatch.job(request);
        (found.running, found.replicas) = (load.running, load.replicas);
        found.provisional = self.dispatch.done_of(request);
        Some(found)
    }

    /// The workers of the hosted pools.
    pub fn workers(&self) -> impl Iterator<Item = WorkerView> {
        self.dispatch.workers()
    }

    /// How a job's tasks stand in dispatch just now.
    #[must_use]
    pub fn job_load(&self, request: OrderHash) -> JobLoad {
        self.dispatch.job(request)
    }

    /// How a hosted pool stands just now.
    #[must_use]
    pub fn pool_load(&self, pool: Address) -> PoolLoad {
        self.dispatch.pool(pool)
    }

    /// What became of each worker's part in a task, oldest first: of one that is under way, or ended lately. What was begun
    /// before a restart is not known.
    #[must_use]
    pub fn attempts(&self, task: TaskId) -> &[Attempt] {
        let open = self.dispatch.attempts(task);
        if open.is_empty() { self.past.attempts(task) } else { open }
    }

    /// Why a worker has nothing (more) to do.
    #[must_use]
    pub fn idle(&self, worker: Address) -> Idle {
        self.dispatch.idle(worker, &|account| self.exchange.account(account).free)
    }

    /// How much is under way: all zero when every task has ended and nothing waits.
    #[must_use]
    pub fn load(&self) -> Load {
        self.dispatch.load()
    }

    /// How much of the hosted pools' audits is under way.
    #[must_use]
    pub fn audit_load(&self) -> AuditLoad {
        self.dispatch.audit_load()
    }

    /// The jobs that are known here, after a restart by their live deals alone.
    pub fn known_jobs(&self) -> impl Iterator<Item = OrderHash> {
        self.jobs.known()
    }

    /// What a job's history says of all its deals, those that have ended included. To be said at the start.
    pub fn recall(&mut self, request: OrderHash, whole: &JobView) {
        self.jobs.recall(request, whole);
    }

    /// Whether a worker may read the blobs of this job now: it holds one of its tasks.
    #[must_use]
    pub fn works_for(&self, worker: Address, request: OrderHash) -> bool {
        self.dispatch.holds_of(worker, request)
    }
}
