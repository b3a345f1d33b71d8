//! What follows from what happened: tasks handed over, slots offered, phases and statements said.

use super::held::{Stage, Task};
use super::{ANNOUNCE_AFTER, Action, FRESH_AFTER, Policy, count};
use api::limits::{BATCH_ITEMS, CREDIT_WINDOW};
use api::worker::{DeclineReason, FromWorker, Phase};
use std::time::Duration;
use units::{TaskId, Timestamp};

/// Work handed over beyond the running tasks, so that a core that ends a task need not wait for this to be told.
const HANDED_AHEAD: Duration = Duration::from_millis(5);

impl Policy {
    /// Does what has become possible.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.hand_over(now);
        self.mark_running(now);
        if self.pending > 0 {
            self.idle_since = now;
        } else if now.saturating_since(self.idle_since) >= FRESH_AFTER {
            self.window.forget();
        }
        if !self.connected {
            return;
        }
        self.announce(now);
        if let Some(batch) = self.statements.batch(&mut self.held, self.worker, self.pending > 0, now) {
            self.actions.push_back(Action::Sign(Box::new(batch)));
        }
        self.offer(now);
    }

    /// Hands tasks over to be run, as many as fill the cores and a little beyond.
    fn hand_over(&mut self, now: Timestamp) {
        if self.owner_since.is_some() {
            return;
        }
        let most = self.cores.saturating_add(self.window.ahead(HANDED_AHEAD).min(64 * self.cores));
        let mut put_off = Vec::new();
        while count(self.handed.len()) < most {
            let Some(task) = self.waiting.pop_front() else { break };
            let Some(held) = self.held.get_mut(&task).filter(|held| held.stage == Stage::Waiting) else { continue };
            if held.until <= now {
                self.drop_task(task);
                self.say(FromWorker::Decline { task, reason: DeclineReason::TooSlow });
            } else if self.handed_orders.contains_key(&task) {
                // It was called off and given anew; its first run has yet to end.
                put_off.push(task);
            } else {
                held.stage = Stage::Handed { since: None, announced: false };
                self.handed.insert(self.next_order, task);
                self.handed_orders.insert(task, self.next_order);
                self.next_order = self.next_order.saturating_add(1);
                self.actions.push_back(Action::Run(task));
            }
        }
        for task in put_off.into_iter().rev() {
            self.waiting.push_front(task);
        }
    }

    /// Notes when tasks came to be among those that run, and how long the oldest have.
    fn mark_running(&mut self, now: Timestamp) {
        let cores = usize::try_from(self.cores).unwrap_or(usize::MAX);
        for task in self.handed.values().take(cores) {
            if let Some(Task { stage: Stage::Handed { since, .. }, .. }) = self.held.get_mut(task) {
                let since = *since.get_or_insert(now);
                self.window.still_running(now.saturating_since(since));
            }
        }
    }

    /// Tells which tasks run and which results are being uploaded.
    fn announce(&mut self, now: Timestamp) {
        let cores = usize::try_from(self.cores).unwrap_or(usize::MAX);
        let mut running = Vec::new();
        for task in self.handed.values().take(cores) {
            if let Some(Task { stage: Stage::Handed { since: Some(since), announced, .. }, .. }) =
                self.held.get_mut(task)
                && !*announced
                && now.saturating_since(*since) >= ANNOUNCE_AFTER
            {
                *announced = true;
                running.push(*task);
            }
        }
        let uploading = std::mem::take(&mut self.uploading);
        for (tasks, phase) in [(running, Phase::Run), (uploading, Phase::Upload)] {
            for tasks in tasks.chunks(BATCH_ITEMS) {
                self.say(FromWorker::Phase { tasks: tasks.to_vec(), phase });
            }
        }
    }

    /// More of some file has come: says of which tasks files are fetched, so that a slow line is not taken for a slow machine.
    pub(crate) fn still_fetching(&mut self) {
        let fetching = self.held.iter().filter(|(_, held)| held.stage == Stage::Fetching);
        let tasks: Vec<TaskId> = fetching.map(|(task, _)| *task).collect();
        for tasks in tasks.chunks(BATCH_ITEMS) {
            self.say(FromWorker::Phase { tasks: tasks.to_vec(), phase: Phase::Fetch });
        }
    }

    /// Offers free slots, where they differ enough from what the exchange knows.
    fn offer(&mut self, now: Timestamp) {
        let (free, worth) = (self.free(), self.window.worth());
        // An exchange that knows of as much room and does not fill it has nothing to give.
        let idle = self.pending == 0;
        let few = self.offered < if idle { self.cores.saturating_mul(2) } else { worth };
        let more = few && free > self.offered && (idle || free - self.offered >= worth);
        let none = free == 0 && (self.stopping || self.owner_since.is_some());
        let much = self.offered.saturating_sub(free) >= worth && self.offered / 2 >= free;
        let fewer = free < self.offered && (none || much);
        if more || fewer {
            self.offered = free;
            // Whoever has nothing in hand may wait for the next job.
            self.asked = self.asked.or(Some(now)).filter(|_| more && !idle);
            self.say(FromWorker::Ready { slots: free });
        }
    }

    /// Tasks it would take now.
    pub(super) fn free(&self) -> u32 {
        if self.stopping || self.owner_since.is_some() {
            return 0;
        }
        let held = count(self.held.len());
        // Two who are full of results that wait for a check by the other still take the checks: few at a time, and those go first.
        let few = if held < CREDIT_WINDOW.saturating_mul(2).saturating_sub(self.cores) { self.cores } else { 0 };
        let room = CREDIT_WINDOW.saturating_sub(held).max(few);
        self.window.tasks().saturating_sub(self.pending).min(room)
    }

    /// The tasks that occupy a core.
    pub(super) fn running(&self) -> impl Iterator<Item = TaskId> {
        let cores = usize::try_from(self.cores).unwrap_or(usize::MAX);
        self.handed.values().take(cores).copied()
    }

    /// Gives back what is at such a stage.
    pub(super) fn give_back(&mut self, which: impl Fn(&Stage) -> bool) {
        let tasks: Vec<TaskId> =
            self.held.iter().filter(|(_, held)| which(&held.stage)).map(|(task, _)| *task).collect();
        for task in tasks {
            self.drop_task(task);
            self.say(FromWorker::Decline { task, reason: DeclineReason::Owner });
        }
    }

    /// Holds a task no longer.
    pub(super) fn drop_task(&mut self, task: TaskId) {
        let Some(held) = self.held.remove(&task) else { return };
        match held.stage {
            Stage::Fetching | Stage::Waiting => self.pending = self.pending.saturating_sub(1),
            Stage::Handed { .. } => {
                self.pending = self.pending.saturating_sub(1);
                self.actions.push_back(Action::Abort(task));
            }
            Stage::Done(_) => {}
        }
        self.actions.push_back(Action::Forget(task));
    }

    pub(super) fn say(&mut self, frame: FromWorker) {
        if self.connected {
            self.actions.push_back(Action::Say(frame));
        }
    }
}
