//! Publishing and unpublishing, with iExec's checks in iExec's order and words.

use super::{ChainQuery, check_chain, find, kind_of, name_of};
use crate::core::State as LoopState;
use crate::extract::{Body, Query};
use crate::http::{Server, check_funds};
use crate::order::{check, with_strings};
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::gateway::{Publish, Published, Unpublish, Unpublished};
use api::limits;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use exchange::{AnyOrder, Command};
use market::Market;
use orders::OrderKind;
use serde_json::Value;
use std::sync::Arc;
use units::{Address, Amount, OrderHash, U256};

/// Who signs the challenge of the `authorization` header.
fn authorized(shared: &Shared, headers: &HeaderMap) -> Answer<Address> {
    let invalid = || Problem::forbidden("invalid_authorization", "invalid authorization");
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(invalid)?;
    shared.access.answered(header, shared.clock.now())
}

/// `POST /apporders` and the like.
pub(crate) async fn publish(
    State(shared): Server,
    uri: Uri,
    Query(query): Query<ChainQuery>,
    headers: HeaderMap,
    Body(publish): Body<Publish>,
) -> Answer<Json<Published>> {
    check_chain(&shared, query.chain_id.as_deref())?;
    let signer = authorized(&shared, &headers)?;
    let kind = kind_of(&uri);
    let order = check(read(kind, publish.order)?, &shared.domain)?;
    let hash = order.hash();
    if find(&shared, kind, hash).await?.is_some_and(|record| record.status != "dead") {
        return Err(Problem::forbidden("already_published", "order already published"));
    }
    let checked = order.clone();
    shared.core.read(move |state| publishable(&state.market, &checked, signer)).await??;
    crate::http::check_image(&shared, &order).await?;
    shared.core.place(order, None).await?;
    let published = find(&shared, kind, hash).await?;
    let published =
        published.ok_or_else(|| Problem::missing("unknown_order", format!("{} not found", name_of(kind))))?;
    Ok(Json(Published { ok: true, published }))
}

fn read(kind: OrderKind, order: Value) -> Answer<api::order::AnyOrder> {
    let order = with_strings(order);
    let read = match kind {
        OrderKind::App => serde_json::from_value(order).map(api::order::AnyOrder::App),
        OrderKind::Dataset => serde_json::from_value(order).map(api::order::AnyOrder::Dataset),
        OrderKind::Workerpool => serde_json::from_value(order).map(api::order::AnyOrder::Workerpool),
        OrderKind::Request => serde_json::from_value(order).map(api::order::AnyOrder::Request),
    };
    read.map_err(|error| Problem::bad("bad_order", error.to_string()))
}

/// Everything that is checked against the exchange's state.
fn publishable(market: &Market, order: &AnyOrder, by: Address) -> Answer<()> {
    let exchange = market.exchange();
    let owner = match order {
        AnyOrder::Request(order) => order.order().requester,
        AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) => {
            let asset = exchange.asset(order.subject());
            asset.ok_or_else(|| Problem::forbidden("unknown_asset", "Resource not deployed"))?.owner
        }
    };
    if by != owner {
        return Err(Problem::forbidden("not_yours", format!("only order signer {owner} can publish an order")));
    }
    if !matches!(exchange.hub().is_signed(owner, order.signer()), Ok(true)) {
        return Err(Problem::forbidden("not_signed_by_owner", "invalid sign"));
    }
    if market.open_orders(order.kind(), owner) >= limits::OPEN_ORDERS as u64 {
        let words = format!("maximum published {} per wallet reached: {}", name_of(order.kind()), limits::OPEN_ORDERS);
        return Err(Problem::forbidden("too_many_orders", words));
    }
    let remaining = exchange.remaining_volume(order);
    if remaining.is_zero() {
        return Err(Problem::forbidden("consumed", "order already consumed"));
    }
    let free = exchange.account(owner).free;
    match order {
        AnyOrder::App(_) | AnyOrder::Dataset(_) => Ok(()),
        AnyOrder::Workerpool(order) => {
            let stake = order.order().workerpoolprice.checked_mul(U256::from(poco::WORKERPOOL_STAKE_RATIO));
            let stake = stake.and_then(|stake| stake.checked_div(U256::from(100)));
            let needed = stake.and_then(|stake| stake.checked_mul(remaining)).unwrap_or(Amount(U256::MAX));
            if free < needed { Err(Problem::funds(owner, free, needed)) } else { Ok(()) }
        }
        AnyOrder::Request(order) => {
            let request = order.order();
            check_funds(request, remaining, free)?;
            let sold = |asset: Address, most: Amount, what: &str| {
                let offers = |offer: &AnyOrder| match offer {
                    AnyOrder::App(offer) => offer.order().appprice <= most,
                    AnyOrder::Dataset(offer) => offer.order().datasetprice <= most,
                    AnyOrder::Workerpool(_) | AnyOrder::Request(_) => false,
                };
                if asset.is_zero() || exchange.resting_of(asset).any(offers) {
                    return Ok(());
                }
                Err(Problem::forbidden("no_matching_order", format!("no matchable {what} order published for {asset}")))
            };
            sold(request.app, request.appmaxprice, "app")?;
            sold(request.dataset, request.datasetmaxprice, "dataset")
        }
    }
}

/// `PUT /apporders` and the like.
pub(crate) async fn unpublish(
    State(shared): Server,
    uri: Uri,
    Query(query): Query<ChainQuery>,
    headers: HeaderMap,
    Body(unpublish): Body<Unpublish>,
) -> Answer<Json<Unpublished>> {
    check_chain(&shared, query.chain_id.as_deref())?;
    let by = authorized(&shared, &headers)?;
    let kind = kind_of(&uri);
    let subject = match kind {
        OrderKind::App => unpublish.app,
        OrderKind::Dataset => unpublish.dataset,
        OrderKind::Workerpool => unpublish.workerpool,
        OrderKind::Request => unpublish.requester,
    };
    let target = unpublish.target.as_deref().unwrap_or("unpublish_orderHash");
    let orders: Vec<OrderHash> = match (target, unpublish.order_hash, subject) {
        ("unpublish_orderHash", Some(order), _) => vec![order],
        ("unpublish_orderHash", None, _) => {
            return Err(Problem::bad("order_hash_missing", "orderHash is a required field"));
        }
        ("unpublish_last" | "unpublish_all", _, Some(subject)) => {
            let mut open = open_orders(&shared, kind, subject).await?;
            if target == "unpublish_last" {
                open = open.pop().into_iter().collect();
            }
            open
        }
        ("unpublish_last" | "unpublish_all", _, None) => {
            return Err(Problem::bad("subject_missing", "app, dataset, workerpool or requester is a required field"));
        }
        (other, ..) => return Err(Problem::bad("bad_target", format!("invalid target {other}"))),
    };
    if orders.is_empty() {
        return Err(Problem::forbidden("unknown_order", format!("no open {} published", name_of(kind))));
    }
    for order in &orders {
        shared.core.command(Command::RemoveOrder { order: *order, by }).await??;
    }
    Ok(Json(Unpublished { ok: true, unpublished: orders }))
}

/// Open orders for an asset, or of a requester, the oldest first.
async fn open_orders(shared: &Arc<Shared>, kind: OrderKind, subject: Address) -> Answer<Vec<OrderHash>> {
    let read = move |state: &LoopState| {
        let orders = state.market.exchange().resting_of(subject).filter(|order| order.kind() == kind);
        let mut open: Vec<_> = orders.map(|order| (state.since.get(&order.hash()).copied(), order.hash())).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, hash)| hash).collect()
    };
    shared.core.read(read).await
}
