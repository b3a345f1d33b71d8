//! Providers: what they have done, and what others say of them.

use super::Server;
use crate::core::State as LoopState;
use crate::extract::{Body, id};
use crate::problem::{Answer, Problem};
use api::limits;
use api::provider::{Machine, Marks, Provider, Rated};
use api::receipt::Receipted;
use axum::Json;
use axum::extract::{Path, State};
use exchange::Command;
use journal::JournalError;
use journal::history::{History, Page, RatingRow};
use orders::{CheckedRating, SignedRating};
use units::{Address, Amount};

/// `POST /v1/ratings`: a signed rating; the signature says whose it is.
pub(crate) async fn rate(State(shared): Server, Body(signed): Body<SignedRating>) -> Answer<Json<Receipted<Rated>>> {
    let rating = signed.rating;
    let checked = CheckedRating::recover(signed, &shared.domain);
    let Some(rater) = checked.rater.address() else {
        return Err(Problem::bad("not_signed", "the rating bears no good signature"));
    };
    let receipt = shared.core.command(Command::Rate { rating: Box::new(checked) }).await??;
    let at = shared.clock.now();
    let answer = Rated {
        deal: rating.deal,
        rater,
        subject: rating.subject,
        performance: rating.performance,
        safety: rating.safety,
        at,
    };
    Ok(Json(Receipted { answer, receipt }))
}

/// What the live state knows of a provider.
struct Known {
    pool: Option<String>,
    score: u64,
    machines: Vec<Machine>,
    withheld: Amount,
}

/// `GET /v1/providers/{address}`.
pub(crate) async fn provider(State(shared): Server, Path(text): Path<String>) -> Answer<Json<Provider>> {
    let address: Address = id("an address", &text)?;
    let known = shared.core.read(move |state| known(state, address)).await?;
    let is_pool = known.pool.is_some();
    let read = move |history: &History| {
        let (marks, all) = (history.rating_summary(address)?, Page { skip: 0, most: limits::PROVIDER_RATINGS });
        Ok((tally(history, address, is_pool)?, marks, history.ratings(address, all)?))
    };
    let ((delivered, late, wrong), marks, ratings) = shared.reads.read(read).await?;
    let mean = |sum: u64| Marks {
        count: marks.count,
        mean_hundredths: sum.saturating_mul(100).checked_div(marks.count).unwrap_or_default(),
    };
    Ok(Json(Provider {
        address,
        delivered,
        late,
        wrong,
        score: known.score,
        checks: known.machines.iter().map(|machine| machine.checks).sum(),
        barred: known.machines.iter().any(|machine| machine.barred),
        withheld: known.withheld,
        pool: known.pool,
        machines: known.machines,
        performance: mean(marks.performance),
        safety: mean(marks.safety),
        ratings: ratings.into_iter().map(rated).collect(),
    }))
}

/// Delivered, late and wrong: of a pool's workers there, or of somebody's machines everywhere.
fn tally(history: &History, address: Address, is_pool: bool) -> Result<(u64, u64, u64), JournalError> {
    if is_pool {
        return history.pool_tally(address);
    }
    let mut sum = (0_u64, 0_u64, 0_u64);
    for row in history.workers_of(address, Page { skip: 0, most: limits::PROVIDER_MACHINES as u64 })? {
        sum = (sum.0 + row.delivered, sum.1 + row.late, sum.2 + row.wrong);
    }
    Ok(sum)
}

/// The machines that are the address, are its, or work in its pool.
fn known(state: &LoopState, address: Address) -> Known {
    let exchange = state.market.exchange();
    let mut machines = Vec::new();
    let mut withheld = Amount::ZERO;
    for (pool, worker, standing) in exchange.standings() {
        if ![worker, standing.owner, pool].contains(&address) {
            continue;
        }
        withheld = withheld.checked_add(standing.withheld).unwrap_or(withheld);
        if machines.len() < limits::PROVIDER_MACHINES {
            machines.push(Machine {
                worker,
                owner: standing.owner,
                pool,
                connected: state.lines.contains_key(&worker),
                accepted: standing.accepted,
                checks: standing.checks,
                proven_at: exchange.audits(pool).map_or(0, |audits| audits.proven),
                barred: standing.barred,
                withheld: standing.withheld,
            });
        }
    }
    let pool = exchange.hosted(address).map(|pool| pool.name);
    let score = exchange.score(address);
    Known { pool, score: u64::try_from(score).unwrap_or(u64::MAX), machines, withheld }
}

fn rated(row: RatingRow) -> Rated {
    let RatingRow { deal, rater, subject, performance, safety, at } = row;
    Rated { deal, rater, subject, performance, safety, at }
}
