//! What happened, in order.

use crate::command::PayReason;
use crate::rejection::ItemRejection;
use orders::OrderKind;
use poco::{Policy, Refusal};
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, U256};

/// Why an order left the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// All of its volume is taken.
    Filled,
    /// Its maker closed it for good.
    Closed,
    /// Its maker took it off the book.
    Withdrawn,
    /// What it offers has another owner now.
    OwnerChanged,
    /// Its program always fails.
    Halted,
}

/// What an item of a worker's batch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A sealed result.
    Commit,
    /// A result in the clear.
    Complete,
    /// A sealed result opened.
    Reveal,
}

/// A consequence of an entry. [`Event::log`](crate::Event::log) gives it the form of an Ethereum log where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something in the hub.
    Hub(poco::Event),
    /// Tokens outside the hub moved; from the zero address they were made.
    TokenTransfer {
        /// From whom.
        from: Address,
        /// To whom.
        to: Address,
        /// How much.
        value: Amount,
    },
    /// An allowance to move the owner's tokens was set.
    TokenApproval {
        /// Who allows.
        owner: Address,
        /// Who may spend.
        spender: Address,
        /// How much in all.
        value: Amount,
    },
    /// An app, dataset or workerpool was created (from the zero address), or has another owner.
    AssetTransfer {
        /// The registry that keeps it.
        registry: Address,
        /// The asset.
        asset: Address,
        /// The owner before.
        from: Address,
        /// The owner now.
        to: Address,
    },
    /// A pool has other terms.
    PolicyUpdate {
        /// The pool.
        pool: Address,
        /// The terms before.
        old: Policy,
        /// The terms now.
        new: Policy,
    },
    /// A group of accounts was made.
    GroupCreated {
        /// Its address.
        group: Address,
        /// Who may change it.
        owner: Address,
    },
    /// An account joined or left a group.
    GroupMember {
        /// The group.
        group: Address,
        /// The account.
        member: Address,
        /// Whether it is in now.
        is_member: bool,
    },
    /// The operator issued credits.
    Issued {
        /// To whom.
        to: Address,
        /// How much.
        amount: Amount,
    },
    /// The operator took credits back, having paid them out.
    Redeemed {
        /// From whom.
        from: Address,
        /// How much.
        amount: Amount,
    },
    /// A transaction was carried out; its events came before this one.
    Done {
        /// Whose.
        from: Address,
        /// Its nonce.
        nonce: u64,
        /// Its hash.
        hash: B256,
    },
    /// A transaction was refused by PoCo's rules. Its nonce is used; nothing else changed.
    Refused {
        /// Whose.
        from: Address,
        /// Its nonce.
        nonce: u64,
        /// Its hash.
        hash: B256,
        /// Why.
        refusal: Refusal,
    },
    /// An order rests on the book.
    OrderPlaced {
        /// Which of the four.
        kind: OrderKind,
        /// Its hash.
        order: OrderHash,
        /// How many tasks are left of it.
        remaining: U256,
    },
    /// Some of a resting order's volume was taken.
    OrderFilled {
        /// Which of the four.
        kind: OrderKind,
        /// Its hash.
        order: OrderHash,
        /// How many tasks were taken.
        volume: U256,
        /// How many tasks are left of it.
        remaining: U256,
    },
    /// An order left the book.
    OrderRemoved {
        /// Which of the four.
        kind: OrderKind,
        /// Its hash.
        order: OrderHash,
        /// Why.
        why: RemovalReason,
    },
    /// A worker's commitment or completion is held until the gate decides.
    Held {
        /// The deal.
        deal: DealId,
        /// The task's index in it.
        index: U256,
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
        /// What.
        item: Item,
        /// Whether it states the program's failure.
        failed: bool,
    },
    /// What was held is dropped.
    Discarded {
        /// The task.
        task: TaskId,
        /// Whose.
        worker: Address,
    },
    /// A worker that revealed said where the result is.
    Shown {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
        /// The blob of the result.
        blob: Digest,
        /// The data for the deal's callback.
        callback: Bytes,
    },
    /// An item of a worker's batch was not taken.
    ItemRefused {
        /// The task it speaks of.
        task: TaskId,
        /// The worker.
        worker: Address,
        /// What it was.
        item: Item,
        /// Why.
        why: ItemRejection,
    },
    /// A hosted pool's owner paid a worker beside PoCo.
    Paid {
        /// The pool.
        pool: Address,
        /// Who was paid.
        worker: Address,
        /// How much.
        amount: Amount,
        /// For which task.
        task: TaskId,
        /// Why.
        why: PayReason,
    },
    /// A worker is one of a pool's, and whose it is.
    Enlisted {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// Whose it is.
        owner: Address,
    },
    /// The operator committed to a secret: the tasks of deals made from now on are drawn by it.
    AuditCommitted {
        /// Keccak-256 of the secret.
        commitment: B256,
    },
    /// A secret that was committed to is shown: anyone can draw again.
    AuditOpened {
        /// Keccak-256 of the secret.
        commitment: B256,
        /// The secret.
        secret: B256,
    },
    /// A worker's result was held against others.
    Checked {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
        /// Whether they agree.
        passed: bool,
    },
    /// A worker was found to have lied: nothing of its is taken in the pool any more, and its deposit is the pool owner's.
    Barred {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// Its deposit.
        forfeited: Amount,
    },
    /// A finished task became an answer that is known.
    Known {
        /// The task.
        task: TaskId,
        /// The hash of what the task was: see [`Exchange::content`](crate::Exchange::content).
        content: B256,
    },
    /// A finished task contradicts the answer that was known: its app does not always answer alike, and none is known now.
    Contradicted {
        /// The task.
        task: TaskId,
        /// The hash of what the task was.
        content: B256,
    },
    /// A checker or prover said something about a held statement.
    Judged {
        /// What.
        judgement: crate::Judgement,
    },
    /// A worker's reward, or a part of it, is withheld as its deposit.
    Withheld {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// For which task it was paid.
        task: TaskId,
        /// How much is withheld of it.
        amount: Amount,
    },
    /// A worker left a pool: its deposit is its own again, and its standing begins anew.
    Left {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// Its deposit.
        released: Amount,
    },
    /// One side of a deal rated the other.
    Rated {
        /// The deal.
        deal: DealId,
        /// Who rates.
        rater: Address,
        /// Who is rated.
        subject: Address,
        /// 1 to 5.
        performance: u8,
        /// 1 to 5.
        safety: u8,
    },
    /// A pool's owner lets the exchange run it.
    PoolHosted {
        /// The pool.
        pool: Address,
        /// Whether any worker may work there, or only whom the owner invites.
        open: bool,
    },
    /// The exchange sells no more for a pool; what was sold is finished.
    PoolClosed {
        /// The pool.
        pool: Address,
    },
    /// A pool's owner invited a worker, or took the invitation back.
    Invited {
        /// The pool.
        pool: Address,
        /// The worker.
        worker: Address,
        /// In or out.
        invited: bool,
    },
    /// Every task of the deal is done or failed.
    DealFinished {
        /// The deal.
        deal: DealId,
    },
    /// The deal and its tasks left the live state; the history has them.
    DealForgotten {
        /// The deal.
        deal: DealId,
    },
}

impl From<poco::Event> for Event {
    fn from(event: poco::Event) -> Self {
        Self::Hub(event)
    }
}
