//! What follows from statements about audited tasks: classes, checks, releases, convictions, acceptance.

use crate::attempt::Ended;
use crate::audit::forced_from;
use crate::audit::verdict::{Finding, Verdict};
use crate::decision::{Decision, Ending};
use crate::gate::last_call;
use crate::open::Stand;
use crate::{Dispatch, open};
use std::collections::BTreeSet;
use units::{Address, B256, DealId, OrderHash, TaskId, Timestamp};

impl Dispatch {
    /// The gate of an audited task.
    pub(crate) fn gate_audited(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        if self.open.get(&task).is_none_or(|open| open.said.iter().any(|it| it.let_through)) {
            return;
        }
        if let Some(by) = self.open.get(&task).and_then(|open| open.proved()).map(|worker| vec![worker]) {
            self.set_stand(task, Stand::Released { by });
            self.call_off(task, decisions);
            return self.deliver(at, task, decisions);
        }
        self.classify(task, decisions);
        self.force(at, task);
        self.open_check(at, task);
        let open = self.open.get(&task).expect("the task is open");
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        match self.finding(at, open, bag) {
            Finding::Wait => {}
            Finding::Settled(verdict) => self.settle(at, task, verdict, decisions),
            Finding::Unchecked(by) => self.set_stand(task, Stand::Released { by }),
        }
        self.deliver(at, task, decisions);
    }

    /// A statement that counts for an audit is noted in its worker's record, at its `place` among the worker's where that is known
    /// from before a restart, else behind all others.
    pub(crate) fn note_audited(&mut self, task: TaskId, worker: Address, place: Option<u64>) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal).filter(|bag| self.is_audited(bag.terms.pool)) else { return };
        if self.audits_of(bag).is_none() {
            if open.has_said(worker) {
                self.audits.dossier_mut(bag.terms.pool, worker).sealed.insert(task);
            }
            return;
        }
        if open.has_said(worker) && !open.audit.orders.contains_key(&worker) {
            self.alarms.insert((forced_from(bag), task));
            let order = self.audits.hold(bag.terms.pool, worker, task, place);
            self.open.get_mut(&task).expect("the task is open").audit.orders.insert(worker, order);
        }
    }

    /// A statement is gone: dropped, or its task has ended.
    pub(crate) fn forget_audited(&mut self, task: TaskId, worker: Address) {
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let pool = bag.terms.pool;
        self.audits.unseal(pool, worker, task);
        if let Some(order) = open.audit.orders.remove(&worker) {
            self.audits.let_go(pool, worker, task, order);
        }
        let mut bare = false;
        if let Stand::Released { by } = &mut open.audit.stand {
            by.retain(|it| *it != worker);
            bare = by.is_empty();
        }
        if bare || open.audit.lead == Some(worker) {
            open.audit.lead = None;
            if bare || !matches!(open.audit.stand, Stand::Released { .. }) {
                self.set_stand(task, Stand::Unstated);
            }
        }
    }

    /// The task is no more.
    pub(crate) fn end_audit(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let workers: BTreeSet<Address> =
            open.audit.orders.keys().copied().chain(open.said.iter().map(|it| it.worker)).collect();
        for worker in workers {
            self.forget_audited(task, worker);
        }
        self.set_stand(task, Stand::Unstated);
    }

    /// Whose package of an audited task is waited for, in the order in which their word is taken.
    pub(crate) fn deliverers(&self, open: &open::Open) -> Vec<Address> {
        match &open.audit.stand {
            Stand::Released { by } => by.clone(),
            Stand::Unstated => Vec::new(),
            Stand::Provisional | Stand::Checked => {
                let lead = open.said.iter().find(|it| Some(it.worker) == open.audit.lead && !it.failed);
                lead.map(|it| it.worker).into_iter().collect()
            }
        }
    }

    /// The results of a job's tasks that are here, and held: task, index, digest.
    pub fn provisional(&self, request: OrderHash) -> impl Iterator<Item = (TaskId, u64, B256)> {
        let jobs = self.jobs.range((request, Address::ZERO)..=(request, Address::repeat_byte(0xff)));
        jobs.flat_map(|(_, job)| &job.deals).flat_map(|deal| self.provisional_in(*deal))
    }

    fn provisional_in(&self, deal: DealId) -> impl Iterator<Item = (TaskId, u64, B256)> {
        let bag = self.bags.get(&deal).filter(|bag| self.audits_of(bag).is_some());
        bag.into_iter().flat_map(|bag| &bag.open).filter_map(|task| {
            let open = self.open.get(task)?;
            let worker = *self.deliverers(open).first()?;
            let hash = open.said.iter().find(|it| it.worker == worker && !it.failed)?.hash;
            open.packages.contains(&hash).then_some((*task, open.index, hash))
        })
    }

    fn set_stand(&mut self, task: TaskId, stand: Stand) {
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let checking = self.audits.checking.entry(bag.terms.pool).or_default();
        let changed = if stand == Stand::Checked { checking.insert(task) } else { checking.remove(&task) };
        let done = |stand: &Stand| matches!(stand, Stand::Provisional | Stand::Released { .. });
        let (before, after) = (done(&open.audit.stand), done(&stand));
        open.audit.stand = stand;
        let (pool, deal) = (bag.terms.pool, open.deal);
        if before != after {
            let request = bag.terms.request;
            self.audits.count_done(request, deal, after);
        }
        if changed {
            self.stir_waiting(pool);
        }
    }

    /// Says of the first statement that counts, a success before a failure, whether it is checked or provisional. A task on
    /// which two who count differ, or one with what is known, is under check.
    fn classify(&mut self, task: TaskId, decisions: &mut Vec<Decision>) {
        let open = self.open.get(&task).expect("the task is open");
        if matches!(open.audit.stand, Stand::Released { .. }) {
            return;
        }
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        let Some(terms) = self.audits_of(bag) else { return };
        let pool = bag.terms.pool;
        let counted = self.counted(open);
        let successes = counted.iter().filter(|it| !it.failed);
        let Some(lead) = successes.clone().next().or_else(|| counted.first()).map(|it| (it.worker, it.failed)) else {
            return self.set_stand(task, Stand::Unstated);
        };
        let first = successes.clone().next().map(|it| it.hash);
        let differ = first.is_some_and(|hash| {
            successes.clone().any(|it| !open::agrees(it, hash)) || open.audit.known().is_some_and(|known| known != hash)
        });
        let (worker, failed) = lead;
        if open.audit.lead != Some(worker) {
            let deal = open.deal;
            let dossier = self.audits.dossier(pool, worker);
            let under_way = dossier.map_or(0, |it| it.passed().saturating_add(crate::bag::count(it.pending.len())));
            let newcomer = under_way < terms.first;
            let drawn = self.audits.draw(deal, task, terms.per_mille);
            let open = self.open.get_mut(&task).expect("the task is open");
            open.audit.lead = Some(worker);
            open.audit.drawn = drawn.is_some();
            open.audit.by_draw = drawn == Some(true);
            if failed || newcomer || drawn == Some(true) {
                self.order_check(task, worker);
            } else {
                self.set_stand(task, Stand::Provisional);
                self.call_off(task, decisions);
            }
        }
        let open = self.open.get(&task).expect("the task is open");
        if differ && open.audit.stand == Stand::Provisional {
            self.order_check(task, worker);
        }
    }

    /// The statement is to be checked.
    fn order_check(&mut self, task: TaskId, worker: Address) {
        let Some(pool) = self.pool_of(task) else { return };
        self.audits.dossier_mut(pool, worker).pending.insert(task);
        self.set_stand(task, Stand::Checked);
        self.want_check(task);
        self.reconsider(task);
    }

    /// When a provisional statement has been held for long and no check is under way that would release it, one of the last
    /// third of what its worker stated from then on is checked: which, the secret says.
    fn force(&mut self, at: Timestamp, task: TaskId) {
        let open = self.open.get(&task).expect("the task is open");
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        let (Some(worker), Stand::Provisional) = (open.audit.lead, &open.audit.stand) else { return };
        if at < forced_from(bag) || at >= last_call(bag) {
            return;
        }
        let (pool, time) = (bag.terms.pool, bag.terms.time);
        let time_of = |task: TaskId| Some(self.bags.get(&self.open.get(&task)?.deal)?.terms.time);
        let Some(dossier) = self.audits.dossier(pool, worker) else { return };
        let order = open.audit.orders.get(&worker).copied().unwrap_or_default();
        let soon = |task: TaskId, most| time_of(task).is_some_and(|it| it <= most);
        let order_of = |task: TaskId| self.open.get(&task).and_then(|open| open.audit.orders.get(&worker)).copied();
        let covers = |task: TaskId| {
            order_of(task).is_some_and(|it| dossier.covers(it, order)) && soon(task, time.saturating_mul(2))
        };
        if dossier.pending.iter().any(|pending| covers(*pending)) {
            return;
        }
        let provisional = |task: &TaskId| {
            let audit = self.open.get(task).map(|open| &open.audit);
            audit.is_some_and(|audit| audit.stand == Stand::Provisional && audit.lead == Some(worker))
        };
        let held = dossier.held.range(order..).filter(|(other, _)| dossier.covers(**other, order));
        let held = held.map(|(_, task)| *task).filter(|it| provisional(it) && soon(*it, time));
        let held: Vec<TaskId> = held.collect();
        let later = held.iter().skip(held.len().saturating_mul(2).div_euclid(3)).copied();
        let chosen = later.min_by_key(|it| (!self.more_to_be_had(*it), self.audits.lot(*it))).unwrap_or(task);
        self.order_check(chosen, worker);
    }

    /// A check is decided.
    fn settle(&mut self, at: Timestamp, task: TaskId, verdict: Verdict, decisions: &mut Vec<Decision>) {
        let Some(pool) = self.pool_of(task) else { return };
        let Verdict { winners, convicted, dismissed } = verdict;
        self.set_stand(task, Stand::Released { by: winners.clone() });
        self.call_off(task, decisions);
        self.deny(task, &winners, &dismissed);
        let accepted = self.open.get(&task).and_then(|open| open.said.iter().find(|it| winners.contains(&it.worker)));
        let accepted = accepted.map(|it| it.hash).unwrap_or_default();
        for worker in dismissed {
            let open = self.open.get(&task).expect("the task is open");
            if open.said.iter().any(|it| it.worker == worker && open.in_doubt(it.hash, accepted)) {
                self.excuse(task, worker, decisions);
            }
            self.drop_statement(task, worker);
            decisions.push(Decision::Discard { task, worker });
        }
        for worker in convicted {
            let witnesses = if winners.len() > 1 { winners.clone() } else { Vec::new() };
            decisions.push(Decision::Check { task, worker, witnesses, passed: false });
            self.drop_statement(task, worker);
            self.convict(at, pool, worker, decisions);
        }
        let mut released = Vec::new();
        for worker in &winners {
            let witnesses = winners.iter().copied().filter(|it| it != worker).collect();
            decisions.push(Decision::Check { task, worker: *worker, witnesses, passed: true });
            released.extend(self.pass(pool, task, *worker));
        }
        for task in released {
            self.deliver(at, task, decisions);
            self.reconsider(task);
        }
    }

    /// Who said that the program failed, where others had a result, gets no more of the job.
    fn deny(&mut self, task: TaskId, winners: &[Address], dismissed: &[Address]) {
        let Some(open) = self.open.get(&task) else { return };
        if open.said.iter().any(|it| it.failed && winners.contains(&it.worker)) {
            return;
        }
        let denials = open.said.iter().filter(|it| it.failed && dismissed.contains(&it.worker));
        let denials: Vec<open::Statement> = denials.cloned().collect();
        for denial in denials {
            self.contradicted(task, &denial);
        }
    }

    /// A worker passed a check: the tasks of which it stated the result before are released; which these are.
    fn pass(&mut self, pool: Address, task: TaskId, worker: Address) -> Vec<TaskId> {
        let order = self.open.get(&task).and_then(|open| open.audit.orders.get(&worker)).copied().unwrap_or_default();
        let dossier = self.audits.dossier_mut(pool, worker);
        dossier.checks = dossier.checks.saturating_add(1);
        dossier.pending.remove(&task);
        let before = dossier.held.range(..order).filter(|(other, _)| dossier.covers(order, **other));
        let covered: Vec<TaskId> = before.map(|(_, task)| *task).collect();
        self.rank(worker);
        let mut released = Vec::new();
        for held in covered {
            let audit = self.open.get(&held).map(|open| &open.audit);
            if audit.is_some_and(|audit| audit.stand == Stand::Provisional && audit.lead == Some(worker)) {
                self.set_stand(held, Stand::Released { by: vec![worker] });
                released.push(held);
            }
        }
        released
    }

    /// A worker failed a check: it is barred, what it stated and is not final is void, and its owner's other workers are
    /// newcomers again.
    fn convict(&mut self, at: Timestamp, pool: Address, worker: Address, decisions: &mut Vec<Decision>) {
        self.audits.dossier_mut(pool, worker).barred = true;
        self.rank(worker);
        if let Some(owner) = self.owner_in(pool, worker) {
            self.renew_siblings(pool, worker, owner);
        }
        let unsettled = |task: &TaskId| {
            let open = self.open.get(task);
            open.is_some_and(|open| open.said.iter().any(|it| it.worker == worker && !it.let_through))
        };
        let dossier = self.audits.dossier(pool, worker);
        let stated = dossier.into_iter().flat_map(|it| it.held.values().chain(&it.sealed));
        let void: BTreeSet<TaskId> = stated.copied().filter(unsettled).collect();
        let leased: Vec<TaskId> =
            self.workers.get(&worker).map(|station| station.holding.iter().copied().collect()).unwrap_or_default();
        self.appraise(worker, false);
        for task in leased {
            self.close(task, worker, Ended::Barred);
            self.revoke(worker, task);
            decisions.push(Decision::Cancel { worker, task, ending: Ending::NotNeeded });
        }
        for task in &void {
            self.close(*task, worker, Ended::Barred);
            self.drop_statement(*task, worker);
        }
        for task in void {
            self.examine(at, task, decisions);
        }
        self.stir_waiting(pool);
    }

    /// Accepts what is released and here; asks for what is not. Who was asked and did not bring it in time is out.
    fn deliver(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(worker) = self.deliverers(open).first().copied() else { return };
        let Some(statement) = open.said.iter().find(|it| it.worker == worker) else { return };
        let failed = statement.failed;
        if !open.packages.contains(&statement.hash) {
            if open.asked.get(&worker).is_none_or(|until| *until > at) {
                self.unasked.insert(task);
                return;
            }
            self.shut_out(task, worker, decisions);
            return self.gate_audited(at, task, decisions);
        }
        let Stand::Released { by } = &open.audit.stand else { return };
        if statement.let_through {
            return;
        }
        let beside: Vec<Address> = by.iter().copied().filter(|it| *it != worker).collect();
        self.let_through(task, worker);
        decisions.push(Decision::Accept { task, worker });
        for worker in beside {
            let asks = self.asked(task, worker);
            decisions.push(if failed {
                Decision::PayWitness { task, worker, asks }
            } else {
                Decision::PayCheck { task, worker, asks }
            });
        }
    }

    fn pool_of(&self, task: TaskId) -> Option<Address> {
        let open = self.open.get(&task)?;
        Some(self.bags.get(&open.deal)?.terms.pool)
    }
}
