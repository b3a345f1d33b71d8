//! What an exchange says of itself, and how to sign in.

use serde::{Deserialize, Serialize};
use units::{Address, Amount, Timestamp};

/// `GET /v1/exchange`: what a client needs to know before it signs anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Protocol version, [`crate::limits::PROTOCOL_VERSION`].
    pub version: u32,
    /// Software version of the server.
    pub software: String,
    /// Chain id of this exchange alone.
    pub chain_id: u64,
    /// The hub, to which transactions go and which is the orders' verifying contract.
    pub hub: Address,
    /// The credits' token.
    pub token: Address,
    /// Registry of apps.
    pub app_registry: Address,
    /// Registry of datasets.
    pub dataset_registry: Address,
    /// Registry of workerpools.
    pub workerpool_registry: Address,
    /// Who runs it; signs receipts.
    pub operator: Address,
    /// Whether a join token must be shown.
    pub private: bool,
    /// The time classes, by index.
    pub categories: Vec<Category>,
    /// The pools hosted here.
    pub pools: Vec<Pool>,
}

/// A time class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its index, as orders name it.
    pub id: u64,
    /// Its name, such as `XS`.
    pub name: String,
    /// The most a task may take on a reference machine, seconds.
    pub seconds: u64,
}

/// A hosted pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name, such as `commons`.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Who owns it and stakes for it.
    pub owner: Address,
    /// A worker's stake, percent of the price.
    pub worker_stake_ratio: u64,
    /// The pool's share of the reward, percent.
    pub scheduler_reward_ratio: u64,
    /// Workers connected.
    pub workers: u64,
    /// Whether only workers that its owner invited may work there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_invitation: bool,
}

/// `POST /v1/session`: signs in with an answered challenge (`GET /challenge?chainId&address`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// `hash_signature_address`, as iExec's gateway wants it in its `authorization` header.
    pub authorization: String,
    /// What `hands up` printed; needed on a private exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_token: Option<String>,
}

/// The answer to [`SignIn`]: a token for `authorization: Bearer …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The opaque token.
    pub token: String,
    /// Who signed in.
    pub address: Address,
    /// When it ends.
    pub expires: Timestamp,
}

/// A row of `GET /v1/workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRow {
    /// The worker.
    pub address: Address,
    /// Who owns it.
    pub owner: Address,
    /// The pool it works for.
    pub pool: Address,
    /// Connected just now.
    pub connected: bool,
    /// Tasks it may hold at once.
    pub slots: u32,
    /// Tasks it runs at once: the cores that it lends.
    #[serde(default)]
    pub cores: u32,
    /// Tasks it holds.
    pub busy: u32,
    /// Tasks it has finished and been paid for since the exchange started.
    pub finished: u64,
    /// Its PoCo score.
    pub score: u64,
    /// Its benchmark, millions of operations a second.
    pub benchmark: u64,
    /// Why it is idle, in words; empty when it is not.
    pub idle_because: String,
}

/// `GET /healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok` while the journal takes entries.
    pub status: String,
    /// Software version.
    pub version: String,
    /// The last durable record.
    pub sequence: u64,
}

/// `GET /v1/outstanding`. Credits are issued and redeemed by the operator's signed transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    /// Credits issued and not redeemed, nano-credits.
    pub outstanding: Amount,
}
