//! What the exchange is, how it does, and how to sign in.

use super::Server;
use crate::core::{Counts, State};
use crate::extract::Body;
use crate::problem::Answer;
use crate::shared::Shared;
use api::exchange::{Category, Exchange, Health, Pool, Session, SignIn};
use api::limits::PROTOCOL_VERSION;
use axum::Json;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use market::AuditLoad;
use std::fmt::Write as _;

/// The software's version.
pub(crate) const SOFTWARE: &str = concat!("hands ", env!("CARGO_PKG_VERSION"));

pub(crate) async fn exchange(axum::extract::State(shared): Server) -> Answer<Json<Exchange>> {
    let look = |state: &State| {
        let hosted: Vec<_> = state.market.exchange().hosted_pools().collect();
        (categories(state), workers(state), hosted)
    };
    let (categories, workers, hosted) = shared.core.read(look).await?;
    let genesis = &shared.genesis;
    let pool = |pool: &exchange::HostedPool| Pool {
        name: pool.name.clone(),
        address: pool.address,
        owner: pool.owner,
        worker_stake_ratio: pool.worker_stake_ratio,
        scheduler_reward_ratio: pool.scheduler_reward_ratio,
        workers: workers.iter().filter(|at| **at == pool.address).count() as u64,
        by_invitation: pool.by_invitation,
    };
    Ok(Json(Exchange {
        version: PROTOCOL_VERSION,
        software: SOFTWARE.to_owned(),
        chain_id: genesis.chain_id,
        hub: genesis.hub,
        token: genesis.token,
        app_registry: genesis.app_registry,
        dataset_registry: genesis.dataset_registry,
        workerpool_registry: genesis.workerpool_registry,
        operator: genesis.operator,
        private: genesis.private,
        categories,
        pools: hosted.iter().map(pool).collect(),
    }))
}

fn categories(state: &State) -> Vec<Category> {
    let categories = (0_u64..).zip(state.market.exchange().categories());
    categories.map(|(id, category)| Category { id, name: category.name.clone(), seconds: category.seconds }).collect()
}

/// The pool of each connected worker.
fn workers(state: &State) -> Vec<units::Address> {
    state.market.workers().filter(|view| view.connected).map(|view| view.worker.pool).collect()
}

pub(crate) async fn sign_in(
    axum::extract::State(shared): Server,
    Body(sign_in): Body<SignIn>,
) -> Answer<Json<Session>> {
    let now = shared.clock.now();
    shared.access.check_join(sign_in.join_token.as_deref())?;
    let address = shared.access.answered(&sign_in.authorization, now)?;
    let (token, expires) = shared.access.token(address, now);
    Ok(Json(Session { token, address, expires }))
}

pub(crate) async fn health(axum::extract::State(shared): Server) -> Answer<Json<Health>> {
    let sequence = shared.core.read(|state| state.last.sequence).await?;
    Ok(Json(Health { status: "ok".to_owned(), version: SOFTWARE.to_owned(), sequence }))
}

/// Prometheus' text format.
pub(crate) async fn metrics(axum::extract::State(shared): Server) -> Answer<impl IntoResponse> {
    let figures = shared
        .core
        .read(|state| {
            let exchange = state.market.exchange();
            let orders = exchange.resting().count();
            Figures {
                counts: state.counts,
                audits: state.market.audit_load(),
                sequence: state.last.sequence,
                orders,
                deals: exchange.active_deals().count(),
                statements: state.statements.len(),
            }
        })
        .await?;
    let text = figures_text(&shared, &figures);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

/// What the loop says for `/metrics`.
struct Figures {
    counts: Counts,
    audits: AuditLoad,
    sequence: u64,
    orders: usize,
    deals: usize,
    statements: usize,
}

fn figures_text(shared: &Shared, figures: &Figures) -> String {
    let Figures { counts, audits, sequence, orders, deals, statements } = *figures;
    let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    let rows = [
        ("entries_total", "counter", "Entries accepted since the start.", counts.entries),
        ("records_total", "counter", "Records made durable since the start.", counts.records),
        ("rejections_total", "counter", "Commands found inadmissible since the start.", counts.rejections),
        (
            "tasks_finalized_total",
            "counter",
            "Tasks finished with a verified result since the start.",
            counts.finalized,
        ),
        ("tasks_claimed_total", "counter", "Tasks not done in time since the start.", counts.claimed),
        (
            "checks_passed_total",
            "counter",
            "Checks of workers' results that passed since the start.",
            counts.checks_passed,
        ),
        ("checks_failed_total", "counter", "Checks that found a result wrong since the start.", counts.checks_failed),
        ("workers_barred_total", "counter", "Workers barred from a pool since the start.", counts.barred),
        ("tasks_under_check", "gauge", "Tasks of which a result is being checked.", audits.checking),
        ("tasks_provisional", "gauge", "Tasks whose result is held until a check covers it.", audits.provisional),
        ("journal_sequence", "gauge", "The last durable record.", sequence),
        ("orders_resting", "gauge", "Orders on the book.", count(orders)),
        ("deals_active", "gauge", "Deals with unfinished tasks.", count(deals)),
        ("tasks_stated", "gauge", "Unfinished tasks with a stated result.", count(statements)),
        ("workers_connected", "gauge", "Workers connected.", count(shared.seats.count())),
        ("blobs_bytes", "gauge", "Bytes of all blobs.", shared.blobs.total()),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        writeln!(text, "# HELP manyhands_{name} {help}\n# TYPE manyhands_{name} {kind}\nmanyhands_{name} {value}")
            .expect("writing to memory cannot fail");
    }
    text
}

pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::document())
}

/// One plain page: what this is.
pub(crate) async fn index(axum::extract::State(shared): Server) -> Html<String> {
    let who =
        if shared.genesis.private { "A private exchange: its join token is needed." } else { "An open exchange." };
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Manyhands</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em}}</style>\
         <h1>Manyhands</h1><p>An exchange where idle machines sell computing, and nobody has to trust anybody. {who}</p>\
         <p>Run a program here: <code>hands run APP.wasm --exchange URL</code>. \
         Lend this machine: <code>hands work --exchange URL</code>.</p>\
         <ul><li><a href=/v1/exchange>/v1/exchange</a>: what it is<li><a href=/v1/book>/v1/book</a>: orders at rest\
         <li><a href=/v1/workers>/v1/workers</a>: who works here<li><a href=/v1/journal?from=0>/v1/journal</a>: the evidence\
         <li><a href=/v1/openapi.json>/v1/openapi.json</a>: every route<li><a href=/healthz>/healthz</a>, <a href=/metrics>/metrics</a>\
         </ul><p>Operator {}, chain id {}, {SOFTWARE}.</p>",
        shared.genesis.operator, shared.genesis.chain_id
    ))
}
