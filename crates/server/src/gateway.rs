//! iExec's market gateway at the server's root: order books, deals, categories, with its paging, words and challenge header.

mod filter;
mod publish;

pub(crate) use publish::{publish, unpublish};

use crate::extract::{Query, id};
use crate::http::Server;
use crate::order::as_published;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::gateway::{
    CategoriesPage, CategoryRecord, ChallengeAnswer, DealPart, DealRecord, DealsPage, OneCategory, OneDeal, OneOrder,
    OrderRecord, OrdersPage, PAGE_SIZES, Version,
};
use api::limits;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use filter::{Filter, Paging};
use journal::history::{DealFilter, DealRow, OrderRow, OrderStatus, Page};
use orders::OrderKind;
use serde::Deserialize;
use std::sync::Arc;
use units::{Address, Amount, DealId, OrderHash, Timestamp, U256};

/// The four order books' paths.
pub(crate) const BOOKS: [(&str, OrderKind); 4] = [
    ("apporders", OrderKind::App),
    ("datasetorders", OrderKind::Dataset),
    ("workerpoolorders", OrderKind::Workerpool),
    ("requestorders", OrderKind::Request),
];

/// What a request's path names.
fn kind_of(uri: &Uri) -> OrderKind {
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    BOOKS
        .iter()
        .find(|(path, _)| *path == first)
        .map(|(_, kind)| *kind)
        .expect("the router knows these four paths alone")
}

/// What iExec's gateway calls an order of this kind.
fn name_of(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::App => "apporder",
        OrderKind::Dataset => "datasetorder",
        OrderKind::Workerpool => "workerpoolorder",
        OrderKind::Request => "requestorder",
    }
}

/// A chain other than this exchange's is not served.
fn check_chain(shared: &Shared, chain_id: Option<&str>) -> Answer<()> {
    let here = shared.genesis.chain_id;
    match chain_id {
        Some(text) if text.parse() != Ok(here) => {
            Err(Problem::bad("wrong_chain", format!("chainId {text} is not supported; this exchange is {here}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Who wants a challenge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChallengeQuery {
    chain_id: Option<String>,
    address: Option<String>,
}

/// `GET /challenge`.
pub(crate) async fn challenge(
    State(shared): Server,
    Query(query): Query<ChallengeQuery>,
) -> Answer<Json<ChallengeAnswer>> {
    check_chain(&shared, query.chain_id.as_deref())?;
    let address = query.address.ok_or_else(|| Problem::bad("address_missing", "address is a required field"))?;
    let address: Address = id("an address", &address)?;
    let challenge = shared.access.challenge(address, shared.clock.now())?;
    let data = serde_json::to_value(&challenge).expect("a challenge is plain JSON");
    Ok(Json(ChallengeAnswer { ok: true, data }))
}

/// `GET /version`.
pub(crate) async fn version() -> Json<Version> {
    Json(Version { ok: true, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// `GET /categories`.
pub(crate) async fn categories(State(shared): Server, Query(paging): Query<Paging>) -> Answer<Json<CategoriesPage>> {
    let (index, size) = paging.page()?;
    let all = read_categories(&shared).await?;
    let count = all.len() as u64;
    let categories: Vec<CategoryRecord> = filter::page_of(all, index, size);
    let next_page = filter::next_page(count, index, size);
    Ok(Json(CategoriesPage { ok: true, count, next_page, categories }))
}

/// `GET /categories/{id}`.
pub(crate) async fn category(State(shared): Server, Path(text): Path<String>) -> Answer<Json<OneCategory>> {
    let catid: u64 = id("a category's index", &text)?;
    let found = read_categories(&shared).await?.into_iter().find(|category| category.catid == catid);
    let category = found.ok_or_else(|| Problem::missing("unknown_category", "category not found"))?;
    Ok(Json(OneCategory { ok: true, category }))
}

async fn read_categories(shared: &Shared) -> Answer<Vec<CategoryRecord>> {
    let read = |state: &crate::core::State| {
        let categories = (0_u64..).zip(state.market.exchange().categories());
        let record = |(catid, category): (u64, &poco::Category)| CategoryRecord {
            catid,
            name: category.name.clone(),
            description: category.description.clone(),
            work_clock_time_ref: category.seconds,
        };
        categories.map(record).collect()
    };
    shared.core.read(read).await
}

/// `GET /apporders` and the like: what is open, best first.
pub(crate) async fn orders(State(shared): Server, uri: Uri, Query(filter): Query<Filter>) -> Answer<Json<OrdersPage>> {
    check_chain(&shared, filter.chain_id.as_deref())?;
    let kind = kind_of(&uri);
    let (index, size) = filter.paging.page()?;
    let wanted = filter.read(kind)?;
    let (count, rows) = shared.core.read(move |state| wanted.rows(state, index, size)).await?;
    let chain_id = shared.genesis.chain_id;
    let orders = rows.into_iter().map(|row| row.record(chain_id)).collect();
    Ok(Json(OrdersPage { ok: true, count, next_page: filter::next_page(count, index, size), orders }))
}

/// Which chain.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChainQuery {
    chain_id: Option<String>,
}

/// `GET /apporders/{hash}` and the like.
pub(crate) async fn order(
    State(shared): Server,
    uri: Uri,
    Path(hash): Path<String>,
    Query(query): Query<ChainQuery>,
) -> Answer<Json<OneOrder>> {
    check_chain(&shared, query.chain_id.as_deref())?;
    let kind = kind_of(&uri);
    let hash: OrderHash = id("an order's hash", &hash)?;
    let missing = || Problem::missing("unknown_order", format!("{} not found", name_of(kind)));
    let order = find(&shared, kind, hash).await?.ok_or_else(missing)?;
    Ok(Json(OneOrder { ok: true, order }))
}

/// A published order: from the book, or what the history has of it.
async fn find(shared: &Arc<Shared>, kind: OrderKind, hash: OrderHash) -> Answer<Option<OrderRecord>> {
    let chain_id = shared.genesis.chain_id;
    let resting = shared.core.read(move |state| filter::Row::of(state, hash)).await?;
    if let Some(row) = resting {
        return Ok((row.kind() == kind).then(|| row.record(chain_id)));
    }
    let row = shared.reads.read(move |history| history.order(hash)).await?;
    let same_kind = |row: &OrderRow| row.kind == crate::order::kind_of(kind) && row.status != OrderStatus::Unpublished;
    Ok(row.filter(same_kind).map(|row| record_of(row, chain_id)))
}

fn record_of(row: OrderRow, chain_id: u64) -> OrderRecord {
    let order = serde_json::from_str(&row.body).map(as_published).unwrap_or_default();
    let status = match row.status {
        OrderStatus::Open => "open",
        OrderStatus::Filled => "filled",
        OrderStatus::Canceled => "canceled",
        OrderStatus::Dead | OrderStatus::Unpublished => "dead",
    };
    OrderRecord {
        order_hash: row.hash,
        order,
        chain_id,
        remaining: small(row.remaining),
        status: status.to_owned(),
        publication_timestamp: iso(row.published),
        signer: row.signer,
        bulk: None,
    }
}

/// Which deals.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DealsQuery {
    chain_id: Option<String>,
    requester: Option<Address>,
    beneficiary: Option<Address>,
    app: Option<Address>,
    app_owner: Option<Address>,
    dataset: Option<Address>,
    dataset_owner: Option<Address>,
    workerpool: Option<Address>,
    workerpool_owner: Option<Address>,
    category: Option<String>,
    apporder_hash: Option<OrderHash>,
    datasetorder_hash: Option<OrderHash>,
    workerpoolorder_hash: Option<OrderHash>,
    requestorder_hash: Option<OrderHash>,
    page_index: Option<String>,
    page_size: Option<String>,
}

/// `GET /deals`.
pub(crate) async fn deals(State(shared): Server, Query(query): Query<DealsQuery>) -> Answer<Json<DealsPage>> {
    check_chain(&shared, query.chain_id.as_deref())?;
    let (index, size) = Paging { page_index: query.page_index, page_size: query.page_size }.page()?;
    let filter = DealFilter {
        requester: query.requester,
        beneficiary: query.beneficiary,
        app: query.app,
        app_owner: query.app_owner,
        dataset: query.dataset,
        dataset_owner: query.dataset_owner,
        workerpool: query.workerpool,
        workerpool_owner: query.workerpool_owner,
        category: query.category.map(|text| id("a category's index", &text)).transpose()?,
        app_order: query.apporder_hash,
        dataset_order: query.datasetorder_hash,
        workerpool_order: query.workerpoolorder_hash,
        request_order: query.requestorder_hash,
    };
    let page = Page { skip: index.saturating_mul(size), most: size };
    let read =
        move |history: &journal::history::History| Ok((history.count_deals(&filter)?, history.deals(&filter, page)?));
    let (count, rows) = shared.reads.read(read).await?;
    let chain_id = shared.genesis.chain_id;
    let deals = rows.into_iter().map(|row| deal_record(row, chain_id)).collect();
    Ok(Json(DealsPage { ok: true, count, next_page: filter::next_page(count, index, size), deals }))
}

/// `GET /deals/{id}`.
pub(crate) async fn deal(State(shared): Server, Path(text): Path<String>) -> Answer<Json<OneDeal>> {
    let deal: DealId = id("a deal's id", &text)?;
    let row = shared.reads.read(move |history| history.deal(deal)).await?;
    let row = row.ok_or_else(|| Problem::missing("unknown_deal", "deal not found"))?;
    Ok(Json(OneDeal { ok: true, deal: deal_record(row, shared.genesis.chain_id) }))
}

fn deal_record(row: DealRow, chain_id: u64) -> DealRecord {
    let part = |pointer, owner, price: Amount| DealPart { pointer, owner, price: small(price.0) };
    DealRecord {
        dealid: row.id,
        chain_id,
        app: part(row.app, row.app_owner, row.app_price),
        dataset: part(row.dataset, row.dataset_owner, row.dataset_price),
        workerpool: part(row.workerpool, row.workerpool_owner, row.workerpool_price),
        requester: row.requester,
        beneficiary: row.beneficiary,
        callback: row.callback,
        app_hash: row.app_order,
        dataset_hash: row.dataset_order,
        workerpool_hash: row.workerpool_order,
        request_hash: row.request_order,
        params: row.params,
        volume: small(row.volume),
        category: row.category,
        tag: row.tag,
        trust: small(row.trust),
        start_time: row.at.seconds(),
        bot_first: small(row.bot_first),
        bot_size: small(row.volume),
        scheduler_reward_ratio: small(row.scheduler_reward_ratio),
        worker_stake: small(row.worker_stake.0),
        block_number: row.record,
        block_timestamp: iso(row.at),
        transaction_hash: row.transaction,
    }
}

fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(limits::SAFE_INTEGER).min(limits::SAFE_INTEGER)
}

/// A time as ISO 8601 in UTC, to the millisecond.
fn iso(at: Timestamp) -> String {
    let (days, rest) = (at.0 / 86_400_000, at.0 % 86_400_000);
    // Civil from days, after Howard Hinnant: eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carry;
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Whether a page's size is one that the gateway takes.
fn is_page_size(size: u64) -> bool {
    PAGE_SIZES.contains(&size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_735_689_600_001, "2025-01-01T00:00:00.001Z"),
        ] {
            assert_eq!(iso(Timestamp(millis)), text);
        }
    }
}
