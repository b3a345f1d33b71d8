//! [`Call`] to calldata.

use super::{Call, Erc20, Erc721, Managed, OrderSet};
use crate::contracts::{self, Asset, Extension, Hub, Registry, Rlc};
use alloy_sol_types::SolCall;
use orders::Signed;
use units::{Amount, Bytes, DealId, U256};

fn encode(call: &impl SolCall) -> Bytes {
    call.abi_encode().into()
}

impl Call {
    /// The calldata for [`Call::target`]. One exhaustive match, so that no call can be left without its encoding.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::MatchOrders(orders) => match_orders(orders),
            Self::SponsorMatchOrders(orders) => sponsor_match_orders(orders),
            Self::ManageAppOrder(managed) => manage_app_order(managed),
            Self::ManageDatasetOrder(managed) => manage_dataset_order(managed),
            Self::ManageWorkerpoolOrder(managed) => manage_workerpool_order(managed),
            Self::ManageRequestOrder(managed) => manage_request_order(managed),
            Self::BroadcastAppOrder(order) => encode(&Hub::broadcastAppOrderCall { _apporder: sol(order) }),
            Self::BroadcastDatasetOrder(order) => encode(&Hub::broadcastDatasetOrderCall { _datasetorder: sol(order) }),
            Self::BroadcastWorkerpoolOrder(order) => {
                encode(&Hub::broadcastWorkerpoolOrderCall { _workerpoolorder: sol(order) })
            }
            Self::BroadcastRequestOrder(order) => encode(&Hub::broadcastRequestOrderCall { _requestorder: sol(order) }),
            Self::Initialize { deal, index } => encode(&Hub::initializeCall { _dealid: deal.0, idx: *index }),
            Self::InitializeArray(tasks) => initialize_array(tasks),
            Self::Contribute { task, result_hash, result_seal, enclave, enclave_sign, authorization_sign } => {
                encode(&Hub::contributeCall {
                    _taskid: task.0,
                    _resultHash: *result_hash,
                    _resultSeal: *result_seal,
                    _enclaveChallenge: *enclave,
                    _enclaveSign: enclave_sign.clone(),
                    _authorizationSign: authorization_sign.clone(),
                })
            }
            Self::ContributeAndFinalize {
                task,
                digest,
                results,
                results_callback,
                enclave,
                enclave_sign,
                authorization_sign,
            } => encode(&Hub::contributeAndFinalizeCall {
                _taskid: task.0,
                _resultDigest: *digest,
                _results: results.clone(),
                _resultsCallback: results_callback.clone(),
                _enclaveChallenge: *enclave,
                _enclaveSign: enclave_sign.clone(),
                _authorizationSign: authorization_sign.clone(),
            }),
            Self::Reveal { task, digest } => encode(&Hub::revealCall { _taskid: task.0, _resultDigest: *digest }),
            Self::Reopen { task } => encode(&Hub::reopenCall { _taskid: task.0 }),
            Self::Finalize { task, results, results_callback } => encode(&Hub::finalizeCall {
                _taskid: task.0,
                _results: results.clone(),
                _resultsCallback: results_callback.clone(),
            }),
            Self::Claim { task } => encode(&Hub::claimCall { _taskid: task.0 }),
            Self::ClaimArray(tasks) => {
                encode(&Hub::claimArrayCall { _taskid: tasks.iter().map(|task| task.0).collect() })
            }
            Self::InitializeAndClaimArray(tasks) => initialize_and_claim_array(tasks),
            Self::Deposit { amount } => encode(&Hub::depositCall { amount: amount.0 }),
            Self::DepositFor { amount, target } => encode(&Hub::depositForCall { amount: amount.0, target: *target }),
            Self::DepositForArray(deposits) => encode(&Hub::depositForArrayCall {
                amounts: deposits.iter().map(|(amount, _)| amount.0).collect(),
                targets: deposits.iter().map(|(_, target)| *target).collect(),
            }),
            Self::Withdraw { amount } => encode(&Hub::withdrawCall { amount: amount.0 }),
            Self::WithdrawTo { amount, target } => encode(&Hub::withdrawToCall { amount: amount.0, target: *target }),
            Self::HubToken(call) | Self::Token(call) => erc20(call),
            Self::Issue { account, amount } => encode(&Extension::issueCall { account: *account, amount: amount.0 }),
            Self::Redeem { account, amount } => encode(&Extension::redeemCall { account: *account, amount: amount.0 }),
            Self::SetTeeBroker { broker } => encode(&Hub::setTeeBrokerCall { _teebroker: *broker }),
            Self::SetCallbackGas { gas } => encode(&Hub::setCallbackGasCall { _callbackgas: *gas }),
            Self::CreateCategory { name, description, work_clock_seconds } => encode(&Hub::createCategoryCall {
                name: name.clone(),
                description: description.clone(),
                workClockTimeRef: *work_clock_seconds,
            }),
            Self::CreateApp(app) => encode(&Registry::createAppCall {
                _appOwner: app.owner,
                _appName: app.name.clone(),
                _appType: app.kind.clone(),
                _appMultiaddr: app.multiaddr.clone(),
                _appChecksum: app.checksum,
                _appMREnclave: app.mrenclave.clone(),
            }),
            Self::CreateDataset(dataset) => encode(&Registry::createDatasetCall {
                _datasetOwner: dataset.owner,
                _datasetName: dataset.name.clone(),
                _datasetMultiaddr: dataset.multiaddr.clone(),
                _datasetChecksum: dataset.checksum,
            }),
            Self::CreateWorkerpool(pool) => encode(&Registry::createWorkerpoolCall {
                _workerpoolOwner: pool.owner,
                _workerpoolDescription: pool.description.clone(),
            }),
            Self::Registry(_, call) => erc721(call),
            Self::ChangePolicy { pool: _, worker_stake_ratio, scheduler_reward_ratio } => {
                encode(&Asset::changePolicyCall {
                    _newWorkerStakeRatioPolicy: *worker_stake_ratio,
                    _newSchedulerRewardRatioPolicy: *scheduler_reward_ratio,
                })
            }
            Self::CreateGroup { salt } => encode(&Extension::createGroupCall { salt: *salt }),
            Self::SetGroupMember { group, member, is_member } => {
                encode(&Extension::setGroupMemberCall { group: *group, member: *member, isMember: *is_member })
            }
            Self::OpenPool { description, worker_stake_ratio, scheduler_reward_ratio, open } => {
                encode(&Extension::openPoolCall {
                    description: description.clone(),
                    workerStakeRatio: *worker_stake_ratio,
                    schedulerRewardRatio: *scheduler_reward_ratio,
                    open: *open,
                })
            }
            Self::HostPool { pool, open } => encode(&Extension::hostPoolCall { pool: *pool, open: *open }),
            Self::ClosePool { pool } => encode(&Extension::closePoolCall { pool: *pool }),
            Self::Invite { pool, worker, invited } => {
                encode(&Extension::inviteCall { pool: *pool, worker: *worker, invited: *invited })
            }
            Self::LeavePool { pool, worker } => encode(&Extension::leavePoolCall { pool: *pool, worker: *worker }),
            Self::Unknown { target: _, calldata } => calldata.clone(),
        }
    }
}

/// The contract's struct of a signed order.
fn sol<O: Clone, S: From<Signed<O>>>(order: &Signed<O>) -> S {
    order.clone().into()
}

fn match_orders(orders: &OrderSet) -> Bytes {
    encode(&Hub::matchOrdersCall {
        _apporder: sol(&orders.app),
        _datasetorder: sol(&orders.dataset),
        _workerpoolorder: sol(&orders.workerpool),
        _requestorder: sol(&orders.request),
    })
}

fn sponsor_match_orders(orders: &OrderSet) -> Bytes {
    encode(&Hub::sponsorMatchOrdersCall {
        _apporder: sol(&orders.app),
        _datasetorder: sol(&orders.dataset),
        _workerpoolorder: sol(&orders.workerpool),
        _requestorder: sol(&orders.request),
    })
}

fn manage_app_order(Managed { order, operation, sign }: &Managed<orders::AppOrder>) -> Bytes {
    let operation =
        contracts::AppOrderOperation { order: sol(order), operation: operation.number(), sign: sign.clone() };
    encode(&Hub::manageAppOrderCall { _apporderoperation: operation })
}

fn manage_dataset_order(Managed { order, operation, sign }: &Managed<orders::DatasetOrder>) -> Bytes {
    let operation =
        contracts::DatasetOrderOperation { order: sol(order), operation: operation.number(), sign: sign.clone() };
    encode(&Hub::manageDatasetOrderCall { _datasetorderoperation: operation })
}

fn manage_workerpool_order(Managed { order, operation, sign }: &Managed<orders::WorkerpoolOrder>) -> Bytes {
    let operation =
        contracts::WorkerpoolOrderOperation { order: sol(order), operation: operation.number(), sign: sign.clone() };
    encode(&Hub::manageWorkerpoolOrderCall { _workerpoolorderoperation: operation })
}

fn manage_request_order(Managed { order, operation, sign }: &Managed<orders::RequestOrder>) -> Bytes {
    let operation =
        contracts::RequestOrderOperation { order: sol(order), operation: operation.number(), sign: sign.clone() };
    encode(&Hub::manageRequestOrderCall { _requestorderoperation: operation })
}

fn initialize_array(tasks: &[(DealId, U256)]) -> Bytes {
    encode(&Hub::initializeArrayCall {
        _dealid: tasks.iter().map(|(deal, _)| deal.0).collect(),
        _idx: tasks.iter().map(|(_, index)| *index).collect(),
    })
}

fn initialize_and_claim_array(tasks: &[(DealId, U256)]) -> Bytes {
    encode(&Hub::initializeAndClaimArrayCall {
        _dealid: tasks.iter().map(|(deal, _)| deal.0).collect(),
        _idx: tasks.iter().map(|(_, index)| *index).collect(),
    })
}

/// The token's and the hub's functions are the same, as far as both have them.
fn erc20(call: &Erc20) -> Bytes {
    match call {
        Erc20::Transfer { to, amount: Amount(amount) } => encode(&Rlc::transferCall { _to: *to, _value: *amount }),
        Erc20::TransferFrom { from, to, amount: Amount(amount) } => {
            encode(&Rlc::transferFromCall { _from: *from, _to: *to, _value: *amount })
        }
        Erc20::Approve { spender, amount: Amount(amount) } => {
            encode(&Rlc::approveCall { _spender: *spender, _value: *amount })
        }
        Erc20::ApproveAndCall { spender, amount: Amount(amount), data } => {
            encode(&Rlc::approveAndCallCall { _spender: *spender, _value: *amount, _extraData: data.clone() })
        }
        Erc20::IncreaseAllowance { spender, amount: Amount(amount) } => {
            encode(&Hub::increaseAllowanceCall { spender: *spender, addedValue: *amount })
        }
        Erc20::DecreaseAllowance { spender, amount: Amount(amount) } => {
            encode(&Hub::decreaseAllowanceCall { spender: *spender, subtractedValue: *amount })
        }
    }
}

fn erc721(call: &Erc721) -> Bytes {
    match call {
        Erc721::Transfer { from, to, token } => {
            encode(&Registry::transferFromCall { from: *from, to: *to, tokenId: *token })
        }
        Erc721::SafeTransfer { from, to, token, data } => {
            encode(&Registry::safeTransferFrom_1Call { from: *from, to: *to, tokenId: *token, _data: data.clone() })
        }
        Erc721::Approve { to, token } => encode(&Registry::approveCall { to: *to, tokenId: *token }),
        Erc721::ApproveForAll { operator, approved } => {
            encode(&Registry::setApprovalForAllCall { operator: *operator, approved: *approved })
        }
    }
}
