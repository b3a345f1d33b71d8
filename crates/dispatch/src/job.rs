//! What dispatch keeps of a job: its live deals in one pool, what it has to give, and how its tasks go.
//!
//! A job whose last deal ended is remembered for a while, since a long one is bought in many deals; then it is forgotten,
//! and all that was held against workers in it with it.

use crate::attempt::Role;
use crate::open::Lease;
use crate::pace::Pace;
use crate::quarantine::Blame;
use crate::returned::Returned;
use crate::{Bag, Dispatch};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Address, DealId, OrderHash, TaskId, Timestamp};

/// Jobs without a live deal that are remembered.
const REMEMBERED: usize = 1_000;
/// Apps whose pace is remembered.
const PACES: usize = 1_000;

/// A job in a pool.
pub(crate) type JobKey = (OrderHash, Address);

/// How a job stands in dispatch, over all pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobLoad {
    /// Live deals.
    pub deals: usize,
    /// Tasks that some worker holds.
    pub running: u64,
    /// Leases on them.
    pub replicas: u64,
    /// Of those, hedges.
    pub hedges: u64,
    /// Tasks that so many workers began and none stated that further tries are spaced out.
    pub stuck: u64,
    /// Workers that get no more of the job.
    pub quarantined: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// Live deals, oldest first.
    pub(crate) deals: VecDeque<DealId>,
    /// Of those, the ones that may have tasks not begun.
    pub(crate) roomy: VecDeque<DealId>,
    /// Begun tasks that want another worker, by index.
    pub(crate) wanting: BTreeSet<(u64, TaskId)>,
    /// Its place in turn.
    pub(crate) turn: u64,
    /// Until when it goes first.
    pub(crate) hurried: Option<Timestamp>,
    ready: bool,
    pub(crate) pace: Pace,
    /// From when on a lease may be hedged, for leases on tasks that are not hedged now.
    pub(crate) due: BTreeSet<(Timestamp, TaskId, Address)>,
    /// What tasks were expected to take when all leases' dues were last seen to, milliseconds.
    timed_by: Option<u64>,
    /// When somebody is to look at `due`.
    watched: Option<Timestamp>,
    /// Hedges under way.
    pub(crate) hedging: u64,
    /// Hedges that came to nothing.
    pub(crate) wasted: u64,
    /// Tasks begun.
    pub(crate) begun: u64,
    pub(crate) blame: Blame,
    /// What workers gave back for their owners.
    pub(crate) returned: Returned,
    pub(crate) running: u64,
    pub(crate) replicas: u64,
    pub(crate) stuck: u64,
}

/// The paces of apps in pools, for a job's first tasks; the oldest is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paces {
    by_app: BTreeMap<AppKey, Pace>,
    order: VecDeque<AppKey>,
}

/// A pool, a category, and what its tasks need.
type AppKey = (Address, u64, BTreeSet<Address>);

impl Paces {
    pub(crate) fn get(&self, bag: &Bag) -> Option<&Pace> {
        self.by_app.get(&key_of(bag))
    }

    fn entry(&mut self, bag: &Bag) -> &mut Pace {
        let key = key_of(bag);
        if !self.by_app.contains_key(&key) {
            self.order.push_back(key.clone());
            if self.order.len() > PACES
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_app.remove(&oldest);
            }
        }
        self.by_app.entry(key).or_default()
    }
}

fn key_of(bag: &Bag) -> AppKey {
    (bag.terms.pool, bag.terms.category, bag.terms.needs.clone())
}

impl Dispatch {
    /// How a job stands, over all pools.
    #[must_use]
    pub fn job(&self, request: OrderHash) -> JobLoad {
        let jobs = self.jobs.range((request, Address::ZERO)..=(request, Address::repeat_byte(0xff)));
        jobs.fold(JobLoad::default(), |sum, (_, job)| JobLoad {
            deals: sum.deals.saturating_add(job.deals.len()),
            running: sum.running.saturating_add(job.running),
            replicas: sum.replicas.saturating_add(job.replicas),
            hedges: sum.hedges.saturating_add(job.hedging),
            stuck: sum.stuck.saturating_add(job.stuck),
            quarantined: sum.quarantined.saturating_add(job.blame.quarantined()),
        })
    }

    /// Who gets no more of a job, over all pools.
    pub fn quarantined(&self, request: OrderHash) -> impl Iterator<Item = Address> {
        let jobs = self.jobs.range((request, Address::ZERO)..=(request, Address::repeat_byte(0xff)));
        jobs.flat_map(|(_, job)| job.blame.those_out())
    }

    /// A job may have something else to give than before: puts it in turn or takes it out, and sees when it is to be looked
    /// at again.
    pub(crate) fn refresh(&mut self, key: JobKey) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        while let Some(deal) = job.roomy.front() {
            if self.bags.get(deal).is_some_and(|bag| bag.unopened() > 0) {
                break;
            }
            job.roomy.pop_front();
        }
        let has_work = !job.wanting.is_empty() || !job.roomy.is_empty();
        let hedge_at = if has_work { None } else { self.next_hedge(key) };
        let hedge_due = hedge_at.is_some_and(|at| at <= self.now);
        let job = self.jobs.get_mut(&key).expect("the job was there just now");
        let queue = &mut self.pools.entry(key.1).or_default().queue;
        let ready = has_work || hedge_due;
        if ready != job.ready {
            job.ready = ready;
            if ready {
                job.turn = queue.ready(job.turn, key.0);
                self.stirred.insert(key.1);
            } else {
                queue.rest(job.turn, key.0);
            }
        }
        let watch = if hedge_due { self.later_hedge(key) } else { hedge_at };
        let job = self.jobs.get_mut(&key).expect("the job was there just now");
        if watch != job.watched {
            if let Some(before) = std::mem::replace(&mut job.watched, watch) {
                self.watch.remove(&(before, key));
            }
            self.watch.extend(watch.map(|at| (at, key)));
        }
    }

    /// The moment came when the job was to be looked at.
    pub(crate) fn unwatch(&mut self, key: JobKey) {
        if let Some(job) = self.jobs.get_mut(&key) {
            job.watched = None;
        }
    }

    /// A job has something new to give: workers are looked for.
    pub(crate) fn stir(&mut self, key: JobKey) {
        self.refresh(key);
        if let (Some(job), Some(pool)) = (self.jobs.get(&key), self.pools.get_mut(&key.1)) {
            pool.queue.stir(job.turn, key.0);
            self.stirred.insert(key.1);
        }
    }

    /// A job's last deal ended: it is remembered for a while.
    pub(crate) fn retire(&mut self, key: JobKey) {
        self.retired.push_back(key);
        if self.retired.len() > REMEMBERED
            && let Some(oldest) = self.retired.pop_front()
            && self.jobs.get(&oldest).is_some_and(|job| job.deals.is_empty())
        {
            self.jobs.remove(&oldest);
        }
    }

    /// The task is leased: counts it.
    pub(crate) fn count_lease(&mut self, key: JobKey, role: Role, first: bool) {
        let Some(job) = self.jobs.get_mut(&key) else { return };
        job.replicas = job.replicas.saturating_add(1);
        job.running = job.running.saturating_add(u64::from(first));
        job.hedging = job.hedging.saturating_add(u64::from(role == Role::Hedge));
    }

    /// Ends a worker's lease on a task; what it was.
    pub(crate) fn unlease(&mut self, worker: Address, task: TaskId) -> Option<Lease> {
        let open = self.open.get_mut(&task)?;
        let lease = open.leases.remove(&worker)?;
        let (key, last) = (open.job, open.leases.is_empty());
        if let Some(job) = self.jobs.get_mut(&key) {
            job.due.remove(&(lease.due, task, worker));
            job.replicas = job.replicas.saturating_sub(1);
            job.running = job.running.saturating_sub(u64::from(last));
            job.hedging = job.hedging.saturating_sub(u64::from(lease.role == Role::Hedge));
        }
        if let Some(station) = self.workers.get_mut(&worker) {
            station.holding.remove(&task);
            station.backlog_ms = station.backlog_ms.saturating_sub(lease.expected_ms);
        }
        self.appraise(worker, true);
        self.time_leases(task);
        Some(lease)
    }

    /// A task of the job took so long: to fetch, or to run.
    pub(crate) fn learn(&mut self, task: TaskId, what: impl Fn(&mut Pace)) {
        let Some(open) = self.open.get(&task) else { return };
        let key = open.job;
        if let Some(bag) = self.bags.get(&open.deal) {
            what(self.paces.entry(bag));
        }
        let Some(job) = self.jobs.get_mut(&key) else { return };
        what(&mut job.pace);
        // Leases that were granted when tasks were thought to take far longer are due sooner.
        let expects = job.pace.expects();
        if job.timed_by.is_none_or(|by| expects < by.checked_div(2).unwrap_or(0)) {
            job.timed_by = Some(expects);
            let leased: BTreeSet<TaskId> = job.due.iter().map(|(_, task, _)| *task).collect();
            for task in leased {
                self.time_leases(task);
            }
        }
    }
}
