//! A task's life until workers agree: open, contribute, agree, reveal, open again.

use crate::deal::{Contribution, ContributionStatus, Deal, Group, Task, TaskStatus};
use crate::hub::Hub;
use crate::{CONTRIBUTION_DEADLINE_RATIO, Event, FINAL_DEADLINE_RATIO, REVEAL_DEADLINE_RATIO, Refusal};
use orders::{Recovered, ids};
use std::collections::BTreeSet;
use units::{Address, B256, Bytes, DealId, TaskId, Timestamp, U256};

/// Scores weigh by this part of them.
const SCORE_DIVISOR: u64 = 3;
/// The least that a divided score counts for, before one is taken off.
const SCORE_FLOOR: u64 = 3;

/// Who asks the hub to act for a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// The sender of a transaction, who must own the pool.
    Sender(Address),
    /// The exchange itself, for a pool that it hosts.
    Exchange,
}

/// Who says that the worker may contribute to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// A signature, which must be the pool owner's, or the TEE broker's for work in an enclave.
    Signed(Recovered),
    /// The exchange itself, for a pool that it hosts.
    Hosted,
}

/// What stands behind a contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backing {
    /// Who says that the worker may contribute.
    pub authorization: Authorization,
    /// The enclave that vouches for the result; zero: none.
    pub enclave: Address,
    /// Whom the enclave's signature is by; does not count without an enclave.
    pub enclave_signer: Recovered,
}

impl Backing {
    /// The exchange's own word for a worker of a pool that it hosts, without an enclave.
    pub const HOSTED: Self =
        Self { authorization: Authorization::Hosted, enclave: Address::ZERO, enclave_signer: Recovered::Misshapen };
}

/// A result that only its maker can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// [`ids::result_hash`] of the digest: equal for workers who agree.
    pub hash: B256,
    /// [`ids::result_seal`] of the digest: the worker's own.
    pub seal: B256,
}

impl Sealed {
    /// Seals a digest.
    #[must_use]
    pub fn new(worker: Address, task: TaskId, digest: B256) -> Self {
        Self { hash: ids::result_hash(task, digest), seal: ids::result_seal(worker, task, digest) }
    }
}

/// `require`: holds, or refuses without words.
pub(crate) fn require(holds: bool) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::Silent) }
}

/// What a contribution changes in the weights of a task.
struct Weighing {
    log_weight: u32,
    group: U256,
    total: U256,
    agreed: bool,
}

/// How much a worker of this score counts: at least 2.
#[must_use]
pub fn weight(score: U256) -> U256 {
    let part = score.checked_div(U256::from(SCORE_DIVISOR)).expect("scores are divided by three");
    part.max(U256::from(SCORE_FLOOR)).checked_sub(U256::ONE).expect("at least three, less one")
}

/// The whole part of the logarithm to base two: a worker's share in a reward.
#[must_use]
pub fn log_weight(weight: U256) -> u32 {
    let bits = u32::try_from(weight.bit_len()).expect("at most 256 bits");
    bits.saturating_sub(1)
}

/// Whether a group of this weight is enough for `trust`, of all groups' weight and one.
///
/// # Errors
/// [`Refusal::Overflow`] where a product does not fit.
pub fn is_consensus(group: U256, total: U256, trust: U256) -> Result<bool, Refusal> {
    let for_it = group.checked_mul(trust).ok_or(Refusal::Overflow)?;
    let one_less = trust.checked_sub(U256::ONE).ok_or(Refusal::Overflow)?;
    Ok(for_it > total.checked_mul(one_less).ok_or(Refusal::Overflow)?)
}

/// Weights multiply within a group; what a group gains, the total gains.
fn weigh(task: &Task, trust: U256, score: U256, hash: B256) -> Result<Weighing, Refusal> {
    let weight = weight(score);
    let before = task.group_weight(hash);
    let group = before.max(U256::ONE).checked_mul(weight).ok_or(Refusal::Overflow)?;
    let gained = group.checked_sub(before).ok_or(Refusal::Overflow)?;
    let total = task.total.checked_add(gained).ok_or(Refusal::Overflow)?;
    Ok(Weighing { log_weight: log_weight(weight), group, total, agreed: is_consensus(group, total, trust)? })
}

impl Hub {
    /// Opens a task of a deal for contributions (`initialize`). Anybody may, at any time, once.
    ///
    /// # Errors
    /// [`Refusal::Silent`] if there is no such deal or index, or the task is open already.
    pub fn initialize(&mut self, deal: DealId, index: U256, events: &mut Vec<Event>) -> Result<TaskId, Refusal> {
        let (id, task) = self.draft_task(deal, index)?;
        Ok(self.open(id, task, events))
    }

    /// As [`Hub::initialize`], for whoever knows the task's id already.
    ///
    /// # Errors
    /// As [`Hub::initialize`].
    pub fn initialize_known(
        &mut self,
        id: TaskId,
        (deal, index): (DealId, U256),
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        debug_assert_eq!(id, ids::task_id(deal, index), "a task's id follows from its deal and index");
        let task = self.draft_known(id, deal, index)?;
        self.open(id, task, events);
        Ok(())
    }

    /// Opens tasks, all or none (`initializeArray`).
    ///
    /// # Errors
    /// As [`Hub::initialize`], of the first that cannot be opened.
    pub fn initialize_array(
        &mut self,
        places: &[(DealId, U256)],
        events: &mut Vec<Event>,
    ) -> Result<Vec<TaskId>, Refusal> {
        let tasks = self.draft_tasks(places)?;
        Ok(tasks.into_iter().map(|(id, task)| self.open(id, task, events)).collect())
    }

    /// Commits a worker to a result (`contribute`) and locks its stake.
    ///
    /// # Errors
    /// [`Refusal::Silent`] if the task takes no contribution of this worker now, or it lacks its backing; then what the
    /// lock says.
    pub fn contribute(
        &mut self,
        task_id: TaskId,
        worker: Address,
        sealed: Sealed,
        backing: Backing,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let task = self.tasks.get(&task_id).ok_or(Refusal::Silent)?;
        let deal = self.deals.get(&task.deal).expect("a task has its deal");
        require(task.status == TaskStatus::Active)?;
        require(now < task.contribution_deadline)?;
        require(task.contribution(worker).is_none())?;
        self.check_backing(deal, backing)?;
        let weighing = weigh(task, deal.trust, self.score(worker), sealed.hash);
        let reveal_deadline = reveal_deadline(task, now);
        let stake = deal.worker_stake;
        let told = events.len();
        self.lock(worker, stake, events)?;
        let (weighing, reveal_deadline) = match (weighing, reveal_deadline) {
            (Ok(weighing), Ok(deadline)) => (weighing, deadline),
            (Err(refusal), _) | (_, Err(refusal)) => {
                self.undo_lock(worker, stake);
                events.truncate(told);
                return Err(refusal);
            }
        };

        events.push(Event::TaskContribute { task: task_id, worker, hash: sealed.hash });
        let task = self.tasks.get_mut(&task_id).expect("found above");
        task.contributions.push(Contribution {
            worker,
            status: ContributionStatus::Contributed,
            hash: sealed.hash,
            seal: sealed.seal,
            enclave: backing.enclave,
            weight: weighing.log_weight,
        });
        set_group(task, sealed.hash, weighing.group);
        task.total = weighing.total;
        if weighing.agreed {
            let agreeing = task.contributions.iter().filter(|contribution| {
                contribution.hash == sealed.hash && contribution.status == ContributionStatus::Contributed
            });
            task.winner_counter = u64::try_from(agreeing.count()).expect("contributions are counted in 64 bits");
            task.status = TaskStatus::Revealing;
            task.consensus = sealed.hash;
            task.reveal_deadline = reveal_deadline;
            task.reveal_counter = 0;
            events.push(Event::TaskConsensus { task: task_id, consensus: sealed.hash });
        }
        Ok(())
    }

    /// Shows what a worker had committed itself to (`reveal`).
    ///
    /// # Errors
    /// [`Refusal::Silent`] if it is too late, not what was agreed upon, or not what the worker sealed.
    pub fn reveal(
        &mut self,
        task_id: TaskId,
        worker: Address,
        digest: B256,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let task = self.tasks.get_mut(&task_id).ok_or(Refusal::Silent)?;
        require(task.status == TaskStatus::Revealing)?;
        require(now < task.reveal_deadline)?;
        let consensus = task.consensus;
        let contribution =
            task.contributions.iter_mut().find(|contribution| contribution.worker == worker).ok_or(Refusal::Silent)?;
        require(contribution.status == ContributionStatus::Contributed)?;
        require(contribution.hash == consensus)?;
        let shown = Sealed::new(worker, task_id, digest);
        require(contribution.hash == shown.hash)?;
        require(contribution.seal == shown.seal)?;

        contribution.status = ContributionStatus::Proved;
        task.reveal_counter = task.reveal_counter.saturating_add(1);
        task.result_digest = digest;
        events.push(Event::TaskReveal { task: task_id, worker, digest });
        Ok(())
    }

    /// Opens a task again whose agreed result nobody showed in time (`reopen`). Those who agreed are rejected.
    ///
    /// # Errors
    /// [`Refusal::Silent`] unless that is so, before the final deadline, and asked by whom it behoves.
    pub fn reopen(
        &mut self,
        task_id: TaskId,
        by: Scheduler,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_scheduler(task_id, by)?;
        let task = self.tasks.get_mut(&task_id).ok_or(Refusal::Silent)?;
        require(task.status == TaskStatus::Revealing)?;
        require(now < task.final_deadline)?;
        require(task.reveal_deadline <= now && task.reveal_counter == 0)?;
        let agreed = task.group_weight(task.consensus);
        let total = task.total.checked_sub(agreed).expect("the total contains every group");

        for contribution in &mut task.contributions {
            if contribution.hash == task.consensus {
                contribution.status = ContributionStatus::Rejected;
            }
        }
        let consensus = task.consensus;
        set_group(task, consensus, U256::ZERO);
        task.total = total;
        task.status = TaskStatus::Active;
        task.consensus = B256::ZERO;
        task.reveal_deadline = Timestamp::default();
        task.winner_counter = 0;
        events.push(Event::TaskReopen { task: task_id });
        Ok(())
    }

    /// A pool acts by its owner at the match, or by the exchange that hosts it.
    pub(crate) fn check_scheduler(&self, task: TaskId, by: Scheduler) -> Result<(), Refusal> {
        let deal = self.tasks.get(&task).and_then(|task| self.deals.get(&task.deal)).ok_or(Refusal::Silent)?;
        match by {
            Scheduler::Sender(sender) => require(sender == deal.workerpool.owner),
            Scheduler::Exchange => Ok(()),
        }
    }

    /// A TEE deal needs an enclave, the worker an authorization, an enclave its signature.
    pub(crate) fn check_backing(&self, deal: &Deal, backing: Backing) -> Result<(), Refusal> {
        let in_enclave = !backing.enclave.is_zero();
        require(in_enclave || !deal.tag.needs_tee())?;
        match backing.authorization {
            Authorization::Signed(signer) => {
                let broker = in_enclave && !self.teebroker.is_zero();
                let authority = if broker { self.teebroker } else { deal.workerpool.owner };
                require(self.is_signed(authority, signer)?)?;
            }
            Authorization::Hosted => {}
        }
        require(!in_enclave || self.is_signed(backing.enclave, backing.enclave_signer)?)
    }

    /// The tasks as they would be opened; each may occur once.
    pub(crate) fn draft_tasks(&self, places: &[(DealId, U256)]) -> Result<Vec<(TaskId, Task)>, Refusal> {
        let tasks: Vec<_> =
            places.iter().map(|(deal, index)| self.draft_task(*deal, *index)).collect::<Result<_, _>>()?;
        let distinct: BTreeSet<TaskId> = tasks.iter().map(|(id, _)| *id).collect();
        require(distinct.len() == tasks.len())?;
        Ok(tasks)
    }

    fn draft_task(&self, deal: DealId, index: U256) -> Result<(TaskId, Task), Refusal> {
        let id = ids::task_id(deal, index);
        self.draft_known(id, deal, index).map(|task| (id, task))
    }

    fn draft_known(&self, id: TaskId, deal_id: DealId, index: U256) -> Result<Task, Refusal> {
        let deal = self.deals.get(&deal_id).ok_or(Refusal::Silent)?;
        require(deal.has_index(index))?;
        require(!self.tasks.contains_key(&id))?;
        let timeref = self.category(deal.category).expect("a deal's category exists").seconds;
        Ok(Task {
            status: TaskStatus::Active,
            deal: deal_id,
            index,
            timeref,
            contribution_deadline: deadline(deal.start_time, timeref, CONTRIBUTION_DEADLINE_RATIO)?,
            reveal_deadline: Timestamp::default(),
            final_deadline: deadline(deal.start_time, timeref, FINAL_DEADLINE_RATIO)?,
            consensus: B256::ZERO,
            reveal_counter: 0,
            winner_counter: 0,
            contributions: Vec::new(),
            result_digest: B256::ZERO,
            results: Bytes::new(),
            results_callback: Bytes::new(),
            groups: Vec::new(),
            total: U256::ONE,
        })
    }

    pub(crate) fn open(&mut self, id: TaskId, task: Task, events: &mut Vec<Event>) -> TaskId {
        let workerpool = self.deals.get(&task.deal).expect("a task has its deal").workerpool.pointer;
        self.tasks.insert(id, Box::new(task));
        events.push(Event::TaskInitialize { task: id, workerpool });
        id
    }

    /// When the tasks of a deal fail; nothing where that is beyond the end of time.
    #[must_use]
    pub fn final_deadline(&self, deal: &Deal) -> Option<Timestamp> {
        let timeref = self.category(deal.category)?.seconds;
        deadline(deal.start_time, timeref, FINAL_DEADLINE_RATIO).ok()
    }

    /// Until when the tasks of a deal take contributions; nothing where that is beyond the end of time.
    #[must_use]
    pub fn contribution_deadline(&self, deal: &Deal) -> Option<Timestamp> {
        let timeref = self.category(deal.category)?.seconds;
        deadline(deal.start_time, timeref, CONTRIBUTION_DEADLINE_RATIO).ok()
    }
}

/// `start + seconds × ratio`.
fn deadline(start: Timestamp, seconds: u64, ratio: u64) -> Result<Timestamp, Refusal> {
    let later = seconds.checked_mul(ratio).and_then(|span| span.checked_add(start.seconds()));
    let seconds = later.ok_or(Refusal::Overflow)?;
    let deadline = Timestamp::from_seconds(seconds);
    if deadline.seconds() == seconds { Ok(deadline) } else { Err(Refusal::Overflow) }
}

/// When results have to be shown if workers agree now.
pub(crate) fn reveal_deadline(task: &Task, now: Timestamp) -> Result<Timestamp, Refusal> {
    deadline(now, task.timeref, REVEAL_DEADLINE_RATIO)
}

fn set_group(task: &mut Task, hash: B256, weight: U256) {
    match task.groups.iter_mut().find(|group| group.hash == hash) {
        Some(group) => group.weight = weight,
        None => task.groups.push(Group { hash, weight }),
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "tests may stop on overflow")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many newcomers who all agree are enough.
    fn newcomers_needed(trust: u64) -> u32 {
        (1..64)
            .find(|count| {
                let group = weight(U256::ZERO).pow(U256::from(*count));
                is_consensus(group, group + U256::ONE, U256::from(trust)).unwrap()
            })
            .unwrap()
    }

    #[test]
    fn each_newcomer_doubles_the_trust() {
        let needed: Vec<u32> = [1, 2, 3, 4, 5, 8, 9, 16, 17].into_iter().map(newcomers_needed).collect();
        assert_eq!(needed, [1, 1, 2, 2, 3, 3, 4, 4, 5]);
    }

    #[test]
    fn a_score_counts_from_twelve_on() {
        let weights: Vec<U256> = [0, 11, 12, 14, 15, 200].into_iter().map(|score| weight(U256::from(score))).collect();
        assert_eq!(weights, [2, 2, 3, 3, 4, 65].map(U256::from));
        let logs: Vec<u32> = [2, 3, 4, 65].into_iter().map(|weight| log_weight(U256::from(weight))).collect();
        assert_eq!(logs, [1, 1, 2, 6]);
    }

    #[test]
    fn a_trust_that_cannot_be_reckoned_with_is_a_panic_of_the_contracts() {
        let two = U256::from(2u64);
        assert_eq!(is_consensus(two, two + U256::ONE, U256::MAX), Err(Refusal::Overflow));
    }

    proptest! {
        #[test]
        fn more_weight_against_never_makes_a_consensus(group in 1u64..1_000, total in 1u64..1_000, trust in 1u64..1_000) {
            let agrees = |total| is_consensus(U256::from(group), U256::from(total), U256::from(trust)).unwrap();
            prop_assert!(agrees(total) || !agrees(total + 1));
        }
    }
}
