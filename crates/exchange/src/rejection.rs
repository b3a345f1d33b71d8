//! What is inadmissible. It leaves no trace.

use poco::Refusal;
use units::{Address, DealId, OrderHash, TaskId, Timestamp};

/// Why an entry is no entry. Nothing has changed, not even a nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The clock went back.
    #[error("the clock went back")]
    ClockWentBack {
        /// The time of the entry before.
        last: Timestamp,
        /// The time of this one.
        at: Timestamp,
    },
    /// A transaction for another chain.
    #[error("signed for chain {signed}, this exchange is {here}")]
    WrongChain {
        /// The chain it is signed for.
        signed: u64,
        /// This exchange's.
        here: u64,
    },
    /// A transaction that came before, or too early.
    #[error("nonce {given} of {account}: the next is {expected}")]
    WrongNonce {
        /// Whose.
        account: Address,
        /// The next nonce.
        expected: u64,
        /// The transaction's.
        given: u64,
    },
    /// A transaction to an address that is none of the exchange's.
    #[error("{0} takes no transactions here")]
    UnknownRecipient(Address),
    /// Signers were recovered for another call than this.
    #[error("the call carries other signatures than were recovered")]
    SignersMissing,
    /// An order of nothing.
    #[error("an order's volume is at least one task")]
    EmptyOrder,
    /// The asset that the order offers is not registered here, or is another kind of thing.
    #[error("{0} is not registered here")]
    UnknownAsset(Address),
    /// The order is not signed by whose it has to be.
    #[error("the order must be signed by {owner}")]
    NotSignedByOwner {
        /// Who has to sign it.
        owner: Address,
    },
    /// The request names a category that there is none of.
    #[error("there is no such category")]
    UnknownCategory,
    /// The order rests already.
    #[error("order {0} is on the book already")]
    AlreadyResting(OrderHash),
    /// Closed, or all of its volume taken.
    #[error("order {0} is closed or consumed")]
    Consumed(OrderHash),
    /// No such order, of the kind that was meant, rests.
    #[error("order {0} is not on the book")]
    UnknownOrder(OrderHash),
    /// Somebody else's order.
    #[error("order {order} is not {by}'s")]
    NotYours {
        /// The order.
        order: OrderHash,
        /// Who asked.
        by: Address,
    },
    /// The batch is not signed by the worker it names.
    #[error("the batch is not signed by worker {0}")]
    BatchNotSigned(Address),
    /// A batch that came before.
    #[error("batch {given} of worker {worker}: the last was {last}")]
    StaleBatch {
        /// Whose.
        worker: Address,
        /// The last sequence number.
        last: u64,
        /// The batch's.
        given: u64,
    },
    /// No live deal of this id.
    #[error("there is no live deal {0}")]
    UnknownDeal(DealId),
    /// No live task of this id.
    #[error("there is no live task {0}")]
    UnknownTask(TaskId),
    /// The pool is not run by the exchange, so that its decisions are not the exchange's to take.
    #[error("pool {0} is not hosted here")]
    NotHosted(Address),
    /// Nothing of this worker's is held for this task.
    #[error("nothing of {worker} is held for task {task}")]
    NothingHeld {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// A commitment where a completion was meant, or the other way round.
    #[error("what is held of {worker} for task {task} is sealed otherwise")]
    HeldOtherwise {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// PoCo's rules refuse what the exchange itself decided.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// Why one item of a worker's batch was not taken. The others are judged by themselves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemRejection {
    /// No live task of this id, and nobody said where it is.
    #[error("no such task")]
    UnknownTask,
    /// The task's pool is elsewhere: there contributions are transactions.
    #[error("the task's pool is not hosted here")]
    NotHosted,
    /// The task is agreed upon, done or failed, or the time to contribute is over.
    #[error("too late")]
    TooLate,
    /// The worker has committed, completed or contributed before.
    #[error("given before")]
    Twice,
    /// A result in the clear where others must not see it.
    #[error("a result in the clear is for trust 1 alone")]
    NotTrustOne,
    /// PoCo's rules refuse it.
    #[error("{0}")]
    Refused(#[from] Refusal),
}
