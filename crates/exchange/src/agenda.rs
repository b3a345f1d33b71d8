//! What waits on time: tasks of hosted pools that come to nothing are claimed for their payers, finished deals leave.
//!
//! Each tick does a bounded amount and leaves the rest to the next, for which [`Exchange::next_deadline`] then asks at once.

use crate::{Event, Exchange};
use orders::ids;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{DealId, OrderHash, TaskId, Timestamp, U256};

/// How long a finished deal can still be read from the live state: no rule needs it any more, and the history has it. It is
/// long enough for whoever asks at once, before the history was written.
const KEPT_AFTER_END: Duration = Duration::from_secs(5);
/// How many tasks a tick claims or forgets at most: more than end in a turn of the loop, so that ticks keep up with them.
const TASKS_PER_TICK: u32 = 10_000;
/// The rules since which it is so few seconds and so many tasks.
const SHORT_SINCE: u32 = 3;
/// As it was before.
const KEPT_AFTER_END_BEFORE: Duration = Duration::from_mins(15);
/// As it was before.
const TASKS_PER_TICK_BEFORE: u32 = 1_000;

/// How far a live deal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// The request order that the deal serves.
    request: OrderHash,
    /// How many of its tasks are neither done nor failed.
    left: U256,
    /// Indices below this are settled with: claimed when overdue, or forgotten when finished.
    cursor: U256,
}

/// Deals by what is next to do about them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agenda {
    deals: BTreeMap<DealId, Progress>,
    due: BTreeSet<(Timestamp, DealId)>,
}

impl Agenda {
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Deals that have unfinished tasks.
    pub(crate) fn active(&self) -> impl Iterator<Item = DealId> + '_ {
        self.deals.iter().filter(|(_, progress)| !progress.left.is_zero()).map(|(deal, _)| *deal)
    }

    pub(crate) fn request(&self, deal: DealId) -> Option<OrderHash> {
        self.deals.get(&deal).map(|progress| progress.request)
    }

    pub(crate) fn left(&self, deal: DealId) -> U256 {
        self.deals.get(&deal).map_or(U256::ZERO, |progress| progress.left)
    }
}

impl Exchange {
    /// A deal was made.
    pub(crate) fn begin(&mut self, id: DealId, request: OrderHash) {
        let deal = self.hub.deal(id).expect("the deal was just made");
        self.agenda.deals.insert(id, Progress { request, left: deal.bot_size, cursor: deal.bot_first });
        // Only the exchange's own pools are watched: they sell no more than they can do, so that this stays bounded.
        let watched = self.is_hosted(deal.workerpool.pointer);
        if let Some(deadline) = self.hub.final_deadline(deal).filter(|_| watched) {
            self.agenda.due.insert((deadline, id));
        }
        self.draw(id);
    }

    /// A task is done or failed; if it was the deal's last, the deal is finished.
    pub(crate) fn note_finished(&mut self, task: TaskId, events: &mut Vec<Event>) {
        let id = self.hub.task(task).expect("the task was just finished").deal;
        let deal = self.hub.deal(id).expect("a task has its deal");
        let progress = self.agenda.deals.get_mut(&id).expect("a live deal is on the agenda");
        progress.left = progress.left.checked_sub(U256::ONE).expect("a task is finished once");
        if !progress.left.is_zero() {
            return;
        }
        progress.cursor = deal.bot_first;
        if let Some(deadline) = self.hub.final_deadline(deal) {
            self.agenda.due.remove(&(deadline, id));
        }
        self.agenda.due.insert((self.now.saturating_add(self.kept_after_end()), id));
        self.secrets.deal_finished(id);
        self.note_ended(id);
        events.push(Event::DealFinished { deal: id });
    }

    fn kept_after_end(&self) -> Duration {
        if self.genesis.rules_version < SHORT_SINCE { KEPT_AFTER_END_BEFORE } else { KEPT_AFTER_END }
    }

    fn tasks_per_tick(&self) -> u32 {
        if self.genesis.rules_version < SHORT_SINCE { TASKS_PER_TICK_BEFORE } else { TASKS_PER_TICK }
    }

    /// Does what is due, up to a bound.
    pub(crate) fn tick(&mut self, events: &mut Vec<Event>) {
        let mut budget = self.tasks_per_tick();
        while budget > 0 {
            let Some((_, deal)) = self.agenda.due.first().copied().filter(|(at, _)| *at <= self.now) else {
                return;
            };
            budget = budget.saturating_sub(1);
            if self.agenda.left(deal).is_zero() {
                self.forget_some(deal, &mut budget, events);
            } else {
                self.claim_some(deal, &mut budget, events);
            }
        }
    }

    /// Claims overdue tasks of a deal in the order of their indices.
    fn claim_some(&mut self, id: DealId, budget: &mut u32, events: &mut Vec<Event>) {
        while *budget > 0 && !self.agenda.left(id).is_zero() {
            *budget = budget.saturating_sub(1);
            let index = self.advance(id);
            let task = ids::task_id(id, index);
            let mut told = Vec::new();
            match self.hub.task(task).map(|task| task.status.is_final()) {
                Some(true) => {}
                Some(false) => self.hub.claim(task, self.now, &mut told).expect("an overdue task can be claimed"),
                None => {
                    let place = [(id, index)];
                    let claimed = self.hub.initialize_and_claim_array(&place, self.now, &mut told);
                    claimed.expect("an overdue task can be opened and claimed");
                }
            }
            self.tell(told, events);
        }
    }

    /// Drops the tasks of a finished deal, and with the last the deal.
    fn forget_some(&mut self, id: DealId, budget: &mut u32, events: &mut Vec<Event>) {
        let deal = self.hub.deal(id).expect("a finished deal is kept until it is forgotten");
        let end = deal.bot_first.saturating_add(deal.bot_size);
        let mut tasks = Vec::new();
        let mut over = self.agenda.deals.get(&id).is_none_or(|progress| progress.cursor >= end);
        while *budget > 0 && !over {
            *budget = budget.saturating_sub(1);
            let index = self.advance(id);
            tasks.push(ids::task_id(id, index));
            over = index.saturating_add(U256::ONE) >= end;
        }
        self.hub.forget_tasks(tasks);
        if over {
            self.hub.forget_deal(id);
            self.agenda.deals.remove(&id);
            self.secrets.deal_forgotten(id);
            self.agenda.due.pop_first();
            events.push(Event::DealForgotten { deal: id });
        }
    }

    /// The index at the deal's cursor, which moves on.
    fn advance(&mut self, id: DealId) -> U256 {
        let progress = self.agenda.deals.get_mut(&id).expect("what is due is on the agenda");
        let next = progress.cursor.saturating_add(U256::ONE);
        std::mem::replace(&mut progress.cursor, next)
    }
}
