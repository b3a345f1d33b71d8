//! What a fleet is to be, and what comes of it.

use super::hand::Make;

/// What a machine asks for a task unless it is said otherwise, nano-credits.
pub(crate) const FLOOR: u64 = 1_000;
/// What nobody asks for a task, however many replicas it takes.
const AMPLE: u64 = 1_000_000;

/// A job to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// Which requester.
    pub(crate) requester: u64,
    pub(crate) at_ms: u64,
    pub(crate) category: u64,
    pub(crate) trust: u64,
    pub(crate) size: u64,
    /// The most it pays for a task, nano-credits.
    pub(crate) price: u64,
    /// Of so many of a thousand tasks the program fails.
    pub(crate) fails: u64,
    /// Near where it is best done; empty: anywhere.
    pub(crate) region: &'static str,
}

impl Job {
    /// A job that any fleet can be asked to do, at a price that is no obstacle.
    pub(crate) fn plain(requester: u64, trust: u64, size: u64) -> Self {
        Self { requester, at_ms: 0, category: 0, trust, size, price: AMPLE, fails: 0, region: "" }
    }
}

/// A fleet to be.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    /// Which hosted pool the machines are in.
    pub(crate) pool: usize,
    /// The least and the most time that a task takes.
    pub(crate) run_ms: (u64, u64),
    /// One turn of the exchange's loop.
    pub(crate) step_ms: u64,
    pub(crate) machines: Vec<Make>,
    pub(crate) jobs: Vec<Job>,
    /// What a machine starts with, nano-credits.
    pub(crate) purse: u64,
    /// PoCo scores that machines bring with them.
    pub(crate) scores: Vec<(usize, u64)>,
    /// Machines leave for a while: so many times an hour for each hundred.
    pub(crate) churn: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) deals: u64,
    pub(crate) tasks: u64,
    pub(crate) wrong: u64,
    pub(crate) failed: u64,
    pub(crate) claimed: u64,
    /// Deals with a task that was claimed.
    pub(crate) seized_deals: u64,
    pub(crate) executions: u64,
    /// Names that were barred.
    pub(crate) caught: u64,
    pub(crate) departures: u64,
    pub(crate) entries: u64,
    pub(crate) events: u64,
    /// What requesters paid, nano-credits.
    pub(crate) paid: u64,
    /// What the operator lost, as its pools' owner, nano-credits; less than nothing if it gained.
    pub(crate) lost: i64,
    /// When every task had a result that was its last or provisional.
    pub(crate) delivered_ms: u64,
    /// When the last task ended.
    pub(crate) ended_ms: u64,
}
