//! What a machine does with the tasks it is given.

use crate::dice::Dice;

/// A machine's way of working. A wrong result is the machine's own unless it colludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    /// Computes everything.
    Honest,
    /// Makes up so many results in a thousand, drawn task by task.
    Rare { per_mille: u64 },
    /// Honest for so many tasks, then makes up every result.
    Later { after: u64 },
    /// Honest for so many tasks, then makes up so many results in a thousand; once barred it comes back under a new name.
    Returning { after: u64, per_mille: u64 },
    /// Makes up every result, the same one as all others who collude.
    Colluder,
    /// Commits what another committed where it can see that, else computes.
    Copycat,
    /// Says of every task that the program failed.
    Naysayer,
    /// Takes tasks, says that it runs them, and never ends.
    Hung,
    /// Honest for so many tasks, then as one that hangs: to be paid for a part of what others hedge.
    Sitter { after: u64 },
    /// Takes tasks and says nothing.
    Silent,
    /// Gives back for its owner whatever would take longer than so long, milliseconds, and computes the rest.
    Chooser { most_ms: u64 },
    /// Computes everything, and says that it is where jobs wish to be, holds all files and wishes for all load.
    Boaster,
    /// Computes everything; it and its requesters praise each other.
    Praised,
    /// Computes everything, so many times as slowly.
    Slow { times: u64 },
}

/// What comes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Compute,
    /// A result of its own.
    MakeUp,
    /// The result that all colluders state.
    Agree,
    /// What another committed.
    Copy,
    /// A failure of the program that did not happen.
    Deny,
    /// Nothing.
    Sit,
}

impl Play {
    /// What the machine does with its task number `done`, counted from 0 under its present name.
    pub(crate) fn deed(self, done: u64, dice: &mut Dice) -> Deed {
        match self {
            Self::Honest | Self::Chooser { .. } | Self::Boaster | Self::Praised | Self::Slow { .. } => Deed::Compute,
            Self::Rare { per_mille } => made_up(dice.below(1_000) < per_mille),
            Self::Later { after } => made_up(done >= after),
            Self::Returning { after, per_mille } => made_up(dice.below(1_000) < per_mille && done >= after),
            Self::Colluder => Deed::Agree,
            Self::Copycat => Deed::Copy,
            Self::Naysayer => Deed::Deny,
            Self::Sitter { after } if done < after => Deed::Compute,
            Self::Hung | Self::Silent | Self::Sitter { .. } => Deed::Sit,
        }
    }

    /// Whether it gives back a task that takes so long.
    pub(crate) fn gives_back(self, run_ms: u64) -> bool {
        matches!(self, Self::Chooser { most_ms } if run_ms > most_ms)
    }

    /// Whether it comes back under a new name when it is barred.
    pub(crate) fn returns(self) -> bool {
        matches!(self, Self::Returning { .. })
    }

    /// How many times as long as others it takes.
    pub(crate) fn slowness(self) -> u64 {
        if let Self::Slow { times } = self { times } else { 1 }
    }
}

fn made_up(it_is: bool) -> Deed {
    if it_is { Deed::MakeUp } else { Deed::Compute }
}

/// The strategies of independent liars.
pub(crate) const INDEPENDENT: &[Play] = &[
    Play::Rare { per_mille: 1_000 },
    Play::Rare { per_mille: 500 },
    Play::Rare { per_mille: 100 },
    Play::Rare { per_mille: 20 },
    Play::Rare { per_mille: 5 },
    Play::Later { after: 200 },
    Play::Returning { after: 30, per_mille: 1_000 },
];

/// One that lies at the rate that pays best per name, and returns under a new one each time: audits bound what it does by
/// name, not altogether.
pub(crate) const RETURNING: Play = Play::Returning { after: 30, per_mille: 450 };
