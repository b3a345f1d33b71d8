//! Both sides of the market: placing orders, closing them, reading the book.

use crate::client::{Client, salt};
use crate::error::Error;
use abi::{Call, Managed};
use api::explain::{Explain, ExplainWorker};
use api::order::{AnyOrder, BookRow, Kind, Orders, Placed, PlacedOrder, PlacedOrders};
use api::receipt::Receipted;
use orders::{Operation, Order, Signed};
use reqwest::Method;
use serde::de::DeserializeOwned;
use units::{Address, B256, Bytes, OrderHash};

/// Which rows of the book to read; what is not named is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookFilter {
    /// Orders of this kind.
    pub kind: Option<Kind>,
    /// Of this time class.
    pub category: Option<u64>,
    /// Of this maker.
    pub maker: Option<Address>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Client {
    /// Signs an order with this client's key.
    #[must_use]
    pub fn sign<O: Order>(&self, order: O) -> Signed<O> {
        Signed::with(order, self.domain(), self.key())
    }

    /// A random salt, which makes two equal orders different.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn salt(&self) -> Result<B256, Error> {
        salt()
    }

    /// The order's name on this exchange.
    #[must_use]
    pub fn order_hash(&self, order: &AnyOrder) -> OrderHash {
        match order {
            AnyOrder::App(signed) => signed.order.hash(self.domain()),
            AnyOrder::Dataset(signed) => signed.order.hash(self.domain()),
            AnyOrder::Workerpool(signed) => signed.order.hash(self.domain()),
            AnyOrder::Request(signed) => signed.order.hash(self.domain()),
        }
    }

    /// Puts a signed order on the book. The same order again gets the same answer.
    ///
    /// # Errors
    /// [`Error::Refused`] where the exchange does not take it; [`Error::Unreachable`].
    pub async fn place(&self, order: &AnyOrder) -> Result<OrderHash, Error> {
        let placed: Placed = self.command("/v1/orders", order).await?;
        Ok(placed.order)
    }

    /// Puts many signed orders on the book, in this order, each taken or refused by itself:
    /// [`ORDERS_AT_ONCE`](api::limits::ORDERS_AT_ONCE) a request.
    ///
    /// # Errors
    /// [`Error::Refused`] where a request is not taken at all; [`Error::Unreachable`]. Those before it may rest by then: sent
    /// again, they get the same answer.
    pub async fn place_each(&self, orders: Vec<AnyOrder>) -> Result<Vec<PlacedOrder>, Error> {
        let mut placed = Vec::with_capacity(orders.len());
        for orders in orders.chunks(api::limits::ORDERS_AT_ONCE) {
            let orders = Orders { orders: orders.to_vec() };
            let answer: PlacedOrders = self.command("/v1/orders/batch", &orders).await?;
            placed.extend(answer.orders);
        }
        Ok(placed)
    }

    /// Takes an order off the book for ever, by a transaction of its maker's.
    ///
    /// # Errors
    /// [`Error::Reverted`] where it is closed already or not this client's; [`Error::Unreachable`].
    pub async fn close(&self, order: &AnyOrder) -> Result<(), Error> {
        let call = match order {
            AnyOrder::App(signed) => Call::ManageAppOrder(closing(signed)),
            AnyOrder::Dataset(signed) => Call::ManageDatasetOrder(closing(signed)),
            AnyOrder::Workerpool(signed) => Call::ManageWorkerpoolOrder(closing(signed)),
            AnyOrder::Request(signed) => Call::ManageRequestOrder(closing(signed)),
        };
        self.transact(&call).await.map(drop)
    }

    /// Takes an order of one's own off the book. It is not closed: by a transaction it can still be matched.
    ///
    /// # Errors
    /// [`Error::Refused`] where it does not rest there or is not one's own; [`Error::Unreachable`].
    pub async fn remove_order(&self, order: OrderHash) -> Result<(), Error> {
        let path = format!("/v1/orders/{order}");
        let response = self.request(Method::DELETE, &path, |request| request).await?;
        let answer: Receipted<Placed> = self.http().json(response).await?;
        self.keep(&answer.receipt)
    }

    /// Orders at rest, best first.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn book(&self, filter: BookFilter) -> Result<Vec<BookRow>, Error> {
        #[derive(serde::Deserialize)]
        struct Answer {
            orders: Vec<BookRow>,
        }
        let mut query = Vec::new();
        if let Some(kind) = filter.kind {
            query.push(format!("kind={}", kind_name(kind)));
        }
        if let Some(category) = filter.category {
            query.push(format!("category={category}"));
        }
        if let Some(maker) = filter.maker {
            query.push(format!("maker={maker}"));
        }
        query.push(format!("limit={}", filter.limit.unwrap_or(api::limits::PAGE_MOST)));
        let answer: Answer = self.read(&format!("/v1/book?{}", query.join("&"))).await?;
        Ok(answer.orders)
    }

    /// Why a request order is not matched further, and what would help.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn explain_order(&self, order: OrderHash) -> Result<Explain, Error> {
        self.read(&format!("/v1/orders/{order}/explain")).await
    }

    /// Why a worker has nothing (more) to do.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is not known; [`Error::Unreachable`].
    pub async fn explain_worker(&self, worker: Address) -> Result<ExplainWorker, Error> {
        self.read(&format!("/v1/workers/{worker}/explain")).await
    }

    /// An order as its maker signed it, from the exchange's gateway; none where no kind has one of this name.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn order(&self, order: OrderHash) -> Result<Option<AnyOrder>, Error> {
        if let Some(signed) = self.published("requestorders", order).await? {
            return Ok(Some(AnyOrder::Request(signed)));
        }
        if let Some(signed) = self.published("workerpoolorders", order).await? {
            return Ok(Some(AnyOrder::Workerpool(signed)));
        }
        if let Some(signed) = self.published("apporders", order).await? {
            return Ok(Some(AnyOrder::App(signed)));
        }
        Ok(self.published("datasetorders", order).await?.map(AnyOrder::Dataset))
    }

    async fn published<O: DeserializeOwned>(&self, kind: &str, order: OrderHash) -> Result<Option<Signed<O>>, Error> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(default)]
            ok: bool,
            order: Option<serde_json::Value>,
        }
        let path = format!("/{kind}/{order}?chainId={}", self.exchange().chain_id);
        match self.read::<Answer>(&path).await {
            // Numbers up to 2^53 come as JSON numbers from a gateway; orders here are read from strings.
            Ok(Answer { ok: true, order: Some(order) }) => {
                serde_json::from_value(stringify_numbers(order)).map(Some).map_err(|error| Error::answer(path, error))
            }
            Ok(_) | Err(Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Turns the numbers of a JSON object into decimal strings.
fn stringify_numbers(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => serde_json::Value::String(number.to_string()),
        serde_json::Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, stringify_numbers(value))).collect()
        }
        other @ (serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Array(_)) => other,
    }
}

fn closing<O: Clone>(order: &Signed<O>) -> Box<Managed<O>> {
    Box::new(Managed { order: order.clone(), operation: Operation::Close, sign: Bytes::new() })
}

/// The kind's name in a query.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::App => "app",
        Kind::Dataset => "dataset",
        Kind::Workerpool => "workerpool",
        Kind::Request => "request",
    }
}
