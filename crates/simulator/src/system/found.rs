//! How an exchange begins: an app on the book, and money for whoever takes part. And transactions, which need a key.

use super::{System, Turn};
use crate::scenario::named;
use abi::call::NewApp;
use abi::{AssetKind, Call};
use exchange::{AnyOrder, Command, Event, Transaction};
use orders::{AppOrder, Recovered, SigningKey};
use units::{Address, Amount, B256, Bytes, Timestamp, U256};

pub(super) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

impl System {
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

    /// Somebody's transaction is applied; a second time it must not be taken.
    pub(super) fn transact(
        &mut self,
        at: Timestamp,
        from: Address,
        call: &Call,
        signers: Vec<Recovered>,
        turn: &mut Turn,
    ) {
        let nonce = self.exchange().nonce(from);
        let (to, input) = (self.target(call), call.encode());
        let hash = alloy_primitives::keccak256([from.as_slice(), &nonce.to_be_bytes(), &input].concat());
        let chain_id = self.genesis.chain_id;
        let transaction = Transaction { from, nonce, chain_id, to, input, signers, hash, raw: Bytes::new() };
        let command = Command::Transact(Box::new(transaction));
        if self.command(at, command.clone(), &mut turn.out).is_ok() && self.command(at, command, &mut turn.out).is_ok()
        {
            turn.replayed = Some(format!("{call:?} of {from}"));
        }
    }

    fn target(&self, call: &Call) -> Address {
        match call.target() {
            abi::Target::Registry(AssetKind::App) => self.genesis.app_registry,
            abi::Target::Registry(AssetKind::Dataset) => self.genesis.dataset_registry,
            abi::Target::Registry(AssetKind::Workerpool) => self.genesis.workerpool_registry,
            abi::Target::Hub | abi::Target::Token | abi::Target::Asset(..) | abi::Target::Group(_) => self.genesis.hub,
        }
    }

    fn transaction(&self, from: &SigningKey, call: &Call) -> Command {
        let sender = from.address();
        let nonce = self.exchange().nonce(sender);
        let to = self.target(call);
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
}

/// Who sells the app.
pub(crate) fn app_owner() -> Address {
    key(3).address()
}

/// Whoever takes part and needs money.
pub(crate) fn requesters() -> Vec<Address> {
    (0..3).map(|number| named("requester", number)).collect()
}
