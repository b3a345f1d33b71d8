//! Who is connected, and which jobs' files each may read just now.

use super::outbox::Brief;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use units::{Address, OrderHash, TaskId};

/// A worker's connection.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) worker: Address,
    /// Tells a worker's connections apart; greater for the newer.
    pub(crate) session: u64,
    /// The number in its hello.
    pub(crate) nonce: u64,
    /// Tasks it holds, and what each is of.
    held: Mutex<BTreeMap<TaskId, Arc<Brief>>>,
}

impl Seat {
    pub(crate) fn new(worker: Address, session: u64, nonce: u64) -> Self {
        Self { worker, session, nonce, held: Mutex::default() }
    }

    /// Notes assignments.
    pub(crate) fn hold(&self, tasks: impl IntoIterator<Item = (TaskId, Arc<Brief>)>) {
        self.held().extend(tasks);
    }

    /// Notes that tasks are no longer the worker's.
    pub(crate) fn release<'a>(&self, tasks: impl IntoIterator<Item = &'a TaskId>) {
        let mut held = self.held();
        for task in tasks {
            held.remove(task);
        }
    }

    /// The jobs that it holds tasks of.
    pub(crate) fn jobs(&self) -> Vec<Arc<Brief>> {
        let held = self.held();
        let by_job: BTreeMap<OrderHash, &Arc<Brief>> = held.values().map(|brief| (brief.job, brief)).collect();
        by_job.into_values().cloned().collect()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Arc<Brief>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everyone who is connected.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    by_worker: RwLock<BTreeMap<Address, Arc<Seat>>>,
}

impl Seats {
    /// Takes a seat; an older connection of the same worker loses it. Whether the hello's number was greater than before.
    pub(crate) fn take(&self, seat: &Arc<Seat>) -> bool {
        let mut seats = self.by_worker.write().unwrap_or_else(PoisonError::into_inner);
        if seats.get(&seat.worker).is_some_and(|before| before.nonce >= seat.nonce) {
            return false;
        }
        seats.insert(seat.worker, Arc::clone(seat));
        true
    }

    /// Leaves a seat, unless a newer connection has it.
    pub(crate) fn leave(&self, seat: &Seat) {
        let mut seats = self.by_worker.write().unwrap_or_else(PoisonError::into_inner);
        if seats.get(&seat.worker).is_some_and(|now| now.session == seat.session) {
            seats.remove(&seat.worker);
        }
    }

    /// The connection of a worker.
    pub(crate) fn of(&self, worker: Address) -> Option<Arc<Seat>> {
        self.by_worker.read().unwrap_or_else(PoisonError::into_inner).get(&worker).cloned()
    }

    /// How many are connected.
    pub(crate) fn count(&self) -> usize {
        self.by_worker.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
