//! Publishing: apps, datasets, workerpools and groups get addresses that follow from what they are.

use crate::transact::abi_kind;
use crate::{Event, Exchange, Genesis};
use abi::call::{NewApp, NewDataset, NewWorkerpool};
use abi::{AssetKind as AbiKind, Erc721};
use alloy_primitives::{Keccak256, keccak256};
use poco::{Asset, AssetKind, Contract, Policy, Refusal};
use std::collections::BTreeSet;
use units::{Address, B256, U256};

/// The last 20 bytes of the hash of a registry, an owner and the fields' hashes.
fn address_of(registry: Address, owner: Address, fields: &[B256]) -> Address {
    let mut hasher = Keccak256::new();
    hasher.update(registry);
    hasher.update(owner);
    for field in fields {
        hasher.update(field);
    }
    Address::from_word(hasher.finalize())
}

/// The address that an app will have (`predictApp`).
#[must_use]
pub fn app_address(genesis: &Genesis, app: &NewApp) -> Address {
    let fields = [
        keccak256(&app.name),
        keccak256(&app.kind),
        keccak256(&app.multiaddr),
        app.checksum,
        keccak256(&app.mrenclave),
    ];
    address_of(genesis.app_registry, app.owner, &fields)
}

/// The address that a dataset will have (`predictDataset`).
#[must_use]
pub fn dataset_address(genesis: &Genesis, dataset: &NewDataset) -> Address {
    let fields = [keccak256(&dataset.name), keccak256(&dataset.multiaddr), dataset.checksum];
    address_of(genesis.dataset_registry, dataset.owner, &fields)
}

/// The address that a workerpool will have (`predictWorkerpool`).
#[must_use]
pub fn workerpool_address(genesis: &Genesis, pool: &NewWorkerpool) -> Address {
    address_of(genesis.workerpool_registry, pool.owner, &[keccak256(&pool.description)])
}

/// The address that a group of this owner's will have.
#[must_use]
pub fn group_address(genesis: &Genesis, owner: Address, salt: B256) -> Address {
    address_of(genesis.hub, owner, &[keccak256("group"), salt])
}

impl Exchange {
    pub(crate) fn create_app(&mut self, app: &NewApp, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let kind = AssetKind::App {
            name: app.name.clone(),
            runtime: app.kind.clone(),
            multiaddr: app.multiaddr.clone(),
            checksum: app.checksum,
            mrenclave: app.mrenclave.clone(),
        };
        let address = app_address(&self.genesis, app);
        self.publish(self.genesis.app_registry, address, Asset { owner: app.owner, kind }, events)
    }

    pub(crate) fn create_dataset(&mut self, dataset: &NewDataset, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let kind = AssetKind::Dataset {
            name: dataset.name.clone(),
            multiaddr: dataset.multiaddr.clone(),
            checksum: dataset.checksum,
        };
        let address = dataset_address(&self.genesis, dataset);
        self.publish(self.genesis.dataset_registry, address, Asset { owner: dataset.owner, kind }, events)
    }

    pub(crate) fn create_workerpool(&mut self, pool: &NewWorkerpool, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let kind = AssetKind::Workerpool { description: pool.description.clone(), policy: Policy::default() };
        let address = workerpool_address(&self.genesis, pool);
        self.publish(self.genesis.workerpool_registry, address, Asset { owner: pool.owner, kind }, events)
    }

    /// Makes a group of the sender's.
    pub(crate) fn create_group(&mut self, owner: Address, salt: B256, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let group = group_address(&self.genesis, owner, salt);
        let contract = Contract::Group { owner, members: BTreeSet::new() };
        if !self.hub.add_contract(group, contract) {
            return Err(Refusal::Silent);
        }
        events.push(Event::GroupCreated { group, owner });
        Ok(())
    }

    /// An asset gets another owner, by its owner's wish.
    pub(crate) fn transfer_asset(
        &mut self,
        by: Address,
        kind: AbiKind,
        asked: &Erc721,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let (from, to, token) = match asked {
            Erc721::Transfer { from, to, token } | Erc721::SafeTransfer { from, to, token, .. } => (*from, *to, *token),
            // Whoever may give an asset away is its owner alone.
            Erc721::Approve { .. } | Erc721::ApproveForAll { .. } => return Err(Refusal::Silent),
        };
        let asset = asset_of(token).ok_or(Refusal::Silent)?;
        let held = self.hub.asset(asset).filter(|asset| abi_kind(&asset.kind) == kind).ok_or(Refusal::Silent)?;
        if held.owner != from {
            return Err(Refusal::NotOwner);
        }
        self.hub.transfer_asset(by, asset, to)?;
        events.push(Event::AssetTransfer { registry: self.registry(kind), asset, from, to });
        self.follow_owner(asset, events);
        Ok(())
    }

    fn publish(
        &mut self,
        registry: Address,
        address: Address,
        asset: Asset,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let owner = asset.owner;
        if owner.is_zero() {
            return Err(Refusal::TransferToNobody);
        }
        if !self.hub.add_asset(address, asset) {
            return Err(Refusal::Silent);
        }
        events.push(Event::AssetTransfer { registry, asset: address, from: Address::ZERO, to: owner });
        Ok(())
    }

    fn registry(&self, kind: AbiKind) -> Address {
        match kind {
            AbiKind::App => self.genesis.app_registry,
            AbiKind::Dataset => self.genesis.dataset_registry,
            AbiKind::Workerpool => self.genesis.workerpool_registry,
        }
    }
}

/// The asset whose address is this number.
fn asset_of(token: U256) -> Option<Address> {
    let word = B256::from(token);
    let address = Address::from_word(word);
    (address.into_word() == word).then_some(address)
}
