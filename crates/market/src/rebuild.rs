//! Policy from the exchange's state, after a restart.

use crate::Market;
use crate::jobs::TaskEnd;
use dispatch::Statement;
use exchange::AnyOrder;
use poco::{ContributionStatus, TaskStatus};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, DealId, OrderHash, TaskId, U256};

/// By worker and task.
type Places = BTreeMap<(Address, TaskId), u64>;

impl Market {
    pub(crate) fn rebuild(&mut self) {
        self.audit_pools();
        self.restore_standings();
        let resting: Vec<_> = self
            .exchange
            .resting()
            .map(|order| (order.kind(), order.hash(), self.exchange.remaining_volume(order)))
            .collect();
        for (kind, hash, remaining) in resting {
            self.order_placed(kind, hash, remaining);
            if let Some(AnyOrder::Workerpool(order)) = self.exchange.resting_order(hash) {
                self.supply.found(order.order(), hash);
            }
        }
        let deals: Vec<DealId> = self.exchange.active_deals().map(|(deal, _)| deal).collect();
        let places = self.places();
        for deal in deals {
            let request = self.exchange.request_of(deal).expect("a live deal serves a request");
            self.deal_matched(deal, request, None);
            if self.deals.contains_key(&deal) {
                self.resume(deal, request, &places);
            }
        }
        self.supply.capacity_changed();
    }

    /// The place of each statement that is held among those of its worker, as far as the exchange knows in which of the worker's
    /// batches it came.
    fn places(&self) -> Places {
        let mut stated: BTreeMap<Address, BTreeSet<(u64, TaskId)>> = BTreeMap::new();
        for (task, holding) in self.exchange.all_held() {
            for held in holding.offers.iter().filter(|held| held.sequence > 0) {
                stated.entry(held.worker).or_default().insert((held.sequence, task));
            }
        }
        let ordered = |(worker, tasks): (Address, BTreeSet<(u64, TaskId)>)| {
            (0_u64..).zip(tasks).map(move |(place, (_, task))| ((worker, task), place))
        };
        stated.into_iter().flat_map(ordered).collect()
    }

    /// Takes up a live deal's tasks where they stand.
    fn resume(&mut self, deal: DealId, request: OrderHash, places: &Places) {
        let terms = self.exchange.deal(deal).expect("a live deal is there");
        let (first, size): (u64, u64) = (terms.bot_first.saturating_to(), terms.bot_size.saturating_to());
        let mut ended: BTreeSet<u64> = (first..first.saturating_add(size)).collect();
        let mut begun = Vec::new();
        for (index, task, state) in self.exchange.unfinished_tasks(deal) {
            ended.remove(&index.saturating_to());
            if state.is_some() || self.exchange.held(task).is_some() {
                begun.push((index.saturating_to(), task));
            }
        }
        for index in &ended {
            let task = self.exchange.task(orders::ids::task_id(deal, U256::from(*index)));
            let task = task.expect("a task that ended keeps its record while its deal lives");
            let end = match task.status {
                TaskStatus::Failed => TaskEnd::Claimed,
                TaskStatus::Active | TaskStatus::Revealing | TaskStatus::Completed => {
                    TaskEnd::Finished { failed: crate::decide::says_failed(&task.results) }
                }
            };
            self.jobs.ended(request, terms, end);
        }
        self.dispatch.resume_deal(deal, &ended);
        for (index, task) in begun {
            self.resume_task(deal, task, index, places);
        }
    }

    fn resume_task(&mut self, deal: DealId, task: TaskId, index: u64, places: &Places) {
        for held in self.exchange.held(task).into_iter().flat_map(|holding| &holding.offers) {
            let hash = crate::observe::hash_of(&held.offer);
            let statement = Statement { worker: held.worker, hash, failed: held.failed, let_through: false };
            let place = places.get(&(held.worker, task)).copied();
            self.dispatch.restore_statement(deal, index, statement, place);
        }
        let judged = self.exchange.held(task).into_iter().flat_map(|holding| holding.judged.keys());
        for worker in judged {
            self.dispatch.restore_judged(task, *worker);
        }
        self.tell_known_answer(task);
        let Some(state) = self.exchange.task(task) else { return };
        let mut winners = BTreeSet::new();
        let mut shown = Vec::new();
        for part in &state.contributions {
            let (worker, hash) = (part.worker, part.hash);
            if part.status == ContributionStatus::Rejected {
                self.dispatch.restore_rejected(deal, index, worker);
                continue;
            }
            let statement = Statement { worker, hash, failed: false, let_through: true };
            self.dispatch.restore_statement(deal, index, statement, None);
            if hash == state.consensus {
                winners.insert(worker);
            }
            if part.status == ContributionStatus::Proved {
                shown.push(worker);
            }
        }
        if state.status == TaskStatus::Revealing {
            self.dispatch.resume_agreement(task, winners, shown, state.reveal_deadline);
        }
    }
}
