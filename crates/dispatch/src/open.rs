//! A task that has been begun and has not ended.

use crate::attempt::{Attempt, Role};
use crate::classes::Classes;
use crate::job::JobKey;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, DealId, TaskId, Timestamp};

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

/// Whether a statement agrees with those who state `hash`. What a checker found as good as equal states the same from then on
/// ([`crate::classes`]).
pub(crate) fn agrees(statement: &Statement, hash: B256) -> bool {
    statement.hash == hash
}

/// A worker's lease on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) role: Role,
    pub(crate) phase: Phase,
    /// When it runs out: sooner than its clock says while its worker is away.
    pub(crate) until: Timestamp,
    /// When the clock of its phase runs out.
    pub(crate) ends: Timestamp,
    pub(crate) granted: Timestamp,
    /// When its worker last said that more of what the task needs has come.
    pub(crate) fetching: Option<Timestamp>,
    /// When its worker said that it runs the task.
    pub(crate) running: Option<Timestamp>,
    /// Whether its worker held nothing else when it was granted.
    pub(crate) alone: bool,
    /// From when on it may be hedged.
    pub(crate) due: Timestamp,
    /// How long the task was expected to run when it was granted, milliseconds.
    pub(crate) expected_ms: u64,
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

/// What the gate makes of one worker's word at trust 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Nothing that counts has been stated.
    #[default]
    Unstated,
    /// Held until a check covers it.
    Provisional,
    /// Another's word is wanted.
    Checked,
    /// Accepted once its package is here.
    Released {
        /// Who stated it, in the order in which their word is taken; the others are paid beside.
        by: Vec<Address>,
    },
}

/// How an open task stands in the gate's audits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    pub(crate) stand: Stand,
    /// Whose statement that is about.
    pub(crate) lead: Option<Address>,
    /// Each statement's place among its worker's.
    pub(crate) orders: BTreeMap<Address, u64>,
    /// Whether there was a secret to draw with.
    pub(crate) drawn: bool,
    /// The result, where it is known from an equal task.
    pub(crate) known: Option<B256>,
    /// Whether the secret drew it: then no known answer stands in for a worker's word.
    pub(crate) by_draw: bool,
    /// Since when a check is wanted.
    pub(crate) wanted: Option<Timestamp>,
    /// What those are to be paid who check it and ask more than the deal pays, nano-credits.
    pub(crate) dearer: BTreeMap<Address, Amount>,
}

/// An open task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) deal: DealId,
    pub(crate) index: u64,
    pub(crate) job: JobKey,
    /// What became of each worker's part, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    /// Attempts that ended without a statement.
    pub(crate) tried: u32,
    /// When it may be tried again, after many such.
    pub(crate) rests_until: Timestamp,
    /// Whether it was tried so often.
    pub(crate) stuck: bool,
    pub(crate) leases: BTreeMap<Address, Lease>,
    /// Everyone who has a lease, stated something or let a lease run out: none gets another.
    pub(crate) touched: BTreeSet<Address>,
    /// Who gave it back for its owner.
    pub(crate) returned_by: BTreeSet<Address>,
    pub(crate) said: Vec<Statement>,
    /// Result digests whose package the exchange has.
    pub(crate) packages: BTreeSet<B256>,
    /// Who was asked to upload, and until when that is waited for.
    pub(crate) asked: BTreeMap<Address, Timestamp>,
    pub(crate) settled_on: Option<Agreement>,
    pub(crate) audit: Audit,
    /// Of a task whose results are judged: how its statements fall into classes.
    pub(crate) classes: Option<Box<Classes>>,
}

impl Audit {
    /// The result that is known, where it counts for one witness.
    pub(crate) fn known(&self) -> Option<B256> {
        self.known.filter(|_| !self.by_draw)
    }
}

impl Open {
    pub(crate) fn new(deal: DealId, index: u64, job: JobKey) -> Self {
        Self {
            deal,
            index,
            job,
            attempts: Vec::new(),
            tried: 0,
            rests_until: Timestamp::default(),
            stuck: false,
            leases: BTreeMap::new(),
            touched: BTreeSet::new(),
            returned_by: BTreeSet::new(),
            said: Vec::new(),
            packages: BTreeSet::new(),
            asked: BTreeMap::new(),
            settled_on: None,
            audit: Audit::default(),
            classes: None,
        }
    }

    pub(crate) fn has_said(&self, worker: Address) -> bool {
        self.said.iter().any(|statement| statement.worker == worker)
    }

    /// Whether the package of what a statement states is here: at trust 1 it states the result's digest, above a hash of it.
    pub(crate) fn has_package(&self, task: TaskId, hash: B256) -> bool {
        let states = |digest: &B256| *digest == hash || orders::ids::result_hash(task, *digest) == hash;
        self.packages.iter().any(states)
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
