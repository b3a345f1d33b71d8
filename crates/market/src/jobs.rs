//! How each job stands, counted from events.

use poco::Deal;
use std::collections::{BTreeMap, BTreeSet};
use units::{Amount, DealId, OrderHash, TaskId};

/// Most deals that a job's view names.
const DEALS_NAMED: usize = 1_000;

/// How a job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobView {
    /// Tasks bought.
    pub matched: u64,
    /// Tasks that some worker holds.
    pub running: u64,
    /// Leases on them.
    pub replicas: u64,
    /// Tasks that are done as far as can be foreseen, their results held until a check covers them.
    pub provisional: u64,
    /// Tasks with an accepted result.
    pub finished: u64,
    /// Of those, failures of the program.
    pub failed: u64,
    /// Of those, tasks of whose results the job's checker could tell no two from each other: the first was taken.
    pub undecided: u64,
    /// Tasks not done in time.
    pub claimed: u64,
    /// Paid.
    pub spent: Amount,
    /// Locked for tasks bought and not ended.
    pub locked: Amount,
    /// Its deals, oldest first, as far as they are named.
    pub deals: Vec<DealId>,
}

/// When so many of a job's first tasks ended as failures of its program and none otherwise, it always fails.
const ALWAYS: u64 = 3;

impl JobView {
    /// Whether the job's program always fails, as far as it was seen: two workers agreed on it for each of its first tasks.
    #[must_use]
    pub fn always_fails(&self) -> bool {
        self.failed >= ALWAYS && self.failed == self.finished
    }

    /// Whether the job's checker never tells, as far as it was seen.
    #[must_use]
    pub fn never_tells(&self) -> bool {
        self.undecided >= ALWAYS && self.undecided == self.finished
    }

    /// Tasks that have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.finished.saturating_add(self.claimed)
    }
}

/// All jobs that hosted deals serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Jobs {
    views: BTreeMap<OrderHash, JobView>,
    /// Open tasks whose checker could not tell.
    conceded: BTreeSet<TaskId>,
}

/// How a task of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Finished { failed: bool },
    Claimed,
}

impl Jobs {
    pub(crate) fn view(&self, request: OrderHash) -> Option<JobView> {
        self.views.get(&request).cloned()
    }

    pub(crate) fn known(&self) -> impl Iterator<Item = OrderHash> {
        self.views.keys().copied()
    }

    /// Takes what is counted of all deals of a job. What is locked and under way only live deals have.
    pub(crate) fn recall(&mut self, request: OrderHash, whole: &JobView) {
        let Some(view) = self.views.get_mut(&request) else { return };
        view.matched = view.matched.max(whole.matched);
        view.finished = view.finished.max(whole.finished);
        view.failed = view.failed.max(whole.failed);
        view.claimed = view.claimed.max(whole.claimed);
        view.spent = view.spent.max(whole.spent);
        if whole.deals.len() > view.deals.len() {
            view.deals.clone_from(&whole.deals);
            view.deals.truncate(DEALS_NAMED);
        }
    }

    /// Whether no more of a job is to be bought: its program always fails, or its checker never tells.
    pub(crate) fn is_hopeless(&self, request: OrderHash) -> bool {
        self.views.get(&request).is_some_and(|view| view.always_fails() || view.never_tells())
    }

    /// A task's result was taken though its checker could not tell.
    pub(crate) fn conceded(&mut self, request: OrderHash, task: TaskId) {
        if self.conceded.insert(task) {
            let view = self.views.entry(request).or_default();
            view.undecided = view.undecided.saturating_add(1);
        }
    }

    /// A task has ended: whether it was conceded is counted.
    pub(crate) fn forget_conceded(&mut self, task: TaskId) {
        self.conceded.remove(&task);
    }

    pub(crate) fn matched(&mut self, request: OrderHash, id: DealId, deal: &Deal) {
        let view = self.views.entry(request).or_default();
        view.matched = view.matched.saturating_add(deal.bot_size.saturating_to());
        let price = deal.task_price().checked_mul(deal.bot_size).expect("the price was locked at the match");
        view.locked = view.locked.checked_add(price).expect("what is locked exists");
        if view.deals.len() < DEALS_NAMED {
            view.deals.push(id);
        }
    }

    pub(crate) fn ended(&mut self, request: OrderHash, deal: &Deal, end: TaskEnd) {
        let view = self.views.entry(request).or_default();
        let price = deal.task_price();
        view.locked = view.locked.checked_sub(price).expect("a task's price was locked until it ended");
        match end {
            TaskEnd::Finished { failed } => {
                view.finished = view.finished.saturating_add(1);
                view.failed = view.failed.saturating_add(u64::from(failed));
                view.spent = view.spent.checked_add(price).expect("what is spent existed");
            }
            TaskEnd::Claimed => view.claimed = view.claimed.saturating_add(1),
        }
    }
}
