//! Choosing among those who wait: idle machines first, then those without recent faults, and of equals the ones that hold
//! the job's app and data already, then those near, then the sites that wish for load. Where a task is best done is a matter
//! of order, never a reason to leave a machine idle.

use crate::Dispatch;
use crate::grant::{Pick, Why, some_terms};
use crate::job::{Job, JobKey};
use crate::open::Open;
use crate::pool::{Class, Pool, Rank};
use crate::worker::{Station, accepts};
use std::collections::BTreeSet;
use units::{Address, Amount, TaskId};

/// How many suitable workers of a class are compared, and how many who hold a job's app or are near.
const LOOK: usize = 8;
/// How many who wait for checks are passed over before the rest is taken to wait as well.
const WAITING: usize = 256;
/// How many deals' terms a class of workers is held against before it is taken to suit.
const TERMS: usize = 16;

/// How well a worker suits a job, best first: its load and faults, then what it lacks of the job's needs, whether it is far,
/// and the rest of its rank.
type Fit = (usize, u64, usize, bool, Rank);

/// The best so far.
type Best = Option<(Fit, Address, Pick)>;

impl Dispatch {
    /// The best of those who wait for a task of this job, with the task. Adds to `looked` how many were looked at.
    pub(crate) fn best_worker(
        &self,
        key: JobKey,
        purse: &impl Fn(Address) -> Amount,
        looked: &mut u64,
    ) -> Option<(Address, Pick)> {
        let (pool, job) = (self.pools.get(&key.1)?, self.jobs.get(&key)?);
        let mut best: Best = None;
        for class in pool.classes.values() {
            *looked = looked.saturating_add(1);
            if !class.hungry.is_empty() && self.class_suits(class, job) {
                self.best_of_class(key, job, class, purse, &mut best, looked);
            }
        }
        if best.is_none() {
            // Where newcomers wait for checks the proven may be far behind them.
            self.best_among(key, job, self.some_proven(key.1), purse, (&mut best, looked));
        } else if best.as_ref().is_some_and(|((.., lacks, far, _), ..)| *lacks > 0 || *far) {
            self.best_elsewhere(key, job, pool, purse, &mut best, looked);
        }
        best.map(|(_, worker, pick)| (worker, pick))
    }

    /// Whether workers of this class work for what the job pays, and can do what it asks for.
    fn class_suits(&self, class: &Class, job: &Job) -> bool {
        let (floors, tag) = &class.kind;
        let mut wanting = job.wanting.iter().take(LOOK).filter_map(|(_, task)| self.open.get(task));
        let open = wanting.find(|open| self.pays_beside(open));
        job.deals.len() > TERMS
            || some_terms(self, job).any(|terms| {
                accepts(floors, terms.category, self.pays(terms, open.map(Box::as_ref))) && terms.tag.is_subset_of(*tag)
            })
    }

    /// Walks those of a class who wait by rank; of equal rank, from the one after who was served last.
    fn best_of_class(
        &self,
        key: JobKey,
        job: &Job,
        class: &Class,
        purse: &impl Fn(Address) -> Amount,
        best: &mut Best,
        looked: &mut u64,
    ) {
        let Some(first) = class.hungry.first().copied() else { return };
        let start = (first.0, class.cursor.0, class.cursor.1);
        let mut at = class.after(start, false).filter(|place| place.0 == first.0).or(Some(first));
        let mut wrapped = at == Some(first);
        let (mut found, mut waiting) = (0_usize, 0_usize);
        while let Some(place) = at {
            *looked = looked.saturating_add(1);
            let station = self.workers.get(&place.2).expect("who waits is known");
            let mut skip_owner = false;
            match self.pick(key, station, purse) {
                Ok(pick) => {
                    found = found.saturating_add(1);
                    let fit = self.fit(job, station, place.0);
                    if best.as_ref().is_none_or(|(other, ..)| fit < *other) {
                        *best = Some((fit, place.2, pick));
                    }
                    if found >= LOOK || fit.2 == 0 && !fit.3 {
                        return;
                    }
                }
                Err(Why::TakesPart) => skip_owner = !self.private,
                Err(Why::Waits | Why::Busy) => {
                    waiting = waiting.saturating_add(1);
                    if waiting >= WAITING {
                        return;
                    }
                }
                Err(_) => {}
            }
            let next = class.after(place, skip_owner);
            // At the end of the first rank those before the start are tried, then the ranks after.
            at = if !wrapped && next.is_none_or(|next| next.0 != first.0) {
                wrapped = true;
                Some(first)
            } else {
                next
            };
            // A worse rank is of use only while nobody was found.
            if found > 0 && at.is_some_and(|next| next.0.load > first.0.load || next.0.faults > first.0.faults) {
                return;
            }
        }
    }

    /// Those who hold the job's app or data, or are near, wherever they stand among their equals.
    fn best_elsewhere(
        &self,
        key: JobKey,
        job: &Job,
        pool: &Pool,
        purse: &impl Fn(Address) -> Amount,
        best: &mut Best,
        looked: &mut u64,
    ) {
        let Some(terms) = some_terms(self, job).next() else { return };
        let holders = terms.needs.iter().filter_map(|asset| pool.holders.get(asset));
        let near = terms.region.as_ref().and_then(|region| pool.near.get(region));
        for set in holders.chain(near) {
            self.best_among(key, job, from(set, pool.cursor).take(LOOK), purse, (best, looked));
        }
    }

    fn best_among<'a>(
        &self,
        key: JobKey,
        job: &Job,
        workers: impl Iterator<Item = &'a Address>,
        purse: &impl Fn(Address) -> Amount,
        (best, looked): (&mut Best, &mut u64),
    ) {
        for address in workers {
            *looked = looked.saturating_add(1);
            let Some(station) = self.workers.get(address) else { continue };
            let Some(rank) = station.rank else { continue };
            let fit = self.fit(job, station, rank);
            if best.as_ref().is_none_or(|(other, ..)| fit < *other)
                && let Ok(pick) = self.pick(key, station, purse)
            {
                *best = Some((fit, *address, pick));
            }
        }
    }

    fn fit(&self, job: &Job, station: &Station, rank: Rank) -> Fit {
        let Some(terms) = some_terms(self, job).next() else { return (rank.load, rank.faults, 0, false, rank) };
        let lacks = terms.needs.iter().filter(|asset| !station.holds(asset)).count();
        let far = terms.region.is_some() && terms.region != station.worker.region;
        (rank.load, rank.faults, lacks, far, rank)
    }

    /// Whether somebody connected could still be given a replica of the task. Classes and owners are passed over whole, so
    /// that this does not walk all workers.
    pub(crate) fn more_to_be_had(&self, task: TaskId) -> bool {
        self.to_be_had(task, Open::may_begin_anew)
    }

    /// Whether somebody connected could be who had no part in it yet.
    pub(crate) fn others_to_be_had(&self, task: TaskId) -> bool {
        self.to_be_had(task, |_, _| false)
    }

    /// Of those who had a part only whom `anew` lets have another.
    fn to_be_had(&self, task: TaskId, anew: impl Fn(&Open, Address) -> bool) -> bool {
        let open = self.open.get(&task).expect("the task is open");
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        let (terms, job) = (&bag.terms, self.jobs.get(&open.job));
        let Some(pool) = self.pools.get(&terms.pool) else { return false };
        let owner = |worker: &Address| self.workers.get(worker).map(|it| it.worker.owner);
        let takes_part = |worker: &&Address| !anew(open, **worker);
        let taken: BTreeSet<Address> = if self.private {
            BTreeSet::new()
        } else {
            open.touched.iter().filter(takes_part).filter_map(owner).collect()
        };
        let free = |worker: &Address| {
            (!open.touched.contains(worker) || anew(open, *worker))
                && !job.is_some_and(|job| job.blame.is_out(*worker))
                && self.workers.get(worker).is_some_and(|it| self.may_check(it, open) && self.is_kin(it, open))
        };
        let pays = self.pays(terms, Some(open));
        let suits =
            |class: &&Class| accepts(&class.kind.0, terms.category, pays) && terms.tag.is_subset_of(class.kind.1);
        let owners = pool.classes.values().filter(suits).flat_map(|class| &class.connected);
        owners.filter(|(owner, _)| !taken.contains(*owner)).any(|(_, workers)| workers.iter().any(free))
    }
}

/// The members of a set from a place on, then those before it.
fn from(set: &BTreeSet<Address>, place: Address) -> impl Iterator<Item = &Address> {
    set.range(place..).chain(set.range(..place))
}
