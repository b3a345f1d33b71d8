//! Jobs: submitting, looking at one's own, their results.

use super::{Server, Who};
use crate::blob_access::{self, Names, NamesError};
use crate::core::State as LoopState;
use crate::extract::{Body, Query, id};
use crate::order;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::job::{Job, Outcome, State as JobState, Submit, TaskResult};
use api::limits;
use api::receipt::Receipted;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use exchange::{AnyOrder, Rejection};
use journal::history::{DealFilter, JobRow, Page, ResultRow, ResultState};
use market::JobView;
use orders::{Checked, RequestOrder};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use units::{Address, Amount, DealId, Digest, OrderHash, Timestamp, U256};

/// Longest title, bytes.
const TITLE_BYTES: usize = 256;

/// `POST /v1/jobs`.
pub(crate) async fn submit(State(shared): Server, Body(submit): Body<Submit>) -> Answer<Json<Receipted<Job>>> {
    let _way = tracing::trace_span!(target: "way", "submit");
    if submit.title.len() > TITLE_BYTES {
        return Err(Problem::bad("title_too_long", format!("a title may have {TITLE_BYTES} bytes")));
    }
    let AnyOrder::Request(order) = order::check(api::order::AnyOrder::Request(submit.order), &shared.domain)? else {
        unreachable!("a request order stays one");
    };
    let id = order.hash;
    let known = shared.reads.read(move |history| history.job(id)).await?;
    let receipt = if known.is_some() {
        shared.core.receipt().await?
    } else {
        check(&shared, &order).await?;
        shared.core.place(AnyOrder::Request(order), Some(submit.title)).await?
    };
    Ok(Json(Receipted { answer: read(&shared, id).await?.1, receipt }))
}

/// What must hold before a job is taken: money, params, files.
async fn check(shared: &Arc<Shared>, order: &Checked<RequestOrder>) -> Answer<()> {
    let request = order.order();
    // Whose word it is comes first: others learn nothing of an account or a blob by naming it.
    if !order.signer.is_by(request.requester) {
        return Err(Rejection::NotSignedByOwner { owner: request.requester }.into());
    }
    let requester = request.requester;
    let free = shared.core.read(move |state| state.market.exchange().account(requester).free).await?;
    check_funds(request, request.volume, free)?;
    let (params, store) = (request.params.clone(), shared.blobs.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let names = blob_access::names(&params, &store)?;
        let missing = names.blobs.iter().find(|blob| !store.has(blob)).copied();
        Ok::<_, NamesError>((names, missing))
    });
    let joined = reading.await.map_err(|_| Problem::stopping())?;
    let (names, missing) = joined.map_err(|error| Problem::bad("bad_params", error.to_string()))?;
    if let Some(blob) = missing {
        return Err(not_here(blob));
    }
    if names.rows.is_some_and(|rows| U256::from(rows) < request.volume) {
        let words = format!("the table has {} rows for {} tasks", names.rows.unwrap_or_default(), request.volume);
        return Err(Problem::bad("table_too_short", words));
    }
    check_readable(shared, requester, names).await
}

/// A job can name only what its requester may read.
async fn check_readable(shared: &Arc<Shared>, requester: Address, names: Names) -> Answer<()> {
    let foreign = shared
        .reads
        .read(move |history| {
            for blob in names.blobs {
                if !history.may_read(blob, requester)? {
                    return Ok(Some(blob));
                }
            }
            Ok(None)
        })
        .await?;
    foreign.map_or(Ok(()), |blob| Err(not_here(blob)))
}

fn not_here(blob: Digest) -> Problem {
    Problem::bad("blob_missing", format!("{blob} is not here, or not yours: upload it before the job"))
}

/// iExec's check: the requester can pay all tasks at the most they may cost.
pub(crate) fn check_funds(request: &RequestOrder, remaining: U256, free: Amount) -> Answer<()> {
    let each = request.appmaxprice.checked_add(request.datasetmaxprice);
    let each = each.and_then(|sum| sum.checked_add(request.workerpoolmaxprice));
    let needed = each.and_then(|each| each.checked_mul(remaining));
    let needed = needed.ok_or_else(|| Problem::bad("price_overflow", "the prices together are beyond counting"))?;
    if free < needed { Err(Problem::funds(request.requester, free, needed)) } else { Ok(()) }
}

/// One's own jobs.
#[derive(Debug, Serialize)]
pub(crate) struct JobsAnswer {
    jobs: Vec<Job>,
}

/// Which of them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct JobsQuery {
    limit: Option<u64>,
    from: Option<u64>,
}

/// `GET /v1/jobs`: one's own, the newest first.
pub(crate) async fn list(
    State(shared): Server,
    Extension(who): Who,
    Query(query): Query<JobsQuery>,
) -> Answer<Json<JobsAnswer>> {
    let requester = who.account()?;
    let most = query.limit.unwrap_or(100).min(limits::PAGE_MOST as u64);
    let page = Page { skip: query.from.unwrap_or(0), most };
    let rows = shared.reads.read(move |history| history.jobs(Some(requester), page)).await?;
    let ids: Vec<OrderHash> = rows.iter().map(|row| row.job.id).collect();
    let views = move |state: &LoopState| ids.iter().map(|id| state.market.job(*id)).collect::<Vec<_>>();
    let views = shared.core.read(views).await?;
    let now = shared.clock.now();
    let jobs = rows.into_iter().zip(views).map(|(row, view)| assemble(row, view, Vec::new(), now)).collect();
    Ok(Json(JobsAnswer { jobs }))
}

/// `GET /v1/jobs/{id}`.
pub(crate) async fn show(State(shared): Server, Extension(who): Who, Path(id): Path<String>) -> Answer<Json<Job>> {
    Ok(Json(own(&shared, who.account()?, &id).await?))
}

/// A job that is the caller's.
pub(super) async fn own(shared: &Arc<Shared>, who: Address, text: &str) -> Answer<Job> {
    let job: OrderHash = id("a job's id", text)?;
    let unknown =
        || Problem::missing("unknown_job", format!("there is no job {job} of yours; `hands job list` shows yours"));
    let (found, job) = read(shared, job)
        .await
        .map_err(|problem| if problem.body.code == "unknown_job" { unknown() } else { problem })?;
    if found == who { Ok(job) } else { Err(unknown()) }
}

/// A job as it stands, and its requester.
pub(super) async fn read(shared: &Arc<Shared>, id: OrderHash) -> Answer<(Address, Job)> {
    // The state is newer than or as new as the history: counts in the rows never run ahead of what is shown.
    let view = shared.core.read(move |state| state.market.job(id)).await?;
    let needs_deals = view.is_none();
    let (row, deals) = shared
        .reads
        .read(move |history| {
            let filter = DealFilter { request_order: Some(id), ..DealFilter::default() };
            let page = Page { skip: 0, most: limits::JOB_DEALS };
            let deals = if needs_deals { history.deals(&filter, page)? } else { Vec::new() };
            let deals: Vec<DealId> = deals.into_iter().rev().map(|deal| deal.id).collect();
            Ok((history.job(id)?, deals))
        })
        .await?;
    let row = row.ok_or_else(|| Problem::missing("unknown_job", format!("there is no job {id}")))?;
    let requester = row.job.requester;
    Ok((requester, assemble(row, view, deals, shared.clock.now())))
}

fn assemble(row: JobRow, view: Option<JobView>, deals: Vec<DealId>, now: Timestamp) -> Job {
    let state = state_of(&row);
    let view = view.unwrap_or_default();
    let ended = row.finished.saturating_add(row.claimed);
    let deals = if deals.is_empty() { view.deals } else { deals };
    Job {
        id: row.job.id,
        state,
        eta_ms: eta(&row, ended, now).filter(|_| !state.is_final()),
        title: row.title,
        requester: row.job.requester,
        app: row.job.app,
        created: row.job.created,
        ended: row.ended,
        trust: row.job.trust,
        category: row.job.category,
        tasks: row.job.tasks,
        matched: row.matched,
        running: view.running,
        replicas: view.replicas,
        finished: row.finished,
        failed: row.failed,
        claimed: row.claimed,
        provisional: row.provisional,
        undecided: view.undecided,
        halted: row.halted,
        spent: row.spent,
        locked: view.locked,
        deals,
    }
}

fn state_of(row: &JobRow) -> JobState {
    let ended = row.finished.saturating_add(row.claimed);
    match row.ended {
        None if row.matched == 0 => JobState::Waiting,
        None => JobState::Running,
        Some(_) if row.halted && ended < row.job.tasks => JobState::Halted,
        Some(_) if ended < row.job.tasks => JobState::Cancelled,
        Some(_) if row.failed > 0 || row.claimed > 0 => JobState::Failed,
        Some(_) => JobState::Completed,
    }
}

/// As long again for each task left as for each that has ended, once two have.
fn eta(row: &JobRow, ended: u64, now: Timestamp) -> Option<u64> {
    let left = row.job.tasks.checked_sub(ended)?;
    let passed = u64::try_from(now.saturating_since(row.job.created).as_millis()).ok()?;
    (ended >= 2).then(|| passed.saturating_mul(left).checked_div(ended)).flatten()
}

/// Which results.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct ResultsQuery {
    #[serde(default)]
    from: u64,
    limit: Option<u64>,
}

/// Results, and from where to go on.
#[derive(Debug, Serialize)]
pub(crate) struct ResultsAnswer {
    results: Vec<TaskResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// `GET /v1/jobs/{id}/results`.
pub(crate) async fn results(
    State(shared): Server,
    Extension(who): Who,
    Path(id): Path<String>,
    Query(query): Query<ResultsQuery>,
) -> Answer<Json<ResultsAnswer>> {
    let job = own(&shared, who.account()?, &id).await?.id;
    let most = query.limit.unwrap_or(limits::PAGE_MOST as u64).min(limits::PAGE_MOST as u64);
    let rows = shared.reads.read(move |history| history.results(job, query.from, most)).await?;
    let full = rows.len() as u64 >= most;
    let results: Vec<TaskResult> = rows.into_iter().map(result).collect();
    let next = results.last().filter(|_| full).map(|last| last.ordinal.saturating_add(1));
    Ok(Json(ResultsAnswer { results, next }))
}

/// A row as the wire has it.
pub(super) fn result(row: ResultRow) -> TaskResult {
    TaskResult {
        ordinal: row.ordinal,
        index: row.index,
        task: row.task,
        deal: row.deal,
        outcome: match row.outcome {
            journal::history::Outcome::Completed => Outcome::Completed,
            journal::history::Outcome::Failed(reason) => Outcome::Failed { reason },
            journal::history::Outcome::Claimed => Outcome::Claimed,
        },
        digest: row.digest,
        blob: row.blob,
        stderr: row.stderr,
        stdout: row.stdout,
        cost: row.cost,
        agreed: row.agreed,
        dissented: row.dissented,
        ended: row.ended,
        provisional: row.state == ResultState::Provisional,
        voided: row.state == ResultState::Voided,
        ran_ms: row.ran_ms,
    }
}
