//! A pool's workers, and what they come to.

use super::crew::Member;
use super::split::Weight;
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

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.all.len()).expect("machines fit 64 bits")
    }

    /// Whether that made the worker another.
    pub(super) fn set_weight(&mut self, worker: Address, weight: Weight) -> bool {
        let member = self.all.get_mut(&worker);
        member.is_some_and(|member| std::mem::replace(&mut member.weight, weight) != weight)
    }

    /// Whether that made the worker another.
    pub(super) fn set_speed(&mut self, worker: Address, speed: u64) -> bool {
        let Some(member) = self.all.get_mut(&worker).filter(|member| member.speed != speed) else { return false };
        self.power = self.power.saturating_sub(power(member));
        member.speed = speed;
        self.power = self.power.saturating_add(power(member));
        true
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

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch::Worker;

    const NEW: Weight = Weight { poco: 1, gate: 1 };

    fn member(cores: u32, speed: u64) -> Member {
        Member::new(&Worker { cores, slots: cores, ..Worker::default() }, NEW, speed, true)
    }

    fn sums(members: &Members) -> (u64, u64, u64) {
        (members.count(), members.slots(), members.power())
    }

    #[test]
    fn the_sums_are_those_of_whoever_is_there() {
        let [first, second] = [1, 2].map(Address::with_last_byte);
        let mut members = Members::default();
        members.insert(first, member(4, 1_000));
        members.insert(second, member(2, 500));
        assert_eq!(sums(&members), (2, 6, 5_000));
        members.insert(first, member(1, 1_000));
        assert_eq!(sums(&members), (2, 3, 2_000), "who comes anew is there once");
        assert!(members.set_speed(second, 250) && !members.set_speed(second, 250));
        assert_eq!(sums(&members), (2, 3, 1_500));
        assert!(!members.set_weight(second, NEW), "nothing is other than before");
        assert!(members.set_weight(second, Weight { poco: 2, gate: 2 }));
        assert!(members.remove(first) && !members.remove(first));
        assert_eq!(sums(&members), (1, 2, 500));
    }
}
