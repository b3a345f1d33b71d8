//! What a request's params wish of whoever gives its tasks to machines.
//!
//! Params are the wire's: the shell reads them, by one function of the text alone, so that two markets with the same entries stay
//! equal.

use dispatch::Check;

/// Reads params. Equal texts give equal wishes.
pub type Read = fn(&str) -> Wishes;

/// What a request's params wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Near where the tasks are best done; `None`: anywhere.
    pub region: Option<String>,
    /// How results are held against each other.
    pub check: Check,
}

impl Wishes {
    /// Wishes nothing, whatever the params say.
    #[must_use]
    pub fn none(_params: &str) -> Self {
        Self::default()
    }
}
