//! A task that has been begun and has not ended.

use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, DealId, Timestamp};

/// How far an assignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Getting app and inputs, or waiting for a core.
    Fetch,
    /// Running.
    Run,
    /// Its result is stated.
    Stated,
    /// Uploading the result.
    Upload,
}

/// What a worker stated about a task: held at the gate, or let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub worker: Address,
    /// Equal for workers who agree: the result's hash, or at trust 1 its digest.
    pub hash: B256,
    /// Whether it states that the program failed.
    pub failed: bool,
    /// Whether the gate has let it through, so that it is a contribution now.
    pub let_through: bool,
}

/// A worker's lease on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) phase: Phase,
    pub(crate) until: Timestamp,
}

/// What is agreed on, and who has shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) winners: BTreeSet<Address>,
    pub(crate) shown: BTreeSet<Address>,
    /// Results are shown before this.
    pub(crate) until: Timestamp,
    /// Whether the exchange has been told to conclude.
    pub(crate) concluded: bool,
}

/// An open task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) deal: DealId,
    pub(crate) index: u64,
    pub(crate) leases: BTreeMap<Address, Lease>,
    /// Everyone who has a lease, stated something or let a lease run out: none gets another.
    pub(crate) touched: BTreeSet<Address>,
    pub(crate) said: Vec<Statement>,
    /// Result digests whose package the exchange has.
    pub(crate) packages: BTreeSet<B256>,
    /// Who was asked to upload, and until when that is waited for.
    pub(crate) asked: BTreeMap<Address, Timestamp>,
    pub(crate) settled_on: Option<Agreement>,
}

impl Open {
    pub(crate) fn new(deal: DealId, index: u64) -> Self {
        Self {
            deal,
            index,
            leases: BTreeMap::new(),
            touched: BTreeSet::new(),
            said: Vec::new(),
            packages: BTreeSet::new(),
            asked: BTreeMap::new(),
            settled_on: None,
        }
    }

    pub(crate) fn lease(&mut self, worker: Address, phase: Phase, until: Timestamp) {
        self.touched.insert(worker);
        self.leases.insert(worker, Lease { phase, until });
    }

    pub(crate) fn has_said(&self, worker: Address) -> bool {
        self.said.iter().any(|statement| statement.worker == worker)
    }

    /// Takes a statement; the lease is fulfilled.
    pub(crate) fn note(&mut self, statement: Statement) {
        self.leases.remove(&statement.worker);
        self.touched.insert(statement.worker);
        if !self.has_said(statement.worker) {
            self.said.push(statement);
        }
    }
}
