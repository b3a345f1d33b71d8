//! Policy from the exchange's state, after a restart.

use crate::Market;
use crate::jobs::TaskEnd;
use dispatch::Statement;
use poco::{ContributionStatus, TaskStatus};
use std::collections::BTreeSet;
use units::{Address, DealId, OrderHash, TaskId, U256};

impl Market {
    pub(crate) fn rebuild(&mut self) {
        let resting: Vec<_> = self.exchange.orders().map(|(hash, order, left)| (hash, order.kind(), left)).collect();
        for (hash, kind, remaining) in resting {
            self.order_placed(kind, hash, remaining);
        }
        let deals: Vec<(DealId, OrderHash)> = self.exchange.live_deals().collect();
        for (deal, request) in deals {
            self.deal_matched(deal, request);
            if self.deals.contains_key(&deal) {
                self.resume(deal, request);
            }
        }
        self.supply.capacity_changed();
    }

    /// Takes up a live deal's tasks where they stand.
    fn resume(&mut self, deal: DealId, request: OrderHash) {
        let begun: Vec<(TaskId, U256)> = self.exchange.tasks_of(deal).collect();
        let mut ended = BTreeSet::new();
        let mut open = Vec::new();
        for (task, index) in begun {
            let state = self.exchange.hub().task(task);
            let status = state.map(|state| state.status);
            let terms = self.exchange.hub().deal(deal).expect("a live deal is there");
            match status {
                Some(TaskStatus::Completed) => {
                    let failed = state.is_some_and(|state| crate::decide::says_failed(&state.results));
                    self.jobs.ended(request, terms, TaskEnd::Finished { failed });
                    ended.insert(index.saturating_to());
                }
                Some(TaskStatus::Failed) => {
                    self.jobs.ended(request, terms, TaskEnd::Claimed);
                    ended.insert(index.saturating_to());
                }
                Some(TaskStatus::Active | TaskStatus::Revealing) | None => open.push((task, index.saturating_to())),
            }
        }
        self.dispatch.resume_deal(deal, &ended);
        for (task, index) in open {
            self.resume_task(deal, task, index);
        }
    }

    fn resume_task(&mut self, deal: DealId, task: TaskId, index: u64) {
        let held: Vec<(Address, Statement)> = self
            .exchange
            .held_of(task)
            .map(|(worker, held)| {
                (worker, Statement { worker, hash: held.hash(), failed: held.failed(), let_through: false })
            })
            .collect();
        for (_, statement) in held {
            self.dispatch.restore_statement(deal, index, statement);
        }
        let Some(state) = self.exchange.hub().task(task) else { return };
        let mut winners = BTreeSet::new();
        let mut shown = Vec::new();
        for part in &state.contributions {
            let (worker, hash) = (part.worker, part.hash);
            let statement = Statement { worker, hash, failed: false, let_through: true };
            self.dispatch.restore_statement(deal, index, statement);
            if hash == state.consensus && part.status != ContributionStatus::Rejected {
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
