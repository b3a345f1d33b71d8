//! The deals described to this worker, and which of them are ready to be run.

use crate::kit::Kit;
use api::worker::DealBrief;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use units::{DealId, TaskId};

/// Deals kept ready without a task in hand; their files stay in the cache.
const READY: usize = 64;
/// Deals remembered at all. Who is given a task of one that was forgotten connects anew, and is told again.
const REMEMBERED: usize = 65_536;

/// What is known of deals.
#[derive(Debug, Default)]
pub(super) struct Deals {
    known: BTreeMap<DealId, Deal>,
    /// Those in `known`, in the order in which they were described.
    described: VecDeque<DealId>,
    /// Those that are ready, in the order in which they came to be.
    ready: VecDeque<DealId>,
}

#[derive(Debug)]
struct Deal {
    brief: DealBrief,
    kit: KitState,
    /// Tasks in hand.
    tasks: u32,
}

#[derive(Debug)]
enum KitState {
    Absent,
    /// Being loaded, for these tasks.
    Loading(Vec<TaskId>),
    Ready(Arc<Kit>),
}

/// What to do for a task of a deal.
#[derive(Debug)]
pub(super) enum Outfit {
    /// All that its deal needs is there.
    Ready(Arc<Kit>),
    /// Load the deal; the task is noted.
    Load(Box<DealBrief>),
    /// The deal is being loaded; the task is noted.
    Wait,
}

impl Deals {
    /// A deal was described.
    pub(super) fn describe(&mut self, brief: DealBrief) {
        let id = brief.deal;
        if self.known.contains_key(&id) {
            return;
        }
        self.known.insert(id, Deal { brief, kit: KitState::Absent, tasks: 0 });
        self.described.push_back(id);
        for _ in REMEMBERED..self.described.len() {
            let Some(oldest) = self.described.pop_front() else { break };
            if self.known.get(&oldest).is_some_and(|deal| deal.tasks > 0) {
                self.described.push_back(oldest);
            } else {
                self.known.remove(&oldest);
                self.ready.retain(|ready| *ready != oldest);
            }
        }
    }

    /// What was described of a deal.
    pub(super) fn brief(&self, deal: &DealId) -> Option<&DealBrief> {
        self.known.get(deal).map(|deal| &deal.brief)
    }

    /// A task of a deal was taken in hand.
    pub(super) fn taken(&mut self, deal: &DealId) {
        if let Some(deal) = self.known.get_mut(deal) {
            deal.tasks = deal.tasks.saturating_add(1);
        }
    }

    /// A task of a deal is no longer in hand.
    pub(super) fn freed(&mut self, deal: &DealId) {
        if let Some(deal) = self.known.get_mut(deal) {
            deal.tasks = deal.tasks.saturating_sub(1);
        }
    }

    /// What to do for a task in hand.
    pub(super) fn outfit(&mut self, deal: &DealId, task: TaskId) -> Option<Outfit> {
        let deal = self.known.get_mut(deal)?;
        Some(match &mut deal.kit {
            KitState::Ready(kit) => Outfit::Ready(Arc::clone(kit)),
            KitState::Loading(tasks) => {
                tasks.push(task);
                Outfit::Wait
            }
            KitState::Absent => {
                deal.kit = KitState::Loading(vec![task]);
                Outfit::Load(Box::new(deal.brief.clone()))
            }
        })
    }

    /// A deal was loaded, or could not be; gives the tasks noted.
    pub(super) fn loaded(&mut self, id: DealId, kit: Option<Arc<Kit>>) -> Vec<TaskId> {
        let Some(deal) = self.known.get_mut(&id) else { return Vec::new() };
        let became = kit.map_or(KitState::Absent, KitState::Ready);
        let is_ready = matches!(became, KitState::Ready(_));
        let tasks = match std::mem::replace(&mut deal.kit, became) {
            KitState::Loading(tasks) => tasks,
            KitState::Absent | KitState::Ready(_) => Vec::new(),
        };
        if is_ready {
            self.ready.push_back(id);
            self.unload_idle();
        }
        tasks
    }

    /// What was loaded of a deal is not good any more.
    pub(super) fn spoiled(&mut self, id: DealId) {
        if let Some(deal) = self.known.get_mut(&id)
            && matches!(deal.kit, KitState::Ready(_))
        {
            deal.kit = KitState::Absent;
            self.ready.retain(|ready| *ready != id);
        }
    }

    fn unload_idle(&mut self) {
        while self.ready.len() > READY {
            let idle = |id: &DealId| self.known.get(id).is_none_or(|deal| deal.tasks == 0);
            let Some(place) = self.ready.iter().position(idle) else { break };
            if let Some(deal) = self.ready.remove(place).and_then(|id| self.known.get_mut(&id)) {
                deal.kit = KitState::Absent;
            }
        }
    }
}
