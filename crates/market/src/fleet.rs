//! The machines of each pool by kind, so that how many stand behind an offer is known without asking each.

use dispatch::Worker;
use orders::WorkerpoolOrder;
use std::collections::BTreeMap;
use units::{Address, Amount, Tag};

/// What machines have in common that would work for the same offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    pool: Address,
    tag: Tag,
    /// What it asks for a task by category; for none, if it names none.
    floors: BTreeMap<u64, Amount>,
}

/// The machines that are connected. Invariant: a kind's count is that of the machines of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fleet {
    machines: BTreeMap<Address, Kind>,
    kinds: BTreeMap<Kind, u64>,
}

impl Fleet {
    pub(crate) fn joined(&mut self, worker: &Worker) {
        self.left(worker.address);
        let kind = Kind { pool: worker.pool, tag: worker.tag, floors: worker.floors.clone() };
        let count = self.kinds.entry(kind.clone()).or_default();
        *count = count.saturating_add(1);
        self.machines.insert(worker.address, kind);
    }

    pub(crate) fn left(&mut self, worker: Address) {
        let Some(kind) = self.machines.remove(&worker) else { return };
        let count = self.kinds.get_mut(&kind).expect("a machine is counted among its kind");
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.kinds.remove(&kind);
        }
    }

    /// Machines that are connected.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.machines.len()).expect("machines can be counted")
    }

    /// Machines of the offer's pool that have what it promises and ask no more than the `pay` that it leaves them.
    pub(crate) fn behind(&self, offer: &WorkerpoolOrder, pay: Amount) -> u64 {
        let category: u64 = offer.category.saturating_to();
        let works = |kind: &Kind| {
            let floor = if kind.floors.is_empty() { Some(&Amount::ZERO) } else { kind.floors.get(&category) };
            floor.is_some_and(|floor| *floor <= pay) && offer.tag.is_subset_of(kind.tag)
        };
        self.kinds(offer.workerpool)
            .filter(|(kind, _)| works(kind))
            .map(|(_, count)| count)
            .fold(0, u64::saturating_add)
    }

    fn kinds(&self, pool: Address) -> impl Iterator<Item = (&Kind, u64)> {
        let first = Kind { pool, tag: Tag::NONE, floors: BTreeMap::new() };
        self.kinds.range(first..).take_while(move |(kind, _)| kind.pool == pool).map(|(kind, count)| (kind, *count))
    }
}
