//! A machine: the agent's own policy, and a model of what its shell would do: fetch, run, sign, upload.

use crate::clock::Clock;
use crate::dice::Dice;
use crate::network::{Down, Network, Up};
use crate::scenario::{Nature, Profile};
use crate::transition::Step;
use agent::policy::{Action, Finished, Policy};
use api::worker::{Assignment, Batch, DeclineReason, FromWorker, Package};
use market::Held;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use units::{Address, B256, Bytes, DealId, Digest, TaskId, Timestamp};

/// What a deal's tasks are, as far as a machine comes to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskKind {
    pub(crate) fails: bool,
    pub(crate) big: bool,
    pub(crate) run_ms: u64,
}

/// How a machine is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Off,
    /// Said hello, not yet welcomed.
    Greeting(u64),
    On(u64),
}

#[derive(Clone, Copy, Debug)]
struct Run {
    task: TaskId,
    started: bool,
    aborted: bool,
}

/// What a machine may touch of the world.
pub(crate) struct Around<'a> {
    pub(crate) clock: &'a mut Clock,
    pub(crate) dice: &'a mut Dice,
    pub(crate) network: &'a mut Network,
    pub(crate) deals: &'a BTreeMap<DealId, TaskKind>,
    /// What was committed of each task first: what a copycat would like to know.
    pub(crate) leaks: &'a mut BTreeMap<TaskId, B256>,
    /// Whether things still go wrong by themselves.
    pub(crate) rough: bool,
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: usize,
    pub(crate) profile: Profile,
    policy: Policy,
    /// Counts its deaths: what was arranged in an earlier life does not happen.
    pub(crate) life: u32,
    pub(crate) gone: bool,
    link: Link,
    work: BTreeMap<TaskId, DealId>,
    results: BTreeMap<TaskId, Digest>,
    queue: VecDeque<u64>,
    runs: BTreeMap<u64, Run>,
    next_run: u64,
    paused: bool,
    held_back: Vec<u64>,
    tick_at: Option<Timestamp>,
}

/// The right result of a task.
pub(crate) fn truth(task: TaskId, fails: bool) -> B256 {
    word(task, if fails { b"failed" } else { b"right" })
}

fn word(task: TaskId, word: &[u8]) -> B256 {
    alloy_primitives::keccak256([task.0.as_slice(), word].concat())
}

impl Machine {
    pub(crate) fn new(name: usize, profile: Profile) -> Self {
        let policy = Policy::new(profile.address, profile.cores);
        Self {
            name,
            profile,
            policy,
            life: 0,
            gone: false,
            link: Link::Off,
            work: BTreeMap::new(),
            results: BTreeMap::new(),
            queue: VecDeque::new(),
            runs: BTreeMap::new(),
            next_run: 0,
            paused: false,
            held_back: Vec::new(),
            tick_at: None,
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.profile.address
    }

    /// Something it has in hand while it is connected, if there is anything.
    pub(crate) fn still_holds(&self) -> Option<TaskId> {
        let is_on = matches!(self.link, Link::On(_));
        self.policy.holding().first().filter(|_| is_on && !self.gone).map(|held| held.task)
    }

    /// Tries to connect, or tries again later.
    pub(crate) fn connect(&mut self, up: bool, around: &mut Around<'_>) {
        if self.gone || self.link != Link::Off {
            return;
        }
        if !up || around.network.is_apart(self.name) {
            let again = around.dice.between(500, 5_000);
            around.clock.after(again, Step::Connect { machine: self.name, life: self.life });
            return;
        }
        let connection = around.network.open(self.name, around.clock.now());
        self.link = Link::Greeting(connection);
        let holding = self.policy.holding().into_iter().map(held).collect();
        let hello = Up::Hello { slots: self.policy.slots(), holding };
        around.network.up(around.clock, around.dice, connection, hello);
    }

    /// Learns that a connection is gone.
    pub(crate) fn misses(&mut self, connection: u64, around: &mut Around<'_>) {
        if self.link == Link::On(connection) {
            self.policy.disconnected();
        } else if self.link != Link::Greeting(connection) {
            return;
        }
        self.link = Link::Off;
        let again = around.dice.between(100, 3_000);
        around.clock.after(again, Step::Connect { machine: self.name, life: self.life });
        self.act(around);
    }

    /// The process is killed; all it held is lost.
    pub(crate) fn die(&mut self, around: &mut Around<'_>, forever: bool) {
        self.life += 1;
        self.gone |= forever;
        for connection in around.network.connections_of(self.name) {
            around.network.cut(around.clock, around.dice, connection);
        }
        self.policy = Policy::new(self.profile.address, self.profile.cores);
        self.link = Link::Off;
        self.work.clear();
        self.results.clear();
        self.queue.clear();
        self.runs.clear();
        self.held_back.clear();
        self.paused = false;
        self.tick_at = None;
        if !self.gone {
            let again = around.dice.between(500, 90_000);
            around.clock.after(again, Step::Connect { machine: self.name, life: self.life });
        }
    }

    pub(crate) fn owner_needs(&mut self, needs: bool, around: &mut Around<'_>) {
        self.policy.owner_needs_it(needs, around.clock.now());
        self.act(around);
    }

    /// Hears something over a connection.
    pub(crate) fn hear(&mut self, connection: u64, said: Down, around: &mut Around<'_>) {
        let now = around.clock.now();
        match (self.link, said) {
            (Link::Greeting(own), Down::Welcome { dropped, sequence }) if own == connection => {
                self.link = Link::On(connection);
                self.policy.connected(&dropped, sequence, now);
            }
            (Link::On(own), said) if own == connection => self.heed(said, now),
            (Link::Off | Link::Greeting(_) | Link::On(_), _) => return,
        }
        self.act(around);
        if self.link == Link::Off && !self.gone {
            around.clock.after(1_000, Step::Connect { machine: self.name, life: self.life });
        }
    }

    fn heed(&mut self, said: Down, now: Timestamp) {
        match said {
            Down::Welcome { .. } => {}
            Down::Assign { task, deal, index, until, direct } => {
                if self.policy.assigned(&Assignment { task, deal, index, until }, direct, now) {
                    self.work.insert(task, deal);
                }
            }
            Down::Reveal(task) => self.policy.reveal(&[task], now),
            Down::Upload(task) => self.policy.upload(&[task]),
            Down::Cancel(task) => self.policy.cancelled(&[task], now),
            Down::Settled(settlement) => self.policy.settled(&[settlement], now),
            Down::Refused(task) => self.policy.refused(task),
            Down::Bye => {
                self.policy.disconnected();
                self.link = Link::Off;
            }
        }
    }

    pub(crate) fn tick(&mut self, around: &mut Around<'_>) {
        self.tick_at = None;
        self.policy.tick(around.clock.now());
        self.act(around);
    }

    /// A task's files are there, or cannot be had.
    pub(crate) fn prepared(&mut self, task: TaskId, there: bool, around: &mut Around<'_>) {
        let now = around.clock.now();
        if there {
            self.policy.prepared(task, now);
        } else {
            self.policy.declined(task, DeclineReason::Fetch, now);
        }
        self.act(around);
    }

    pub(crate) fn uploaded(&mut self, task: TaskId, there: bool, around: &mut Around<'_>) {
        self.policy.uploaded(task, there);
        self.act(around);
    }

    /// A run ended.
    pub(crate) fn ended(&mut self, number: u64, around: &mut Around<'_>) {
        let now = around.clock.now();
        if self.paused && self.runs.get(&number).is_some_and(|run| !run.aborted) {
            self.held_back.push(number);
            return;
        }
        let Some(run) = self.runs.remove(&number) else { return };
        let outcome = if run.aborted { Err(DeclineReason::Owner) } else { self.result(run.task, around) };
        if let Ok(finished) = &outcome {
            self.results.insert(run.task, finished.package.blob);
        }
        self.policy.ended(run.task, outcome, now);
        self.act(around);
    }

    /// The blob of a task's result, where it is done.
    pub(crate) fn blob(&self, task: TaskId) -> Option<Digest> {
        self.results.get(&task).copied()
    }

    fn kind(&self, task: TaskId, around: &Around<'_>) -> TaskKind {
        let deal = self.work.get(&task).expect("what runs was assigned");
        *around.deals.get(deal).expect("what was assigned is of a deal that was made")
    }

    fn result(&self, task: TaskId, around: &Around<'_>) -> Result<Finished, DeclineReason> {
        if !self.work.contains_key(&task) {
            return Err(DeclineReason::Broken);
        }
        let kind = self.kind(task, around);
        let (digest, failed) = match self.profile.nature {
            Nature::Liar => (word(task, self.address().as_slice()), false),
            Nature::Colluder => (word(task, b"colluders"), false),
            Nature::Naysayer => (truth(task, true), true),
            Nature::Honest
            | Nature::Slow
            | Nature::Copycat
            | Nature::Silent
            | Nature::Hung
            | Nature::Shy
            | Nature::Withholder
            | Nature::Unable
            | Nature::Vanisher => (truth(task, kind.fails), kind.fails),
        };
        let inline = (!kind.big && self.profile.nature != Nature::Withholder).then(Bytes::new);
        let package = Package {
            blob: Digest(digest),
            size: 1,
            inline,
            callback: None,
            stderr: String::new(),
            stdout: String::new(),
        };
        Ok(Finished { digest, failed, ran: Duration::from_millis(kind.run_ms), package })
    }

    /// Does what the policy hands out, and arranges to be told of time.
    fn act(&mut self, around: &mut Around<'_>) {
        while let Some(action) = self.policy.poll() {
            self.perform(action, around);
        }
        if let Some(at) = self.policy.next_deadline() {
            // At least a moment later, as a timer would be.
            let at = at.max(Timestamp(around.clock.now().0 + 1));
            if self.tick_at.is_none_or(|before| at < before) {
                self.tick_at = Some(at);
                around.clock.at(at, Step::Tick { machine: self.name, life: self.life, at });
            }
        }
    }

    /// Whether a tick that comes is the one that is waited for.
    pub(crate) fn awaits_tick(&self, at: Timestamp) -> bool {
        self.tick_at == Some(at)
    }

    fn perform(&mut self, action: Action, around: &mut Around<'_>) {
        let (machine, life) = (self.name, self.life);
        match action {
            Action::Prepare(task) => {
                if self.profile.nature == Nature::Unable {
                    return self.policy.declined(task, DeclineReason::Runtime, around.clock.now());
                }
                let there = !(around.rough && around.dice.chance(2));
                let takes = if around.dice.chance(5) { around.dice.between(100, 8_000) } else { around.dice.below(20) };
                around.clock.after(takes, Step::Prepared { machine, life, task, there });
            }
            Action::Run(task) => {
                self.next_run += 1;
                self.runs.insert(self.next_run, Run { task, started: false, aborted: false });
                self.queue.push_back(self.next_run);
            }
            Action::Abort(task) => {
                for (number, run) in &mut self.runs {
                    if run.task == task && !run.aborted {
                        run.aborted = true;
                        let takes = if run.started { 5 } else { 1 };
                        around.clock.after(takes, Step::RunEnded { machine, life, run: *number });
                    }
                }
                self.queue.retain(|number| self.runs.get(number).is_some_and(|run| !run.aborted));
            }
            Action::Hold(hold) => {
                self.paused = hold;
                if !hold {
                    for run in std::mem::take(&mut self.held_back) {
                        around.clock.after(50, Step::RunEnded { machine, life, run });
                    }
                }
            }
            Action::Say(frame) => self.say(frame, around),
            Action::Sign(batch) => {
                self.sign(*batch, around);
                self.policy.batch_sent(around.clock.now());
            }
            Action::Upload(task) => {
                if self.profile.nature != Nature::Withholder {
                    let takes = around.dice.between(20, 3_000);
                    around.clock.after(takes, Step::Uploaded { machine, life, task });
                }
            }
            Action::Forget(task) => {
                self.work.remove(&task);
                self.results.remove(&task);
            }
        }
        self.start_runs(around);
    }

    fn start_runs(&mut self, around: &mut Around<'_>) {
        let cores = usize::try_from(self.profile.cores).expect("cores are few");
        while self.runs.values().filter(|run| run.started).count() < cores {
            let Some(number) = self.queue.pop_front() else { return };
            let Some(run) = self.runs.get_mut(&number) else { continue };
            run.started = true;
            let task = run.task;
            if self.profile.nature == Nature::Hung {
                continue;
            }
            let slow = if self.profile.nature == Nature::Slow { 20 } else { 1 };
            let run_ms = self.kind(task, around).run_ms * slow;
            let takes = run_ms * around.dice.between(80, 140) / 100;
            around.clock.after(takes, Step::RunEnded { machine: self.name, life: self.life, run: number });
        }
    }

    fn say(&self, frame: FromWorker, around: &mut Around<'_>) {
        let Link::On(connection) = self.link else { return };
        let silent = self.profile.nature == Nature::Silent && !matches!(frame, FromWorker::Ready { .. });
        if !silent {
            around.network.up(around.clock, around.dice, connection, Up::Frame(frame));
        }
    }

    /// Sends a batch, as its nature is.
    fn sign(&self, mut batch: Batch, around: &mut Around<'_>) {
        match self.profile.nature {
            Nature::Shy => batch.reveals.clear(),
            Nature::Copycat => {
                for commit in &mut batch.commits {
                    if let Some(leaked) = around.leaks.get(&commit.task) {
                        commit.result_hash = *leaked;
                    }
                }
            }
            Nature::Honest
            | Nature::Slow
            | Nature::Liar
            | Nature::Colluder
            | Nature::Naysayer
            | Nature::Silent
            | Nature::Hung
            | Nature::Withholder
            | Nature::Unable
            | Nature::Vanisher => {}
        }
        for commit in &batch.commits {
            around.leaks.entry(commit.task).or_insert(commit.result_hash);
        }
        let twice = around.rough && around.dice.chance(2);
        let frame = FromWorker::Batch(Box::new(batch));
        if twice {
            self.say(frame.clone(), around);
        }
        self.say(frame, around);
    }
}

fn held(held: api::worker::Held) -> Held {
    let api::worker::Held { task, deal, index, phase } = held;
    Held { task, deal, index, phase: crate::system::phase(phase) }
}
