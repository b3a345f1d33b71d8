//! Orders: placing, taking off the book, reading the book, explaining why a request waits.

use super::{Server, Who};
use crate::core::State as LoopState;
use crate::extract::{Body, Query, id};
use crate::order;
use crate::problem::{Answer, Problem};
use api::limits;
use api::order::{BookRow, Cause, Explain, Kind, Placed};
use api::receipt::Receipted;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use exchange::{AnyOrder, Command, Exchange, Rejection};
use market::{Explanation, Misfit, Obstacle};
use orders::OrderKind;
use serde::{Deserialize, Serialize};
use units::{Address, Amount, OrderHash, Tag, Timestamp, U256};

/// `POST /v1/orders`. The same order again gets the same answer.
pub(crate) async fn place(
    State(shared): Server,
    Body(order): Body<api::order::AnyOrder>,
) -> Answer<Json<Receipted<Placed>>> {
    let order = order::check(order, &shared.domain)?;
    let hash = order.hash();
    check_open(&shared.core, &order).await?;
    let receipt = match shared.core.command(Command::PlaceOrder(Box::new(order)), None).await? {
        Ok(receipt) => receipt,
        Err(Rejection::AlreadyResting(_)) => shared.core.receipt().await?,
        Err(rejection) => return Err(rejection.into()),
    };
    Ok(Json(Receipted { answer: Placed { order: hash }, receipt }))
}

/// Holds a maker to the limit on open orders; the exchange's own pools renew theirs all the time.
pub(crate) async fn check_open(core: &crate::core::Core, order: &AnyOrder) -> Answer<()> {
    let (hash, kind, maker) = (order.hash(), order.kind(), order.signer().address());
    let subject = order.subject();
    let open = core
        .read(move |state| {
            let exchange = state.market.exchange();
            if exchange.resting_order(hash).is_some() || maker == Some(exchange.genesis().operator) {
                return 0;
            }
            let theirs = |other: &&AnyOrder| other.kind() == kind && other.signer().address() == maker;
            // Requests, of which there are many, are found by their maker.
            if kind == OrderKind::Request {
                return exchange.resting_of(subject).filter(theirs).take(limits::OPEN_ORDERS).count();
            }
            exchange.resting().filter(theirs).take(limits::OPEN_ORDERS).count()
        })
        .await?;
    if open >= limits::OPEN_ORDERS {
        let words = format!("a maker may have {} open orders of a kind; close one first", limits::OPEN_ORDERS);
        return Err(Problem::forbidden("too_many_orders", words));
    }
    Ok(())
}

/// `DELETE /v1/orders/{hash}`: takes one's own order off the book. It is not closed: a transaction can still match it.
pub(crate) async fn remove(
    State(shared): Server,
    Extension(who): Who,
    Path(hash): Path<String>,
) -> Answer<Json<Receipted<Placed>>> {
    let (order, by): (OrderHash, Address) = (id("an order's hash", &hash)?, who.account()?);
    let receipt = shared.core.command(Command::RemoveOrder { order, by }, None).await??;
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

/// `GET /v1/orders/{hash}/explain` and `GET /v1/jobs/{id}/explain`.
pub(crate) async fn explain(State(shared): Server, Path(hash): Path<String>) -> Answer<Json<Explain>> {
    let order: OrderHash = id("an order's hash", &hash)?;
    let read = move |state: &LoopState| {
        let workers = state.market.workers().filter(|view| view.connected).count();
        (state.market.explain(order), state.market.job(order), workers)
    };
    let (explanation, view, workers) = shared.core.read(read).await?;
    let row = shared.reads.read(move |history| history.job(order)).await?;
    let matched = view.map(|view| view.matched).or_else(|| row.as_ref().map(|row| row.matched));
    let Some(matched) = matched.or_else(|| explanation.as_ref().map(|_| 0)) else {
        return Err(Problem::missing("unknown_order", format!("there is no request order or job {order}")));
    };
    Ok(Json(explained(order, matched, explanation, workers, shared.genesis.operator)))
}

/// Puts an explanation into words.
fn explained(
    order: OrderHash,
    matched: u64,
    explanation: Option<Explanation>,
    workers: usize,
    operator: Address,
) -> Explain {
    let Some(found) = explanation else {
        let summary = "nothing waits: all of its tasks are bought, or its order is closed".to_owned();
        return Explain { order, matched, waiting: 0, summary, causes: Vec::new(), advice: None };
    };
    let waiting = small(found.waiting);
    let mut causes: Vec<Cause> = Vec::new();
    for (cause, offers) in &found.passed_over {
        let (code, detail) = match cause {
            market::Cause::Category => ("category", "offers of another time class"),
            market::Cause::Misfit(misfit) => misfit_words(*misfit),
        };
        causes.push(Cause { code: code.to_owned(), count: offers.offers, detail: detail.to_owned() });
    }
    let mut say = |code: &str, detail: String| causes.push(Cause { code: code.to_owned(), count: 1, detail });
    let (summary, advice) = match found.obstacle {
        None => ("an offer fits: its next tasks are bought at once".to_owned(), None),
        Some(Obstacle::NotResting) => ("the order is not on the book".to_owned(), None),
        Some(Obstacle::NoAppOrder(why)) => {
            say("no_app_order", "nobody sells the app to this requester at this price".to_owned());
            (
                missing_seller("app", why),
                Some("publish an app order, or raise the app's price in the request".to_owned()),
            )
        }
        Some(Obstacle::NoDatasetOrder(why)) => {
            say("no_dataset_order", "nobody sells the dataset to this requester at this price".to_owned());
            let advice = "ask the data's owner for an order, or raise the dataset's price in the request";
            (missing_seller("dataset", why), Some(advice.to_owned()))
        }
        Some(Obstacle::NoWorkerpoolOrder(why)) if workers == 0 => {
            say("no_workers", "no worker is connected to a pool of this exchange".to_owned());
            let nearest = why.map(|why| format!("; the nearest offer is no use: {}", misfit_words(why).1));
            let summary =
                format!("no workers are connected; the job waits until some are{}", nearest.unwrap_or_default());
            (summary, Some("start one: hands work --exchange URL".to_owned()))
        }
        Some(Obstacle::NoWorkerpoolOrder(None)) => {
            say("busy", "no offer of computing in this time class just now".to_owned());
            let words = "all workers are busy, or none works in this time class for this trust; tasks are bought as they free up";
            (words.to_owned(), None)
        }
        Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Unstaked))) => {
            let (_, words) = misfit_words(Misfit::Unstaked);
            let advice =
                format!("the exchange's own pools stake its operator's: hands operator credit {operator} AMOUNT");
            (format!("no offer of computing fits: {words}"), Some(advice))
        }
        Some(Obstacle::NoWorkerpoolOrder(Some(why))) => {
            let (_, words) = misfit_words(why);
            (format!("no offer of computing fits: {words}"), found.raise().map(raise_words))
        }
        Some(Obstacle::Funds { needed, free, .. }) => {
            say("funds", format!("{needed} credits are needed and {free} are free"));
            let summary = format!("the requester has {free} credits free and the next tasks cost {needed}");
            (summary, Some("ask the operator for credits: hands operator credit ADDRESS AMOUNT".to_owned()))
        }
    };
    Explain { order, matched, waiting, summary, causes, advice }
}

fn raise_words(raise: Amount) -> String {
    format!("raise --max-price by {raise} credits a task")
}

fn missing_seller(what: &str, why: Option<Misfit>) -> String {
    match why {
        None => format!("nobody sells the {what}: there is no order for it on the book"),
        Some(why) => format!("no order for the {what} fits: {}", misfit_words(why).1),
    }
}

fn misfit_words(misfit: Misfit) -> (&'static str, &'static str) {
    match misfit {
        Misfit::TooDear => ("too_dear", "it asks more than the request pays"),
        Misfit::TrustTooLow => ("trust_too_low", "it sells less trust than is asked for"),
        Misfit::Tag => ("tag", "it lacks a capability that is asked for"),
        Misfit::Restricted => ("restricted", "it is restricted to others"),
        Misfit::Busy => ("busy", "its pool can take on no more tasks just now"),
        Misfit::Unstaked => ("unstaked", "its pool's owner has not the credits to stake, 30 % of the price"),
    }
}
