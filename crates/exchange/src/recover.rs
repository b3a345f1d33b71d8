//! Whom the signatures inside a call are by: found out by many threads before the core, in one fixed order.

use crate::{Genesis, Transaction};
use abi::{Call, Erc20, Managed, OrderSet, Target};
use orders::{Domain, Order, Recovered, Signed, ids, recover, signature};
use units::{Address, B256, Bytes};

/// A signature inside a call and what it has to be over.
pub(crate) struct Embedded {
    digest: B256,
    sign: Bytes,
}

impl Embedded {
    fn order<O: Order>(order: &Signed<O>, domain: &Domain) -> Self {
        Self { digest: order.order.hash(domain).0, sign: order.sign.clone() }
    }

    fn operation<O: Order>(managed: &Managed<O>, domain: &Domain) -> Self {
        let digest = managed.order.order.operation_digest(managed.operation, domain);
        Self { digest, sign: managed.sign.clone() }
    }

    /// A signature by `personal_sign`.
    fn personal(message: B256, sign: &Bytes) -> Self {
        Self { digest: signature::personal_hash(message), sign: sign.clone() }
    }
}

fn of_set(set: &OrderSet, domain: &Domain) -> Vec<Embedded> {
    vec![
        Embedded::order(&set.app, domain),
        Embedded::order(&set.dataset, domain),
        Embedded::order(&set.workerpool, domain),
        Embedded::order(&set.request, domain),
    ]
}

/// The signatures inside a call, in the order in which [`Transaction::signers`] has them.
pub(crate) fn embedded(call: &Call, from: Address, genesis: &Genesis) -> Vec<Embedded> {
    let domain = &genesis.domain();
    match call {
        Call::MatchOrders(set) | Call::SponsorMatchOrders(set) => of_set(set, domain),
        Call::ManageAppOrder(managed) => vec![Embedded::operation(managed, domain)],
        Call::ManageDatasetOrder(managed) => vec![Embedded::operation(managed, domain)],
        Call::ManageWorkerpoolOrder(managed) => vec![Embedded::operation(managed, domain)],
        Call::ManageRequestOrder(managed) => vec![Embedded::operation(managed, domain)],
        Call::Contribute { task, result_hash, result_seal, enclave, enclave_sign, authorization_sign } => vec![
            Embedded::personal(ids::authorization_digest(from, *task, *enclave), authorization_sign),
            Embedded::personal(ids::enclave_digest(*result_hash, *result_seal), enclave_sign),
        ],
        Call::ContributeAndFinalize { task, digest, enclave, enclave_sign, authorization_sign, .. } => {
            let (hash, seal) = (ids::result_hash(*task, *digest), ids::result_seal(from, *task, *digest));
            vec![
                Embedded::personal(ids::authorization_digest(from, *task, *enclave), authorization_sign),
                Embedded::personal(ids::enclave_digest(hash, seal), enclave_sign),
            ]
        }
        Call::Token(Erc20::ApproveAndCall { spender, data, .. }) if *spender == genesis.hub => {
            let along = Call::decode(Target::Hub, data);
            if let Ok(Call::MatchOrders(set)) = along { of_set(&set, domain) } else { Vec::new() }
        }
        Call::BroadcastAppOrder(_)
        | Call::BroadcastDatasetOrder(_)
        | Call::BroadcastWorkerpoolOrder(_)
        | Call::BroadcastRequestOrder(_)
        | Call::Initialize { .. }
        | Call::InitializeArray(_)
        | Call::Reveal { .. }
        | Call::Reopen { .. }
        | Call::Finalize { .. }
        | Call::Claim { .. }
        | Call::ClaimArray(_)
        | Call::InitializeAndClaimArray(_)
        | Call::Deposit { .. }
        | Call::DepositFor { .. }
        | Call::DepositForArray(_)
        | Call::Withdraw { .. }
        | Call::WithdrawTo { .. }
        | Call::HubToken(_)
        | Call::Token(_)
        | Call::Issue { .. }
        | Call::Redeem { .. }
        | Call::SetTeeBroker { .. }
        | Call::SetCallbackGas { .. }
        | Call::CreateCategory { .. }
        | Call::CreateApp(_)
        | Call::CreateDataset(_)
        | Call::CreateWorkerpool(_)
        | Call::Registry(..)
        | Call::ChangePolicy { .. }
        | Call::CreateGroup { .. }
        | Call::SetGroupMember { .. }
        | Call::OpenPool { .. }
        | Call::HostPool { .. }
        | Call::ClosePool { .. }
        | Call::Invite { .. }
        | Call::LeavePool { .. }
        | Call::Unknown { .. } => Vec::new(),
    }
}

impl Transaction {
    /// Recovers the signatures inside the calldata, which is the costly part, so that the core need not. `signers` is
    /// filled; the other fields are as given.
    #[must_use]
    pub fn recover(mut self, genesis: &Genesis) -> Self {
        let target = if self.to == genesis.hub {
            Some(Target::Hub)
        } else if self.to == genesis.token {
            Some(Target::Token)
        } else {
            None
        };
        let call = target.and_then(|target| Call::decode(target, &self.input).ok());
        let embedded = call.map_or_else(Vec::new, |call| embedded(&call, self.from, genesis));
        self.signers = embedded.into_iter().map(|embedded| recover(embedded.digest, &embedded.sign)).collect();
        self
    }
}

/// The recovered signers, taken one by one in their order.
pub(crate) struct Signers<'a>(std::slice::Iter<'a, Recovered>);

impl<'a> Signers<'a> {
    pub(crate) fn new(signers: &'a [Recovered]) -> Self {
        Self(signers.iter())
    }

    pub(crate) fn next(&mut self) -> Recovered {
        *self.0.next().expect("there is a signer for each signature: counted before")
    }
}
