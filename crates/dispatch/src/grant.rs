//! Grants: which worker gets which task next.

use crate::decision::Decision;
use crate::open::{Open, Phase};
use crate::weight::Weight;
use crate::worker::{Station, Worker};
use crate::{Bag, Dispatch};
use units::{Address, Amount, DealId, TaskId, Timestamp};

/// How many tasks that want a replica are tried for a worker before a new task is opened for it.
const SCAN: usize = 64;

impl Dispatch {
    /// Grants tasks to workers with free slots, one each in turn, until nobody can be given more. `purse` says what an
    /// account can spend: a worker that cannot stake gets no task that asks for it.
    pub fn grants(&mut self, at: Timestamp, purse: &impl Fn(Address) -> Amount, decisions: &mut Vec<Decision>) {
        if !std::mem::take(&mut self.stirred) {
            return;
        }
        let mut hungry: Vec<Address> = self.hungry.iter().copied().collect();
        while !hungry.is_empty() {
            hungry.retain(|worker| self.grant_one(at, *worker, purse, decisions));
        }
    }

    /// Grants one task to a worker; whether it can take more.
    fn grant_one(
        &mut self,
        at: Timestamp,
        worker: Address,
        purse: &impl Fn(Address) -> Amount,
        decisions: &mut Vec<Decision>,
    ) -> bool {
        let Some((deal, index, task)) = self.next_for(at, worker, purse(worker)) else { return false };
        let station = self.workers.get_mut(&worker).expect("a hungry worker is known");
        let bag = self.bags.get_mut(&deal).expect("a granted task has its deal");
        let until = bag.lease_until(at, Phase::Fetch, station.holding.len(), &self.clocks);
        let open = self.open.entry(task).or_insert_with(|| {
            bag.open_index(task, index);
            Open::new(deal, index)
        });
        open.lease(worker, Phase::Fetch, until);
        self.alarms.insert((until, task));
        station.holding.insert(task);
        station.free = station.free.saturating_sub(1);
        let full = station.free == 0;
        let (pool, request, end) = (bag.terms.pool, bag.terms.request, bag.terms.until);
        if full {
            self.hungry.remove(&worker);
        }
        self.queues.get_mut(&pool).expect("a deal's pool has a queue").served(request);
        self.reconsider(task);
        decisions.push(Decision::Grant { worker, task, deal, index, until: end });
        !full
    }

    /// The next task for a worker: of the jobs in turn, first one that is begun and wants a replica, else a new one.
    fn next_for(&mut self, at: Timestamp, worker: Address, purse: Amount) -> Option<(DealId, u64, TaskId)> {
        let station = self.workers.get(&worker)?;
        if self.barred_from(station.worker.pool, worker) {
            return None;
        }
        let queue = self.queues.get(&station.worker.pool)?;
        let mut fresh = None;
        'jobs: for (request, deals) in queue.in_turn() {
            if station.quarantined.contains(&request) {
                continue;
            }
            for deal in deals {
                let bag = self.bags.get(deal)?;
                let terms = &bag.terms;
                if at >= terms.until || terms.stake > purse || !station.accepts(terms.category, terms.pay) {
                    continue;
                }
                let begun = bag.wanting.iter().take(SCAN).find(|(_, task)| self.may_join(station, *task));
                if let Some((index, task)) = begun {
                    return Some((*deal, *index, *task));
                }
                if bag.unopened() > 0 && self.may_begin(station, bag) {
                    fresh = Some(*deal);
                    break 'jobs;
                }
            }
        }
        let deal = fresh?;
        let index = self.bags.get_mut(&deal)?.peek()?;
        Some((deal, index, orders::ids::task_id(deal, units::U256::from(index))))
    }

    /// Whether a worker may have a replica of an open task: it never had one, and nobody of the same owner has.
    fn may_join(&self, station: &Station, task: TaskId) -> bool {
        let open = self.open.get(&task).expect("a task that wants workers is open");
        !open.touched.contains(&station.worker.address)
            && self.is_stranger_to(station, open)
            && self.may_check(station, open)
    }

    /// Whether nobody else who takes part in the task has the same owner.
    pub(crate) fn is_stranger_to(&self, station: &Station, open: &Open) -> bool {
        let Worker { address, owner, .. } = &station.worker;
        let others = open.touched.iter().filter(|other| *other != address);
        self.private || others.filter_map(|other| self.workers.get(other)).all(|other| other.worker.owner != *owner)
    }

    /// Whether somebody connected could still be given a replica of the task.
    pub(crate) fn more_to_be_had(&self, task: TaskId) -> bool {
        let open = self.open.get(&task).expect("the task is open");
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        let terms = &bag.terms;
        self.workers.values().any(|station| {
            station.connected
                && station.worker.pool == terms.pool
                && station.accepts(terms.category, terms.pay)
                && !station.quarantined.contains(&terms.request)
                && self.may_join(station, task)
        })
    }

    /// Puts the task among those that want another worker, or takes it from there.
    pub(crate) fn reconsider(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let wants = open.settled_on.is_none() && !self.foreseen(open, bag);
        let (place, deal) = ((open.index, task), open.deal);
        let bag = self.bags.get_mut(&deal).expect("the deal was there just now");
        if wants {
            self.stirred |= bag.wanting.insert(place);
        } else {
            bag.wanting.remove(&place);
        }
    }

    /// Whether consensus is to be expected from what is stated and what is still running, if all who run agree with the
    /// weightiest statement.
    fn foreseen(&self, open: &Open, bag: &Bag) -> bool {
        if let Some(foreseen) = self.audit_foresees(open, bag) {
            return foreseen;
        }
        let pending = open.leases.keys().fold(Weight::ONE, |product, worker| product.times(self.weight(open, *worker)));
        let best = self.best_group(open);
        let weight = best.as_ref().map_or(Weight::ONE, |group| group.weight).times(pending);
        let members = best.as_ref().map_or(0, |group| group.members.len()).saturating_add(open.leases.len());
        let against = best.as_ref().map_or(Weight::NONE, |group| self.dissent(open, group.hash));
        let needs_witness = best.as_ref().is_some_and(|group| group.failed);
        members > 0 && self.enough(bag, weight, against, members) && (!needs_witness || members >= 2)
    }
}
