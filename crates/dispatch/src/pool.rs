//! A pool's workers, indexed so that a grant costs the same however many there are.
//!
//! Workers that ask the same and can do the same make a class. In a class those who wait for work stand by rank: idle
//! machines first, those with recent faults later, sites that wish for load sooner, then those who hold less. Invariant: a
//! worker that waits and is not fresh can be given nothing of any job that is ready and set aside.

use crate::kin::Kin;
use crate::queue::Queue;
use crate::worker::Station;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use units::{Address, Amount, DealId, OrderHash, Tag, Timestamp};

/// How soon a waiting worker is served, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Tasks it holds for each core: 0 while a core is idle.
    pub(crate) load: usize,
    /// Recent faults.
    pub(crate) faults: u64,
    /// A hundred less its site's wish for load.
    pub(crate) cold: u8,
    /// Tasks it holds.
    pub(crate) held: usize,
}

/// A place among the waiting of a class: by rank, then owner.
pub(crate) type Place = (Rank, Address, Address);

/// What workers of a class ask and can.
pub(crate) type Kind = (BTreeMap<u64, Amount>, Tag);

/// Workers that ask the same and can do the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: Kind,
    /// Those connected, by owner.
    pub(crate) connected: BTreeMap<Address, BTreeSet<Address>>,
    /// Those who wait for work.
    pub(crate) hungry: BTreeSet<Place>,
    /// Owner and address of who was served last: of equals, the next one is served.
    pub(crate) cursor: (Address, Address),
}

impl Class {
    /// The next one who waits after `place`; with `skip_owner`, of those of equal rank the next of another owner.
    pub(crate) fn after(&self, place: Place, skip_owner: bool) -> Option<Place> {
        let (rank, owner, address) = place;
        let address = if skip_owner { Address::repeat_byte(0xff) } else { address };
        self.hungry.range((Bound::Excluded((rank, owner, address)), Bound::Unbounded)).next().copied()
    }
}

/// How a pool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolLoad {
    /// Workers connected.
    pub workers: u64,
    /// Their cores.
    pub cores: u64,
    /// Replicas that the live deals' tasks that have not ended need when all agree.
    pub replicas: u64,
    /// Tasks of live deals that have not ended.
    pub tasks: u64,
}

/// A pool's workers and the turns of its jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) classes: BTreeMap<u32, Class>,
    known: BTreeMap<Kind, u32>,
    last_class: u32,
    /// Those who wait and were not yet tried against the jobs that are ready.
    pub(crate) fresh: BTreeSet<(Rank, Address)>,
    /// When each deal is to be hurried.
    pub(crate) hurries: BTreeSet<(Timestamp, DealId)>,
    /// Who is connected and holds an app or a dataset.
    pub(crate) holders: BTreeMap<Address, BTreeSet<Address>>,
    /// Who is connected, by region.
    pub(crate) near: BTreeMap<String, BTreeSet<Address>>,
    /// Who was served last: of equals, the next one is served.
    pub(crate) cursor: Address,
    pub(crate) queue: Queue,
    /// Jobs that were set aside while the gate has workers wait.
    pub(crate) waiting: BTreeSet<OrderHash>,
    pub(crate) load: PoolLoad,
    /// Who is connected, by class of machines.
    pub(crate) kin: Kin,
}

impl Pool {
    /// Counts a worker that connected. Its class.
    pub(crate) fn enter(&mut self, station: &Station) -> u32 {
        let worker = &station.worker;
        let kind = (worker.floors.clone(), worker.tag);
        let class = *self.known.entry(kind.clone()).or_insert_with(|| {
            self.last_class = self.last_class.wrapping_add(1);
            self.classes.insert(self.last_class, Class { kind, ..Class::default() });
            self.last_class
        });
        let members = &mut self.classes.entry(class).or_default().connected;
        members.entry(worker.owner).or_default().insert(worker.address);
        for asset in station.assets() {
            self.holders.entry(*asset).or_default().insert(worker.address);
        }
        if let Some(region) = &worker.region {
            self.near.entry(region.clone()).or_default().insert(worker.address);
        }
        self.kin.enter(&worker.class, worker.owner);
        self.load.workers = self.load.workers.saturating_add(1);
        self.load.cores = self.load.cores.saturating_add(u64::from(worker.cores));
        class
    }

    /// Forgets a worker that is connected no more.
    pub(crate) fn leave(&mut self, station: &Station) {
        let worker = &station.worker;
        if let Some(class) = self.classes.get_mut(&station.class) {
            take(&mut class.connected, &worker.owner, worker.address);
            if class.connected.is_empty()
                && let Some(class) = self.classes.remove(&station.class)
            {
                self.known.remove(&class.kind);
            }
        }
        for asset in station.assets() {
            take(&mut self.holders, asset, worker.address);
        }
        if let Some(region) = &worker.region {
            take(&mut self.near, region, worker.address);
        }
        self.kin.leave(&worker.class, worker.owner);
        self.load.workers = self.load.workers.saturating_sub(1);
        self.load.cores = self.load.cores.saturating_sub(u64::from(worker.cores));
    }

    /// A worker is taken to hold an app or a dataset no more.
    pub(crate) fn forget_holder(&mut self, asset: Address, worker: Address) {
        take(&mut self.holders, &asset, worker);
    }

    /// Puts a worker in its place among those who wait, or takes it out.
    pub(crate) fn place(&mut self, station: &Station, before: Option<Rank>, after: Option<Rank>) {
        if before == after {
            return;
        }
        let (owner, address) = (station.worker.owner, station.worker.address);
        let Some(class) = self.classes.get_mut(&station.class) else { return };
        if let Some(rank) = before {
            class.hungry.remove(&(rank, owner, address));
        }
        if let Some(rank) = after {
            class.hungry.insert((rank, owner, address));
        }
    }
}

/// Takes a member from a set in a map, and an empty set from the map.
fn take<K: Ord>(map: &mut BTreeMap<K, BTreeSet<Address>>, key: &K, member: Address) {
    if let Some(members) = map.get_mut(key) {
        members.remove(&member);
        if members.is_empty() {
            map.remove(key);
        }
    }
}
