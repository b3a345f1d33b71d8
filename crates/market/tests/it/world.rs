//! A whole exchange in memory: an operator who signs what the market offers, a requester, an app, and workers who do what
//! they are told, each in its own way.

use abi::Call;
use abi::call::NewApp;
use dispatch_names::Names;
use exchange::{AnyOrder, Command, Event, Exchange, Genesis, Rejection, Transaction};
use market::{Case, Check, Ending, Held, Market, Message, Output, Package, Phase, Wishes, Word, Worker};
use orders::{
    AppOrder, Checked, CheckedBatch, Commit, Complete, RequestOrder, Reveal, Signed, SigningKey, WorkerBatch, ids,
};
use std::collections::BTreeMap;
use std::time::Duration;
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

/// Names of keys.
mod dispatch_names {
    pub(super) type Names = std::collections::BTreeMap<u8, orders::SigningKey>;
}

/// What a worker makes of its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// States the right result.
    Honest,
    /// States a wrong one of its own.
    Liar,
    /// States that the program failed.
    Fails,
    /// Takes tasks and is never heard of again.
    Silent,
    /// Commits, and never reveals.
    Shy,
    /// States the right result, which is the same for equal indexes of any job.
    Same,
    /// States a result of its own that a checker finds as good as any right one.
    Noisy,
    /// States a result of its own that no checker can tell from others.
    Vague,
}

pub(crate) struct World {
    pub(crate) market: Market,
    pub(crate) now: Timestamp,
    pub(crate) entries: Vec<exchange::Entry>,
    pub(crate) events: Vec<Event>,
    pub(crate) settled: Vec<(u8, Ending, Amount)>,
    names: Names,
    natures: BTreeMap<u8, Nature>,
    sequences: BTreeMap<u8, u64>,
    held: BTreeMap<(u8, TaskId), (DealId, u64)>,
    indexes: BTreeMap<TaskId, u64>,
    app: Address,
    salt: u64,
    secrets: u8,
    /// The region that requests made now wish for.
    near: String,
    /// Where workers are that said so.
    regions: BTreeMap<u8, String>,
    /// The one category that a worker works in, of those that do not work in all.
    categories: BTreeMap<u8, u64>,
}

/// Params of a request whose results are judged.
pub(crate) const JUDGED: &str = "judged";
pub(crate) const OPERATOR: u8 = 1;
pub(crate) const REQUESTER: u8 = 2;
pub(crate) const APP_OWNER: u8 = 3;

fn key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name; 32]).expect("a repeated byte is a key")
}

pub(crate) fn digest(task: TaskId, nature: Nature, name: u8) -> B256 {
    let word = match nature {
        Nature::Honest | Nature::Shy | Nature::Silent | Nature::Same => [0; 32],
        Nature::Liar => [name; 32],
        Nature::Noisy => [name ^ 0x80; 32],
        Nature::Vague => [name ^ 0x40; 32],
        Nature::Fails => [0xff; 32],
    };
    alloy_primitives::keccak256([task.0.as_slice(), &word].concat())
}

/// The params of a request here are the region that it wishes for, or that its results are judged.
fn wishes(params: &str) -> Wishes {
    if params == JUDGED {
        return Wishes { check: Check::Checker, ..Wishes::default() };
    }
    Wishes { region: (!params.is_empty()).then(|| params.to_owned()), ..Wishes::default() }
}

impl World {
    pub(crate) fn new(private: bool) -> Self {
        Self::founded(Genesis::new(key(OPERATOR).address(), private))
    }

    /// A public exchange where these have such scores from elsewhere.
    pub(crate) fn with_scores(scores: &[(u8, u64)]) -> Self {
        let mut genesis = Genesis::new(key(OPERATOR).address(), false);
        genesis.world.scores = scores.iter().map(|(name, score)| (key(*name).address(), U256::from(*score))).collect();
        Self::founded(genesis)
    }

    fn founded(genesis: Genesis) -> Self {
        let mut world = Self {
            market: Market::reading(Exchange::new(genesis), wishes),
            now: Timestamp::from_seconds(1_000_000),
            entries: Vec::new(),
            events: Vec::new(),
            settled: Vec::new(),
            names: BTreeMap::new(),
            natures: BTreeMap::new(),
            sequences: BTreeMap::new(),
            held: BTreeMap::new(),
            indexes: BTreeMap::new(),
            app: Address::ZERO,
            salt: 0,
            secrets: 0,
            near: String::new(),
            regions: BTreeMap::new(),
            categories: BTreeMap::new(),
        };
        world.publish_app();
        world
    }

    pub(crate) fn address(&mut self, name: u8) -> Address {
        self.names.entry(name).or_insert_with(|| key(name)).address()
    }

    pub(crate) fn free(&mut self, name: u8) -> Amount {
        let address = self.address(name);
        self.market.exchange().account(address).free
    }

    fn publish_app(&mut self) {
        let owner = self.address(APP_OWNER);
        let app = NewApp {
            owner,
            name: "app".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:00"),
            checksum: B256::ZERO,
            mrenclave: Bytes::new(),
        };
        self.transact(APP_OWNER, &Call::CreateApp(Box::new(app)));
        let created = self
            .events
            .iter()
            .find_map(|event| if let Event::AssetTransfer { asset, .. } = event { Some(*asset) } else { None });
        self.app = created.expect("the app was created");
        let order = AppOrder { app: self.app, volume: U256::from(1_000_000), ..AppOrder::default() };
        self.place(APP_OWNER, order, AnyOrder::App);
    }

    /// A signed transaction of one of the named.
    pub(crate) fn transact(&mut self, from: u8, call: &Call) {
        let genesis = self.market.exchange().genesis().clone();
        let sender = self.address(from);
        let nonce = self.market.exchange().nonce(sender);
        let to = match call.target() {
            abi::Target::Registry(abi::AssetKind::App) => genesis.app_registry,
            abi::Target::Registry(abi::AssetKind::Dataset) => genesis.dataset_registry,
            abi::Target::Registry(abi::AssetKind::Workerpool) => genesis.workerpool_registry,
            abi::Target::Hub | abi::Target::Token | abi::Target::Asset(..) | abi::Target::Group(_) => genesis.hub,
        };
        let raw = abi::Transaction::call(genesis.chain_id, nonce, to, call.encode()).sign(&self.names[&from]);
        let signed = abi::SignedTransaction::decode(&raw).expect("what we sign decodes");
        let transaction = Transaction {
            from: sender,
            nonce,
            chain_id: genesis.chain_id,
            to,
            input: signed.input.clone(),
            signers: Vec::new(),
            hash: signed.hash,
            raw,
        };
        let command = Command::Transact(Box::new(transaction.recover(&genesis)));
        self.enter(command).expect("the transaction is admissible");
    }

    pub(crate) fn credit(&mut self, to: u8, amount: u64) {
        let account = self.address(to);
        self.transact(OPERATOR, &Call::Issue { account, amount: Amount::nanos(amount) });
    }

    fn place<O: orders::Order>(&mut self, maker: u8, order: O, wrap: impl Fn(Checked<O>) -> AnyOrder) -> OrderHash {
        let domain = self.market.exchange().genesis().domain();
        self.address(maker);
        let checked = Checked::recover(Signed::with(order, &domain, &self.names[&maker]), &domain);
        let hash = checked.hash;
        self.enter(Command::PlaceOrder(Box::new(wrap(checked)))).expect("the order is admissible");
        hash
    }

    /// A request for so many tasks at this trust, paying up to so much each.
    pub(crate) fn buy(&mut self, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.request(REQUESTER, 0, trust, volume, max_price)
    }

    /// The same in another category.
    pub(crate) fn buy_in(&mut self, category: u64, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.request(REQUESTER, category, trust, volume, max_price)
    }

    /// The same by another requester.
    pub(crate) fn buy_for(&mut self, name: u8, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.request(name, 0, trust, volume, max_price)
    }

    /// A request whose tasks are best done near there.
    pub(crate) fn buy_near(&mut self, region: &str, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.near = region.to_owned();
        let order = self.request(REQUESTER, 0, trust, volume, max_price);
        self.near.clear();
        order
    }

    /// A request whose results are judged.
    pub(crate) fn buy_judged(&mut self, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.buy_near(JUDGED, trust, volume, max_price)
    }

    fn request(&mut self, name: u8, category: u64, trust: u64, volume: u64, max_price: u64) -> OrderHash {
        self.salt += 1;
        let requester = self.address(name);
        let order = RequestOrder {
            app: self.app,
            workerpoolmaxprice: Amount::nanos(max_price),
            requester,
            beneficiary: requester,
            category: U256::from(category),
            volume: U256::from(volume),
            trust: U256::from(trust),
            params: self.near.clone(),
            salt: B256::from(U256::from(self.salt)),
            ..RequestOrder::default()
        };
        self.place(name, order, AnyOrder::Request)
    }

    pub(crate) fn enter(&mut self, command: Command) -> Result<(), Rejection> {
        let mut out = Output::default();
        let outcome = self.market.command(self.now, command, &mut out);
        self.take(out);
        outcome
    }

    /// A worker joins a pool, asking for at least `floor` a task in every category.
    pub(crate) fn join(&mut self, name: u8, nature: Nature, pool: &str, floor: u64) {
        self.join_as(name, nature, pool, floor, 600);
    }

    /// The same with another benchmark than the reference machine's.
    pub(crate) fn join_as(&mut self, name: u8, nature: Nature, pool: &str, floor: u64, benchmark: u64) {
        self.natures.insert(name, nature);
        self.connect(name, pool, floor, benchmark);
    }

    /// A worker joins the commons that says where it is.
    pub(crate) fn join_in(&mut self, name: u8, region: &str) {
        self.regions.insert(name, region.to_owned());
        self.join(name, Nature::Honest, "commons", 0);
    }

    /// A worker joins the commons that works in one category alone.
    pub(crate) fn join_for(&mut self, name: u8, nature: Nature, category: u64) {
        self.categories.insert(name, category);
        self.join(name, nature, "commons", 100);
    }

    pub(crate) fn rejoin(&mut self, name: u8, pool: &str, floor: u64) {
        self.connect(name, pool, floor, 600);
    }

    fn connect(&mut self, name: u8, pool: &str, floor: u64, benchmark: u64) {
        let address = self.address(name);
        let pool = self.pool(pool);
        let only = self.categories.get(&name).copied();
        let works_in = |category: &u64| only.is_none_or(|only| only == *category);
        let floors = (0..6).filter(works_in).map(|category| (category, Amount::nanos(floor))).collect();
        let region = self.regions.get(&name).cloned();
        let worker = Worker {
            address,
            owner: address,
            pool,
            cores: 1,
            slots: 4,
            floors,
            benchmark,
            region,
            ..Worker::default()
        };
        let holding: Vec<Held> = self
            .held
            .iter()
            .filter(|((holder, _), _)| *holder == name)
            .map(|((_, task), (deal, index))| Held { task: *task, deal: *deal, index: *index, phase: Phase::Run })
            .collect();
        let mut out = Output::default();
        let joined = self.market.worker_joined(self.now, worker, &holding, &mut out);
        for task in joined.dropped {
            self.held.remove(&(name, task));
        }
        self.take(out);
    }

    pub(crate) fn leave(&mut self, name: u8) {
        let address = self.address(name);
        self.market.worker_left(self.now, address);
    }

    pub(crate) fn pool(&self, name: &str) -> Address {
        let mut pools = self.market.exchange().hosted_pools();
        pools.find(|pool| pool.name == name).expect("a pool of that name").address
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now.saturating_add(duration);
        self.settle();
    }

    /// Lets policy and workers act until nothing moves.
    pub(crate) fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets policy act once, and workers answer; whether anything moved.
    pub(crate) fn step(&mut self) -> bool {
        let mut out = Output::default();
        if self.market.wants_audit_secret() {
            self.secrets += 1;
            let secret = B256::repeat_byte(self.secrets);
            self.market.audit_secret(self.now, secret, &mut out).expect("a new secret may be committed to");
        }
        self.market.decide(self.now, &mut out);
        let moved = !(out.entries.is_empty() && out.messages.is_empty() && out.offers.is_empty());
        self.take(out);
        moved
    }

    /// The exchange stops and starts again from its entries; workers know what they hold.
    pub(crate) fn restart(&mut self) {
        self.now = self.now.saturating_add(Duration::from_millis(1));
        let mut exchange = Exchange::new(self.market.exchange().genesis().clone());
        for entry in &self.entries {
            exchange.apply(entry, &mut Vec::new()).expect("what was accepted once is accepted again");
        }
        assert_eq!(&exchange, self.market.exchange(), "the same entries make the same state");
        self.market = Market::reading(exchange, wishes);
    }

    fn take(&mut self, out: Output) {
        self.entries.extend(out.entries);
        self.events.extend(out.events);
        for order in out.offers {
            if self.market.exchange().genesis().hosted(order.workerpool).is_some() {
                self.place(OPERATOR, order, AnyOrder::Workerpool);
            } else {
                self.enter(Command::Offer { order: Box::new(order) }).expect("the offer is admissible");
            }
        }
        for case in out.cases {
            let (word, mut more) = (self.judge(&case), Output::default());
            self.market.answered(self.now, &case, word, &mut more);
            self.take(more);
        }
        for (worker, message) in out.messages {
            let name = self.names.iter().find(|(_, key)| key.address() == worker).map(|(name, _)| *name);
            self.told(name.expect("a message is to somebody known"), message);
        }
    }

    /// A worker that came back shows again which results it sealed, and brings them.
    pub(crate) fn reopen(&mut self, name: u8) {
        let held = self.held.keys().filter(|(holder, _)| *holder == name).map(|(_, task)| *task);
        for task in held.collect::<Vec<TaskId>>() {
            self.upload(name, task);
        }
    }

    /// A judge's word: right results are equal, vague ones cannot be told from any.
    fn judge(&self, case: &Case) -> Word {
        let nature = |wanted: B256| {
            let own = |(name, nature): &(&u8, &Nature)| digest(case.task, **nature, **name) == wanted;
            self.natures.iter().find(own).map(|(_, nature)| *nature).expect("somebody stated it")
        };
        let natures = [nature(case.result.0), nature(case.other.expect("these are compared").0)];
        if natures.contains(&Nature::Vague) {
            return Word::Undecided;
        }
        if natures.contains(&Nature::Liar) { Word::Bad } else { Word::Good }
    }

    fn told(&mut self, name: u8, message: Message) {
        match message {
            Message::Assign { task, deal, index, until: _ } => self.run(name, task, deal, index),
            Message::Reveal { task, instead } => self.reveal(name, task, instead),
            Message::Upload { task } => self.upload(name, task),
            Message::Cancel { task, .. } => {
                self.held.remove(&(name, task));
            }
            Message::Settled { task, ending, reward } => {
                self.held.remove(&(name, task));
                self.settled.push((name, ending, reward));
            }
        }
    }

    fn run(&mut self, name: u8, task: TaskId, deal: DealId, index: u64) {
        self.held.insert((name, task), (deal, index));
        self.indexes.insert(task, index);
        let nature = self.natures[&name];
        if nature == Nature::Silent {
            return;
        }
        let digest = self.result(task, name);
        let failed = nature == Nature::Fails;
        let direct = self.market.exchange().deal(deal).expect("the deal is live").trust <= U256::ONE;
        let worker = self.address(name);
        let mut batch = WorkerBatch { worker, ..WorkerBatch::default() };
        if direct {
            let blob = Digest(digest);
            batch.completes.push(Complete { task, digest, failed, blob, callback: Bytes::new() });
        } else {
            let result_hash = ids::result_hash(task, digest);
            let result_seal = ids::result_seal(worker, task, digest);
            batch.commits.push(Commit { task, result_hash, result_seal, failed });
        }
        self.say(name, batch);
        self.market.ran(worker, task, 1_000);
        let slots = 4;
        self.market.worker_ready(worker, slots);
    }

    fn result(&self, task: TaskId, name: u8) -> B256 {
        let nature = self.natures[&name];
        if nature == Nature::Same {
            return alloy_primitives::keccak256(self.indexes[&task].to_be_bytes());
        }
        digest(task, nature, name)
    }

    /// An owner's signature that a worker is theirs.
    pub(crate) fn owns(&self, owner: u8, ownership: orders::Ownership, domain: &orders::Domain) -> Bytes {
        self.names[&owner].sign(ownership.digest(domain))
    }

    fn reveal(&mut self, name: u8, task: TaskId, instead: Option<Package>) {
        let nature = self.natures[&name];
        if nature == Nature::Shy {
            return;
        }
        let digest = instead.map_or_else(|| self.result(task, name), |package| package.digest);
        let worker = self.address(name);
        let reveals = vec![Reveal { task, digest, blob: Digest(digest), callback: Bytes::new() }];
        self.say(name, WorkerBatch { worker, reveals, ..WorkerBatch::default() });
    }

    fn upload(&mut self, name: u8, task: TaskId) {
        let digest = self.result(task, name);
        let package = Package { digest, blob: Digest(digest), callback: Bytes::new() };
        let mut out = Output::default();
        self.market.package(self.now, task, package, &mut out);
        self.take(out);
    }

    pub(crate) fn say(&mut self, name: u8, mut batch: WorkerBatch) {
        let sequence = self.sequences.entry(name).or_default();
        *sequence += 1;
        batch.sequence = *sequence;
        let domain = self.market.exchange().genesis().domain();
        let signed = batch.sign(&domain, &self.names[&name]);
        let batch = Box::new(CheckedBatch::recover(signed, &domain));
        self.enter(Command::Batch { batch, places: Vec::new() }).expect("the batch is admissible");
    }
}
