//! A market in a few words: orders with what matters of them, facts that can be set.

use book::{AnyOrder, Book, Facts, Match, Obstacle};
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, OrderHash, U256};

pub(crate) const APP: Address = Address::repeat_byte(0xa0);
pub(crate) const DATA: Address = Address::repeat_byte(0xd0);
pub(crate) const POOL: Address = Address::repeat_byte(0x90);
pub(crate) const ALICE: Address = Address::repeat_byte(0x01);

#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) members: BTreeSet<(Address, Address)>,
    pub(crate) free: BTreeMap<Address, Amount>,
    pub(crate) room: BTreeMap<Address, u64>,
    pub(crate) owners: BTreeMap<Address, Address>,
    pub(crate) machines: BTreeMap<Address, u64>,
}

impl Facts for World {
    fn is_member(&self, group: Address, who: Address) -> bool {
        self.members.contains(&(group, who))
    }

    fn free(&self, account: Address) -> Amount {
        self.free.get(&account).copied().unwrap_or(Amount::credits(1_000_000))
    }

    fn room(&self, workerpool: Address) -> Option<u64> {
        self.room.get(&workerpool).copied()
    }

    fn pool_owner(&self, workerpool: Address) -> Option<Address> {
        self.owners.get(&workerpool).copied()
    }

    fn machines(&self, offer: &WorkerpoolOrder) -> Option<u64> {
        self.machines.get(&offer.workerpool).copied()
    }

    /// The five categories of PoCo, as if each had a minute more than the one before.
    fn seconds(&self, category: U256) -> Option<u64> {
        u64::try_from(category).ok().filter(|category| *category < 5).map(|category| 60 * (category + 1))
    }
}

/// A book whose orders are named by a byte and come one after the other.
#[derive(Default)]
pub(crate) struct Market {
    pub(crate) book: Book,
    pub(crate) world: World,
    arrivals: u64,
}

pub(crate) fn name(byte: u8) -> OrderHash {
    OrderHash(B256::repeat_byte(byte))
}

pub(crate) fn app(price: u64) -> AppOrder {
    AppOrder { app: APP, appprice: Amount::nanos(price), volume: U256::from(100), ..AppOrder::default() }
}

pub(crate) fn dataset(price: u64) -> DatasetOrder {
    DatasetOrder {
        dataset: DATA,
        datasetprice: Amount::nanos(price),
        volume: U256::from(100),
        ..DatasetOrder::default()
    }
}

pub(crate) fn sell(price: u64, volume: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: POOL,
        workerpoolprice: Amount::nanos(price),
        volume: U256::from(volume),
        trust: U256::from(4),
        ..WorkerpoolOrder::default()
    }
}

pub(crate) fn buy(price: u64, volume: u64) -> RequestOrder {
    RequestOrder {
        app: APP,
        requester: ALICE,
        appmaxprice: Amount::nanos(10),
        datasetmaxprice: Amount::nanos(10),
        workerpoolmaxprice: Amount::nanos(price),
        volume: U256::from(volume),
        trust: U256::from(3),
        ..RequestOrder::default()
    }
}

impl Market {
    /// A market on which the app is sold.
    pub(crate) fn with_app() -> Self {
        let mut market = Self::default();
        market.rest(0xaa, AnyOrder::App(app(1)));
        market
    }

    pub(crate) fn rest(&mut self, hash: u8, order: AnyOrder) {
        self.arrivals += 1;
        let volume = match &order {
            AnyOrder::App(order) => order.volume,
            AnyOrder::Dataset(order) => order.volume,
            AnyOrder::Workerpool(order) => order.volume,
            AnyOrder::Request(order) => order.volume,
        };
        self.book.insert(name(hash), order, volume, self.arrivals);
    }

    pub(crate) fn sell(&mut self, hash: u8, price: u64, volume: u64) {
        self.rest(hash, AnyOrder::Workerpool(sell(price, volume)));
    }

    pub(crate) fn buy(&mut self, hash: u8, price: u64, volume: u64) {
        self.rest(hash, AnyOrder::Request(buy(price, volume)));
    }

    pub(crate) fn best(&self, request: u8) -> Result<Match, Obstacle> {
        self.book.best(name(request), &self.world)
    }

    /// The pool order that a request would be matched with.
    pub(crate) fn pool_of(&self, request: u8) -> OrderHash {
        self.best(request).expect("the request has a match").workerpool
    }
}
