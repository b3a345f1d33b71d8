//! What a turn tells of workers and of the sides of deals: who delivered, who was late or wrong, who rated whom.

use super::Turn;
use exchange::Event;
use journal::history::{Change, PartOutcome, PartRow, RatingRow, StandingRow};
use poco::ContributionStatus;
use std::collections::BTreeSet;
use units::{Address, TaskId};

impl Turn<'_> {
    /// The rows; standings as they are after the turn.
    pub(super) fn conduct(&self, changes: &mut Vec<Change>) {
        let mut touched = BTreeSet::new();
        for event in self.events {
            if let Event::Hub(poco::Event::TaskFinalize { task, .. }) = event {
                self.parts(*task, &mut touched, changes);
            } else if let Event::Checked { task, worker, passed } = event {
                let outcome = if *passed { PartOutcome::Delivered } else { PartOutcome::Wrong };
                if let Some(pool) = self.pool_of(*task) {
                    touched.insert((pool, *worker));
                    changes.push(self.part(*task, pool, *worker, outcome));
                }
            } else if let Event::Enlisted { pool, worker, .. }
            | Event::Barred { pool, worker, .. }
            | Event::Left { pool, worker, .. } = event
            {
                touched.insert((*pool, *worker));
            } else if let Event::Rated { deal, rater, subject, performance, safety } = event {
                let (deal, rater, subject) = (*deal, *rater, *subject);
                let (performance, safety, at) = (*performance, *safety, self.at);
                changes.push(Change::Rating(RatingRow { deal, rater, subject, performance, safety, at }));
            }
        }
        for (pool, worker) in touched {
            let standing = self.exchange.standing(pool, worker);
            changes.push(Change::Standing(StandingRow {
                pool,
                worker,
                owner: self.exchange.owner_in(pool, worker),
                accepted: standing.map_or(0, |standing| standing.accepted),
                checks: standing.map_or(0, |standing| standing.checks),
                barred: standing.is_some_and(|standing| standing.barred),
                score: self.exchange.score(worker),
                at: self.at,
            }));
        }
    }

    /// How everybody's part in a task that was finalized turned out.
    fn parts(&self, id: TaskId, touched: &mut BTreeSet<(Address, Address)>, changes: &mut Vec<Change>) {
        let (Some(task), Some(pool)) = (self.exchange.task(id), self.pool_of(id)) else { return };
        for part in &task.contributions {
            let outcome = match part.status {
                ContributionStatus::Proved => PartOutcome::Delivered,
                ContributionStatus::Contributed if part.hash != task.consensus => PartOutcome::Wrong,
                ContributionStatus::Contributed | ContributionStatus::Rejected => PartOutcome::Late,
            };
            touched.insert((pool, part.worker));
            changes.push(self.part(id, pool, part.worker, outcome));
        }
    }

    fn part(&self, task: TaskId, pool: Address, worker: Address, outcome: PartOutcome) -> Change {
        Change::Part(PartRow { task, pool, worker, outcome, at: self.at })
    }

    /// The pool of a task that was opened, or of which something is held.
    fn pool_of(&self, task: TaskId) -> Option<Address> {
        let opened = self.exchange.task(task).map(|task| task.deal);
        let deal = opened.or_else(|| self.exchange.held(task).map(|held| held.deal))?;
        Some(self.exchange.deal(deal)?.workerpool.pointer)
    }
}
