//! What a rung asks for each nano-credit of its floor, so that PoCo's split pays everybody and the pool breaks even.
//!
//! PoCo gives the workers' part of one price to those who agreed and whom it needed, by the logarithm of their weights, and
//! takes the lightest first here. The price of a set is such that its lightest member gets the floor: floor × Σ log weight ÷
//! own log weight ÷ (1 − the pool's share). Which set a task will have is not known beforehand, so sets are drawn from the
//! workers that are there, each as likely to be the first; a rung's price covers the middle one, and is as much higher as
//! makes the pool's share pay for what the others fall short of, for the replica that a dissent calls for, and for checks
//! and second witnesses. Whom the split leaves short all the same is topped up out of that share.

use poco::{is_consensus, log_weight};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use units::U256;

/// A thousandth is the unit of every factor here.
pub(super) const PER_MILLE: u64 = 1_000;
/// Most that a price is for each part of its floor: a set of which one member has the thousandth part is left to top-ups.
const MOST: u64 = 1_000_000;
/// Prices that are remembered.
const MOST_KNOWN: usize = 1_024;

/// What a worker counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight {
    /// To PoCo.
    pub(super) poco: u64,
    /// To the pool's gate, which counts no more than PoCo does.
    pub(super) gate: u64,
}

impl Weight {
    fn log(self) -> u64 {
        u64::from(log_weight(U256::from(self.poco)))
    }
}

/// What a price must cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cover {
    /// How sure of each result.
    pub(super) trust: u64,
    /// The pool's share, percent.
    pub(super) share: u64,
    /// Owners who must agree at the least.
    pub(super) owners: usize,
    /// Tasks with a dissent, per mille of those that are replicated.
    pub(super) dissents: u64,
    /// What the pool pays beside PoCo's split, per mille of the floor of a task.
    pub(super) extras: u64,
}

/// Prices that were worked out: a crew changes seldom in what its workers weigh, and the same team sells in every category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prices {
    known: BTreeMap<(Vec<Weight>, Cover), Option<u64>>,
}

impl Prices {
    /// As [`price`].
    pub(super) fn price(&mut self, team: Vec<Weight>, cover: &Cover) -> Option<u64> {
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        match self.known.entry((team, *cover)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let found = price(&place.key().0, cover);
                *place.insert(found)
            }
        }
    }
}

/// Whether PoCo would accept what weighs so much against others.
fn suffices(trust: u64, weight: U256, against: U256) -> bool {
    let trust = U256::from(trust.max(1));
    let total = weight.saturating_add(against).saturating_add(U256::ONE);
    is_consensus(weight, total, trust).unwrap_or(true)
}

/// The first of these workers who together are enough, against one of weight `against`; `None` if all are too few.
pub(super) fn enough(
    team: impl Iterator<Item = Weight>,
    cover: &Cover,
    against: Option<Weight>,
) -> Option<Vec<Weight>> {
    let mut set = Vec::new();
    let (mut gate, mut whole) = (U256::ONE, U256::ONE);
    let (gate_against, poco_against) =
        against.map_or((U256::ZERO, U256::ZERO), |it| (U256::from(it.gate), U256::from(it.poco)));
    for weight in team {
        set.push(weight);
        gate = gate.saturating_mul(U256::from(weight.gate));
        whole = whole.saturating_mul(U256::from(weight.poco));
        let agreed = suffices(cover.trust, gate, gate_against) && suffices(cover.trust, whole, poco_against);
        if agreed && set.len() >= cover.owners {
            return Some(set);
        }
    }
    None
}

/// The parts of those who are paid of a set: the logarithms of their weights, where PoCo needs all of them. Where it has enough
/// with some (lightest first), those have the whole price, and the others their turn another time: then all have alike.
fn paid(mut set: Vec<Weight>, trust: u64, against: Option<Weight>) -> Vec<u64> {
    set.sort_unstable();
    let against = against.map_or(U256::ZERO, |it| U256::from(it.poco));
    let (all, mut whole, mut logs) = (set.len(), U256::ONE, Vec::new());
    for weight in set {
        whole = whole.saturating_mul(U256::from(weight.poco));
        logs.push(weight.log());
        if suffices(trust, whole, against) {
            break;
        }
    }
    if logs.len() < all { vec![1; all] } else { logs }
}

/// The price at which the lightest of these is paid the floor, per mille of the floor, rounded up.
fn covering(logs: &[u64], share: u64) -> u64 {
    let sum = logs.iter().copied().fold(0, u64::saturating_add);
    let least = logs.iter().copied().min().unwrap_or(1).max(1);
    let whole = sum.saturating_mul(PER_MILLE).saturating_mul(100);
    whole.div_ceil(least.saturating_mul(workers_percent(share))).min(MOST)
}

/// What a price leaves the members of a set short of the floor, together, per mille of the floor.
fn short(logs: &[u64], price: u64, share: u64) -> u64 {
    let sum = logs.iter().copied().fold(0, u64::saturating_add).max(1);
    let part = |log: &u64| {
        let gets = price.saturating_mul(workers_percent(share)).saturating_mul(*log);
        PER_MILLE.saturating_sub(gets.checked_div(sum.saturating_mul(100)).expect("a sum is at least one"))
    };
    logs.iter().map(part).fold(0, u64::saturating_add)
}

fn workers_percent(share: u64) -> u64 {
    100_u64.saturating_sub(share).max(1)
}

fn mean(sets: &[Vec<u64>], each: impl Fn(&Vec<u64>) -> u64) -> u64 {
    let count = u64::try_from(sets.len()).expect("sets are few").max(1);
    sets.iter().map(each).fold(0, u64::saturating_add).div_ceil(count)
}

/// The price of a task for each thousandth of its floor; `None` where these workers are not enough. One of each owner is
/// given, in an order that says nothing of their weights.
pub(super) fn price(team: &[Weight], cover: &Cover) -> Option<u64> {
    let rotated = |start: usize| team.iter().cycle().skip(start).take(team.len()).copied();
    let (mut calm, mut disputed) = (Vec::new(), Vec::new());
    for start in 0..team.len() {
        let Some(set) = enough(rotated(start), cover, None) else { continue };
        calm.push(paid(set, cover.trust, None));
        let liar = team.get(start).copied();
        let others = enough(rotated(start).skip(1), cover, liar);
        disputed.extend(others.map(|set| paid(set, cover.trust, liar)));
    }
    let mut covers: Vec<u64> = calm.iter().map(|logs| covering(logs, cover.share)).collect();
    covers.sort_unstable();
    let middle = *covers.get(covers.len() / 2)?;
    let replicated = cover.trust > 2;
    let dissents = if replicated { cover.dissents.min(PER_MILLE) } else { 0 };
    let even = |price: u64| {
        let calmly = mean(&calm, |logs| short(logs, price, cover.share));
        let disputedly = mean(&disputed, |logs| short(logs, price, cover.share));
        let costs = calmly
            .saturating_mul(PER_MILLE.saturating_sub(dissents))
            .saturating_add(disputedly.saturating_mul(dissents))
            .div_ceil(PER_MILLE)
            .saturating_add(cover.extras);
        price.saturating_mul(cover.share).checked_div(100).expect("a hundred is not zero") >= costs
    };
    let dearest = disputed.iter().map(|logs| covering(logs, cover.share)).chain(covers.last().copied()).max()?;
    let enough_share = cover.extras.saturating_mul(100).checked_div(cover.share).unwrap_or(0);
    let mut range = (middle, dearest.max(enough_share).max(middle));
    while range.0 < range.1 {
        let half = range.0.midpoint(range.1);
        if even(half) {
            range.1 = half;
        } else {
            range.0 = half.saturating_add(1);
        }
    }
    Some(range.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Weight = Weight { poco: 2, gate: 2 };
    const PROVEN: Weight = Weight { poco: 100, gate: 10 };

    fn cover(trust: u64) -> Cover {
        Cover { trust, share: 10, owners: if trust > 2 { 2 } else { 1 }, dissents: 0, extras: 0 }
    }

    #[test]
    fn newcomers_each_cost_the_floor_and_the_pools_share() {
        let prices: Vec<Option<u64>> =
            [1, 2, 4, 8, 16].into_iter().map(|trust| price(&[NEW; 3], &cover(trust))).collect();
        assert_eq!(prices, [Some(1_112), Some(1_112), Some(2_223), Some(3_334), None]);
    }

    #[test]
    fn proven_workers_make_a_high_trust_cheaper() {
        let newcomers = price(&[NEW; 12], &cover(1_000)).unwrap();
        let proven = price(&[PROVEN; 12], &cover(1_000)).unwrap();
        assert_eq!((newcomers, proven), (11_112, 3_334), "three words to the gate, though PoCo has enough with two");
    }

    #[test]
    fn dissents_and_checks_raise_the_price_only_where_the_share_does_not_pay_for_them() {
        let calm = price(&[NEW; 8], &cover(4)).unwrap();
        let rare = price(&[NEW; 8], &Cover { dissents: 50, extras: 50, ..cover(4) }).unwrap();
        let often = price(&[NEW; 8], &Cover { dissents: 400, extras: 50, ..cover(4) }).unwrap();
        assert_eq!(calm, rare);
        assert!(often > calm, "{often}");
    }

    #[test]
    fn one_heavy_worker_among_newcomers_does_not_make_all_pay_for_it() {
        let mut team = vec![NEW; 15];
        team.push(PROVEN);
        let mixed = price(&team, &cover(4)).unwrap();
        assert!(mixed < 3_000, "{mixed}");
    }

    #[test]
    fn without_a_share_the_dearest_set_is_covered() {
        let none = Cover { share: 0, dissents: 10, ..cover(4) };
        assert_eq!(price(&[NEW; 5], &none), Some(4_000), "a dissent at trust 4 takes four who agree");
    }
}
