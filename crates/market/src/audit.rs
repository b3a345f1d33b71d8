//! The gate's audits: standing from the exchange, secrets of the draw, checks, known answers, provisional results.
//!
//! A secret is committed to before it is drawn with, and shown when every deal made under it is finished; where it was lost
//! with a restart it is never shown, and the audit says so. A statement whose content is known is checked at no cost.

use crate::Market;
use crate::output::{Ending, Message, Output};
use crate::supply::least_pay;
use alloy_primitives::keccak256;
use dispatch::{AuditTerms, Standing, Worker, audit_draw};
use exchange::{Command, Event, Evidence, Exchange, PayReason, Rejection};
use poco::{ContributionStatus, TaskStatus};
use std::collections::BTreeSet;
use std::time::Duration;
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, Timestamp, U256};

/// A secret is drawn with for so long at the most.
const AN_HOUR: Duration = Duration::from_secs(3_600);
/// Of the results that two owners proved so many in a thousand are remembered as known answers.
const KNOWN_PER_MILLE: u64 = 50;

/// The secrets of the draw that the shell has given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// Not shown yet, the one in force last.
    given: Vec<B256>,
    /// When the last was given.
    since: Timestamp,
    /// When policy last acted.
    now: Timestamp,
}

/// What is said of a secret of the draw before it is used: its Keccak-256.
#[must_use]
pub fn audit_commitment(secret: B256) -> B256 {
    keccak256(secret)
}

impl Market {
    /// A secret for the draw of hidden audits, of the shell's randomness. It is committed to, and in force for the deals made
    /// from now on. A secret that was committed to before a restart is taken up again.
    ///
    /// # Errors
    /// The rules' [`Rejection`] of the commitment; the secret is not used then.
    pub fn audit_secret(&mut self, at: Timestamp, secret: B256, out: &mut Output) -> Result<(), Rejection> {
        let commitment = audit_commitment(secret);
        if !self.exchange.audit_commitments().any(|(known, _)| known == commitment) {
            self.command(at, Command::AuditCommit { commitment }, out)?;
        }
        let drawn = |deal: &DealId| self.exchange.audit_commitment_of(*deal) == Some(commitment);
        let deals: Vec<DealId> = self.exchange.active_deals().map(|(deal, _)| deal).filter(drawn).collect();
        self.secrets.given.push(secret);
        (self.secrets.since, self.secrets.now) = (at, at);
        let mut decisions = Vec::new();
        self.dispatch.audit_secret(at, secret, deals, &mut decisions);
        self.carry_out(at, decisions, out);
        Ok(())
    }

    /// Whether the shell is to give a secret: the first one, or another because the last was drawn with often, or long.
    #[must_use]
    pub fn wants_audit_secret(&self) -> bool {
        let Secrets { given, since, now } = &self.secrets;
        let old = !given.is_empty() && *now >= since.saturating_add(AN_HOUR) && self.dispatch.drew();
        self.dispatch.wants_audit_secret() || old
    }

    /// The results of a job that are here and held by the gate: task, index in the bag, digest.
    pub fn provisional(&self, request: OrderHash) -> impl Iterator<Item = (TaskId, u64, B256)> {
        self.dispatch.provisional(request)
    }

    /// A worker is one of a pool's, and `owner`'s: the owner's signature of [`orders::Ownership`] is the evidence, empty for a
    /// worker that is its own. Entered once for each worker and owner, in pools that audit.
    ///
    /// # Errors
    /// The rules' [`Rejection`]: not owned, not invited, barred.
    pub fn enlist(
        &mut self,
        at: Timestamp,
        worker: &Worker,
        evidence: Bytes,
        out: &mut Output,
    ) -> Result<(), Rejection> {
        let Worker { address, owner, pool, .. } = *worker;
        let audited = self.exchange.hosted(pool).is_some_and(|pool| pool.audits.is_some());
        let known = self.exchange.standing(pool, address).is_some_and(|standing| standing.owner == owner);
        if known || !audited {
            return Ok(());
        }
        self.command(at, Command::Enlist { pool, worker: address, owner, evidence }, out)
    }

    /// Tells the gate which pools audit, and how.
    pub(crate) fn audit_pools(&mut self) {
        for pool in self.exchange.hosted_pools() {
            if let Some(audits) = pool.audits {
                let terms = AuditTerms { first: audits.first, per_mille: audits.per_mille, proven: audits.proven };
                self.dispatch.audit_pool(pool.address, terms);
            }
        }
    }

    /// Tells the gate of all standings; the barred last, so that their owners' other workers are known.
    pub(crate) fn restore_standings(&mut self) {
        let mut all: Vec<(bool, Address, Address)> =
            self.exchange.standings().map(|(pool, worker, it)| (it.barred, pool, worker)).collect();
        all.sort_unstable();
        for (_, pool, worker) in all {
            self.sync_standing(pool, worker);
        }
    }

    /// Tells the gate what the exchange knows of a worker.
    pub(crate) fn sync_standing(&mut self, pool: Address, worker: Address) {
        if let Some(known) = self.exchange.standing(pool, worker) {
            let (owner, earned, checks, barred) = (known.owner, known.accepted, known.checks, known.barred);
            self.dispatch.set_standing(pool, worker, Standing { owner, earned, checks, barred });
            self.weigh(worker);
        }
    }

    /// A worker as the exchange knows it.
    pub(crate) fn with_standing(&self, worker: Worker) -> Worker {
        let Some(known) = self.exchange.standing(worker.pool, worker.address) else { return worker };
        Worker { earned: known.accepted, checks: known.checks, barred: known.barred, ..worker }
    }

    /// A worker has proved its part in a task, or passed or failed a check.
    pub(crate) fn standing_changed(&mut self, task: TaskId, worker: Address) {
        let deal = self.dispatch.place(task).map(|(deal, _)| deal);
        let deal = deal.or_else(|| self.exchange.hub().task(task).map(|state| state.deal));
        let pool = deal.and_then(|deal| self.exchange.hub().deal(deal)).map(|deal| deal.workerpool.pointer);
        if let Some(pool) = pool {
            self.sync_standing(pool, worker);
        }
    }

    /// What is known of a task's result from another with the same content, for the gate.
    pub(crate) fn tell_known_answer(&mut self, task: TaskId) {
        if !self.exchange.knows_answers() {
            return;
        }
        let Some((deal, index)) = self.dispatch.place(task) else { return };
        let Some(terms) = self.exchange.hub().deal(deal).filter(|deal| deal.trust <= U256::ONE) else { return };
        if !crate::classes::is_exact(self.check_of(deal)) {
            return;
        }
        if !self.dispatch.is_audited(terms.workerpool.pointer) {
            return;
        }
        if let Some(digest) = self.exchange.known_answer(Exchange::content(terms, U256::from(index))) {
            self.dispatch.known_answer(task, digest);
        }
    }

    /// Remembers some of the results that two owners proved.
    pub(crate) fn know(&mut self, at: Timestamp, id: TaskId, out: &mut Output) {
        let Some(task) = self.exchange.hub().task(id) else { return };
        let Some(deal) = self.exchange.hub().deal(task.deal) else { return };
        let pool = deal.workerpool.pointer;
        // Two who proved are rare where one's word is enough, and looked for before anything is hashed.
        if !self.dispatch.is_audited(pool) || task.contributions.len() < 2 {
            return;
        }
        if !crate::classes::is_exact((self.read)(&deal.params).check) {
            return;
        }
        let proved = task.contributions.iter().filter(|part| part.status == ContributionStatus::Proved);
        let owners: BTreeSet<Address> = proved.map(|part| self.exchange.owner_in(pool, part.worker)).collect();
        let learned = task.status == TaskStatus::Completed && owners.len() >= 2;
        if learned && audit_draw(B256::ZERO, id, KNOWN_PER_MILLE) {
            // Known already, or of one that is barred: then nothing is learned.
            let _learned = self.command(at, Command::Know { task: id }, out);
        }
    }

    /// Enters a check. One that is failed bars its worker, to whom all that is void with it is said.
    pub(crate) fn check(
        &mut self,
        at: Timestamp,
        task: TaskId,
        worker: Address,
        witnesses: Vec<Address>,
        out: &mut Output,
    ) {
        let evidence = if witnesses.is_empty() { Evidence::Known } else { Evidence::Witnesses(witnesses) };
        let first = out.events.len();
        if self.command(at, Command::Check { task, worker, evidence }, out).is_err() {
            return;
        }
        let void: Vec<TaskId> = { out.events.get(first..).into_iter().flatten() }
            .filter_map(|event| if let Event::Discarded { task, .. } = event { Some(*task) } else { None })
            .collect();
        for task in void {
            let message = Message::Settled { task, ending: Ending::Dissented, reward: Amount::ZERO };
            out.messages.push((worker, message));
        }
    }

    /// A worker who checked another's result, or agreed with one when PoCo needed no more, is paid what the task is worth to
    /// a worker. A pool that cannot pay owes it.
    pub(crate) fn pay_check(
        &mut self,
        at: Timestamp,
        (task, worker): (TaskId, Address),
        asks: Amount,
        out: &mut Output,
    ) {
        // The task has ended where the other's result was accepted just now.
        let open = self.dispatch.place(task).map(|(deal, _)| deal);
        let Some(id) = open.or_else(|| self.exchange.hub().task(task).map(|state| state.deal)) else { return };
        let Some(deal) = self.exchange.hub().deal(id) else { return };
        let pool = deal.workerpool.pointer;
        let amount = least_pay(deal.workerpool.price, deal.trust.saturating_to(), deal.scheduler_reward_ratio)
            .max(asks)
            .max(self.dispatch.due(worker, id));
        let amount = self.supply.owed_for_check(pool, worker, amount);
        self.pay_beside(at, (pool, worker), amount, (task, PayReason::Check), out);
    }

    /// Shows the secrets that nothing is drawn with any more.
    pub(crate) fn show_secrets(&mut self, at: Timestamp, out: &mut Output) {
        self.secrets.now = at;
        let Some((_, before)) = self.secrets.given.split_last() else { return };
        let over = |secret: &&B256| {
            let commitment = audit_commitment(**secret);
            self.exchange.audit_commitments().any(|(known, deals)| known == commitment && deals == 0)
        };
        let spent: Vec<B256> = before.iter().filter(over).copied().collect();
        for secret in spent {
            if self.command(at, Command::AuditOpen { secret }, out).is_ok() {
                self.dispatch.retire_secret(secret);
                self.secrets.given.retain(|it| *it != secret);
            }
        }
    }
}
