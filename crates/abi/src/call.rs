//! What a transaction asks for: every function that the exchange carries out, with its arguments as domain types.

mod arguments;
mod decode;
mod encode;

pub use arguments::{Erc20, Erc721, Managed, NewApp, NewDataset, NewWorkerpool, OrderSet};

use crate::target::{AssetKind, Target};
use orders::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
use units::{Address, Amount, B256, Bytes, DealId, TaskId, U256};

/// What a transaction asks for. Functions have PoCo's meaning; those of our extension say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Match four orders; the requester pays.
    MatchOrders(Box<OrderSet>),
    /// Match four orders; the sender pays.
    SponsorMatchOrders(Box<OrderSet>),
    /// Sign or close an app order.
    ManageAppOrder(Box<Managed<AppOrder>>),
    /// Sign or close a dataset order.
    ManageDatasetOrder(Box<Managed<DatasetOrder>>),
    /// Sign or close a workerpool order.
    ManageWorkerpoolOrder(Box<Managed<WorkerpoolOrder>>),
    /// Sign or close a request order.
    ManageRequestOrder(Box<Managed<RequestOrder>>),
    /// Announce an app order.
    BroadcastAppOrder(Box<Signed<AppOrder>>),
    /// Announce a dataset order.
    BroadcastDatasetOrder(Box<Signed<DatasetOrder>>),
    /// Announce a workerpool order.
    BroadcastWorkerpoolOrder(Box<Signed<WorkerpoolOrder>>),
    /// Announce a request order.
    BroadcastRequestOrder(Box<Signed<RequestOrder>>),

    /// Begin a task.
    Initialize {
        /// Its deal.
        deal: DealId,
        /// Its index.
        index: U256,
    },
    /// Begin tasks, all or none.
    InitializeArray(Vec<(DealId, U256)>),
    /// Contribute a sealed result.
    Contribute {
        /// The task.
        task: TaskId,
        /// `keccak256(task ‖ digest)`.
        result_hash: B256,
        /// `keccak256(worker ‖ task ‖ digest)`.
        result_seal: B256,
        /// The enclave that vouches; zero: none.
        enclave: Address,
        /// The enclave's signature.
        enclave_sign: Bytes,
        /// The pool's, or the TEE broker's.
        authorization_sign: Bytes,
    },
    /// Contribute the one result that trust 1 wants, in the clear, and finish the task.
    ContributeAndFinalize {
        /// The task.
        task: TaskId,
        /// The result's digest.
        digest: B256,
        /// Where the result is.
        results: Bytes,
        /// What the callback gets; its hash is then the digest.
        results_callback: Bytes,
        /// The enclave that vouches; zero: none.
        enclave: Address,
        /// The enclave's signature.
        enclave_sign: Bytes,
        /// The pool's, or the TEE broker's.
        authorization_sign: Bytes,
    },
    /// Open a contribution.
    Reveal {
        /// The task.
        task: TaskId,
        /// The result's digest.
        digest: B256,
    },
    /// Begin a task anew of which nobody revealed the consensus.
    Reopen {
        /// The task.
        task: TaskId,
    },
    /// Finish a task and pay.
    Finalize {
        /// The task.
        task: TaskId,
        /// Where the result is.
        results: Bytes,
        /// What the callback gets; its hash is then the digest.
        results_callback: Bytes,
    },
    /// End a task that came to nothing in time.
    Claim {
        /// The task.
        task: TaskId,
    },
    /// End tasks that came to nothing in time, all or none.
    ClaimArray(Vec<TaskId>),
    /// Begin and end tasks that came to nothing in time, all or none.
    InitializeAndClaimArray(Vec<(DealId, U256)>),

    /// Deposit of the sender's tokens.
    Deposit {
        /// How much.
        amount: Amount,
    },
    /// Deposit of the sender's tokens for somebody.
    DepositFor {
        /// How much.
        amount: Amount,
        /// For whom.
        target: Address,
    },
    /// Deposit of the sender's tokens for several.
    DepositForArray(Vec<(Amount, Address)>),
    /// Withdraw to the sender's tokens.
    Withdraw {
        /// How much.
        amount: Amount,
    },
    /// Withdraw to somebody's tokens.
    WithdrawTo {
        /// How much.
        amount: Amount,
        /// To whom.
        target: Address,
    },
    /// The hub's own balances as an ERC-20.
    HubToken(Erc20),
    /// The token.
    Token(Erc20),
    /// Credits made by the operator (our extension).
    Issue {
        /// For whom.
        account: Address,
        /// How much.
        amount: Amount,
    },
    /// Credits taken back by the operator (our extension).
    Redeem {
        /// From whom.
        account: Address,
        /// How much.
        amount: Amount,
    },

    /// Name who authorizes work in enclaves (the hub's owner).
    SetTeeBroker {
        /// Who; zero: each pool itself.
        broker: Address,
    },
    /// Set what a callback may spend (the hub's owner).
    SetCallbackGas {
        /// How much.
        gas: U256,
    },
    /// Add a time class (the hub's owner).
    CreateCategory {
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// The time unit of its deadlines, seconds.
        work_clock_seconds: U256,
    },

    /// Publish an app.
    CreateApp(Box<NewApp>),
    /// Publish a dataset.
    CreateDataset(Box<NewDataset>),
    /// Publish a workerpool.
    CreateWorkerpool(NewWorkerpool),
    /// The ownership of apps, datasets or workerpools.
    Registry(AssetKind, Erc721),
    /// Change a workerpool's policy for deals to come (its owner).
    ChangePolicy {
        /// Which.
        pool: Address,
        /// What a worker stakes, percent of the pool's price.
        worker_stake_ratio: U256,
        /// The pool's share, percent; at most 100.
        scheduler_reward_ratio: U256,
    },
    /// Make a group of addresses of the sender's (our extension).
    CreateGroup {
        /// Makes the sender's groups different.
        salt: B256,
    },
    /// Put an address into the sender's group, or take it out (our extension).
    SetGroupMember {
        /// Which group.
        group: Address,
        /// Whom.
        member: Address,
        /// In or out.
        is_member: bool,
    },

    /// Publish a workerpool of the sender's on these terms and let the exchange run it (our extension).
    OpenPool {
        /// What it is called.
        description: String,
        /// What a worker stakes, percent of the pool's price.
        worker_stake_ratio: U256,
        /// The owner's share, percent; at most 100.
        scheduler_reward_ratio: U256,
        /// Whether any worker may work there, or only whom the owner invites.
        open: bool,
    },
    /// Let the exchange run the sender's workerpool, or change whether it is open (our extension).
    HostPool {
        /// Which.
        pool: Address,
        /// Whether any worker may work there.
        open: bool,
    },
    /// Have the exchange sell no more for the sender's workerpool (our extension).
    ClosePool {
        /// Which.
        pool: Address,
    },
    /// Invite a worker into the sender's workerpool, or take the invitation back (our extension).
    Invite {
        /// Which pool.
        pool: Address,
        /// Whom.
        worker: Address,
        /// In or out.
        invited: bool,
    },
    /// Take a worker out of a pool with what was withheld of its earnings; by the worker or its owner (our extension).
    LeavePool {
        /// Which pool.
        pool: Address,
        /// Whom.
        worker: Address,
    },

    /// No function that the exchange carries out: refused, but as a call with a nonce.
    Unknown {
        /// What was called.
        target: Target,
        /// All that was sent.
        calldata: Bytes,
    },
}

impl Call {
    /// What a call of this kind is sent to.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Token(_) => Target::Token,
            Self::CreateApp(_) => Target::Registry(AssetKind::App),
            Self::CreateDataset(_) => Target::Registry(AssetKind::Dataset),
            Self::CreateWorkerpool(_) => Target::Registry(AssetKind::Workerpool),
            Self::Registry(kind, _) => Target::Registry(*kind),
            Self::ChangePolicy { pool, .. } => Target::Asset(AssetKind::Workerpool, *pool),
            Self::Unknown { target, .. } => *target,
            Self::MatchOrders(_)
            | Self::SponsorMatchOrders(_)
            | Self::ManageAppOrder(_)
            | Self::ManageDatasetOrder(_)
            | Self::ManageWorkerpoolOrder(_)
            | Self::ManageRequestOrder(_)
            | Self::BroadcastAppOrder(_)
            | Self::BroadcastDatasetOrder(_)
            | Self::BroadcastWorkerpoolOrder(_)
            | Self::BroadcastRequestOrder(_)
            | Self::Initialize { .. }
            | Self::InitializeArray(_)
            | Self::Contribute { .. }
            | Self::ContributeAndFinalize { .. }
            | Self::Reveal { .. }
            | Self::Reopen { .. }
            | Self::Finalize { .. }
            | Self::Claim { .. }
            | Self::ClaimArray(_)
            | Self::InitializeAndClaimArray(_)
            | Self::Deposit { .. }
            | Self::DepositFor { .. }
            | Self::DepositForArray(_)
            | Self::Withdraw { .. }
            | Self::WithdrawTo { .. }
            | Self::HubToken(_)
            | Self::Issue { .. }
            | Self::Redeem { .. }
            | Self::SetTeeBroker { .. }
            | Self::SetCallbackGas { .. }
            | Self::CreateCategory { .. }
            | Self::CreateGroup { .. }
            | Self::SetGroupMember { .. }
            | Self::OpenPool { .. }
            | Self::HostPool { .. }
            | Self::ClosePool { .. }
            | Self::Invite { .. }
            | Self::LeavePool { .. } => Target::Hub,
        }
    }
}
