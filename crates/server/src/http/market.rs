//! What anybody may see: deals, tasks, accounts, workers, what is outstanding, the journal.

use super::Server;
use crate::extract::{Query, id};
use crate::problem::{Answer, Problem};
use api::account::Account;
use api::exchange::{Outstanding, WorkerRow};
use api::job::{Contributor, Deal, Part, Task};
use api::limits;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use journal::history::{DealRow, ResultRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use units::{Address, Amount, DealId, TaskId, U256};

/// `GET /v1/deals/{id}`.
pub(crate) async fn deal(State(shared): Server, Path(text): Path<String>) -> Answer<Json<Deal>> {
    let deal: DealId = id("a deal's id", &text)?;
    let row = shared.reads.read(move |history| history.deal(deal)).await?;
    let row = row.ok_or_else(|| Problem::missing("unknown_deal", format!("there is no deal {deal}")))?;
    Ok(Json(deal_of(row)))
}

fn deal_of(row: DealRow) -> Deal {
    let part = |address: Address, owner: Address, price: Amount| Part { address, owner, price };
    let dataset = part(row.dataset, row.dataset_owner, row.dataset_price);
    Deal {
        id: row.id,
        requester: row.requester,
        app: part(row.app, row.app_owner, row.app_price),
        dataset: (!row.dataset.is_zero()).then_some(dataset),
        workerpool: part(row.workerpool, row.workerpool_owner, row.workerpool_price),
        category: row.category,
        trust: small(row.trust),
        first: small(row.bot_first),
        volume: small(row.volume),
        worker_stake: row.worker_stake,
        started: row.at,
    }
}

fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// `GET /v1/tasks/{id}`. Others' parts are hidden until the task is final.
pub(crate) async fn task(State(shared): Server, Path(text): Path<String>) -> Answer<Json<Task>> {
    let task: TaskId = id("a task's id", &text)?;
    if let Some(row) = shared.reads.read(move |history| history.result(task)).await? {
        return Ok(Json(ended(row)));
    }
    let live = move |state: &crate::core::State| {
        let exchange = state.market.exchange();
        let open = exchange.task(task).map(|open| (open.deal, open.index, status(open.status)));
        open.or_else(|| exchange.held(task).map(|held| (held.deal, held.index, "unset")))
    };
    let (deal, index, status) =
        shared.core.read(live).await?.ok_or_else(|| {
            Problem::missing("unknown_task", format!("there is no task {task}, or nobody has begun it"))
        })?;
    let (status, contributors) = (status.to_owned(), Vec::new());
    Ok(Json(Task { id: task, deal, index: small(index), status, contributors }))
}

pub(super) fn status(status: poco::TaskStatus) -> &'static str {
    match status {
        poco::TaskStatus::Active => "active",
        poco::TaskStatus::Revealing => "revealing",
        poco::TaskStatus::Completed => "completed",
        poco::TaskStatus::Failed => "failed",
    }
}

fn ended(row: ResultRow) -> Task {
    let status = match row.outcome {
        journal::history::Outcome::Completed | journal::history::Outcome::Failed(_) => "completed",
        journal::history::Outcome::Claimed => "failed",
    };
    let contributors = row.parties.into_iter().map(|party| Contributor {
        worker: party.worker,
        status: match party.status {
            1 => "contributed",
            2 => "proved",
            _ => "rejected",
        }
        .to_owned(),
        reward: party.reward,
    });
    Task {
        id: row.task,
        deal: row.deal,
        index: row.index,
        status: status.to_owned(),
        contributors: contributors.collect(),
    }
}

/// `GET /v1/accounts/{address}`.
pub(crate) async fn account(State(shared): Server, Path(text): Path<String>) -> Answer<Json<Account>> {
    let address: Address = id("an address", &text)?;
    let read = move |state: &crate::core::State| {
        let exchange = state.market.exchange();
        let account = exchange.account(address);
        let (score, nonce) = (small(exchange.score(address)), exchange.nonce(address));
        Account { address, free: account.free, locked: account.locked, score, nonce }
    };
    Ok(Json(shared.core.read(read).await?))
}

/// Workers of the hosted pools.
#[derive(Debug, Serialize)]
pub(crate) struct WorkersAnswer {
    workers: Vec<WorkerRow>,
}

/// `GET /v1/workers`.
pub(crate) async fn workers(State(shared): Server) -> Answer<Json<WorkersAnswer>> {
    let read = |state: &crate::core::State| {
        let exchange = state.market.exchange();
        let mut explained = 0;
        let row = |view: market::WorkerView| {
            let address = view.worker.address;
            let busy = u32::try_from(view.holding).unwrap_or(u32::MAX);
            WorkerRow {
                address,
                owner: view.worker.owner,
                pool: view.worker.pool,
                connected: view.connected,
                slots: view.worker.slots,
                cores: view.worker.cores,
                busy,
                finished: state.finished.get(&address).copied().unwrap_or(0),
                score: small(exchange.score(address)),
                benchmark: view.worker.benchmark,
                idle_because: idle(&state.market, &view, &mut explained),
            }
        };
        state.market.workers().map(row).collect()
    };
    Ok(Json(WorkersAnswer { workers: shared.core.read(read).await? }))
}

/// Idle workers of whom a listing says why; of others it says whom to ask.
const EXPLAINED: usize = 64;

/// Why a worker is idle, in words; nothing of one that works.
fn idle(market: &market::Market, view: &market::WorkerView, explained: &mut usize) -> String {
    if view.holding > 0 {
        return String::new();
    }
    *explained += 1;
    if *explained > EXPLAINED {
        return format!("hands explain --worker {} says why", view.worker.address);
    }
    let address = view.worker.address;
    crate::words::worker(view, &market.idle(address), market.exchange().account(address).free).summary
}

/// `GET /v1/outstanding`.
pub(crate) async fn outstanding(State(shared): Server) -> Answer<Json<Outstanding>> {
    let outstanding = shared.core.read(|state| state.market.exchange().outstanding()).await?;
    Ok(Json(Outstanding { outstanding }))
}

/// Which part of the journal.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct JournalQuery {
    #[serde(default)]
    from: u64,
}

/// `GET /v1/journal?from=`: records as bytes, at most about [`limits::JOURNAL_RANGE_BYTES`]; none at the end.
pub(crate) async fn journal(
    State(shared): Server,
    Query(query): Query<JournalQuery>,
) -> Answer<impl IntoResponse + use<>> {
    // What is not final is sealed; what the live state has forgotten is final. A record that came after this look is left
    // for the next request: what it speaks of may be unfinished without being among these.
    let look = |state: &crate::core::State| {
        let open: BTreeSet<TaskId> = state.market.exchange().all_held().map(|(task, _)| task).collect();
        (open, state.last.sequence)
    };
    let (open, last) = shared.core.read(look).await?;
    let folder = shared.folder.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let reader = journal::Reader::open(&folder)?;
        let mut records = reader.records(query.from, limits::JOURNAL_RANGE_BYTES, |task| !open.contains(&task))?;
        records.retain(|record| record.sequence <= last);
        Ok::<_, journal::JournalError>(if records.is_empty() { Vec::new() } else { journal::encode_range(&records) })
    });
    match reading.await {
        Ok(Ok(bytes)) => Ok(([(header::CONTENT_TYPE, "application/cbor")], bytes)),
        Ok(Err(error)) => {
            tracing::error!(%error, "the journal could not be read");
            Err(internal())
        }
        Err(_) => Err(internal()),
    }
}

fn internal() -> Problem {
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "internal", "the journal could not be read")
}
