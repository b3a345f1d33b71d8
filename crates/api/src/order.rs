//! Placing orders and reading the book under `/v1`.

use crate::error::ErrorBody;
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

/// `POST /v1/orders/batch`: signed orders of any kinds, at most [`ORDERS_AT_ONCE`](crate::limits::ORDERS_AT_ONCE). Answer:
/// [`PlacedOrders`] with one receipt for all that were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// The orders, taken in this order.
    pub orders: Vec<AnyOrder>,
}

/// What came of orders that were sent together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrders {
    /// Each in its place.
    pub orders: Vec<PlacedOrder>,
}

/// What came of one of them: one that rests already is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedOrder {
    /// Its hash; none where it is no order of this exchange's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderHash>,
    /// Why it was not taken; none if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorBody>,
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
    /// The only requester that an app or dataset order is for; none: it is for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_for: Option<Address>,
}
