//! Deals, their tasks, and what workers contributed.

use serde::{Deserialize, Serialize};
use units::{Address, Amount, B256, Bytes, CategoryId, DealId, Tag, Timestamp, U256};

/// One side of a deal: the thing sold, who owned it at the match, and its price for a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The asset; zero if there is none.
    pub pointer: Address,
    /// Who is paid for it.
    pub owner: Address,
    /// For each task.
    pub price: Amount,
}

/// Four orders made binding (PoCo's `viewDeal`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The app.
    pub app: Part,
    /// The dataset, if any.
    pub dataset: Part,
    /// The pool.
    pub workerpool: Part,
    /// How sure to be of each result; at least 1.
    pub trust: U256,
    /// The time class.
    pub category: CategoryId,
    /// Capabilities demanded by app, data and request together.
    pub tag: Tag,
    /// Who asked.
    pub requester: Address,
    /// For whom the results are.
    pub beneficiary: Address,
    /// Whom to call with results; zero: nobody.
    pub callback: Address,
    /// What the tasks are to do.
    pub params: String,
    /// When it was matched, to the second; every deadline counts from here.
    pub start_time: Timestamp,
    /// The first task's index.
    pub bot_first: U256,
    /// How many tasks.
    pub bot_size: U256,
    /// What a worker locks to contribute to a task.
    pub worker_stake: Amount,
    /// The pool owner's share of the pot, percent.
    pub scheduler_reward_ratio: U256,
    /// Who pays.
    pub sponsor: Address,
}

impl Deal {
    /// Whether the deal has a task of this index.
    #[must_use]
    pub fn has_index(&self, index: U256) -> bool {
        index.checked_sub(self.bot_first).is_some_and(|offset| offset < self.bot_size)
    }

    /// What a task costs its payer.
    #[must_use]
    pub fn task_price(&self) -> Amount {
        let sum = self.app.price.checked_add(self.dataset.price).and_then(|sum| sum.checked_add(self.workerpool.price));
        sum.expect("the price was locked at the match")
    }

    /// What the pool stakes for a task.
    #[must_use]
    pub fn pool_stake(&self) -> Amount {
        crate::money::percent(self.workerpool.price, crate::WORKERPOOL_STAKE_RATIO)
            .expect("the stake was computed at the match")
    }
}

/// Where a task stands. A task that nobody opened has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Open for contributions.
    Active,
    /// Workers agree; they have to show what they agreed on.
    Revealing,
    /// Done and paid.
    Completed,
    /// Not done in time; the payer has the price back.
    Failed,
}

impl TaskStatus {
    /// PoCo's number (0 is a task without record).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Revealing => 2,
            Self::Completed => 3,
            Self::Failed => 4,
        }
    }

    /// Whether nothing more can happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Active | Self::Revealing => false,
            Self::Completed | Self::Failed => true,
        }
    }
}

/// Where a worker's contribution stands. A worker that did not contribute has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContributionStatus {
    /// Committed.
    Contributed,
    /// Shown, and right.
    Proved,
    /// Agreed upon but not shown in time, when the task was reopened.
    Rejected,
}

impl ContributionStatus {
    /// PoCo's number (0 is a worker without contribution).
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Contributed => 1,
            Self::Proved => 2,
            Self::Rejected => 3,
        }
    }
}

/// A worker's commitment to a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// Who.
    pub worker: Address,
    /// Where it stands.
    pub status: ContributionStatus,
    /// The hash of the result: equal for workers who agree.
    pub hash: B256,
    /// The hash that is the worker's own.
    pub seal: B256,
    /// The enclave that vouches for it; zero: none.
    pub enclave: Address,
    /// The share in the reward: the logarithm of the worker's weight.
    pub weight: u32,
}

/// Contributors who agree, and the weight of their agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The hash of the result.
    pub hash: B256,
    /// The product of the members' weights; zero after a reopening.
    pub weight: U256,
}

/// One run of a deal's app (PoCo's `viewTask`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Where it stands.
    pub status: TaskStatus,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the deal's bag.
    pub index: U256,
    /// The category's time, seconds.
    pub timeref: u64,
    /// Contributions are taken before this.
    pub contribution_deadline: Timestamp,
    /// Results are shown before this; zero while there is no consensus.
    pub reveal_deadline: Timestamp,
    /// From here the payer can have the price back.
    pub final_deadline: Timestamp,
    /// The hash of the agreed result; zero while there is none.
    pub consensus: B256,
    /// How many showed it.
    pub reveal_counter: u64,
    /// How many agreed on it.
    pub winner_counter: u64,
    /// Contributions in the order they came.
    pub contributions: Vec<Contribution>,
    /// The shown result's digest; zero while there is none.
    pub result_digest: B256,
    /// What the pool says about where the result is.
    pub results: Bytes,
    /// The data given to the callback.
    pub results_callback: Bytes,
    /// Who agrees with whom.
    pub(crate) groups: Vec<Group>,
    /// One more than the weight of all groups.
    pub(crate) total: U256,
}

impl Task {
    /// A worker's contribution, if it made one.
    #[must_use]
    pub fn contribution(&self, worker: Address) -> Option<&Contribution> {
        self.contributions.iter().find(|contribution| contribution.worker == worker)
    }

    /// Who agrees with whom, and how weighty that is.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// One more than the weight of all groups: the other side of PoCo's consensus inequality.
    #[must_use]
    pub fn total_weight(&self) -> U256 {
        self.total
    }

    /// The weight of the contributors who agree on `hash`.
    #[must_use]
    pub fn group_weight(&self, hash: B256) -> U256 {
        self.groups.iter().find(|group| group.hash == hash).map_or(U256::ZERO, |group| group.weight)
    }
}
