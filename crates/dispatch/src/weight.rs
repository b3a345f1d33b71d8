//! PoCo's arithmetic of trust, so that policy foresees what the rules will conclude.
//!
//! A worker of score *s* weighs `max(s / 3, 3) − 1`; weights of workers who agree multiply; a result of weight *G* is
//! accepted when `G · trust > (1 + G + what others weigh) · (trust − 1)`.

use crate::worker::Station;
use crate::{Dispatch, Terms};
use units::{Address, Timestamp};

/// What a worker of score 0 weighs.
pub(crate) const NEWCOMER: u128 = 2;

/// What a worker of this PoCo score weighs.
#[must_use]
pub fn weight_of_score(score: u64) -> u128 {
    let third = score.checked_div(3).expect("three is not zero");
    u128::from(third.max(3)).saturating_sub(1)
}

/// What a group of workers weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight {
    /// By the gate's measure.
    pub(crate) gate: u128,
    /// By PoCo's.
    pub(crate) poco: u128,
}

impl Weight {
    /// Nobody against.
    pub(crate) const NONE: Self = Self { gate: 0, poco: 0 };
    /// Nobody yet.
    pub(crate) const ONE: Self = Self { gate: 1, poco: 1 };

    /// With another who agrees.
    pub(crate) fn times(self, other: Self) -> Self {
        Self { gate: self.gate.saturating_mul(other.gate), poco: self.poco.saturating_mul(other.poco) }
    }

    /// Beside another group.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { gate: self.gate.saturating_add(other.gate), poco: self.poco.saturating_add(other.poco) }
    }

    /// Whether it would be accepted against others, by both measures.
    pub(crate) fn suffices(self, trust: u64, against: Self) -> bool {
        suffices(trust, self.gate, against.gate) && suffices(trust, self.poco, against.poco)
    }
}

/// Whether a result of this weight would be accepted against others of weight `against` in all.
pub(crate) fn suffices(trust: u64, weight: u128, against: u128) -> bool {
    let trust = u128::from(trust.max(1));
    let total = weight.saturating_add(against).saturating_add(1);
    weight > 0 && weight.saturating_mul(trust) > total.saturating_mul(trust.saturating_sub(1))
}

/// How many newcomers must agree for this trust when nobody dissents.
#[must_use]
pub fn newcomers_needed(trust: u64) -> u32 {
    let (mut needed, mut weight) = (1_u32, NEWCOMER);
    while !suffices(trust, weight, 0) {
        needed = needed.saturating_add(1);
        weight = weight.saturating_mul(NEWCOMER);
    }
    needed
}

/// A worker whose score says more than so many times what it earned for strangers here has it from elsewhere.
const UNEARNED: u128 = 2;
/// Statements are taken for 138 twentieths of the category's time from the match on; in the first five of them replicas are
/// for others.
const FAIR_TWENTIETHS: u32 = 133;
/// So many owners are looked at to see whether others are there.
const LOOK: usize = 64;

impl Dispatch {
    /// Until when the replicas of a deal are for those who earned their score here; never where its trust wants none.
    pub(crate) fn fair_until(&self, terms: &Terms) -> Option<Timestamp> {
        let rest = terms.time.saturating_mul(FAIR_TWENTIETHS).checked_div(20).expect("twenty is not zero");
        (terms.trust > 2 && self.is_audited(terms.pool)).then(|| terms.until.saturating_sub(rest))
    }

    /// Whether PoCo would give a worker most of the price for a score that it did not earn for strangers here: one can be
    /// farmed by whoever owns a pool and asks its own workers. It gets replicas that nobody else took for a while, or where too
    /// few others are there.
    pub(crate) fn overweighs(&self, station: &Station, terms: &Terms) -> bool {
        if self.fair_until(terms).is_none_or(|until| self.now >= until) {
            return false;
        }
        let plain = |other: &&Station| {
            !self.has_unearned_score(other)
                && other.accepts(terms.category, terms.pay)
                && !self.barred_from(terms.pool, other.worker.address)
        };
        let needed = usize::try_from(newcomers_needed(terms.trust)).unwrap_or(usize::MAX);
        self.has_unearned_score(station) && self.some_of(terms.pool).take(LOOK).filter(plain).nth(needed).is_some()
    }

    fn has_unearned_score(&self, station: &Station) -> bool {
        let weight = weight_of_score(station.score);
        let newcomer = weight <= NEWCOMER.saturating_mul(UNEARNED);
        !newcomer && weight > weight_of_score(self.earned_here(station.worker.address)).saturating_mul(UNEARNED)
    }

    /// The connected workers of a pool, one of each owner.
    fn some_of(&self, pool: Address) -> impl Iterator<Item = &Station> {
        let classes = self.pools.get(&pool).into_iter().flat_map(|pool| pool.classes.values());
        classes.flat_map(|class| class.connected.values()).filter_map(|it| self.workers.get(it.first()?))
    }

    /// The moment comes when a deal's replicas are for everybody.
    pub(crate) fn open_to_all(&mut self, at: Timestamp) {
        while let Some((when, deal)) = self.opening.first().copied() {
            if when > at {
                break;
            }
            self.opening.pop_first();
            if let Some(bag) = self.bags.get(&deal) {
                self.stir((bag.terms.request, bag.terms.pool));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_needed_double_the_trust_each() {
        let needed: Vec<u32> = [0, 1, 2, 3, 4, 5, 8, 9, 1_000_000].into_iter().map(newcomers_needed).collect();
        assert_eq!(needed, [1, 1, 1, 2, 2, 3, 3, 4, 20]);
    }

    #[test]
    fn a_score_starts_to_weigh_more_at_twelve() {
        let weights: Vec<u128> = [0, 11, 12, 15, 300].into_iter().map(weight_of_score).collect();
        assert_eq!(weights, [2, 2, 3, 4, 99]);
    }

    #[test]
    fn one_dissenter_at_trust_three_takes_a_third_who_agrees() {
        assert!(suffices(3, 4, 0));
        assert!(!suffices(3, 4, 2));
        assert!(suffices(3, 8, 2));
    }
}
