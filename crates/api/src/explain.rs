//! Why things stand still, each with the nearest thing that helps: a request, a worker, a task.
//!
//! Codes are stable and for programs; words are for people and may change.

use serde::{Deserialize, Serialize};
use units::{Address, Amount, DealId, OrderHash, TaskId, Timestamp};

/// `GET /v1/orders/{hash}/explain`, and `GET /v1/jobs/{id}/explain`: how far a request is matched and why no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explain {
    /// The request order.
    pub order: OrderHash,
    /// Tasks bought.
    pub matched: u64,
    /// Of those, tasks that some worker holds now.
    #[serde(default)]
    pub running: u64,
    /// Of those, tasks whose result is here but not final.
    #[serde(default)]
    pub provisional: u64,
    /// Of those, tasks that have ended.
    #[serde(default)]
    pub finished: u64,
    /// Tasks not yet bought.
    pub waiting: u64,
    /// One plain sentence.
    pub summary: String,
    /// What kept the waiting tasks from being bought: sell orders passed over, by cause.
    pub causes: Vec<Cause>,
    /// What the tasks wait for that are bought and have not ended.
    #[serde(default)]
    pub standing: Vec<Cause>,
    /// What would get more tasks bought at once, the nearest first.
    #[serde(default)]
    pub fixes: Vec<Fix>,
    /// The nearest thing that would help, in words; none when nothing waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Why some offers did not serve a request, or what some tasks wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A stable word. Of offers: `too_dear`, `trust_too_low`, `tag`, `category`, `restricted`, `no_app_order`,
    /// `no_dataset_order`, `funds`, `busy`, `unstaked`, `no_workers`. Of tasks: `untouched`, `running`, `hedged`, `wanting`,
    /// `undecided`, `held`, `showing`, `stuck`, `quarantined`.
    pub code: String,
    /// How many offers (or, for funds and the like, 1); how many tasks (or, for `quarantined`, workers).
    pub count: u64,
    /// How many tasks those offers would run.
    #[serde(default)]
    pub tasks: u64,
    /// In words.
    pub detail: String,
}

/// What would get more tasks bought. It was tried: matching finds a match for the request so changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// All of this together.
    pub changes: Vec<Change>,
    /// Tasks that would be bought at once with the first offer.
    pub matched: u64,
    /// Offers that would fit then.
    pub offers: u64,
    /// Tasks they would run.
    pub tasks: u64,
    /// Machines behind them, as far as their pools say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<u64>,
    /// In words.
    pub words: String,
}

/// A change of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `pool_price`, `app_price`, `dataset_price`, `deposit`, `trust`, `category`, `tag` or `any_pool`.
    pub what: String,
    /// The new value: nano-credits, trust, category or tag; none for `deposit` and `any_pool`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it costs more: of a price, a task; of a deposit, once; nano-credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Amount>,
}

/// `GET /v1/workers/{address}/explain`: why a worker has nothing (more) to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainWorker {
    /// The worker.
    pub worker: Address,
    /// Whose it is.
    pub owner: Address,
    /// Its pool.
    pub pool: Address,
    /// Tasks it holds.
    pub holding: u64,
    /// A stable word: `not_connected`, `barred`, `full`, `resting`, `no_work`, `quarantined`, `asks_too_much`, `wrong_category`,
    /// `cannot_stake`, `tag_missing`, `checks_behind`, `owner_takes_part`, `soon`.
    pub code: String,
    /// One plain sentence.
    pub summary: String,
    /// What would help, in words, where its owner can do something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Jobs of which it gets no more, as far as they were looked at, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantine>,
}

/// Why a worker gets no more of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The job.
    pub job: OrderHash,
    /// A stable word: `late`, `not_brought`, `dissented`, `denied`, `trouble`, `unable`, `slow`.
    pub why: String,
    /// In words, to follow "it".
    pub words: String,
}

/// `GET /v1/tasks/{id}/explain`: who had a task, how far they came, and why each part ended.
///
/// Of a task that is not final only its requester sees the parts, and names only of those that have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainTask {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the request's bag.
    pub index: u64,
    /// PoCo status: `unset`, `active`, `revealing`, `completed`, `failed`.
    pub status: String,
    /// One plain sentence.
    pub summary: String,
    /// Each worker's part, oldest first; what was begun before the exchange's last start is not known.
    pub attempts: Vec<Attempt>,
}

/// A worker's part in a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// `replica`, `hedge`, `check` or `witness`; before the task is final a check is a replica like any other.
    pub role: String,
    /// How far it is: `fetching`, `running`, `stated` or `ended`.
    pub state: String,
    /// Who, where that may be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Address>,
    /// When it was given the task.
    pub granted: Timestamp,
    /// When it began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Timestamp>,
    /// When it stated a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Timestamp>,
    /// When its part ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it ended, a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// In words.
    pub words: String,
}
