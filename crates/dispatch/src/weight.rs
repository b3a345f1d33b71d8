//! PoCo's arithmetic of trust, so that policy foresees what the rules will conclude.
//!
//! A worker of score *s* weighs `max(s / 3, 3) − 1`; weights of workers who agree multiply; a result of weight *G* is
//! accepted when `G · trust > (1 + G + what others weigh) · (trust − 1)`.

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
