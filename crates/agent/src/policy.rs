//! What an agent decides, without doing any of it: which tasks to ask for, start, state, keep and give back.
//!
//! The shell tells it what happened and when, and does what [`Policy::poll`] hands out. Nothing here reads a clock, draws a
//! random number or touches a socket or file; the simulator drives the same code.
//!
//! Invariants: at most `cores` runs go on; a result is kept from its end until the task is settled, cancelled or dropped,
//! whatever happens to connections, and is stated again on each; at most one batch is being signed, and its sequence only
//! grows; nothing is said to the exchange while it is not connected.

mod advance;
mod held;
mod statements;
mod window;

#[cfg(test)]
mod tests;

use api::limits::{BATCH_ITEMS, CREDIT_WINDOW};
use api::worker::{Assignment, Batch, DeclineReason, FromWorker, Held, Instead, Settlement};
pub use held::Finished;
use held::{Done, Stage, Task, Upload};
use statements::Statements;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use units::{Address, TaskId, Timestamp};
use window::Window;

/// How long a task runs before the exchange is told: short ones are done before it would matter.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(50);
/// How long a worker has nothing in hand before it asks as a fresh one: what comes next may be another job's, whose tasks take
/// a thousand times as long, and what it is given at once others do not get.
const FRESH_AFTER: Duration = Duration::from_millis(10);
/// How long runs are held for the owner before they are given back.
const HOLD: Duration = Duration::from_secs(60);
/// How long after its deadline a result is kept that the exchange never settled.
const KEEP: Duration = Duration::from_secs(48 * 3600);
/// How many refused statements' results are kept.
const KEEP_REFUSED: usize = 1_024;

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Get the task's files, then say [`Policy::prepared`] or [`Policy::declined`].
    Prepare(TaskId),
    /// Run it as soon as a core is free, in the order given, then say [`Policy::ended`].
    Run(TaskId),
    /// End its run soon; [`Policy::ended`] is still to be said.
    Abort(TaskId),
    /// Hold or let go on all runs.
    Hold(bool),
    /// Say this to the exchange.
    Say(FromWorker),
    /// Sign this batch and say it, then say [`Policy::batch_sent`].
    Sign(Box<Batch>),
    /// Upload its package, then say [`Policy::uploaded`].
    Upload(TaskId),
    /// Nothing more is wanted of it: free what it holds.
    Forget(TaskId),
}

/// How many tasks are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fetching, or waiting for a core.
    pub waiting: u32,
    /// Running.
    pub running: u32,
    /// Done, not settled.
    pub done: u32,
}

/// One worker's decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    worker: Address,
    cores: u32,
    held: BTreeMap<TaskId, Task>,
    /// Prepared, in the order in which they are to be handed over.
    waiting: VecDeque<TaskId>,
    /// Handed over and not ended, in order; the first `cores` of them run. Tasks no longer held stay until they end.
    handed: BTreeMap<u64, TaskId>,
    handed_orders: BTreeMap<TaskId, u64>,
    next_order: u64,
    /// Tasks held that are not done.
    pending: u32,
    window: Window,
    idle_since: Timestamp,
    /// Free slots as the exchange knows them.
    offered: u32,
    /// Since when more was asked for, with work in hand, and nothing was given.
    asked: Option<Timestamp>,
    connected: bool,
    stopping: bool,
    /// Since when the owner needs the machine.
    owner_since: Option<Timestamp>,
    statements: Statements,
    /// To be told with the next flush.
    uploading: Vec<TaskId>,
    refused: VecDeque<TaskId>,
    actions: VecDeque<Action>,
}

impl Policy {
    /// A worker with this many cores to lend (at least one), holding nothing.
    #[must_use]
    pub fn new(worker: Address, cores: u32) -> Self {
        let cores = cores.clamp(1, CREDIT_WINDOW);
        Self {
            worker,
            cores,
            held: BTreeMap::new(),
            waiting: VecDeque::new(),
            handed: BTreeMap::new(),
            handed_orders: BTreeMap::new(),
            next_order: 0,
            pending: 0,
            window: Window::new(cores),
            idle_since: Timestamp::default(),
            offered: 0,
            asked: None,
            connected: false,
            stopping: false,
            owner_since: None,
            statements: Statements::default(),
            uploading: Vec::new(),
            refused: VecDeque::new(),
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Its free slots, to be said in the hello, where they are at least one.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.free().max(1)
    }

    /// What it still holds, to be said in the hello.
    #[must_use]
    pub fn holding(&self) -> Vec<Held> {
        let held = |(task, held): (&TaskId, &Task)| Held {
            task: *task,
            deal: held.deal,
            index: held.index,
            phase: held.phase(),
        };
        self.held.iter().take(BATCH_ITEMS).map(held).collect()
    }

    /// How many tasks are where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let running = count(self.running().filter(|task| self.held.contains_key(task)).count());
        Counts {
            waiting: self.pending.saturating_sub(running),
            running,
            done: count(self.held.len()).saturating_sub(self.pending),
        }
    }

    /// Whether nothing is left that a stopping worker should stay for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.held.is_empty() && self.handed.is_empty() && !self.statements.is_signing()
    }

    /// The exchange took the hello. Its next signed batch must exceed `sequence`.
    pub fn connected(&mut self, dropped: &[TaskId], sequence: u64, now: Timestamp) {
        self.connected = true;
        self.offered = self.slots();
        self.idle_since = now;
        self.statements.connected(sequence);
        for task in dropped {
            self.drop_task(*task);
        }
        let held = &mut self.held;
        for (task, held) in held.iter_mut() {
            if let Stage::Handed { announced, since: Some(_), .. } = &mut held.stage {
                *announced = true;
            }
            let Some(done) = held.done_mut() else { continue };
            if done.reveal {
                self.statements.reveal(*task);
            } else {
                done.unsaid = true;
                self.statements.state(*task);
            }
            if done.upload == Upload::Done {
                self.actions.push_back(Action::Say(FromWorker::Uploaded { tasks: vec![*task] }));
            }
        }
        self.advance(now);
    }

    /// The connection is gone; runs go on.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.statements.disconnected();
        self.uploading.clear();
        self.actions.retain(|action| !matches!(action, Action::Say(_) | Action::Sign(_)));
    }

    /// The exchange gave a task; `direct` if its digest is to be said at once. Whether it is newly taken in hand: it is not
    /// where it is held already, or given back at once.
    pub fn assigned(&mut self, assignment: &Assignment, direct: bool, now: Timestamp) -> bool {
        let Assignment { task, deal, index, until } = *assignment;
        self.offered = self.offered.saturating_sub(1);
        if let Some(asked) = self.asked.take() {
            self.window.answered(now.saturating_since(asked));
        }
        if self.held.contains_key(&task) {
            return false;
        }
        // Far more than was asked for is not taken on the exchange's word alone.
        let flooded = count(self.held.len()) >= CREDIT_WINDOW.saturating_mul(2);
        if self.stopping || self.owner_since.is_some() || flooded {
            self.say(FromWorker::Decline { task, reason: DeclineReason::Owner });
            return false;
        }
        self.held.insert(task, Task { deal, index, direct, until, stage: Stage::Fetching });
        self.pending = self.pending.saturating_add(1);
        self.actions.push_back(Action::Prepare(task));
        self.advance(now);
        true
    }

    /// A task's files are there.
    pub fn prepared(&mut self, task: TaskId, now: Timestamp) {
        if let Some(held) = self.held.get_mut(&task)
            && held.stage == Stage::Fetching
        {
            held.stage = Stage::Waiting;
            self.waiting.push_back(task);
            self.advance(now);
        }
    }

    /// A task cannot be done here.
    pub fn declined(&mut self, task: TaskId, reason: DeclineReason, now: Timestamp) {
        if self.held.get(&task).is_some_and(|held| held.done().is_none()) {
            self.drop_task(task);
            self.say(FromWorker::Decline { task, reason });
            self.advance(now);
        }
    }

    /// A task need not be run: what was bought can be run nowhere, which is its result.
    pub fn failed(&mut self, task: TaskId, result: Finished, now: Timestamp) {
        if let Some(held) = self.held.get_mut(&task)
            && held.stage == Stage::Fetching
        {
            let done = Done { result, unsaid: true, reveal: false, upload: Upload::NotAsked, instead: None };
            held.stage = Stage::Done(Box::new(done));
            self.pending = self.pending.saturating_sub(1);
            self.statements.state(task);
            self.advance(now);
        }
    }

    /// A run ended, with a result or with a reason to give the task back. To be said for each [`Action::Run`].
    pub fn ended(&mut self, task: TaskId, result: Result<Finished, DeclineReason>, now: Timestamp) {
        if let Some(order) = self.handed_orders.remove(&task) {
            self.handed.remove(&order);
        }
        let handed = |held: &&mut Task| matches!(held.stage, Stage::Handed { .. });
        if let Some(held) = self.held.get_mut(&task).filter(handed) {
            match result {
                Ok(result) => {
                    self.window.ran(result.ran);
                    let done = Done { result, unsaid: true, reveal: false, upload: Upload::NotAsked, instead: None };
                    held.stage = Stage::Done(Box::new(done));
                    self.pending = self.pending.saturating_sub(1);
                    self.statements.state(task);
                }
                Err(reason) => {
                    self.drop_task(task);
                    self.say(FromWorker::Decline { task, reason });
                }
            }
        }
        self.advance(now);
    }

    /// A checker found a result as good as equal to another, which is to be revealed in its place.
    pub fn stands_for(&mut self, instead: Instead) {
        if let Some(done) = self.held.get_mut(&instead.task).and_then(Task::done_mut) {
            done.instead = Some(Box::new(instead));
        }
    }

    /// Consensus was reached on these: they are to be revealed. A task that is not here is given back.
    pub fn reveal(&mut self, tasks: &[TaskId], now: Timestamp) {
        for task in tasks {
            match self.held.get_mut(task).map(Task::done_mut) {
                Some(Some(done)) => {
                    done.reveal = true;
                    done.unsaid = false;
                    self.statements.reveal(*task);
                }
                // It asks for what was never stated; it will settle or cancel the task.
                Some(None) => {}
                None => self.say(FromWorker::Decline { task: *task, reason: DeclineReason::Broken }),
            }
        }
        self.advance(now);
    }

    /// These results' packages are to be uploaded. A task that is not here is given back.
    pub fn upload(&mut self, tasks: &[TaskId]) {
        for task in tasks {
            match self.held.get_mut(task).map(Task::done_mut) {
                Some(Some(done)) => match done.upload {
                    Upload::NotAsked => {
                        done.upload = Upload::Going;
                        self.uploading.push(*task);
                        self.actions.push_back(Action::Upload(*task));
                    }
                    Upload::Going => {}
                    Upload::Done => self.say(FromWorker::Uploaded { tasks: vec![*task] }),
                },
                Some(None) => {}
                None => self.say(FromWorker::Decline { task: *task, reason: DeclineReason::Broken }),
            }
        }
    }

    /// A package is uploaded, or could not be: then the exchange may ask again.
    pub fn uploaded(&mut self, task: TaskId, there: bool) {
        if let Some(done) = self.held.get_mut(&task).and_then(Task::done_mut) {
            done.upload = if there { Upload::Done } else { Upload::NotAsked };
            if there {
                self.say(FromWorker::Uploaded { tasks: vec![task] });
            }
        }
    }

    /// The exchange wants nothing more of these.
    pub fn cancelled(&mut self, tasks: &[TaskId], now: Timestamp) {
        for task in tasks {
            self.drop_task(*task);
        }
        self.advance(now);
    }

    /// These ended and are settled.
    pub fn settled(&mut self, tasks: &[Settlement], now: Timestamp) {
        for settlement in tasks {
            self.drop_task(settlement.task);
        }
        self.advance(now);
    }

    /// The exchange did not take what was said of a task. Its result is kept, for it may have been said twice; of many such
    /// the oldest go.
    pub fn refused(&mut self, task: TaskId) {
        if !self.held.contains_key(&task) || self.refused.contains(&task) {
            return;
        }
        self.refused.push_back(task);
        if self.refused.len() > KEEP_REFUSED
            && let Some(oldest) = self.refused.pop_front()
            && self.held.get(&oldest).and_then(Task::done).is_some_and(|done| !done.reveal)
        {
            self.drop_task(oldest);
        }
    }

    /// A word went to the exchange and back in this time: who is near needs less work in hand.
    pub fn went(&mut self, way: Duration) {
        self.window.went(way);
    }

    /// The batch handed out is on its way.
    pub fn batch_sent(&mut self, now: Timestamp) {
        self.statements.sent();
        self.advance(now);
    }

    /// Whether the owner needs the machine. While so, nothing new is taken and runs are held; after a while given back.
    pub fn owner_needs_it(&mut self, needs: bool, now: Timestamp) {
        match (self.owner_since, needs) {
            (None, true) => {
                self.owner_since = Some(now);
                self.actions.push_back(Action::Hold(true));
                self.give_back(|stage| matches!(stage, Stage::Fetching | Stage::Waiting));
            }
            (Some(_), false) => {
                self.owner_since = None;
                self.actions.push_back(Action::Hold(false));
            }
            (None, false) | (Some(_), true) => {}
        }
        self.advance(now);
    }

    /// Takes nothing more and gives back what is not done; what is done is still stated and revealed.
    pub fn stop(&mut self, now: Timestamp) {
        self.stopping = true;
        self.give_back(|stage| !matches!(stage, Stage::Done(_)));
        self.advance(now);
    }

    /// Time has passed: to be said at [`Policy::next_deadline`], and whenever else.
    pub fn tick(&mut self, now: Timestamp) {
        if self.owner_since.is_some_and(|since| now.saturating_since(since) >= HOLD) {
            self.give_back(|stage| matches!(stage, Stage::Handed { .. }));
        }
        let late: Vec<TaskId> =
            self.running().filter(|task| self.held.get(task).is_some_and(|h| h.until <= now)).collect();
        for task in late {
            self.declined(task, DeclineReason::TooSlow, now);
        }
        let stale = |held: &Task| held.done().is_some() && held.until.saturating_add(KEEP) <= now;
        if self.held.len() > KEEP_REFUSED {
            let stale: Vec<TaskId> = self.held.iter().filter(|(_, h)| stale(h)).map(|(task, _)| *task).collect();
            self.cancelled(&stale, now);
        }
        self.advance(now);
    }

    /// When [`Policy::tick`] should be said next, where anything waits on time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let mut next = self.statements.next_deadline(self.pending > 0).filter(|_| self.connected);
        let mut at = |time: Timestamp| next = Some(next.map_or(time, |next| next.min(time)));
        for task in self.running() {
            if let Some(Task { until, stage: Stage::Handed { since: Some(since), announced, .. }, .. }) =
                self.held.get(&task)
            {
                at(*until);
                if self.connected && !announced {
                    at(since.saturating_add(ANNOUNCE_AFTER));
                }
            }
        }
        if self.pending == 0 && self.connected && !self.window.is_fresh() {
            at(self.idle_since.saturating_add(FRESH_AFTER));
        }
        if let Some(since) = self.owner_since
            && self.handed.values().any(|task| self.held.contains_key(task))
        {
            at(since.saturating_add(HOLD));
        }
        next
    }
}

/// A length as a count of tasks.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
