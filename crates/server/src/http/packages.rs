//! Packages of apps with a manifest, found by name: what a requester's machine needs to split jobs and join results.
//!
//! Whoever may use the exchange may read one, as long as its owner offers it to everybody and has the file itself: naming another's
//! file as a package opens it to nobody. The programs that tasks run are no part of it; they go to workers alone, as ever.

use super::{Server, Who};
use crate::core::{State as LoopState, blob_named};
use crate::extract::{Query, id};
use crate::problem::{Answer, Problem};
use api::package::{BYTES, MOST, PackageRow, Packages, TYPE};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use bytes::Bytes;
use exchange::AnyOrder;
use poco::AssetKind;
use serde::Deserialize;
use std::cmp::Reverse;
use units::Address;

/// Which packages are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    name: String,
}

/// `GET /v1/packages?name=NAME`: the packages of this name that are offered to everybody.
pub(crate) async fn list(State(shared): Server, Query(Named { name }): Query<Named>) -> Answer<Json<Packages>> {
    let offered = move |state: &LoopState| {
        let orders = state.market.exchange().resting();
        orders.filter_map(|order| row(state, order)).filter(|row| row.name == name).collect::<Vec<_>>()
    };
    let mut packages = shared.core.read(offered).await?;
    packages.sort_unstable_by_key(|row| (Reverse(row.since), row.order));
    packages.truncate(MOST);
    Ok(Json(Packages { packages }))
}

/// `GET /v1/packages/{app}`: a package's file.
pub(crate) async fn read(State(shared): Server, Extension(who): Who, Path(app): Path<String>) -> Answer<Bytes> {
    who.account()?;
    let app: Address = id("a package's address", &app)?;
    let offered = move |state: &LoopState| {
        let mut orders = state.market.exchange().resting_of(app);
        orders.find_map(|order| row(state, order))
    };
    let missing = || Problem::missing("unknown_package", format!("no package {app} is offered to everybody"));
    let PackageRow { owner, digest, .. } = shared.core.read(offered).await?.ok_or_else(missing)?;
    if !shared.reads.read(move |history| history.may_read(digest, owner)).await? {
        return Err(missing());
    }
    Ok(shared.blobs.read_bytes(&digest, BYTES).await?)
}

/// What an order offers, if that is a package and everybody's.
fn row(state: &LoopState, order: &AnyOrder) -> Option<PackageRow> {
    let AnyOrder::App(offer) = order else { return None };
    let app = offer.order().app;
    if offer.order().requesterrestrict != Address::ZERO {
        return None;
    }
    let asset = state.market.exchange().asset(app)?;
    let AssetKind::App { name, runtime, multiaddr, .. } = &asset.kind else { return None };
    let digest = blob_named(multiaddr).filter(|_| runtime == TYPE)?;
    let since = state.since.get(&order.hash()).copied().unwrap_or_default();
    Some(PackageRow { app, owner: asset.owner, name: name.clone(), digest, order: order.hash(), since })
}
