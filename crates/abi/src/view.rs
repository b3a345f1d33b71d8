//! What `eth_call` may ask. The answers are encoded by [`returns`](crate::returns).

mod decode;

use crate::call::{NewApp, NewDataset, NewWorkerpool, OrderSet};
use crate::target::AssetKind;
use orders::{DatasetOrder, Signed};
use units::{Address, B256, Bytes, DealId, OrderHash, TaskId, U256};

/// A question, by whom it is put to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// To the hub.
    Hub(HubView),
    /// To a registry.
    Registry(AssetKind, RegistryView),
    /// To an app, dataset or workerpool at this address.
    Asset(AssetKind, Address, AssetView),
    /// To the token.
    Token(TokenView),
    /// To a group: whether this account has ERC-734's `keyHasPurpose(account, purpose)`.
    GroupMember {
        /// The group.
        group: Address,
        /// The key: an address in the lowest 20 bytes.
        key: B256,
        /// ERC-734's purpose; PoCo asks for 4.
        purpose: U256,
    },
}

/// A question about one of the two ERC-20 balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenView {
    /// `balanceOf`: `uint256`.
    Balance(Address),
    /// `allowance`: `uint256`.
    Allowance {
        /// Whose.
        owner: Address,
        /// To whom.
        spender: Address,
    },
    /// `totalSupply`: `uint256`.
    TotalSupply,
    /// `name`: `string`.
    Name,
    /// `symbol`: `string`.
    Symbol,
    /// `decimals`: `uint8`.
    Decimals,
}

/// A question to the hub; each says its function and what it returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubView {
    /// About the hub's own balances as an ERC-20.
    Token(TokenView),
    /// `domain`: the EIP-712 domain.
    Domain,
    /// `eip712domain_separator`: `bytes32`.
    DomainSeparator,
    /// `token`: `address`.
    TokenAddress,
    /// `appregistry`, `datasetregistry`, `workerpoolregistry`: `address`.
    Registry(AssetKind),
    /// `teebroker`: `address`.
    TeeBroker,
    /// `callbackgas`: `uint256`.
    CallbackGas,
    /// A number that never changes: `uint256`.
    Constant(Constant),
    /// `owner`: `address`; who may make categories.
    Owner,
    /// `kitty_address`: `address`.
    KittyAddress,
    /// `countCategory`: `uint256`.
    CountCategory,
    /// `viewCategory`: a category; reverts for none.
    Category(U256),
    /// `viewAccount`: what is free and what is locked.
    Account(Address),
    /// `frozenOf`: `uint256`.
    Frozen(Address),
    /// `viewScore`: `uint256`.
    Score(Address),
    /// `viewConsumed`: `uint256`.
    Consumed(OrderHash),
    /// `viewPresigned`: `address`.
    Presigned(OrderHash),
    /// `viewDeal`: a deal; of zeros for none.
    Deal(DealId),
    /// `viewTask`: a task; of zeros for none.
    Task(TaskId),
    /// `viewContribution`: a contribution; of zeros for none.
    Contribution {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: Address,
    },
    /// `resultFor`: `bytes`; reverts unless completed.
    Result(TaskId),
    /// `viewApp`, `viewDataset`, `viewWorkerpool`: details of an asset.
    Asset(AssetKind, Address),
    /// `verifySignature`: `bool`.
    VerifySignature {
        /// By whom it should be.
        identity: Address,
        /// Over what.
        hash: B256,
        /// The signature.
        signature: Bytes,
    },
    /// `verifyPresignature`: `bool`.
    VerifyPresignature {
        /// By whom it should be.
        identity: Address,
        /// Over what.
        hash: B256,
    },
    /// `verifyPresignatureOrSignature`: `bool`.
    VerifyPresignatureOrSignature {
        /// By whom it should be.
        identity: Address,
        /// Over what.
        hash: B256,
        /// The signature.
        signature: Bytes,
    },
    /// `computeDealVolume`: `uint256`.
    DealVolume(Box<OrderSet>),
    /// `assertDatasetDealCompatibility`: nothing, or reverts.
    DatasetDealCompatibility {
        /// The dataset order.
        order: Box<Signed<DatasetOrder>>,
        /// The deal.
        deal: DealId,
    },
}

/// The hub's numbers that never change; their values are PoCo's rules'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// `contribution_deadline_ratio`.
    ContributionDeadlineRatio,
    /// `reveal_deadline_ratio`.
    RevealDeadlineRatio,
    /// `final_deadline_ratio`.
    FinalDeadlineRatio,
    /// `workerpool_stake_ratio`, percent.
    WorkerpoolStakeRatio,
    /// `kitty_ratio`, percent.
    KittyRatio,
    /// `kitty_min`, nano-credits.
    KittyMin,
    /// `groupmember_purpose`.
    GroupMemberPurpose,
}

/// A question to a registry. `token` is an asset's address as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryView {
    /// `isRegistered`: `bool`.
    IsRegistered(Address),
    /// `predictApp`: `address`.
    PredictApp(Box<NewApp>),
    /// `predictDataset`: `address`.
    PredictDataset(Box<NewDataset>),
    /// `predictWorkerpool`: `address`.
    PredictWorkerpool(NewWorkerpool),
    /// `balanceOf`: `uint256`, how many assets somebody has.
    Balance(Address),
    /// `ownerOf`: `address`; reverts for none.
    OwnerOf(U256),
    /// `getApproved`: `address`.
    Approved(U256),
    /// `isApprovedForAll`: `bool`.
    IsApprovedForAll {
        /// Whose.
        owner: Address,
        /// To whom.
        operator: Address,
    },
    /// `totalSupply`: `uint256`.
    TotalSupply,
    /// `tokenByIndex`: `uint256`.
    TokenByIndex(U256),
    /// `tokenOfOwnerByIndex`: `uint256`.
    TokenOfOwnerByIndex {
        /// Whose.
        owner: Address,
        /// Which of them.
        index: U256,
    },
    /// `owner`: `address`.
    Owner,
    /// `name`: `string`.
    Name,
    /// `symbol`: `string`.
    Symbol,
}

/// A question to an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetView {
    /// `owner`: `address`.
    Owner,
    /// `registry`: `address`.
    Registry,
    /// `m_appName`, `m_datasetName` or `m_workerpoolDescription`: `string`.
    Name,
    /// `m_appType`: `string`.
    Type,
    /// `m_appMultiaddr` or `m_datasetMultiaddr`: `bytes`.
    Multiaddr,
    /// `m_appChecksum` or `m_datasetChecksum`: `bytes32`.
    Checksum,
    /// `m_appMREnclave`: `bytes`.
    MrEnclave,
    /// `m_workerStakeRatioPolicy`: `uint256`.
    WorkerStakeRatio,
    /// `m_schedulerRewardRatioPolicy`: `uint256`.
    SchedulerRewardRatio,
}
