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
