//! What an account has stored here, and its word that it needs files no more.

use super::{Server, Who, too_many_requests};
use crate::blob_access::names;
use crate::core::State as LoopState;
use crate::extract::Body;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::files::{Files, Forget, Forgotten, Stored};
use api::limits;
use api::params::Params;
use axum::extract::{ConnectInfo, State};
use axum::{Extension, Json};
use exchange::AnyOrder;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use units::{Address, Digest};

/// As so many requests counts one that looks through all deals.
const WEIGHT: usize = 500;

/// `GET /v1/blobs`: the caller's own files, the largest first.
pub(crate) async fn list(State(shared): Server, Extension(who): Who) -> Answer<Json<Files>> {
    let who = who.account()?;
    let (files, stored) = shared.storage.files(who);
    let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
    let files = files.into_iter().take(limits::PAGE_MOST).map(|(size, digest)| Stored { digest, size }).collect();
    Ok(Json(Files { stored, allowed: shared.storage.allowed(who), count, files }))
}

/// `POST /v1/blobs/forget`: the caller needs files no more that it sent. One is removed where nobody else sent it and no task's
/// result is the same; while a task or an offer of the caller's still needs it, it stays.
pub(crate) async fn forget(
    State(shared): Server,
    Extension(who): Who,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(asked): Body<Forget>,
) -> Answer<Json<Forgotten>> {
    let who = who.account()?;
    if asked.digests.len() > limits::PAGE_MOST {
        return Err(Problem::bad("too_many", format!("at most {} files at once", limits::PAGE_MOST)));
    }
    if !shared.limiter.take(from.ip(), WEIGHT, shared.clock.now()) {
        return Err(too_many_requests());
    }
    let asked: BTreeSet<Digest> = asked.digests.into_iter().collect();
    let (files, _) = shared.storage.files(who);
    let mine: BTreeMap<Digest, u64> =
        files.into_iter().map(|(size, digest)| (digest, size)).filter(|(digest, _)| asked.contains(digest)).collect();
    let needed = needed(&shared, who, mine.keys().copied().collect()).await?;
    let mut answer = Forgotten::default();
    for (digest, size) in mine {
        let stored = Stored { digest, size };
        if needed.contains(&digest) {
            answer.needed.push(stored);
            continue;
        }
        if !shared.recorder.forgotten(digest, who).await {
            return Err(Problem::stopping());
        }
        if shared.storage.forget(who, digest) {
            answer.forgotten.push(stored);
            remove(&shared, digest).await?;
        }
    }
    Ok(Json(answer))
}

/// Removes a file, unless it is somebody's or a task's result.
async fn remove(shared: &Shared, digest: Digest) -> Answer<()> {
    if shared.reads.read(move |history| history.is_result(digest)).await? {
        return Ok(());
    }
    let (storage, blobs) = (Arc::clone(&shared.storage), shared.blobs.clone());
    let removed = tokio::task::spawn_blocking(move || storage.remove(&blobs, digest)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%error, %digest, "a file that nobody needs could not be removed");
    }
    Ok(())
}

/// Which of these files a task that is not over relies on, or an offer of their owner's.
async fn needed(shared: &Shared, who: Address, files: BTreeSet<Digest>) -> Answer<BTreeSet<Digest>> {
    let asked = files.clone();
    let (mut needed, params) = shared.core.read(move |state: &LoopState| look(state, who, &asked)).await?;
    let store = shared.blobs.clone();
    let read = move || -> BTreeSet<Digest> {
        // What cannot be read names nothing that could be fetched.
        let named = params.iter().filter_map(|text| names(text, &store).ok()).flat_map(|names| names.blobs);
        named.chain(params.iter().filter_map(|text| judge(text))).collect()
    };
    // Where it cannot be told, all are.
    let named = tokio::task::spawn_blocking(read).await.unwrap_or(files);
    needed.extend(named);
    Ok(needed)
}

/// The module that a job's results are judged by.
fn judge(params: &str) -> Option<Digest> {
    Some(Params::parse(params).ok()?.check()?.judge()?.0)
}

/// Those that live deals and offers are made of, or that some worker has stated as its result; and what the account's jobs say.
fn look(state: &LoopState, who: Address, files: &BTreeSet<Digest>) -> (BTreeSet<Digest>, BTreeSet<String>) {
    let exchange = state.market.exchange();
    let mut assets: BTreeMap<Address, Digest> = BTreeMap::new();
    for file in files {
        let own = |asset: &Address| exchange.asset(*asset).is_some_and(|asset| asset.owner == who);
        assets.extend(state.assets.made_of(*file).filter(own).map(|asset| (asset, *file)));
    }
    let offered = assets.iter().filter(|(asset, _)| exchange.resting_of(**asset).next().is_some());
    let mut needed: BTreeSet<Digest> = offered.map(|(_, file)| *file).collect();
    let stated = state.statements.values().flatten().map(|(_, stated)| stated.blob);
    needed.extend(stated.filter(|blob| files.contains(blob)));
    let mut params = BTreeSet::new();
    for (_, deal) in exchange.active_deals() {
        needed.extend([deal.app.pointer, deal.dataset.pointer].iter().filter_map(|asset| assets.get(asset)));
        if deal.requester == who {
            params.insert(deal.params.clone());
        }
    }
    for order in exchange.resting_of(who) {
        if let AnyOrder::Request(request) = order {
            params.insert(request.order().params.clone());
        }
    }
    (needed, params)
}
