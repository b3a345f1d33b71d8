//! Orders: placing, taking off the book, reading the book, explaining why a request waits.

use super::{Server, Who};
use crate::core::{self, State as LoopState};
use crate::extract::{Body, Query, id};
use crate::order;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::image::ImageAddress;
use api::limits;
use api::order::{BookRow, Kind, Orders, Placed, PlacedOrder, PlacedOrders};
use api::receipt::Receipted;
use axum::extract::{ConnectInfo, Path, State};
use axum::{Extension, Json};
use exchange::{AnyOrder, Command, Exchange};
use orders::OrderKind;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use units::{Address, Amount, OrderHash, Tag, Timestamp, U256};

/// How many signers are found out before others on the same thread have a turn.
const RECOVERED_AT_ONCE: usize = 16;

/// `POST /v1/orders`. The same order again gets the same answer.
pub(crate) async fn place(
    State(shared): Server,
    Body(order): Body<api::order::AnyOrder>,
) -> Answer<Json<Receipted<Placed>>> {
    let order = order::check(order, &shared.domain)?;
    let hash = order.hash();
    check_image(&shared, &order).await?;
    let receipt = shared.core.place(order, None).await?;
    Ok(Json(Receipted { answer: Placed { order: hash }, receipt }))
}

/// `POST /v1/orders/batch`: many at once, each taken or refused by itself.
pub(crate) async fn place_each(
    State(shared): Server,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(Orders { orders }): Body<Orders>,
) -> Answer<Json<Receipted<PlacedOrders>>> {
    if orders.is_empty() || orders.len() > limits::ORDERS_AT_ONCE {
        let words = format!("a request may have {} orders, and at least one", limits::ORDERS_AT_ONCE);
        return Err(Problem::bad("orders_at_once", words));
    }
    // As if each had come by itself.
    if !shared.limiter.take(from.ip(), orders.len().saturating_sub(1), shared.clock.now()) {
        return Err(super::too_many_requests());
    }
    let (mut rows, mut sound) = (Vec::with_capacity(orders.len()), Vec::with_capacity(orders.len()));
    for (number, order) in orders.into_iter().enumerate() {
        // Finding out a signer takes long beside what others on this thread want.
        if number % RECOVERED_AT_ONCE == RECOVERED_AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
        let checked = match order::check(order, &shared.domain) {
            Ok(order) => check_image(&shared, &order).await.map(|()| order),
            Err(problem) => Err(problem),
        };
        rows.push(match checked {
            Ok(order) => {
                let row = PlacedOrder { order: Some(order.hash()), refused: None };
                sound.push(order);
                row
            }
            Err(problem) => PlacedOrder { order: None, refused: Some(problem.body) },
        });
    }
    let core::Placed { taken, receipt } = shared.core.place_each(sound).await?;
    for (row, taken) in rows.iter_mut().filter(|row| row.refused.is_none()).zip(taken) {
        row.refused = taken.err().map(|refusal| Problem::from(refusal).body);
    }
    Ok(Json(Receipted { answer: PlacedOrders { orders: rows }, receipt }))
}

/// Refuses to sell an image to machines that run none, or one from a registry that the operator does not list: nobody could
/// run what was sold, and the pools would pay for it.
pub(crate) async fn check_image(shared: &Shared, order: &AnyOrder) -> Answer<()> {
    let AnyOrder::App(order) = order else { return Ok(()) };
    let (app, tag) = (order.order().app, order.order().tag);
    let image = shared.core.read(move |state| market::image(state.market.exchange(), app).map(str::to_owned)).await?;
    let Some(image) = image else { return Ok(()) };
    if !Tag::CONTAINERS.is_subset_of(tag) {
        let words = format!("{app} is a container image; its order's tag has the bit {}", Tag::CONTAINERS);
        return Err(Problem::forbidden("tag_lacks_containers", words));
    }
    let address = ImageAddress::read(&image);
    match (&shared.registries, address.registry()) {
        (Some(allowed), Some(registry)) if !allowed.contains(registry) => {
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            let words = format!("images are not fetched from {registry} here, only from {}", allowed.join(", "));
            Err(Problem::forbidden("registry_not_listed", words))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// `DELETE /v1/orders/{hash}`: takes one's own order off the book. It is not closed: a transaction can still match it.
pub(crate) async fn remove(
    State(shared): Server,
    Extension(who): Who,
    Path(hash): Path<String>,
) -> Answer<Json<Receipted<Placed>>> {
    let (order, by): (OrderHash, Address) = (id("an order's hash", &hash)?, who.account()?);
    let receipt = shared.core.command(Command::RemoveOrder { order, by }).await??;
    Ok(Json(Receipted { answer: Placed { order }, receipt }))
}

/// What rows of the book are asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct BookQuery {
    kind: Option<Kind>,
    category: Option<u64>,
    maker: Option<Address>,
    limit: Option<usize>,
}

/// Rows of the book.
#[derive(Debug, Serialize)]
pub(crate) struct BookAnswer {
    orders: Vec<BookRow>,
}

/// `GET /v1/book`.
pub(crate) async fn book(State(shared): Server, Query(query): Query<BookQuery>) -> Answer<Json<BookAnswer>> {
    let limit = query.limit.unwrap_or(limits::PAGE_MOST).min(limits::PAGE_MOST);
    let mut rows = shared.core.read(move |state| book_rows(state, query)).await?;
    // Best first: the lowest ask, the highest bid; equals by time.
    rows.sort_by(|a, b| {
        let price = if a.kind == Kind::Request { b.price.cmp(&a.price) } else { a.price.cmp(&b.price) };
        a.kind.cmp(&b.kind).then(price).then(a.since.cmp(&b.since)).then(a.order.cmp(&b.order))
    });
    rows.truncate(limit);
    Ok(Json(BookAnswer { orders: rows }))
}

fn book_rows(state: &LoopState, query: BookQuery) -> Vec<BookRow> {
    let exchange = state.market.exchange();
    let fits = |row: &BookRow| {
        query.kind.is_none_or(|kind| row.kind == kind)
            && query.category.is_none_or(|category| row.category == Some(category))
            && query.maker.is_none_or(|maker| row.maker == maker)
    };
    let since = |hash: OrderHash| state.since.get(&hash).copied().unwrap_or_default();
    exchange.resting().map(|order| book_row(exchange, order, since(order.hash()))).filter(fits).collect()
}

fn book_row(exchange: &Exchange, order: &AnyOrder, since: Timestamp) -> BookRow {
    let (price, category, trust, tag) = terms(order);
    let subject = match order {
        AnyOrder::Request(order) => order.order().app,
        AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) => order.subject(),
    };
    BookRow {
        order: order.hash(),
        kind: kind(order.kind()),
        maker: order.signer().address().unwrap_or_default(),
        subject,
        price,
        remaining: small(exchange.remaining_volume(order)),
        volume: small(order.volume()),
        category: category.map(small),
        trust: trust.map(small),
        tag,
        since,
        only_for: only_for(order).filter(|only| *only != Address::ZERO),
    }
}

/// The only requester that an order is for, as it says it.
fn only_for(order: &AnyOrder) -> Option<Address> {
    match order {
        AnyOrder::App(order) => Some(order.order().requesterrestrict),
        AnyOrder::Dataset(order) => Some(order.order().requesterrestrict),
        AnyOrder::Workerpool(_) | AnyOrder::Request(_) => None,
    }
}

type Terms = (Amount, Option<U256>, Option<U256>, Tag);

fn terms(order: &AnyOrder) -> Terms {
    match order {
        AnyOrder::App(order) => (order.order().appprice, None, None, order.order().tag),
        AnyOrder::Dataset(order) => (order.order().datasetprice, None, None, order.order().tag),
        AnyOrder::Workerpool(order) => {
            let order = order.order();
            (order.workerpoolprice, Some(order.category), Some(order.trust), order.tag)
        }
        AnyOrder::Request(order) => {
            let order = order.order();
            (order.workerpoolmaxprice, Some(order.category), Some(order.trust), order.tag)
        }
    }
}

fn kind(kind: OrderKind) -> Kind {
    match kind {
        OrderKind::App => Kind::App,
        OrderKind::Dataset => Kind::Dataset,
        OrderKind::Workerpool => Kind::Workerpool,
        OrderKind::Request => Kind::Request,
    }
}

fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
