//! What hosted pools have sold and not yet done.

use super::measure::Kind;
use std::collections::BTreeMap;
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

    fn alike(&self) -> Alike {
        let Self { trust, category, limit, pay, .. } = *self;
        Alike { kind: self.kind(), trust, category, limit, pay }
    }
}

/// What is the same of all tasks of some deals, as far as a pool's load goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    pub(super) kind: Kind,
    pub(super) trust: u64,
    pub(super) category: u64,
    /// Longest that a task may take, milliseconds.
    pub(super) limit: u64,
    /// What a worker earns at the least.
    pub(super) pay: Amount,
}

/// All live deals of hosted pools. A pool's load is kept as sums over what is alike: there may be as many deals as machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loads {
    deals: BTreeMap<DealId, Sold>,
    /// By pool: how many tasks somebody is still to work on; none is not kept.
    awaited: BTreeMap<Address, BTreeMap<Alike, u64>>,
}

impl Loads {
    pub(super) fn add(&mut self, deal: DealId, sold: Sold) {
        if sold.left > 0 {
            self.deals.insert(deal, sold);
            self.count(&sold, 0, sold.awaited());
        }
    }

    pub(super) fn get(&self, deal: DealId) -> Option<&Sold> {
        self.deals.get(&deal)
    }

    pub(super) fn set_done(&mut self, deal: DealId, done: u64) {
        self.change(deal, |sold| sold.done = done);
    }

    /// A task of the deal ended.
    pub(super) fn ended(&mut self, deal: DealId) {
        self.change(deal, |sold| sold.left = sold.left.saturating_sub(1));
        if self.deals.get(&deal).is_some_and(|sold| sold.left == 0) {
            self.deals.remove(&deal);
        }
    }

    /// What is awaited of a pool's workers, and how many tasks of each.
    pub(super) fn of(&self, pool: Address) -> impl Iterator<Item = (&Alike, u64)> {
        self.awaited.get(&pool).into_iter().flatten().map(|(alike, tasks)| (alike, *tasks))
    }

    fn change(&mut self, deal: DealId, change: impl FnOnce(&mut Sold)) {
        let Some(sold) = self.deals.get_mut(&deal) else { return };
        let before = sold.awaited();
        change(sold);
        let sold = *sold;
        self.count(&sold, before, sold.awaited());
    }

    fn count(&mut self, sold: &Sold, before: u64, now: u64) {
        let pool = self.awaited.entry(sold.pool).or_default();
        let tasks = pool.entry(sold.alike()).or_default();
        *tasks = tasks.saturating_sub(before).saturating_add(now);
        if *tasks == 0 {
            pool.remove(&sold.alike());
            if pool.is_empty() {
                self.awaited.remove(&sold.pool);
            }
        }
    }
}
