//! What hosted pools have sold and not yet done.

use super::measure::Kind;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, DealId};

/// A live deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sold {
    pub(crate) pool: Address,
    pub(crate) app: Address,
    pub(crate) requester: Address,
    pub(crate) trust: u64,
    pub(crate) category: u64,
    pub(crate) price: Amount,
    /// Longest that a task may take, milliseconds.
    pub(crate) limit: u64,
    /// What of the price is the workers', together.
    pub(crate) workers_part: Amount,
    /// What a worker earns at the least: who asks for more does not work for it.
    pub(crate) pay: Amount,
    /// Tasks not ended.
    pub(crate) left: u64,
    /// Of those, how many need no more work.
    pub(crate) done: u64,
}

impl Sold {
    /// Tasks that somebody is still to work on.
    pub(super) fn awaited(&self) -> u64 {
        self.left.saturating_sub(self.done)
    }

    pub(super) fn kind(&self) -> Kind {
        Kind { pool: self.pool, app: self.app, requester: self.requester }
    }
}

/// All live deals of hosted pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loads {
    deals: BTreeMap<DealId, Sold>,
    by_pool: BTreeMap<Address, BTreeSet<DealId>>,
}

impl Loads {
    pub(super) fn add(&mut self, deal: DealId, sold: Sold) {
        if sold.left > 0 {
            self.by_pool.entry(sold.pool).or_default().insert(deal);
            self.deals.insert(deal, sold);
        }
    }

    pub(super) fn get(&self, deal: DealId) -> Option<&Sold> {
        self.deals.get(&deal)
    }

    pub(super) fn set_done(&mut self, deal: DealId, done: u64) {
        if let Some(sold) = self.deals.get_mut(&deal) {
            sold.done = done;
        }
    }

    /// A task of the deal ended.
    pub(super) fn ended(&mut self, deal: DealId) {
        let Some(sold) = self.deals.get_mut(&deal) else { return };
        sold.left = sold.left.saturating_sub(1);
        if sold.left > 0 {
            return;
        }
        let pool = sold.pool;
        self.deals.remove(&deal);
        if let Some(deals) = self.by_pool.get_mut(&pool) {
            deals.remove(&deal);
            if deals.is_empty() {
                self.by_pool.remove(&pool);
            }
        }
    }

    pub(super) fn of(&self, pool: Address) -> impl Iterator<Item = &Sold> {
        self.by_pool.get(&pool).into_iter().flatten().filter_map(|deal| self.deals.get(deal))
    }
}
