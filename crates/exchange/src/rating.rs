//! Ratings: each side of a deal says once how the other did, for performance and for safety.
//!
//! A register of who took part is kept until a week after a deal ended, and no longer; what was said goes to the history.
//! Exchanges founded by rules of version 1 have none.

use crate::{Event, Exchange, Rejection};
use orders::CheckedRating;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{Address, DealId, TaskId, Timestamp};

/// How long after its end a deal can be rated.
const RATABLE: Duration = Duration::from_hours(7 * 24);
/// How many ended deals can be rated; beyond, the oldest no more.
const DEALS: usize = 100_000;
/// How many workers of a deal can be rated and rate: the first that proved a result.
const WORKERS: usize = 256;
/// The rules since which there are ratings.
const SINCE: u32 = 2;

/// Who took part in a deal, and who has rated whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ratable {
    requester: Address,
    pool: Address,
    pool_owner: Address,
    workers: BTreeSet<Address>,
    rated: BTreeSet<(Address, Address)>,
    ended: Option<Timestamp>,
}

/// Deals that can be rated, and those of them that ended, by when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ratings {
    deals: BTreeMap<DealId, Ratable>,
    ended: BTreeSet<(Timestamp, DealId)>,
}

impl Ratings {
    pub(crate) fn is_empty(&self) -> bool {
        self.deals.is_empty()
    }

    /// Forgets deals that can be rated no more.
    fn prune(&mut self, now: Timestamp) {
        while let Some((ended, deal)) = self.ended.first().copied() {
            if self.ended.len() <= DEALS && now < ended.saturating_add(RATABLE) {
                return;
            }
            self.ended.pop_first();
            self.deals.remove(&deal);
        }
    }
}

impl Exchange {
    /// Whether this rater has rated that subject for a deal.
    #[must_use]
    pub fn has_rated(&self, deal: DealId, rater: Address, subject: Address) -> bool {
        self.ratings.deals.get(&deal).is_some_and(|ratable| ratable.rated.contains(&(rater, subject)))
    }

    /// Those who proved a result may be rated for the task's deal, and rate.
    pub(crate) fn note_workers(&mut self, task: TaskId) {
        let Some(task) = self.hub.task(task).filter(|_| self.genesis.rules_version >= SINCE) else { return };
        let proved = { task.contributions.iter() }.filter(|part| part.status == poco::ContributionStatus::Proved);
        let (deal, proved): (_, Vec<Address>) = (task.deal, proved.map(|part| part.worker).collect());
        if let Some(ratable) = self.ratable(deal) {
            for worker in proved {
                if ratable.workers.len() < WORKERS {
                    ratable.workers.insert(worker);
                }
            }
        }
    }

    /// A deal ended: from now on it can be rated for a while.
    pub(crate) fn note_ended(&mut self, deal: DealId) {
        let now = self.now;
        if self.genesis.rules_version < SINCE {
            return;
        }
        let ratable = self.ratable(deal).expect("the deal is live");
        ratable.ended = Some(now);
        self.ratings.ended.insert((now, deal));
        self.ratings.prune(self.now);
    }

    /// The register's entry of a deal, begun while the deal is live.
    fn ratable(&mut self, id: DealId) -> Option<&mut Ratable> {
        if !self.ratings.deals.contains_key(&id) {
            let fresh = self.fresh_ratable(id)?;
            self.ratings.deals.insert(id, fresh);
        }
        self.ratings.deals.get_mut(&id)
    }

    fn fresh_ratable(&self, id: DealId) -> Option<Ratable> {
        let deal = self.hub.deal(id)?;
        Some(Ratable {
            requester: deal.requester,
            pool: deal.workerpool.pointer,
            pool_owner: deal.workerpool.owner,
            workers: BTreeSet::new(),
            rated: BTreeSet::new(),
            ended: None,
        })
    }

    /// One side of a deal rates the other.
    pub(crate) fn rate(&mut self, said: &CheckedRating, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let rating = said.signed.rating;
        let (deal, subject) = (rating.deal, rating.subject);
        let rater = said.rater.address().ok_or(Rejection::NotSigned)?;
        for mark in [rating.performance, rating.safety] {
            if !(1..=5).contains(&mark) {
                return Err(Rejection::BadMark(mark));
            }
        }
        let fresh = if self.genesis.rules_version >= SINCE { self.fresh_ratable(deal) } else { None };
        let ratable = self.ratings.deals.get(&deal).or(fresh.as_ref()).ok_or(Rejection::NotRatable(deal))?;
        if ratable.ended.is_some_and(|ended| ended.saturating_add(RATABLE) <= self.now) {
            return Err(Rejection::NotRatable(deal));
        }
        self.check_parts(deal, ratable, rater, subject)?;
        if ratable.rated.contains(&(rater, subject)) {
            return Err(Rejection::RatedBefore { deal, rater, subject });
        }
        self.ratable(deal).expect("found above").rated.insert((rater, subject));
        let (performance, safety) = (rating.performance, rating.safety);
        events.push(Event::Rated { deal, rater, subject, performance, safety });
        Ok(())
    }

    /// Rater and subject stand on different sides of the deal, and are not one.
    fn check_parts(&self, deal: DealId, parts: &Ratable, rater: Address, subject: Address) -> Result<(), Rejection> {
        let owner = |worker: Address| self.owner_in(parts.pool, worker);
        let by_requester = rater == parts.requester && (subject == parts.pool || parts.workers.contains(&subject));
        let supplies = rater == parts.pool_owner
            || parts.workers.contains(&rater)
            || parts.workers.iter().any(|worker| owner(*worker) == rater);
        if by_requester {
            let own = if subject == parts.pool { parts.pool_owner } else { owner(subject) };
            return if rater == own || rater == subject { Err(Rejection::RatesItself(rater)) } else { Ok(()) };
        }
        if subject != parts.requester || !supplies {
            return Err(Rejection::NoPart { deal, rater, subject });
        }
        if rater == subject { Err(Rejection::RatesItself(rater)) } else { Ok(()) }
    }
}
