//! What the gate knows of a worker in a pool that audits.

use std::collections::{BTreeMap, BTreeSet};
use units::{Address, TaskId};

/// A worker's record in a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dossier {
    pub(super) owner: Option<Address>,
    pub(super) earned: u64,
    pub(super) checks: u64,
    /// Checks it had passed when it became a newcomer again.
    pub(super) since: u64,
    pub(super) barred: bool,
    /// How many statements it has made.
    pub(super) stated: u64,
    /// The first so many of them are from before a restart, in an order that is not known: a check of one covers no other.
    pub(super) restored: u64,
    /// Its statements that are not settled, in the order in which it made them.
    pub(super) held: BTreeMap<u64, TaskId>,
    /// Of those tasks, the ones under check.
    pub(super) pending: BTreeSet<TaskId>,
    /// Open tasks that are not audited, of which it stated a sealed result.
    pub(super) sealed: BTreeSet<TaskId>,
}

impl Dossier {
    /// Checks that count.
    pub(super) fn passed(&self) -> u64 {
        self.checks.saturating_sub(self.since)
    }

    /// Whether a check of one statement covers another, by their places.
    pub(super) fn covers(&self, checked: u64, other: u64) -> bool {
        checked == other || checked > other && checked >= self.restored
    }
}
