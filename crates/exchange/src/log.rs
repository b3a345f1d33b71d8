//! Events as Ethereum logs, for receipts.

use crate::{Event, Genesis};
use abi::Log;
use abi::contracts::{Asset, Extension, Hub, Registry, Rlc};
use orders::OrderKind;
use units::U256;

impl Event {
    /// The log of the event, where PoCo's contracts (or our extension of them) have one.
    #[must_use]
    pub fn log(&self, genesis: &Genesis) -> Option<Log> {
        Some(match self {
            Self::Hub(event) => hub(genesis, event),
            Self::TokenTransfer { from, to, value } => {
                Log::new(genesis.token, &Rlc::Transfer { from: *from, to: *to, value: value.0 })
            }
            Self::TokenApproval { owner, spender, value } => {
                Log::new(genesis.token, &Rlc::Approval { owner: *owner, spender: *spender, value: value.0 })
            }
            Self::AssetTransfer { registry, asset, from, to } => {
                let token = U256::from_be_bytes(asset.into_word().0);
                Log::new(*registry, &Registry::Transfer { from: *from, to: *to, tokenId: token })
            }
            Self::PolicyUpdate { pool, old, new } => Log::new(
                *pool,
                &Asset::PolicyUpdate {
                    oldWorkerStakeRatioPolicy: old.worker_stake_ratio,
                    newWorkerStakeRatioPolicy: new.worker_stake_ratio,
                    oldSchedulerRewardRatioPolicy: old.scheduler_reward_ratio,
                    newSchedulerRewardRatioPolicy: new.scheduler_reward_ratio,
                },
            ),
            Self::GroupCreated { group, owner } => {
                Log::new(genesis.hub, &Extension::GroupCreated { group: *group, owner: *owner })
            }
            Self::GroupMember { group, member, is_member } => Log::new(
                genesis.hub,
                &Extension::GroupMemberSet { group: *group, member: *member, isMember: *is_member },
            ),
            Self::PoolHosted { pool, open } => {
                Log::new(genesis.hub, &Extension::PoolHosted { pool: *pool, open: *open })
            }
            Self::PoolClosed { pool } => Log::new(genesis.hub, &Extension::PoolClosed { pool: *pool }),
            Self::Invited { pool, worker, invited } => {
                Log::new(genesis.hub, &Extension::Invited { pool: *pool, worker: *worker, invited: *invited })
            }
            Self::Left { pool, worker, released } => {
                Log::new(genesis.hub, &Extension::Left { pool: *pool, worker: *worker, released: released.0 })
            }
            Self::Issued { .. }
            | Self::Redeemed { .. }
            | Self::Done { .. }
            | Self::Refused { .. }
            | Self::OrderPlaced { .. }
            | Self::OrderFilled { .. }
            | Self::OrderRemoved { .. }
            | Self::Held { .. }
            | Self::Discarded { .. }
            | Self::Shown { .. }
            | Self::ItemRefused { .. }
            | Self::Paid { .. }
            | Self::Enlisted { .. }
            | Self::AuditCommitted { .. }
            | Self::AuditOpened { .. }
            | Self::Checked { .. }
            | Self::Barred { .. }
            | Self::Known { .. }
            | Self::Contradicted { .. }
            | Self::Withheld { .. }
            | Self::Rated { .. }
            | Self::DealFinished { .. }
            | Self::Judged { .. }
            | Self::DealForgotten { .. } => return None,
        })
    }
}

/// The log of something that happened in the hub.
fn hub(genesis: &Genesis, event: &poco::Event) -> Log {
    use poco::Event as E;
    let at = genesis.hub;
    match event {
        E::Transfer { from, to, value } => Log::new(at, &Hub::Transfer { from: *from, to: *to, value: value.0 }),
        E::Approval { owner, spender, value } => {
            Log::new(at, &Hub::Approval { owner: *owner, spender: *spender, value: value.0 })
        }
        E::Lock { owner, amount } => Log::new(at, &Hub::Lock { owner: *owner, amount: amount.0 }),
        E::Unlock { owner, amount } => Log::new(at, &Hub::Unlock { owner: *owner, amount: amount.0 }),
        E::Reward { owner, amount, reference } => {
            Log::new(at, &Hub::Reward { owner: *owner, amount: amount.0, r#ref: *reference })
        }
        E::Seize { owner, amount, reference } => {
            Log::new(at, &Hub::Seize { owner: *owner, amount: amount.0, r#ref: *reference })
        }
        E::SchedulerNotice { workerpool, deal } => {
            Log::new(at, &Hub::SchedulerNotice { workerpool: *workerpool, dealid: deal.0 })
        }
        E::OrdersMatched { deal, app, dataset, workerpool, request, volume } => Log::new(
            at,
            &Hub::OrdersMatched {
                dealid: deal.0,
                appHash: app.0,
                datasetHash: dataset.0,
                workerpoolHash: workerpool.0,
                requestHash: request.0,
                volume: *volume,
            },
        ),
        E::DealSponsored { deal, sponsor } => Log::new(at, &Hub::DealSponsored { dealId: deal.0, sponsor: *sponsor }),
        E::SignedOrder { kind, order } => match kind {
            OrderKind::App => Log::new(at, &Hub::SignedAppOrder { appHash: order.0 }),
            OrderKind::Dataset => Log::new(at, &Hub::SignedDatasetOrder { datasetHash: order.0 }),
            OrderKind::Workerpool => Log::new(at, &Hub::SignedWorkerpoolOrder { workerpoolHash: order.0 }),
            OrderKind::Request => Log::new(at, &Hub::SignedRequestOrder { requestHash: order.0 }),
        },
        E::ClosedOrder { kind, order } => match kind {
            OrderKind::App => Log::new(at, &Hub::ClosedAppOrder { appHash: order.0 }),
            OrderKind::Dataset => Log::new(at, &Hub::ClosedDatasetOrder { datasetHash: order.0 }),
            OrderKind::Workerpool => Log::new(at, &Hub::ClosedWorkerpoolOrder { workerpoolHash: order.0 }),
            OrderKind::Request => Log::new(at, &Hub::ClosedRequestOrder { requestHash: order.0 }),
        },
        E::TaskInitialize { task, workerpool } => {
            Log::new(at, &Hub::TaskInitialize { taskid: task.0, workerpool: *workerpool })
        }
        E::TaskContribute { task, worker, hash } => {
            Log::new(at, &Hub::TaskContribute { taskid: task.0, worker: *worker, hash: *hash })
        }
        E::TaskConsensus { task, consensus } => {
            Log::new(at, &Hub::TaskConsensus { taskid: task.0, consensus: *consensus })
        }
        E::TaskReveal { task, worker, digest } => {
            Log::new(at, &Hub::TaskReveal { taskid: task.0, worker: *worker, digest: *digest })
        }
        E::TaskReopen { task } => Log::new(at, &Hub::TaskReopen { taskid: task.0 }),
        E::TaskFinalize { task, results } => {
            Log::new(at, &Hub::TaskFinalize { taskid: task.0, results: results.clone() })
        }
        E::TaskClaimed { task } => Log::new(at, &Hub::TaskClaimed { taskid: task.0 }),
        E::AccurateContribution { worker, task } => {
            Log::new(at, &Hub::AccurateContribution { worker: *worker, taskid: task.0 })
        }
        E::FaultyContribution { worker, task } => {
            Log::new(at, &Hub::FaultyContribution { worker: *worker, taskid: task.0 })
        }
        E::CreateCategory { category, name, description, seconds } => Log::new(
            at,
            &Hub::CreateCategory {
                catid: *category,
                name: name.clone(),
                description: description.clone(),
                workClockTimeRef: *seconds,
            },
        ),
    }
}
