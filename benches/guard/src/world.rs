//! A private exchange in memory with two workers of many slots, driven by hand: what the market does can be counted apart from
//! what workers and requesters do.

use crate::cases::is_match;
use crate::counted;
use abi::Call;
use abi::call::NewApp;
use exchange::{AnyOrder, Command, Entry, Event, Exchange, Genesis, Transaction};
use market::{Market, Message, Output, Package, Worker};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, Domain, Recovered, RequestOrder, Reveal, Signed, SigningKey,
    WorkerBatch, ids,
};
use std::collections::BTreeMap;
use units::{Address, Amount, B256, Bytes, Digest, TaskId, Timestamp, U256};

/// How many workers must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    One,
    Two,
}

impl Trust {
    /// Two newcomers weigh two each: together they make a chance of one in four.
    fn asked(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Two => 4,
        }
    }
}

const WORKERS: u8 = 2;
const SLOTS: u32 = 32;
const FLOOR: u64 = 1_000;
const PAID: u64 = 1_000_000;

/// A key of a repeated byte.
pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

/// A request for so many tasks.
pub(crate) fn request(app: Address, requester: Address, trust: u64, volume: u64, salt: u64) -> RequestOrder {
    RequestOrder {
        app,
        requester,
        beneficiary: requester,
        workerpoolmaxprice: Amount::nanos(PAID),
        volume: U256::from(volume),
        trust: U256::from(trust),
        params: r#"{"manyhands":{"version":1,"args":["{in}","{out}/{stem}.jpg"]}}"#.to_owned(),
        salt: B256::from(U256::from(salt)),
        ..RequestOrder::default()
    }
}

pub(crate) struct World {
    market: Market,
    pub(crate) entries: Vec<Entry>,
    trust: Trust,
    now: Timestamp,
    app: Address,
    salts: u64,
    sequences: u64,
    workers: BTreeMap<Address, SigningKey>,
    assigned: Vec<(Address, TaskId)>,
    reveals: Vec<(Address, TaskId)>,
    uploads: Vec<TaskId>,
    finished: u64,
}

impl World {
    pub(crate) fn new(trust: Trust) -> Self {
        let operator = key(1);
        let mut world = Self {
            market: Market::new(Exchange::new(Genesis::new(operator.address(), true))),
            entries: Vec::new(),
            trust,
            now: Timestamp::from_seconds(1_000_000),
            app: Address::ZERO,
            salts: 0,
            sequences: 0,
            workers: (0..WORKERS).map(|number| key(0x10 + number)).map(|key| (key.address(), key)).collect(),
            assigned: Vec::new(),
            reveals: Vec::new(),
            uploads: Vec::new(),
            finished: 0,
        };
        let amount = Amount::credits(1_000_000);
        for account in [operator.address(), key(2).address()] {
            world.transact(&operator, &Call::Issue { account, amount });
        }
        let app = NewApp {
            owner: operator.address(),
            name: "app".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:00"),
            checksum: B256::ZERO,
            mrenclave: Bytes::new(),
        };
        world.app = exchange::app_address(world.exchange().genesis(), &app);
        world.transact(&operator, &Call::CreateApp(Box::new(app)));
        let sale = AppOrder { app: world.app, volume: U256::from(1_000_000_000), ..AppOrder::default() };
        let sale = Checked::recover(Signed::with(sale, &world.domain(), &operator), &world.domain());
        world.place(AnyOrder::App(sale));
        for address in world.workers.keys().copied().collect::<Vec<_>>() {
            world.join(address);
        }
        world
    }

    fn join(&mut self, address: Address) {
        let genesis = self.market.exchange().genesis();
        let pool =
            genesis.pools.iter().find(|pool| pool.name == "commons").expect("every exchange has the pool").address;
        let floors = (0..6).map(|category| (category, Amount::nanos(FLOOR))).collect();
        let worker = Worker {
            address,
            owner: address,
            pool,
            cores: SLOTS,
            slots: SLOTS,
            floors,
            benchmark: 600,
            ..Worker::default()
        };
        let mut out = Output::default();
        let _joined = self.market.worker_joined(self.now, worker, &[], &mut out);
        self.take(out);
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        self.market.exchange()
    }

    pub(crate) fn genesis(&self) -> Genesis {
        self.exchange().genesis().clone()
    }

    pub(crate) fn domain(&self) -> Domain {
        self.exchange().genesis().domain()
    }

    /// How many matches there were.
    pub(crate) fn matches(&self) -> u64 {
        self.entries.iter().filter(|entry| is_match(&entry.command)).map(|_| 1).sum()
    }

    /// How many tasks are settled.
    pub(crate) fn finished(&self) -> u64 {
        self.finished
    }

    /// Assignments that no worker has answered.
    pub(crate) fn assigned(&self) -> u64 {
        self.assigned.len() as u64
    }

    pub(crate) fn has_work(&self) -> bool {
        !(self.assigned.is_empty() && self.reveals.is_empty() && self.uploads.is_empty())
    }

    /// A request of the world's trust, signed.
    pub(crate) fn bid(&mut self, volume: u64) -> AnyOrder {
        self.salts += 1;
        let order = request(self.app, key(2).address(), self.trust.asked(), volume, self.salts);
        AnyOrder::Request(Checked::recover(Signed::with(order, &self.domain(), &key(2)), &self.domain()))
    }

    pub(crate) fn place(&mut self, order: AnyOrder) {
        self.enter(Command::PlaceOrder(Box::new(order)));
    }

    /// Policy acts until it wants nothing more signed.
    pub(crate) fn decide(&mut self) {
        loop {
            let mut out = Output::default();
            self.market.decide(self.now, &mut out);
            let offers = std::mem::take(&mut out.offers);
            self.take(out);
            if offers.is_empty() {
                return;
            }
            for offer in offers {
                let (domain, operator) = (self.domain(), key(1));
                let signed = Signed::with(offer, &domain, &operator);
                let by = Recovered::By(operator.address());
                self.place(AnyOrder::Workerpool(Checked::trust(signed, &domain, by)));
            }
        }
    }

    /// Until nothing is to be decided without work.
    pub(crate) fn settle(&mut self) {
        self.decide();
        assert!(!self.has_work(), "nothing is bought yet");
    }

    /// As [`World::decide`]; how much work the workers have.
    pub(crate) fn decide_and_count(&mut self) -> u64 {
        self.decide();
        self.assigned() + self.reveals.len() as u64 + self.uploads.len() as u64
    }

    /// Workers say all that they have to say, a batch each; what the market does about it may be counted.
    pub(crate) fn state(&mut self, is_counted: bool) {
        let reveals = std::mem::take(&mut self.reveals);
        let uploads = std::mem::take(&mut self.uploads);
        let assigned = std::mem::take(&mut self.assigned);
        let batches = self.batches(&assigned, &reveals);
        let shown = assigned.iter().filter(|_| self.trust == Trust::One).chain(&reveals);
        let packages: Vec<TaskId> = shown.map(|(_, task)| *task).chain(uploads).collect();
        let hear = || {
            for batch in batches {
                let worker = batch.batch().worker;
                self.enter(Command::Batch { batch: Box::new(batch), places: Vec::new() });
                self.market.worker_ready(worker, SLOTS);
            }
            for task in packages {
                let mut out = Output::default();
                let package = Package { digest: digest(task), blob: Digest(digest(task)), callback: Bytes::new() };
                self.market.package(self.now, task, package, &mut out);
                self.take(out);
            }
        };
        if is_counted { counted(hear) } else { hear() }
    }

    /// Assignments are answered by commitments; what the market does about them may be counted.
    pub(crate) fn commit(&mut self, is_counted: bool) {
        let assigned = std::mem::take(&mut self.assigned);
        let batches = self.batches(&assigned, &[]);
        let hear = || {
            for batch in batches {
                self.enter(Command::Batch { batch: Box::new(batch), places: Vec::new() });
            }
        };
        if is_counted { counted(hear) } else { hear() }
    }

    /// A batch a worker; nobody checks its signature here.
    fn batches(&mut self, assigned: &[(Address, TaskId)], reveals: &[(Address, TaskId)]) -> Vec<CheckedBatch> {
        let mut by_worker: BTreeMap<Address, WorkerBatch> = BTreeMap::new();
        for (worker, task) in assigned.iter().copied() {
            let batch = by_worker.entry(worker).or_default();
            let digest = digest(task);
            match self.trust {
                Trust::One => {
                    let blob = Digest(digest);
                    batch.completes.push(Complete { task, digest, failed: false, blob, callback: Bytes::new() });
                }
                Trust::Two => batch.commits.push(Commit {
                    task,
                    result_hash: ids::result_hash(task, digest),
                    result_seal: ids::result_seal(worker, task, digest),
                    failed: false,
                }),
            }
        }
        for (worker, task) in reveals.iter().copied() {
            let digest = digest(task);
            let reveal = Reveal { task, digest, blob: Digest(digest), callback: Bytes::new() };
            by_worker.entry(worker).or_default().reveals.push(reveal);
        }
        let domain = self.domain();
        self.sequences += 1;
        let sequence = self.sequences;
        let signed = by_worker.into_iter().map(|(worker, batch)| {
            let signed = WorkerBatch { worker, sequence, ..batch }.sign(&domain, &self.workers[&worker]);
            CheckedBatch::trust(signed, Recovered::By(worker))
        });
        signed.collect()
    }

    fn enter(&mut self, command: Command) {
        let mut out = Output::default();
        self.market.command(self.now, command, &mut out).expect("the command is admissible");
        self.take(out);
    }

    fn take(&mut self, out: Output) {
        let finalized = |event: &&Event| matches!(event, Event::Hub(poco_event) if is_final(poco_event));
        self.finished += out.events.iter().filter(finalized).map(|_| 1).sum::<u64>();
        self.entries.extend(out.entries);
        assert!(out.offers.is_empty(), "only policy offers");
        for (worker, message) in out.messages {
            match message {
                Message::Assign { task, .. } => self.assigned.push((worker, task)),
                Message::Reveal { task, .. } => self.reveals.push((worker, task)),
                Message::Upload { task } => self.uploads.push(task),
                Message::Cancel { .. } | Message::Settled { .. } => {}
            }
        }
    }

    fn transact(&mut self, from: &SigningKey, call: &Call) {
        let genesis = self.genesis();
        let to = match call.target() {
            abi::Target::Registry(_) => genesis.app_registry,
            abi::Target::Hub | abi::Target::Token | abi::Target::Asset(..) | abi::Target::Group(_) => genesis.hub,
        };
        let nonce = self.exchange().nonce(from.address());
        let raw = abi::Transaction::call(genesis.chain_id, nonce, to, call.encode()).sign(from);
        let signed = abi::SignedTransaction::decode(&raw).expect("what we sign decodes");
        let transaction = Transaction {
            from: from.address(),
            nonce,
            chain_id: genesis.chain_id,
            to,
            input: signed.input,
            signers: Vec::new(),
            hash: signed.hash,
            raw,
        };
        self.enter(Command::Transact(Box::new(transaction.recover(&genesis))));
    }
}

fn is_final(event: &poco::Event) -> bool {
    matches!(event, poco::Event::TaskFinalize { .. })
}

/// The result of a task.
fn digest(task: TaskId) -> B256 {
    alloy_primitives::keccak256(task.0)
}
