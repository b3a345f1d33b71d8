//! What is held against a worker: in one job, and across jobs.
//!
//! In a job: one failure that the worker caused (it let a lease run out while connected, did not bring its result, or was
//! dissented from) and it gets no more of the job; so does one that cannot run the job's tasks or is too slow for them, one
//! that said of a task that the program failed where others had a result, and one that had trouble three times in a row, until
//! a deal of the job is running out of time. Across jobs: each such failure counts as a fault, halved every half hour and eased
//! by every accepted result; a worker with recent faults is served later, and holds fewer tasks at once, but at least one.
//! Neither holds for what is the app's: when at least three owners' machines fail alike, and more than had a result of the job
//! accepted, nothing is held against them.

use crate::Dispatch;
use crate::job::JobKey;
use crate::pool::Rank;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{Address, TaskId, Timestamp};

/// With so many troubles in a row a worker gets no more of a job.
const TROUBLES: u32 = 3;
/// The same failure of so many owners' machines may be the app's.
const ALIKE: usize = 3;
/// Owners that are told apart, for each kind of failure.
const OWNERS: usize = 64;
/// A fault, in thousandths.
const WHOLE: u64 = 1_000;
/// What is left of a fault after this time is half.
const HALF_LIFE: Duration = Duration::from_secs(1_800);
/// Share of its faults that an accepted result takes off: one part in this many.
const EASE: u64 = 8;

/// How a worker failed a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It let a lease run out.
    Late,
    /// It did not bring the package of its result.
    NotBrought,
    /// Another result was agreed on.
    Dissented,
    /// It said that the program failed, and others had a result.
    Denied,
    /// A hedge was sooner.
    Beaten,
    /// Something went wrong there.
    Trouble,
    /// It cannot run the job's tasks.
    Unable,
    /// It is too slow for them.
    Slow,
}

/// What is held against workers in a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blame {
    /// Who gets no more of the job, and why.
    out: BTreeMap<Address, Fault>,
    /// Troubles in a row.
    troubles: BTreeMap<Address, u32>,
    /// Owners of those who failed, by how.
    failed: BTreeMap<Fault, BTreeSet<Address>>,
    /// Owners of those whose result was accepted.
    succeeded: BTreeSet<Address>,
    /// Whether a result that is no failure was accepted.
    worked: bool,
}

impl Blame {
    pub(crate) fn is_out(&self, worker: Address) -> bool {
        self.out.contains_key(&worker)
    }

    /// Why a worker gets no more of the job, if it does not.
    pub(crate) fn why_out(&self, worker: Address) -> Option<Fault> {
        self.out.get(&worker).copied()
    }

    /// Those who get no more of it.
    pub(crate) fn those_out(&self) -> impl Iterator<Item = Address> {
        self.out.keys().copied()
    }

    /// Whether the program had a result here that was accepted: then it does not always fail.
    pub(crate) fn worked(&self) -> bool {
        self.worked
    }

    pub(crate) fn quarantined(&self) -> usize {
        self.out.len()
    }

    /// Whether a failure that can be the app's is.
    fn is_the_apps(&self, fault: Fault) -> bool {
        let failed = self.failed.get(&fault).map_or(0, BTreeSet::len);
        failed >= ALIKE && failed > self.succeeded.len()
    }
}

/// A worker's recent faults, in thousandths, as of a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    thousandths: u64,
    at: Timestamp,
}

impl Faults {
    /// What is left of them now, in thousandths.
    fn left(self, now: Timestamp) -> u64 {
        let since = now.saturating_since(self.at).as_millis();
        let half = HALF_LIFE.as_millis();
        let halvings = since.checked_div(half).expect("a half-life is not zero");
        let part = u64::try_from(since.checked_rem(half).expect("a half-life is not zero")).unwrap_or(u64::MAX);
        let shift = u32::try_from(halvings).unwrap_or(u32::MAX);
        let left = self.thousandths.checked_shr(shift).unwrap_or(0);
        // Between two halvings along a line.
        let half = u64::try_from(half).unwrap_or(u64::MAX).saturating_mul(2);
        left.saturating_sub(left.saturating_mul(part).checked_div(half).expect("a half-life is not zero"))
    }

    fn add(&mut self, now: Timestamp, thousandths: u64) {
        *self = Self { thousandths: self.left(now).saturating_add(thousandths), at: now };
    }

    fn take(&mut self, now: Timestamp, thousandths: u64) {
        *self = Self { thousandths: self.left(now).saturating_sub(thousandths), at: now };
    }

    /// Whole faults, rounded: each halves what the worker may hold.
    pub(crate) fn level(self, now: Timestamp) -> u64 {
        let rounded = self.left(now).saturating_add(WHOLE.checked_div(2).expect("two is not zero"));
        rounded.checked_div(WHOLE).expect("a fault is not zero")
    }
}

impl Dispatch {
    /// Holds a failure against a worker, unless it is the app's.
    pub(crate) fn fault(&mut self, worker: Address, task: TaskId, fault: Fault) {
        let Some(key) = self.open.get(&task).map(|open| open.job) else { return };
        self.fault_in(worker, key, fault);
    }

    fn fault_in(&mut self, worker: Address, key: JobKey, fault: Fault) {
        let now = self.now;
        let (Some(station), Some(job)) = (self.workers.get_mut(&worker), self.jobs.get_mut(&key)) else { return };
        let owners = job.blame.failed.entry(fault).or_default();
        if owners.len() < OWNERS {
            owners.insert(station.worker.owner);
        }
        match fault {
            Fault::Late | Fault::NotBrought | Fault::Denied if job.blame.is_the_apps(fault) => {
                return self.forgive(key, fault);
            }
            Fault::Late | Fault::NotBrought | Fault::Dissented => {
                station.faults.add(now, WHOLE);
                job.blame.out.insert(worker, fault);
            }
            Fault::Beaten => station.faults.add(now, WHOLE.checked_div(2).expect("two is not zero")),
            Fault::Trouble => {
                let troubles = job.blame.troubles.entry(worker).or_default();
                *troubles = troubles.saturating_add(1);
                if *troubles >= TROUBLES {
                    job.blame.out.insert(worker, fault);
                }
            }
            Fault::Unable | Fault::Slow | Fault::Denied => {
                job.blame.out.insert(worker, fault);
            }
        }
        self.appraise(worker, false);
    }

    /// The failure turned out to be the app's: those who were put out for it are let in again.
    fn forgive(&mut self, key: JobKey, fault: Fault) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&key) else { return };
        let forgiven: Vec<Address> =
            job.blame.out.iter().filter(|(_, why)| **why == fault).map(|(worker, _)| *worker).collect();
        job.blame.out.retain(|_, why| *why != fault);
        for worker in forgiven {
            if let Some(station) = self.workers.get_mut(&worker) {
                station.faults.take(now, WHOLE);
            }
            self.appraise(worker, true);
        }
    }

    /// A deal of the job is running out of time: who had trouble with the job may have less of it by now.
    pub(crate) fn let_in_again(&mut self, key: JobKey) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        let out = |(worker, why): (&Address, &Fault)| (*why == Fault::Trouble).then_some(*worker);
        let troubled: Vec<Address> = job.blame.out.iter().filter_map(out).collect();
        for worker in &troubled {
            job.blame.out.remove(worker);
            job.blame.troubles.remove(worker);
        }
        for worker in troubled {
            self.appraise(worker, true);
        }
    }

    /// A worker's result was accepted: its troubles with the job are over, its faults eased.
    pub(crate) fn success(&mut self, worker: Address, key: JobKey, worked: bool) {
        let now = self.now;
        let (Some(station), Some(job)) = (self.workers.get_mut(&worker), self.jobs.get_mut(&key)) else { return };
        job.blame.troubles.remove(&worker);
        job.returned.make_up(worker);
        job.blame.worked |= worked;
        if job.blame.succeeded.len() < OWNERS {
            job.blame.succeeded.insert(station.worker.owner);
        }
        let eased = station.faults.left(now).div_ceil(EASE);
        if eased > 0 {
            station.faults.take(now, eased);
            self.appraise(worker, false);
        }
    }

    /// Puts a worker in its place among those who wait for work, or takes it out; with `anew` it may be given what it could
    /// not be given before.
    pub(crate) fn appraise(&mut self, address: Address, anew: bool) {
        let now = self.now;
        let barred = self.is_barred(address);
        let Some(station) = self.workers.get_mut(&address) else { return };
        let Some(pool) = self.pools.get_mut(&station.worker.pool) else { return };
        let held = station.holding.len();
        let faults = station.faults.level(now);
        let room = faults == 0 || held < station.slots_at(faults);
        let waits = station.connected && station.free > 0 && !barred && room;
        let cores = usize::try_from(station.worker.cores.max(1)).unwrap_or(usize::MAX);
        let load = held.checked_div(cores).expect("a worker has a core");
        let cold = 100_u8.saturating_sub(station.worker.heat);
        let before = station.rank;
        let after = waits.then_some(Rank { load, faults, cold, held });
        if let Some(rank) = before
            && station.fresh
        {
            pool.fresh.remove(&(rank, address));
        }
        pool.place(station, before, after);
        station.rank = after;
        station.fresh = waits && (anew || station.fresh);
        if let Some(rank) = after
            && station.fresh
        {
            pool.fresh.insert((rank, address));
            self.stirred.insert(station.worker.pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_half_forgotten_after_half_an_hour() {
        let mut faults = Faults::default();
        let start = Timestamp::from_seconds(1_000_000);
        faults.add(start, WHOLE);
        let left = |seconds| faults.left(start.saturating_add(Duration::from_secs(seconds)));
        assert_eq!([0, 900, 1_800, 3_600, 1_000_000].map(left), [1_000, 750, 500, 250, 0]);
        assert_eq!(faults.level(start), 1);
        assert_eq!(faults.level(start.saturating_add(HALF_LIFE * 2)), 0);
    }
}
