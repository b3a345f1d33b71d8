//! What a worker holds: tasks and how far each is.

use api::worker::{Commit, Complete, Instead, Opened, Package, Phase, Reveal};
use orders::ids;
use std::time::Duration;
use units::{Address, B256, DealId, TaskId, Timestamp};

/// A result, as a worker states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Result digest.
    pub digest: B256,
    /// Whether it states that the program failed.
    pub failed: bool,
    /// Running time.
    pub ran: Duration,
    /// The package.
    pub package: Package,
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its files are being fetched.
    Fetching,
    /// Its files are there; it waits for a core.
    Waiting,
    /// Handed over to be run.
    Handed {
        /// When it came to be among the first, which run.
        since: Option<Timestamp>,
        /// Whether the exchange was told.
        announced: bool,
    },
    /// Its result is there, and kept until the task is settled.
    Done(Box<Done>),
}

/// A result and what the exchange has asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) result: Finished,
    /// Whether it waits to be stated.
    pub(super) unsaid: bool,
    /// Whether the exchange asked for it to be revealed, so that a commitment is durable there.
    pub(super) reveal: bool,
    pub(super) upload: Upload,
    /// What is revealed in place of the result: a checker found them as good as equal.
    pub(super) instead: Option<Box<Instead>>,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    NotAsked,
    Going,
    Done,
}

/// One task in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) deal: DealId,
    /// Its index in the bag.
    pub(super) index: u64,
    /// Whether the digest is said at once (trust 1).
    pub(super) direct: bool,
    /// A commitment later than this is too late.
    pub(super) until: Timestamp,
    pub(super) stage: Stage,
}

impl Task {
    pub(super) fn phase(&self) -> Phase {
        match &self.stage {
            Stage::Fetching | Stage::Waiting | Stage::Handed { since: None, .. } => Phase::Fetch,
            Stage::Handed { since: Some(_), .. } => Phase::Run,
            Stage::Done(done) if done.upload == Upload::NotAsked => Phase::Committed,
            Stage::Done(_) => Phase::Upload,
        }
    }

    pub(super) fn done(&self) -> Option<&Done> {
        match &self.stage {
            Stage::Done(done) => Some(done),
            Stage::Fetching | Stage::Waiting | Stage::Handed { .. } => None,
        }
    }

    pub(super) fn done_mut(&mut self) -> Option<&mut Done> {
        match &mut self.stage {
            Stage::Done(done) => Some(done),
            Stage::Fetching | Stage::Waiting | Stage::Handed { .. } => None,
        }
    }
}

impl Finished {
    pub(super) fn complete(&self, task: TaskId) -> Complete {
        Complete { task, digest: self.digest, failed: self.failed, ran_ms: self.ran_ms(), result: self.package.clone() }
    }

    pub(super) fn commit(&self, task: TaskId, worker: Address) -> Commit {
        Commit {
            task,
            result_hash: ids::result_hash(task, self.digest),
            result_seal: ids::result_seal(worker, task, self.digest),
            failed: self.failed,
            ran_ms: self.ran_ms(),
            opened: Some(Box::new(Opened { digest: self.digest, result: self.package.clone() })),
        }
    }

    /// Where the exchange has lost the package since it was committed to, it asks for it. What a checker found as good as equal is
    /// revealed in place of the own result.
    pub(super) fn reveal(&self, task: TaskId, instead: Option<&Instead>) -> Reveal {
        let Package { blob, size, callback, stderr, stdout, .. } = &self.package;
        let own = (self.digest, *blob, callback.clone());
        let (digest, blob, callback) = instead.map_or(own, |it| (it.digest, it.blob, it.callback.clone()));
        let result =
            Package { blob, size: *size, inline: None, callback, stderr: stderr.clone(), stdout: stdout.clone() };
        Reveal { task, digest, result }
    }

    fn ran_ms(&self) -> u64 {
        u64::try_from(self.ran.as_millis()).unwrap_or(u64::MAX)
    }

    /// The most bytes that this takes in a frame: hexadecimal doubles bytes, JSON may write six characters for one.
    pub(super) fn frame_bytes(&self) -> usize {
        let inline = self.package.inline.as_ref().map_or(0, |bytes| bytes.len());
        let callback = self.package.callback.as_ref().map_or(0, |bytes| bytes.len());
        600 + 2 * (inline + callback) + 6 * (self.package.stderr.len() + self.package.stdout.len())
    }
}
