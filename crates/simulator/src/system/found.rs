//! How an exchange begins: an app on the book, data and a pool of somebody's where there are any, and money for whoever takes
//! part. And what is said beside the book: transactions, which need a key, and ratings.

use super::{System, Turn};
use crate::scenario::{Guest, Trade, named};
use abi::call::{Erc20, NewApp, NewDataset, OrderSet};
use abi::{AssetKind, Call};
use exchange::{AnyOrder, Command, Event, Transaction};
use orders::{
    AppOrder, Checked, CheckedRating, DatasetOrder, Rating, Recovered, RequestOrder, SignedRating, SigningKey,
    WorkerpoolOrder,
};
use std::collections::BTreeSet;
use units::{Address, Amount, B256, Bytes, DealId, Timestamp, U256};

pub(super) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).expect("a repeated byte is a key")
}

/// Who publishes what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) app_owner: Address,
    pub(crate) data_owner: Address,
    /// Whom alone the data are for, if not for all.
    pub(crate) data_for: Option<Address>,
    /// Somebody's own pool, its owner, and its terms.
    pub(crate) guest: Option<(Address, Address, Guest)>,
}

impl System {
    /// Publishes what there is, issues money, and makes all of it durable. The events.
    pub(crate) fn found(
        &mut self,
        at: Timestamp,
        app_price: u64,
        purses: &[(Address, u64)],
        trade: &Trade,
        invited: &[Address],
    ) -> Turn {
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
        self.app = self.create(at, &owner, &Call::CreateApp(Box::new(app)), &mut turn);
        self.published.app_owner = owner.address();
        let (app, volume) = (self.app, U256::from(1_000_000));
        let order = AppOrder { app, appprice: Amount::nanos(app_price), volume, ..AppOrder::default() };
        let order = AnyOrder::App(self.checked(order, owner.address()));
        self.command(at, Command::PlaceOrder(Box::new(order)), &mut turn.out).expect("an app can be offered");
        let rich = [self.operator, key(5).address()].map(|account| (account, 1_000_000_000_000));
        for (account, amount) in purses.iter().chain(&rich) {
            let issue = Call::Issue { account: *account, amount: Amount::nanos(*amount) };
            self.send(at, &key(1), &issue, &mut turn);
        }
        self.offer_data(at, trade, &mut turn);
        self.open_guest(at, trade, invited, &mut turn);
        turn
    }

    /// A transaction of somebody who is not on the network.
    fn send(&mut self, at: Timestamp, from: &SigningKey, call: &Call, turn: &mut Turn) {
        let transaction = self.transaction(from, call);
        self.command(at, transaction, &mut turn.out).expect("a sound transaction is taken");
    }

    /// Somebody publishes something: its address.
    fn create(&mut self, at: Timestamp, owner: &SigningKey, call: &Call, turn: &mut Turn) -> Address {
        self.send(at, owner, call, turn);
        let made = turn.out.events.iter().rev();
        let mut made =
            made.filter_map(|it| if let Event::AssetTransfer { asset, .. } = it { Some(*asset) } else { None });
        made.next().expect("what was published has an address")
    }

    fn offer_data(&mut self, at: Timestamp, trade: &Trade, turn: &mut Turn) {
        let Some(data) = trade.data else { return };
        let owner = key(4);
        let new = NewDataset {
            owner: owner.address(),
            name: "data".to_owned(),
            multiaddr: Bytes::from_static(b"blob:sha256:01"),
            checksum: B256::ZERO,
        };
        self.dataset = self.create(at, &owner, &Call::CreateDataset(Box::new(new)), turn);
        self.published.data_owner = owner.address();
        self.published.data_for = data.only_for.map(|number| named("requester", number));
        let order = DatasetOrder {
            dataset: self.dataset,
            datasetprice: Amount::nanos(data.price),
            volume: U256::from(1_000_000),
            requesterrestrict: self.published.data_for.unwrap_or_default(),
            ..DatasetOrder::default()
        };
        let order = AnyOrder::Dataset(self.checked(order, owner.address()));
        self.command(at, Command::PlaceOrder(Box::new(order)), &mut turn.out).expect("data can be offered");
    }

    /// Somebody opens a pool here, lets the exchange pay for it, and invites workers if not all are welcome.
    fn open_guest(&mut self, at: Timestamp, trade: &Trade, invited: &[Address], turn: &mut Turn) {
        let Some(guest) = trade.guest else { return };
        let owner = key(5);
        let open = Call::OpenPool {
            description: "somebody's".to_owned(),
            worker_stake_ratio: U256::from(guest.stake),
            scheduler_reward_ratio: U256::from(guest.share),
            open: guest.open,
        };
        self.guest = self.create(at, &owner, &open, turn);
        self.published.guest = Some((self.guest, owner.address(), guest));
        let allowance = Erc20::Approve { spender: self.operator, amount: Amount::nanos(1_000_000_000_000) };
        self.send(at, &owner, &Call::HubToken(allowance), turn);
        for worker in invited.iter().filter(|_| !guest.open) {
            let invite = Call::Invite { pool: self.guest, worker: *worker, invited: true };
            self.send(at, &owner, &invite, turn);
        }
    }

    pub(crate) fn published(&self) -> Published {
        self.published
    }

    /// Who closes a pool, by what, and when, milliseconds.
    pub(crate) fn closing(&self, trade: &Trade) -> Option<(Address, Call, u64)> {
        let closes_ms = trade.guest?.closes_ms?;
        Some((key(5).address(), Call::ClosePool { pool: self.guest }, closes_ms))
    }

    /// What a machine holds that has everything already.
    pub(crate) fn assets(&self, caches: bool) -> BTreeSet<Address> {
        if caches { BTreeSet::from([self.app, self.dataset]) } else { BTreeSet::new() }
    }

    /// The cheapest offer at rest that fits a request, matched with it by a transaction, and whom the signatures are by.
    pub(crate) fn match_call(&self, request: &Checked<RequestOrder>) -> Option<(Call, Vec<Recovered>)> {
        let wants = request.order();
        let exchange = self.market.as_ref()?.exchange();
        let mut set = OrderSet { request: request.signed.clone(), ..OrderSet::default() };
        let mut best: Option<&Checked<WorkerpoolOrder>> = None;
        for order in exchange.resting() {
            match order {
                AnyOrder::App(app) if app.order().app == wants.app => set.app = app.signed.clone(),
                AnyOrder::Dataset(data) if data.order().dataset == wants.dataset => set.dataset = data.signed.clone(),
                AnyOrder::Workerpool(offer) => {
                    let sells = offer.order();
                    let serves = (sells.category == wants.category) && sells.trust >= wants.trust;
                    let fits = serves && wants.tag.is_subset_of(sells.tag);
                    let cheapest = best.is_none_or(|best| sells.workerpoolprice < best.order().workerpoolprice);
                    if fits && cheapest && sells.workerpoolprice <= wants.workerpoolmaxprice {
                        best = Some(offer);
                    }
                }
                AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Request(_) => {}
            }
        }
        set.workerpool = best?.signed.clone();
        let by = |owner: Address| if owner.is_zero() { Recovered::Misshapen } else { Recovered::By(owner) };
        let data_owner = if wants.dataset.is_zero() { Address::ZERO } else { self.published.data_owner };
        let signers = vec![by(self.published.app_owner), by(data_owner), best?.signer, Recovered::By(wants.requester)];
        Some((Call::MatchOrders(Box::new(set)), signers))
    }

    /// Somebody says how a deal went: taken if it took part and has not said so before, and at no other time.
    pub(super) fn rate(
        &mut self,
        at: Timestamp,
        deal: DealId,
        (rater, subject): (Address, Address),
        due: bool,
        turn: &mut Turn,
    ) {
        let rating = Rating { deal, subject, performance: 4, safety: 5 };
        let said = CheckedRating { signed: SignedRating { rating, sign: Bytes::new() }, rater: Recovered::By(rater) };
        let known = self.exchange().has_rated(deal, rater, subject);
        for due in [due && !known, false] {
            let taken = self.command(at, Command::Rate { rating: Box::new(said.clone()) }, &mut turn.out);
            if taken.is_ok() != due {
                turn.misjudged = Some(format!("{rater} on {subject} for deal {deal}: {taken:?}"));
            }
        }
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

/// Whoever takes part and needs money.
pub(crate) fn requesters() -> Vec<Address> {
    (0..3).map(|number| named("requester", number)).collect()
}
