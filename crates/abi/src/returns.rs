//! Return values of calls and views, encoded from plain values.
//!
//! Where a view returns a struct, the struct is one of [`contracts`].

use crate::contracts::{self, Hub};
use alloy_sol_types::{SolCall, SolValue};
use units::{Address, B256, Bytes, U256};

/// Nothing: what a function without a return value answers.
#[must_use]
pub fn nothing() -> Bytes {
    Bytes::new()
}

/// An unsigned integer of any width.
#[must_use]
pub fn uint(value: U256) -> Bytes {
    value.abi_encode().into()
}

/// An address.
#[must_use]
pub fn address(value: Address) -> Bytes {
    value.abi_encode().into()
}

/// A truth value.
#[must_use]
pub fn boolean(value: bool) -> Bytes {
    value.abi_encode().into()
}

/// 32 bytes.
#[must_use]
pub fn word(value: B256) -> Bytes {
    value.abi_encode().into()
}

/// A text.
#[must_use]
pub fn string(value: &str) -> Bytes {
    value.abi_encode().into()
}

/// Bytes of any number.
#[must_use]
pub fn bytes(value: &Bytes) -> Bytes {
    value.abi_encode().into()
}

/// `domain`, for this chain id and hub.
#[must_use]
pub fn domain(domain: &orders::Domain) -> Bytes {
    Hub::domainCall::abi_encode_returns(&contracts::EIP712DomainData {
        name: orders::Domain::NAME.to_owned(),
        version: orders::Domain::VERSION.to_owned(),
        chainId: U256::from(domain.chain_id()),
        verifyingContract: domain.verifying_contract(),
    })
    .into()
}

/// `viewAccount`.
#[must_use]
pub fn account(free: U256, locked: U256) -> Bytes {
    Hub::viewAccountCall::abi_encode_returns(&contracts::Account { stake: free, locked }).into()
}

/// `viewCategory`.
#[must_use]
pub fn category(name: &str, description: &str, work_clock_seconds: U256) -> Bytes {
    Hub::viewCategoryCall::abi_encode_returns(&contracts::Category {
        name: name.to_owned(),
        description: description.to_owned(),
        workClockTimeRef: work_clock_seconds,
    })
    .into()
}

/// `viewDeal`.
#[must_use]
pub fn deal(deal: &contracts::Deal) -> Bytes {
    Hub::viewDealCall::abi_encode_returns(deal).into()
}

/// `viewTask`.
#[must_use]
pub fn task(task: &contracts::Task) -> Bytes {
    Hub::viewTaskCall::abi_encode_returns(task).into()
}

/// `viewContribution`.
#[must_use]
pub fn contribution(contribution: &contracts::Contribution) -> Bytes {
    Hub::viewContributionCall::abi_encode_returns(contribution).into()
}

/// `viewApp`.
#[must_use]
pub fn app(app: &contracts::AppDetails) -> Bytes {
    Hub::viewAppCall::abi_encode_returns(app).into()
}

/// `viewDataset`.
#[must_use]
pub fn dataset(dataset: &contracts::DatasetDetails) -> Bytes {
    Hub::viewDatasetCall::abi_encode_returns(dataset).into()
}

/// `viewWorkerpool`.
#[must_use]
pub fn workerpool(pool: &contracts::WorkerpoolDetails) -> Bytes {
    Hub::viewWorkerpoolCall::abi_encode_returns(pool).into()
}
