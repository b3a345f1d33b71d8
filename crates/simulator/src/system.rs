//! The exchange's process: a real market, a disk, and the loop around them.
//!
//! A turn takes what has gathered, applies it, lets policy decide, and writes; what it owes leaves once that is durable. A
//! crash may come at any moment, and between any two writes: of a turn under way either the whole record is on disk, or
//! nothing of it.

mod found;
mod statements;

pub(crate) use found::{Published, requesters};

use crate::clock::Reading;
use crate::disk::Disk;
use crate::network::Down;
use crate::scenario::worker_key;
use abi::Call;
use api::worker::{DeclineReason, FromWorker, Settlement};
use exchange::{AnyOrder, Command, Event, Exchange, Genesis, Rejection};
use market::{Decline, Ending, Held, Market, Message, Output, Phase, Wishes, Worker};
use orders::{Checked, Domain, Order, Ownership, Recovered, Signed};
use std::collections::BTreeMap;
use units::{Address, Amount, B256, Bytes, DealId, Digest, Tag, TaskId, Timestamp, U256};

/// How often policy may ask for new offers in one turn.
const OFFER_ROUNDS: usize = 8;

/// What a score farmer's score is: as weighty as two hundred workers' agreement would be.
const FARMED: U256 = U256::from_limbs([600, 0, 0, 0]);

/// The one capability that some machines have and some jobs ask for.
pub(crate) const CAPABILITY: Tag = Tag::CONTAINERS;

/// What a requester wants of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Place,
    Cancel,
}

/// Who asked for what: the number of a job, and the wish.
pub(crate) type Asker = (usize, Wish);

/// What the loop is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// A requester's command, and who is to be answered.
    Command {
        command: Box<Command>,
        asker: Option<Asker>,
    },
    /// A transaction that somebody signed, and whom the signatures in it are by.
    Transact {
        from: Address,
        call: Box<Call>,
        signers: Vec<Recovered>,
    },
    /// Somebody says how a deal went, and whether it is its to say.
    Rate {
        deal: DealId,
        rater: Address,
        subject: Address,
        due: bool,
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
    pub(crate) answers: Vec<(Asker, Result<(), Rejection>)>,
    /// A transaction that was taken a second time, if one was.
    pub(crate) replayed: Option<String>,
    /// A rating that was taken and should not have been, or the other way.
    pub(crate) misjudged: Option<String>,
    welcomes: Vec<(Address, u64, Down)>,
    replies: Vec<(Address, TaskId)>,
    /// Packages that came, with whose word.
    packages: Vec<(TaskId, Address, Statement)>,
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
    pub(crate) dataset: Address,
    /// The pool that somebody opened.
    pub(crate) guest: Address,
    published: Published,
    /// What each machine was last heard to work for.
    pub(crate) asked: BTreeMap<Address, Option<u64>>,
    /// Nothing while the process is down.
    pub(crate) market: Option<Market>,
    pub(crate) disk: Disk,
    pub(crate) reading: Reading,
    /// What was answered: a repeated request gets the first answer.
    answered: BTreeMap<Asker, Result<(), Rejection>>,
    pub(crate) inbox: Vec<Request>,
    /// Being written.
    pub(crate) writing: Option<Turn>,
    lines: BTreeMap<Address, u64>,
    /// Owners' signatures of their machines.
    ownerships: BTreeMap<Address, Bytes>,
    stated: BTreeMap<TaskId, BTreeMap<Address, Statement>>,
    /// Counts starts.
    pub(crate) life: u32,
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
    /// An exchange where some have farmed a score before.
    pub(crate) fn new(private: bool, farmers: impl Iterator<Item = Address>) -> Self {
        let operator = found::key(1).address();
        let mut genesis = Genesis::new(operator, private);
        genesis.world.scores = farmers.map(|worker| (worker, FARMED)).collect();
        Self {
            domain: genesis.domain(),
            market: Some(Market::reading(Exchange::new(genesis.clone()), wishes)),
            genesis,
            operator,
            app: Address::ZERO,
            dataset: Address::ZERO,
            guest: Address::ZERO,
            published: Published::default(),
            asked: BTreeMap::new(),
            disk: Disk::default(),
            reading: Reading::default(),
            answered: BTreeMap::new(),
            inbox: Vec::new(),
            writing: None,
            lines: BTreeMap::new(),
            ownerships: BTreeMap::new(),
            stated: BTreeMap::new(),
            life: 0,
        }
    }

    fn exchange(&self) -> &Exchange {
        self.market.as_ref().expect("the process runs").exchange()
    }

    /// An order as it is once its signature was found good: signatures are other tests' business.
    pub(crate) fn checked<O: Order>(&self, order: O, by: Address) -> Checked<O> {
        Checked::trust(Signed { order, sign: Bytes::new() }, &self.domain, Recovered::By(by))
    }

    fn command(&mut self, at: Timestamp, command: Command, out: &mut Output) -> Result<(), Rejection> {
        self.market.as_mut().expect("the process runs").command(at, command, out)
    }

    /// One turn: everything that has gathered, then policy, and the offers it wants signed.
    pub(crate) fn turn(&mut self, now: Timestamp) -> Turn {
        let at = self.reading.of(now);
        let mut turn = Turn { heard: !self.inbox.is_empty(), ..Turn::default() };
        for request in std::mem::take(&mut self.inbox) {
            self.take(at, request, &mut turn);
        }
        self.give_secret(at, &mut turn);
        let market = self.market.as_mut().expect("the process runs");
        market.decide(at, &mut turn.out);
        for _ in 0..OFFER_ROUNDS {
            let offers = std::mem::take(&mut turn.out.offers);
            if offers.is_empty() {
                break;
            }
            for offer in offers {
                let command = if self.genesis.hosted(offer.workerpool).is_some() {
                    Command::PlaceOrder(Box::new(AnyOrder::Workerpool(self.checked(offer, self.operator))))
                } else {
                    Command::Offer { order: Box::new(offer) }
                };
                // A rejected offer is the market's to offer anew.
                drop(self.command(at, command, &mut turn.out));
            }
            self.market.as_mut().expect("the process runs").decide(at, &mut turn.out);
        }
        turn
    }

    /// The market has a secret for its draw, where it wants one; it is on disk before it is committed to.
    fn give_secret(&mut self, at: Timestamp, turn: &mut Turn) {
        let market = self.market.as_mut().expect("the process runs");
        if market.wants_audit_secret() {
            let number = u64::try_from(self.disk.secrets.len()).expect("secrets are few");
            let secret = alloy_primitives::keccak256([at.0.to_be_bytes(), number.to_be_bytes()].concat());
            self.disk.secrets.push(secret);
            // What is refused is wanted again.
            drop(market.audit_secret(at, secret, &mut turn.out));
        }
    }

    /// After a start, the secrets that were committed to before.
    fn take_up_secrets(&mut self, at: Timestamp, turn: &mut Turn) {
        let market = self.market.as_mut().expect("the process runs");
        let wanted: Vec<B256> = market.exchange().audit_commitments().map(|(commitment, _)| commitment).collect();
        for secret in self.disk.secrets.iter().filter(|it| wanted.contains(&market::audit_commitment(**it))) {
            drop(market.audit_secret(at, *secret, &mut turn.out));
        }
    }

    fn take(&mut self, at: Timestamp, request: Request, turn: &mut Turn) {
        match request {
            Request::Command { command, asker: None } => {
                // Called off by nobody who waits for an answer.
                drop(self.command(at, *command, &mut turn.out));
            }
            Request::Command { command, asker: Some(asker) } => {
                let taken = match self.answered.get(&asker) {
                    Some(before) => before.clone(),
                    None => self.command(at, *command, &mut turn.out),
                };
                self.answered.insert(asker, taken.clone());
                turn.answers.push((asker, taken));
            }
            Request::Transact { from, call, signers } => self.transact(at, from, &call, signers, turn),
            Request::Rate { deal, rater, subject, due } => self.rate(at, deal, (rater, subject), due, turn),
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
        let evidence = self.ownership(&worker);
        self.asked.insert(address, least(&worker.floors));
        if let Some(before) = self.lines.insert(address, connection) {
            turn.welcomes.push((address, before, Down::Bye));
        }
        let market = self.market.as_mut().expect("the process runs");
        // Barred ones are refused, and served as nobody's.
        drop(market.enlist(at, &worker, evidence, &mut turn.out));
        let joined = market.worker_joined(at, worker, holding, &mut turn.out);
        let sequence = market.exchange().sequence(address).unwrap_or_default();
        turn.replies.retain(|(to, _)| *to != address);
        turn.welcomes.push((address, connection, Down::Welcome { dropped: joined.dropped, sequence, time: at }));
    }

    fn hear(&mut self, at: Timestamp, worker: Address, frame: FromWorker, turn: &mut Turn) {
        let market = self.market.as_mut().expect("the process runs");
        match frame {
            FromWorker::Hello(_) | FromWorker::Pong => {}
            FromWorker::Ready { slots } => market.worker_ready(worker, slots),
            FromWorker::Floors { floors, heat } => {
                self.asked.insert(worker, least(&floors));
                market.worker_asks(worker, floors, heat);
            }
            FromWorker::Phase { tasks, phase: how_far } => {
                for task in tasks {
                    market.worker_phase(at, worker, task, phase(how_far));
                }
            }
            FromWorker::Decline { task, reason } => market.worker_declined(worker, task, decline(reason)),
            FromWorker::Uploaded { tasks } => {
                for task in tasks {
                    let Some(stated) = self.statement(task, worker) else { continue };
                    if self.disk.blobs.contains(&stated.blob) {
                        self.package(at, worker, task, stated, turn);
                    }
                }
            }
            FromWorker::Batch(batch) => self.batch(at, worker, *batch, turn),
        }
    }

    /// The owner's signature of a worker that is not its own.
    fn ownership(&mut self, worker: &Worker) -> Bytes {
        let Worker { address, owner, .. } = *worker;
        if address == owner {
            return Bytes::new();
        }
        let digest = Ownership { worker: address, owner }.digest(&self.domain);
        let known = self.ownerships.get(&address).cloned();
        let sign = || (0..64).map(worker_key).find(|key| key.address() == owner).map(|key| key.sign(digest));
        let evidence = known.or_else(sign).unwrap_or_default();
        self.ownerships.insert(address, evidence.clone());
        evidence
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
                Message::Reveal { task, .. } => Down::Reveal(task),
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
                self.disk.opened.remove(task);
            }
        }
        leaving
    }

    /// The process dies, and all it knew with it.
    pub(crate) fn die(&mut self) {
        self.writing = None;
        self.market = None;
        self.inbox.clear();
        self.answered.clear();
        self.lines.clear();
        self.stated.clear();
        self.life += 1;
    }

    /// Starts around a replayed exchange, and takes up the packages that are here.
    pub(crate) fn start(&mut self, now: Timestamp, exchange: Exchange) -> Turn {
        self.reading.restart(exchange.now());
        let at = self.reading.of(now);
        self.market = Some(Market::reading(exchange, wishes));
        let mut found = Vec::new();
        for (task, holding) in self.exchange().all_held() {
            let shown = holding.shown.iter().map(|shown| shown.worker);
            for worker in holding.offers.iter().map(|held| held.worker).chain(shown) {
                let stated = self.shown(task, worker).filter(|stated| self.disk.blobs.contains(&stated.blob));
                found.extend(stated.map(|stated| (worker, task, stated)));
            }
            // Who it was that brought it may have shown it by itself, and say no more.
            for (worker, (digest, blob)) in self.disk.opened.get(&task).into_iter().flatten() {
                let here = self.disk.blobs.contains(blob);
                found.extend(here.then_some((*worker, task, Statement { digest: *digest, blob: *blob })));
            }
        }
        let mut turn = Turn::default();
        self.take_up_secrets(at, &mut turn);
        for (worker, task, stated) in found {
            self.package(at, worker, task, stated, &mut turn);
        }
        turn
    }

    /// Whether a pool takes this worker.
    pub(crate) fn admits(&self, pool: Address, worker: Address) -> bool {
        self.market.as_ref().is_some_and(|market| market.exchange().admits(pool, worker))
    }

    /// The address of a pool that the exchange runs.
    pub(crate) fn pool(&self, number: usize) -> Address {
        self.genesis.pools.get(number).map_or(self.guest, |pool| pool.address)
    }
}

/// Params name a region, or nothing.
pub(crate) fn wishes(params: &str) -> Wishes {
    Wishes { region: (!params.is_empty()).then(|| params.to_owned()), ..Wishes::default() }
}

/// What a machine asks for: the same in every category.
fn least(floors: &BTreeMap<u64, Amount>) -> Option<u64> {
    floors.values().next().and_then(|floor| floor.to_nanos())
}

fn wire(ending: Ending) -> api::worker::Ending {
    match ending {
        Ending::Accepted => api::worker::Ending::Accepted,
        Ending::Dissented => api::worker::Ending::Dissented,
        Ending::NotNeeded => api::worker::Ending::NotNeeded,
        Ending::Claimed => api::worker::Ending::Claimed,
    }
}
