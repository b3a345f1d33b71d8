//! iExec market gateway's shapes, served at the server's root: its routes, paging, errors and challenge header, because
//! clients for them exist.
//!
//! Numbers are decimal strings in what comes in and JSON numbers in what goes out; every one fits 2⁵³ − 1. Addresses go out
//! with EIP-55's checksum, as iExec's do, because its SDK's users compare them with addresses of that form.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use units::{Address, B256, DealId, OrderHash, Tag};

/// Page sizes that the gateway takes, and the one it takes by default.
pub const PAGE_SIZES: std::ops::RangeInclusive<u64> = 10..=1_000;

fn checksummed<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&address.to_checksum(None))
}

/// `POST /apporders` and the like: an order to be published, under the `authorization` header of its signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The signed order.
    pub order: Value,
}

/// A published order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecord {
    /// Its hash.
    pub order_hash: OrderHash,
    /// The order with its signature, numbers as JSON numbers.
    pub order: Value,
    /// The exchange's chain id.
    pub chain_id: u64,
    /// Tasks left of it.
    pub remaining: u64,
    /// `open`, `filled`, `canceled`, `dead`.
    pub status: String,
    /// When it was published, ISO 8601.
    pub publication_timestamp: String,
    /// Who signed it.
    #[serde(serialize_with = "checksummed")]
    pub signer: Address,
    /// Whether a dataset order may be used in bulk; false here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<bool>,
}

/// The answer to [`Publish`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// True.
    pub ok: bool,
    /// The order as it is published.
    pub published: OrderRecord,
}

/// `GET /apporders/{hash}` and the like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOrder {
    /// True.
    pub ok: bool,
    /// The order.
    #[serde(flatten)]
    pub order: OrderRecord,
}

/// A page of `GET /apporders` and the like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrdersPage {
    /// True.
    pub ok: bool,
    /// Orders on all pages.
    pub count: u64,
    /// Index of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<u64>,
    /// Best first.
    pub orders: Vec<OrderRecord>,
}

/// `PUT /apporders` and the like: takes orders off the book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unpublish {
    /// Which: `unpublish_orderHash` (also when nothing is said), `unpublish_last`, `unpublish_all`.
    #[serde(default)]
    pub target: Option<String>,
    /// The order, for `unpublish_orderHash`.
    #[serde(default)]
    pub order_hash: Option<OrderHash>,
    /// Whose orders otherwise: of this app.
    #[serde(default)]
    pub app: Option<Address>,
    /// Of this dataset.
    #[serde(default)]
    pub dataset: Option<Address>,
    /// Of this pool.
    #[serde(default)]
    pub workerpool: Option<Address>,
    /// Of this requester.
    #[serde(default)]
    pub requester: Option<Address>,
}

/// The answer to [`Unpublish`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    /// True.
    pub ok: bool,
    /// The orders that are off the book now.
    pub unpublished: Vec<OrderHash>,
}

/// A side of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealPart {
    /// The app, dataset or pool; zero for none.
    #[serde(serialize_with = "checksummed")]
    pub pointer: Address,
    /// Whose it was at the match.
    #[serde(serialize_with = "checksummed")]
    pub owner: Address,
    /// For a task, nano-credits.
    pub price: u64,
}

/// A deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DealRecord {
    /// Its id.
    pub dealid: DealId,
    /// The exchange's chain id.
    pub chain_id: u64,
    /// The app's side.
    pub app: DealPart,
    /// The dataset's side; zeros for none.
    pub dataset: DealPart,
    /// The pool's side.
    pub workerpool: DealPart,
    /// Who asked.
    #[serde(serialize_with = "checksummed")]
    pub requester: Address,
    /// For whom.
    #[serde(serialize_with = "checksummed")]
    pub beneficiary: Address,
    /// Whom to call.
    #[serde(serialize_with = "checksummed")]
    pub callback: Address,
    /// The app order.
    pub app_hash: OrderHash,
    /// The dataset order; zero for none.
    pub dataset_hash: OrderHash,
    /// The pool's order.
    pub workerpool_hash: OrderHash,
    /// The request order.
    pub request_hash: OrderHash,
    /// What the tasks do.
    pub params: String,
    /// How many tasks.
    pub volume: u64,
    /// Time class.
    pub category: u64,
    /// Capabilities demanded.
    pub tag: Tag,
    /// How sure to be.
    pub trust: u64,
    /// When it was matched, seconds since the Unix epoch.
    pub start_time: u64,
    /// The first task's index.
    pub bot_first: u64,
    /// How many tasks.
    pub bot_size: u64,
    /// The pool's share, percent.
    pub scheduler_reward_ratio: u64,
    /// A worker's stake for a task, nano-credits.
    pub worker_stake: u64,
    /// The record it is in.
    pub block_number: u64,
    /// When that was made, ISO 8601.
    pub block_timestamp: String,
    /// The transaction that matched it; zero if the exchange did.
    pub transaction_hash: B256,
}

/// A page of `GET /deals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DealsPage {
    /// True.
    pub ok: bool,
    /// Deals on all pages.
    pub count: u64,
    /// Index of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<u64>,
    /// The newest first.
    pub deals: Vec<DealRecord>,
}

/// `GET /deals/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneDeal {
    /// True.
    pub ok: bool,
    /// The deal.
    #[serde(flatten)]
    pub deal: DealRecord,
}

/// A time class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryRecord {
    /// Its index.
    pub catid: u64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The time a task may take on a reference machine, seconds.
    pub work_clock_time_ref: u64,
}

/// `GET /categories`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoriesPage {
    /// True.
    pub ok: bool,
    /// How many there are.
    pub count: u64,
    /// Index of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page: Option<u64>,
    /// By index.
    pub categories: Vec<CategoryRecord>,
}

/// `GET /categories/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneCategory {
    /// True.
    pub ok: bool,
    /// The time class.
    #[serde(flatten)]
    pub category: CategoryRecord,
}

/// `GET /challenge`: the typed data to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeAnswer {
    /// True.
    pub ok: bool,
    /// EIP-712 typed data, as `eth_signTypedData_v4` takes it.
    pub data: Value,
}

/// `GET /version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// True.
    pub ok: bool,
    /// The gateway's version.
    pub version: String,
}
