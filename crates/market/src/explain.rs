//! Why a job, a worker or a task stands still, as facts to be put into words elsewhere.

use crate::Market;
use book::Explanation;
use dispatch::WorkerView;
use poco::TaskStatus;
use std::collections::BTreeSet;
use units::{Address, DealId, OrderHash, TaskId};

/// Most begun tasks of a job that are looked at.
const LOOKED_AT: usize = 10_000;

/// What the tasks of a job wait for that are bought and have not ended. Each begun task is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nobody has begun them.
    pub untouched: u64,
    /// Some machine has them.
    pub running: u64,
    /// They were begun and given up, and want another machine.
    pub wanting: u64,
    /// Somebody has stated a result, and others are to agree.
    pub undecided: u64,
    /// A result is held until a check covers it.
    pub held: u64,
    /// A result is agreed on, and a winner is to show it.
    pub showing: u64,
}

impl Market {
    /// Why a resting request is not (fully) matched.
    #[must_use]
    pub fn explain(&self, request: OrderHash) -> Option<Explanation> {
        let mut explanation = self.book.explain(request, &self.facts())?;
        let held_back = || self.book.best(request, &self.facts()).is_ok_and(|found| !self.admits(&found));
        if explanation.obstacle.is_none() && held_back() {
            explanation.obstacle = Some(book::Obstacle::NoWorkerpoolOrder(Some(book::Misfit::Busy)));
        }
        Some(explanation)
    }

    /// A worker that joined and has not been forgotten.
    #[must_use]
    pub fn worker(&self, address: Address) -> Option<WorkerView> {
        self.dispatch.worker(address)
    }

    /// Where a task is that has been begun and has not ended: its deal and index.
    #[must_use]
    pub fn place(&self, task: TaskId) -> Option<(DealId, u64)> {
        self.dispatch.place(task)
    }

    /// Machines that are connected, in all pools.
    #[must_use]
    pub fn connected(&self) -> u64 {
        self.fleet.count()
    }

    /// What a job's tasks wait for that are bought and have not ended; `None` for a job of no hosted deal.
    #[must_use]
    pub fn standing(&self, request: OrderHash) -> Option<Standing> {
        let view = self.jobs.view(request)?;
        let live = self.deals.iter().filter(|(_, job)| **job == request);
        let deals: Vec<DealId> = live.map(|(deal, _)| *deal).collect();
        let held = self.dispatch.provisional(request).take(LOOKED_AT);
        let held: BTreeSet<TaskId> = held.map(|(task, ..)| task).collect();
        let mut standing = Standing::default();
        let mut looked_at = 0_u64;
        for task in deals.iter().flat_map(|deal| self.dispatch.begun(*deal)).take(LOOKED_AT) {
            looked_at = looked_at.saturating_add(1);
            let count = if held.contains(&task) { &mut standing.held } else { self.place_of(task, &mut standing) };
            *count = count.saturating_add(1);
        }
        standing.untouched = view.matched.saturating_sub(view.ended()).saturating_sub(looked_at);
        Some(standing)
    }

    /// Where a begun task is counted.
    fn place_of<'a>(&self, task: TaskId, standing: &'a mut Standing) -> &'a mut u64 {
        let status = self.exchange.task(task).map(|state| state.status);
        if status == Some(TaskStatus::Revealing) {
            &mut standing.showing
        } else if self.dispatch.is_leased(task) {
            &mut standing.running
        } else if self.dispatch.statements(task).is_empty() {
            &mut standing.wanting
        } else {
            &mut standing.undecided
        }
    }
}
