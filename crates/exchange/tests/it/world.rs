//! A small market for tests: one app, a few people, signers taken on trust.

use abi::Call;
use abi::call::{NewApp, NewDataset, NewWorkerpool};
use exchange::{
    AnyOrder, Command, Entry, Event, Evidence, Exchange, Genesis, Place, Rejection, Transaction, app_address,
};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, DatasetOrder, Order, Recovered, RequestOrder, Reveal, Signed,
    WorkerBatch, WorkerpoolOrder, ids,
};
use poco::Refusal;
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

pub(crate) const OPERATOR: Address = Address::repeat_byte(0x01);
pub(crate) const REQUESTER: Address = Address::repeat_byte(0x02);
pub(crate) const APP_OWNER: Address = Address::repeat_byte(0x03);
pub(crate) const STRANGER: Address = Address::repeat_byte(0x04);
pub(crate) const WORKERS: [Address; 4] =
    [Address::repeat_byte(0x11), Address::repeat_byte(0x12), Address::repeat_byte(0x13), Address::repeat_byte(0x14)];
/// Price of a task for the pool.
pub(crate) const PRICE: u64 = 1_000;
/// The exchange's default category of one minute.
pub(crate) const MINUTE: u64 = 5;
/// When every test begins, seconds.
const BEGIN: u64 = 1_000_000;

/// An exchange, its clock, and every entry and event so far.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) exchange: Exchange,
    pub(crate) now: Timestamp,
    pub(crate) entries: Vec<Entry>,
    pub(crate) events: Vec<Event>,
    salt: u64,
}

pub(crate) fn credits(nanos: u64) -> Amount {
    Amount::nanos(nanos)
}

pub(crate) fn digest(result: u8) -> B256 {
    B256::repeat_byte(result)
}

/// The app that everything runs.
pub(crate) fn new_app() -> NewApp {
    NewApp { owner: APP_OWNER, name: "primes".to_owned(), kind: "WASM".to_owned(), ..NewApp::default() }
}

impl World {
    /// People have money, the app is published.
    pub(crate) fn new() -> Self {
        Self::founded(Genesis::new(OPERATOR, false))
    }

    /// The same with a genesis of one's own.
    pub(crate) fn founded(genesis: Genesis) -> Self {
        let exchange = Exchange::new(genesis);
        let now = Timestamp::from_seconds(BEGIN);
        let mut world = Self { exchange, now, entries: Vec::new(), events: Vec::new(), salt: 0 };
        for account in [OPERATOR, REQUESTER, WORKERS[0], WORKERS[1], WORKERS[2], WORKERS[3]] {
            world.ok(OPERATOR, world.hub(), &Call::Issue { account, amount: credits(1_000_000) });
        }
        world.ok(APP_OWNER, world.exchange.genesis().app_registry, &Call::CreateApp(Box::new(new_app())));
        world
    }

    pub(crate) fn hub(&self) -> Address {
        self.exchange.genesis().hub
    }

    pub(crate) fn app(&self) -> Address {
        app_address(self.exchange.genesis(), &new_app())
    }

    /// The pool without and the one with worker stake.
    pub(crate) fn pool(&self, bonded: bool) -> Address {
        self.exchange.genesis().pools[usize::from(bonded)].address
    }

    pub(crate) fn free(&self, account: Address) -> u64 {
        self.exchange.account(account).free.to_nanos().unwrap()
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = Timestamp(self.now.0 + seconds * 1_000);
    }

    /// Enters a command and returns what it led to. A rejection is checked to leave no trace.
    pub(crate) fn try_enter(&mut self, command: Command) -> Result<Vec<Event>, Rejection> {
        let entry = Entry { at: self.now, command };
        let before = self.exchange.clone();
        let mut events = Vec::new();
        match self.exchange.apply(&entry, &mut events) {
            Ok(()) => {
                self.entries.push(entry);
                self.events.extend(events.iter().cloned());
                Ok(events)
            }
            Err(rejection) => {
                assert!(self.exchange == before, "a rejection changed something: {rejection}");
                assert_eq!(events, [], "a rejection told something: {rejection}");
                Err(rejection)
            }
        }
    }

    pub(crate) fn enter(&mut self, command: Command) -> Vec<Event> {
        self.try_enter(command).unwrap_or_else(|rejection| panic!("{rejection}"))
    }

    pub(crate) fn transaction(
        &mut self,
        from: Address,
        to: Address,
        call: &Call,
        signers: &[Recovered],
    ) -> Transaction {
        self.salt += 1;
        Transaction {
            from,
            nonce: self.exchange.nonce(from),
            chain_id: self.exchange.genesis().chain_id,
            to,
            input: call.encode(),
            signers: signers.to_vec(),
            hash: B256::from(U256::from(self.salt)),
            raw: Bytes::new(),
        }
    }

    /// Sends a transaction whose inner signatures are by these; says why PoCo refused it, if it did.
    pub(crate) fn send(
        &mut self,
        from: Address,
        to: Address,
        call: &Call,
        signers: &[Recovered],
    ) -> Result<Vec<Event>, Refusal> {
        let transaction = self.transaction(from, to, call, signers);
        let events = self.enter(Command::Transact(Box::new(transaction)));
        match events.as_slice() {
            [Event::Refused { refusal, .. }] => Err(refusal.clone()),
            _ => Ok(events),
        }
    }

    pub(crate) fn ok(&mut self, from: Address, to: Address, call: &Call) -> Vec<Event> {
        self.send(from, to, call, &[]).unwrap()
    }

    pub(crate) fn by<O: Order>(&self, order: O, signer: Address) -> Checked<O> {
        let signed = Signed { order, sign: Bytes::new() };
        Checked::trust(signed, &self.exchange.genesis().domain(), Recovered::By(signer))
    }

    fn salt(&mut self) -> B256 {
        self.salt += 1;
        B256::from(U256::from(self.salt))
    }

    pub(crate) fn app_order(&mut self, volume: u64) -> Checked<AppOrder> {
        let salt = self.salt();
        let order = AppOrder { app: self.app(), volume: U256::from(volume), salt, ..AppOrder::default() };
        self.by(order, APP_OWNER)
    }

    pub(crate) fn pool_order(&mut self, bonded: bool, volume: u64, trust: u64) -> Checked<WorkerpoolOrder> {
        let order = WorkerpoolOrder {
            workerpool: self.pool(bonded),
            workerpoolprice: credits(PRICE),
            volume: U256::from(volume),
            category: U256::from(MINUTE),
            trust: U256::from(trust),
            salt: self.salt(),
            ..WorkerpoolOrder::default()
        };
        self.by(order, OPERATOR)
    }

    pub(crate) fn request(&mut self, volume: u64, trust: u64) -> Checked<RequestOrder> {
        let order = RequestOrder {
            app: self.app(),
            workerpoolmaxprice: credits(PRICE),
            requester: REQUESTER,
            volume: U256::from(volume),
            category: U256::from(MINUTE),
            trust: U256::from(trust),
            salt: self.salt(),
            ..RequestOrder::default()
        };
        self.by(order, REQUESTER)
    }

    pub(crate) fn place(&mut self, order: AnyOrder) -> OrderHash {
        let hash = order.hash();
        self.enter(Command::PlaceOrder(Box::new(order)));
        hash
    }

    /// Places three orders and lets the clerk match them.
    pub(crate) fn deal(&mut self, bonded: bool, volume: u64, trust: u64) -> DealId {
        let app = AnyOrder::App(self.app_order(volume));
        let pool = AnyOrder::Workerpool(self.pool_order(bonded, volume, trust));
        let request = AnyOrder::Request(self.request(volume, trust));
        let (app, workerpool, request) = (self.place(app), self.place(pool), self.place(request));
        self.enter(Command::Match { app, dataset: None, workerpool, request });
        ids::deal_id(request, U256::ZERO)
    }

    pub(crate) fn batch(&self, batch: WorkerBatch, places: &[(DealId, u64)]) -> Command {
        let signer = Recovered::By(batch.worker);
        let signed = Signed { order: batch, sign: Bytes::new() };
        let batch = Box::new(CheckedBatch::trust(signed, signer));
        let places = places.iter().map(|(deal, index)| Place { deal: *deal, index: U256::from(*index) }).collect();
        Command::Batch { batch, places }
    }

    /// The number of a worker's next batch.
    pub(crate) fn next_sequence(&self, worker: Address) -> u64 {
        self.exchange.sequence(worker).map_or(0, |last| last + 1)
    }

    pub(crate) fn commit(&mut self, worker: Address, deal: DealId, index: u64, result: u8) -> Vec<Event> {
        let task = task(deal, index);
        let commit = Commit {
            task,
            result_hash: ids::result_hash(task, digest(result)),
            result_seal: ids::result_seal(worker, task, digest(result)),
            failed: false,
        };
        let sequence = self.next_sequence(worker);
        let batch = WorkerBatch { worker, sequence, commits: vec![commit], ..WorkerBatch::default() };
        self.enter(self.batch(batch, &[(deal, index)]))
    }

    pub(crate) fn complete(&mut self, worker: Address, deal: DealId, index: u64, result: u8) -> Vec<Event> {
        self.complete_as(worker, deal, index, result, false)
    }

    /// The same, stating perhaps that the program failed.
    pub(crate) fn complete_as(
        &mut self,
        worker: Address,
        deal: DealId,
        index: u64,
        result: u8,
        failed: bool,
    ) -> Vec<Event> {
        let (task, digest) = (task(deal, index), digest(result));
        let complete = Complete { task, digest, failed, blob: Digest(digest), callback: Bytes::new() };
        let sequence = self.next_sequence(worker);
        let batch = WorkerBatch { worker, sequence, completes: vec![complete], ..WorkerBatch::default() };
        self.enter(self.batch(batch, &[(deal, index)]))
    }

    pub(crate) fn accept(&mut self, worker: Address, deal: DealId, index: u64) -> Vec<Event> {
        self.enter(Command::Accept { task: task(deal, index), worker, results: Bytes::new() })
    }

    /// A worker of the commons says that it is somebody's; the tests' owners have no keys, so it is its own.
    pub(crate) fn enlist(&mut self, worker: Address) -> Vec<Event> {
        let pool = self.pool(false);
        self.enter(Command::Enlist { pool, worker, owner: worker, evidence: Bytes::new() })
    }

    pub(crate) fn check(&mut self, worker: Address, deal: DealId, by: &[Address]) -> Result<Vec<Event>, Rejection> {
        let evidence = Evidence::Witnesses(by.to_vec());
        self.try_enter(Command::Check { task: task(deal, 0), worker, evidence })
    }

    /// A task of the bonded pool that these prove.
    pub(crate) fn proven(&mut self, workers: &[Address], trust: u64, result: u8) -> DealId {
        let deal = self.deal(true, 1, trust);
        for worker in workers {
            self.commit(*worker, deal, 0, result);
            self.authorize(*worker, deal, 0).unwrap();
        }
        for worker in workers {
            self.reveal(*worker, deal, 0, result);
        }
        self.finalize(deal, 0).unwrap();
        deal
    }

    pub(crate) fn reveal(&mut self, worker: Address, deal: DealId, index: u64, result: u8) -> Vec<Event> {
        let (task, digest) = (task(deal, index), digest(result));
        let reveal = Reveal { task, digest, blob: Digest(digest), callback: Bytes::new() };
        let sequence = self.next_sequence(worker);
        let batch = WorkerBatch { worker, sequence, reveals: vec![reveal], ..WorkerBatch::default() };
        self.enter(self.batch(batch, &[]))
    }

    pub(crate) fn authorize(&mut self, worker: Address, deal: DealId, index: u64) -> Result<Vec<Event>, Rejection> {
        self.try_enter(Command::Authorize { task: task(deal, index), worker })
    }

    pub(crate) fn finalize(&mut self, deal: DealId, index: u64) -> Result<Vec<Event>, Rejection> {
        let task = task(deal, index);
        self.try_enter(Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() })
    }

    /// A dataset of the app owner's.
    pub(crate) fn dataset(&mut self) -> Checked<DatasetOrder> {
        let dataset = NewDataset { owner: APP_OWNER, name: "stars".to_owned(), ..NewDataset::default() };
        let registry = self.exchange.genesis().dataset_registry;
        let address = exchange::dataset_address(self.exchange.genesis(), &dataset);
        self.ok(APP_OWNER, registry, &Call::CreateDataset(Box::new(dataset)));
        let order = DatasetOrder { dataset: address, volume: U256::from(9u64), ..DatasetOrder::default() };
        self.by(order, APP_OWNER)
    }

    /// A pool of a stranger's, which is not hosted.
    pub(crate) fn foreign_pool(&mut self) -> Address {
        let pool = NewWorkerpool { owner: STRANGER, description: "elsewhere".to_owned() };
        let registry = self.exchange.genesis().workerpool_registry;
        let address = exchange::workerpool_address(self.exchange.genesis(), &pool);
        self.ok(STRANGER, registry, &Call::CreateWorkerpool(pool));
        address
    }
}

pub(crate) fn task(deal: DealId, index: u64) -> TaskId {
    ids::task_id(deal, U256::from(index))
}
