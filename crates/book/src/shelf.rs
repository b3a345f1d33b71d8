//! One side of the book: orders on shelves, each shelf in price–time order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use units::{OrderHash, U256};

/// An order that can stand in a book: on which shelf, and how good it is (less is served first).
pub(crate) trait Stands {
    /// What a search starts from: the app, the dataset, the category.
    type Shelf: Clone + Debug + Ord;
    /// The price, so turned that the best comes first.
    type Rank: Copy + Debug + Ord;

    fn shelf(&self) -> Self::Shelf;
    fn rank(&self) -> Self::Rank;
}

/// A resting order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row<O> {
    pub(crate) hash: OrderHash,
    pub(crate) order: O,
    /// Tasks left, more than none.
    pub(crate) remaining: U256,
    /// Its place in time.
    pub(crate) since: u64,
}

/// The places on a shelf, best first: by rank, then time.
type Shelf<O> = BTreeSet<(<O as Stands>::Rank, u64, OrderHash)>;

/// One side of the book. Invariant: every row stands on exactly one shelf, under its rank, time and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side<O: Stands> {
    rows: BTreeMap<OrderHash, Row<O>>,
    shelves: BTreeMap<O::Shelf, Shelf<O>>,
}

impl<O: Stands> Default for Side<O> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), shelves: BTreeMap::new() }
    }
}

impl<O: Stands> Side<O> {
    pub(crate) fn insert(&mut self, hash: OrderHash, order: O, remaining: U256, since: u64) {
        self.remove(hash);
        self.shelves.entry(order.shelf()).or_default().insert((order.rank(), since, hash));
        self.rows.insert(hash, Row { hash, order, remaining, since });
    }

    pub(crate) fn remove(&mut self, hash: OrderHash) {
        let Some(row) = self.rows.remove(&hash) else { return };
        let shelf = row.order.shelf();
        let orders = self.shelves.get_mut(&shelf).expect("a row stands on a shelf");
        orders.remove(&(row.order.rank(), row.since, hash));
        if orders.is_empty() {
            self.shelves.remove(&shelf);
        }
    }

    pub(crate) fn set_remaining(&mut self, hash: OrderHash, remaining: U256) {
        if let Some(row) = self.rows.get_mut(&hash) {
            row.remaining = remaining;
        }
    }

    pub(crate) fn row(&self, hash: OrderHash) -> Option<&Row<O>> {
        self.rows.get(&hash)
    }

    /// The orders on a shelf, best first.
    pub(crate) fn on<'a>(&'a self, shelf: &O::Shelf) -> impl Iterator<Item = &'a Row<O>> + use<'a, O> {
        let places = self.shelves.get(shelf).into_iter().flatten();
        places.map(|(_, _, hash)| self.rows.get(hash).expect("a place on a shelf has its row"))
    }

    pub(crate) fn shelves(&self) -> impl Iterator<Item = &O::Shelf> {
        self.shelves.keys()
    }
}
