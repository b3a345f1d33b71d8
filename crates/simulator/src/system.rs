//! The exchange's process: a real market, a disk, and the loop around them.
//!
//! A turn takes what has gathered, applies it, lets policy decide, and writes; what it owes leaves once that is durable. A
//! crash may come at any moment: of a turn under way either the whole record is on disk, or nothing of it.

use crate::network::Down;
use crate::scenario::named;
use abi::Call;
use abi::call::NewApp;
use api::worker::{Batch, DeclineReason, FromWorker, Package as Stated, Settlement};
use exchange::{AnyOrder, Command, Entry, Event, Exchange, Genesis, Offer, Rejection, Transaction};
use market::{Decline, Ending, Held, Market, Message, Output, Package, Phase, Worker};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, Domain, Order, Recovered, Reveal, Signed, SigningKey,
    WorkerBatch,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, Bytes, Digest, TaskId, Timestamp, U256};

/// How often policy may ask for new offers in one turn.
const OFFER_ROUNDS: usize = 8;

/// What the loop is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// A requester's command, and which job it is about.
    Command {
        command: Box<Command>,
        job: usize,
    },
    Join {
        connection: u64,
        worker: Box<Worker>,
        holding: Vec<Held>,
    },
    Left {
        connection: u64,
        worker: Address,
    },
    Said {
        connection: u64,
        worker: Address,
        frame: FromWorker,
    },
}

/// What a turn made, and what it owes once it is durable.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) out: Output,
    pub(crate) answers: Vec<(usize, Result<(), Rejection>)>,
    welcomes: Vec<(Address, u64, Down)>,
    replies: Vec<(Address, TaskId)>,
    /// Whether anything came in.
    pub(crate) heard: bool,
}

/// A result as a worker stated it.
#[derive(Clone, Debug)]
struct Statement {
    digest: B256,
    blob: Digest,
}

/// The operator's process and its disk.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) genesis: Genesis,
    domain: Domain,
    operator: Address,
    pub(crate) app: Address,
    /// Nothing while the process is down.
    pub(crate) market: Option<Market>,
    /// On disk.
    pub(crate) log: Vec<Entry>,
    pub(crate) blobs: BTreeSet<Digest>,
    pub(crate) inbox: Vec<Request>,
    /// Being written.
    pub(crate) writing: Option<Turn>,
    lines: BTreeMap<Address, u64>,
    stated: BTreeMap<TaskId, BTreeMap<Address, Statement>>,
    /// Counts starts.
    pub(crate) life: u32,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

pub(crate) fn phase(phase: api::worker::Phase) -> Phase {
    match phase {
        api::worker::Phase::Fetch => Phase::Fetch,
        api::worker::Phase::Run => Phase::Run,
        api::worker::Phase::Committed => Phase::Stated,
        api::worker::Phase::Upload => Phase::Upload,
    }
}

fn decline(reason: DeclineReason) -> Decline {
    match reason {
        DeclineReason::Owner => Decline::Owner,
        DeclineReason::TooSlow => Decline::TooSlow,
        DeclineReason::Fetch | DeclineReason::Disk | DeclineReason::Memory | DeclineReason::Broken => Decline::Trouble,
        DeclineReason::Runtime | DeclineReason::Params => Decline::Unable,
    }
}

impl System {
    pub(crate) fn new(private: bool) -> Self {
        let operator = key(1).address();
        let genesis = Genesis::new(operator, private);
        Self {
            domain: genesis.domain(),
            market: Some(Market::new(Exchange::new(genesis.clone()))),
            genesis,
            operator,
            app: Address::ZERO,
            log: Vec::new(),
            blobs: BTreeSet::new(),
            inbox: Vec::new(),
            writing: None,
            lines: BTreeMap::new(),
            stated: BTreeMap::new(),
            life: 0,
        }
    }

    fn exchange(&self) -> &Exchange {
        self.market.as_ref().expect("the process runs").exchange()
    }

    /// Publishes the app, issues money, and makes all of it durable. The events.
    pub(crate) fn found(&mut self, at: Timestamp, app_price: u64, purses: &[(Address, u64)]) -> Turn {
        let mut turn = Turn::default();
        let owner = key(3);
        let app = NewApp {
            owner: owner.address(),
            name: "app".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:00"),
            checksum: B256::ZERO,
            mrenclave: Bytes::new(),
        };
        let create = self.transaction(&owner, &Call::CreateApp(Box::new(app)));
        self.command(at, create, &mut turn.out).expect("an app can be created");
        let created = turn
            .out
            .events
            .iter()
            .find_map(|it| if let Event::AssetTransfer { asset, .. } = it { Some(*asset) } else { None });
        self.app = created.expect("the app was created");
        let app = self.app;
        let order =
            AppOrder { app, appprice: Amount::nanos(app_price), volume: U256::from(1_000_000), ..AppOrder::default() };
        let order = AnyOrder::App(self.checked(order, owner.address()));
        self.command(at, Command::PlaceOrder(Box::new(order)), &mut turn.out).expect("an app can be offered");
        for (account, amount) in purses.iter().chain(&[(self.operator, 1_000_000_000_000)]) {
            let issue = Call::Issue { account: *account, amount: Amount::nanos(*amount) };
            let issue = self.transaction(&key(1), &issue);
            self.command(at, issue, &mut turn.out).expect("the operator can issue credits");
        }
        turn
    }

    fn transaction(&self, from: &SigningKey, call: &Call) -> Command {
        let sender = from.address();
        let nonce = self.exchange().nonce(sender);
        let to = match call.target() {
            abi::Target::Registry(_) => self.genesis.app_registry,
            abi::Target::Hub | abi::Target::Token | abi::Target::Asset(..) | abi::Target::Group(_) => self.genesis.hub,
        };
        let raw = abi::Transaction::call(self.genesis.chain_id, nonce, to, call.encode()).sign(from);
        let signed = abi::SignedTransaction::decode(&raw).expect("what is signed here decodes");
        let transaction = Transaction {
            from: sender,
            nonce,
            chain_id: self.genesis.chain_id,
            to,
            input: signed.input.clone(),
            signers: Vec::new(),
            hash: signed.hash,
            raw,
        };
        Command::Transact(Box::new(transaction.recover(&self.genesis)))
    }

    /// An order as it is once its signature was found good: signatures are other tests' business.
    pub(crate) fn checked<O: Order>(&self, order: O, by: Address) -> Checked<O> {
        Checked::trust(Signed { order, sign: Bytes::new() }, &self.domain, Recovered::By(by))
    }

    fn command(&mut self, at: Timestamp, command: Command, out: &mut Output) -> Result<(), Rejection> {
        self.market.as_mut().expect("the process runs").command(at, command, out)
    }

    /// One turn: everything that has gathered, then policy, and the offers it wants signed.
    pub(crate) fn turn(&mut self, at: Timestamp) -> Turn {
        let mut turn = Turn { heard: !self.inbox.is_empty(), ..Turn::default() };
        for request in std::mem::take(&mut self.inbox) {
            self.take(at, request, &mut turn);
        }
        let market = self.market.as_mut().expect("the process runs");
        market.decide(at, &mut turn.out);
        for _ in 0..OFFER_ROUNDS {
            let offers = std::mem::take(&mut turn.out.offers);
            if offers.is_empty() {
                break;
            }
            for offer in offers {
                let order = AnyOrder::Workerpool(self.checked(offer, self.operator));
                // A rejected offer is the market's to offer anew.
                drop(self.command(at, Command::PlaceOrder(Box::new(order)), &mut turn.out));
            }
            self.market.as_mut().expect("the process runs").decide(at, &mut turn.out);
        }
        turn
    }

    fn take(&mut self, at: Timestamp, request: Request, turn: &mut Turn) {
        match request {
            Request::Command { command, job } => {
                let taken = self.command(at, *command, &mut turn.out);
                turn.answers.push((job, taken));
            }
            Request::Join { connection, worker, holding } => self.join(at, connection, *worker, &holding, turn),
            Request::Left { connection, worker } => {
                if self.lines.get(&worker) == Some(&connection) {
                    self.lines.remove(&worker);
                    self.market.as_mut().expect("the process runs").worker_left(at, worker);
                }
            }
            Request::Said { connection, worker, frame } => {
                if self.lines.get(&worker) == Some(&connection) {
                    self.hear(at, worker, frame, turn);
                }
            }
        }
    }

    fn join(&mut self, at: Timestamp, connection: u64, worker: Worker, holding: &[Held], turn: &mut Turn) {
        let address = worker.address;
        if let Some(before) = self.lines.insert(address, connection) {
            turn.welcomes.push((address, before, Down::Bye));
        }
        let market = self.market.as_mut().expect("the process runs");
        let joined = market.worker_joined(at, worker, holding, &mut turn.out);
        let sequence = market.exchange().sequence(address).unwrap_or_default();
        turn.replies.retain(|(to, _)| *to != address);
        turn.welcomes.push((address, connection, Down::Welcome { dropped: joined.dropped, sequence }));
    }

    fn hear(&mut self, at: Timestamp, worker: Address, frame: FromWorker, turn: &mut Turn) {
        let market = self.market.as_mut().expect("the process runs");
        match frame {
            FromWorker::Hello(_) | FromWorker::Pong => {}
            FromWorker::Ready { slots } => market.worker_ready(worker, slots),
            FromWorker::Floors { floors, heat } => market.worker_asks(worker, floors, heat),
            FromWorker::Phase { tasks, phase: how_far } => {
                for task in tasks {
                    market.worker_phase(at, worker, task, phase(how_far));
                }
            }
            FromWorker::Decline { task, reason } => market.worker_declined(worker, task, decline(reason)),
            FromWorker::Uploaded { tasks } => {
                for task in tasks {
                    let Some(stated) = self.statement(task, worker) else { continue };
                    if self.blobs.contains(&stated.blob) {
                        self.package(at, worker, task, stated, turn);
                    }
                }
            }
            FromWorker::Batch(batch) => self.batch(at, worker, *batch, turn),
        }
    }

    fn batch(&mut self, at: Timestamp, worker: Address, batch: Batch, turn: &mut Turn) {
        let mut said = WorkerBatch { worker, sequence: batch.sequence, ..WorkerBatch::default() };
        let (mut ran, mut stated) = (Vec::new(), Vec::new());
        for it in batch.commits {
            ran.push((it.task, it.ran_ms));
            let (task, result_hash, result_seal, failed) = (it.task, it.result_hash, it.result_seal, it.failed);
            said.commits.push(Commit { task, result_hash, result_seal, failed });
        }
        for it in batch.completes {
            ran.push((it.task, it.ran_ms));
            let (task, digest, failed, blob) = (it.task, it.digest, it.failed, it.result.blob);
            said.completes.push(Complete { task, digest, failed, blob, callback: Bytes::new() });
            stated.push((task, digest, it.result));
        }
        for it in batch.reveals {
            let (task, digest, blob) = (it.task, it.digest, it.result.blob);
            said.reveals.push(Reveal { task, digest, blob, callback: Bytes::new() });
            stated.push((task, digest, it.result));
        }
        // What rides in a frame is stored before the loop hears of it.
        self.blobs.extend(stated.iter().filter(|(_, _, it)| it.inline.is_some()).map(|(_, _, it)| it.blob));
        let signed = Signed { order: said, sign: Bytes::new() };
        let batch = CheckedBatch::trust(signed, &self.domain, Recovered::By(worker));
        let first = turn.out.events.len();
        let command = Command::Batch { batch: Box::new(batch), places: Vec::new() };
        if self.command(at, command, &mut turn.out).is_err() {
            let task = stated.first().map(|(task, ..)| *task).unwrap_or_default();
            turn.replies.push((worker, task));
            return;
        }
        let market = self.market.as_mut().expect("the process runs");
        for (task, ran_ms) in ran {
            market.ran(task, ran_ms);
        }
        let mut refused = Vec::new();
        for event in turn.out.events.get(first..).unwrap_or_default() {
            if let Event::ItemRefused { task, worker: by, .. } = event
                && *by == worker
            {
                refused.push(*task);
            }
        }
        turn.replies.extend(refused.iter().map(|task| (worker, *task)));
        for (task, digest, Stated { blob, inline, .. }) in stated {
            if refused.contains(&task) {
                continue;
            }
            let statement = Statement { digest, blob };
            if inline.is_some() {
                self.package(at, worker, task, statement, turn);
            } else if !self.is_final(task) {
                self.stated.entry(task).or_default().insert(worker, statement);
            }
        }
    }

    fn is_final(&self, task: TaskId) -> bool {
        self.exchange().hub().task(task).is_some_and(|task| task.status.is_final())
    }

    /// A package is here.
    fn package(&mut self, at: Timestamp, worker: Address, task: TaskId, stated: Statement, turn: &mut Turn) {
        if self.is_final(task) {
            return;
        }
        let package = Package { digest: stated.digest, blob: stated.blob, callback: Bytes::new() };
        self.stated.entry(task).or_default().insert(worker, stated);
        self.market.as_mut().expect("the process runs").package(at, task, package, &mut turn.out);
    }

    fn statement(&self, task: TaskId, worker: Address) -> Option<Statement> {
        let said = self.stated.get(&task).and_then(|by| by.get(&worker)).cloned();
        said.or_else(|| self.shown(task, worker))
    }

    /// What the exchange itself knows of a result that was given in the clear or shown.
    fn shown(&self, task: TaskId, worker: Address) -> Option<Statement> {
        let holding = self.exchange().held(task)?;
        for held in holding.offers.iter().filter(|held| held.worker == worker) {
            if let Offer::Open { digest, blob, .. } = &held.offer {
                return Some(Statement { digest: *digest, blob: *blob });
            }
        }
        let shown = holding.shown.iter().find(|shown| shown.worker == worker)?;
        let digest = self.exchange().task(task)?.result_digest;
        Some(Statement { digest, blob: shown.blob })
    }

    /// What is durable leaves: to whom over which connection.
    pub(crate) fn publish(&mut self, turn: &mut Turn) -> Vec<(u64, Down)> {
        let mut leaving = Vec::new();
        for (_, connection, down) in std::mem::take(&mut turn.welcomes) {
            leaving.push((connection, down));
        }
        for (worker, message) in std::mem::take(&mut turn.out.messages) {
            let Some(connection) = self.lines.get(&worker) else { continue };
            let down = match message {
                Message::Assign { task, deal, index, until } => {
                    let Some(terms) = self.exchange().deal(deal) else { continue };
                    Down::Assign { task, deal, index, until, direct: terms.trust <= U256::ONE }
                }
                Message::Reveal { task } => Down::Reveal(task),
                Message::Upload { task } => Down::Upload(task),
                Message::Cancel { task, .. } => Down::Cancel(task),
                Message::Settled { task, ending, reward } => {
                    Down::Settled(Settlement { task, ending: wire(ending), reward })
                }
            };
            leaving.push((*connection, down));
        }
        for (worker, task) in std::mem::take(&mut turn.replies) {
            leaving.extend(self.lines.get(&worker).map(|connection| (*connection, Down::Refused(task))));
        }
        for event in &turn.out.events {
            if let Event::Hub(poco::Event::TaskFinalize { task, .. } | poco::Event::TaskClaimed { task }) = event {
                self.stated.remove(task);
            }
        }
        leaving
    }

    /// The process dies; what it was writing is on disk (`written`) or not. The entries that are.
    pub(crate) fn crash(&mut self, written: bool) -> Vec<Entry> {
        let turn = self.writing.take();
        self.market = None;
        self.inbox.clear();
        self.lines.clear();
        self.stated.clear();
        self.life += 1;
        turn.filter(|_| written).map(|turn| turn.out.entries).unwrap_or_default()
    }

    /// Starts around a replayed exchange, and takes up the packages that are here.
    pub(crate) fn start(&mut self, at: Timestamp, exchange: Exchange) -> Turn {
        self.market = Some(Market::new(exchange));
        let mut found = Vec::new();
        for (task, holding) in self.exchange().all_held() {
            let shown = holding.shown.iter().map(|shown| shown.worker);
            for worker in holding.offers.iter().map(|held| held.worker).chain(shown) {
                let stated = self.shown(task, worker).filter(|stated| self.blobs.contains(&stated.blob));
                found.extend(stated.map(|stated| (worker, task, stated)));
            }
        }
        let mut turn = Turn::default();
        for (worker, task, stated) in found {
            self.package(at, worker, task, stated, &mut turn);
        }
        turn
    }

    /// How many workers are connected, as the process knows.
    pub(crate) fn pool(&self, number: usize) -> Address {
        self.genesis.pools[number].address
    }
}

/// Who sells the app.
pub(crate) fn app_owner() -> Address {
    key(3).address()
}

/// Whoever takes part and needs money.
pub(crate) fn requesters() -> Vec<Address> {
    (0..3).map(|number| named("requester", number)).collect()
}

fn wire(ending: Ending) -> api::worker::Ending {
    match ending {
        Ending::Accepted => api::worker::Ending::Accepted,
        Ending::Dissented => api::worker::Ending::Dissented,
        Ending::NotNeeded => api::worker::Ending::NotNeeded,
        Ending::Claimed => api::worker::Ending::Claimed,
    }
}
