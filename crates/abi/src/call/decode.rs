//! Calldata to [`Call`].

use super::{Call, Erc20, Erc721, Managed, NewApp, NewDataset, NewWorkerpool, OrderSet};
use crate::contracts::{Asset, Extension, Hub, Registry, Rlc};
use crate::decode::{DecodeError, arguments};
use crate::target::{AssetKind, Target};
use alloy_sol_types::SolCall;
use orders::{Operation, Signed};
use units::{Address, Amount, B256, Bytes, DealId, TaskId, U256};

/// A call, nothing when the selector is of no function in this part, or an error when the arguments are not its own.
type Decoded = Result<Option<Call>, DecodeError>;

impl Call {
    /// Reads what is asked of `target`. What is no known function is [`Call::Unknown`].
    ///
    /// # Errors
    /// [`DecodeError`] when a known function's arguments do not decode: the contract would revert without words.
    pub fn decode(target: Target, calldata: &[u8]) -> Result<Self, DecodeError> {
        let known = match calldata.split_first_chunk() {
            None => None,
            Some((selector, data)) => match target {
                Target::Hub => hub(*selector, data)?,
                Target::Registry(kind) => registry(kind, *selector, data)?,
                Target::Token => token(*selector, data)?,
                Target::Asset(AssetKind::Workerpool, pool) => workerpool(pool, *selector, data)?,
                Target::Asset(AssetKind::App | AssetKind::Dataset, _) | Target::Group(_) => None,
            },
        };
        Ok(known.unwrap_or_else(|| Self::Unknown { target, calldata: Bytes::copy_from_slice(calldata) }))
    }
}

fn hub(selector: [u8; 4], data: &[u8]) -> Decoded {
    for part in [orders, tasks, money, hub_token, administration, extension] {
        if let Some(call) = part(selector, data)? {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

/// `OrderOperationEnum`; Solidity refuses a number out of its range.
fn operation(number: u8) -> Result<Operation, DecodeError> {
    match number {
        0 => Ok(Operation::Sign),
        1 => Ok(Operation::Close),
        _ => Err(DecodeError),
    }
}

fn managed<O>(order: impl Into<Signed<O>>, number: u8, sign: Bytes) -> Result<Box<Managed<O>>, DecodeError> {
    Ok(Box::new(Managed { order: order.into(), operation: operation(number)?, sign }))
}

fn orders(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match selector {
        Hub::matchOrdersCall::SELECTOR => {
            let call: Hub::matchOrdersCall = arguments(data)?;
            Call::MatchOrders(Box::new(OrderSet {
                app: call._apporder.into(),
                dataset: call._datasetorder.into(),
                workerpool: call._workerpoolorder.into(),
                request: call._requestorder.into(),
            }))
        }
        Hub::sponsorMatchOrdersCall::SELECTOR => {
            let call: Hub::sponsorMatchOrdersCall = arguments(data)?;
            Call::SponsorMatchOrders(Box::new(OrderSet {
                app: call._apporder.into(),
                dataset: call._datasetorder.into(),
                workerpool: call._workerpoolorder.into(),
                request: call._requestorder.into(),
            }))
        }
        Hub::manageAppOrderCall::SELECTOR => {
            let call = arguments::<Hub::manageAppOrderCall>(data)?._apporderoperation;
            Call::ManageAppOrder(managed(call.order, call.operation, call.sign)?)
        }
        Hub::manageDatasetOrderCall::SELECTOR => {
            let call = arguments::<Hub::manageDatasetOrderCall>(data)?._datasetorderoperation;
            Call::ManageDatasetOrder(managed(call.order, call.operation, call.sign)?)
        }
        Hub::manageWorkerpoolOrderCall::SELECTOR => {
            let call = arguments::<Hub::manageWorkerpoolOrderCall>(data)?._workerpoolorderoperation;
            Call::ManageWorkerpoolOrder(managed(call.order, call.operation, call.sign)?)
        }
        Hub::manageRequestOrderCall::SELECTOR => {
            let call = arguments::<Hub::manageRequestOrderCall>(data)?._requestorderoperation;
            Call::ManageRequestOrder(managed(call.order, call.operation, call.sign)?)
        }
        Hub::broadcastAppOrderCall::SELECTOR => {
            let call: Hub::broadcastAppOrderCall = arguments(data)?;
            Call::BroadcastAppOrder(Box::new(call._apporder.into()))
        }
        Hub::broadcastDatasetOrderCall::SELECTOR => {
            let call: Hub::broadcastDatasetOrderCall = arguments(data)?;
            Call::BroadcastDatasetOrder(Box::new(call._datasetorder.into()))
        }
        Hub::broadcastWorkerpoolOrderCall::SELECTOR => {
            let call: Hub::broadcastWorkerpoolOrderCall = arguments(data)?;
            Call::BroadcastWorkerpoolOrder(Box::new(call._workerpoolorder.into()))
        }
        Hub::broadcastRequestOrderCall::SELECTOR => {
            let call: Hub::broadcastRequestOrderCall = arguments(data)?;
            Call::BroadcastRequestOrder(Box::new(call._requestorder.into()))
        }
        _ => return Ok(None),
    }))
}

/// Two lists of one length; the contract requires it before anything else.
fn zip<A, B>(first: Vec<A>, second: Vec<B>) -> Result<Vec<(A, B)>, DecodeError> {
    if first.len() == second.len() { Ok(first.into_iter().zip(second).collect()) } else { Err(DecodeError) }
}

fn tasks_of_deals(deals: Vec<B256>, indices: Vec<U256>) -> Result<Vec<(DealId, U256)>, DecodeError> {
    zip(deals.into_iter().map(DealId).collect(), indices)
}

fn tasks(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match selector {
        Hub::initializeCall::SELECTOR => {
            let call: Hub::initializeCall = arguments(data)?;
            Call::Initialize { deal: DealId(call._dealid), index: call.idx }
        }
        Hub::initializeArrayCall::SELECTOR => {
            let call: Hub::initializeArrayCall = arguments(data)?;
            Call::InitializeArray(tasks_of_deals(call._dealid, call._idx)?)
        }
        Hub::contributeCall::SELECTOR => {
            let call: Hub::contributeCall = arguments(data)?;
            Call::Contribute {
                task: TaskId(call._taskid),
                result_hash: call._resultHash,
                result_seal: call._resultSeal,
                enclave: call._enclaveChallenge,
                enclave_sign: call._enclaveSign,
                authorization_sign: call._authorizationSign,
            }
        }
        Hub::contributeAndFinalizeCall::SELECTOR => {
            let call: Hub::contributeAndFinalizeCall = arguments(data)?;
            Call::ContributeAndFinalize {
                task: TaskId(call._taskid),
                digest: call._resultDigest,
                results: call._results,
                results_callback: call._resultsCallback,
                enclave: call._enclaveChallenge,
                enclave_sign: call._enclaveSign,
                authorization_sign: call._authorizationSign,
            }
        }
        Hub::revealCall::SELECTOR => {
            let call: Hub::revealCall = arguments(data)?;
            Call::Reveal { task: TaskId(call._taskid), digest: call._resultDigest }
        }
        Hub::reopenCall::SELECTOR => Call::Reopen { task: TaskId(arguments::<Hub::reopenCall>(data)?._taskid) },
        Hub::finalizeCall::SELECTOR => {
            let call: Hub::finalizeCall = arguments(data)?;
            Call::Finalize {
                task: TaskId(call._taskid),
                results: call._results,
                results_callback: call._resultsCallback,
            }
        }
        Hub::claimCall::SELECTOR => Call::Claim { task: TaskId(arguments::<Hub::claimCall>(data)?._taskid) },
        Hub::claimArrayCall::SELECTOR => {
            let call: Hub::claimArrayCall = arguments(data)?;
            Call::ClaimArray(call._taskid.into_iter().map(TaskId).collect())
        }
        Hub::initializeAndClaimArrayCall::SELECTOR => {
            let call: Hub::initializeAndClaimArrayCall = arguments(data)?;
            Call::InitializeAndClaimArray(tasks_of_deals(call._dealid, call._idx)?)
        }
        _ => return Ok(None),
    }))
}

fn money(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match selector {
        Hub::depositCall::SELECTOR => Call::Deposit { amount: Amount(arguments::<Hub::depositCall>(data)?.amount) },
        Hub::depositForCall::SELECTOR => {
            let call: Hub::depositForCall = arguments(data)?;
            Call::DepositFor { amount: Amount(call.amount), target: call.target }
        }
        Hub::depositForArrayCall::SELECTOR => {
            let call: Hub::depositForArrayCall = arguments(data)?;
            Call::DepositForArray(zip(call.amounts.into_iter().map(Amount).collect(), call.targets)?)
        }
        Hub::withdrawCall::SELECTOR => Call::Withdraw { amount: Amount(arguments::<Hub::withdrawCall>(data)?.amount) },
        Hub::withdrawToCall::SELECTOR => {
            let call: Hub::withdrawToCall = arguments(data)?;
            Call::WithdrawTo { amount: Amount(call.amount), target: call.target }
        }
        _ => return Ok(None),
    }))
}

fn hub_token(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(Call::HubToken(match selector {
        Hub::transferCall::SELECTOR => {
            let call: Hub::transferCall = arguments(data)?;
            Erc20::Transfer { to: call.recipient, amount: Amount(call.amount) }
        }
        Hub::transferFromCall::SELECTOR => {
            let call: Hub::transferFromCall = arguments(data)?;
            Erc20::TransferFrom { from: call.sender, to: call.recipient, amount: Amount(call.amount) }
        }
        Hub::approveCall::SELECTOR => {
            let call: Hub::approveCall = arguments(data)?;
            Erc20::Approve { spender: call.spender, amount: Amount(call.value) }
        }
        Hub::approveAndCallCall::SELECTOR => {
            let call: Hub::approveAndCallCall = arguments(data)?;
            Erc20::ApproveAndCall { spender: call.spender, amount: Amount(call.value), data: call.extraData }
        }
        Hub::increaseAllowanceCall::SELECTOR => {
            let call: Hub::increaseAllowanceCall = arguments(data)?;
            Erc20::IncreaseAllowance { spender: call.spender, amount: Amount(call.addedValue) }
        }
        Hub::decreaseAllowanceCall::SELECTOR => {
            let call: Hub::decreaseAllowanceCall = arguments(data)?;
            Erc20::DecreaseAllowance { spender: call.spender, amount: Amount(call.subtractedValue) }
        }
        _ => return Ok(None),
    })))
}

fn token(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(Call::Token(match selector {
        Rlc::transferCall::SELECTOR => {
            let call: Rlc::transferCall = arguments(data)?;
            Erc20::Transfer { to: call._to, amount: Amount(call._value) }
        }
        Rlc::transferFromCall::SELECTOR => {
            let call: Rlc::transferFromCall = arguments(data)?;
            Erc20::TransferFrom { from: call._from, to: call._to, amount: Amount(call._value) }
        }
        Rlc::approveCall::SELECTOR => {
            let call: Rlc::approveCall = arguments(data)?;
            Erc20::Approve { spender: call._spender, amount: Amount(call._value) }
        }
        Rlc::approveAndCallCall::SELECTOR => {
            let call: Rlc::approveAndCallCall = arguments(data)?;
            Erc20::ApproveAndCall { spender: call._spender, amount: Amount(call._value), data: call._extraData }
        }
        _ => return Ok(None),
    })))
}

fn administration(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match selector {
        Hub::setTeeBrokerCall::SELECTOR => {
            Call::SetTeeBroker { broker: arguments::<Hub::setTeeBrokerCall>(data)?._teebroker }
        }
        Hub::setCallbackGasCall::SELECTOR => {
            Call::SetCallbackGas { gas: arguments::<Hub::setCallbackGasCall>(data)?._callbackgas }
        }
        Hub::createCategoryCall::SELECTOR => {
            let call: Hub::createCategoryCall = arguments(data)?;
            Call::CreateCategory {
                name: call.name,
                description: call.description,
                work_clock_seconds: call.workClockTimeRef,
            }
        }
        _ => return Ok(None),
    }))
}

fn extension(selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match selector {
        Extension::issueCall::SELECTOR => {
            let call: Extension::issueCall = arguments(data)?;
            Call::Issue { account: call.account, amount: Amount(call.amount) }
        }
        Extension::redeemCall::SELECTOR => {
            let call: Extension::redeemCall = arguments(data)?;
            Call::Redeem { account: call.account, amount: Amount(call.amount) }
        }
        Extension::createGroupCall::SELECTOR => {
            Call::CreateGroup { salt: arguments::<Extension::createGroupCall>(data)?.salt }
        }
        Extension::setGroupMemberCall::SELECTOR => {
            let call: Extension::setGroupMemberCall = arguments(data)?;
            Call::SetGroupMember { group: call.group, member: call.member, is_member: call.isMember }
        }
        Extension::openPoolCall::SELECTOR => {
            let call: Extension::openPoolCall = arguments(data)?;
            Call::OpenPool {
                description: call.description,
                worker_stake_ratio: call.workerStakeRatio,
                scheduler_reward_ratio: call.schedulerRewardRatio,
                open: call.open,
            }
        }
        Extension::hostPoolCall::SELECTOR => {
            let call: Extension::hostPoolCall = arguments(data)?;
            Call::HostPool { pool: call.pool, open: call.open }
        }
        Extension::closePoolCall::SELECTOR => {
            Call::ClosePool { pool: arguments::<Extension::closePoolCall>(data)?.pool }
        }
        Extension::inviteCall::SELECTOR => {
            let call: Extension::inviteCall = arguments(data)?;
            Call::Invite { pool: call.pool, worker: call.worker, invited: call.invited }
        }
        Extension::leavePoolCall::SELECTOR => {
            let call: Extension::leavePoolCall = arguments(data)?;
            Call::LeavePool { pool: call.pool, worker: call.worker }
        }
        _ => return Ok(None),
    }))
}

fn registry(kind: AssetKind, selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(Some(match (kind, selector) {
        (AssetKind::App, Registry::createAppCall::SELECTOR) => {
            let call: Registry::createAppCall = arguments(data)?;
            Call::CreateApp(Box::new(NewApp {
                owner: call._appOwner,
                name: call._appName,
                kind: call._appType,
                multiaddr: call._appMultiaddr,
                checksum: call._appChecksum,
                mrenclave: call._appMREnclave,
            }))
        }
        (AssetKind::Dataset, Registry::createDatasetCall::SELECTOR) => {
            let call: Registry::createDatasetCall = arguments(data)?;
            Call::CreateDataset(Box::new(NewDataset {
                owner: call._datasetOwner,
                name: call._datasetName,
                multiaddr: call._datasetMultiaddr,
                checksum: call._datasetChecksum,
            }))
        }
        (AssetKind::Workerpool, Registry::createWorkerpoolCall::SELECTOR) => {
            let call: Registry::createWorkerpoolCall = arguments(data)?;
            Call::CreateWorkerpool(NewWorkerpool {
                owner: call._workerpoolOwner,
                description: call._workerpoolDescription,
            })
        }
        (AssetKind::App | AssetKind::Dataset | AssetKind::Workerpool, _) => {
            return Ok(ownership(selector, data)?.map(|call| Call::Registry(kind, call)));
        }
    }))
}

fn ownership(selector: [u8; 4], data: &[u8]) -> Result<Option<Erc721>, DecodeError> {
    Ok(Some(match selector {
        Registry::transferFromCall::SELECTOR => {
            let call: Registry::transferFromCall = arguments(data)?;
            Erc721::Transfer { from: call.from, to: call.to, token: call.tokenId }
        }
        Registry::safeTransferFrom_0Call::SELECTOR => {
            let call: Registry::safeTransferFrom_0Call = arguments(data)?;
            Erc721::SafeTransfer { from: call.from, to: call.to, token: call.tokenId, data: Bytes::new() }
        }
        Registry::safeTransferFrom_1Call::SELECTOR => {
            let call: Registry::safeTransferFrom_1Call = arguments(data)?;
            Erc721::SafeTransfer { from: call.from, to: call.to, token: call.tokenId, data: call._data }
        }
        Registry::approveCall::SELECTOR => {
            let call: Registry::approveCall = arguments(data)?;
            Erc721::Approve { to: call.to, token: call.tokenId }
        }
        Registry::setApprovalForAllCall::SELECTOR => {
            let call: Registry::setApprovalForAllCall = arguments(data)?;
            Erc721::ApproveForAll { operator: call.operator, approved: call.approved }
        }
        _ => return Ok(None),
    }))
}

fn workerpool(pool: Address, selector: [u8; 4], data: &[u8]) -> Decoded {
    Ok(match selector {
        Asset::changePolicyCall::SELECTOR => {
            let call: Asset::changePolicyCall = arguments(data)?;
            Some(Call::ChangePolicy {
                pool,
                worker_stake_ratio: call._newWorkerStakeRatioPolicy,
                scheduler_reward_ratio: call._newSchedulerRewardRatioPolicy,
            })
        }
        _ => None,
    })
}
