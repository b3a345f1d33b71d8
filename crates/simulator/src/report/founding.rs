//! An exchange for a fleet to work on: founded, with money issued and an app on the book.

use abi::Call;
use abi::call::NewApp;
use exchange::{AnyOrder, Command, Event, Exchange, Genesis, Transaction};
use market::{Market, Output};
use orders::{AppOrder, Checked, Domain, Order, Recovered, Signed, SigningKey};
use units::{Address, Amount, B256, Bytes, Timestamp, U256};

/// More tasks than anybody buys.
const PLENTY: u64 = 1_000_000_000_000;
/// More nano-credits than anybody spends.
const WEALTH: u64 = 1_000_000_000_000_000_000;

/// What a fleet stands on.
#[derive(Debug)]
pub(crate) struct Founded {
    pub(crate) market: Market,
    pub(crate) genesis: Genesis,
    pub(crate) domain: Domain,
    pub(crate) operator: Address,
    pub(crate) app: Address,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

impl Founded {
    /// A public exchange. `scores`: what workers earned somewhere before; `purses`: who has how much beside the operator,
    /// who has plenty.
    pub(crate) fn new(at: Timestamp, scores: Vec<(Address, u64)>, purses: &[(Address, u64)]) -> Self {
        let operator = key(1);
        let mut genesis = Genesis::new(operator.address(), false);
        genesis.world.scores = scores.into_iter().map(|(worker, score)| (worker, U256::from(score))).collect();
        let mut founded = Self {
            market: Market::reading(Exchange::new(genesis.clone()), crate::system::wishes),
            domain: genesis.domain(),
            operator: operator.address(),
            genesis,
            app: Address::ZERO,
        };
        founded.publish_app(at);
        let mut out = Output::default();
        for (account, amount) in purses.iter().chain(&[(operator.address(), WEALTH)]) {
            let issue = Call::Issue { account: *account, amount: Amount::nanos(*amount) };
            let issue = founded.transaction(&operator, &issue);
            founded.market.command(at, issue, &mut out).expect("the operator can issue credits");
        }
        founded
    }

    fn publish_app(&mut self, at: Timestamp) {
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
        let mut out = Output::default();
        self.market.command(at, create, &mut out).expect("an app can be created");
        let mut created = out.events.iter();
        let created =
            created.find_map(|it| if let Event::AssetTransfer { asset, .. } = it { Some(*asset) } else { None });
        self.app = created.expect("the app was created");
        let order = AppOrder { app: self.app, volume: U256::from(PLENTY), ..AppOrder::default() };
        let order = AnyOrder::App(self.checked(order, owner.address()));
        self.market.command(at, Command::PlaceOrder(Box::new(order)), &mut out).expect("an app can be offered");
    }

    fn transaction(&self, from: &SigningKey, call: &Call) -> Command {
        let sender = from.address();
        let nonce = self.market.exchange().nonce(sender);
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

    /// What an account owns, free or locked, nano-credits.
    pub(crate) fn wealth(&self, account: Address) -> u64 {
        let account = self.market.exchange().account(account);
        account.free.checked_add(account.locked).expect("all money can be counted").0.saturating_to()
    }
}
