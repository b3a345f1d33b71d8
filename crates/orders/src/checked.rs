//! An order together with what was found out about it before it reaches the core.

use crate::domain::Domain;
use crate::order::Signed;
use crate::signature::{Recovered, SigningKey, recover};
use crate::typed::Order;
use units::OrderHash;

/// A signed order, its hash, and whom its signature is by. Recovering a signer is the costly part, so it is done once,
/// outside the core, and its outcome kept, also a bad one: the core refuses in PoCo's order of checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<O> {
    /// The order and its signature.
    pub signed: Signed<O>,
    /// The order's hash in the exchange's domain.
    pub hash: OrderHash,
    /// Whom the signature is by.
    pub signer: Recovered,
}

impl<O: Order> Checked<O> {
    /// Hashes the order and recovers the signer.
    #[must_use]
    pub fn recover(signed: Signed<O>, domain: &Domain) -> Self {
        let hash = signed.order.hash(domain);
        let signer = recover(hash.0, &signed.sign);
        Self { signed, hash, signer }
    }

    /// Hashes the order and believes who is said to have signed it: for replay of what was recovered before.
    #[must_use]
    pub fn trust(signed: Signed<O>, domain: &Domain, signer: Recovered) -> Self {
        let hash = signed.order.hash(domain);
        Self { signed, hash, signer }
    }

    /// The order itself.
    #[must_use]
    pub fn order(&self) -> &O {
        &self.signed.order
    }
}

impl<O: Order> Signed<O> {
    /// The order with this key's signature over it.
    #[must_use]
    pub fn with(order: O, domain: &Domain, key: &SigningKey) -> Self {
        let sign = key.sign(order.hash(domain).0);
        Self { order, sign }
    }
}
