//! A small market with real keys and signatures, whose every command is taken down.

use abi::call::NewApp;
use abi::{Call, SignedTransaction};
use exchange::{AnyOrder, Command, Entry, Event, Exchange, Genesis, PayReason, Place, Transaction, app_address};
use journal::{Journal, Receipt, Record};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, DatasetOrder, RequestOrder, Reveal, Signed, SigningKey,
    WorkerBatch, WorkerpoolOrder, ids,
};
use std::collections::BTreeMap;
use std::path::Path;
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, Tag, TaskId, Timestamp, U256};

pub(crate) const START: u64 = 1_800_000_000_000;
/// Price of a task in the bonded pool.
pub(crate) const PRICE: u64 = 1_000;

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).unwrap()
}

pub(crate) fn operator() -> SigningKey {
    key(1)
}

pub(crate) fn requester() -> SigningKey {
    key(2)
}

pub(crate) fn maker() -> SigningKey {
    key(3)
}

pub(crate) fn worker(number: u8) -> SigningKey {
    key(10 + number)
}

pub(crate) fn genesis() -> Genesis {
    let mut genesis = Genesis::new(operator().address(), false);
    // As it was when the golden journals were recorded.
    for pool in &mut genesis.pools {
        pool.scheduler_reward_ratio = 1;
    }
    genesis
}

/// What the operator's exchange would hold, and the entries that are not in a journal yet.
pub(crate) struct Market {
    pub(crate) exchange: Exchange,
    pub(crate) now: u64,
    pub(crate) pending: Vec<Entry>,
    sequences: BTreeMap<Address, u64>,
    salts: u64,
}

impl Market {
    pub(crate) fn new() -> Self {
        let exchange = Exchange::new(genesis());
        Self { exchange, now: START, pending: Vec::new(), sequences: BTreeMap::new(), salts: 0 }
    }

    pub(crate) fn enter(&mut self, command: Command) -> Vec<Event> {
        self.now += 1;
        let entry = Entry { at: Timestamp(self.now), command };
        let mut events = Vec::new();
        self.exchange.apply(&entry, &mut events).unwrap();
        self.pending.push(entry);
        events
    }

    pub(crate) fn transact(&mut self, by: &SigningKey, to: Address, call: &Call) -> Vec<Event> {
        let genesis = self.exchange.genesis().clone();
        let nonce = self.exchange.nonce(by.address());
        let raw = abi::Transaction::call(genesis.chain_id, nonce, to, call.encode()).sign(by);
        let signed = SignedTransaction::decode(&raw).unwrap();
        let transaction = Transaction {
            from: by.address(),
            nonce,
            chain_id: signed.chain_id,
            to,
            input: signed.input,
            signers: Vec::new(),
            hash: signed.hash,
            raw,
        };
        self.enter(Command::Transact(Box::new(transaction.recover(&genesis))))
    }

    pub(crate) fn issue(&mut self, account: Address, nanos: u64) {
        let hub = self.exchange.genesis().hub;
        self.transact(&operator(), hub, &Call::Issue { account, amount: Amount::nanos(nanos) });
    }

    fn salt(&mut self) -> B256 {
        self.salts += 1;
        B256::from(U256::from(self.salts))
    }

    pub(crate) fn place(&mut self, order: AnyOrder) -> OrderHash {
        let hash = order.hash();
        self.enter(Command::PlaceOrder(Box::new(order)));
        hash
    }

    pub(crate) fn create_app(&mut self) -> Address {
        let app = NewApp { owner: maker().address(), name: "tracer".into(), kind: "WASM".into(), ..NewApp::default() };
        let registry = self.exchange.genesis().app_registry;
        self.transact(&maker(), registry, &Call::CreateApp(Box::new(app.clone())));
        app_address(self.exchange.genesis(), &app)
    }

    pub(crate) fn sell_app(&mut self, app: Address) -> OrderHash {
        let domain = self.exchange.genesis().domain();
        let order = AppOrder {
            app,
            appprice: Amount::nanos(7),
            volume: U256::from(1_000),
            salt: self.salt(),
            ..AppOrder::default()
        };
        self.place(AnyOrder::App(Checked::recover(Signed::with(order, &domain, &maker()), &domain)))
    }

    pub(crate) fn sell(&mut self, pool: usize, price: u64, volume: u64, trust: u64) -> OrderHash {
        let domain = self.exchange.genesis().domain();
        let order = WorkerpoolOrder {
            workerpool: self.exchange.genesis().pools[pool].address,
            workerpoolprice: Amount::nanos(price),
            volume: U256::from(volume),
            trust: U256::from(trust),
            salt: self.salt(),
            ..WorkerpoolOrder::default()
        };
        self.place(AnyOrder::Workerpool(Checked::recover(Signed::with(order, &domain, &operator()), &domain)))
    }

    pub(crate) fn bid(&mut self, app: Address, price: u64, volume: u64, trust: u64) -> RequestOrder {
        RequestOrder {
            app,
            appmaxprice: Amount::nanos(10),
            workerpoolmaxprice: Amount::nanos(price),
            requester: requester().address(),
            volume: U256::from(volume),
            tag: Tag::NONE,
            trust: U256::from(trust),
            params: r#"{"iexec_args":"--frame 1"}"#.into(),
            salt: self.salt(),
            ..RequestOrder::default()
        }
    }

    pub(crate) fn buy(&mut self, app: Address, price: u64, volume: u64, trust: u64) -> OrderHash {
        let domain = self.exchange.genesis().domain();
        let order = self.bid(app, price, volume, trust);
        self.place(AnyOrder::Request(Checked::recover(Signed::with(order, &domain, &requester()), &domain)))
    }

    pub(crate) fn matched(&mut self, app: OrderHash, workerpool: OrderHash, request: OrderHash) -> DealId {
        let consumed = self.exchange.consumed(request);
        self.enter(Command::Match { app, dataset: None, workerpool, request });
        ids::deal_id(request, consumed)
    }

    fn batch(&mut self, by: &SigningKey, fill: impl FnOnce(&mut WorkerBatch), places: Vec<Place>) {
        let domain = self.exchange.genesis().domain();
        let sequence = self.sequences.entry(by.address()).or_default();
        *sequence += 1;
        let mut batch = WorkerBatch { worker: by.address(), sequence: *sequence, ..WorkerBatch::default() };
        fill(&mut batch);
        let batch = Box::new(CheckedBatch::recover(batch.sign(&domain, by), &domain));
        self.enter(Command::Batch { batch, places });
    }

    pub(crate) fn commit(&mut self, by: &SigningKey, deal: DealId, index: u64, digest: B256) -> TaskId {
        let index = U256::from(index);
        let task = ids::task_id(deal, index);
        let result_hash = ids::result_hash(task, digest);
        let result_seal = ids::result_seal(by.address(), task, digest);
        let commit = Commit { task, result_hash, result_seal, failed: false };
        self.batch(by, |batch| batch.commits.push(commit), vec![Place { deal, index }]);
        task
    }

    pub(crate) fn complete(&mut self, by: &SigningKey, deal: DealId, index: u64, digest: B256) -> TaskId {
        let index = U256::from(index);
        let task = ids::task_id(deal, index);
        let complete = Complete { task, digest, failed: false, blob: Digest(digest), callback: Bytes::new() };
        self.batch(by, |batch| batch.completes.push(complete), vec![Place { deal, index }]);
        task
    }

    pub(crate) fn reveal(&mut self, by: &SigningKey, task: TaskId, digest: B256) {
        let reveal = Reveal { task, digest, blob: Digest(digest), callback: Bytes::new() };
        self.batch(by, |batch| batch.reveals.push(reveal), Vec::new());
    }

    pub(crate) fn authorize(&mut self, task: TaskId, by: &SigningKey) {
        self.enter(Command::Authorize { task, worker: by.address() });
    }

    /// Everybody gets money; the app and an offer of each pool are on the book.
    pub(crate) fn open(&mut self) -> (Address, OrderHash) {
        self.issue(requester().address(), 1_000_000);
        self.issue(operator().address(), 1_000_000);
        for number in 0..4 {
            self.issue(worker(number).address(), 100_000);
        }
        let app = self.create_app();
        (app, self.sell_app(app))
    }

    /// Appends what is pending, a group of at most `size` entries a record, with the state's digest at the end.
    pub(crate) fn flush(&mut self, journal: &mut Journal, size: usize) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        let entries = std::mem::take(&mut self.pending);
        let groups = entries.chunks(size).count();
        for (index, group) in entries.chunks(size).enumerate() {
            let state = (index + 1 == groups).then(|| self.exchange.state_digest());
            let record = journal.append(group, state).unwrap();
            receipts.push(receipt(record));
        }
        receipts
    }
}

pub(crate) fn receipt(record: Record) -> Receipt {
    Receipt::sign(&operator(), genesis().chain_id, record)
}

/// A whole story with every kind of command: a verified task with a liar, one at trust 1, one that nobody revealed and
/// that was claimed, one that is not final at the end.
pub(crate) fn story() -> Market {
    let mut market = Market::new();
    let (right, wrong) = (B256::repeat_byte(0xaa), B256::repeat_byte(0xbb));
    let (app, app_order) = market.open();
    let ask = market.sell(1, PRICE, 10, 4);
    let request = market.buy(app, PRICE, 3, 3);
    let deal = market.matched(app_order, ask, request);
    let task = market.commit(&worker(0), deal, 0, right);
    market.commit(&worker(1), deal, 0, wrong);
    market.commit(&worker(2), deal, 0, right);
    market.commit(&worker(3), deal, 0, right);
    market.authorize(task, &worker(1));
    market.authorize(task, &worker(0));
    market.authorize(task, &worker(2));
    market.authorize(task, &worker(3));
    for number in [0, 2, 3] {
        market.reveal(&worker(number), task, right);
    }
    let results = Bytes::from_static(b"blob:sha256:aa");
    market.enter(Command::Finalize { task, results: results.clone(), callback: Bytes::new() });
    let pool = market.exchange.genesis().pools[1].address;
    let (paid, amount) = (worker(0).address(), Amount::nanos(5));
    market.enter(Command::Pay { pool, worker: paid, amount, task, why: PayReason::TopUp });

    one_word(&mut market, app, app_order, right, &results);
    let hub = market.exchange.genesis().hub;
    market.transact(&maker(), hub, &Call::Withdraw { amount: Amount::credits(1_000) });
    nobody_revealed(&mut market, deal, right);
    let last = market.buy(app, PRICE, 1, 3);
    let deal = market.matched(app_order, ask, last);
    market.commit(&worker(0), deal, 0, right);
    market
}

/// Trust 1 in the open pool, and orders that come and go.
fn one_word(market: &mut Market, app: Address, app_order: OrderHash, digest: B256, results: &Bytes) {
    let ask = market.sell(0, PRICE / 2, 1, 1);
    let request = market.buy(app, PRICE / 2, 2, 1);
    let deal = market.matched(app_order, ask, request);
    let task = market.complete(&worker(0), deal, 0, digest);
    market.enter(Command::Accept { task, worker: worker(0).address(), results: results.clone() });
    market.enter(Command::RemoveOrder { order: request, by: requester().address() });
    let dataset = abi::call::NewDataset { owner: maker().address(), name: "mesh".into(), ..Default::default() };
    let registry = market.exchange.genesis().dataset_registry;
    market.transact(&maker(), registry, &Call::CreateDataset(Box::new(dataset.clone())));
    let domain = market.exchange.genesis().domain();
    let order = DatasetOrder {
        dataset: exchange::dataset_address(market.exchange.genesis(), &dataset),
        volume: U256::MAX,
        salt: market.salt(),
        ..DatasetOrder::default()
    };
    market.place(AnyOrder::Dataset(Checked::recover(Signed::with(order, &domain, &maker()), &domain)));
}

/// Consensus without reveals: opened again, and claimed when its time is over.
fn nobody_revealed(market: &mut Market, deal: DealId, digest: B256) {
    market.enter(Command::Initialize { deal, index: U256::from(1) });
    let task = market.commit(&worker(0), deal, 1, digest);
    market.commit(&worker(2), deal, 1, digest);
    market.commit(&worker(3), deal, 1, digest);
    market.enter(Command::Discard { task, worker: worker(3).address() });
    market.authorize(task, &worker(0));
    market.authorize(task, &worker(2));
    let seconds = market.exchange.categories()[0].seconds;
    market.now += 3 * seconds * 1_000;
    market.enter(Command::Reopen { task });
    market.now += 10 * seconds * 1_000;
    market.enter(Command::Claim { task });
    market.enter(Command::Tick);
}

/// The story in a journal, and a receipt for each of its records.
pub(crate) fn journaled(folder: &Path, size: usize) -> (Market, Vec<Receipt>) {
    let mut market = story();
    let mut journal = Journal::create(folder, &genesis()).unwrap();
    let receipts = market.flush(&mut journal, size);
    (market, receipts)
}
