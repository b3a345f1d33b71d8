//! Work in hosted pools: what workers hand in is held, and the exchange decides what becomes of it.
//!
//! A commitment or completion is evidence until its task is final. Nothing here trusts policy: whatever it decides goes
//! through the same checks of PoCo as a transaction would.

use crate::event::Item;
use crate::verdict::Judged;
use crate::{Event, Exchange, ItemRejection, Place, Rejection};
use orders::{CheckedBatch, Commit, Complete, Reveal, ids};
use poco::{Backing, Deal, Outcome, Refusal, Scheduler, Sealed, Task, TaskStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, Bytes, DealId, Digest, TaskId, U256};

/// The rules since which it is kept in which batch a statement came.
const NUMBERED_SINCE: u32 = 3;

/// What a worker handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Offer {
    /// A sealed result.
    Sealed {
        /// The hash of the result: equal for workers who agree.
        hash: B256,
        /// The hash that is the worker's own.
        seal: B256,
    },
    /// A result in the clear.
    Open {
        /// The result's digest.
        digest: B256,
        /// The blob of the result.
        blob: Digest,
        /// The data for the deal's callback.
        callback: Bytes,
    },
}

/// A worker's commitment or completion that the gate has not decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Whose.
    pub worker: Address,
    /// What.
    pub offer: Offer,
    /// Whether it states the program's failure.
    pub failed: bool,
    /// The number of the batch in which it came, by which a worker's statements have an order; 0 by rules before version 3.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sequence: u64,
}

/// Where a worker that revealed said the result is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Who.
    pub worker: Address,
    /// The blob of the result.
    pub blob: Digest,
    /// The data for the deal's callback.
    pub callback: Bytes,
}

/// What is held of a task that is not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The task's deal.
    pub deal: DealId,
    /// The task's index in it.
    pub index: U256,
    /// What the gate has to decide on, in the order it came.
    pub offers: Vec<Held>,
    /// What was revealed, in the order it came.
    pub shown: Vec<Shown>,
    /// Everybody who ever handed in: nobody does so twice.
    seen: BTreeSet<Address>,
    /// Whose completions were held against others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) checked: BTreeSet<Address>,
    /// Whose results a checker found as good as equal to another, which they count as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged: BTreeMap<Address, Judged>,
}

impl Exchange {
    /// Judges a worker's batch, item by item.
    pub(crate) fn take_batch(
        &mut self,
        batch: &CheckedBatch,
        places: &[Place],
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let said = batch.batch();
        let worker = said.worker;
        if !batch.is_genuine() {
            return Err(Rejection::BatchNotSigned(worker));
        }
        let last = self.sequences.get(&worker).copied();
        if let Some(last) = last.filter(|last| said.sequence <= *last) {
            return Err(Rejection::StaleBatch { worker, last, given: said.sequence });
        }
        self.sequences.insert(worker, said.sequence);
        let mut places = Places { said: places, by_task: None };
        for commit in &said.commits {
            let taken = self.take_commit(worker, commit, &mut places, events);
            refuse_item(commit.task, worker, Item::Commit, taken, events);
        }
        for complete in &said.completes {
            let taken = self.take_complete(worker, complete, &mut places, events);
            refuse_item(complete.task, worker, Item::Complete, taken, events);
        }
        for reveal in &said.reveals {
            let taken = self.take_reveal(worker, reveal, events);
            refuse_item(reveal.task, worker, Item::Reveal, taken, events);
        }
        Ok(())
    }

    /// The gate lets a commitment become a contribution.
    pub(crate) fn authorize(
        &mut self,
        task: TaskId,
        worker: Address,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let (place, offer) = self.held_offer(task, worker)?;
        let Offer::Sealed { hash, seal } = offer else {
            return Err(Rejection::HeldOtherwise { task, worker });
        };
        self.opened(task, place, events, |hub, now, told| {
            hub.contribute(task, worker, Sealed { hash, seal }, Backing::HOSTED, now, told)
        })?;
        self.drop_offer(task, worker);
        Ok(())
    }

    /// One worker's word is taken as the result.
    pub(crate) fn accept(
        &mut self,
        task: TaskId,
        worker: Address,
        results: &Bytes,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let (place, offer) = self.held_offer(task, worker)?;
        let Offer::Open { digest, callback, .. } = offer else {
            return Err(Rejection::HeldOtherwise { task, worker });
        };
        let outcome = Outcome { digest, results: results.clone(), callback };
        self.opened(task, place, events, |hub, now, told| {
            hub.contribute_and_finalize(task, worker, outcome, Backing::HOSTED, now, told)
        })
    }

    /// The gate drops what a worker handed in.
    pub(crate) fn discard(&mut self, task: TaskId, worker: Address, events: &mut Vec<Event>) -> Result<(), Rejection> {
        self.held_offer(task, worker)?;
        self.drop_offer(task, worker);
        events.push(Event::Discarded { task, worker });
        Ok(())
    }

    /// A task is opened. Anybody may.
    pub(crate) fn initialize(&mut self, deal: DealId, index: U256, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.hub.deal(deal).is_none() {
            return Err(Rejection::UnknownDeal(deal));
        }
        let mut told = Vec::new();
        self.hub.initialize(deal, index, &mut told)?;
        self.tell(told, events);
        Ok(())
    }

    /// A hosted pool's task is done.
    pub(crate) fn finalize(
        &mut self,
        task: TaskId,
        results: &Bytes,
        callback: &Bytes,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.hosted_task(task)?;
        let mut told = Vec::new();
        let (results, callback) = (results.clone(), callback.clone());
        self.hub.finalize(task, Scheduler::Exchange, results, callback, self.now, &mut told)?;
        self.tell(told, events);
        Ok(())
    }

    /// A hosted pool's task is open again.
    pub(crate) fn reopen(&mut self, task: TaskId, events: &mut Vec<Event>) -> Result<(), Rejection> {
        self.hosted_task(task)?;
        let mut told = Vec::new();
        self.hub.reopen(task, Scheduler::Exchange, self.now, &mut told)?;
        self.tell(told, events);
        Ok(())
    }

    /// An overdue task is claimed. Anybody may.
    pub(crate) fn claim(&mut self, task: TaskId, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if self.hub.task(task).is_none() {
            return Err(Rejection::UnknownTask(task));
        }
        let mut told = Vec::new();
        self.hub.claim(task, self.now, &mut told)?;
        self.tell(told, events);
        Ok(())
    }

    fn hosted_task(&self, task: TaskId) -> Result<(), Rejection> {
        let deal = self.hub.task(task).and_then(|task| self.hub.deal(task.deal)).ok_or(Rejection::UnknownTask(task))?;
        self.check_hosted(deal.workerpool.pointer)
    }

    /// Acts on a task, opening it first if nobody did; if the act is refused, it is as if it had not been opened.
    fn opened(
        &mut self,
        task: TaskId,
        place: Place,
        events: &mut Vec<Event>,
        act: impl FnOnce(&mut poco::Hub, units::Timestamp, &mut Vec<poco::Event>) -> Result<(), Refusal>,
    ) -> Result<(), Rejection> {
        let mut told = Vec::new();
        let fresh = self.hub.task(task).is_none();
        if fresh {
            self.hub.initialize_known(task, (place.deal, place.index), &mut told)?;
        }
        if let Err(refusal) = act(&mut self.hub, self.now, &mut told) {
            if fresh {
                self.hub.undo_initialize(task);
            }
            return Err(refusal.into());
        }
        self.tell(told, events);
        Ok(())
    }

    fn take_commit(
        &mut self,
        worker: Address,
        commit: &Commit,
        places: &mut Places<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ItemRejection> {
        let (place, _) = self.check_open(worker, commit.task, places)?;
        let offer = Offer::Sealed { hash: commit.result_hash, seal: commit.result_seal };
        let held = Held { worker, offer, failed: commit.failed, sequence: self.batch_number(worker) };
        self.hold(commit.task, place, held, Item::Commit, events);
        Ok(())
    }

    fn take_complete(
        &mut self,
        worker: Address,
        complete: &Complete,
        places: &mut Places<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), ItemRejection> {
        let (place, deal) = self.check_open(worker, complete.task, places)?;
        if deal.trust != U256::ONE {
            return Err(ItemRejection::NotTrustOne);
        }
        let offer = Offer::Open { digest: complete.digest, blob: complete.blob, callback: complete.callback.clone() };
        let held = Held { worker, offer, failed: complete.failed, sequence: self.batch_number(worker) };
        self.hold(complete.task, place, held, Item::Complete, events);
        Ok(())
    }

    fn take_reveal(&mut self, worker: Address, reveal: &Reveal, events: &mut Vec<Event>) -> Result<(), ItemRejection> {
        let task = self.hub.task(reveal.task).ok_or(ItemRejection::UnknownTask)?;
        let place = Place { deal: task.deal, index: task.index };
        let deal = self.hub.deal(task.deal).expect("a task has its deal");
        if !self.is_hosted(deal.workerpool.pointer) {
            return Err(ItemRejection::NotHosted);
        }
        let mut told = Vec::new();
        self.hub.reveal(reveal.task, worker, reveal.digest, self.now, &mut told)?;
        self.tell(told, events);
        let shown = Shown { worker, blob: reveal.blob, callback: reveal.callback.clone() };
        self.holding(reveal.task, place).shown.push(shown);
        let callback = reveal.callback.clone();
        events.push(Event::Shown { task: reveal.task, worker, blob: reveal.blob, callback });
        Ok(())
    }

    /// Where a task is: known from the task itself, from what is held of it, or from the batch's shell.
    fn find_place(
        id: TaskId,
        task: Option<&Task>,
        held: Option<&Holding>,
        places: &mut Places<'_>,
    ) -> Result<Place, ItemRejection> {
        let opened = task.map(|task| Place { deal: task.deal, index: task.index });
        let held = || held.map(|held| Place { deal: held.deal, index: held.index });
        opened.or_else(held).or_else(|| places.find(id)).ok_or(ItemRejection::UnknownTask)
    }

    /// The task takes a result of this worker now; where it is, and its deal.
    fn check_open(
        &self,
        worker: Address,
        id: TaskId,
        places: &mut Places<'_>,
    ) -> Result<(Place, &Deal), ItemRejection> {
        let (task, held) = (self.hub.task(id), self.held.get(&id));
        let place = Self::find_place(id, task, held, places)?;
        let deal = self.hub.deal(place.deal).filter(|deal| deal.has_index(place.index));
        let deal = deal.ok_or(ItemRejection::UnknownTask)?;
        self.check_worker(deal.workerpool.pointer, worker)?;
        let active = task.is_none_or(|task| task.status == TaskStatus::Active);
        let in_time = self.hub.contribution_deadline(deal).is_some_and(|deadline| self.now < deadline);
        if !active || !in_time {
            return Err(ItemRejection::TooLate);
        }
        let contributed = task.is_some_and(|task| task.contribution(worker).is_some());
        let handed_in = held.is_some_and(|holding| holding.seen.contains(&worker));
        if contributed || handed_in { Err(ItemRejection::Twice) } else { Ok((place, deal)) }
    }

    /// The pool takes this worker's results.
    fn check_worker(&self, pool: Address, worker: Address) -> Result<(), ItemRejection> {
        if !self.is_hosted(pool) {
            return Err(ItemRejection::NotHosted);
        }
        if self.is_barred(pool, worker) {
            return Err(ItemRejection::Barred);
        }
        if self.admits(pool, worker) { Ok(()) } else { Err(ItemRejection::NotInvited) }
    }

    /// The number of the batch that a worker says just now, where it is kept.
    fn batch_number(&self, worker: Address) -> u64 {
        let kept = self.genesis.rules_version >= NUMBERED_SINCE;
        self.sequences.get(&worker).copied().filter(|_| kept).unwrap_or_default()
    }

    fn hold(&mut self, task: TaskId, place: Place, held: Held, item: Item, events: &mut Vec<Event>) {
        let Place { deal, index } = place;
        events.push(Event::Held { deal, index, task, worker: held.worker, item, failed: held.failed });
        let holding = self.holding(task, place);
        holding.seen.insert(held.worker);
        holding.offers.push(held);
    }

    fn holding(&mut self, task: TaskId, place: Place) -> &mut Holding {
        self.held.entry(task).or_insert_with(|| Holding {
            deal: place.deal,
            index: place.index,
            offers: Vec::new(),
            shown: Vec::new(),
            seen: BTreeSet::new(),
            checked: BTreeSet::new(),
            judged: BTreeMap::new(),
        })
    }

    fn held_offer(&self, task: TaskId, worker: Address) -> Result<(Place, Offer), Rejection> {
        let nothing = Rejection::NothingHeld { task, worker };
        let Some(holding) = self.held.get(&task) else { return Err(nothing) };
        let held = holding.offers.iter().find(|held| held.worker == worker).ok_or(nothing)?;
        Ok((Place { deal: holding.deal, index: holding.index }, held.offer.clone()))
    }

    pub(crate) fn drop_offer(&mut self, task: TaskId, worker: Address) {
        if let Some(holding) = self.held.get_mut(&task) {
            holding.offers.retain(|held| held.worker != worker);
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Where a batch's tasks are, by their ids once one is looked for: most are known already.
struct Places<'a> {
    said: &'a [Place],
    by_task: Option<BTreeMap<TaskId, Place>>,
}

impl Places<'_> {
    fn find(&mut self, task: TaskId) -> Option<Place> {
        let named = || self.said.iter().map(|place| (ids::task_id(place.deal, place.index), *place)).collect();
        self.by_task.get_or_insert_with(named).get(&task).copied()
    }
}

/// Tells of an item that was not taken.
fn refuse_item(task: TaskId, worker: Address, item: Item, taken: Result<(), ItemRejection>, events: &mut Vec<Event>) {
    if let Err(why) = taken {
        events.push(Event::ItemRefused { task, worker, item, why });
    }
}
