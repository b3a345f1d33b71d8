//! What the exchange is told: what people and machines did, and what policy decided.

use crate::verdict::Judgement;
use orders::{
    AppOrder, Checked, CheckedBatch, CheckedRating, DatasetOrder, Order, OrderKind, Recovered, RequestOrder,
    WorkerpoolOrder,
};
use serde::{Deserialize, Serialize};
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, Timestamp, U256};

/// One step of the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, by the operator's clock; never earlier than the entry before.
    pub at: Timestamp,
    /// What.
    pub command: Command,
}

/// A signed Ethereum transaction to one of the exchange's addresses, its signers recovered.
///
/// Made by [`Transaction::recover`](crate::Transaction::recover) outside the core; what its calldata means is for the
/// core to judge, as a contract would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who signed it.
    pub from: Address,
    /// How many transactions of theirs came before.
    pub nonce: u64,
    /// The chain it is signed for.
    pub chain_id: u64,
    /// Whom it calls.
    pub to: Address,
    /// The calldata.
    pub input: Bytes,
    /// Whom the signatures inside the calldata are by, in the order in which the call carries them.
    pub signers: Vec<Recovered>,
    /// The transaction's hash.
    pub hash: B256,
    /// The signed bytes: evidence.
    pub raw: Bytes,
}

/// An order of any kind, its signer recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyOrder {
    /// An app owner's offer.
    App(Checked<AppOrder>),
    /// A data owner's offer.
    Dataset(Checked<DatasetOrder>),
    /// A pool owner's offer.
    Workerpool(Checked<WorkerpoolOrder>),
    /// A requester's bid.
    Request(Checked<RequestOrder>),
}

impl AnyOrder {
    /// The order's hash, which is its name.
    #[must_use]
    pub fn hash(&self) -> OrderHash {
        match self {
            Self::App(order) => order.hash,
            Self::Dataset(order) => order.hash,
            Self::Workerpool(order) => order.hash,
            Self::Request(order) => order.hash,
        }
    }

    /// Which of the four.
    #[must_use]
    pub fn kind(&self) -> OrderKind {
        match self {
            Self::App(_) => OrderKind::App,
            Self::Dataset(_) => OrderKind::Dataset,
            Self::Workerpool(_) => OrderKind::Workerpool,
            Self::Request(_) => OrderKind::Request,
        }
    }

    /// Whom its signature is by.
    #[must_use]
    pub fn signer(&self) -> Recovered {
        match self {
            Self::App(order) => order.signer,
            Self::Dataset(order) => order.signer,
            Self::Workerpool(order) => order.signer,
            Self::Request(order) => order.signer,
        }
    }

    /// How many tasks it is for.
    #[must_use]
    pub fn volume(&self) -> U256 {
        match self {
            Self::App(order) => order.order().volume,
            Self::Dataset(order) => order.order().volume,
            Self::Workerpool(order) => order.order().volume,
            Self::Request(order) => order.order().volume,
        }
    }

    /// The asset that is offered, or the requester who asks.
    #[must_use]
    pub fn subject(&self) -> Address {
        match self {
            Self::App(order) => order.order().subject(),
            Self::Dataset(order) => order.order().subject(),
            Self::Workerpool(order) => order.order().subject(),
            Self::Request(order) => order.order().subject(),
        }
    }
}

/// Which task a batch speaks of that nobody has opened yet: a task's id alone does not tell its deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The deal.
    pub deal: DealId,
    /// The task's index in it.
    pub index: U256,
}

/// Why a hosted pool pays a worker beside PoCo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PayReason {
    /// The worker was the second witness of a program's failure.
    SecondWitness,
    /// The worker's replica was called off when another was sooner.
    Hedge,
    /// PoCo's split left the worker below its floor.
    TopUp,
    /// The worker checked another's result, or agreed with one when PoCo needed no more.
    Check,
}

/// What a worker's result is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// What these workers, of other and distinct owners, hold of the same task.
    Witnesses(Vec<Address>),
    /// The result that two owners proved of a task with the same content before.
    Known,
}

/// What the exchange is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A signed transaction. If PoCo refuses it, the entry is accepted all the same and its nonce is used.
    Transact(Box<Transaction>),
    /// A signed order is to rest on the book.
    PlaceOrder(Box<AnyOrder>),
    /// A resting order leaves the book. It is not closed: whoever has it can match it by a transaction.
    RemoveOrder {
        /// Which.
        order: OrderHash,
        /// Whose wish it is: the owner's of what it offers, or the requester's, shown by a signed challenge.
        by: Address,
    },
    /// Four resting orders make a deal, the requester paying.
    Match {
        /// The app order.
        app: OrderHash,
        /// The dataset order, if the request wants a dataset.
        dataset: Option<OrderHash>,
        /// The workerpool order.
        workerpool: OrderHash,
        /// The request order.
        request: OrderHash,
    },
    /// What a worker says about its tasks. Each item is judged by itself.
    Batch {
        /// The worker's signed batch.
        batch: Box<CheckedBatch>,
        /// Where the tasks are that nobody opened yet; more or fewer are no fault.
        places: Vec<Place>,
    },
    /// The gate lets a held commitment become a contribution, opening the task if need be.
    Authorize {
        /// The task.
        task: TaskId,
        /// Whose commitment.
        worker: Address,
    },
    /// A held completion is the result (trust 1): contribute and finalize, opening the task if need be.
    Accept {
        /// The task.
        task: TaskId,
        /// Whose completion.
        worker: Address,
        /// What is said about where the result is.
        results: Bytes,
    },
    /// A held commitment or completion is dropped.
    Discard {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
    },
    /// A task is opened for contributions.
    Initialize {
        /// The deal.
        deal: DealId,
        /// The task's index in it.
        index: U256,
    },
    /// A hosted pool's task is done: everybody is paid.
    Finalize {
        /// The task.
        task: TaskId,
        /// What is said about where the result is.
        results: Bytes,
        /// The data for the deal's callback; empty for none.
        callback: Bytes,
    },
    /// Nobody showed the result of a hosted pool's task in time: it is open again.
    Reopen {
        /// The task.
        task: TaskId,
    },
    /// The task was not done in time: the payer gets the price back, the pool loses its stake.
    Claim {
        /// The task.
        task: TaskId,
    },
    /// A hosted pool's owner pays a worker beside PoCo.
    Pay {
        /// The pool, whose owner pays.
        pool: Address,
        /// Who is paid.
        worker: Address,
        /// How much.
        amount: Amount,
        /// For which task.
        task: TaskId,
        /// Why.
        why: PayReason,
    },
    /// A worker is one of a pool's, and somebody's. Entered once for each worker and owner.
    Enlist {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// Whose it is; itself, or who signed the evidence.
        owner: Address,
        /// The owner's signature of [`orders::Ownership`]; empty when the worker is its own.
        evidence: Bytes,
    },
    /// The operator commits to a secret by which the tasks of deals to come are drawn for checks.
    AuditCommit {
        /// Keccak-256 of the secret.
        commitment: B256,
    },
    /// A secret that was committed to, and by which nothing is drawn any more, is shown.
    AuditOpen {
        /// The secret.
        secret: B256,
    },
    /// A worker's held completion is held against others: if all agree it has passed a check; if they agree against it, it
    /// is barred.
    Check {
        /// The task.
        task: TaskId,
        /// Whose completion.
        worker: Address,
        /// What it is held against.
        evidence: Evidence,
    },
    /// A finished task, whose result distinct owners proved, becomes an answer that is known.
    Know {
        /// The task.
        task: TaskId,
    },
    /// A checker or prover said something about a held statement.
    Judge(Judgement),
    /// A request leaves the book because its program always fails, or its checker can never tell.
    Halt {
        /// The request order.
        request: OrderHash,
    },
    /// One side of a deal rates the other.
    Rate {
        /// What is said, signed.
        rating: Box<CheckedRating>,
    },
    /// The exchange sells for a pool whose owner lets it: the order is signed beforehand in the owner's name, and rests.
    Offer {
        /// The order; it needs no signature.
        order: Box<WorkerpoolOrder>,
    },
    /// An offer of a pool of the exchange's own leaves the book and is closed, so that nobody can match it by a transaction.
    Withdraw {
        /// Which.
        order: OrderHash,
    },
    /// Time has passed: overdue tasks are claimed for their payers, and long finished deals leave the live state.
    Tick,
}
