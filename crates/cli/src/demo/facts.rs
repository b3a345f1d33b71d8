//! What happened to each task, from the journal: who committed to what, what was agreed, who showed it, who was paid beside
//! PoCo. Only that is taken from it; what should have been paid for it is reckoned anew in [`super::proof`].

use exchange::{Event, Exchange};
use journal::{Journal, JournalError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use units::{Address, Amount, B256, TaskId, U256};

/// A worker's part in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contribution {
    pub(super) worker: Address,
    /// Equal for workers who agree.
    pub(super) hash: B256,
    /// Its share in the pot: the logarithm of the weight that its score gave it then.
    pub(super) log_weight: u32,
}

/// What happened to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskFacts {
    pub(super) contributions: Vec<Contribution>,
    pub(super) consensus: Option<B256>,
    /// Who showed what was agreed on.
    pub(super) shown: BTreeSet<Address>,
    /// What PoCo paid for it, by whom it was paid to.
    pub(super) rewards: BTreeMap<Address, Amount>,
    /// Whether it was finished and paid.
    pub(super) finalized: bool,
}

/// What the pool's owner paid a worker beside PoCo's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) pool: Address,
    pub(super) worker: Address,
    pub(super) amount: Amount,
}

/// What the journal says.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) tasks: BTreeMap<TaskId, TaskFacts>,
    pub(super) beside: Vec<Beside>,
    /// Credits issued.
    pub(super) issued: U256,
    /// Scores by PoCo's rule, counted here.
    pub(super) scores: BTreeMap<Address, u64>,
    /// What everybody has in the replayed state, free and locked together.
    pub(super) balances: BTreeMap<Address, Amount>,
}

impl TaskFacts {
    /// Whether a contributor is to be paid: it showed what was agreed on.
    pub(super) fn is_proved(&self, part: &Contribution) -> bool {
        Some(part.hash) == self.consensus && self.shown.contains(&part.worker)
    }
}

/// Reads the journal of an exchange that has closed.
pub(super) fn read(folder: &Path) -> Result<Facts, JournalError> {
    let mut facts = Facts::default();
    // From the first record after the genesis on: nothing is skipped for a snapshot.
    let opened = Journal::open(folder, Some(0), |_, _, events, _| events.iter().for_each(|event| facts.note(event)))?;
    facts.balances = balances(&opened.exchange);
    Ok(facts)
}

fn balances(exchange: &Exchange) -> BTreeMap<Address, Amount> {
    let accounts = exchange.hub().ledger().accounts();
    let sum = |free: Amount, locked| free.checked_add(locked).expect("what there is can be counted");
    accounts.map(|(address, account)| (address, sum(account.free, account.locked))).collect()
}

impl Facts {
    fn note(&mut self, event: &Event) {
        if let Event::Hub(event) = event {
            self.note_hub(event);
        } else if let Event::Issued { amount, .. } = event {
            self.issued += amount.0;
        } else if let Event::Paid { pool, worker, amount, .. } = event {
            self.beside.push(Beside { pool: *pool, worker: *worker, amount: *amount });
        }
    }

    fn note_hub(&mut self, event: &poco::Event) {
        use poco::Event as Hub;
        if let Hub::TaskContribute { task, worker, hash } = event {
            let log_weight = log_weight(self.scores.get(worker).copied().unwrap_or(0));
            let part = Contribution { worker: *worker, hash: *hash, log_weight };
            self.tasks.entry(*task).or_default().contributions.push(part);
        } else if let Hub::TaskConsensus { task, consensus } = event {
            self.tasks.entry(*task).or_default().consensus = Some(*consensus);
        } else if let Hub::TaskReopen { task } = event {
            self.tasks.entry(*task).or_default().consensus = None;
        } else if let Hub::TaskReveal { task, worker, .. } = event {
            self.tasks.entry(*task).or_default().shown.insert(*worker);
        } else if let Hub::Reward { owner, amount, reference } = event {
            let rewards = &mut self.tasks.entry(TaskId(*reference)).or_default().rewards;
            rewards.entry(*owner).or_default().0 += amount.0;
        } else if let Hub::TaskFinalize { task, .. } = event {
            let facts = self.tasks.entry(*task).or_default();
            facts.finalized = true;
            // A task with one contributor teaches nothing about it.
            if facts.contributions.len() > 1 {
                for part in &facts.contributions {
                    let score = self.scores.entry(part.worker).or_default();
                    *score = if facts.is_proved(part) { *score + 1 } else { *score * 2 / 3 };
                }
            }
        }
    }
}

/// A worker's share for its score: the logarithm of PoCo's weight.
fn log_weight(score: u64) -> u32 {
    ((score / 3).max(3) - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_weights_go_by_pocos_rule() {
        let (task, a, b, c) =
            (TaskId::default(), Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3));
        let (right, wrong) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let mut facts = Facts { scores: BTreeMap::from([(a, 15), (b, 14), (c, 5)]), ..Facts::default() };
        let contribute = |worker, hash| poco::Event::TaskContribute { task, worker, hash };
        let reveal = |worker| poco::Event::TaskReveal { task, worker, digest: B256::ZERO };
        let events = [
            contribute(a, right),
            contribute(c, wrong),
            contribute(b, right),
            poco::Event::TaskConsensus { task, consensus: right },
            reveal(a),
            reveal(b),
            poco::Event::Reward { owner: a, amount: Amount::nanos(7), reference: task.0 },
            poco::Event::TaskFinalize { task, results: units::Bytes::new() },
        ];
        events.into_iter().for_each(|event| facts.note(&Event::Hub(event)));
        let parts = &facts.tasks[&task].contributions;
        assert_eq!(parts.iter().map(|part| part.log_weight).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(
            parts.iter().map(|part| facts.tasks[&task].is_proved(part)).collect::<Vec<_>>(),
            [true, false, true]
        );
        assert_eq!(facts.tasks[&task].rewards, BTreeMap::from([(a, Amount::nanos(7))]));
        assert_eq!(facts.scores, BTreeMap::from([(a, 16), (b, 15), (c, 3)]));
    }
}
