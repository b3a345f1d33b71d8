//! How a worker proves its key when it connects, and how somebody declares a worker theirs.
//!
//! EIP-712 typed data in the exchange's [`Domain`], with the types that each struct's `TYPE` spells out.

use crate::domain::{Domain, address, dynamic, hash_struct, uint};
use crate::signature::{Recovered, recover};
use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize};
use units::{Address, B256, U256};

/// What a worker signs to open a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHello {
    /// The exchange's challenge, good for one connection.
    pub challenge: String,
    /// The worker, who signs.
    pub worker: Address,
    /// Whose the worker is; itself, unless that one countersigned an [`Ownership`].
    pub owner: Address,
    /// The workerpool it works for.
    pub pool: Address,
    /// The session's number, of the worker's choice: greater than in its hello before.
    pub nonce: u64,
}

impl WorkerHello {
    /// The EIP-712 type.
    pub const TYPE: &'static str =
        "WorkerHello(string challenge,address worker,address owner,address pool,uint64 nonce)";

    /// What the worker signs.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(hash_struct(&[
            keccak256(Self::TYPE).0,
            dynamic(&self.challenge),
            address(self.worker),
            address(self.owner),
            address(self.pool),
            uint(U256::from(self.nonce)),
        ]))
    }

    /// Whether the worker signed it.
    #[must_use]
    pub fn is_signed_by_worker(&self, domain: &Domain, signature: &[u8]) -> bool {
        recover(self.digest(domain), signature) == Recovered::By(self.worker)
    }
}

/// What an owner signs to call a worker theirs: they answer for it, and it counts as one with their others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The worker.
    pub worker: Address,
    /// Its owner, who signs.
    pub owner: Address,
}

impl Ownership {
    /// The EIP-712 type.
    pub const TYPE: &'static str = "Ownership(address worker,address owner)";

    /// What the owner signs.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest(hash_struct(&[keccak256(Self::TYPE).0, address(self.worker), address(self.owner)]))
    }

    /// Whether the owner signed it.
    #[must_use]
    pub fn is_signed_by_owner(&self, domain: &Domain, signature: &[u8]) -> bool {
        recover(self.digest(domain), signature) == Recovered::By(self.owner)
    }
}
