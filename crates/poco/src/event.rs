//! What happened in the hub, under PoCo's names and in PoCo's order.

use orders::OrderKind;
use serde::{Deserialize, Serialize};
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, U256};

/// Which of the four orders, as it is kept and written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "OrderKind")]
enum OrderKindDef {
    App,
    Dataset,
    Workerpool,
    Request,
}

/// A log of the hub. Names and arguments are the contracts'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Free money moved; from the zero address it was made, to the zero address destroyed.
    Transfer {
        /// From whom.
        from: Address,
        /// To whom.
        to: Address,
        /// How much.
        value: Amount,
    },
    /// An allowance to move the owner's free money was set.
    Approval {
        /// Who allows.
        owner: Address,
        /// Who may spend.
        spender: Address,
        /// How much in all.
        value: Amount,
    },
    /// Free money became locked.
    Lock {
        /// Whose.
        owner: Address,
        /// How much.
        amount: Amount,
    },
    /// Locked money became free.
    Unlock {
        /// Whose.
        owner: Address,
        /// How much.
        amount: Amount,
    },
    /// Seized money was paid out.
    Reward {
        /// To whom.
        owner: Address,
        /// How much.
        amount: Amount,
        /// For which task.
        reference: B256,
    },
    /// Locked money was lost.
    Seize {
        /// By whom.
        owner: Address,
        /// How much.
        amount: Amount,
        /// For which task.
        reference: B256,
    },
    /// A workerpool got a deal.
    SchedulerNotice {
        /// The pool.
        workerpool: Address,
        /// Its deal.
        deal: DealId,
    },
    /// Four orders made a deal.
    OrdersMatched {
        /// The deal.
        deal: DealId,
        /// The app order.
        app: OrderHash,
        /// The dataset order; zero if the deal has no dataset.
        dataset: OrderHash,
        /// The workerpool order.
        workerpool: OrderHash,
        /// The request order.
        request: OrderHash,
        /// How many tasks.
        volume: U256,
    },
    /// Somebody other than the requester pays for the deal.
    DealSponsored {
        /// The deal.
        deal: DealId,
        /// Who pays.
        sponsor: Address,
    },
    /// An order was signed beforehand: `Signed…Order`.
    SignedOrder {
        /// Which of the four.
        #[serde(with = "OrderKindDef")]
        kind: OrderKind,
        /// Its hash.
        order: OrderHash,
    },
    /// An order was closed: `Closed…Order`.
    ClosedOrder {
        /// Which of the four.
        #[serde(with = "OrderKindDef")]
        kind: OrderKind,
        /// Its hash.
        order: OrderHash,
    },
    /// A task of a deal was opened for contributions.
    TaskInitialize {
        /// The task.
        task: TaskId,
        /// The deal's pool.
        workerpool: Address,
    },
    /// A worker committed itself to a result.
    TaskContribute {
        /// The task.
        task: TaskId,
        /// Who.
        worker: Address,
        /// The hash of the result.
        hash: B256,
    },
    /// Contributions suffice: this is the result.
    TaskConsensus {
        /// The task.
        task: TaskId,
        /// The hash of the result.
        consensus: B256,
    },
    /// A worker showed its result.
    TaskReveal {
        /// The task.
        task: TaskId,
        /// Who.
        worker: Address,
        /// The result's digest.
        digest: B256,
    },
    /// Nobody showed the agreed result: the task is open again.
    TaskReopen {
        /// The task.
        task: TaskId,
    },
    /// The task is done and paid.
    TaskFinalize {
        /// The task.
        task: TaskId,
        /// What the pool says about where the result is.
        results: Bytes,
    },
    /// The task failed: the payer got the price back.
    TaskClaimed {
        /// The task.
        task: TaskId,
    },
    /// A worker was right together with others; its score rose.
    AccurateContribution {
        /// Who.
        worker: Address,
        /// In which task.
        task: TaskId,
    },
    /// A worker was wrong or did not reveal; its score fell.
    FaultyContribution {
        /// Who.
        worker: Address,
        /// In which task.
        task: TaskId,
    },
    /// A category was added.
    CreateCategory {
        /// Its index.
        category: U256,
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// The time a task may take on a reference machine, seconds.
        seconds: U256,
    },
}
