//! What waits to be said under a signature.
//!
//! One signature is made for as much as is ready: a batch goes when none is being signed, and not sooner than a while
//! after the one before, so that a stream of short tasks shares signatures, frames, and what the exchange does for each batch. The
//! last of what was in hand waits a moment only.

use super::held::Task;
use api::limits::{BATCH_ITEMS, FRAME_BYTES};
use api::worker::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use units::{Address, TaskId, Timestamp};

/// The least time between two batches while there is work in hand, of which more will be to be said.
const COALESCE: Duration = Duration::from_millis(20);
/// The same when there is none: somebody may wait for the last.
const COALESCE_LAST: Duration = Duration::from_millis(2);
/// This many items go at once.
const ENOUGH: usize = 256;
/// A batch is kept below this, so that its frame is below [`FRAME_BYTES`].
const BATCH_BYTES: usize = FRAME_BYTES / 4 * 3;

/// Statements in waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    /// To be committed or completed.
    results: VecDeque<TaskId>,
    reveals: VecDeque<TaskId>,
    sequence: u64,
    signing: bool,
    last: Option<Timestamp>,
}

impl Statements {
    pub(super) fn connected(&mut self, sequence: u64) {
        self.disconnected();
        self.sequence = self.sequence.max(sequence);
    }

    /// What is left to say is known from the results themselves; see [`super::Policy::connected`].
    pub(super) fn disconnected(&mut self) {
        self.results.clear();
        self.reveals.clear();
        self.signing = false;
        self.last = None;
    }

    pub(super) fn state(&mut self, task: TaskId) {
        self.results.push_back(task);
    }

    pub(super) fn reveal(&mut self, task: TaskId) {
        self.reveals.push_back(task);
    }

    pub(super) fn sent(&mut self) {
        self.signing = false;
    }

    pub(super) fn is_signing(&self) -> bool {
        self.signing || self.waiting() > 0
    }

    /// When there is a batch to be signed; `busy` while there is work in hand.
    pub(super) fn next_deadline(&self, busy: bool) -> Option<Timestamp> {
        let apart = if busy { COALESCE } else { COALESCE_LAST };
        (!self.signing && self.waiting() > 0).then(|| self.last.unwrap_or_default().saturating_add(apart))
    }

    /// The next batch, unsigned, if it is time for one.
    pub(super) fn batch(
        &mut self,
        held: &mut BTreeMap<TaskId, Task>,
        worker: Address,
        busy: bool,
        now: Timestamp,
    ) -> Option<Batch> {
        let early = self.next_deadline(busy)? > now && self.waiting() < ENOUGH;
        if early {
            return None;
        }
        let mut batch = Batch::default();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.reveals.len() < BATCH_ITEMS {
            let Some(task) = self.reveals.pop_front() else { break };
            let Some(done) = held.get(&task).and_then(Task::done) else { continue };
            bytes += done.result.frame_bytes();
            if bytes > BATCH_BYTES && !batch.reveals.is_empty() {
                self.reveals.push_front(task);
                break;
            }
            batch.reveals.push(done.result.reveal(task, done.instead.as_deref()));
        }
        while bytes < BATCH_BYTES && batch.commits.len().max(batch.completes.len()) < BATCH_ITEMS {
            let Some(task) = self.results.pop_front() else { break };
            let Some(held) = held.get_mut(&task) else { continue };
            let direct = held.direct;
            let Some(done) = held.done_mut().filter(|done| done.unsaid) else { continue };
            bytes += done.result.frame_bytes();
            if bytes > BATCH_BYTES
                && !(batch.reveals.is_empty() && batch.commits.is_empty() && batch.completes.is_empty())
            {
                self.results.push_front(task);
                break;
            }
            done.unsaid = false;
            if direct {
                batch.completes.push(done.result.complete(task));
            } else {
                batch.commits.push(done.result.commit(task, worker));
            }
        }
        if batch.reveals.is_empty() && batch.commits.is_empty() && batch.completes.is_empty() {
            return None;
        }
        self.sequence = self.sequence.saturating_add(1);
        batch.sequence = self.sequence;
        self.signing = true;
        self.last = Some(now);
        Some(batch)
    }

    fn waiting(&self) -> usize {
        self.results.len() + self.reveals.len()
    }
}
