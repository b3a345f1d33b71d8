//! A task's end: paid, or failed and paid back.

use crate::consensus::{Backing, Scheduler, Sealed, require, reveal_deadline};
use crate::deal::{Contribution, ContributionStatus, Deal, Task, TaskStatus};
use crate::hub::Hub;
use crate::money::{percent, ratio, share};
use crate::{Event, KITTY_ADDRESS, KITTY_MIN, KITTY_RATIO, Refusal};
use alloy_primitives::keccak256;
use std::collections::BTreeSet;
use units::{Address, Amount, B256, Bytes, DealId, TaskId, Timestamp, U256};

/// A right worker's new score is one more; a wrong one keeps two thirds.
const SCORE_KEPT: (u64, u64) = (2, 3);

/// A result in the clear, for a task that takes one worker's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result's digest.
    pub digest: B256,
    /// What is said about where the result is.
    pub results: Bytes,
    /// The data for the deal's callback; empty for none.
    pub callback: Bytes,
}

/// What a contributor gets at the end.
struct Settlement {
    worker: Address,
    proved: bool,
    reward: Amount,
    score: Option<U256>,
}

/// Everything that finalizing pays, computed before anything is paid.
struct Payout {
    kitty: Amount,
    settlements: Vec<Settlement>,
    scheduler: Amount,
}

/// With a callback, or data for one, the digest is the data's hash.
fn callback_fits(deal: &Deal, callback: &[u8], digest: B256) -> bool {
    (deal.callback.is_zero() && callback.is_empty()) || keccak256(callback) == digest
}

impl Hub {
    /// Finishes a task whose result was shown: everybody is paid, scores move (`finalize`).
    ///
    /// # Errors
    /// [`Refusal::Silent`] unless all who agreed have shown it, or some have and the time for it is over; before the final
    /// deadline; with a callback's data that hashes to the digest; asked by whom it behoves.
    pub fn finalize(
        &mut self,
        task_id: TaskId,
        by: Scheduler,
        results: Bytes,
        callback: Bytes,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_scheduler(task_id, by)?;
        let task = self.tasks.get(&task_id).ok_or(Refusal::Silent)?;
        let deal = self.deals.get(&task.deal).expect("a task has its deal").clone();
        require(task.status == TaskStatus::Revealing)?;
        require(now < task.final_deadline)?;
        let all_shown = task.reveal_counter == task.winner_counter;
        require(all_shown || (task.reveal_counter > 0 && task.reveal_deadline <= now))?;
        require(callback_fits(&deal, &callback, task.result_digest))?;
        let payout = self.payout(&deal, task)?;

        self.settle_success(&deal, task_id, payout.kitty, events);
        for settlement in payout.settlements {
            self.settle_contribution(&deal, task_id, &settlement, events);
        }
        self.reward(deal.workerpool.owner, payout.scheduler, task_id, events);
        let task = self.tasks.get_mut(&task_id).expect("found above");
        task.status = TaskStatus::Completed;
        task.results = results.clone();
        task.results_callback = callback;
        events.push(Event::TaskFinalize { task: task_id, results });
        Ok(())
    }

    /// One worker's word is enough: contributes, reveals and finalizes at once, without stake and score
    /// (`contributeAndFinalize`).
    ///
    /// # Errors
    /// [`Refusal::Silent`] unless the deal's trust is 1, nobody contributed, and there is time; then as the backing says.
    pub fn contribute_and_finalize(
        &mut self,
        task_id: TaskId,
        worker: Address,
        outcome: Outcome,
        backing: Backing,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let task = self.tasks.get(&task_id).ok_or(Refusal::Silent)?;
        let deal = self.deals.get(&task.deal).expect("a task has its deal").clone();
        require(task.status == TaskStatus::Active)?;
        require(now < task.contribution_deadline)?;
        require(task.contributions.is_empty())?;
        require(deal.trust == U256::ONE)?;
        require(callback_fits(&deal, &outcome.callback, outcome.digest))?;
        self.check_backing(&deal, backing)?;
        let reveal_deadline = reveal_deadline(task, now)?;
        let kitty = self.kitty_draw()?;
        let reward = workers_part(deal.workerpool.price, &deal)?;
        let rest = deal.workerpool.price.checked_sub(reward).expect("a part is no more than the whole");

        let sealed = Sealed::new(worker, task_id, outcome.digest);
        self.settle_success(&deal, task_id, kitty, events);
        self.reward(worker, reward, task_id, events);
        self.reward(deal.workerpool.owner, rest, task_id, events);
        let task = self.tasks.get_mut(&task_id).expect("found above");
        task.contributions.push(Contribution {
            worker,
            status: ContributionStatus::Proved,
            hash: sealed.hash,
            seal: sealed.seal,
            enclave: backing.enclave,
            weight: 0,
        });
        task.status = TaskStatus::Completed;
        task.consensus = sealed.hash;
        task.reveal_deadline = reveal_deadline;
        task.reveal_counter = 1;
        task.winner_counter = 1;
        task.result_digest = outcome.digest;
        task.results = outcome.results.clone();
        task.results_callback = outcome.callback;
        events.push(Event::TaskContribute { task: task_id, worker, hash: sealed.hash });
        events.push(Event::TaskConsensus { task: task_id, consensus: sealed.hash });
        events.push(Event::TaskReveal { task: task_id, worker, digest: outcome.digest });
        events.push(Event::TaskFinalize { task: task_id, results: outcome.results });
        Ok(())
    }

    /// Ends a task that was not done in time: the payer has the price back, the pool's stake goes to the kitty,
    /// contributors have theirs back (`claim`). Anybody may.
    ///
    /// # Errors
    /// [`Refusal::Silent`] unless the task is unfinished and its final deadline has come.
    pub fn claim(&mut self, task: TaskId, now: Timestamp, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.check_claim(task, now)?;
        self.settle_failure(task, events);
        Ok(())
    }

    /// Claims tasks, all or none (`claimArray`).
    ///
    /// # Errors
    /// As [`Hub::claim`], of the first that cannot be claimed.
    pub fn claim_array(&mut self, tasks: &[TaskId], now: Timestamp, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let distinct: BTreeSet<&TaskId> = tasks.iter().collect();
        require(distinct.len() == tasks.len())?;
        for task in tasks {
            self.check_claim(*task, now)?;
        }
        for task in tasks {
            self.settle_failure(*task, events);
        }
        Ok(())
    }

    /// Opens and claims tasks that nobody opened, all or none (`initializeAndClaimArray`).
    ///
    /// # Errors
    /// As [`Hub::initialize`] and [`Hub::claim`], of the first that cannot be.
    pub fn initialize_and_claim_array(
        &mut self,
        places: &[(DealId, U256)],
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let tasks = self.draft_tasks(places)?;
        for (_, task) in &tasks {
            require(task.final_deadline <= now)?;
        }
        for (id, task) in tasks {
            self.open(id, task, events);
            self.settle_failure(id, events);
        }
        Ok(())
    }

    fn check_claim(&self, task: TaskId, now: Timestamp) -> Result<(), Refusal> {
        let task = self.tasks.get(&task).ok_or(Refusal::Silent)?;
        require(!task.status.is_final())?;
        require(task.final_deadline <= now)
    }

    /// What a finalized task draws from the kitty.
    fn kitty_draw(&self) -> Result<Amount, Refusal> {
        let kitty = self.kitty();
        let part = percent(kitty, KITTY_RATIO).ok_or(Refusal::Overflow)?;
        Ok(part.max(Amount::nanos(KITTY_MIN)).min(kitty))
    }

    /// Splits the pot: the pool's price and what wrong contributors lose.
    fn payout(&self, deal: &Deal, task: &Task) -> Result<Payout, Refusal> {
        let kitty = self.kitty_draw()?;
        let mut pot = deal.workerpool.price;
        let mut weights = U256::ZERO;
        for contribution in &task.contributions {
            if contribution.status == ContributionStatus::Proved {
                weights = weights.checked_add(U256::from(contribution.weight)).ok_or(Refusal::Overflow)?;
            } else {
                pot = pot.checked_add(deal.worker_stake).ok_or(Refusal::Overflow)?;
            }
        }
        let for_workers = workers_part(pot, deal)?;
        let replicated = task.contributions.len() > 1;
        let mut scheduler = pot;
        let mut settlements = Vec::with_capacity(task.contributions.len());
        for contribution in &task.contributions {
            let worker = contribution.worker;
            let proved = contribution.status == ContributionStatus::Proved;
            let (reward, score) = if proved {
                let reward = Amount(share(for_workers.0, U256::from(contribution.weight), weights));
                let risen = self.score(worker).checked_add(U256::ONE).ok_or(Refusal::Overflow)?;
                (reward, replicated.then_some(risen))
            } else {
                let (kept, of) = SCORE_KEPT;
                (Amount::ZERO, Some(share(self.score(worker), U256::from(kept), U256::from(of))))
            };
            scheduler = scheduler.checked_sub(reward).expect("the parts are no more than the whole");
            settlements.push(Settlement { worker, proved, reward, score });
        }
        Ok(Payout { kitty, settlements, scheduler })
    }

    /// Payer, app, data and the pool's stake, and what the kitty adds.
    fn settle_success(&mut self, deal: &Deal, task: TaskId, kitty: Amount, events: &mut Vec<Event>) {
        self.seize(deal.sponsor, deal.task_price(), task, events);
        if !deal.app.price.is_zero() {
            self.reward(deal.app.owner, deal.app.price, task, events);
        }
        if !deal.dataset.price.is_zero() && !deal.dataset.pointer.is_zero() {
            self.reward(deal.dataset.owner, deal.dataset.price, task, events);
        }
        self.unlock(deal.workerpool.owner, deal.pool_stake(), events);
        if !kitty.is_zero() {
            self.seize(KITTY_ADDRESS, kitty, task, events);
            self.reward(deal.workerpool.owner, kitty, task, events);
        }
    }

    fn settle_contribution(&mut self, deal: &Deal, task: TaskId, settled: &Settlement, events: &mut Vec<Event>) {
        let worker = settled.worker;
        if settled.proved {
            self.unlock(worker, deal.worker_stake, events);
            self.reward(worker, settled.reward, task, events);
        } else {
            self.seize(worker, deal.worker_stake, task, events);
        }
        let Some(score) = settled.score else {
            return;
        };
        self.set_score(worker, score);
        events.push(if settled.proved {
            Event::AccurateContribution { worker, task }
        } else {
            Event::FaultyContribution { worker, task }
        });
    }

    fn settle_failure(&mut self, task_id: TaskId, events: &mut Vec<Event>) {
        let task = self.tasks.get_mut(&task_id).expect("checked before");
        task.status = TaskStatus::Failed;
        let workers: Vec<Address> = task.contributions.iter().map(|contribution| contribution.worker).collect();
        let deal = self.deals.get(&task.deal).expect("a task has its deal");
        let (payer, price, stake) = (deal.sponsor, deal.task_price(), deal.pool_stake());
        let (pool_owner, worker_stake) = (deal.workerpool.owner, deal.worker_stake);
        self.unlock(payer, price, events);
        self.seize(pool_owner, stake, task_id, events);
        self.reward_locked(KITTY_ADDRESS, stake, task_id.0, events);
        for worker in workers {
            self.unlock(worker, worker_stake, events);
        }
        events.push(Event::TaskClaimed { task: task_id });
    }
}

/// What of the pot is the workers'.
fn workers_part(pot: Amount, deal: &Deal) -> Result<Amount, Refusal> {
    let percent = U256::from(100u64).checked_sub(deal.scheduler_reward_ratio).ok_or(Refusal::Overflow)?;
    ratio(pot, percent).ok_or(Refusal::Overflow)
}
