//! What has an address without having a key: apps, datasets, workerpools, and contract-like accounts.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use units::{Address, B256, Bytes, U256};

/// Share of the price that a worker of a new pool stakes, percent.
pub const DEFAULT_WORKER_STAKE_RATIO: u64 = 30;
/// Share of the pot that goes to the owner of a new pool, percent.
pub const DEFAULT_SCHEDULER_REWARD_RATIO: u64 = 1;

/// A published thing with an address of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Whose it is.
    pub owner: Address,
    /// What it is.
    pub kind: AssetKind,
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssetKind {
    /// A program.
    App {
        /// Its name.
        name: String,
        /// What runs it: `WASM`, `DOCKER`, ….
        runtime: String,
        /// Where it is.
        multiaddr: Bytes,
        /// The SHA-256 digest of it.
        checksum: B256,
        /// The enclave's measure, for TEE apps.
        mrenclave: Bytes,
    },
    /// Data to compute on.
    Dataset {
        /// Its name.
        name: String,
        /// Where it is.
        multiaddr: Bytes,
        /// The SHA-256 digest of it.
        checksum: B256,
    },
    /// A group of workers under one policy.
    Workerpool {
        /// What it says of itself.
        description: String,
        /// Its policy.
        policy: Policy,
    },
}

/// A workerpool's terms; a deal takes those at the time of its match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What a worker stakes, percent of the pool's price; may exceed 100.
    pub worker_stake_ratio: U256,
    /// The pool owner's share of the pot, percent, at most 100.
    pub scheduler_reward_ratio: U256,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            worker_stake_ratio: U256::from(DEFAULT_WORKER_STAKE_RATIO),
            scheduler_reward_ratio: U256::from(DEFAULT_SCHEDULER_REWARD_RATIO),
        }
    }
}

/// An account that is a contract on a chain. It signs nothing by a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contract {
    /// One of the exchange's own: hub, token, registry. Its owner is the operator.
    House,
    /// A list of accounts that may stand in an order's restriction (an ERC-734 identity with members of purpose 4).
    Group {
        /// Who may change it.
        owner: Address,
        /// Who is in it.
        members: BTreeSet<Address>,
    },
    /// Any other program: it accepts no signature (ERC-1271), is no list of accounts, and may take results by callback.
    Program,
}

/// A time class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The time a task may take on a reference machine (PoCo's `workClockTimeRef`), seconds.
    pub seconds: u64,
}
