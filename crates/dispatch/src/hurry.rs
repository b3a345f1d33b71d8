//! What may come late: deals whose time is running out go first, and no task waits behind longer ones than its lease is for.
//!
//! Turns are fair, and know no deadline: so a deal that has not begun all its tasks when two thirds of its time are over, or
//! will not have when a task ends that another job is about to be given, is hurried: its job is the first in turn, and what it
//! is given moves its turn on by nothing, until all is begun; who got no more of it for trouble that it had may try again. And a machine
//! whose cores are all taken is given a task only where what it has in hand takes no longer than as many of that time class and
//! a fetch. Where it takes longer all the same, the task is taken back, and that is held against nobody.

use crate::attempt::{Attempt, Ended};
use crate::job::JobKey;
use crate::open::{Lease, Open, Phase};
use crate::worker::Station;
use crate::{Bag, Dispatch, Terms};
use std::time::Duration;
use units::{Address, DealId, TaskId, Timestamp};

/// From when on a deal is hurried, in tenths of its category's time before statements are refused: of 69 tenths 27.
const HURRIED_TENTHS: u32 = 27;

/// From when on a deal of these terms is hurried.
fn hurried_from(terms: &Terms) -> Timestamp {
    let left = terms.time.saturating_mul(HURRIED_TENTHS).checked_div(10).expect("ten is not zero");
    terms.until.saturating_sub(left)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Dispatch {
    /// A deal was made: it is looked at when its time runs out.
    pub(crate) fn time_deal(&mut self, deal: DealId) {
        if let Some(bag) = self.bags.get(&deal) {
            let pool = self.pools.entry(bag.terms.pool).or_default();
            pool.hurries.insert((hurried_from(&bag.terms), deal));
        }
    }

    /// A deal is done.
    pub(crate) fn untime_deal(&mut self, deal: DealId, bag: &Bag) {
        if let Some(pool) = self.pools.get_mut(&bag.terms.pool) {
            pool.hurries.remove(&(hurried_from(&bag.terms), deal));
        }
    }

    /// When the next deal is to be hurried, and in which pool.
    pub(crate) fn next_hurry(&self) -> Option<(Timestamp, Address)> {
        self.pools.iter().filter_map(|(address, pool)| Some((pool.hurries.first()?.0, *address))).min()
    }

    /// Deals whose time is running out, and that have something to give, go first.
    pub(crate) fn hurry(&mut self, at: Timestamp) {
        while let Some((_, pool)) = self.next_hurry().filter(|(when, _)| *when <= at) {
            self.hurry_in(pool, at);
        }
    }

    /// Deals of a pool that would run late behind a task of this job go before it. Whether there are any that did not before.
    pub(crate) fn hurry_before(&mut self, key: JobKey) -> bool {
        let ends = self.now.saturating_add(Duration::from_millis(self.expected_of(key)));
        self.hurry_in(key.1, ends)
    }

    /// Those of a pool that are to be hurried until then; whether there were any.
    fn hurry_in(&mut self, address: Address, until: Timestamp) -> bool {
        let mut any = false;
        while let Some(pool) = self.pools.get_mut(&address)
            && let Some((when, deal)) = pool.hurries.first().copied().filter(|(when, _)| *when <= until)
        {
            any = true;
            pool.hurries.remove(&(when, deal));
            let Some(terms) = self.bags.get(&deal).map(|bag| &bag.terms) else { continue };
            let key: JobKey = (terms.request, address);
            let Some(job) = self.jobs.get_mut(&key) else { continue };
            job.hurried = Some(terms.until);
            job.turn = pool.queue.hurry(job.turn, key.0);
            self.let_in_again(key);
            self.stir(key);
        }
        any
    }

    /// Whether a task that has not begun is in the hands of a worker that runs another within that one's time.
    pub(crate) fn is_at_work(&self, at: Timestamp, task: TaskId, worker: Address, lease: &Lease) -> bool {
        let Some(station) = self.workers.get(&worker) else { return false };
        let runs = |other: &TaskId| {
            let lease = self.open.get(other).and_then(|open| open.leases.get(&worker));
            lease.is_some_and(|lease| lease.phase == Phase::Run && lease.until > at)
        };
        lease.phase == Phase::Fetch && station.holding.iter().any(|other| *other != task && runs(other))
    }

    /// Takes a task back from a worker that could not begin it. It is not held against it: it may have it again when it has a
    /// core to spare.
    pub(crate) fn take_back(&mut self, task: TaskId, worker: Address) {
        if let Some(open) = self.open.get_mut(&task) {
            open.touched.remove(&worker);
        }
        self.close(task, worker, Ended::TooLate(Phase::Fetch));
        self.revoke(worker, task);
    }

    /// Whether a task that was taken back from a worker would wait there again.
    pub(crate) fn waits_again(station: &Station, open: &Open) -> bool {
        let cores = usize::try_from(station.worker.cores.max(1)).unwrap_or(usize::MAX);
        let taken_back = |it: &Attempt| {
            it.worker == station.worker.address && it.ended.is_some_and(|(_, how)| how == Ended::TooLate(Phase::Fetch))
        };
        station.holding.len() >= cores && open.attempts.iter().any(taken_back)
    }

    /// How long a task is expected to run, milliseconds.
    pub(crate) fn expected_ms(&self, task: TaskId) -> u64 {
        self.open.get(&task).map_or(0, |open| self.expected_in(open.job, open.deal))
    }

    fn expected_of(&self, key: JobKey) -> u64 {
        let first = self.jobs.get(&key).and_then(|job| job.deals.front());
        first.map_or(0, |deal| self.expected_in(key, *deal))
    }

    fn expected_in(&self, key: JobKey, deal: DealId) -> u64 {
        let Some(bag) = self.bags.get(&deal) else { return 0 };
        let known = self.jobs.get(&key).and_then(|job| job.pace.run.mean());
        let known = known.or_else(|| self.paces.get(bag)?.run.mean());
        known.unwrap_or_else(|| millis(bag.terms.time))
    }

    /// Whether a task of these terms would wait for long on a machine behind what it has in hand.
    pub(crate) fn would_wait(&self, station: &Station, terms: &Terms) -> bool {
        self.waits_behind(station, terms.time)
    }

    /// Whether a worker that is known would have a task of a time class of this time wait for long behind what it has in hand:
    /// then it is given none.
    #[must_use]
    pub fn is_taken_up(&self, worker: Address, time: Duration) -> bool {
        self.workers.get(&worker).is_some_and(|station| self.waits_behind(station, time))
    }

    fn waits_behind(&self, station: &Station, time: Duration) -> bool {
        let cores = u64::from(station.worker.cores.max(1));
        let held = crate::bag::count(station.holding.len());
        let tasks = millis(time).saturating_mul(held);
        let most = millis(self.clocks.fetch).saturating_mul(cores).saturating_add(tasks);
        held >= cores && station.backlog_ms > most
    }
}
