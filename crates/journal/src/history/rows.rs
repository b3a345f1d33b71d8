//! What the history has rows of.

use super::conduct::{PartRow, RatingRow, StandingRow};
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, Tag, TaskId, Timestamp, U256};

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A request order was placed: a job begins. A repeat changes nothing.
    Job(NewJob),
    /// A job is called this; may come before the job.
    Title {
        /// The job.
        job: OrderHash,
        /// For people.
        title: String,
    },
    /// Somebody sent a blob, and so may read it.
    Upload {
        /// The blob.
        blob: Digest,
        /// Who sent it.
        uploader: Address,
    },
    /// Somebody needs no more a blob that they sent, or sent it for others: it is not theirs to read any longer.
    Forgotten {
        /// The blob.
        blob: Digest,
        /// Who sent it.
        uploader: Address,
    },
    /// A job's order was closed or withdrawn: no more tasks will be bought.
    JobClosed {
        /// The job.
        job: OrderHash,
        /// When.
        at: Timestamp,
    },
    /// A deal was made. Counts its tasks with the job of its request order.
    Deal(Box<DealRow>),
    /// A job's order was taken off the book because its program always fails.
    JobHalted {
        /// The job.
        job: OrderHash,
        /// When.
        at: Timestamp,
    },
    /// A task ended, or has a result that is not final. Gets the job's next ordinal, and takes the place of what the task
    /// had before; a final one stays.
    Result(Box<ResultRow>),
    /// A task's provisional result is void: whoever stated it is not believed, and the task is run again. Gets the job's next
    /// ordinal.
    Voided {
        /// Its job.
        job: OrderHash,
        /// The task.
        task: TaskId,
        /// When.
        at: Timestamp,
    },
    /// A transaction was carried out or refused.
    Transaction(Box<TransactionRow>),
    /// An order was published.
    Order(Box<OrderRow>),
    /// An order has other remains, or another status.
    OrderChanged {
        /// Which.
        order: OrderHash,
        /// Tasks left of it.
        remaining: U256,
        /// What it is now.
        status: OrderStatus,
    },
    /// A worker's part in a task turned out somehow. A repeat changes nothing.
    Part(PartRow),
    /// What a pool knows of a worker by now.
    Standing(StandingRow),
    /// One side of a deal rated the other. A repeat changes nothing.
    Rating(RatingRow),
}

/// What is known of a job from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// The request order's hash.
    pub id: OrderHash,
    /// Who asked.
    pub requester: Address,
    /// The app.
    pub app: Address,
    /// How sure the requester wants to be.
    pub trust: u64,
    /// Time class.
    pub category: u64,
    /// Tasks asked for.
    pub tasks: u64,
    /// When it was placed.
    pub created: Timestamp,
}

/// A job and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// What was asked.
    pub job: NewJob,
    /// A name for people; may be empty.
    pub title: String,
    /// Tasks bought.
    pub matched: u64,
    /// Tasks with a verified result, failures among them.
    pub finished: u64,
    /// Of those, failures of the program.
    pub failed: u64,
    /// Tasks not done in time.
    pub claimed: u64,
    /// Tasks whose result is not final.
    pub provisional: u64,
    /// Paid so far.
    pub spent: Amount,
    /// Whether no more are bought because its program always fails.
    pub halted: bool,
    /// Whether no more tasks will be bought.
    pub closed: bool,
    /// When the last of its tasks ended, once nothing more can come.
    pub ended: Option<Timestamp>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A verified result.
    Completed,
    /// The program failed, in these words.
    Failed(String),
    /// Not done in time; the price went back.
    Claimed,
}

/// How sure a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResultState {
    /// It stays.
    Final,
    /// One worker's word, not paid yet: it may come to nothing.
    Provisional,
    /// It came to nothing; another will come.
    Voided,
}

/// A worker's part in a task that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The worker.
    pub worker: Address,
    /// PoCo's status of its contribution: 1 contributed, 2 proved, 3 rejected.
    pub status: u8,
    /// Paid to it.
    pub reward: Amount,
}

/// A task that has ended, or has a result that is not final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// Its job: the request order's hash.
    pub job: OrderHash,
    /// In which order the job's results came to be what they are, from 0, with gaps. Given by the history; what is written here is not looked at.
    pub ordinal: u64,
    /// The task.
    pub task: TaskId,
    /// Its index in the job's bag.
    pub index: u64,
    /// Its deal.
    pub deal: DealId,
    /// How it ended.
    pub outcome: Outcome,
    /// The agreed digest; zero if it was claimed.
    pub digest: B256,
    /// The result's package.
    pub blob: Option<Digest>,
    /// The program's last words on standard error.
    pub stderr: String,
    /// The program's last words on standard output.
    pub stdout: String,
    /// What the payer paid for it.
    pub cost: Amount,
    /// Workers whose results agreed.
    pub agreed: u64,
    /// Workers whose results differed.
    pub dissented: u64,
    /// When it ended.
    pub ended: Timestamp,
    /// How sure it is.
    pub state: ResultState,
    /// The longest that somebody who agrees says that it ran, milliseconds; none where nobody said, or a restart forgot.
    pub ran_ms: Option<u64>,
    /// Who took part.
    pub parties: Vec<Party>,
}

/// An event of a transaction as an Ethereum log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Whose it is.
    pub address: Address,
    /// What it is and its indexed fields.
    pub topics: Vec<B256>,
    /// Its other fields.
    pub data: Bytes,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRow {
    /// Its hash.
    pub hash: B256,
    /// The record that it is in, which is its block.
    pub record: u64,
    /// Which entry of the record.
    pub position: u32,
    /// When.
    pub at: Timestamp,
    /// Who sent it.
    pub sender: Address,
    /// Whom it called.
    pub target: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Its form: 0 legacy, 1 with access list, 2 with dynamic fee.
    pub kind: u8,
    /// Whether it was carried out.
    pub succeeded: bool,
    /// With what a contract would have reverted; empty if it was carried out.
    pub revert: Bytes,
    /// The asset that it created.
    pub created: Option<Address>,
    /// What happened.
    pub logs: Vec<LogRow>,
}

/// Which of the four orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderKind {
    /// Sells the use of an app.
    App,
    /// Sells the use of a dataset.
    Dataset,
    /// Sells computing.
    Workerpool,
    /// Buys computing.
    Request,
}

/// What became of a published order, as iExec's gateway has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderStatus {
    /// It rests.
    Open,
    /// All of it is taken.
    Filled,
    /// Its maker closed it for good.
    Canceled,
    /// It can no longer be matched: what it offers has another owner.
    Dead,
    /// Its maker took it off the book.
    Unpublished,
}

/// A published order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Its hash.
    pub hash: OrderHash,
    /// Which of the four.
    pub kind: OrderKind,
    /// Who signed it.
    pub signer: Address,
    /// What it offers, or who asks.
    pub subject: Address,
    /// The signed order, as JSON.
    pub body: String,
    /// Tasks left of it.
    pub remaining: U256,
    /// What became of it.
    pub status: OrderStatus,
    /// When it was published.
    pub published: Timestamp,
}

/// A deal that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DealRow {
    /// Its id.
    pub id: DealId,
    /// When it was matched.
    pub at: Timestamp,
    /// The record that it is in, which is its block.
    pub record: u64,
    /// The transaction that matched it; zero if policy did.
    pub transaction: B256,
    /// The app.
    pub app: Address,
    /// Who is paid for it.
    pub app_owner: Address,
    /// For a task.
    pub app_price: Amount,
    /// The dataset; zero for none.
    pub dataset: Address,
    /// Who is paid for it.
    pub dataset_owner: Address,
    /// For a task.
    pub dataset_price: Amount,
    /// The pool.
    pub workerpool: Address,
    /// Who is paid for it.
    pub workerpool_owner: Address,
    /// For a task.
    pub workerpool_price: Amount,
    /// The app order.
    pub app_order: OrderHash,
    /// The dataset order; zero for none.
    pub dataset_order: OrderHash,
    /// The pool's order.
    pub workerpool_order: OrderHash,
    /// The request order, which is the job.
    pub request_order: OrderHash,
    /// Who asked.
    pub requester: Address,
    /// For whom the results are.
    pub beneficiary: Address,
    /// Whom to call.
    pub callback: Address,
    /// Who pays.
    pub sponsor: Address,
    /// What the tasks do.
    pub params: String,
    /// How many tasks.
    pub volume: U256,
    /// Time class.
    pub category: u64,
    /// Capabilities demanded.
    pub tag: Tag,
    /// How sure to be.
    pub trust: U256,
    /// The first task's index.
    pub bot_first: U256,
    /// The pool's share, percent.
    pub scheduler_reward_ratio: U256,
    /// A worker's stake for a task.
    pub worker_stake: Amount,
}
