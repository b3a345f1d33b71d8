//! What dispatch decides; the market turns it into commands and messages.

use units::{Address, Amount, B256, DealId, TaskId, Timestamp};

/// A decision of policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A worker is to run a task.
    Grant {
        /// Who.
        worker: Address,
        /// What.
        task: TaskId,
        /// Its deal.
        deal: DealId,
        /// Its index in the request's bag.
        index: u64,
        /// A statement later than this is too late.
        until: Timestamp,
    },
    /// A worker is to drop a task; nothing is held against it.
    Cancel {
        /// Who.
        worker: Address,
        /// What.
        task: TaskId,
        /// Why.
        ending: Ending,
    },
    /// The gate lets a held commitment through (trust ≥ 2).
    Authorize {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
    },
    /// The gate accepts a completion (trust 1).
    Accept {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
    },
    /// A held statement is dropped: another result was agreed on and it may not dissent.
    Discard {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
    },
    /// The pool pays a worker who did its part, but whom PoCo does not pay: the second witness of a failure.
    PayWitness {
        /// The task.
        task: TaskId,
        /// Whom.
        worker: Address,
        /// What it asks for it, where that is more than the deal pays each, nano-credits; else nothing.
        asks: Amount,
    },
    /// A held statement was compared with others' (trust 1): its worker passed the check, or failed it and is barred.
    Check {
        /// The task.
        task: TaskId,
        /// Whose statement.
        worker: Address,
        /// Who stated what it was compared with; nobody: a known answer.
        witnesses: Vec<Address>,
        /// Whether they agree with it.
        passed: bool,
    },
    /// The pool pays a worker whose statement agrees with the accepted one, which it checked or confirmed.
    PayCheck {
        /// The task.
        task: TaskId,
        /// Whom.
        worker: Address,
        /// What it asks for it, where that is more than the deal pays each, nano-credits; else nothing.
        asks: Amount,
    },
    /// The pool pays a worker for its part in a task, which was called off when another was sooner.
    PayHedge {
        /// The task.
        task: TaskId,
        /// Its deal.
        deal: DealId,
        /// Whom.
        worker: Address,
        /// That part of what it asks for a task, nano-credits.
        amount: Amount,
    },
    /// A judge is to be asked about a worker's own result.
    Judge {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
        /// Its digest.
        digest: B256,
        /// The digest that it is held against; none: it is seen alone.
        other: Option<B256>,
    },
    /// A statement is taken for another, since its checker can tell of no two results of the task.
    Concede {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
        /// The digest of its own result.
        digest: B256,
        /// The digest of the one that it is taken for.
        other: B256,
    },
    /// A worker is to upload its result's package: the exchange does not have it.
    AskUpload {
        /// The task.
        task: TaskId,
        /// Whom.
        worker: Address,
    },
    /// Nobody has shown the agreed result, or those who have are all there will be: finalize or reopen.
    Conclude {
        /// The task.
        task: TaskId,
    },
}

/// Why a worker's part in a task ended without its result being the accepted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Others were faster, or the task ended.
    NotNeeded,
    /// Its lease ran out.
    TooLate,
}
