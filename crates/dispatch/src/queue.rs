//! Whose turn it is in a pool: jobs take turns, so that a short one is not stuck behind a long one.

use std::collections::{BTreeMap, VecDeque};
use units::{DealId, OrderHash};

/// How a deal's tasks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Not begun.
    pub waiting: u64,
    /// Begun and not ended.
    pub open: u64,
    /// Of those, how many some worker holds.
    pub running: u64,
    /// Leases in all.
    pub replicas: u64,
    /// Ended.
    pub ended: u64,
}

/// What dispatch keeps, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Live deals.
    pub deals: usize,
    /// Jobs in turn, over all pools.
    pub queued: usize,
    /// Tasks begun and not ended.
    pub open: usize,
    /// Leases on them.
    pub leases: usize,
    /// Tasks that workers hold: as many as leases.
    pub held: usize,
    /// Things that wait on time.
    pub alarms: usize,
    /// Packages to be asked for.
    pub unasked: usize,
}

/// The jobs of a pool in turn, each with its deals, oldest first. Invariant: a job in turn has a deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    turn: VecDeque<OrderHash>,
    deals: BTreeMap<OrderHash, VecDeque<DealId>>,
}

impl Queue {
    pub(crate) fn add(&mut self, request: OrderHash, deal: DealId) {
        let deals = self.deals.entry(request).or_default();
        if deals.is_empty() {
            self.turn.push_back(request);
        }
        deals.push_back(deal);
    }

    pub(crate) fn remove(&mut self, request: OrderHash, deal: DealId) {
        let Some(deals) = self.deals.get_mut(&request) else { return };
        deals.retain(|it| *it != deal);
        if deals.is_empty() {
            self.deals.remove(&request);
            self.turn.retain(|it| *it != request);
        }
    }

    /// How many jobs are in turn.
    pub(crate) fn len(&self) -> usize {
        self.turn.len()
    }

    /// The jobs in turn, each with its deals.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = (OrderHash, &VecDeque<DealId>)> {
        self.turn.iter().map(|request| (*request, self.deals.get(request).expect("a job in turn has a deal")))
    }

    /// The job was served: the others are next.
    pub(crate) fn served(&mut self, request: OrderHash) {
        if let Some(place) = self.turn.iter().position(|it| *it == request) {
            self.turn.remove(place);
            self.turn.push_back(request);
        }
    }
}
