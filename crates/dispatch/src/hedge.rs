//! Hedges: a second worker for a task that the first has had for longer than is likely.
//!
//! When: a job has no task that is not begun or wants a worker, and one of its leases is overdue. A task that runs is overdue
//! after more than twice the mean of its job's running times, or than the mean and three deviations if that is more; one that
//! does not run yet, that long and what fetching takes likewise after its worker was last heard of; one whose worker's
//! connection broke, at once. A job's first tasks go by what its app took in the pool, else by the category's time.
//!
//! Who: a worker with an idle core, of another owner than all who take part in the task (on a public exchange), when it is the
//! job's turn. The tasks of silent workers come first, then those overdue for the longest.
//!
//! How many: one at a time for a task; for a job so many that those under way and those in vain stay below eight and an eighth
//! of the tasks begun. So one hung machine costs a job little, and a job whose tasks just vary pays for little twice.
//!
//! Then: the first good result wins. The others are told at once; a hedge that was called off while it ran is paid for its
//! part, which is the time it ran over the mean, at most the whole. So is a replica that was called off, if its worker has
//! shown for strangers that it works: of one that has not, nobody knows that it ran at all. One that a hedge had to do in its
//! stead is not: who is paid for being late would sit on what it is given.

use crate::attempt::{Ended, Role};
use crate::decision::{Decision, Ending};
use crate::job::{Job, JobKey};
use crate::open::{Lease, Open, Phase};
use crate::quarantine::Fault;
use crate::worker::Station;
use crate::{Bag, Dispatch};
use units::{Address, Amount, TaskId, Timestamp, U256};

/// Hedges that every job may have in vain or under way.
const LEAST: u64 = 8;
/// And one for so many of its tasks.
const TASKS_EACH: u64 = 8;
/// How many overdue leases are looked at for a worker.
const SCAN: usize = 64;
/// With so many contributions to strangers' tasks a worker has shown that it works.
const PROVEN: u64 = 20;
/// A whole.
const PERMILLE: u64 = 1_000;

/// When a lease is due that is not to be hedged.
pub(crate) const NEVER: Timestamp = Timestamp(u64::MAX);

impl Job {
    fn may_hedge(&self) -> bool {
        let allowed = self.begun.checked_div(TASKS_EACH).expect("eight is not zero").saturating_add(LEAST);
        self.hedging.saturating_add(self.wasted) < allowed
    }
}

impl Dispatch {
    /// Sees from when on the leases of a task may be hedged.
    pub(crate) fn time_leases(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let hedged = open.settled_on.is_some() || open.leases.values().any(|lease| lease.role == Role::Hedge);
        let due = |worker, lease| if hedged { NEVER } else { self.due_of(open, worker, lease) };
        let changes: Vec<(Address, Timestamp)> =
            open.leases.iter().map(|(worker, lease)| (*worker, due(*worker, lease))).collect();
        let key = open.job;
        for (worker, due) in changes {
            self.set_due(key, task, worker, due);
        }
        self.refresh(key);
    }

    fn set_due(&mut self, key: JobKey, task: TaskId, worker: Address, due: Timestamp) {
        let Some(lease) = self.open.get_mut(&task).and_then(|open| open.leases.get_mut(&worker)) else { return };
        let before = std::mem::replace(&mut lease.due, due);
        let Some(job) = self.jobs.get_mut(&key) else { return };
        if before != due {
            job.due.remove(&(before, task, worker));
        }
        if due != NEVER {
            job.due.insert((due, task, worker));
        }
    }

    /// From when on a lease is held for longer than is likely.
    fn due_of(&self, open: &Open, worker: Address, lease: &Lease) -> Timestamp {
        let (Some(job), Some(bag)) = (self.jobs.get(&open.job), self.bags.get(&open.deal)) else { return NEVER };
        let Some(station) = self.workers.get(&worker) else { return NEVER };
        if let Some(since) = station.left {
            return since;
        }
        let known = self.paces.get(bag);
        let run = job.pace.run.limit().or_else(|| known?.run.limit());
        match lease.phase {
            Phase::Run => later(lease.running.unwrap_or(lease.granted), run.unwrap_or(time_ms(bag))),
            Phase::Fetch => {
                let fetch = job.pace.fetch.limit().or_else(|| known?.fetch.limit()).or(run);
                let heard = lease.granted.max(station.heard);
                let fetched = later(heard, fetch.unwrap_or(millis(self.clocks.fetch)));
                later(fetched, run.unwrap_or(time_ms(bag)))
            }
            Phase::Stated | Phase::Upload => NEVER,
        }
    }

    /// When a job's first lease is overdue, if it may have a hedge. What was learned since moves dues on.
    pub(crate) fn next_hedge(&mut self, key: JobKey) -> Option<Timestamp> {
        loop {
            let job = self.jobs.get(&key)?;
            let (at, task, worker) = *job.due.first().filter(|_| job.may_hedge())?;
            if at > self.now {
                return Some(at);
            }
            let open = self.open.get(&task).expect("a lease is on an open task");
            let lease = open.leases.get(&worker).expect("what is due is a lease");
            let due = self.due_of(open, worker, lease);
            if due <= self.now {
                return Some(at);
            }
            self.set_due(key, task, worker, due);
        }
    }

    /// When the job is to be looked at again: another lease is overdue then.
    pub(crate) fn later_hedge(&self, key: JobKey) -> Option<Timestamp> {
        let after = Timestamp(self.now.0.saturating_add(1));
        let job = self.jobs.get(&key).filter(|job| job.may_hedge())?;
        let first = (after, TaskId::default(), Address::ZERO);
        job.due.range(first..).next().map(|(at, ..)| *at)
    }

    /// The overdue task that this worker may hedge: a silent worker's first.
    pub(crate) fn overdue(&self, job: &Job, station: &Station) -> Option<TaskId> {
        let cores = usize::try_from(station.worker.cores.max(1)).unwrap_or(usize::MAX);
        if station.holding.len() >= cores || !job.may_hedge() {
            return None;
        }
        let late = job.due.iter().take_while(|(at, ..)| *at <= self.now).take(SCAN);
        let late = late.filter(|(_, task, holder)| {
            let open = self.open.get(task).expect("a lease is on an open task");
            let lease = open.leases.get(holder).expect("what is due is a lease");
            self.due_of(open, *holder, lease) <= self.now && self.may_join(station, *task)
        });
        late.min_by_key(|(at, task, holder)| (!self.is_silent(*task, *holder), *at)).map(|(_, task, _)| *task)
    }

    /// Whether a worker said nothing since it was given the task.
    fn is_silent(&self, task: TaskId, holder: Address) -> bool {
        let lease = self.open.get(&task).and_then(|open| open.leases.get(&holder));
        let unheard = |heard| lease.is_some_and(|lease| lease.phase == Phase::Fetch && heard <= lease.granted);
        self.workers.get(&holder).is_none_or(|it| !it.connected || unheard(it.heard))
    }

    /// Calls off all who still have the task: what they do is not needed any more. Who ran it for a part is paid that.
    pub(crate) fn call_off(&mut self, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let holders: Vec<Address> = open.leases.keys().copied().collect();
        let hedge_won = open.attempts.iter().any(|it| it.role == Role::Hedge && it.stated.is_some());
        for worker in holders {
            let part = self.part(task, worker, hedge_won);
            let Some(lease) = self.unlease(worker, task) else { continue };
            self.close(task, worker, Ended::NotNeeded);
            if lease.role == Role::Hedge {
                self.wasted(task);
            } else if hedge_won {
                self.fault(worker, task, Fault::Beaten);
            }
            decisions.push(Decision::Cancel { worker, task, ending: Ending::NotNeeded });
            decisions.extend(part);
        }
    }

    pub(crate) fn wasted(&mut self, task: TaskId) {
        if let Some(job) = self.open.get(&task).and_then(|open| self.jobs.get_mut(&open.job)) {
            job.wasted = job.wasted.saturating_add(1);
        }
    }

    /// What a worker that is called off is to be paid, if anything.
    fn part(&self, task: TaskId, worker: Address, hedge_won: bool) -> Option<Decision> {
        let open = self.open.get(&task)?;
        let (bag, job) = (self.bags.get(&open.deal)?, self.jobs.get(&open.job)?);
        let (lease, station) = (open.leases.get(&worker)?, self.workers.get(&worker)?);
        let earned = self.earned_in(bag.terms.pool, worker);
        let beaten = hedge_won || station.faults.level(self.now) > 0;
        if lease.role != Role::Hedge && (earned < PROVEN || beaten) || self.is_barred(worker) {
            return None;
        }
        // It cannot run more tasks than it has cores, whatever it says.
        let runs = |task: &&TaskId| {
            let lease = self.open.get(task).and_then(|open| open.leases.get(&worker));
            lease.is_some_and(|lease| lease.running.is_some())
        };
        let cores = usize::try_from(station.worker.cores).unwrap_or(usize::MAX);
        if station.holding.iter().filter(runs).count() > cores {
            return None;
        }
        let ran = millis(self.now.saturating_since(lease.running?));
        let mean = job.pace.run.mean().unwrap_or(time_ms(bag)).max(1);
        let permille = ran.saturating_mul(PERMILLE).checked_div(mean).expect("a mean is at least 1").min(PERMILLE);
        let whole = self.due(worker, open.deal).0;
        let part = whole.saturating_mul(U256::from(permille)).checked_div(U256::from(PERMILLE));
        let amount = Amount(part.expect("a whole is not zero"));
        (!amount.is_zero()).then_some(Decision::PayHedge { task, deal: open.deal, worker, amount })
    }
}

fn later(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(ms))
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn time_ms(bag: &Bag) -> u64 {
    millis(bag.terms.time)
}
