//! Why a request waits, why a worker is idle, what became of a task: facts from the market, put into words.

use super::{Server, Who};
use crate::access::Caller;
use crate::core::State as LoopState;
use crate::extract::id;
use crate::problem::{Answer, Problem};
use crate::words::{self, Asked, Sight};
use api::explain::{Explain, ExplainTask, ExplainWorker};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use exchange::AnyOrder;
use journal::history::Outcome;
use units::{Address, OrderHash, TaskId};

/// `GET /v1/orders/{hash}/explain` and `GET /v1/jobs/{id}/explain`.
/// How its bought tasks stand only its requester sees.
pub(crate) async fn request(
    State(shared): Server,
    Extension(who): Who,
    Path(hash): Path<String>,
) -> Answer<Json<Explain>> {
    let order: OrderHash = id("an order's hash", &hash)?;
    let (mut asked, known) = shared.core.read(move |state| asked_of(state, order)).await?;
    let row = shared.reads.read(move |history| history.job(order)).await?;
    let requester = asked.bid.as_ref().map(|bid| bid.requester).or_else(|| row.as_ref().map(|row| row.job.requester));
    if !matches!(who, Caller::Account(address) if Some(address) == requester) {
        (asked.standing, asked.load, asked.view.running) = Default::default();
    }
    if !known && row.is_none() {
        return Err(Problem::missing("unknown_order", format!("there is no request order or job {order}")));
    }
    // Of a job that ended before the last start only the history knows.
    if let Some(row) = row.filter(|row| row.matched > asked.view.matched) {
        (asked.view.matched, asked.view.finished, asked.view.claimed) = (row.matched, row.finished, row.claimed);
    }
    Ok(Json(words::request(&asked)))
}

/// What the market knows of a request, and whether it knows it at all.
fn asked_of(state: &LoopState, order: OrderHash) -> (Asked, bool) {
    let (market, exchange) = (&state.market, state.market.exchange());
    let bid = exchange.resting_order(order).and_then(|resting| match resting {
        AnyOrder::Request(bid) => Some(bid.order().clone()),
        AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) => None,
    });
    let (explanation, view) = (market.explain(order), market.job(order));
    let known = explanation.is_some() || view.is_some();
    let genesis = exchange.genesis();
    let asked = Asked {
        order,
        bid,
        explanation,
        view: view.unwrap_or_default(),
        standing: market.standing(order).unwrap_or_default(),
        load: market.job_load(order),
        workers: market.connected(),
        operator: genesis.operator,
        categories: genesis.categories.iter().map(|category| category.name.clone()).collect(),
    };
    (asked, known)
}

/// `GET /v1/workers/{address}/explain`.
pub(crate) async fn worker(State(shared): Server, Path(text): Path<String>) -> Answer<Json<ExplainWorker>> {
    let address: Address = id("a worker's address", &text)?;
    let read = move |state: &LoopState| {
        let view = state.market.worker(address)?;
        let free = state.market.exchange().account(address).free;
        Some(words::worker(&view, &state.market.idle(address), free))
    };
    let found = shared.core.read(read).await?;
    let unknown = || {
        let words = format!("no worker {address} has been here since the exchange started; hands workers lists them");
        Problem::missing("unknown_worker", words)
    };
    found.map(Json).ok_or_else(unknown)
}

/// `GET /v1/tasks/{id}/explain`. Before a task is final only its requester sees its parts.
pub(crate) async fn task(
    State(shared): Server,
    Extension(who): Who,
    Path(text): Path<String>,
) -> Answer<Json<ExplainTask>> {
    let task: TaskId = id("a task's id", &text)?;
    let live = move |state: &LoopState| {
        let exchange = state.market.exchange();
        let open = exchange.task(task).map(|open| (open.deal, open.index, Some(open.status)));
        let begun = open.or_else(|| exchange.held(task).map(|held| (held.deal, held.index, None)));
        let begun =
            begun.or_else(|| state.market.place(task).map(|(deal, index)| (deal, units::U256::from(index), None)));
        let requester = begun.and_then(|(deal, ..)| exchange.deal(deal)).map(|deal| deal.requester);
        (begun, requester, state.market.attempts(task).to_vec())
    };
    let (begun, requester, attempts) = shared.core.read(live).await?;
    if let Some(row) = shared.reads.read(move |history| history.result(task)).await? {
        let status = match row.outcome {
            Outcome::Completed | Outcome::Failed(_) => "completed",
            Outcome::Claimed => "failed",
        };
        return Ok(Json(words::task((task, row.deal, row.index), status, &attempts, Sight::Final)));
    }
    let Some((deal, index, status)) = begun else {
        let words = format!("there is no task {task}, or nobody has begun it");
        return Err(Problem::missing("unknown_task", words));
    };
    let sight = match who {
        Caller::Account(address) if Some(address) == requester => Sight::Requester,
        Caller::Account(_) | Caller::Guest | Caller::Stranger => Sight::Nothing,
    };
    let status = status.map_or("unset", super::market::status);
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    Ok(Json(words::task((task, deal, index), status, &attempts, sight)))
}
