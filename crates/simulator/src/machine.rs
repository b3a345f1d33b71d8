//! A machine: the agent's own policy, and a model of what its shell would do: connect, fetch, run, sign, upload.

mod work;

use crate::clock::{Clock, later};
use crate::dice::Dice;
use crate::network::{Down, Network, Up};
use crate::scenario::Profile;
use crate::transition::Step;
use abi::Call;
use agent::policy::Policy;
use api::worker::{Assignment, DeclineReason, FromWorker};
use market::Held;
use std::collections::{BTreeMap, VecDeque};
use units::{Address, B256, DealId, Digest, TaskId, Timestamp};

/// What a deal's tasks are, as far as a machine comes to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskKind {
    pub(crate) fails: bool,
    /// Whether only the time limit ends it.
    pub(crate) endless: bool,
    pub(crate) big: bool,
    pub(crate) run_ms: u64,
}

/// A difference up to this from the exchange's time is the coarseness of what an agent compares, milliseconds.
const COARSE_MS: u64 = 2_000;

/// Who is not invited asks again after so long.
const UNINVITED_MS: u64 = 10 * 60_000;

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
    /// Whether it said hello with other floors than it has now.
    restated: bool,
    held_back: Vec<u64>,
    tick_at: Option<Timestamp>,
    /// How far its clock is ahead of true time.
    ahead_ms: i64,
    /// Tasks it has done in its life as a person would count, under whatever name.
    done: u64,
    /// What it says as transactions of its own.
    pub(crate) aside: Vec<Call>,
}

/// The right result of a task.
pub(crate) fn truth(task: TaskId, fails: bool) -> B256 {
    word(task, if fails { b"failed" } else { b"right" })
}

fn word(task: TaskId, word: &[u8]) -> B256 {
    alloy_primitives::keccak256([task.0.as_slice(), word].concat())
}

impl Machine {
    pub(crate) fn new(name: usize, profile: Profile, ahead_ms: i64) -> Self {
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
            restated: false,
            held_back: Vec::new(),
            tick_at: None,
            ahead_ms,
            done: 0,
            aside: Vec::new(),
        }
    }

    /// What its clock shows.
    fn reads(&self, around: &Around<'_>) -> Timestamp {
        later(around.clock.now(), self.ahead_ms)
    }

    /// Its clock is set, or it slept, or somebody turned it.
    pub(crate) fn clock_jumps(&mut self, by_ms: i64, around: &mut Around<'_>) {
        self.ahead_ms += by_ms;
        self.act(around);
    }

    /// It is thrown out or leaves, and comes back as somebody whom nobody knows.
    pub(crate) fn come_back_anew(&mut self, name: Address, around: &mut Around<'_>) {
        self.profile.address = name;
        self.profile.owner = name;
        self.die(around, false);
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

    /// Its pool's owner has not invited it: it asks again later.
    pub(crate) fn turned_away(&mut self, clock: &mut Clock) {
        self.link = Link::Off;
        clock.after(UNINVITED_MS, Step::Connect { machine: self.name, life: self.life });
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
        self.policy.owner_needs_it(needs, self.reads(around));
        self.act(around);
    }

    /// Its owner asks for another price, or its site wishes for another load.
    pub(crate) fn restate(&mut self, floor: Option<u64>, heat: u8, around: &mut Around<'_>) {
        (self.profile.floor, self.profile.heat) = (floor, heat);
        self.restated = true;
        self.say_floors(around);
    }

    /// Says what it works for, if that is news and somebody listens.
    fn say_floors(&mut self, around: &mut Around<'_>) {
        let Link::On(connection) = self.link else { return };
        if std::mem::take(&mut self.restated) {
            let frame = FromWorker::Floors { floors: self.profile.floors(), heat: self.profile.heat };
            around.network.up(around.clock, around.dice, connection, Up::Frame(frame));
        }
    }

    /// Hears something over a connection.
    pub(crate) fn hear(&mut self, connection: u64, said: Down, around: &mut Around<'_>) {
        match (self.link, said) {
            (Link::Greeting(own), Down::Welcome { dropped, sequence, time }) if own == connection => {
                self.link = Link::On(connection);
                let ours = self.reads(around);
                if time.0.abs_diff(ours.0) > COARSE_MS {
                    self.ahead_ms += time.0.cast_signed() - ours.0.cast_signed();
                }
                self.policy.connected(&dropped, sequence, self.reads(around));
                self.say_floors(around);
            }
            (Link::On(own), said) if own == connection => self.heed(said, self.reads(around)),
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
        self.policy.tick(self.reads(around));
        self.act(around);
    }

    /// A task's files are there, or cannot be had.
    pub(crate) fn prepared(&mut self, task: TaskId, there: bool, around: &mut Around<'_>) {
        let now = self.reads(around);
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
        let now = self.reads(around);
        if self.paused && self.runs.get(&number).is_some_and(|run| !run.aborted) {
            self.held_back.push(number);
            return;
        }
        let Some(run) = self.runs.remove(&number) else { return };
        let outcome = if run.aborted { Err(DeclineReason::Owner) } else { self.result(run.task, around) };
        if let Ok(finished) = &outcome {
            self.results.insert(run.task, finished.package.blob);
            self.done += 1;
        }
        self.policy.ended(run.task, outcome, now);
        self.act(around);
    }

    /// The blob of a task's result, where it is done.
    pub(crate) fn blob(&self, task: TaskId) -> Option<Digest> {
        self.results.get(&task).copied()
    }
}

fn held(held: api::worker::Held) -> Held {
    let api::worker::Held { task, deal, index, phase } = held;
    Held { task, deal, index, phase: crate::system::phase(phase) }
}
