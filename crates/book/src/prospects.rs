//! Resting requests that may have the app and the dataset they want, apart from those that were found to have not.
//!
//! Whether they are on offer to a request depends on its own terms, the orders of that app and that dataset, and membership. So
//! a request that was once found to have none is not looked at again until one of these changes, and bids that nobody can serve
//! cost nobody a walk, however many rest and however high.

use crate::Book;
use crate::shelf::Stands;
use orders::RequestOrder;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, OrderHash, U256};

/// Where a request stands among those of its category.
type Turn = (Reverse<Amount>, u64, OrderHash);

/// Requests by whether they may have their goods. Invariant: a parked request had none when it was looked at, and no order of its
/// app or dataset has come or gone since; every other resting request is in line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prospects {
    line: BTreeMap<U256, BTreeSet<Turn>>,
    parked: BTreeMap<OrderHash, Parked>,
    /// What is parked for want of this app or this dataset.
    awaiting: BTreeMap<Address, BTreeSet<OrderHash>>,
}

/// Where a request comes back to.
#[derive(Clone, Copy, Debug)]
struct Parked {
    category: U256,
    turn: Turn,
    app: Address,
    dataset: Address,
}

impl Parked {
    fn assets(&self) -> impl Iterator<Item = Address> + use<> {
        [self.app, self.dataset].into_iter().filter(|asset| !asset.is_zero())
    }
}

impl PartialEq for Prospects {
    /// What was looked at is nobody's business: every resting request is in one of the two.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Prospects {}

fn turn(hash: OrderHash, order: &RequestOrder, since: u64) -> Turn {
    (order.rank(), since, hash)
}

impl Prospects {
    /// A request came to rest.
    pub(crate) fn insert(&mut self, hash: OrderHash, order: &RequestOrder, since: u64) {
        self.line.entry(order.category).or_default().insert(turn(hash, order, since));
    }

    /// A request is gone.
    pub(crate) fn remove(&mut self, hash: OrderHash, order: &RequestOrder, since: u64) {
        if self.take_back(hash).is_some() {
            return;
        }
        if let Some(line) = self.line.get_mut(&order.category) {
            line.remove(&turn(hash, order, since));
            if line.is_empty() {
                self.line.remove(&order.category);
            }
        }
    }

    /// An order of this app or dataset came or went.
    pub(crate) fn goods_changed(&mut self, asset: Address) {
        for hash in self.awaiting.get(&asset).into_iter().flatten().copied().collect::<Vec<_>>() {
            self.put_in_line(hash);
        }
    }

    /// Who is a member of what has changed.
    pub(crate) fn members_changed(&mut self) {
        for hash in self.parked.keys().copied().collect::<Vec<_>>() {
            self.put_in_line(hash);
        }
    }

    /// Those of a category that may have their goods, in the order in which they are served.
    pub(crate) fn line(&self, category: U256) -> impl Iterator<Item = OrderHash> {
        self.line.get(&category).into_iter().flatten().map(|(_, _, hash)| *hash)
    }

    fn put_in_line(&mut self, hash: OrderHash) {
        if let Some(parked) = self.take_back(hash) {
            self.line.entry(parked.category).or_default().insert(parked.turn);
        }
    }

    fn take_back(&mut self, hash: OrderHash) -> Option<Parked> {
        let parked = self.parked.remove(&hash)?;
        for asset in parked.assets() {
            if let Some(waiting) = self.awaiting.get_mut(&asset) {
                waiting.remove(&hash);
                if waiting.is_empty() {
                    self.awaiting.remove(&asset);
                }
            }
        }
        Some(parked)
    }

    fn park(&mut self, hash: OrderHash, order: &RequestOrder, since: u64) {
        let turn = turn(hash, order, since);
        let (category, app, dataset) = (order.category, order.app, order.dataset);
        if let Some(line) = self.line.get_mut(&category) {
            line.remove(&turn);
            if line.is_empty() {
                self.line.remove(&category);
            }
        }
        if self.parked.contains_key(&hash) {
            return;
        }
        let parked = Parked { category, turn, app, dataset };
        for asset in parked.assets() {
            self.awaiting.entry(asset).or_default().insert(hash);
        }
        self.parked.insert(hash, parked);
    }
}

impl Book {
    /// Leaves requests out whose app or dataset was found not to be on offer, until that may have changed.
    pub fn leave_out(&mut self, requests: Vec<OrderHash>) {
        for hash in requests {
            if let Some(row) = self.requests.row(hash) {
                self.prospects.park(hash, &row.order, row.since);
            }
        }
    }

    /// Who is a member of what has changed: what was restricted may be open now.
    pub fn members_changed(&mut self) {
        self.prospects.members_changed();
    }
}
