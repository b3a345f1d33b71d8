//! Homogeneous classes: tasks whose results are equal to the byte only on machines of one class.
//!
//! A machine states its class in its hello, and whoever states a wrong one differs, and is a dissenter. The first replica's
//! class binds the task's others. A task is begun on machines of a class that has enough of them, where one has. When the class
//! that a task is bound to has gone, what was stated is dropped after the category's time, and paid for: another class begins anew.

use crate::classes::Check;
use crate::decision::Decision;
use crate::open::Open;
use crate::worker::Station;
use crate::{Bag, Dispatch};
use std::collections::BTreeMap;
use units::{Address, TaskId, Timestamp};

/// The connected machines of each class, by owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kin {
    by_class: BTreeMap<String, BTreeMap<Address, usize>>,
}

impl Kin {
    pub(crate) fn enter(&mut self, class: &str, owner: Address) {
        let machines = self.by_class.entry(class.to_owned()).or_default().entry(owner).or_default();
        *machines = machines.saturating_add(1);
    }

    pub(crate) fn leave(&mut self, class: &str, owner: Address) {
        let Some(owners) = self.by_class.get_mut(class) else { return };
        if let Some(machines) = owners.get_mut(&owner) {
            *machines = machines.saturating_sub(1);
            if *machines == 0 {
                owners.remove(&owner);
            }
        }
        if owners.is_empty() {
            self.by_class.remove(class);
        }
    }

    fn count(owners: &BTreeMap<Address, usize>, each_machine: bool) -> usize {
        if each_machine { owners.values().fold(0, |sum, it| sum.saturating_add(*it)) } else { owners.len() }
    }

    /// Whether a class has so many owners (or machines), or none has.
    fn suffices(&self, class: &str, needed: usize, each_machine: bool) -> bool {
        let enough = |owners: &BTreeMap<Address, usize>| Self::count(owners, each_machine) >= needed;
        self.by_class.get(class).is_some_and(enough) || !self.by_class.values().any(enough)
    }
}

impl Dispatch {
    /// Whether a worker is of the class that an open task is bound to, where it is bound to one.
    pub(crate) fn is_kin(&self, station: &Station, open: &Open) -> bool {
        let bound = self.bags.get(&open.deal).is_some_and(|bag| bag.terms.check == Check::SameClass);
        if !bound || open.said.is_empty() && open.leases.is_empty() {
            return true;
        }
        let stated = open.said.iter().filter(|it| !it.failed).map(|it| &it.worker);
        // Of whom it is not known since a restart what it is, nobody is kin until it comes back.
        let mut parts = stated.chain(open.leases.keys()).map(|worker| self.workers.get(worker));
        match parts.next() {
            Some(first) => first.is_some_and(|it| it.worker.class == station.worker.class),
            None => true,
        }
    }

    /// Whether a task of the deal may be begun by a worker: others of its class can do the replicas.
    pub(crate) fn may_bind(&self, station: &Station, bag: &Bag) -> bool {
        if bag.terms.check != Check::SameClass {
            return true;
        }
        let checked = usize::from(self.audits_of(bag).is_some()).saturating_add(1);
        let needed = usize::try_from(crate::newcomers_needed(bag.terms.trust)).unwrap_or(usize::MAX).max(checked);
        let pool = self.pools.get(&bag.terms.pool);
        pool.is_none_or(|pool| pool.kin.suffices(&station.worker.class, needed, self.private))
    }

    /// Sees that a task is looked at again in case its class of machines goes away.
    pub(crate) fn watch_kin(&mut self, at: Timestamp, task: TaskId) {
        let bag = self.open.get(&task).and_then(|open| self.bags.get(&open.deal));
        if let Some(bag) = bag.filter(|bag| bag.terms.check == Check::SameClass) {
            self.alarms.insert((at.saturating_add(bag.terms.time), task));
        }
    }

    /// Lets go of what was stated by a class of machines that has no more of them, where another can do the task.
    pub(crate) fn rebind(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal).filter(|bag| bag.terms.check == Check::SameClass) else { return };
        let long_since = |said: Timestamp| at >= said.saturating_add(bag.terms.time);
        let waited = open.attempts.iter().filter_map(|it| it.stated).min().is_some_and(long_since);
        let begun = open.said.iter().any(|it| it.let_through) || !open.leases.is_empty() || open.said.is_empty();
        if begun || !waited || at >= crate::gate::last_call(bag) || self.more_to_be_had(task) {
            return;
        }
        let bound = open.said.iter().find_map(|it| self.workers.get(&it.worker)).map(|it| &it.worker.class);
        let others = self.workers.values().filter(|it| it.connected && it.worker.pool == bag.terms.pool);
        let free = |it: &&Station| !open.touched.contains(&it.worker.address) && self.is_stranger_to(it, open);
        if !others.filter(free).any(|it| Some(&it.worker.class) != bound && self.may_bind(it, bag)) {
            return;
        }
        let workers: Vec<Address> = open.said.iter().map(|it| it.worker).collect();
        for worker in workers {
            decisions.push(Decision::PayWitness { task, worker, asks: self.asked(task, worker) });
            self.drop_statement(task, worker);
            decisions.push(Decision::Discard { task, worker });
        }
    }
}
