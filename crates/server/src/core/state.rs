//! What the loop keeps beside the market: who is connected, what workers stated, what they have earned.

use super::assets::Assets;
use super::briefs::Briefs;
use crate::worker::Out;
use exchange::Offer;
use journal::Record;
use market::Market;
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use units::{Address, B256, Bytes, Digest, OrderHash, TaskId, Timestamp};

/// A result as a worker stated it, with what came beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) task: TaskId,
    pub(crate) digest: B256,
    pub(crate) blob: Digest,
    /// Whether the package is here and is that result.
    pub(crate) held: bool,
    pub(crate) callback: Bytes,
    pub(crate) stderr: String,
    pub(crate) stdout: String,
}

/// A worker's connection, as the loop sees it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) session: u64,
    pub(crate) outbox: mpsc::UnboundedSender<Vec<Out>>,
}

/// Everything that reads may see. Reads run when the turn's entries are durable.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) market: Market,
    /// The last durable record.
    pub(crate) last: Record,
    pub(crate) lines: BTreeMap<Address, Line>,
    /// What was stated about tasks that are not final, by whom.
    pub(crate) statements: BTreeMap<TaskId, Vec<(Address, Stated)>>,
    /// How long workers say that tasks ran which are not final, milliseconds.
    pub(crate) ran: BTreeMap<TaskId, Vec<(Address, u64)>>,
    /// Tasks that workers were paid for since the start.
    pub(crate) finished: BTreeMap<Address, u64>,
    pub(crate) briefs: Briefs,
    pub(crate) assets: Assets,
    /// Since when each order rests.
    pub(crate) since: BTreeMap<OrderHash, Timestamp>,
    pub(crate) counts: Counts,
}

/// What `/metrics` shows of the loop.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) entries: u64,
    pub(crate) records: u64,
    pub(crate) rejections: u64,
    pub(crate) finalized: u64,
    pub(crate) claimed: u64,
    pub(crate) checks_passed: u64,
    pub(crate) checks_failed: u64,
    pub(crate) barred: u64,
}

impl State {
    pub(crate) fn new(market: Market, last: Record) -> Self {
        let assets = Assets::all(market.exchange());
        Self {
            market,
            last,
            lines: BTreeMap::new(),
            statements: BTreeMap::new(),
            ran: BTreeMap::new(),
            finished: BTreeMap::new(),
            briefs: Briefs::default(),
            assets,
            since: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// What a worker stated about a task. After a restart what came beside it is gone; the rest is in the exchange.
    pub(crate) fn stated(&self, task: TaskId, worker: Address) -> Option<Stated> {
        let list = self.statements.get(&task);
        if let Some((_, stated)) = list.and_then(|list| list.iter().find(|(by, _)| *by == worker)) {
            return Some(stated.clone());
        }
        let (digest, blob, callback) = self.shown(task, worker)?;
        let (stderr, stdout) = (String::new(), String::new());
        Some(Stated { task, digest, blob, held: false, callback, stderr, stdout })
    }

    /// The result that a worker has shown, or given in the clear, where the task is not final.
    pub(crate) fn shown(&self, task: TaskId, worker: Address) -> Option<(B256, Digest, Bytes)> {
        let exchange = self.market.exchange();
        let holding = exchange.held(task)?;
        for held in &holding.offers {
            if held.worker == worker
                && let Offer::Open { digest, blob, callback } = &held.offer
            {
                return Some((*digest, *blob, callback.clone()));
            }
        }
        let shown = holding.shown.iter().find(|shown| shown.worker == worker)?;
        let digest = exchange.task(task)?.result_digest;
        Some((digest, shown.blob, shown.callback.clone()))
    }

    /// Whether a worker stated this before, as far as the exchange knows: it says it again after a restart, which has lost what
    /// came beside it.
    pub(crate) fn has_stated(&self, worker: Address, stated: &Stated) -> bool {
        let exchange = self.market.exchange();
        let hash = orders::ids::result_hash(stated.task, stated.digest);
        let offers = exchange.held(stated.task).into_iter().flat_map(|holding| &holding.offers);
        let held = offers.filter(|held| held.worker == worker).any(|held| match &held.offer {
            Offer::Sealed { hash: sealed, .. } => *sealed == hash,
            Offer::Open { digest, .. } => *digest == stated.digest,
        });
        let part = || exchange.task(stated.task).and_then(|task| task.contribution(worker));
        held || part().is_some_and(|part| part.hash == hash)
    }

    /// Drops what is kept of a task that has ended.
    pub(crate) fn forget(&mut self, task: TaskId) {
        self.statements.remove(&task);
        self.ran.remove(&task);
    }

    /// Keeps what a worker stated.
    pub(crate) fn state_result(&mut self, worker: Address, stated: Stated) {
        let list = self.statements.entry(stated.task).or_default();
        match list.iter_mut().find(|(by, _)| *by == worker) {
            Some((_, before)) => *before = stated,
            None => list.push((worker, stated)),
        }
    }
}
