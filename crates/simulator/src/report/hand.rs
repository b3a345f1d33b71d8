//! A machine of a fleet: what it holds, what it has to say, what its time went into.

use super::play::{Deed, Play};
use crate::dice::Dice;
use crate::scenario::named;
use orders::{Commit, Complete, Reveal, WorkerBatch, ids};
use std::collections::{BTreeMap, VecDeque};
use units::{Address, B256, Bytes, Digest, TaskId};

/// A made-up result costs this part of the time that computing it takes: one in a hundred.
const FAKE_PART: u64 = 100;

/// A machine to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    pub(crate) play: Play,
    /// Tasks it runs at once.
    pub(crate) cores: u32,
    /// Tasks it holds at once, at least as many.
    pub(crate) slots: u32,
    /// The category it serves.
    pub(crate) category: u64,
    /// The least it works for, nano-credits a task.
    pub(crate) floor: u64,
}

/// A task in hand.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Tells this run from an earlier one of the same task.
    run: u64,
    deed: Option<Deed>,
    began_ms: u64,
    run_ms: u64,
    direct: bool,
    fails: bool,
}

/// A task that a machine is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) task: TaskId,
    /// Whether results are stated in the clear.
    pub(crate) direct: bool,
    /// Whether the program fails.
    pub(crate) fails: bool,
    /// How long it takes on a machine like most.
    pub(crate) run_ms: u64,
}

/// A run that was begun: when it ends, if ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) task: TaskId,
    pub(crate) run: u64,
    pub(crate) ends_ms: Option<u64>,
    /// Whether the machine says so.
    pub(crate) told: bool,
}

/// What a machine says at once, and which packages go with it.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) batch: WorkerBatch,
    /// Task, digest, running time.
    pub(crate) packages: Vec<(TaskId, B256)>,
    pub(crate) ran: Vec<(TaskId, u64)>,
}

/// A machine.
#[derive(Debug)]
pub(crate) struct Hand {
    pub(crate) make: Make,
    number: u64,
    pub(crate) address: Address,
    /// All the names it has had.
    pub(crate) names: Vec<Address>,
    pub(crate) connected: bool,
    dice: Dice,
    sequence: u64,
    runs: u64,
    /// Tasks begun under its present name.
    done: u64,
    parts: BTreeMap<TaskId, Part>,
    waiting: VecDeque<Given>,
    stated: BTreeMap<TaskId, B256>,
    words: Words,
    /// What its computing took, milliseconds.
    pub(crate) busy_ms: u64,
}

/// The digest of a task's result: right, or somebody's own wrong one.
pub(crate) fn digest(task: TaskId, of: Option<Address>) -> B256 {
    let mut digest = task.0;
    if let Some(address) = of {
        digest.0.iter_mut().zip(address.as_slice()).for_each(|(byte, other)| *byte ^= other);
        digest.0[31] ^= 1;
    }
    digest
}

/// The digest of the program's failure.
pub(crate) fn failure(task: TaskId) -> B256 {
    digest(task, Some(Address::repeat_byte(0xfa)))
}

impl Hand {
    pub(crate) fn new(seed: u64, number: u64, make: Make) -> Self {
        let address = named("hand", number);
        Self {
            make,
            number,
            address,
            names: vec![address],
            connected: false,
            dice: Dice::new(seed ^ (number + 1).wrapping_mul(0x1234_5678_9abc_def1)),
            sequence: 0,
            runs: 0,
            done: 0,
            parts: BTreeMap::new(),
            waiting: VecDeque::new(),
            stated: BTreeMap::new(),
            words: Words::default(),
            busy_ms: 0,
        }
    }

    /// How many more tasks it can take.
    pub(crate) fn free(&self) -> u32 {
        let held = u32::try_from(self.parts.len() + self.waiting.len()).unwrap_or(u32::MAX);
        self.make.slots.saturating_sub(held)
    }

    pub(crate) fn give(&mut self, given: Given) {
        self.waiting.push_back(given);
    }

    /// Begins what a core is free for.
    pub(crate) fn begin(&mut self, now_ms: u64) -> Option<Begun> {
        if self.parts.len() >= self.make.cores as usize {
            return None;
        }
        let Given { task, direct, fails, run_ms } = self.waiting.pop_front()?;
        self.runs += 1;
        let deed = self.make.play.deed(self.done, &mut self.dice);
        self.done += 1;
        let run_ms = run_ms * self.make.play.slowness();
        let sits = deed == Deed::Sit;
        self.parts.insert(task, Part { run: self.runs, deed: Some(deed), began_ms: now_ms, run_ms, direct, fails });
        let ends_ms = (!sits).then_some(now_ms + run_ms);
        Some(Begun { task, run: self.runs, ends_ms, told: self.make.play != Play::Silent })
    }

    /// A run ended. What the machine has to say of it goes with its next words; the task's hash, if it was sealed.
    pub(crate) fn end(&mut self, task: TaskId, run: u64, leak: Option<B256>) -> Option<B256> {
        let part = self.parts.get(&task).filter(|part| part.run == run).copied()?;
        self.parts.remove(&task);
        let deed = part.deed.expect("a run has its deed");
        let copied = leak.filter(|_| deed == Deed::Copy);
        let honest = matches!(deed, Deed::Compute) || deed == Deed::Copy && copied.is_none();
        self.busy_ms += if honest { part.run_ms } else { part.run_ms / FAKE_PART };
        let stated = match deed {
            Deed::Compute | Deed::Copy | Deed::Sit if part.fails => failure(task),
            Deed::Compute | Deed::Copy | Deed::Sit => digest(task, None),
            Deed::MakeUp => digest(task, Some(self.address)),
            Deed::Agree => digest(task, Some(Address::repeat_byte(0xcc))),
            Deed::Deny => failure(task),
        };
        let failed = stated == failure(task);
        self.words.ran.push((task, part.run_ms));
        if part.direct {
            let blob = Digest(stated);
            self.words.batch.completes.push(Complete { task, digest: stated, failed, blob, callback: Bytes::new() });
            self.words.packages.push((task, stated));
            return None;
        }
        // Who copies a hash does not know what it is of, and seals something else.
        let stated = if copied.is_some() { digest(task, Some(self.address)) } else { stated };
        let result_hash = copied.unwrap_or_else(|| ids::result_hash(task, stated));
        let result_seal = ids::result_seal(self.address, task, stated);
        self.words.batch.commits.push(Commit { task, result_hash, result_seal, failed });
        if copied.is_none() {
            self.words.packages.push((task, stated));
        }
        self.stated.insert(task, stated);
        Some(result_hash)
    }

    /// It is asked to show what it committed.
    pub(crate) fn reveal(&mut self, task: TaskId) {
        if let Some(stated) = self.stated.get(&task) {
            let blob = Digest(*stated);
            self.words.batch.reveals.push(Reveal { task, digest: *stated, blob, callback: Bytes::new() });
            self.words.packages.push((task, *stated));
        }
    }

    /// A task is off its hands.
    pub(crate) fn drop(&mut self, task: TaskId, now_ms: u64) {
        if let Some(part) = self.parts.remove(&task) {
            let honest = matches!(part.deed, Some(Deed::Compute));
            self.busy_ms += if honest { now_ms - part.began_ms } else { 0 };
        }
        self.waiting.retain(|given| given.task != task);
        self.stated.remove(&task);
    }

    /// What it has to say, if anything.
    pub(crate) fn words(&mut self) -> Option<Words> {
        let batch = &self.words.batch;
        if batch.commits.is_empty() && batch.completes.is_empty() && batch.reveals.is_empty() {
            return None;
        }
        let mut words = std::mem::take(&mut self.words);
        self.sequence += 1;
        words.batch.worker = self.address;
        words.batch.sequence = self.sequence;
        Some(words)
    }

    /// Its process ends: nothing is left in hand.
    pub(crate) fn leave(&mut self) {
        self.connected = false;
        self.parts.clear();
        self.waiting.clear();
        self.stated.clear();
        self.words = Words::default();
    }

    /// It goes by a name that nobody knows.
    pub(crate) fn rename(&mut self) {
        self.leave();
        (self.done, self.sequence) = (0, 0);
        self.address = named("alias", (self.number << 32) + self.names.len() as u64);
        self.names.push(self.address);
    }
}
