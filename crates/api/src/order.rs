//! Placing orders and reading the book under `/v1`.

use orders::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
use serde::{Deserialize, Serialize};
use units::{Address, Amount, OrderHash, Tag, Timestamp};

/// `POST /v1/orders`: a signed order of any kind. Answer: [`Placed`] with its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "order", rename_all = "snake_case")]
pub enum AnyOrder {
    /// Sells the use of an app.
    App(Signed<AppOrder>),
    /// Sells the use of a dataset.
    Dataset(Signed<DatasetOrder>),
    /// Sells computing.
    Workerpool(Signed<WorkerpoolOrder>),
    /// Buys computing.
    Request(Signed<RequestOrder>),
}

/// An order was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its hash.
    pub order: OrderHash,
}

/// Which of the four kinds an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sells the use of an app.
    App,
    /// Sells the use of a dataset.
    Dataset,
    /// Sells computing.
    Workerpool,
    /// Buys computing.
    Request,
}

/// A row of `GET /v1/book?kind&category&maker&limit`: resting orders, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookRow {
    /// The order.
    pub order: OrderHash,
    /// Its kind.
    pub kind: Kind,
    /// Who made it.
    pub maker: Address,
    /// App, dataset, pool; for a request the app it asks for.
    pub subject: Address,
    /// Price of a task: what is asked, or for a request the most it pays the pool, nano-credits.
    pub price: Amount,
    /// Tasks left in it.
    pub remaining: u64,
    /// Tasks when it was signed.
    pub volume: u64,
    /// Time class (workerpool and request orders).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<u64>,
    /// Trust offered or asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<u64>,
    /// Capabilities.
    pub tag: Tag,
    /// When it was taken.
    pub since: Timestamp,
}

/// `GET /v1/orders/{hash}/explain`, and `GET /v1/jobs/{id}/explain`: how far a request is matched and why no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explain {
    /// The request order.
    pub order: OrderHash,
    /// Tasks bought.
    pub matched: u64,
    /// Tasks not yet bought.
    pub waiting: u64,
    /// One plain sentence.
    pub summary: String,
    /// Sell orders passed over, by cause.
    pub causes: Vec<Cause>,
    /// The nearest thing that would help, in words; none when nothing waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Why some offers did not serve a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A stable word: `too_dear`, `trust_too_low`, `tag`, `category`, `restricted`, `no_app_order`, `no_dataset_order`, `funds`, `busy`, `no_workers`.
    pub code: String,
    /// How many offers (or, for funds and the like, 1).
    pub count: u64,
    /// In words.
    pub detail: String,
}
