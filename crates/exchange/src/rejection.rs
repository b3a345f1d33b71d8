//! What is inadmissible. It leaves no trace.

use poco::Refusal;
use units::{Address, Amount, B256, DealId, OrderHash, TaskId, Timestamp};

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
    /// Nobody else stated this result of the task.
    #[error("nobody else stated {digest} of task {task}")]
    NotStated {
        /// The task.
        task: TaskId,
        /// The result's digest.
        digest: B256,
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
    /// The worker is enlisted with this owner already.
    #[error("worker {worker} of {owner} is enlisted already")]
    AlreadyEnlisted {
        /// The worker.
        worker: Address,
        /// Its owner.
        owner: Address,
    },
    /// Nothing shows that the worker is that owner's.
    #[error("nothing shows that worker {worker} is {owner}'s")]
    NotOwned {
        /// The worker.
        worker: Address,
        /// Who is said to own it.
        owner: Address,
    },
    /// The pool takes only workers that its owner invited.
    #[error("worker {worker} is not invited to pool {pool}")]
    NotInvited {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
    },
    /// The worker was found to have lied there.
    #[error("worker {worker} is barred from pool {pool}")]
    Barred {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
    },
    /// The same secret was committed to before and is not shown yet.
    #[error("{0} is committed to already")]
    AlreadyCommitted(B256),
    /// Secrets are committed to, but not shown.
    #[error("{0} secrets are committed to and not shown")]
    TooManySecrets(usize),
    /// Nobody committed to this secret, or it was shown before.
    #[error("no open commitment to a secret is {0}")]
    UnknownSecret(B256),
    /// Tasks are still drawn by the secret.
    #[error("{deals} unfinished deals, and those to come if it is the newest, are drawn by {commitment}")]
    SecretInUse {
        /// The commitment.
        commitment: B256,
        /// Unfinished deals that are drawn by it.
        deals: u64,
    },
    /// A worker's result in a task is checked once.
    #[error("{worker} was checked in task {task} before")]
    AlreadyChecked {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// A worker is no witness of its owner's other workers, nor are two of one owner.
    #[error("{witness} and {other} have one owner")]
    SameOwner {
        /// The witness.
        witness: Address,
        /// The worker, or another witness.
        other: Address,
    },
    /// The witnesses do not agree, or it is one word against another.
    #[error("it is not decided whether {worker} is right about task {task}")]
    Undecided {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// No answer is known of a task with this content.
    #[error("no answer to task {0} is known")]
    NoAnswer(TaskId),
    /// The answer is known.
    #[error("the answer to task {0} is known already")]
    AlreadyKnown(TaskId),
    /// The task is not done, or no two owners proved its result.
    #[error("no two owners have proved the result of task {0}")]
    NotAgreed(TaskId),
    /// The rating's signature is by nobody.
    #[error("the rating is not signed")]
    NotSigned,
    /// A mark out of range.
    #[error("a mark is 1 to 5, not {0}")]
    BadMark(u8),
    /// The rater, or who is rated, took no part in the deal, or not on the other side.
    #[error("{rater} cannot rate {subject} for deal {deal}")]
    NoPart {
        /// The deal.
        deal: DealId,
        /// Who rates.
        rater: Address,
        /// Who is rated.
        subject: Address,
    },
    /// Nobody rates what is theirs.
    #[error("{0} rates itself, or what is its own")]
    RatesItself(Address),
    /// Once for each deal, rater and subject.
    #[error("{rater} has rated {subject} for deal {deal}")]
    RatedBefore {
        /// The deal.
        deal: DealId,
        /// Who rates.
        rater: Address,
        /// Who is rated.
        subject: Address,
    },
    /// The deal ended too long ago, or there was none.
    #[error("deal {0} cannot be rated, or no more")]
    NotRatable(DealId),
    /// The pool's owner does not let the exchange sell for it.
    #[error("the exchange does not sell for pool {0}")]
    NotSelling(Address),
    /// A pool's owner lets the exchange pay no more than that beside PoCo.
    #[error("pool {pool}'s owner allows {allowed} to be paid, {needed} needed")]
    NotAllowed {
        /// The pool.
        pool: Address,
        /// What is left of the owner's allowance to the operator.
        allowed: Amount,
        /// How much it would take.
        needed: Amount,
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
    /// The worker was found to have lied in that pool.
    #[error("barred from the pool")]
    Barred,
    /// The task's pool takes only workers that its owner invited.
    #[error("not invited to the pool")]
    NotInvited,
    /// A result in the clear where others must not see it.
    #[error("a result in the clear is for trust 1 alone")]
    NotTrustOne,
    /// PoCo's rules refuse it.
    #[error("{0}")]
    Refused(#[from] Refusal),
}
