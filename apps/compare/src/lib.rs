//! Whether two results of one task are as good as equal.
//!
//! Results of programs that do not give equal bytes on every machine (floats summed in another order, a renderer's threads) are
//! compared by how far they are apart, within the bounds of the app that made them. Invariants: the answer is the same whichever of the
//! two comes first, and on every machine (IEEE 754's own operations and code of this module, one thread, no clock); a result is as good as
//! equal to itself, unless it is too large to be looked at.

mod bound;
mod numbers;
mod picture;

pub use bound::{BadBound, Bound};
pub use numbers::numbers;
pub use picture::pictures;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// As good as equal.
    Equal,
    /// Neither near enough nor far enough apart to say, or too large to be looked at.
    Inconclusive,
    /// Not equal.
    Different,
}

impl Answer {
    /// The word that a checker prints.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Inconclusive => "inconclusive",
            Self::Different => "different",
        }
    }
}
