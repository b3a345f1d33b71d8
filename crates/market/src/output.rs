//! What the market hands to its shell.

use exchange::{Entry, Event};
use orders::WorkerpoolOrder;
use units::{Address, Amount, B256, Bytes, DealId, Digest, TaskId, Timestamp};

/// What came of one turn. Messages and answers leave only once the entries are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Accepted entries, in order: to be journaled.
    pub entries: Vec<Entry>,
    /// Their events, in order.
    pub events: Vec<Event>,
    /// Sell orders of hosted pools, to be signed by the pool owner's key and entered as `PlaceOrder`.
    pub offers: Vec<WorkerpoolOrder>,
    /// To whom what is to be said, in order.
    pub messages: Vec<(Address, Message)>,
    /// What judges are to be asked: the shell answers each by [`crate::Market::answered`].
    pub cases: Vec<Case>,
}

/// A question to a judge: the checker of the deal's params, or its prover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the request's bag.
    pub index: u64,
    /// Whose result.
    pub worker: Address,
    /// Its digest and its package's blob.
    pub result: (B256, Digest),
    /// Those of what it is held against; none: it is seen alone.
    pub other: Option<(B256, Digest)>,
}

/// Something to be said to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Run this.
    Assign {
        /// The task.
        task: TaskId,
        /// Its deal.
        deal: DealId,
        /// Its index in the request's bag.
        index: u64,
        /// A statement later than this is too late.
        until: Timestamp,
    },
    /// What you committed is agreed on: reveal it.
    Reveal {
        /// The task.
        task: TaskId,
        /// What is to be revealed where a checker found the own result as good as equal to it; none: the own result.
        instead: Option<Package>,
    },
    /// Upload your result's package.
    Upload {
        /// The task.
        task: TaskId,
    },
    /// Drop this; it is not needed any more, or your time for it is over.
    Cancel {
        /// The task.
        task: TaskId,
        /// Whether its time was over.
        too_late: bool,
    },
    /// This ended.
    Settled {
        /// The task.
        task: TaskId,
        /// How it ended for the worker.
        ending: Ending,
        /// What the worker was paid.
        reward: Amount,
    },
}

/// How a task ended for a worker that stated a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Its result is the result.
    Accepted,
    /// Another result is.
    Dissented,
    /// Its statement was not needed.
    NotNeeded,
    /// The task was not done in time.
    Claimed,
}

/// A result's package that the shell holds and has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The result's digest.
    pub digest: B256,
    /// The blob that is the package.
    pub blob: Digest,
    /// The data for the deal's callback; empty for none.
    pub callback: Bytes,
}
