//! Who checks a word, and for what; and who witnesses a failure.
//!
//! A check may go to any able worker of the pool that asks at most [`DEAREST`] times what the deal pays: else machines that
//! alone accept a price would check each other. The pool pays it what it asks. Which of them may take it, a lot says that
//! nobody outside can foresee ([`one in four`](SHARE), and never fewer than a few): who shares a price, or is always idle,
//! cannot choose to check its friends. Whom the lot names may be busy: after a part of the category's time anybody may.
//!
//! A failure that one said is witnessed by any able worker that asks no more than a check may: at the price of the one machine
//! that is cheapest there would be no second witness, and a program that always fails would cost the pool its stake.

use crate::grant::Pick;
use crate::open::{Open, Stand};
use crate::worker::Station;
use crate::{Bag, Dispatch, Terms};
use std::collections::BTreeSet;
use std::time::Duration;
use units::{Address, Amount, TaskId, Timestamp, U256};

/// A check is paid so many times what the deal pays, at the most: at one check in twenty tasks that is the pool's whole
/// share of them.
const DEAREST: u64 = 2;
/// The lot names one in so many of those who may check.
const SHARE: u64 = 4;
/// And about so many at the least.
const LEAST: u64 = 4;
/// After this part of the category's time anybody may take a check: one in so many.
const PATIENCE: u32 = 8;

fn patience(bag: &Bag) -> Duration {
    bag.terms.time.checked_div(PATIENCE).unwrap_or_default()
}

/// The most that is paid for a check or a witness in a deal of these terms.
fn dearest(terms: &Terms) -> Amount {
    Amount(terms.pay.0.saturating_mul(U256::from(DEAREST)))
}

impl Dispatch {
    /// The most that is paid for a part in this task, as it stands.
    pub(crate) fn pays(&self, terms: &Terms, open: Option<&Open>) -> Amount {
        if open.is_some_and(|open| self.pays_beside(open)) { dearest(terms) } else { terms.pay }
    }

    /// Whether whoever takes part in the task now is paid beside PoCo what it asks: who checks a word, or witnesses a failure.
    pub(crate) fn pays_beside(&self, open: &Open) -> bool {
        if open.audit.stand == Stand::Checked {
            return true;
        }
        let audited = self.bags.get(&open.deal).is_some_and(|bag| self.is_audited(bag.terms.pool));
        let failed = audited && open.said.iter().any(|it| it.failed);
        failed && self.best_group(open).is_some_and(|group| group.failed)
    }

    /// Notes from when on a check of the task is wanted.
    pub(crate) fn want_check(&mut self, task: TaskId) {
        let now = self.now;
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        open.audit.wanted = Some(now);
        self.alarms.insert((now.saturating_add(patience(bag)), task));
    }

    /// Whom the lot did not name may take the check now.
    pub(crate) fn open_check(&mut self, at: Timestamp, task: TaskId) {
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let key = open.job;
        if open.audit.wanted.is_some_and(|since| at >= since.saturating_add(patience(bag))) {
            open.audit.wanted = None;
            self.stir(key);
        }
    }

    /// Whether the lot names this worker for a check that is wanted.
    pub(crate) fn is_drawn(&self, station: &Station, task: TaskId, open: &Open) -> bool {
        if open.audit.stand != Stand::Checked || open.audit.wanted.is_none() {
            return true;
        }
        let pool = station.worker.pool;
        let proven = self.audits.proven.get(&pool).map_or(0, BTreeSet::len);
        let all = self.pools.get(&pool).map_or(0, |pool| pool.load.workers);
        let of = if self.audits.relies_on_proven(pool) { crate::bag::count(proven) } else { all };
        let named = of.checked_div(SHARE).expect("four is not zero").max(LEAST);
        let lot = orders::ids::audit_lot(self.audits.lot(task), TaskId(station.worker.address.into_word()));
        let (head, _) = lot.split_at(8);
        let head = u64::from_be_bytes(head.try_into().expect("eight bytes are eight bytes"));
        u128::from(head).saturating_mul(u128::from(of)) < u128::from(named) << 64_u32
    }

    /// Notes what a worker that is given a check is to be paid, where it asks more than the deal pays.
    pub(crate) fn agree_price(&mut self, worker: Address, pick: &Pick) {
        let Some((_, task)) = pick.begun else { return };
        let Some(terms) = self.bags.get(&pick.deal).map(|bag| &bag.terms) else { return };
        let Some(floor) = self.workers.get(&worker).map(|station| station.floor(terms.category)) else { return };
        if floor > terms.pay
            && let Some(open) = self.open.get_mut(&task)
        {
            open.audit.dearer.insert(worker, floor);
        }
    }

    /// What a dearer worker was promised before a restart it is promised again when it comes back: it would not have had the task
    /// for less.
    pub(crate) fn promise_again(&mut self, worker: Address, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(terms) = self.bags.get(&open.deal).map(|bag| &bag.terms) else { return };
        let Some(floor) = self.workers.get(&worker).map(|station| station.floor(terms.category)) else { return };
        // Of what was let through, or is about to be, it is not known any more whether it was a check's or a witness's.
        let released = matches!(&open.audit.stand, Stand::Released { by } if by.contains(&worker));
        let through = released || open.said.iter().any(|it| it.worker == worker && it.let_through);
        let most = if through && self.is_audited(terms.pool) { dearest(terms) } else { self.pays(terms, Some(open)) };
        if floor > terms.pay
            && floor <= most
            && let Some(open) = self.open.get_mut(&task)
        {
            open.audit.dearer.insert(worker, floor);
        }
    }

    /// What a worker that checks a task asks for it beyond what the deal pays each.
    #[must_use]
    pub fn asked(&self, task: TaskId, worker: Address) -> Amount {
        self.open.get(&task).and_then(|open| open.audit.dearer.get(&worker)).copied().unwrap_or_default()
    }
}
