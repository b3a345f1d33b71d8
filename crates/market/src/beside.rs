//! What a pool that audits pays a worker beside PoCo: for checks, for witnessing a failure, for a part that was called off.
//!
//! It pays no more than the worker's own tasks have brought it as its share, and not before the worker is proven; what goes
//! beyond that it owes until then.
//! Names are free, and so is a category that nobody else serves: a requester that owned the machines that check each other
//! could else turn each task that it pays for once into two payments, of the pool's money. So whoever deals with itself can
//! have back what it brought, and nothing more. An honest worker's checks are one task in twenty, and its tasks bring twice
//! that: only its first checks wait. What was brought and owed is forgotten with a restart.

use crate::Market;
use crate::output::Output;
use exchange::{Command, PayReason};
use poco::ContributionStatus;
use std::collections::BTreeMap;
use units::{Address, Amount, TaskId, Timestamp, U256};

/// Workers whose accounts are kept.
const MOST: usize = 100_000;

/// How a pool and one of its workers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    /// What its tasks brought the pool that was not paid to it.
    brought: Amount,
    /// What it is owed, and for what it was last.
    owed: Amount,
    why: PayReason,
}

/// Accounts by pool and worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beside(BTreeMap<(Address, Address), Account>);

impl Beside {
    fn account(&mut self, pool: Address, worker: Address, why: PayReason) -> &mut Account {
        if self.0.len() >= MOST && !self.0.contains_key(&(pool, worker)) {
            self.0.pop_first();
        }
        let none = Account { brought: Amount::ZERO, owed: Amount::ZERO, why };
        self.0.entry((pool, worker)).or_insert(none)
    }

    /// The worker is to have so much more.
    fn earned(&mut self, pool: Address, worker: Address, amount: Amount, why: PayReason) {
        let account = self.account(pool, worker, why);
        account.owed = Amount(account.owed.0.saturating_add(amount.0));
        account.why = why;
    }

    /// A task of the worker's brought the pool so much.
    fn brought(&mut self, pool: Address, worker: Address, share: Amount) {
        let account = self.account(pool, worker, PayReason::Check);
        account.brought = Amount(account.brought.0.saturating_add(share.0));
    }

    /// What the worker is paid now of what it is owed, and for what.
    fn settle(&mut self, pool: Address, worker: Address) -> Option<(Amount, PayReason)> {
        let account = self.0.get_mut(&(pool, worker))?;
        let now = account.owed.min(account.brought);
        account.owed = Amount(account.owed.0.saturating_sub(now.0));
        account.brought = Amount(account.brought.0.saturating_sub(now.0));
        (!now.is_zero()).then_some((now, account.why))
    }

    fn owed(&self, pool: Address, worker: Address) -> Amount {
        self.0.get(&(pool, worker)).map(|account| account.owed).unwrap_or_default()
    }

    fn owe(&mut self, pool: Address, worker: Address, amount: Amount) {
        if let Some(account) = self.0.get_mut(&(pool, worker)) {
            account.owed = amount;
        }
    }

    /// A worker was barred: nothing is owed to it.
    pub(crate) fn forget(&mut self, pool: Address, worker: Address) {
        self.0.remove(&(pool, worker));
    }
}

impl Market {
    /// A pool pays a worker beside PoCo, as far as its tasks brought that already. A pool that cannot pay owes it: that is for
    /// the pool's owner to see.
    pub(crate) fn pay_beside(
        &mut self,
        at: Timestamp,
        (pool, worker): (Address, Address),
        amount: Amount,
        (task, why): (TaskId, PayReason),
        out: &mut Output,
    ) {
        if self.dispatch.is_audited(pool) {
            self.beside.earned(pool, worker, amount, why);
            self.settle_beside(at, (pool, worker), task, out);
        } else if !amount.is_zero() {
            let _unpaid = self.command(at, Command::Pay { pool, worker, amount, task, why }, out);
        }
    }

    /// Pays a worker what it is owed, once it is proven: a newcomer's first earnings are held.
    fn settle_beside(&mut self, at: Timestamp, (pool, worker): (Address, Address), task: TaskId, out: &mut Output) {
        let standing = self.exchange.standing(pool, worker).zip(self.exchange.audits(pool));
        if standing.is_some_and(|(standing, audits)| standing.is_proven(&audits))
            && let Some((amount, why)) = self.beside.settle(pool, worker)
        {
            let _unpaid = self.command(at, Command::Pay { pool, worker, amount, task, why }, out);
        }
    }

    /// A task was finished: its pool has its share, and pays what it owes those who proved it.
    pub(crate) fn share_brought(&mut self, at: Timestamp, id: TaskId, out: &mut Output) {
        let Some(task) = self.exchange.hub().task(id) else { return };
        let Some(deal) = self.exchange.hub().deal(task.deal) else { return };
        let pool = deal.workerpool.pointer;
        if !self.dispatch.is_audited(pool) {
            return;
        }
        let proved = task.contributions.iter().filter(|part| part.status == ContributionStatus::Proved);
        let proved: Vec<Address> = proved.map(|part| part.worker).collect();
        let parts = U256::from(proved.len().max(1)).saturating_mul(U256::from(100));
        let share = deal.workerpool.price.0.saturating_mul(deal.scheduler_reward_ratio).checked_div(parts);
        let share = Amount(share.expect("a hundred is not zero"));
        for worker in proved {
            // What PoCo paid it beyond its part it need not be paid again.
            let owed = self.beside.owed(pool, worker);
            let rest = self.supply.owed_for_check(pool, worker, owed);
            self.beside.owe(pool, worker, rest);
            self.beside.brought(pool, worker, share);
            self.settle_beside(at, (pool, worker), id, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Address = Address::repeat_byte(1);
    const WORKER: Address = Address::repeat_byte(2);

    #[test]
    fn a_worker_is_paid_beside_poco_what_its_tasks_brought_and_the_rest_when_they_do() {
        let mut beside = Beside::default();
        let mut step = |owed: u64, brought: u64| {
            beside.earned(POOL, WORKER, Amount::nanos(owed), PayReason::Check);
            beside.brought(POOL, WORKER, Amount::nanos(brought));
            beside.settle(POOL, WORKER).map_or(0, |(amount, _)| amount.to_nanos().unwrap())
        };
        assert_eq!([step(0, 100), step(250, 0), step(0, 100), step(0, 100)], [0, 100, 100, 50]);
        assert_eq!([step(30, 0), step(30, 0), step(0, 20)], [30, 20, 10]);
    }

    #[test]
    fn who_is_barred_is_owed_nothing_and_has_brought_nothing() {
        let mut beside = Beside::default();
        beside.brought(POOL, WORKER, Amount::nanos(100));
        beside.earned(POOL, WORKER, Amount::nanos(10), PayReason::Hedge);
        beside.forget(POOL, WORKER);
        assert_eq!(beside.settle(POOL, WORKER), None);
    }
}
