//! Idle capacity on the book: the sell orders that hosted pools keep there.
//!
//! A rung is a resting order for one (pool, category, number of replicas, floor). Its price covers the floor for each of
//! that many newcomers, so that no worker is paid below what it asks; its volume is what the pool's workers finish within a
//! short horizon. A rung that is filled is renewed; all of a pool's rungs are withdrawn when its last worker leaves. A pool
//! that has sold more than half of what it can finish within the horizon takes on no more until it has caught up.

use dispatch::{Dispatch, WorkerView, newcomers_needed};
use exchange::{Genesis, HostedPool};
use orders::WorkerpoolOrder;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, OrderHash, Timestamp, U256};

/// What is sold at once takes about this long to finish, milliseconds.
const HORIZON_MS: u64 = 20_000;
/// The least sold at once, in replicas for each core.
const LEAST_PER_CORE: u64 = 2;
/// Most replicas of a task that are sold.
const MOST_REPLICAS: u32 = 6;
/// Most floors for which a pool keeps rungs of their own.
const MOST_FLOORS: usize = 4;
/// Added to a price for hedges and second witnesses: a tenth.
const MARGIN_PERCENT: u64 = 110;
/// Share of a new running time in a pool's mean: one part in this many.
const MEAN_WINDOW: u64 = 16;

/// How the salts of rungs' orders begin.
const SALT: &[u8] = b"rung";

/// What a rung sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rung {
    pool: Address,
    category: u64,
    replicas: u32,
    floor: Amount,
}

/// Where a rung's order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// To be signed by the shell; known by its salt.
    Offered(B256),
    /// On the book.
    Resting(OrderHash),
}

/// The hosted pools' rungs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Supply {
    rungs: BTreeMap<Rung, Stand>,
    /// Mean running time of a pool's tasks, milliseconds.
    mean_ms: BTreeMap<Address, u64>,
    /// Orders from before a restart, to be withdrawn, each with its pool.
    stale: Vec<(OrderHash, Address)>,
    /// Orders offered so far: makes equal offers of one moment different orders.
    offered: u64,
    /// Whether rungs may be missing or too many.
    stirred: bool,
}

impl Supply {
    pub(crate) fn capacity_changed(&mut self) {
        self.stirred = true;
    }

    pub(crate) fn learn(&mut self, pool: Address, ran_ms: u64) {
        let mean = self.mean_ms.entry(pool).or_insert(ran_ms);
        let old_share = MEAN_WINDOW.saturating_sub(1);
        let sum = mean.saturating_mul(old_share).saturating_add(ran_ms);
        *mean = sum.checked_div(MEAN_WINDOW).expect("the window is not zero");
    }

    pub(crate) fn placed(&mut self, salt: B256, order: OrderHash) {
        for stand in self.rungs.values_mut() {
            if *stand == Stand::Offered(salt) {
                *stand = Stand::Resting(order);
            }
        }
    }

    /// An order could not be placed: its rung is offered again.
    pub(crate) fn not_placed(&mut self, salt: B256) {
        self.rungs.retain(|_, stand| *stand != Stand::Offered(salt));
        self.stirred = true;
    }

    pub(crate) fn removed(&mut self, order: OrderHash) {
        let before = self.rungs.len();
        self.rungs.retain(|_, stand| *stand != Stand::Resting(order));
        self.stirred |= self.rungs.len() < before;
    }

    /// A hosted pool's order was found resting after a restart: one of ours is withdrawn, for its rung is not known.
    pub(crate) fn found(&mut self, order: &WorkerpoolOrder, hash: OrderHash) {
        if order.salt.starts_with(SALT) {
            self.stale.push((hash, order.workerpool));
            self.stirred = true;
        }
    }

    /// How many replicas a pool's workers finish within the horizon.
    fn capacity(&self, pool: Address, workers: &[WorkerView]) -> u64 {
        let cores = workers.iter().map(|view| u64::from(view.worker.cores)).fold(0, u64::saturating_add);
        let mean = self.mean_ms.get(&pool).copied().unwrap_or(HORIZON_MS).max(1);
        let each = HORIZON_MS.checked_div(mean).expect("a mean is at least 1").max(LEAST_PER_CORE);
        cores.saturating_mul(each)
    }

    /// How many more tasks a pool takes on now: none while it is more than half full.
    pub(crate) fn room(&self, pool: Address, dispatch: &Dispatch) -> u64 {
        let workers = connected(pool, dispatch);
        let capacity = self.capacity(pool, &workers);
        let bags = dispatch.deals().filter(|(_, bag)| bag.terms.pool == pool);
        let load = bags.map(|(deal, bag)| {
            let left = bag.terms.size.saturating_sub(bag.ended()).saturating_sub(dispatch.done(deal));
            left.saturating_mul(u64::from(newcomers_needed(bag.terms.trust)))
        });
        let load = load.fold(0, u64::saturating_add);
        if load.saturating_mul(2) > capacity { 0 } else { capacity.saturating_sub(load) }
    }

    /// The orders to sign so that every rung stands, and the resting orders to withdraw; `has` tells what a worker owns, at
    /// stake or not.
    pub(crate) fn renew(
        &mut self,
        at: Timestamp,
        genesis: &Genesis,
        dispatch: &Dispatch,
        has: &impl Fn(Address) -> Amount,
    ) -> (Vec<WorkerpoolOrder>, Vec<(OrderHash, Address)>) {
        let (mut offers, mut withdrawn) = (Vec::new(), Vec::new());
        if !std::mem::take(&mut self.stirred) {
            return (offers, withdrawn);
        }
        for (order, pool) in std::mem::take(&mut self.stale) {
            withdrawn.extend(genesis.hosted(pool).map(|pool| (order, pool.owner)));
        }
        for pool in &genesis.pools {
            let workers = connected(pool.address, dispatch);
            let wanted = wanted_rungs(genesis, pool, &workers, dispatch.is_private(), has);
            let stale: Vec<Rung> =
                self.rungs.keys().filter(|rung| rung.pool == pool.address && !wanted.contains(rung)).copied().collect();
            for rung in stale {
                if let Some(Stand::Resting(order)) = self.rungs.remove(&rung) {
                    withdrawn.push((order, pool.owner));
                }
            }
            let capacity = self.capacity(pool.address, &workers);
            for rung in wanted {
                self.rungs.entry(rung).or_insert_with(|| {
                    self.offered = self.offered.saturating_add(1);
                    let order = sell_order((at, self.offered), pool, rung, capacity);
                    let stand = Stand::Offered(order.salt);
                    offers.push(order);
                    stand
                });
            }
        }
        (offers, withdrawn)
    }
}

/// The workers of a pool that are connected.
fn connected(pool: Address, dispatch: &Dispatch) -> Vec<WorkerView> {
    dispatch.workers().filter(|view| view.connected && view.worker.pool == pool).collect()
}

/// The rungs that a pool with these workers should have: those that enough of them ask no more for and can stake for.
fn wanted_rungs(
    genesis: &Genesis,
    pool: &HostedPool,
    workers: &[WorkerView],
    private: bool,
    has: &impl Fn(Address) -> Amount,
) -> BTreeSet<Rung> {
    let mut wanted = BTreeSet::new();
    for category in 0..genesis.categories.len() {
        let category = u64::try_from(category).expect("categories are few");
        let floor_of = |view: &WorkerView| {
            let floors = &view.worker.floors;
            if floors.is_empty() { Some(Amount::ZERO) } else { floors.get(&category).copied() }
        };
        let floors: BTreeSet<Amount> = workers.iter().filter_map(floor_of).collect();
        for floor in floors.into_iter().take(MOST_FLOORS) {
            for replicas in 1..=MOST_REPLICAS {
                let stake = stake(price(floor, replicas.into(), pool.scheduler_reward_ratio), pool.worker_stake_ratio);
                let able = workers
                    .iter()
                    .filter(|view| floor_of(view).is_some_and(|own| own <= floor) && has(view.worker.address) >= stake);
                let owners: BTreeSet<Address> =
                    able.map(|view| if private { view.worker.address } else { view.worker.owner }).collect();
                if u32::try_from(owners.len()).is_ok_and(|owners| owners < replicas) {
                    break;
                }
                wanted.insert(Rung { pool: pool.address, category, replicas, floor });
            }
        }
    }
    wanted
}

/// A rung's order, unsigned; `moment` makes it different from any other.
fn sell_order(moment: (Timestamp, u64), pool: &HostedPool, rung: Rung, capacity: u64) -> WorkerpoolOrder {
    let replicas = u64::from(rung.replicas);
    let volume = capacity.checked_div(replicas).expect("a rung has a replica").max(1);
    let words = [moment.0.0, moment.1, rung.category, replicas].map(u64::to_be_bytes).concat();
    let unique = [rung.pool.as_slice(), &words, &rung.floor.0.to_be_bytes::<32>()].concat();
    let mut salt = alloy_primitives::keccak256(unique);
    salt[..SALT.len()].copy_from_slice(SALT);
    WorkerpoolOrder {
        workerpool: rung.pool,
        workerpoolprice: price(rung.floor, replicas, pool.scheduler_reward_ratio),
        volume: U256::from(volume),
        category: U256::from(rung.category),
        trust: U256::from(1_u64.checked_shl(rung.replicas).unwrap_or(u64::MAX)),
        salt,
        ..WorkerpoolOrder::default()
    }
}

/// The least price, rounded up, whose workers' share gives each of `replicas` the floor, and a little more.
fn price(floor: Amount, replicas: u64, pool_share: u64) -> Amount {
    let hundred = U256::from(100);
    let workers_share = U256::from(100_u64.saturating_sub(pool_share).max(1));
    let each = floor.0.saturating_mul(U256::from(replicas)).saturating_mul(U256::from(MARGIN_PERCENT));
    Amount(each.saturating_mul(hundred).div_ceil(workers_share.saturating_mul(hundred)))
}

/// What a worker stakes for a task of this price.
fn stake(price: Amount, ratio: u64) -> Amount {
    let hundredfold = price.0.saturating_mul(U256::from(ratio));
    Amount(hundredfold.checked_div(U256::from(100)).expect("a hundred is not zero"))
}

/// What a worker earns for a task at the least, when as many newcomers agree as the trust needs.
pub(crate) fn least_pay(price: Amount, trust: u64, pool_share: U256) -> Amount {
    let workers_share = U256::from(100).saturating_sub(pool_share);
    let parts = U256::from(newcomers_needed(trust)).saturating_mul(U256::from(100));
    Amount(price.0.saturating_mul(workers_share).checked_div(parts).expect("a task needs a worker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rungs_price_pays_each_replica_its_floor() {
        for (floor, replicas, trust, share) in [(1_000, 1, 2, 1), (7, 2, 4, 1), (3, 3, 8, 50), (999, 4, 16, 0)] {
            let floor = Amount::nanos(floor);
            let price = price(floor, replicas, share);
            assert!(least_pay(price, trust, U256::from(share)) >= floor, "{floor} {replicas} {share}");
        }
    }

    #[test]
    fn who_asks_for_nothing_is_sold_for_nothing() {
        assert_eq!(price(Amount::ZERO, 3, 1), Amount::ZERO);
    }
}
