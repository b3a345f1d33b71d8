//! `eth_call`: views of the contracts, answered from the exchange's state.

use super::{RpcError, param, past};
use crate::shared::Shared;
use abi::contracts;
use abi::view::{AssetView, Constant, HubView, RegistryView, TokenView};
use abi::{AssetKind, Revert, Target, View, returns};
use exchange::{Exchange, Genesis};
use orders::Recovered;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use units::{Address, Amount, B256, Bytes, TaskId, U256};

/// What a call names.
#[derive(Deserialize)]
struct CallObject {
    to: Option<Address>,
    #[serde(default)]
    data: Option<Bytes>,
    #[serde(default)]
    input: Option<Bytes>,
}

/// `eth_call`.
pub(super) async fn call(shared: &Arc<Shared>, params: &[Value]) -> Result<Bytes, RpcError> {
    let call: CallObject = param(params, 0)?;
    let data = call.input.or(call.data).unwrap_or_default();
    let Some(to) = call.to else { return Ok(Bytes::new()) };
    if to == shared.genesis.hub
        && let Ok(Some(View::Hub(view))) = View::decode(Target::Hub, &data)
        && let Some(past) = past::answer(shared, &view).await?
    {
        return Ok(past);
    }
    let answered = shared.core.read(move |state| view(state.market.exchange(), to, &data)).await?;
    answered.map_err(reverted)
}

/// `eth_estimateGas`: nothing costs gas, but what is called must be here.
pub(super) async fn estimate(shared: &Arc<Shared>, params: &[Value]) -> Result<(), RpcError> {
    let call: CallObject = param(params, 0)?;
    let Some(to) = call.to else { return Err(RpcError::new(-32000, "no contracts are created here")) };
    let known = shared.core.read(move |state| target(state.market.exchange(), to).is_some()).await?;
    if known { Ok(()) } else { Err(RpcError::new(-32000, format!("{to} takes no transactions here"))) }
}

fn reverted(revert: Revert) -> RpcError {
    let data = revert.encode();
    let words = super::reason(&data);
    let message =
        if words.is_empty() { "execution reverted".to_owned() } else { format!("execution reverted: {words}") };
    RpcError { code: 3, message, data: Some(data) }
}

/// What an address is.
fn target(exchange: &Exchange, address: Address) -> Option<Target> {
    let genesis = exchange.genesis();
    if address == genesis.hub {
        return Some(Target::Hub);
    }
    if address == genesis.token {
        return Some(Target::Token);
    }
    for kind in [AssetKind::App, AssetKind::Dataset, AssetKind::Workerpool] {
        if address == registry(genesis, kind) {
            return Some(Target::Registry(kind));
        }
    }
    if let Some(asset) = exchange.asset(address) {
        return Some(Target::Asset(kind_of(asset), address));
    }
    matches!(exchange.hub().contract(address), Some(poco::Contract::Group { .. })).then_some(Target::Group(address))
}

fn registry(genesis: &Genesis, kind: AssetKind) -> Address {
    match kind {
        AssetKind::App => genesis.app_registry,
        AssetKind::Dataset => genesis.dataset_registry,
        AssetKind::Workerpool => genesis.workerpool_registry,
    }
}

fn kind_of(asset: &poco::Asset) -> AssetKind {
    match asset.kind {
        poco::AssetKind::App { .. } => AssetKind::App,
        poco::AssetKind::Dataset { .. } => AssetKind::Dataset,
        poco::AssetKind::Workerpool { .. } => AssetKind::Workerpool,
    }
}

/// Answers a view; an address where nothing is answers nothing, as on a chain.
fn view(exchange: &Exchange, to: Address, data: &[u8]) -> Result<Bytes, Revert> {
    let Some(target) = target(exchange, to) else { return Ok(Bytes::new()) };
    match View::decode(target, data) {
        Ok(Some(View::Hub(view))) => hub(exchange, &view),
        Ok(Some(View::Registry(kind, view))) => registered(exchange, kind, &view),
        Ok(Some(View::Asset(_, address, view))) => asset(exchange, address, view),
        Ok(Some(View::Token(view))) => Ok(token(exchange, view)),
        Ok(Some(View::GroupMember { group, key, purpose })) => {
            let who = Address::from_word(key);
            let is_key = key == who.into_word() && purpose == U256::from(GROUP_MEMBER);
            Ok(returns::boolean(is_key && group != who && exchange.hub().satisfies(group, who)))
        }
        Ok(None) | Err(_) => Err(Revert::Silent),
    }
}

/// ERC-734's purpose of a group's members.
const GROUP_MEMBER: u64 = 4;

fn number(value: u64) -> Bytes {
    returns::uint(U256::from(value))
}

fn amount(value: Amount) -> Bytes {
    returns::uint(value.0)
}

fn hub(exchange: &Exchange, view: &HubView) -> Result<Bytes, Revert> {
    let (hub, genesis) = (exchange.hub(), exchange.genesis());
    Ok(match view {
        HubView::Token(view) => hub_token(exchange, *view),
        HubView::Domain => returns::domain(&genesis.domain()),
        HubView::DomainSeparator => returns::word(genesis.domain().separator()),
        HubView::TokenAddress => returns::address(genesis.token),
        HubView::Registry(kind) => returns::address(registry(genesis, *kind)),
        HubView::TeeBroker => returns::address(hub.teebroker()),
        HubView::CallbackGas => number(0),
        HubView::Constant(constant) => number(match constant {
            Constant::ContributionDeadlineRatio => poco::CONTRIBUTION_DEADLINE_RATIO,
            Constant::RevealDeadlineRatio => poco::REVEAL_DEADLINE_RATIO,
            Constant::FinalDeadlineRatio => poco::FINAL_DEADLINE_RATIO,
            Constant::WorkerpoolStakeRatio => poco::WORKERPOOL_STAKE_RATIO,
            Constant::KittyRatio => poco::KITTY_RATIO,
            Constant::KittyMin => poco::KITTY_MIN,
            Constant::GroupMemberPurpose => GROUP_MEMBER,
        }),
        HubView::Owner => returns::address(genesis.operator),
        HubView::KittyAddress => returns::address(poco::KITTY_ADDRESS),
        HubView::CountCategory => returns::uint(U256::from(exchange.categories().len())),
        HubView::Category(index) => {
            let category = usize::try_from(*index).ok().and_then(|index| exchange.categories().get(index));
            let category = category.ok_or(Revert::Panic(U256::from(0x32)))?;
            returns::category(&category.name, &category.description, U256::from(category.seconds))
        }
        HubView::Account(address) => {
            let account = exchange.account(*address);
            returns::account(account.free.0, account.locked.0)
        }
        HubView::Frozen(address) => amount(exchange.account(*address).locked),
        HubView::Score(worker) => returns::uint(exchange.score(*worker)),
        HubView::Consumed(order) => returns::uint(exchange.consumed(*order)),
        HubView::Presigned(order) => returns::address(hub.presigned(*order).unwrap_or_default()),
        HubView::Deal(deal) => returns::deal(&exchange.deal(*deal).map(deal_of).unwrap_or_else(no_deal)),
        HubView::Task(task) => returns::task(&exchange.task(*task).map_or_else(no_task, task_of)),
        HubView::Contribution { task, worker } => returns::contribution(&contribution(exchange, *task, *worker)),
        HubView::Result(task) => {
            let done = exchange.task(*task).filter(|task| task.status == poco::TaskStatus::Completed);
            returns::bytes(&done.ok_or(Revert::Silent)?.results_callback)
        }
        HubView::Asset(kind, address) => details(exchange, *kind, *address)?,
        HubView::VerifySignature { identity, hash, signature } => {
            let signed = hub.is_signed(*identity, orders::recover(*hash, signature));
            returns::boolean(signed.map_err(format)?)
        }
        HubView::VerifyPresignature { identity, hash } => {
            returns::boolean(!identity.is_zero() && hub.presigned((*hash).into()) == Some(*identity))
        }
        HubView::VerifyPresignatureOrSignature { identity, hash, signature } => {
            let signer: Recovered = orders::recover(*hash, signature);
            returns::boolean(hub.is_order_signed(*identity, (*hash).into(), signer).map_err(format)?)
        }
        // What a match would come to is told by the book's explanations.
        HubView::DealVolume(_) | HubView::DatasetDealCompatibility { .. } => return Err(Revert::Silent),
    })
}

fn format(refusal: poco::Refusal) -> Revert {
    refusal.reason().map_or(Revert::Silent, Revert::Reason)
}

fn hub_token(exchange: &Exchange, view: TokenView) -> Bytes {
    match view {
        TokenView::Balance(address) => amount(exchange.account(address).free),
        TokenView::Allowance { owner, spender } => amount(exchange.hub().allowance(owner, spender)),
        TokenView::TotalSupply => amount(exchange.token_balance(exchange.genesis().hub)),
        TokenView::Name => returns::string("Staked RLC"),
        TokenView::Symbol => returns::string("SRLC"),
        TokenView::Decimals => number(9),
    }
}

fn token(exchange: &Exchange, view: TokenView) -> Bytes {
    match view {
        TokenView::Balance(address) => amount(exchange.token_balance(address)),
        TokenView::Allowance { owner, spender } => amount(exchange.token_allowance(owner, spender)),
        TokenView::TotalSupply => amount(exchange.outstanding()),
        TokenView::Name => returns::string("Manyhands credit"),
        TokenView::Symbol => returns::string("RLC"),
        TokenView::Decimals => number(9),
    }
}

fn registered(exchange: &Exchange, kind: AssetKind, view: &RegistryView) -> Result<Bytes, Revert> {
    let genesis = exchange.genesis();
    let of_kind = |address: Address| exchange.asset(address).filter(|asset| kind_of(asset) == kind);
    let all = || exchange.assets().filter(|(_, asset)| kind_of(asset) == kind);
    let token = |value: U256| Address::from_word(B256::from(value));
    let nth = |index: U256, mut among: Box<dyn Iterator<Item = Address> + '_>| {
        let index = usize::try_from(index).map_err(|_| Revert::Silent)?;
        let found = among.nth(index).ok_or(Revert::Silent)?;
        Ok::<_, Revert>(returns::uint(U256::from_be_bytes(found.into_word().0)))
    };
    Ok(match view {
        RegistryView::IsRegistered(address) => returns::boolean(of_kind(*address).is_some()),
        RegistryView::PredictApp(app) => returns::address(exchange::app_address(genesis, app)),
        RegistryView::PredictDataset(dataset) => returns::address(exchange::dataset_address(genesis, dataset)),
        RegistryView::PredictWorkerpool(pool) => returns::address(exchange::workerpool_address(genesis, pool)),
        RegistryView::Balance(owner) => {
            returns::uint(U256::from(all().filter(|(_, asset)| asset.owner == *owner).count()))
        }
        RegistryView::OwnerOf(id) => {
            let missing = Revert::reason("ERC721: owner query for nonexistent token");
            returns::address(of_kind(token(*id)).ok_or(missing)?.owner)
        }
        RegistryView::Approved(_) => returns::address(Address::ZERO),
        RegistryView::IsApprovedForAll { .. } => returns::boolean(false),
        RegistryView::TotalSupply => returns::uint(U256::from(all().count())),
        RegistryView::TokenByIndex(index) => nth(*index, Box::new(all().map(|(address, _)| address)))?,
        RegistryView::TokenOfOwnerByIndex { owner, index } => {
            nth(*index, Box::new(all().filter(|(_, asset)| asset.owner == *owner).map(|(address, _)| address)))?
        }
        RegistryView::Owner => returns::address(genesis.operator),
        RegistryView::Name | RegistryView::Symbol => returns::string(match kind {
            AssetKind::App => "iExecAppsV5",
            AssetKind::Dataset => "iExecDatasetsV5",
            AssetKind::Workerpool => "iExecWorkerpoolsV5",
        }),
    })
}

fn asset(exchange: &Exchange, address: Address, view: AssetView) -> Result<Bytes, Revert> {
    let asset = exchange.asset(address).ok_or(Revert::Silent)?;
    let kind = kind_of(asset);
    Ok(match (view, &asset.kind) {
        (AssetView::Owner, _) => returns::address(asset.owner),
        (AssetView::Registry, _) => returns::address(registry(exchange.genesis(), kind)),
        (AssetView::Name, poco::AssetKind::App { name, .. } | poco::AssetKind::Dataset { name, .. }) => {
            returns::string(name)
        }
        (AssetView::Name, poco::AssetKind::Workerpool { description, .. }) => returns::string(description),
        (AssetView::Type, poco::AssetKind::App { runtime, .. }) => returns::string(runtime),
        (AssetView::Multiaddr, poco::AssetKind::App { multiaddr, .. } | poco::AssetKind::Dataset { multiaddr, .. }) => {
            returns::bytes(multiaddr)
        }
        (AssetView::Checksum, poco::AssetKind::App { checksum, .. } | poco::AssetKind::Dataset { checksum, .. }) => {
            returns::word(*checksum)
        }
        (AssetView::MrEnclave, poco::AssetKind::App { mrenclave, .. }) => returns::bytes(mrenclave),
        (AssetView::WorkerStakeRatio, poco::AssetKind::Workerpool { policy, .. }) => {
            returns::uint(policy.worker_stake_ratio)
        }
        (AssetView::SchedulerRewardRatio, poco::AssetKind::Workerpool { policy, .. }) => {
            returns::uint(policy.scheduler_reward_ratio)
        }
        (
            AssetView::Type
            | AssetView::Multiaddr
            | AssetView::Checksum
            | AssetView::MrEnclave
            | AssetView::WorkerStakeRatio
            | AssetView::SchedulerRewardRatio,
            _,
        ) => return Err(Revert::Silent),
    })
}

fn details(exchange: &Exchange, kind: AssetKind, address: Address) -> Result<Bytes, Revert> {
    let asset = exchange.asset(address).filter(|asset| kind_of(asset) == kind).ok_or(Revert::Silent)?;
    let owner = asset.owner;
    Ok(match asset.kind.clone() {
        poco::AssetKind::App { name, runtime, multiaddr, checksum, mrenclave } => {
            returns::app(&contracts::AppDetails {
                owner,
                m_appName: name,
                m_appType: runtime,
                m_appMultiaddr: multiaddr,
                m_appChecksum: checksum,
                m_appMREnclave: mrenclave,
            })
        }
        poco::AssetKind::Dataset { name, multiaddr, checksum } => returns::dataset(&contracts::DatasetDetails {
            owner,
            m_datasetName: name,
            m_datasetMultiaddr: multiaddr,
            m_datasetChecksum: checksum,
        }),
        poco::AssetKind::Workerpool { description, policy } => returns::workerpool(&contracts::WorkerpoolDetails {
            owner,
            m_workerpoolDescription: description,
            m_workerStakeRatioPolicy: policy.worker_stake_ratio,
            m_schedulerRewardRatioPolicy: policy.scheduler_reward_ratio,
        }),
    })
}

fn deal_of(deal: &poco::Deal) -> contracts::Deal {
    let part =
        |part: &poco::Part| contracts::Resource { pointer: part.pointer, owner: part.owner, price: part.price.0 };
    contracts::Deal {
        app: part(&deal.app),
        dataset: part(&deal.dataset),
        workerpool: part(&deal.workerpool),
        trust: deal.trust,
        category: U256::from(deal.category.0),
        tag: deal.tag.0,
        requester: deal.requester,
        beneficiary: deal.beneficiary,
        callback: deal.callback,
        params: deal.params.clone(),
        startTime: U256::from(deal.start_time.seconds()),
        botFirst: deal.bot_first,
        botSize: deal.bot_size,
        workerStake: deal.worker_stake.0,
        schedulerRewardRatio: deal.scheduler_reward_ratio,
        sponsor: deal.sponsor,
    }
}

fn no_deal() -> contracts::Deal {
    let nothing = || contracts::Resource { pointer: Address::ZERO, owner: Address::ZERO, price: U256::ZERO };
    contracts::Deal {
        app: nothing(),
        dataset: nothing(),
        workerpool: nothing(),
        trust: U256::ZERO,
        category: U256::ZERO,
        tag: B256::ZERO,
        requester: Address::ZERO,
        beneficiary: Address::ZERO,
        callback: Address::ZERO,
        params: String::new(),
        startTime: U256::ZERO,
        botFirst: U256::ZERO,
        botSize: U256::ZERO,
        workerStake: U256::ZERO,
        schedulerRewardRatio: U256::ZERO,
        sponsor: Address::ZERO,
    }
}

/// A task. Who takes part in it is not told before it is final.
fn task_of(task: &poco::Task) -> contracts::Task {
    let is_final = task.status.is_final();
    let contributors = task.contributions.iter().filter(|_| is_final).map(|part| part.worker);
    contracts::Task {
        status: task.status.number(),
        dealid: task.deal.0,
        idx: task.index,
        timeref: U256::from(task.timeref),
        contributionDeadline: U256::from(task.contribution_deadline.seconds()),
        revealDeadline: U256::from(task.reveal_deadline.seconds()),
        finalDeadline: U256::from(task.final_deadline.seconds()),
        consensusValue: if is_final { task.consensus } else { B256::ZERO },
        revealCounter: if is_final { U256::from(task.reveal_counter) } else { U256::ZERO },
        winnerCounter: if is_final { U256::from(task.winner_counter) } else { U256::ZERO },
        contributors: contributors.collect(),
        resultDigest: if is_final { task.result_digest } else { B256::ZERO },
        results: task.results.clone(),
        resultsTimestamp: U256::ZERO,
        resultsCallback: task.results_callback.clone(),
    }
}

fn no_task() -> contracts::Task {
    contracts::Task {
        status: 0,
        dealid: B256::ZERO,
        idx: U256::ZERO,
        timeref: U256::ZERO,
        contributionDeadline: U256::ZERO,
        revealDeadline: U256::ZERO,
        finalDeadline: U256::ZERO,
        consensusValue: B256::ZERO,
        revealCounter: U256::ZERO,
        winnerCounter: U256::ZERO,
        contributors: Vec::new(),
        resultDigest: B256::ZERO,
        results: Bytes::new(),
        resultsTimestamp: U256::ZERO,
        resultsCallback: Bytes::new(),
    }
}

/// A worker's part in a task; of zeros until the task is final.
fn contribution(exchange: &Exchange, task: TaskId, worker: Address) -> contracts::Contribution {
    let task = exchange.task(task).filter(|task| task.status.is_final());
    let part = task.and_then(|task| task.contribution(worker));
    part.map_or_else(
        || contracts::Contribution {
            status: 0,
            resultHash: B256::ZERO,
            resultSeal: B256::ZERO,
            enclaveChallenge: Address::ZERO,
            weight: U256::ZERO,
        },
        |part| contracts::Contribution {
            status: part.status.number(),
            resultHash: part.hash,
            resultSeal: part.seal,
            enclaveChallenge: part.enclave,
            weight: U256::from(part.weight),
        },
    )
}
