//! What becomes of tasks on a machine.

use crate::dice::Dice;

/// What becomes of tasks on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Does its work.
    Honest,
    /// Does it, twenty times as slowly.
    Slow,
    /// States a wrong result of its own, so many times in a thousand.
    Liar { per_mille: u64 },
    /// Does so many tasks well, and lies from then on.
    Turncoat { after: u64 },
    /// Lies, and now and then comes back under a new name.
    Returner,
    /// Lies, with a score that it made itself with a pool and requests of its own.
    Farmer,
    /// States the same wrong result as every other colluder.
    Colluder,
    /// States that the program failed when it did not.
    Naysayer,
    /// Commits what somebody else committed, if that has leaked.
    Copycat,
    /// Sends what it commits and reveals as transactions of its own too, as early as it can.
    Revealer,
    /// Takes tasks and says nothing of them.
    Silent,
    /// Its runs never end.
    Hung,
    /// Commits, and never reveals.
    Shy,
    /// Never uploads what it says it has.
    Withholder,
    /// Gives every task back.
    Unable,
    /// Does its work until it is gone for good.
    Vanisher,
}

impl Nature {
    /// Whether tasks are in good hands with it, sooner or later.
    pub(crate) fn is_honest(self) -> bool {
        matches!(self, Self::Honest | Self::Slow)
    }

    /// Whether it ever states what is wrong on its own.
    pub(crate) fn lies_alone(self) -> bool {
        matches!(self, Self::Liar { .. } | Self::Turncoat { .. } | Self::Returner | Self::Farmer)
    }

    /// Whether it has more weight than a newcomer when it lies.
    pub(crate) fn earns_before_it_lies(self) -> bool {
        matches!(self, Self::Liar { per_mille: ..1_000 } | Self::Turncoat { .. } | Self::Farmer)
    }

    /// Whether what it states, if it does, is always the truth.
    pub(crate) fn states_the_truth(self) -> bool {
        let lies = matches!(self, Self::Colluder | Self::Naysayer | Self::Copycat);
        !self.lies_alone() && !lies
    }

    /// Somebody not to be trusted.
    pub(crate) fn bad(dice: &mut Dice) -> Self {
        match dice.below(18) {
            0 | 1 => Self::Liar { per_mille: 1_000 },
            2 | 3 => Self::Liar { per_mille: dice.pick(&[5, 20, 100, 300, 700]) },
            4 => Self::Turncoat { after: dice.between(1, 40) },
            5 => Self::Returner,
            6 | 7 => Self::Colluder,
            8 => Self::Naysayer,
            9 => Self::Copycat,
            10 => Self::Revealer,
            11 => Self::Silent,
            12 => Self::Hung,
            13 => Self::Shy,
            14 => Self::Withholder,
            15 => Self::Unable,
            16 => Self::Farmer,
            _ => Self::Vanisher,
        }
    }
}
