//! A deal as a bag of tasks, opened lazily.

use crate::classes::Check;
use crate::clocks::Clocks;
use crate::open::Phase;
use std::collections::BTreeSet;
use std::time::Duration;
use units::{Address, Amount, OrderHash, Tag, TaskId, Timestamp};

/// Share of a new running time in the running mean: one part in this many.
const MEAN_WINDOW: u64 = 8;

/// What dispatch must know of a deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The job: its request order.
    pub request: OrderHash,
    /// The pool that sold it.
    pub pool: Address,
    /// How sure to be of each result, at least 1.
    pub trust: u64,
    /// The time class.
    pub category: u64,
    /// The time class's time on a reference machine.
    pub time: Duration,
    /// What a worker earns for a task at the least, when all agree, nano-credits.
    pub pay: Amount,
    /// What a worker must be able to stake for a task, nano-credits.
    pub stake: Amount,
    /// The first index.
    pub first: u64,
    /// How many tasks.
    pub size: u64,
    /// Statements are taken before this: the contribution deadline, less what it takes to act on them.
    pub until: Timestamp,
    /// Who asked.
    pub requester: Address,
    /// What a worker needs for a task: its app, and its dataset if any.
    pub needs: BTreeSet<Address>,
    /// Near where it is best done; `None`: anywhere.
    pub region: Option<String>,
    /// What a worker must be able to do.
    pub tag: Tag,
    /// How results are held against each other.
    pub check: Check,
}

/// A live deal's tasks. Invariant: an index below `next` is open or ended, or was skipped as ended before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bag {
    /// What was agreed.
    pub terms: Terms,
    next: u64,
    ended: u64,
    /// Ended before a restart, and not yet passed by `next`.
    skip: BTreeSet<u64>,
    pub(crate) open: BTreeSet<TaskId>,
    mean_ms: Option<u64>,
}

impl Bag {
    pub(crate) fn new(terms: Terms) -> Self {
        let next = terms.first;
        Self { terms, next, ended: 0, skip: BTreeSet::new(), open: BTreeSet::new(), mean_ms: None }
    }

    pub(crate) fn resume(&mut self, ended: &BTreeSet<u64>) {
        self.ended = count(ended.len());
        self.skip.clone_from(ended);
    }

    /// The index after the last.
    fn end_index(&self) -> u64 {
        self.terms.first.saturating_add(self.terms.size)
    }

    /// Whether the deal is a bag of trust-1 tasks, whose results are stated in the clear.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.terms.trust <= 1
    }

    /// Tasks that have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Tasks begun and not ended.
    #[must_use]
    pub fn open_count(&self) -> u64 {
        count(self.open.len())
    }

    /// Tasks not begun.
    #[must_use]
    pub fn unopened(&self) -> u64 {
        self.terms.size.saturating_sub(self.ended).saturating_sub(self.open_count())
    }

    /// Replicas that the tasks that have not ended need when all agree.
    pub(crate) fn replicas_left(&self) -> u64 {
        let left = self.terms.size.saturating_sub(self.ended);
        left.saturating_mul(u64::from(crate::newcomers_needed(self.terms.trust)))
    }

    /// Mean running time on the workers so far, milliseconds.
    #[must_use]
    pub fn mean_ms(&self) -> Option<u64> {
        self.mean_ms
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ended >= self.terms.size
    }

    /// The next index to open, if any is left.
    pub(crate) fn peek(&mut self) -> Option<u64> {
        while self.skip.remove(&self.next) {
            self.next = self.next.saturating_add(1);
        }
        (self.next < self.end_index()).then_some(self.next)
    }

    /// Marks a task as open; false if there is no such index, or it has ended. It must not be open already.
    pub(crate) fn open_index(&mut self, task: TaskId, index: u64) -> bool {
        let known = index >= self.next && index < self.end_index();
        if !known || self.skip.contains(&index) {
            return false;
        }
        if index == self.next {
            self.next = self.next.saturating_add(1);
        } else {
            // Opened ahead of its turn, for a worker who held it before a restart: its turn is passed over.
            self.skip.insert(index);
        }
        self.open.insert(task);
        true
    }

    pub(crate) fn end(&mut self, task: TaskId, index: u64) {
        let was_open = self.open.remove(&task);
        if !was_open && index >= self.next {
            self.skip.insert(index);
        }
        self.ended = self.ended.saturating_add(1);
    }

    pub(crate) fn learn(&mut self, ran_ms: u64) {
        let old_share = MEAN_WINDOW.saturating_sub(1);
        self.mean_ms = Some(self.mean_ms.map_or(ran_ms, |mean| {
            let sum = mean.saturating_mul(old_share).saturating_add(ran_ms);
            sum.checked_div(MEAN_WINDOW).expect("the window is not zero")
        }));
    }

    /// When a lease in this phase runs out, for a worker with `ahead` tasks before this one.
    pub(crate) fn lease_until(&self, at: Timestamp, phase: Phase, ahead: usize, clocks: &Clocks) -> Timestamp {
        let until = match phase {
            Phase::Fetch => {
                let queue = self.mean_ms.unwrap_or(0).saturating_mul(count(ahead));
                at.saturating_add(clocks.fetch)
                    .saturating_add(self.terms.time)
                    .saturating_add(Duration::from_millis(queue))
            }
            Phase::Run => at.saturating_add(self.terms.time).saturating_add(self.terms.time),
            // What was stated and is not here is said again at once.
            Phase::Stated => at.saturating_add(clocks.upload.min(self.terms.time)),
            Phase::Upload => at.saturating_add(clocks.upload.min(self.terms.time)),
        };
        until.min(self.terms.until)
    }
}

pub(crate) fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a count fits 64 bits")
}
