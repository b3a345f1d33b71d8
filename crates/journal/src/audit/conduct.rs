//! The operator's own conduct, checked from the journal: that it drew its audits fairly, and let nobody agree with itself.
//!
//! A task that one worker's word decided is drawn by the secret to which the operator had committed when its deal was made.
//! Once the secret is shown, every draw is made again: a task that was drawn and yet accepted without a check is reported. A
//! worker's first results are to be checked all. That the secret fits the commitment, the rules have seen to.
//!
//! At trust 3 and more, an audited pool's result has to be agreed on by two owners at least, by what was enlisted when they
//! were let in. Whether a worker could be checked by somebody else at all, the journal tells only by who was enlisted.

use super::Fault;
use exchange::{Command, Entry, Event, Exchange, audit_draw};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, TaskId, U256};

/// How many tasks a report names.
const NAMED: usize = 16;
/// From this trust on, two owners have to agree.
const TWO_OWNERS: u64 = 3;

/// What the audit of the audits has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audits {
    /// Secrets that were shown.
    pub opened: u64,
    /// Secrets that were committed to and are not shown yet.
    pub unopened: u64,
    /// Results accepted on one worker's word in audited pools, whose secret was shown.
    pub single_words: u64,
    /// How many of those were drawn.
    pub drawn: u64,
    /// How many of those that were drawn were not checked although another owner's worker was enlisted.
    pub missed: u64,
    /// How many were not checked when nobody else was enlisted who could have.
    pub alone: u64,
    /// How many of workers' first results were accepted without a check, drawn or not, when somebody else was enlisted.
    pub first_missed: u64,
    /// The first few tasks that were missed.
    pub named: Vec<TaskId>,
    /// Workers that passed a check, counted once for each.
    pub passed: u64,
    /// Workers that were found to have lied.
    pub failed: u64,
}

/// One result that was accepted on one worker's word.
#[derive(Clone, Copy, Debug)]
struct Word {
    task: TaskId,
    per_mille: u64,
    checked: bool,
    alone: bool,
}

/// What is remembered while a journal is replayed.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    found: Audits,
    /// Unfinished tasks in which somebody was checked.
    checked: BTreeSet<TaskId>,
    /// Accepted words by the commitment that they are drawn by.
    words: BTreeMap<B256, Vec<Word>>,
    /// Who was enlisted, by pool and owner.
    owners: BTreeMap<Address, BTreeSet<Address>>,
    /// Whose the workers were that were let into an unfinished task.
    admitted: BTreeMap<TaskId, BTreeMap<Address, Address>>,
}

impl Conduct {
    /// Follows an entry that was just applied.
    pub(super) fn follow(&mut self, exchange: &Exchange, entry: &Entry, events: &[Event]) -> Result<(), Fault> {
        if let Command::Accept { task, worker, .. } = &entry.command {
            self.accepted(exchange, *task, *worker);
        } else if let Command::Authorize { task, worker } = &entry.command
            && let Some(deal) = exchange.task(*task).and_then(|task| exchange.deal(task.deal))
        {
            let owner = exchange.owner_in(deal.workerpool.pointer, *worker);
            self.admitted.entry(*task).or_default().insert(*worker, owner);
        }
        for event in events {
            if let Event::Enlisted { pool, owner, .. } = event {
                self.owners.entry(*pool).or_default().insert(*owner);
            } else if let Event::AuditOpened { commitment, secret } = event {
                self.open(*commitment, *secret);
            } else if let Event::Checked { task, passed, .. } = event {
                self.checked.insert(*task);
                self.found.passed += u64::from(*passed);
                self.found.failed += u64::from(!*passed);
            } else if let Event::Hub(poco::Event::TaskFinalize { task, .. }) = event {
                let outcome = self.agreed(exchange, *task);
                self.forget(*task);
                outcome?;
            } else if let Event::Hub(poco::Event::TaskClaimed { task }) = event {
                self.forget(*task);
            }
        }
        Ok(())
    }

    /// What was found, at the end.
    pub(super) fn finish(mut self, exchange: &Exchange) -> Audits {
        self.found.unopened = exchange.audit_commitments().count() as u64;
        self.found
    }

    fn forget(&mut self, task: TaskId) {
        self.checked.remove(&task);
        self.admitted.remove(&task);
    }

    fn accepted(&mut self, exchange: &Exchange, id: TaskId, worker: Address) {
        let Some(task) = exchange.task(id) else { return };
        let Some(deal) = exchange.deal(task.deal) else { return };
        let pool = deal.workerpool.pointer;
        let (Some(audits), Some(commitment)) = (exchange.audits(pool), exchange.audit_commitment_of(task.deal)) else {
            return;
        };
        let owner = exchange.owner_in(pool, worker);
        let alone = !self.owners.get(&pool).is_some_and(|owners| owners.iter().any(|other| *other != owner));
        let checked = self.checked.contains(&id);
        let first = exchange.standing(pool, worker).is_none_or(|standing| standing.is_first(&audits));
        if first && !checked && !alone {
            self.found.first_missed += 1;
        }
        let word = Word { task: id, per_mille: audits.per_mille, checked, alone };
        self.words.entry(commitment).or_default().push(word);
    }

    /// Draws again, now that the secret is known.
    fn open(&mut self, commitment: B256, secret: B256) {
        let found = &mut self.found;
        found.opened += 1;
        for word in self.words.remove(&commitment).unwrap_or_default() {
            found.single_words += 1;
            if !audit_draw(secret, word.task, word.per_mille) {
                continue;
            }
            found.drawn += 1;
            if word.checked {
                continue;
            }
            if word.alone {
                found.alone += 1;
                continue;
            }
            found.missed += 1;
            if found.named.len() < NAMED {
                found.named.push(word.task);
            }
        }
    }

    /// Two owners at least have proved a finished task's result, where there have to be.
    fn agreed(&self, exchange: &Exchange, id: TaskId) -> Result<(), Fault> {
        let Some(task) = exchange.task(id) else { return Ok(()) };
        let Some(deal) = exchange.deal(task.deal) else { return Ok(()) };
        let pool = deal.workerpool.pointer;
        if deal.trust < U256::from(TWO_OWNERS) || exchange.audits(pool).is_none() {
            return Ok(());
        }
        let Some(admitted) = self.admitted.get(&id) else { return Ok(()) };
        let proved = { task.contributions.iter() }.filter(|part| part.status == poco::ContributionStatus::Proved);
        let mut owners = BTreeMap::new();
        for part in proved {
            if let Some(owner) = admitted.get(&part.worker) {
                owners.entry(*owner).or_insert_with(Vec::new).push(part.worker);
            }
        }
        match owners.pop_first() {
            Some((owner, workers)) if owners.is_empty() && workers.len() > 1 => {
                Err(Fault::OneOwner { task: id, owner })
            }
            Some(_) | None => Ok(()),
        }
    }
}
