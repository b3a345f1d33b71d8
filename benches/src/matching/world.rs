//! A market in memory: an app for everybody, a pool of somebody's own, a requester with money.

use abi::Call;
use abi::call::{NewApp, NewWorkerpool};
use exchange::{AnyOrder, Command, Exchange, Genesis, Transaction, app_address, workerpool_address};
use market::{Market, Output};
use orders::{AppOrder, Checked, Domain, RequestOrder, Signed, SigningKey, WorkerpoolOrder};
use units::{Address, Amount, B256, Bytes, OrderHash, Timestamp, U256};

pub(super) struct World {
    market: Market,
    domain: Domain,
    now: Timestamp,
    operator: SigningKey,
    requester: SigningKey,
    seller: SigningKey,
    pub(super) app: Address,
    pub(super) app_order: OrderHash,
    pub(super) pool: Address,
    matched: u64,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

impl World {
    pub(super) fn new() -> Self {
        let (operator, requester, seller) = (key(1), key(2), key(3));
        let genesis = Genesis::new(operator.address(), false);
        let app = NewApp {
            owner: seller.address(),
            name: "app".to_owned(),
            kind: "WASM".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:00"),
            checksum: B256::ZERO,
            mrenclave: Bytes::new(),
        };
        let pool = NewWorkerpool { owner: seller.address(), description: "pool".to_owned() };
        let (app_at, pool_at) = (app_address(&genesis, &app), workerpool_address(&genesis, &pool));
        let mut world = Self {
            domain: genesis.domain(),
            market: Market::new(Exchange::new(genesis)),
            now: Timestamp::from_seconds(1_000_000),
            operator,
            requester,
            seller,
            app: app_at,
            app_order: OrderHash::default(),
            pool: pool_at,
            matched: 0,
        };
        let seller = world.seller.clone();
        world.transact(&seller, &Call::CreateApp(Box::new(app)));
        world.transact(&seller, &Call::CreateWorkerpool(pool));
        let operator = world.operator.clone();
        for account in [world.requester.address(), seller.address()] {
            world.transact(&operator, &Call::Issue { account, amount: Amount::credits(1_000_000) });
        }
        let sale = AppOrder { app: app_at, volume: U256::from(1_000_000_000), ..AppOrder::default() };
        let sale = Checked::recover(Signed::with(sale, &world.domain, &seller), &world.domain);
        world.app_order = sale.hash;
        world.place(AnyOrder::App(sale));
        world
    }

    pub(super) fn requester(&self) -> Address {
        self.requester.address()
    }

    pub(super) fn sign_ask(&self, order: WorkerpoolOrder) -> AnyOrder {
        let signed = Signed::with(order, &self.domain, &self.seller);
        AnyOrder::Workerpool(Checked::recover(signed, &self.domain))
    }

    pub(super) fn sign_bid(&self, order: RequestOrder) -> AnyOrder {
        let signed = Signed::with(order, &self.domain, &self.requester);
        AnyOrder::Request(Checked::recover(signed, &self.domain))
    }

    pub(super) fn place(&mut self, order: AnyOrder) {
        self.enter(Command::PlaceOrder(Box::new(order)));
    }

    pub(super) fn enter(&mut self, command: Command) {
        let mut out = Output::default();
        self.market.command(self.now, command, &mut out).expect("the command is admissible");
        self.take(&out);
    }

    /// Lets policy act.
    pub(super) fn decide(&mut self) {
        let mut out = Output::default();
        self.market.decide(self.now, &mut out);
        self.take(&out);
    }

    /// How many matches there were.
    pub(super) fn matched(&self) -> u64 {
        self.matched
    }

    fn take(&mut self, out: &Output) {
        let matches = out.entries.iter().filter(|entry| matches!(entry.command, Command::Match { .. }));
        self.matched += matches.map(|_| 1_u64).sum::<u64>();
    }

    fn transact(&mut self, from: &SigningKey, call: &Call) {
        let genesis = self.market.exchange().genesis().clone();
        let to = match call.target() {
            abi::Target::Registry(abi::AssetKind::App) => genesis.app_registry,
            abi::Target::Registry(abi::AssetKind::Dataset) => genesis.dataset_registry,
            abi::Target::Registry(abi::AssetKind::Workerpool) => genesis.workerpool_registry,
            abi::Target::Hub | abi::Target::Token | abi::Target::Asset(..) | abi::Target::Group(_) => genesis.hub,
        };
        let nonce = self.market.exchange().nonce(from.address());
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
