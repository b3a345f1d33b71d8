//! What workers state, and where their results are.

use super::{Statement, System, Turn};
use api::worker::{Batch, Package as Stated};
use exchange::{Command, Event, Offer};
use market::Package;
use orders::{CheckedBatch, Commit, Complete, Recovered, Reveal, Signed, WorkerBatch};
use units::{Address, Bytes, TaskId, Timestamp};

impl System {
    pub(super) fn batch(&mut self, at: Timestamp, worker: Address, batch: Batch, turn: &mut Turn) {
        let mut said = WorkerBatch { worker, sequence: batch.sequence, ..WorkerBatch::default() };
        let (mut ran, mut stated) = (Vec::new(), Vec::new());
        for it in batch.commits {
            ran.push((it.task, it.ran_ms));
            let (task, result_hash, result_seal, failed) = (it.task, it.result_hash, it.result_seal, it.failed);
            said.commits.push(Commit { task, result_hash, result_seal, failed });
            // A package of something else than was sealed is none of this task.
            if let Some(opened) = it.opened.filter(|it| orders::ids::result_hash(task, it.digest) == result_hash) {
                stated.push((task, opened.digest, opened.result));
            }
        }
        for it in batch.completes {
            ran.push((it.task, it.ran_ms));
            let (task, digest, failed, blob) = (it.task, it.digest, it.failed, it.result.blob);
            said.completes.push(Complete { task, digest, failed, blob, callback: Bytes::new() });
            stated.push((task, digest, it.result));
        }
        for it in batch.reveals {
            let (task, digest, blob) = (it.task, it.digest, it.result.blob);
            said.reveals.push(Reveal { task, digest, blob, callback: Bytes::new() });
            stated.push((task, digest, it.result));
        }
        let signed = Signed { order: said, sign: Bytes::new() };
        let batch = CheckedBatch::trust(signed, Recovered::By(worker));
        let first = turn.out.events.len();
        let command = Command::Batch { batch: Box::new(batch), places: Vec::new() };
        if self.command(at, command, &mut turn.out).is_err() {
            let task = stated.first().map(|(task, ..)| *task).unwrap_or_default();
            turn.replies.push((worker, task));
            return;
        }
        let market = self.market.as_mut().expect("the process runs");
        for (task, ran_ms) in ran {
            market.ran(worker, task, ran_ms);
        }
        let mut refused = Vec::new();
        for event in turn.out.events.get(first..).unwrap_or_default() {
            if let Event::ItemRefused { task, worker: by, .. } = event
                && *by == worker
            {
                refused.push(*task);
            }
        }
        turn.replies.extend(refused.iter().map(|task| (worker, *task)));
        for (task, digest, Stated { blob, inline, .. }) in stated {
            if refused.contains(&task) && !self.has_stated(worker, task, digest) {
                continue;
            }
            let statement = Statement { digest, blob };
            if inline.is_some() {
                self.package(at, worker, task, statement, turn);
            } else if self.is_open(task) {
                self.stated.entry(task).or_default().insert(worker, statement);
            }
        }
    }

    /// Whether a worker stated this before: it says it again after a restart, which has lost what came beside it.
    fn has_stated(&self, worker: Address, task: TaskId, digest: units::B256) -> bool {
        let hash = orders::ids::result_hash(task, digest);
        let offers = self.exchange().held(task).into_iter().flat_map(|holding| &holding.offers);
        let held = offers.filter(|held| held.worker == worker).any(|held| match &held.offer {
            Offer::Sealed { hash: sealed, .. } => *sealed == hash,
            Offer::Open { digest: open, .. } => *open == digest,
        });
        let part = self.exchange().task(task).and_then(|it| it.contribution(worker));
        held || part.is_some_and(|part| part.hash == hash)
    }

    /// Open or not yet opened; what has ended may be gone already.
    fn is_open(&self, task: TaskId) -> bool {
        let exchange = self.exchange();
        exchange.held(task).is_some() || exchange.hub().task(task).is_some_and(|task| !task.status.is_final())
    }

    /// A package is here.
    pub(super) fn package(&mut self, at: Timestamp, worker: Address, task: TaskId, stated: Statement, turn: &mut Turn) {
        if !self.is_open(task) {
            return;
        }
        let package = Package { digest: stated.digest, blob: stated.blob, callback: Bytes::new() };
        turn.packages.push((task, worker, stated.clone()));
        self.stated.entry(task).or_default().insert(worker, stated);
        self.market.as_mut().expect("the process runs").package(at, task, package, &mut turn.out);
    }

    /// Before a turn's record is written: which packages came with it, for the next start.
    pub(crate) fn note_packages(&mut self, turn: &mut Turn) {
        for (task, worker, stated) in std::mem::take(&mut turn.packages) {
            if self.shown(task, worker).is_none() {
                self.disk.opened.entry(task).or_default().insert(worker, (stated.digest, stated.blob));
            }
        }
    }

    pub(super) fn statement(&self, task: TaskId, worker: Address) -> Option<Statement> {
        let said = self.stated.get(&task).and_then(|by| by.get(&worker)).cloned();
        said.or_else(|| self.shown(task, worker))
    }

    /// What the exchange itself knows of a result that was given in the clear or shown.
    pub(super) fn shown(&self, task: TaskId, worker: Address) -> Option<Statement> {
        let holding = self.exchange().held(task)?;
        for held in holding.offers.iter().filter(|held| held.worker == worker) {
            if let Offer::Open { digest, blob, .. } = &held.offer {
                return Some(Statement { digest: *digest, blob: *blob });
            }
        }
        let shown = holding.shown.iter().find(|shown| shown.worker == worker)?;
        let digest = self.exchange().task(task)?.result_digest;
        Some(Statement { digest, blob: shown.blob })
    }
}
