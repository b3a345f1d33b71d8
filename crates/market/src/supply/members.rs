//! A pool's workers, and what they come to.

use super::crew::Member;
use std::collections::BTreeMap;
use units::Address;

/// Workers by address, with sums that are kept as they come, change and go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    all: BTreeMap<Address, Member>,
    slots: u128,
    power: u128,
}

impl Members {
    pub(super) fn get(&self, worker: Address) -> Option<&Member> {
        self.all.get(&worker)
    }

    pub(super) fn all(&self) -> &BTreeMap<Address, Member> {
        &self.all
    }

    /// Slots, together.
    pub(super) fn slots(&self) -> u64 {
        u64::try_from(self.slots).unwrap_or(u64::MAX)
    }

    /// Cores times speed, together.
    pub(super) fn power(&self) -> u64 {
        u64::try_from(self.power).unwrap_or(u64::MAX)
    }

    pub(super) fn insert(&mut self, worker: Address, member: Member) {
        self.remove(worker);
        self.add(&member);
        self.all.insert(worker, member);
    }

    /// Whether there was such a worker.
    pub(super) fn remove(&mut self, worker: Address) -> bool {
        let Some(member) = self.all.remove(&worker) else { return false };
        self.slots = self.slots.saturating_sub(slots(&member));
        self.power = self.power.saturating_sub(power(&member));
        true
    }

    /// Changes a worker, where there is one; whether that made it another.
    pub(super) fn change(&mut self, worker: Address, change: impl FnOnce(&mut Member)) -> bool {
        let Some(before) = self.all.get(&worker).cloned() else { return false };
        let mut member = before.clone();
        change(&mut member);
        let differs = member != before;
        if differs {
            self.insert(worker, member);
        }
        differs
    }

    // No sum of so few passes 128 bits.
    fn add(&mut self, member: &Member) {
        self.slots = self.slots.saturating_add(slots(member));
        self.power = self.power.saturating_add(power(member));
    }
}

fn slots(member: &Member) -> u128 {
    member.slots.into()
}

fn power(member: &Member) -> u128 {
    member.cores.saturating_mul(member.speed).into()
}
