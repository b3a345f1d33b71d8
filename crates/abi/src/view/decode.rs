//! Calldata to [`View`].

use super::{AssetView, Constant, HubView, RegistryView, TokenView, View};
use crate::call::{NewApp, NewDataset, NewWorkerpool, OrderSet};
use crate::contracts::{Asset, Group, Hub, Registry, Rlc};
use crate::decode::{DecodeError, arguments};
use crate::target::{AssetKind, Target};
use alloy_sol_types::SolCall;
use units::{DealId, OrderHash, TaskId};

impl View {
    /// Reads what is asked of `target`; `None` where it has no such view.
    ///
    /// # Errors
    /// [`DecodeError`] when a known view's arguments do not decode: the contract would revert without words.
    pub fn decode(target: Target, calldata: &[u8]) -> Result<Option<Self>, DecodeError> {
        let Some((&selector, data)) = calldata.split_first_chunk() else { return Ok(None) };
        Ok(match target {
            Target::Hub => hub(selector, data)?.map(Self::Hub),
            Target::Registry(kind) => registry(kind, selector, data)?.map(|view| Self::Registry(kind, view)),
            Target::Token => token(selector, data)?.map(Self::Token),
            Target::Asset(kind, address) => asset(kind, selector).map(|view| Self::Asset(kind, address, view)),
            Target::Group(group) if selector == Group::keyHasPurposeCall::SELECTOR => {
                let call: Group::keyHasPurposeCall = arguments(data)?;
                Some(Self::GroupMember { group, key: call.key, purpose: call.purpose })
            }
            Target::Group(_) => None,
        })
    }
}

fn hub(selector: [u8; 4], data: &[u8]) -> Result<Option<HubView>, DecodeError> {
    if let Some(view) = settings(selector) {
        return Ok(Some(view));
    }
    if let Some(view) = token(selector, data)? {
        return Ok(Some(HubView::Token(view)));
    }
    if let Some(view) = state(selector, data)? {
        return Ok(Some(view));
    }
    signatures(selector, data)
}

/// Views without arguments.
fn settings(selector: [u8; 4]) -> Option<HubView> {
    Some(match selector {
        Hub::domainCall::SELECTOR => HubView::Domain,
        Hub::eip712domain_separatorCall::SELECTOR => HubView::DomainSeparator,
        Hub::tokenCall::SELECTOR => HubView::TokenAddress,
        Hub::appregistryCall::SELECTOR => HubView::Registry(AssetKind::App),
        Hub::datasetregistryCall::SELECTOR => HubView::Registry(AssetKind::Dataset),
        Hub::workerpoolregistryCall::SELECTOR => HubView::Registry(AssetKind::Workerpool),
        Hub::teebrokerCall::SELECTOR => HubView::TeeBroker,
        Hub::callbackgasCall::SELECTOR => HubView::CallbackGas,
        // Not of the hub's interface but of the proxy before it, as a registry has it (ERC-173).
        Registry::ownerCall::SELECTOR => HubView::Owner,
        Hub::kitty_addressCall::SELECTOR => HubView::KittyAddress,
        Hub::countCategoryCall::SELECTOR => HubView::CountCategory,
        Hub::contribution_deadline_ratioCall::SELECTOR => HubView::Constant(Constant::ContributionDeadlineRatio),
        Hub::reveal_deadline_ratioCall::SELECTOR => HubView::Constant(Constant::RevealDeadlineRatio),
        Hub::final_deadline_ratioCall::SELECTOR => HubView::Constant(Constant::FinalDeadlineRatio),
        Hub::workerpool_stake_ratioCall::SELECTOR => HubView::Constant(Constant::WorkerpoolStakeRatio),
        Hub::kitty_ratioCall::SELECTOR => HubView::Constant(Constant::KittyRatio),
        Hub::kitty_minCall::SELECTOR => HubView::Constant(Constant::KittyMin),
        Hub::groupmember_purposeCall::SELECTOR => HubView::Constant(Constant::GroupMemberPurpose),
        _ => return None,
    })
}

fn state(selector: [u8; 4], data: &[u8]) -> Result<Option<HubView>, DecodeError> {
    Ok(Some(match selector {
        Hub::viewCategoryCall::SELECTOR => HubView::Category(arguments::<Hub::viewCategoryCall>(data)?._catid),
        Hub::viewAccountCall::SELECTOR => HubView::Account(arguments::<Hub::viewAccountCall>(data)?.account),
        Hub::frozenOfCall::SELECTOR => HubView::Frozen(arguments::<Hub::frozenOfCall>(data)?.account),
        Hub::viewScoreCall::SELECTOR => HubView::Score(arguments::<Hub::viewScoreCall>(data)?._worker),
        Hub::viewConsumedCall::SELECTOR => HubView::Consumed(OrderHash(arguments::<Hub::viewConsumedCall>(data)?._id)),
        Hub::viewPresignedCall::SELECTOR => {
            HubView::Presigned(OrderHash(arguments::<Hub::viewPresignedCall>(data)?._id))
        }
        Hub::viewDealCall::SELECTOR => HubView::Deal(DealId(arguments::<Hub::viewDealCall>(data)?.id)),
        Hub::viewTaskCall::SELECTOR => HubView::Task(TaskId(arguments::<Hub::viewTaskCall>(data)?.id)),
        Hub::viewContributionCall::SELECTOR => {
            let call: Hub::viewContributionCall = arguments(data)?;
            HubView::Contribution { task: TaskId(call._taskid), worker: call._worker }
        }
        Hub::resultForCall::SELECTOR => HubView::Result(TaskId(arguments::<Hub::resultForCall>(data)?.id)),
        Hub::viewAppCall::SELECTOR => HubView::Asset(AssetKind::App, arguments::<Hub::viewAppCall>(data)?.app),
        Hub::viewDatasetCall::SELECTOR => {
            HubView::Asset(AssetKind::Dataset, arguments::<Hub::viewDatasetCall>(data)?.dataset)
        }
        Hub::viewWorkerpoolCall::SELECTOR => {
            HubView::Asset(AssetKind::Workerpool, arguments::<Hub::viewWorkerpoolCall>(data)?.workerpool)
        }
        _ => return Ok(None),
    }))
}

fn signatures(selector: [u8; 4], data: &[u8]) -> Result<Option<HubView>, DecodeError> {
    Ok(Some(match selector {
        Hub::verifySignatureCall::SELECTOR => {
            let call: Hub::verifySignatureCall = arguments(data)?;
            HubView::VerifySignature { identity: call._identity, hash: call._hash, signature: call._signature }
        }
        Hub::verifyPresignatureCall::SELECTOR => {
            let call: Hub::verifyPresignatureCall = arguments(data)?;
            HubView::VerifyPresignature { identity: call._identity, hash: call._hash }
        }
        Hub::verifyPresignatureOrSignatureCall::SELECTOR => {
            let call: Hub::verifyPresignatureOrSignatureCall = arguments(data)?;
            HubView::VerifyPresignatureOrSignature {
                identity: call._identity,
                hash: call._hash,
                signature: call._signature,
            }
        }
        Hub::computeDealVolumeCall::SELECTOR => {
            let call: Hub::computeDealVolumeCall = arguments(data)?;
            HubView::DealVolume(Box::new(OrderSet {
                app: call.appOrder.into(),
                dataset: call.datasetOrder.into(),
                workerpool: call.workerpoolOrder.into(),
                request: call.requestOrder.into(),
            }))
        }
        Hub::assertDatasetDealCompatibilityCall::SELECTOR => {
            let call: Hub::assertDatasetDealCompatibilityCall = arguments(data)?;
            HubView::DatasetDealCompatibility { order: Box::new(call.datasetOrder.into()), deal: DealId(call.dealId) }
        }
        _ => return Ok(None),
    }))
}

/// The token's views; the hub has the same ones about its own balances.
fn token(selector: [u8; 4], data: &[u8]) -> Result<Option<TokenView>, DecodeError> {
    Ok(Some(match selector {
        Rlc::balanceOfCall::SELECTOR => TokenView::Balance(arguments::<Rlc::balanceOfCall>(data)?._owner),
        Rlc::allowanceCall::SELECTOR => {
            let call: Rlc::allowanceCall = arguments(data)?;
            TokenView::Allowance { owner: call._owner, spender: call._spender }
        }
        Rlc::totalSupplyCall::SELECTOR => TokenView::TotalSupply,
        Rlc::nameCall::SELECTOR => TokenView::Name,
        Rlc::symbolCall::SELECTOR => TokenView::Symbol,
        Rlc::decimalsCall::SELECTOR => TokenView::Decimals,
        _ => return Ok(None),
    }))
}

fn registry(kind: AssetKind, selector: [u8; 4], data: &[u8]) -> Result<Option<RegistryView>, DecodeError> {
    Ok(Some(match selector {
        Registry::isRegisteredCall::SELECTOR => {
            RegistryView::IsRegistered(arguments::<Registry::isRegisteredCall>(data)?._entry)
        }
        Registry::balanceOfCall::SELECTOR => RegistryView::Balance(arguments::<Registry::balanceOfCall>(data)?.owner),
        Registry::ownerOfCall::SELECTOR => RegistryView::OwnerOf(arguments::<Registry::ownerOfCall>(data)?.tokenId),
        Registry::getApprovedCall::SELECTOR => {
            RegistryView::Approved(arguments::<Registry::getApprovedCall>(data)?.tokenId)
        }
        Registry::isApprovedForAllCall::SELECTOR => {
            let call: Registry::isApprovedForAllCall = arguments(data)?;
            RegistryView::IsApprovedForAll { owner: call.owner, operator: call.operator }
        }
        Registry::totalSupplyCall::SELECTOR => RegistryView::TotalSupply,
        Registry::tokenByIndexCall::SELECTOR => {
            RegistryView::TokenByIndex(arguments::<Registry::tokenByIndexCall>(data)?.index)
        }
        Registry::tokenOfOwnerByIndexCall::SELECTOR => {
            let call: Registry::tokenOfOwnerByIndexCall = arguments(data)?;
            RegistryView::TokenOfOwnerByIndex { owner: call.owner, index: call.index }
        }
        Registry::ownerCall::SELECTOR => RegistryView::Owner,
        Registry::nameCall::SELECTOR => RegistryView::Name,
        Registry::symbolCall::SELECTOR => RegistryView::Symbol,
        _ => return prediction(kind, selector, data),
    }))
}

fn prediction(kind: AssetKind, selector: [u8; 4], data: &[u8]) -> Result<Option<RegistryView>, DecodeError> {
    Ok(match (kind, selector) {
        (AssetKind::App, Registry::predictAppCall::SELECTOR) => {
            let call: Registry::predictAppCall = arguments(data)?;
            Some(RegistryView::PredictApp(Box::new(NewApp {
                owner: call._appOwner,
                name: call._appName,
                kind: call._appType,
                multiaddr: call._appMultiaddr,
                checksum: call._appChecksum,
                mrenclave: call._appMREnclave,
            })))
        }
        (AssetKind::Dataset, Registry::predictDatasetCall::SELECTOR) => {
            let call: Registry::predictDatasetCall = arguments(data)?;
            Some(RegistryView::PredictDataset(Box::new(NewDataset {
                owner: call._datasetOwner,
                name: call._datasetName,
                multiaddr: call._datasetMultiaddr,
                checksum: call._datasetChecksum,
            })))
        }
        (AssetKind::Workerpool, Registry::predictWorkerpoolCall::SELECTOR) => {
            let call: Registry::predictWorkerpoolCall = arguments(data)?;
            Some(RegistryView::PredictWorkerpool(NewWorkerpool {
                owner: call._workerpoolOwner,
                description: call._workerpoolDescription,
            }))
        }
        (AssetKind::App | AssetKind::Dataset | AssetKind::Workerpool, _) => None,
    })
}

fn asset(kind: AssetKind, selector: [u8; 4]) -> Option<AssetView> {
    Some(match (kind, selector) {
        (_, Asset::ownerCall::SELECTOR) => AssetView::Owner,
        (_, Asset::registryCall::SELECTOR) => AssetView::Registry,
        (AssetKind::App, Asset::m_appNameCall::SELECTOR)
        | (AssetKind::Dataset, Asset::m_datasetNameCall::SELECTOR)
        | (AssetKind::Workerpool, Asset::m_workerpoolDescriptionCall::SELECTOR) => AssetView::Name,
        (AssetKind::App, Asset::m_appTypeCall::SELECTOR) => AssetView::Type,
        (AssetKind::App, Asset::m_appMultiaddrCall::SELECTOR)
        | (AssetKind::Dataset, Asset::m_datasetMultiaddrCall::SELECTOR) => AssetView::Multiaddr,
        (AssetKind::App, Asset::m_appChecksumCall::SELECTOR)
        | (AssetKind::Dataset, Asset::m_datasetChecksumCall::SELECTOR) => AssetView::Checksum,
        (AssetKind::App, Asset::m_appMREnclaveCall::SELECTOR) => AssetView::MrEnclave,
        (AssetKind::Workerpool, Asset::m_workerStakeRatioPolicyCall::SELECTOR) => AssetView::WorkerStakeRatio,
        (AssetKind::Workerpool, Asset::m_schedulerRewardRatioPolicyCall::SELECTOR) => AssetView::SchedulerRewardRatio,
        (AssetKind::App | AssetKind::Dataset | AssetKind::Workerpool, _) => return None,
    })
}
