//! Arguments that several calls share, or that are worth a name.

use orders::{AppOrder, DatasetOrder, Operation, RequestOrder, Signed, WorkerpoolOrder};
use units::{Address, Amount, B256, Bytes, U256};

/// The four orders of a match. Where the request names no dataset, the dataset order is one of zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderSet {
    /// The app order.
    pub app: Signed<AppOrder>,
    /// The dataset order.
    pub dataset: Signed<DatasetOrder>,
    /// The workerpool order.
    pub workerpool: Signed<WorkerpoolOrder>,
    /// The request order.
    pub request: Signed<RequestOrder>,
}

/// An order to be signed beforehand or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed<O> {
    /// The order; its own signature does not matter.
    pub order: Signed<O>,
    /// What to do with it.
    pub operation: Operation,
    /// Its maker's signature over the operation, when somebody else sends it.
    pub sign: Bytes,
}

/// What can be asked of a balance: the token's, or the hub's (which is an ERC-20 over what is deposited).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erc20 {
    /// Give.
    Transfer {
        /// To whom.
        to: Address,
        /// How much.
        amount: Amount,
    },
    /// Give what somebody else allowed.
    TransferFrom {
        /// Whose.
        from: Address,
        /// To whom.
        to: Address,
        /// How much.
        amount: Amount,
    },
    /// Allow somebody to take.
    Approve {
        /// Whom.
        spender: Address,
        /// How much.
        amount: Amount,
    },
    /// Allow somebody to take, and call them.
    ApproveAndCall {
        /// Whom.
        spender: Address,
        /// How much.
        amount: Amount,
        /// With which words; to the hub: nothing, or a whole `matchOrders` call.
        data: Bytes,
    },
    /// Allow more (the hub only).
    IncreaseAllowance {
        /// Whom.
        spender: Address,
        /// How much more.
        amount: Amount,
    },
    /// Allow less (the hub only).
    DecreaseAllowance {
        /// Whom.
        spender: Address,
        /// How much less.
        amount: Amount,
    },
}

/// What can be asked of an asset's ownership at its registry. `token` is the asset's address as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erc721 {
    /// Give an asset.
    Transfer {
        /// Whose.
        from: Address,
        /// To whom.
        to: Address,
        /// Which.
        token: U256,
    },
    /// Give an asset; a receiving contract must agree.
    SafeTransfer {
        /// Whose.
        from: Address,
        /// To whom.
        to: Address,
        /// Which.
        token: U256,
        /// Words for the receiver.
        data: Bytes,
    },
    /// Allow somebody to give an asset.
    Approve {
        /// Whom.
        to: Address,
        /// Which.
        token: U256,
    },
    /// Allow somebody to give all assets, or no longer.
    ApproveForAll {
        /// Whom.
        operator: Address,
        /// Whether.
        approved: bool,
    },
}

/// An app to be published; also what its address follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApp {
    /// Whose it will be.
    pub owner: Address,
    /// Its name.
    pub name: String,
    /// What runs it, such as `WASM` or `DOCKER`.
    pub kind: String,
    /// Where it is.
    pub multiaddr: Bytes,
    /// Its digest.
    pub checksum: B256,
    /// How its enclave is measured; empty for none.
    pub mrenclave: Bytes,
}

/// A dataset to be published; also what its address follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDataset {
    /// Whose it will be.
    pub owner: Address,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub multiaddr: Bytes,
    /// Its digest.
    pub checksum: B256,
}

/// A workerpool to be published; also what its address follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewWorkerpool {
    /// Whose it will be.
    pub owner: Address,
    /// What it is.
    pub description: String,
}
