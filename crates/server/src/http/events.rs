//! A job's events as they come: server-sent `progress` and `result`, resumable by `Last-Event-ID`.

use super::jobs::{own, read, result};
use super::{Server, Who};
use crate::history::Told;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::job::Job;
use api::limits;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use units::OrderHash;

/// Results read at once.
const PAGE: u64 = 200;
/// The least time between two looks while there is news without a break: what comes quicker comes together, but for the last.
const PACE: Duration = Duration::from_millis(100);
/// The same after a quiet time: what is new is told at once, and the time doubles from look to look up to [`PACE`].
const FIRST_PACE: Duration = Duration::from_millis(1);
/// How often progress is looked at without news: leases come and go without rows.
const LOOK: Duration = Duration::from_secs(1);

/// One watcher's place in a job.
struct Watcher {
    shared: Arc<Shared>,
    job: OrderHash,
    news: watch::Receiver<Told>,
    /// What had been told at the last look.
    told: Told,
    /// Tasks that had no result at the last look.
    awaited: u64,
    /// The next result's ordinal.
    next: u64,
    /// The last progress that was said.
    said: Option<Job>,
    pending: VecDeque<Event>,
    /// Whether there is more to be said already.
    behind: bool,
    /// The least time until the next look.
    pace: Duration,
    ended: bool,
    _open: Open,
}

/// Counts an open stream for as long as it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `GET /v1/jobs/{id}/events`.
pub(crate) async fn stream(
    State(shared): Server,
    Extension(who): Who,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let job = own(&shared, who.account()?, &id).await?.id;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if shared.streams.fetch_add(1, Ordering::Relaxed) >= limits::EVENT_STREAMS {
        shared.streams.fetch_sub(1, Ordering::Relaxed);
        let words = "too many event streams are open; read /v1/jobs/{id}/results instead";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", words));
    }
    let watcher = Watcher {
        news: shared.reads.news.of(job),
        told: Told::default(),
        awaited: 0,
        job,
        next: last.map_or(0, |last| last.saturating_add(1)),
        said: None,
        pending: VecDeque::new(),
        behind: true,
        pace: FIRST_PACE,
        ended: false,
        _open: Open(Arc::clone(&shared)),
        shared,
    };
    let events = futures::stream::unfold(watcher, |mut watcher| async {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(limits::HEARTBEAT)))
}

impl Watcher {
    /// The next event; none when the job is over and everything is said, or the exchange stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if !self.behind {
                self.wait().await?;
            }
            self.look().await.ok()?;
        }
    }

    /// Waits for news, or a while; none when the exchange stops.
    async fn wait(&mut self) -> Option<()> {
        let stopping = self.shared.stopping.clone();
        let (pace, told, awaited) = (self.pace, self.told, self.awaited);
        let mut last = self.news.clone();
        let pause = async {
            // Nobody waits longer for the last.
            let last = last.wait_for(|now| is_last(now, &told, awaited));
            drop(timeout(pace, last).await);
            let there = self.news.has_changed().unwrap_or(false);
            // No news is no failure: running tasks change without any.
            drop(timeout(LOOK, self.news.changed()).await);
            there
        };
        tokio::select! {
            there = pause => {
                self.pace = if there { (2 * pace).min(PACE) } else { FIRST_PACE };
                Some(())
            }
            () = stopping.cancelled() => None,
        }
    }

    /// Reads what is new. Results come before the progress that counts them, so that a final progress is the last event.
    async fn look(&mut self) -> Answer<()> {
        self.told = *self.news.borrow_and_update();
        // How the job stands takes a turn of the exchange's loop, which may have much to do: not once a page.
        if self.behind {
            self.page().await?;
            if self.behind {
                return Ok(());
            }
        }
        let (_, mut job) = read(&self.shared, self.job).await?;
        self.awaited = awaited(&job);
        // What it counts is written by now.
        self.page().await?;
        if self.behind {
            return Ok(());
        }
        let eta = job.eta_ms.take();
        let same = self.said.as_ref() == Some(&job);
        self.ended = job.state.is_final();
        if !same || self.ended {
            self.said = Some(job.clone());
            let shown = Job { eta_ms: eta, ..job };
            self.pending.push_back(with_data(Event::default().event("progress"), &shown));
        }
        Ok(())
    }

    /// Takes up the next results that are written.
    async fn page(&mut self) -> Answer<()> {
        let (id, from) = (self.job, self.next);
        let rows = self.shared.reads.read_written(move |history| history.results(id, from, PAGE)).await?;
        self.behind = rows.len() as u64 == PAGE;
        for row in rows {
            self.next = row.ordinal.saturating_add(1);
            let result = result(row);
            let event = Event::default().event("result").id(result.ordinal.to_string());
            self.pending.push_back(with_data(event, &result));
        }
        Ok(())
    }
}

/// Tasks of a job that have no result, be it provisional.
fn awaited(job: &Job) -> u64 {
    job.tasks.saturating_sub(job.finished.saturating_add(job.claimed).saturating_add(job.provisional))
}

/// Whether the job has ended since the last look, or as many results have come as were awaited then. A result that was
/// provisional before counts too: then this may be too soon, and the rest is waited for as ever.
fn is_last(now: &Told, then: &Told, awaited: u64) -> bool {
    now.ends > then.ends || awaited > 0 && now.results.saturating_sub(then.results) >= awaited
}

fn with_data(event: Event, data: &impl serde::Serialize) -> Event {
    event.data(serde_json::to_string(data).expect("what is said is plain JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_result_and_the_end_of_a_job_are_told_at_once_and_others_together() {
        let then = Told { results: 7, ..Told::default() };
        let results = |results| Told { results, ..then };
        assert!(!is_last(&results(9), &then, 3));
        assert!(is_last(&results(10), &then, 3));
        assert!(is_last(&Told { ends: 1, ..then }, &then, 3));
        assert!(!is_last(&results(500), &then, 0), "provisional ones that become final are no reason to hurry");
    }
}
