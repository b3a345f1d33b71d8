//! Entries like those of the real server, made without it: so many tasks at trust 1 and of two replicas, as fast as wanted
//! and the same every time. Every one was accepted by the rules.

use abi::Call;
use abi::call::NewApp;
use exchange::{AnyOrder, Command, Entry, Exchange, Genesis, Place, Transaction, app_address};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, Domain, Recovered, RequestOrder, Reveal, Signed, SigningKey,
    WorkerBatch, WorkerpoolOrder, ids,
};
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

/// Tasks of a deal, all of one request.
pub(crate) const DEAL: u64 = 256;
/// Tasks that a worker says something about at once.
const BATCH: usize = 32;
/// A score at which a worker weighs 100.
const PROVEN: u64 = 303;
const MICROS: u64 = 1_000;
/// What is said about where a result is, in bytes; about as much as the server says.
const RESULTS: usize = 72;

/// A market that goes on for as long as somebody asks for more.
pub(crate) struct Recording {
    pub(crate) exchange: Exchange,
    domain: Domain,
    operator: SigningKey,
    requester: SigningKey,
    app: Address,
    app_order: OrderHash,
    pool: Address,
    sale: OrderHash,
    sequence: u64,
    deals: u64,
    /// Microseconds from one task to the next, and the time since 1970.
    each_us: u64,
    now_us: u64,
    fresh: Vec<Entry>,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

fn worker(number: usize) -> Address {
    key(0x10 + u8::from(number > 0)).address()
}

impl Recording {
    /// An exchange in which so many tasks a second are done.
    pub(crate) fn new(tasks_per_s: u64) -> Self {
        let (operator, requester) = (key(1), key(2));
        let mut genesis = Genesis::new(operator.address(), false);
        genesis.world.scores = (0..2).map(|number| (worker(number), U256::from(PROVEN))).collect();
        let pool = genesis.pools[0].address;
        let mut recording = Self {
            domain: genesis.domain(),
            exchange: Exchange::new(genesis),
            operator,
            requester,
            app: Address::ZERO,
            app_order: OrderHash::default(),
            pool,
            sale: OrderHash::default(),
            sequence: 0,
            deals: 0,
            each_us: 1_000_000 / tasks_per_s,
            now_us: 1_000_000_000_000,
            fresh: Vec::new(),
        };
        recording.found();
        recording
    }

    /// The entries since this was last asked for.
    pub(crate) fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.fresh)
    }

    /// One deal's tasks, each believed to one worker.
    pub(crate) fn singles(&mut self) {
        let deal = self.deal(1);
        let tasks: Vec<u64> = (0..DEAL).collect();
        for (turn, indices) in tasks.chunks(BATCH).enumerate() {
            let by = worker(turn % 2);
            let completes = indices.iter().map(|index| self.complete(deal, *index)).collect();
            self.batch(by, deal, indices, |batch| batch.completes = completes);
            for index in indices {
                let results = Bytes::from(vec![b'r'; RESULTS]);
                self.enter(Command::Accept { task: task(deal, *index), worker: by, results });
            }
            self.pass(indices.len());
        }
    }

    /// One deal's tasks, each done by two who agree.
    pub(crate) fn pairs(&mut self) {
        // What two of their weight reach together, and neither alone; weights grow.
        let weight = poco_weight(self.exchange.hub().score(worker(0)).saturating_to());
        let deal = self.deal(weight * weight);
        let tasks: Vec<u64> = (0..DEAL).collect();
        for indices in tasks.chunks(BATCH) {
            for by in [worker(0), worker(1)] {
                let commits = indices.iter().map(|index| commit(by, deal, *index)).collect();
                self.batch(by, deal, indices, |batch| batch.commits = commits);
            }
            for index in indices {
                for by in [worker(0), worker(1)] {
                    self.enter(Command::Authorize { task: task(deal, *index), worker: by });
                }
            }
            for by in [worker(0), worker(1)] {
                let reveals = indices.iter().map(|index| reveal(deal, *index)).collect();
                self.batch(by, deal, indices, |batch| batch.reveals = reveals);
            }
            for index in indices {
                let (results, callback) = (Bytes::from(vec![b'r'; RESULTS]), Bytes::new());
                self.enter(Command::Finalize { task: task(deal, *index), results, callback });
            }
            self.pass(indices.len());
        }
    }

    fn found(&mut self) {
        let (operator, requester) = (self.operator.clone(), self.requester.clone());
        let app = NewApp {
            owner: requester.address(),
            name: "app".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:00"),
            checksum: B256::ZERO,
            mrenclave: Bytes::new(),
        };
        self.app = app_address(self.exchange.genesis(), &app);
        self.transact(&requester, &Call::CreateApp(Box::new(app)));
        for account in [operator.address(), requester.address()] {
            self.transact(&operator, &Call::Issue { account, amount: Amount::credits(1_000_000_000) });
        }
        let volume = U256::from(1_000_000_000_u64);
        let sale = AppOrder { app: self.app, volume, ..AppOrder::default() };
        let sale = Checked::recover(Signed::with(sale, &self.domain, &requester), &self.domain);
        self.app_order = sale.hash;
        self.enter(Command::PlaceOrder(Box::new(AnyOrder::App(sale))));
        let sale = WorkerpoolOrder {
            workerpool: self.pool,
            workerpoolprice: Amount::nanos(1_000),
            volume,
            trust: U256::from(u64::MAX),
            ..WorkerpoolOrder::default()
        };
        let sale = Checked::recover(Signed::with(sale, &self.domain, &operator), &self.domain);
        self.sale = sale.hash;
        self.enter(Command::PlaceOrder(Box::new(AnyOrder::Workerpool(sale))));
    }

    /// A request is placed and matched.
    fn deal(&mut self, trust: u64) -> DealId {
        self.deals += 1;
        let request = RequestOrder {
            app: self.app,
            requester: self.requester.address(),
            beneficiary: self.requester.address(),
            workerpoolmaxprice: Amount::nanos(1_000),
            volume: U256::from(DEAL),
            trust: U256::from(trust),
            params: r#"{"iexec_args":"--frame 7"}"#.to_owned(),
            salt: B256::from(U256::from(self.deals)),
            ..RequestOrder::default()
        };
        let request = Checked::recover(Signed::with(request, &self.domain, &self.requester), &self.domain);
        let hash = request.hash;
        self.enter(Command::PlaceOrder(Box::new(AnyOrder::Request(request))));
        let (app, workerpool) = (self.app_order, self.sale);
        self.enter(Command::Match { app, dataset: None, workerpool, request: hash });
        ids::deal_id(hash, U256::ZERO)
    }

    fn complete(&self, deal: DealId, index: u64) -> Complete {
        let digest = B256::from(U256::from(index));
        Complete { task: task(deal, index), digest, failed: false, blob: Digest(digest), callback: Bytes::new() }
    }

    fn batch(&mut self, by: Address, deal: DealId, indices: &[u64], say: impl FnOnce(&mut WorkerBatch)) {
        self.sequence += 1;
        let mut batch = WorkerBatch { worker: by, sequence: self.sequence, ..WorkerBatch::default() };
        say(&mut batch);
        // Whom a signature is by is believed when a journal is replayed.
        let signed = Signed { order: batch, sign: Bytes::from(vec![0x1b; 65]) };
        let batch = Box::new(CheckedBatch::trust(signed, Recovered::By(by)));
        let places = indices.iter().map(|index| Place { deal, index: U256::from(*index) }).collect();
        self.enter(Command::Batch { batch, places });
    }

    /// Time goes by; what waits on it is done.
    fn pass(&mut self, tasks: usize) {
        self.now_us += self.each_us * tasks as u64;
        let now = Timestamp(self.now_us / MICROS);
        while self.exchange.next_deadline().is_some_and(|due| due <= now) {
            self.enter(Command::Tick);
        }
    }

    fn enter(&mut self, command: Command) {
        let entry = Entry { at: Timestamp(self.now_us / MICROS), command };
        let mut events = Vec::new();
        self.exchange.apply(&entry, &mut events).expect("the entry is admissible");
        let refused = events.iter().any(|event| matches!(event, exchange::Event::ItemRefused { .. }));
        assert!(!refused, "{:?}", entry.command);
        self.fresh.push(entry);
    }

    fn transact(&mut self, from: &SigningKey, call: &Call) {
        let genesis = self.exchange.genesis().clone();
        let to = if matches!(call, Call::CreateApp(_)) { genesis.app_registry } else { genesis.hub };
        let nonce = self.exchange.nonce(from.address());
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

/// PoCo's weight of a worker.
fn poco_weight(score: u64) -> u64 {
    (score / 3).max(3) - 1
}

fn task(deal: DealId, index: u64) -> TaskId {
    ids::task_id(deal, U256::from(index))
}

fn commit(by: Address, deal: DealId, index: u64) -> Commit {
    let (task, digest) = (task(deal, index), B256::from(U256::from(index)));
    let (result_hash, result_seal) = (ids::result_hash(task, digest), ids::result_seal(by, task, digest));
    Commit { task, result_hash, result_seal, failed: false }
}

fn reveal(deal: DealId, index: u64) -> Reveal {
    let digest = B256::from(U256::from(index));
    Reveal { task: task(deal, index), digest, blob: Digest(digest), callback: Bytes::new() }
}
