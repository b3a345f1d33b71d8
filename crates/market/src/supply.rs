//! Idle capacity on the book: the sell orders that hosted pools keep there.
//!
//! A rung is a resting order for one (pool, category, class of trust, capability, floor): at most 4 floors, 11 classes and 3
//! capabilities of each category. Its price ([`split`]) covers the floor of each replica, its volume ([`rung::volume`]) is what
//! the pool's workers ([`crew`]) soon finish by what was measured ([`measure`]), and surely before the deadline. Where bids
//! outrun capacity all rungs of the category ask the highest bid that goes unserved ([`auction`]).
//!
//! Every pool that the exchange runs and may sell for has rungs of its own, its owner's or anybody's, on its own terms. An order
//! is made when a rung has none, and another only when its price changes, when it sells twice what its workers can
//! do, or when who is next on the other side cannot be served by it; it leaves when the rung's workers do. A match is held back
//! while the pool has too much to do ([`Supply::admits`]): then nobody behind that request is served from that order either.

mod auction;
mod crew;
mod load;
mod measure;
mod members;
mod room;
mod rung;
mod split;
mod stand;

pub(crate) use load::Sold;
pub(crate) use stand::Wanted;

use crew::{Class, Level, Member, Rules};
use dispatch::{Worker, newcomers_needed, weight_of_score};
use exchange::Exchange;
use load::Loads;
use measure::{Kind, Measures};
use members::Members;
use orders::WorkerpoolOrder;
use rung::{Place, Rung, Span, Stand, is_rungs};
use split::{Prices, Weight};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, DealId, OrderHash, Timestamp, U256};

/// What the gate counts a worker for at the most, on a public exchange.
const MOST_WEIGHT: u64 = 10;
/// What rungs ask for beside the floor, for what the pool pays beside PoCo's split, never passes so many times the pool's share.
const MOST_EXTRAS: u64 = 2;

/// A pool of more workers is not reckoned again for each that changes: to reckon takes about a microsecond for each of them.
const LARGE: u64 = 128;
/// It is when one in so many has changed,
const MANY_OF: u64 = 64;
/// or after so many microseconds for each.
const PACE_US: u64 = 500;

/// A pool's workers, and what they sell as was last reckoned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Crew {
    members: Members,
    /// By category; a level for each floor.
    levels: BTreeMap<u64, Vec<Level>>,
    /// Its machines' power by the categories that they work in ([`Member::categories`]).
    served: BTreeMap<u64, u64>,
    /// Members that have changed since.
    changes: u64,
    /// When, and what else it was reckoned from.
    reckoned: Option<(Timestamp, Rules)>,
    prices: Prices,
}

/// The hosted pools' rungs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Supply {
    crews: BTreeMap<Address, Crew>,
    rungs: BTreeMap<Rung, Stand>,
    by_salt: BTreeMap<B256, Rung>,
    by_order: BTreeMap<OrderHash, Rung>,
    measures: Measures,
    /// What PoCo's split gave workers of a pool beyond what their parts were sold for: where it leaves a whole price to the one
    /// whom it needed, it is the others' turn next.
    ahead: BTreeMap<(Address, Address), Amount>,
    loads: Loads,
    /// Orders from before a restart, to be withdrawn, each with its pool.
    stale: Vec<(OrderHash, Address)>,
    /// Orders offered so far: makes equal offers of one moment different orders.
    offered: u64,
    /// Whether rungs may be missing, too many or at another price.
    stirred: bool,
    /// Pools and categories of which a rung has just been filled, and is to stand again before a dearer one is matched.
    filled: BTreeSet<(Address, u64)>,
    /// Whether a rung is kept off the book until its workers have done more of what they have.
    withheld: bool,
    /// Of pools of few workers: who would have a task wait for long behind what it has in hand, in which categories, a bit for
    /// each.
    taken_up: BTreeMap<Address, u64>,
    /// When a large pool is to be reckoned again of which few members have changed.
    due: Option<Timestamp>,
}

impl Crew {
    fn change(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    /// When what was reckoned by these rules is to be reckoned again.
    fn due(&self, at: Timestamp, rules: Rules) -> Option<Timestamp> {
        let Some((reckoned, _)) = self.reckoned.filter(|(_, by)| *by == rules) else { return Some(at) };
        let members = self.members.count();
        let many = self.changes.saturating_mul(MANY_OF) >= members;
        let pace = if many || members <= LARGE { 0 } else { members.saturating_mul(PACE_US) / 1_000 };
        (self.changes > 0).then(|| Timestamp(reckoned.0.saturating_add(pace)).max(at))
    }
}

impl Supply {
    /// What workers have to stake may have changed.
    pub(crate) fn capacity_changed(&mut self) {
        for crew in self.crews.values_mut() {
            crew.change();
        }
        self.stirred = true;
    }

    /// Bids came or went.
    pub(crate) fn demand_changed(&mut self) {
        self.stirred = true;
    }

    /// Whether orders may have to be put right.
    pub(crate) fn is_stirred(&self, at: Timestamp) -> bool {
        self.stirred || self.due.is_some_and(|due| due <= at)
    }

    /// When a large pool is to be reckoned again.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.due
    }

    /// A worker is connected. One that is barred is none.
    pub(crate) fn joined(&mut self, worker: &Worker, private: bool) {
        let address = worker.address;
        let elsewhere =
            self.crews.iter().find(|(pool, crew)| **pool != worker.pool && crew.members.get(address).is_some());
        if let Some(pool) = elsewhere.map(|(pool, _)| *pool) {
            self.left(pool, address);
        }
        let speed = self.measures.speed(address, worker.benchmark);
        let weight = weight(worker.score, worker.earned, private);
        let crew = self.crews.entry(worker.pool).or_default();
        if worker.barred {
            crew.members.remove(address);
        } else {
            crew.members.insert(address, Member::new(worker, weight, speed, private));
        }
        crew.change();
        self.stirred = true;
    }

    /// A worker that is connected asks for another floor.
    pub(crate) fn asked(&mut self, worker: &Worker, private: bool) {
        if self.crews.get(&worker.pool).is_some_and(|crew| crew.members.get(worker.address).is_some()) {
            self.joined(worker, private);
        }
    }

    /// A worker is not connected any more.
    pub(crate) fn left(&mut self, pool: Address, worker: Address) {
        let Some(crew) = self.crews.get_mut(&pool) else { return };
        if crew.members.remove(worker) {
            crew.change();
            self.stirred = true;
        }
    }

    /// A worker's standing changed.
    pub(crate) fn weighed(&mut self, worker: &Worker, (score, earned): (u64, u64), barred: bool, private: bool) {
        let weight = weight(score, earned, private);
        let Some(crew) = self.crews.get_mut(&worker.pool) else { return };
        if barred {
            if crew.members.remove(worker.address) {
                crew.change();
                self.stirred = true;
            }
            self.measures.forget(worker.address);
            self.ahead.remove(&(worker.pool, worker.address));
        } else if crew.members.set_weight(worker.address, weight) {
            crew.change();
            self.stirred = true;
        }
    }

    /// A task of a live deal ran so long on this worker.
    pub(crate) fn learn(&mut self, worker: &Worker, deal: DealId, ran_ms: u64) {
        let Some(kind) = self.loads.get(deal).map(Sold::kind) else { return };
        self.measures.ran(worker.address, kind, ran_ms);
        let speed = self.measures.speed(worker.address, worker.benchmark);
        let Some(crew) = self.crews.get_mut(&worker.pool) else { return };
        if crew.members.set_speed(worker.address, speed) {
            crew.change();
            self.stirred = true;
        }
    }

    /// A worker's contribution to a replicated task was right or wrong.
    pub(crate) fn contributed(&mut self, pool: Address, faulty: bool) {
        self.measures.contributed(pool, faulty);
    }

    /// The pool paid a worker so much that no price counts yet.
    pub(crate) fn paid(&mut self, pool: Address, amount: Amount) {
        self.measures.paid(pool, amount);
    }

    pub(crate) fn placed(&mut self, salt: B256, order: OrderHash) {
        let Some(rung) = self.by_salt.remove(&salt) else { return };
        if let Some(stand) = self.rungs.get_mut(&rung) {
            stand.place = Place::Resting(order);
            self.by_order.insert(order, rung);
        }
    }

    /// An order could not be placed: its rung is offered again.
    pub(crate) fn not_placed(&mut self, salt: B256) {
        if let Some(rung) = self.by_salt.remove(&salt) {
            self.rungs.remove(&rung);
            self.stirred = true;
        }
    }

    pub(crate) fn removed(&mut self, order: OrderHash) {
        if let Some(rung) = self.by_order.remove(&order) {
            self.rungs.remove(&rung);
            self.filled.insert((rung.pool, rung.category));
            self.stirred = true;
        }
    }

    /// A hosted pool's order was found resting after a restart: one of ours is withdrawn, for its rung is not known.
    pub(crate) fn found(&mut self, order: &WorkerpoolOrder, hash: OrderHash) {
        if is_rungs(order) {
            self.stale.push((hash, order.workerpool));
            self.stirred = true;
        }
    }

    /// A deal was made, of a rung's order or another, or is found live after a restart, when it is not known of which. What
    /// its workers earn at the least.
    pub(crate) fn sold(&mut self, deal: DealId, order: Option<OrderHash>, sold: Sold) -> Amount {
        let stand = order.and_then(|order| self.rungs.get(self.by_order.get(&order)?));
        let pay = match (stand, order) {
            (Some(stand), _) => stand.ask.pay,
            (None, Some(_)) => self.worth_of(sold.pool, sold.category, sold.trust, sold.price).unwrap_or(sold.pay),
            // As much as if two shared it: who took such a task before the restart is not refused what it asked for.
            (None, None) if sold.trust > 2 => {
                let half = sold.workers_part.0.checked_div(U256::from(2)).expect("two is not zero");
                sold.pay.max(Amount(half))
            }
            (None, None) => sold.pay,
        };
        self.loads.add(deal, Sold { pay, ..sold });
        pay
    }

    /// PoCo paid a worker so much for its part in a replicated task.
    pub(crate) fn earned(&mut self, deal: DealId, worker: Address, reward: Amount) {
        let Some(sold) = self.loads.get(deal).filter(|sold| sold.trust > 2) else { return };
        if let Some(more) = reward.checked_sub(sold.pay).filter(|more| !more.is_zero()) {
            let ahead = self.ahead.entry((sold.pool, worker)).or_default();
            *ahead = Amount(ahead.0.saturating_add(more.0));
        }
    }

    /// What a pool still owes a worker for a part that PoCo does not pay and that is worth so much: PoCo may have paid it
    /// before.
    pub(crate) fn owed_for_check(&mut self, pool: Address, worker: Address, worth: Amount) -> Amount {
        let Some(ahead) = self.ahead.get_mut(&(pool, worker)) else { return worth };
        let before = (*ahead).min(worth);
        *ahead = Amount(ahead.0.saturating_sub(before.0));
        if ahead.is_zero() {
            self.ahead.remove(&(pool, worker));
        }
        Amount(worth.0.saturating_sub(before.0))
    }

    /// So many tasks of a live deal have not ended but need no more work.
    pub(crate) fn done(&mut self, deal: DealId, done: u64) {
        self.loads.set_done(deal, done);
        self.stirred |= self.withheld;
    }

    /// A task of a live deal has ended.
    pub(crate) fn ended(&mut self, deal: DealId, finished: bool) {
        let Some(sold) = self.loads.get(deal).copied() else { return };
        if finished {
            self.measures.sold(sold.pool, sold.price);
        }
        self.loads.ended(deal);
        self.stirred |= self.withheld;
    }

    /// What the price of a pool's order is worth to each worker, as things stand.
    pub(crate) fn worth(&self, offer: &WorkerpoolOrder) -> Option<Amount> {
        let (category, trust) = (offer.category.saturating_to(), offer.trust.saturating_to());
        self.worth_of(offer.workerpool, category, trust, offer.workerpoolprice)
    }

    /// The dearest workers' who work for it; where none do, what the dearest would have.
    fn worth_of(&self, pool: Address, category: u64, trust: u64, price: Amount) -> Option<Amount> {
        let levels = self.crews.get(&pool)?.levels.get(&category)?;
        let worth = |level: &Level| Some(crew::rate(price, class_for(level, trust)?.factor));
        let enough = levels.iter().rev().find_map(|level| worth(level).filter(|pay| *pay >= level.floor));
        enough.or_else(|| worth(levels.last()?))
    }

    fn span(&self, kind: Kind, limit: u64) -> Span {
        Span { limit, known: self.measures.times(kind) }
    }

    /// What is true of a pool as a whole.
    fn rules(&self, exchange: &Exchange, pool: Address) -> Option<Rules> {
        let policy = exchange.hub().policy(pool)?;
        let share: u64 = policy.scheduler_reward_ratio.saturating_to();
        // Half a thousandth of a floor for each per cent of the share is a thousandth of the price.
        let most = share.saturating_mul(10).saturating_mul(MOST_EXTRAS);
        Some(Rules {
            private: exchange.genesis().private,
            stake: policy.worker_stake_ratio.saturating_to(),
            share,
            dissents: self.measures.dissents(pool),
            extras: self.measures.extras(pool).min(most),
        })
    }
}

/// What a worker of this score counts for, of which so much was earned from strangers in its pool.
fn weight(score: u64, earned: u64, private: bool) -> Weight {
    let poco = u64::try_from(weight_of_score(score)).unwrap_or(u64::MAX);
    let gate = u64::try_from(weight_of_score(score.min(earned))).unwrap_or(u64::MAX).min(MOST_WEIGHT);
    Weight { poco, gate: if private { poco } else { gate } }
}

/// The least class of a level that sells this trust.
fn class_for(level: &Level, trust: u64) -> Option<&Class> {
    level.classes.iter().filter(|class| class.trust >= trust).min_by_key(|class| (class.trust, class.tag))
}

/// What a worker earns for a task at the least by PoCo's split, when as many newcomers agree as the trust needs.
pub(crate) fn least_pay(price: Amount, trust: u64, pool_share: U256) -> Amount {
    let workers_share = U256::from(100).saturating_sub(pool_share);
    let parts = U256::from(newcomers_needed(trust)).saturating_mul(U256::from(100));
    Amount(price.0.saturating_mul(workers_share).checked_div(parts).expect("a task needs a worker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { private: false, stake: 0, share: 10, dissents: 0, extras: 0 };

    /// When a pool of so many workers is reckoned again of which so many changed, milliseconds from now.
    fn due(workers: u64, changes: u64, rules: Rules) -> Option<u64> {
        let now = Timestamp(1_000_000);
        let mut crew = Crew { changes, reckoned: Some((now, RULES)), ..Crew::default() };
        for worker in 0..workers {
            let weight = Weight { poco: 1, gate: 1 };
            let address = Address::left_padding_from(&worker.to_be_bytes());
            crew.members.insert(address, Member::new(&Worker::default(), weight, 1_000, false));
        }
        crew.due(now, rules).map(|at| at.saturating_since(now).as_millis().try_into().expect("a short while"))
    }

    #[test]
    fn a_large_pool_is_reckoned_again_when_enough_of_it_has_changed_or_after_a_while() {
        assert_eq!(due(128, 1, RULES), Some(0), "a small one at once");
        assert_eq!(due(12_800, 0, RULES), None);
        assert_eq!(due(12_800, 1, RULES), Some(6_400));
        assert_eq!(due(12_800, 199, RULES), Some(6_400));
        assert_eq!(due(12_800, 200, RULES), Some(0));
        assert_eq!(due(12_800, 0, Rules { extras: 8, ..RULES }), Some(0), "other prices");
    }
}
