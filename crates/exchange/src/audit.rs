//! Hidden audits: secrets by which tasks are drawn for checks, and the checks.
//!
//! The operator commits to a secret before the deals are made whose tasks are drawn by it, and shows it when all of them are
//! finished: so nobody knows beforehand which task will be checked, and everybody can see afterwards that the draw was fair.

use crate::standing::Standing;
use crate::work::Offer;
use crate::{Event, Evidence, Exchange, Rejection};
use alloy_primitives::{Keccak256, keccak256};
use poco::{ContributionStatus, Deal, TaskStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Address, B256, DealId, TaskId, U256};

/// How many secrets may be committed to and not shown: some are lost with a machine, and never shown.
const SECRETS: usize = 1_000;
/// How many answers are known; then the oldest is forgotten.
const ANSWERS: usize = 10_000;
/// A draw is so many of a thousand.
const MILLE: u128 = 1_000;

/// Whether a task is to be checked, by the secret of its deal: so many of a thousand are.
#[must_use]
pub fn audit_draw(secret: B256, task: TaskId, per_mille: u64) -> bool {
    let lot = orders::ids::audit_lot(secret, task);
    let drawn = u64::from_be_bytes(*lot.first_chunk().expect("a hash has 32 bytes"));
    u128::from(drawn).saturating_mul(MILLE) < u128::from(per_mille) << u64::BITS
}

/// A commitment to a secret that is not shown yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Epoch {
    commitment: B256,
    /// How many unfinished deals are drawn by it.
    deals: u64,
}

/// Commitments that are not shown, the oldest first, and which deal is drawn by which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secrets {
    unopened: Vec<Epoch>,
    drawn: BTreeMap<DealId, B256>,
}

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        self.unopened.is_empty() && self.drawn.is_empty()
    }

    pub(crate) fn deal_begun(&mut self, deal: DealId) {
        if let Some(newest) = self.unopened.last_mut() {
            newest.deals = newest.deals.saturating_add(1);
            self.drawn.insert(deal, newest.commitment);
        }
    }

    pub(crate) fn deal_finished(&mut self, deal: DealId) {
        let Some(commitment) = self.drawn.get(&deal) else { return };
        if let Some(epoch) = self.unopened.iter_mut().find(|epoch| epoch.commitment == *commitment) {
            epoch.deals = epoch.deals.saturating_sub(1);
        }
    }

    pub(crate) fn deal_forgotten(&mut self, deal: DealId) {
        self.drawn.remove(&deal);
    }
}

/// Answers that are known, by content; and the contents in the order in which they became known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answers {
    digests: BTreeMap<B256, B256>,
    order: VecDeque<B256>,
}

impl Answers {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn insert(&mut self, content: B256, digest: B256) {
        self.digests.insert(content, digest);
        self.order.push_back(content);
        if self.order.len() > ANSWERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.digests.remove(&oldest);
        }
    }

    fn remove(&mut self, content: B256) {
        self.digests.remove(&content);
        self.order.retain(|known| *known != content);
    }
}

impl Exchange {
    /// The commitment by whose secret the tasks of deals made now are drawn.
    #[must_use]
    pub fn audit_commitment(&self) -> Option<B256> {
        self.secrets.unopened.last().map(|epoch| epoch.commitment)
    }

    /// The commitment by whose secret the tasks of a live deal are drawn: the newest when the deal was made. Only single
    /// words (trust 1) in audited pools are drawn.
    #[must_use]
    pub fn audit_commitment_of(&self, deal: DealId) -> Option<B256> {
        self.secrets.drawn.get(&deal).copied()
    }

    /// Commitments whose secrets are not shown, the oldest first, each with how many unfinished deals are drawn by it.
    pub fn audit_commitments(&self) -> impl Iterator<Item = (B256, u64)> + '_ {
        self.secrets.unopened.iter().map(|epoch| (epoch.commitment, epoch.deals))
    }

    /// What a task is, whoever runs it: Keccak-256 of app, dataset, the hash of the params, and the index.
    #[must_use]
    pub fn content(deal: &Deal, index: U256) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update(deal.app.pointer);
        hasher.update(deal.dataset.pointer);
        hasher.update(keccak256(&deal.params));
        hasher.update(index.to_be_bytes::<32>());
        hasher.finalize()
    }

    /// Whether the result of any content is known.
    #[must_use]
    pub fn knows_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The digest of the result that is known of tasks with this content.
    #[must_use]
    pub fn known_answer(&self, content: B256) -> Option<B256> {
        self.answers.digests.get(&content).copied()
    }

    pub(crate) fn audit_commit(&mut self, commitment: B256, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let unopened = &mut self.secrets.unopened;
        if unopened.iter().any(|epoch| epoch.commitment == commitment) {
            return Err(Rejection::AlreadyCommitted(commitment));
        }
        if unopened.len() >= SECRETS {
            return Err(Rejection::TooManySecrets(unopened.len()));
        }
        unopened.push(Epoch { commitment, deals: 0 });
        events.push(Event::AuditCommitted { commitment });
        Ok(())
    }

    pub(crate) fn audit_open(&mut self, secret: B256, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let commitment = keccak256(secret);
        let unopened = &mut self.secrets.unopened;
        let place = unopened.iter().position(|epoch| epoch.commitment == commitment);
        let place = place.ok_or(Rejection::UnknownSecret(commitment))?;
        let deals = unopened.get(place).map_or(0, |epoch| epoch.deals);
        let newest = place.saturating_add(1) == unopened.len();
        if newest || deals > 0 {
            return Err(Rejection::SecretInUse { commitment, deals });
        }
        unopened.remove(place);
        events.push(Event::AuditOpened { commitment, secret });
        Ok(())
    }

    /// A deal was made: its tasks are drawn by the newest secret, if they are to be.
    pub(crate) fn draw(&mut self, id: DealId) {
        let deal = self.hub.deal(id).expect("the deal was just made");
        if deal.trust == U256::ONE && self.audits(deal.workerpool.pointer).is_some() {
            self.secrets.deal_begun(id);
        }
    }

    /// Holds a worker's completion against others'.
    pub(crate) fn check(
        &mut self,
        task: TaskId,
        worker: Address,
        evidence: &Evidence,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let own = self.completion(task, worker)?;
        let holding = self.held.get(&task).expect("something of it is held");
        if holding.checked.contains(&worker) {
            return Err(Rejection::AlreadyChecked { task, worker });
        }
        let deal = self.hub.deal(holding.deal).expect("a held task has its deal");
        let pool = deal.workerpool.pointer;
        let passed = match evidence {
            Evidence::Known => {
                let content = Self::content(deal, holding.index);
                let right = own.0 == self.known_answer(content).ok_or(Rejection::NoAnswer(task))?;
                if !right && own.1 {
                    return Err(Rejection::Undecided { task, worker });
                }
                right
            }
            Evidence::Witnesses(witnesses) => self.judge(task, pool, worker, own, witnesses)?,
        };
        let strange = self.is_strange(deal, worker);
        self.held.get_mut(&task).expect("found above").checked.insert(worker);
        events.push(Event::Checked { task, worker, passed });
        if passed {
            self.count_check(pool, worker, strange);
        } else {
            self.bar(pool, worker, task, events);
        }
        Ok(())
    }

    /// Whether the witnesses are for the worker (all of them) or against it (two at least, all alike). A statement that the
    /// program failed convicts nobody, and is never punished: it may be the machine's fault, or the clock's.
    fn judge(
        &self,
        task: TaskId,
        pool: Address,
        worker: Address,
        own: (B256, bool),
        witnesses: &[Address],
    ) -> Result<bool, Rejection> {
        let mut owners = BTreeMap::from([(self.owner_in(pool, worker), worker)]);
        let mut said = BTreeSet::new();
        for witness in witnesses {
            if let Some(other) = owners.insert(self.owner_in(pool, *witness), *witness) {
                return Err(Rejection::SameOwner { witness: *witness, other });
            }
            said.insert(self.completion(task, *witness)?);
        }
        let alike = said.len() == 1;
        let (agree, failure) = (said.contains(&own), own.1 || said.iter().any(|(_, failed)| *failed));
        if alike && agree {
            return Ok(true);
        }
        if alike && !failure && witnesses.len() > 1 { Ok(false) } else { Err(Rejection::Undecided { task, worker }) }
    }

    /// The digest that a worker completed a task with, and whether it states a failure.
    fn completion(&self, task: TaskId, worker: Address) -> Result<(B256, bool), Rejection> {
        let held = { self.held.get(&task) }.and_then(|held| held.offers.iter().find(|offer| offer.worker == worker));
        let held = held.ok_or(Rejection::NothingHeld { task, worker })?;
        match held.offer {
            Offer::Open { digest, .. } => Ok((digest, held.failed)),
            Offer::Sealed { .. } => Err(Rejection::HeldOtherwise { task, worker }),
        }
    }

    /// A finished task becomes a known answer.
    pub(crate) fn know(&mut self, id: TaskId, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let task = self.hub.task(id).ok_or(Rejection::UnknownTask(id))?;
        let deal = self.hub.deal(task.deal).expect("a task has its deal");
        let pool = deal.workerpool.pointer;
        self.check_hosted(pool)?;
        let proved = { task.contributions.iter() }.filter(|part| part.status == ContributionStatus::Proved);
        let honest = proved.filter(|part| !self.is_barred(pool, part.worker));
        let owners: BTreeSet<Address> = honest.map(|part| self.owner_in(pool, part.worker)).collect();
        if task.status != TaskStatus::Completed || owners.len() < 2 {
            return Err(Rejection::NotAgreed(id));
        }
        let (content, digest) = (Self::content(deal, task.index), task.result_digest);
        match self.known_answer(content) {
            Some(known) if known == digest => return Err(Rejection::AlreadyKnown(id)),
            Some(_) => {
                self.answers.remove(content);
                events.push(Event::Contradicted { task: id, content });
            }
            None => {
                self.answers.insert(content, digest);
                events.push(Event::Known { task: id, content });
            }
        }
        Ok(())
    }
}

impl Standing {
    /// Whether a single word of this worker's is to be checked by its number alone, before any draw: it is one of its first.
    #[must_use]
    pub fn is_first(&self, audits: &crate::Audits) -> bool {
        self.checks < audits.first
    }
}
