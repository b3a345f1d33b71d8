//! Policy: which resting orders to match, in price–time priority, and why a request is not matched.
//!
//! A book holds copies of the orders that rest on the exchange. It proposes; the exchange's rules check every proposal
//! again. Requests are served from the highest bid down, each from the lowest ask up; equal prices go by time. Offers of
//! computing stand in classes of equal terms beside, so that neither a search nor an explanation looks at every offer. Nothing
//! here knows money, workers or deals: what depends on them is asked of [`Facts`].
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod classes;
mod compatible;
mod demand;
mod explain;
mod fix;
mod matching;
mod prospects;
mod shelf;
mod stack;

pub use compatible::Misfit;
pub use demand::{Look, Want};
pub use explain::{Cause, Explanation, Tally};
pub use fix::{Change, Fix};
pub use matching::{Match, Obstacle};

use classes::Aisles;
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use prospects::Prospects;
use shelf::{Row, Side, Stands};
use stack::Place;
use std::cmp::Reverse;
use units::{Address, Amount, OrderHash, U256};

/// What the book must ask others: membership, money and capacity just now.
pub trait Facts {
    /// Whether `who` is a member of the group at `group`.
    fn is_member(&self, group: Address, who: Address) -> bool;
    /// What the account can spend, nano-credits.
    fn free(&self, account: Address) -> Amount;
    /// How many more tasks the pool can take on now; `None` for a pool that does not say.
    fn room(&self, workerpool: Address) -> Option<u64>;
    /// Who puts up the pool's stake: its owner; `None` where the pool is not known.
    fn pool_owner(&self, workerpool: Address) -> Option<Address>;
    /// How many machines of its pool would work for an offer of these terms, whatever its volume and salt; `None` for a pool that
    /// does not say.
    fn machines(&self, offer: &WorkerpoolOrder) -> Option<u64>;
    /// How long a task of a category may take, seconds; `None` where there is no such category.
    fn seconds(&self, category: U256) -> Option<u64>;
}

/// Any of the four orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyOrder {
    /// Sells the use of an app.
    App(AppOrder),
    /// Sells the use of a dataset.
    Dataset(DatasetOrder),
    /// Sells computing.
    Workerpool(WorkerpoolOrder),
    /// Buys computing.
    Request(RequestOrder),
}

/// The resting orders, each side in the order in which it is served. Invariants: the offers of computing stand in the aisles
/// too, each under its class and place with what is left of it; every request is among the prospects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    apps: Side<AppOrder>,
    datasets: Side<DatasetOrder>,
    workerpools: Side<WorkerpoolOrder>,
    asks: Aisles,
    requests: Side<RequestOrder>,
    prospects: Prospects,
}

impl Stands for AppOrder {
    type Shelf = Address;
    type Rank = Amount;

    fn shelf(&self) -> Address {
        self.app
    }

    fn rank(&self) -> Amount {
        self.appprice
    }
}

impl Stands for DatasetOrder {
    type Shelf = Address;
    type Rank = Amount;

    fn shelf(&self) -> Address {
        self.dataset
    }

    fn rank(&self) -> Amount {
        self.datasetprice
    }
}

impl Stands for WorkerpoolOrder {
    type Shelf = U256;
    type Rank = Amount;

    fn shelf(&self) -> U256 {
        self.category
    }

    fn rank(&self) -> Amount {
        self.workerpoolprice
    }
}

impl Stands for RequestOrder {
    type Shelf = U256;
    type Rank = Reverse<Amount>;

    fn shelf(&self) -> U256 {
        self.category
    }

    fn rank(&self) -> Reverse<Amount> {
        Reverse(self.workerpoolmaxprice)
    }
}

impl Book {
    /// Rests an order of which `remaining` tasks are left. `since` counts the orders taken: of two, the lower came first.
    pub fn insert(&mut self, hash: OrderHash, order: AnyOrder, remaining: U256, since: u64) {
        match order {
            AnyOrder::App(order) => {
                self.prospects.goods_changed(order.app);
                self.apps.insert(hash, order, remaining, since);
            }
            AnyOrder::Dataset(order) => {
                self.prospects.goods_changed(order.dataset);
                self.datasets.insert(hash, order, remaining, since);
            }
            AnyOrder::Workerpool(order) => {
                self.take_off_aisle(hash);
                self.asks.put(&order, (order.workerpoolprice, since, hash), remaining);
                self.workerpools.insert(hash, order, remaining, since);
            }
            AnyOrder::Request(order) => {
                self.take_out_of_line(hash);
                self.prospects.insert(hash, &order, since);
                self.requests.insert(hash, order, remaining, since);
            }
        }
    }

    /// Notes that only `remaining` tasks are left of an order; nothing left takes it off.
    pub fn set_remaining(&mut self, hash: OrderHash, remaining: U256) {
        if remaining.is_zero() {
            self.remove(hash);
            return;
        }
        self.apps.set_remaining(hash, remaining);
        self.datasets.set_remaining(hash, remaining);
        self.workerpools.set_remaining(hash, remaining);
        if let Some(row) = self.workerpools.row(hash) {
            self.asks.put(&row.order, place(row), remaining);
        }
        self.requests.set_remaining(hash, remaining);
    }

    /// Takes an order off the book, if it is on it.
    pub fn remove(&mut self, hash: OrderHash) {
        if let Some(row) = self.apps.row(hash) {
            self.prospects.goods_changed(row.order.app);
        }
        if let Some(row) = self.datasets.row(hash) {
            self.prospects.goods_changed(row.order.dataset);
        }
        self.apps.remove(hash);
        self.datasets.remove(hash);
        self.take_off_aisle(hash);
        self.workerpools.remove(hash);
        self.take_out_of_line(hash);
        self.requests.remove(hash);
    }

    fn take_out_of_line(&mut self, hash: OrderHash) {
        if let Some(row) = self.requests.row(hash) {
            self.prospects.remove(hash, &row.order, row.since);
        }
    }

    fn take_off_aisle(&mut self, hash: OrderHash) {
        if let Some(row) = self.workerpools.row(hash) {
            self.asks.remove(&row.order, &place(row));
        }
    }

    /// The resting requests of a category, in the order in which they are served.
    pub fn requests(&self, category: U256) -> impl Iterator<Item = (OrderHash, &RequestOrder, U256)> {
        self.requests.on(&category).map(|row| (row.hash, &row.order, row.remaining))
    }

    /// Those of a category's resting requests that pay what its cheapest offer asks and may have their app and dataset, in the
    /// order in which they are served. No other can be matched, however many rest.
    pub fn crossing(&self, category: U256) -> impl Iterator<Item = (OrderHash, &RequestOrder, U256)> {
        let cheapest = self.workerpools(category).next().map(|(_, order, _)| order.workerpoolprice);
        let pays = move |order: &RequestOrder| cheapest.is_some_and(|price| price <= order.workerpoolmaxprice);
        let rows = self.prospects.line(category).filter_map(|hash| self.requests.row(hash));
        rows.map(|row| (row.hash, &row.order, row.remaining)).take_while(move |(_, order, _)| pays(order))
    }

    /// The categories in which requests rest.
    pub fn wanted_categories(&self) -> impl Iterator<Item = U256> {
        self.requests.shelves().copied()
    }

    /// A resting request and what is left of it.
    #[must_use]
    pub fn request(&self, hash: OrderHash) -> Option<(&RequestOrder, U256)> {
        self.requests.row(hash).map(|row| (&row.order, row.remaining))
    }

    /// The resting offers of computing in a category, cheapest first.
    pub fn workerpools(&self, category: U256) -> impl Iterator<Item = (OrderHash, &WorkerpoolOrder, U256)> {
        self.workerpools.on(&category).map(|row| (row.hash, &row.order, row.remaining))
    }
}

/// Where an offer stands among those of its class.
fn place(row: &Row<WorkerpoolOrder>) -> Place {
    (row.order.workerpoolprice, row.since, row.hash)
}
