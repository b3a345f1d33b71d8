//! What one side of a deal says of the other, signed.
//!
//! EIP-712 typed data in the exchange's [`Domain`], with the type that [`Rating::TYPE`] spells out.

use crate::domain::{Domain, address, hash_struct, uint};
use crate::signature::{Recovered, SigningKey, recover};
use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize};
use units::{Address, B256, Bytes, DealId, U256};

/// A mark for performance and one for safety, each from 1 (bad) to 5 (good).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// The deal that both took part in.
    pub deal: DealId,
    /// Who is rated: the pool, a worker of it, or the requester.
    pub subject: Address,
    /// How well it went.
    pub performance: u8,
    /// How safe it was.
    pub safety: u8,
}

impl Rating {
    /// The EIP-712 type.
    pub const TYPE: &'static str = "Rating(bytes32 deal,address subject,uint8 performance,uint8 safety)";

    /// What the rater signs.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(hash_struct(&[
            keccak256(Self::TYPE).0,
            self.deal.0.0,
            address(self.subject),
            uint(U256::from(self.performance)),
            uint(U256::from(self.safety)),
        ]))
    }

    /// The rating with this key's signature over it.
    #[must_use]
    pub fn sign(self, domain: &Domain, key: &SigningKey) -> SignedRating {
        SignedRating { rating: self, sign: key.sign(self.digest(domain)) }
    }
}

/// A rating and its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRating {
    /// What is said.
    pub rating: Rating,
    /// The rater's signature.
    pub sign: Bytes,
}

/// A signed rating, and whom the signature is by: recovered once, outside the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRating {
    /// The rating and its signature.
    pub signed: SignedRating,
    /// Whom the signature is by.
    pub rater: Recovered,
}

impl CheckedRating {
    /// Recovers the rater.
    #[must_use]
    pub fn recover(signed: SignedRating, domain: &Domain) -> Self {
        let rater = recover(signed.rating.digest(domain), &signed.sign);
        Self { signed, rater }
    }
}
