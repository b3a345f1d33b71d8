//! Tasks that workers gave back for their owners.
//!
//! An owner may have the machine back at any moment, and that is held against nobody. But each task of a job is paid alike: who
//! gives back the long ones and keeps the short would earn more for its time than others. So who does it often, against what it
//! finishes, has no choice: of that job it gets the very tasks again that it gave back, and while others run them none.

use crate::Dispatch;
use crate::grant::{Pick, Why};
use crate::job::Job;
use crate::open::Phase;
use crate::worker::Station;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, TaskId, Timestamp};

/// What giving back weighs, of which each accepted result takes off one: a task that was begun,
const BEGUN: u32 = 8;
/// and one that was not. An owner who comes has first those given back that wait, and later those that run.
const WAITING: u32 = 4;
/// So much is free: an owner may come twice in a row.
const FREE: u32 = 2 * (BEGUN + WAITING);

/// What a worker gave back of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Given {
    weight: u32,
    /// When it last did: what is given back together counts once.
    last: Option<Timestamp>,
    tasks: BTreeSet<TaskId>,
}

/// What workers gave back of a job, as far as it is not made up for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned(BTreeMap<Address, Given>);

impl Returned {
    fn give(&mut self, worker: Address, task: TaskId, begun: bool, now: Timestamp) {
        let given = self.0.entry(worker).or_default();
        if given.last != Some(now) {
            given.weight = given.weight.saturating_add(if begun { BEGUN } else { WAITING });
        }
        given.last = Some(now);
        given.tasks.insert(task);
    }

    /// A result of the worker's was accepted.
    pub(crate) fn make_up(&mut self, worker: Address) {
        if let Some(given) = self.0.get_mut(&worker) {
            given.weight = given.weight.saturating_sub(1);
            if given.weight == 0 && given.tasks.is_empty() {
                self.0.remove(&worker);
            }
        }
    }

    /// The tasks that the worker must do before others of the job.
    fn owed(&self, worker: Address) -> impl Iterator<Item = TaskId> {
        let given = self.0.get(&worker).filter(|given| given.weight > FREE);
        given.into_iter().flat_map(|given| &given.tasks).copied()
    }

    fn ended(&mut self, worker: Address, task: TaskId) {
        if let Some(given) = self.0.get_mut(&worker) {
            given.tasks.remove(&task);
        }
    }
}

impl Dispatch {
    /// A worker gives a task back for its owner.
    pub(crate) fn gives_back(&mut self, worker: Address, task: TaskId) {
        let now = self.now;
        let Some(open) = self.open.get_mut(&task) else { return };
        let begun = open.leases.get(&worker).is_some_and(|lease| lease.phase >= Phase::Run);
        if let Some(job) = self.jobs.get_mut(&open.job) {
            open.returned_by.insert(worker);
            job.returned.give(worker, task, begun, now);
        }
    }

    /// What a worker that gave back too much gets of a job; `None` where it may have what others may.
    pub(crate) fn must_do(
        &self,
        job: &Job,
        station: &Station,
        purse: &impl Fn(Address) -> Amount,
    ) -> Option<Result<Pick, Why>> {
        let mut waits = None;
        for task in job.returned.owed(station.worker.address) {
            let Some(open) = self.open.get(&task) else { continue };
            let wanted = job.wanting.contains(&(open.index, task));
            if wanted && self.may_have(station, task, open, purse).is_ok() {
                let role = self.role_in(open);
                return Some(Ok(Pick { deal: open.deal, begun: Some((open.index, task)), role }));
            }
            if wanted || !open.leases.is_empty() {
                waits = Some(Err(Why::GaveBack));
            }
        }
        waits
    }

    /// Who gave a task back that nobody runs now may have other tasks of its job again.
    pub(crate) fn unbind(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        if open.returned_by.is_empty() || !open.leases.is_empty() {
            return;
        }
        for worker in open.returned_by.clone() {
            self.appraise(worker, true);
        }
    }

    /// A task that these gave back has ended.
    pub(crate) fn returned_ended(&mut self, open: &crate::Open, task: TaskId) {
        for worker in &open.returned_by {
            if let Some(job) = self.jobs.get_mut(&open.job) {
                job.returned.ended(*worker, task);
            }
            self.appraise(*worker, true);
        }
    }
}
