//! What a pool knows of each of its workers: whose it is, what it has earned, how often it was checked, what it stands to lose.
//!
//! PoCo's score can be farmed by whoever owns a pool and asks its own worker; a standing counts only work that strangers
//! paid for in that very pool. What is withheld of a worker's first earnings lies locked in its own account. Standing is kept
//! in audited pools alone, so that journals of before mean what they meant.

use crate::genesis::Audits;
use crate::{Event, Exchange, Rejection};
use orders::Ownership;
use poco::{ContributionStatus, Deal, Refusal, TaskStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, Bytes, TaskId, U256};

/// What a pool knows of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose the worker is; itself, where nobody said otherwise.
    pub owner: Address,
    /// How many results it proved that strangers paid for: others than the worker, its owner and the pool's.
    pub accepted: u64,
    /// How many checks it passed in such tasks.
    pub checks: u64,
    /// Whether it was found to have lied.
    pub barred: bool,
    /// Its deposit: what is locked of its earnings.
    pub withheld: Amount,
}

impl Standing {
    /// A newcomer's.
    #[must_use]
    pub fn new(owner: Address) -> Self {
        Self { owner, accepted: 0, checks: 0, barred: false, withheld: Amount::ZERO }
    }

    /// Whether it passed as many checks as the pool asks for.
    #[must_use]
    pub fn is_proven(&self, audits: &Audits) -> bool {
        !self.barred && self.checks >= audits.proven
    }
}

/// Standings by pool and worker.
pub(crate) type Standings = BTreeMap<(Address, Address), Standing>;

impl Exchange {
    /// What a pool knows of a worker; nothing of a worker that neither enlisted nor finished a task there.
    #[must_use]
    pub fn standing(&self, pool: Address, worker: Address) -> Option<&Standing> {
        self.standings.get(&(pool, worker))
    }

    /// All standings by pool and worker.
    pub fn standings(&self) -> impl Iterator<Item = (Address, Address, &Standing)> + '_ {
        self.standings.iter().map(|((pool, worker), standing)| (*pool, *worker, standing))
    }

    /// Whose a worker of a pool is: itself, where nobody said otherwise.
    #[must_use]
    pub fn owner_in(&self, pool: Address, worker: Address) -> Address {
        self.standing(pool, worker).map_or(worker, |standing| standing.owner)
    }

    /// A worker is one of a pool's. One that changes hands is a newcomer: its credit was its owner's.
    pub(crate) fn enlist(
        &mut self,
        pool: Address,
        worker: Address,
        owner: Address,
        evidence: &Bytes,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_hosted(pool)?;
        let by_owner = || Ownership { worker, owner }.is_signed_by_owner(&self.genesis.domain(), evidence);
        let own = worker == owner && evidence.is_empty();
        if worker.is_zero() || !(own || by_owner()) {
            return Err(Rejection::NotOwned { worker, owner });
        }
        if !self.admits(pool, worker) {
            return Err(Rejection::NotInvited { pool, worker });
        }
        let withheld = match self.standing(pool, worker) {
            Some(standing) if standing.barred => return Err(Rejection::Barred { pool, worker }),
            Some(standing) if standing.owner == owner => return Err(Rejection::AlreadyEnlisted { worker, owner }),
            Some(standing) => standing.withheld,
            None => Amount::ZERO,
        };
        self.standings.insert((pool, worker), Standing { withheld, ..Standing::new(owner) });
        events.push(Event::Enlisted { pool, worker, owner });
        Ok(())
    }

    pub(crate) fn is_barred(&self, pool: Address, worker: Address) -> bool {
        self.standing(pool, worker).is_some_and(|standing| standing.barred)
    }

    /// Whether a stranger pays for the work of this worker in that deal.
    pub(crate) fn is_strange(&self, deal: &Deal, worker: Address) -> bool {
        let pool = deal.workerpool.pointer;
        let own = [worker, self.owner_in(pool, worker), deal.workerpool.owner];
        !own.contains(&deal.requester) && !own.contains(&deal.sponsor) && !deal.workerpool.price.is_zero()
    }

    /// One more check passed, if it counts.
    pub(crate) fn count_check(&mut self, pool: Address, worker: Address, strange: bool) {
        let standing = self.standings.entry((pool, worker)).or_insert_with(|| Standing::new(worker));
        standing.checks = standing.checks.saturating_add(u64::from(strange));
    }

    /// A task has ended: if it was finalized, those who proved its result are credited, and a part of their pay may be withheld. The events
    /// since `told` are the hub's of the same act.
    pub(crate) fn credit(&mut self, task_id: TaskId, told: usize, events: &mut Vec<Event>) {
        // Of a task that came to nothing nobody has earned anything, even who showed its result.
        let Some(task) = self.hub.task(task_id).filter(|task| task.status == TaskStatus::Completed) else { return };
        let Some(deal) = self.hub.deal(task.deal) else { return };
        let pool = deal.workerpool.pointer;
        let Some(audits) = self.audits(pool) else { return };
        let proved = { task.contributions.iter() }.filter(|part| part.status == ContributionStatus::Proved);
        let told = events.get(told..).unwrap_or_default();
        let proved: Vec<(Address, bool, Amount)> = proved
            .map(|part| part.worker)
            .map(|worker| (worker, self.is_strange(deal, worker), reward_of(task_id, deal, worker, told)))
            .collect();
        let owners: BTreeSet<Address> = proved.iter().map(|(worker, ..)| self.owner_in(pool, *worker)).collect();
        let mutual = deal.trust > U256::ONE && owners.len() > 1;
        for (worker, strange, reward) in proved {
            let standing = self.standings.entry((pool, worker)).or_insert_with(|| Standing::new(worker));
            standing.accepted = standing.accepted.saturating_add(u64::from(strange));
            standing.checks = standing.checks.saturating_add(u64::from(strange && mutual));
            let missing = { reward.checked_mul(U256::from(audits.deposit_tasks)) }
                .and_then(|deposit| deposit.checked_sub(standing.withheld))
                .unwrap_or_default();
            let amount = reward.min(missing);
            if !amount.is_zero() {
                self.withhold(pool, worker, task_id, amount, events);
            }
        }
    }

    fn withhold(&mut self, pool: Address, worker: Address, task: TaskId, amount: Amount, events: &mut Vec<Event>) {
        let mut told = Vec::new();
        self.hub.withhold(worker, amount, &mut told).expect("what was just paid is free");
        events.extend(told.into_iter().map(Event::Hub));
        let standing = self.standings.get_mut(&(pool, worker)).expect("found above");
        standing.withheld = standing.withheld.checked_add(amount).expect("no more is withheld than there is");
        events.push(Event::Withheld { pool, worker, task, amount });
    }

    /// A worker was found to have lied: its deposit is the pool owner's, and nothing of its is held any more.
    pub(crate) fn bar(&mut self, pool: Address, worker: Address, task: TaskId, events: &mut Vec<Event>) {
        let standing = self.standings.entry((pool, worker)).or_insert_with(|| Standing::new(worker));
        standing.barred = true;
        let forfeited = std::mem::take(&mut standing.withheld);
        if !forfeited.is_zero() {
            let owner = self.hub.owner_of(pool).expect("a hosted pool has an owner");
            let mut told = Vec::new();
            self.hub.forfeit(worker, forfeited, owner, task, &mut told);
            events.extend(told.into_iter().map(Event::Hub));
        }
        events.push(Event::Barred { pool, worker, forfeited });
        for task in self.held_of(pool, worker) {
            self.drop_offer(task, worker);
            events.push(Event::Discarded { task, worker });
        }
    }

    /// A worker leaves a pool with its deposit: proven, and with nothing that could still be found wrong.
    pub(crate) fn leave_pool(
        &mut self,
        by: Address,
        pool: Address,
        worker: Address,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let standing = self.standing(pool, worker).ok_or(Refusal::Extension("no-standing"))?;
        let (owner, released) = (standing.owner, standing.withheld);
        if by != worker && by != owner {
            return Err(Refusal::InvalidSenderOrSignature);
        }
        if standing.barred {
            return Err(Refusal::Extension("worker-barred"));
        }
        let proven = self.audits(pool).is_none_or(|audits| standing.is_proven(&audits));
        if !proven && !released.is_zero() {
            return Err(Refusal::Extension("worker-not-proven"));
        }
        if !self.held_of(pool, worker).is_empty() {
            return Err(Refusal::Extension("results-unchecked"));
        }
        if !released.is_zero() {
            let mut told = Vec::new();
            self.hub.release(worker, released, &mut told);
            events.extend(told.into_iter().map(Event::Hub));
        }
        self.standings.insert((pool, worker), Standing::new(owner));
        events.push(Event::Left { pool, worker, released });
        Ok(())
    }

    /// The tasks of a pool of which something of this worker's is held.
    fn held_of(&self, pool: Address, worker: Address) -> Vec<TaskId> {
        let there = |deal| self.hub.deal(deal).is_some_and(|deal| deal.workerpool.pointer == pool);
        let held = { self.held.iter() }.filter(|(_, held)| held.offers.iter().any(|offer| offer.worker == worker));
        held.filter(|(_, held)| there(held.deal)).map(|(task, _)| *task).collect()
    }
}

/// What a worker was paid as a worker for a task. A pool owner's own worker has no deposit: it would forfeit it to itself.
fn reward_of(task: TaskId, deal: &Deal, worker: Address, events: &[Event]) -> Amount {
    if worker == deal.workerpool.owner {
        return Amount::ZERO;
    }
    let mut paid = Amount::ZERO;
    for event in events {
        if let Event::Hub(poco::Event::Reward { owner, amount, reference }) = event
            && *owner == worker
            && *reference == task.0
        {
            paid = paid.checked_add(*amount).unwrap_or(paid);
        }
    }
    let parts = [deal.app, deal.dataset];
    let otherwise = parts.iter().filter(|part| part.owner == worker && !part.pointer.is_zero()).map(|part| part.price);
    otherwise.fold(paid, |paid, price| paid.checked_sub(price).unwrap_or_default())
}
