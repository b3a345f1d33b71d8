//! Jobs: one request order and the deals and tasks that came of it.

use orders::{RequestOrder, Signed};
use serde::{Deserialize, Serialize};
use units::{Address, Amount, B256, DealId, Digest, OrderHash, TaskId, Timestamp};

/// `POST /v1/jobs`: places the request order and keeps a name for it. The blobs its params name must be uploaded before.
/// The same order again gets the same answer. Answer: [`Job`] with its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// The signed request order.
    pub order: Signed<RequestOrder>,
    /// A name for people, such as `tracer.wasm × 24`.
    #[serde(default)]
    pub title: String,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is matched yet.
    Waiting,
    /// Some tasks are matched, and not all have ended.
    Running,
    /// Every task has a verified result, and none is a failure.
    Completed,
    /// Every task has ended, and some failed or were not done in time.
    Failed,
    /// Closed by its requester; what was matched has ended.
    Cancelled,
    /// Taken off the book because its program always fails, or its checker never tells; what was matched has ended.
    Halted,
}

impl State {
    /// Whether nothing more will happen to the job.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Halted)
    }
}

/// `GET /v1/jobs/{id}`, a row of `GET /v1/jobs`, and the `progress` event of `GET /v1/jobs/{id}/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The request order's hash.
    pub id: OrderHash,
    /// A name for people.
    pub title: String,
    /// Who asked and pays.
    pub requester: Address,
    /// The app it runs.
    pub app: Address,
    /// Where it stands.
    pub state: State,
    /// When it was submitted.
    pub created: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How sure the requester wants to be.
    pub trust: u64,
    /// Time class.
    pub category: u64,
    /// Tasks asked for.
    pub tasks: u64,
    /// Tasks bought so far.
    pub matched: u64,
    /// Tasks some worker holds now.
    pub running: u64,
    /// Replicas workers hold now.
    pub replicas: u64,
    /// Tasks with a verified result (failures agreed by two are results too).
    pub finished: u64,
    /// Of those finished, how many are failures of the program.
    pub failed: u64,
    /// Tasks not done in time and claimed back.
    pub claimed: u64,
    /// Tasks with a result that is delivered and not final: one worker's word, not paid until the check that covers it passes.
    #[serde(default)]
    pub provisional: u64,
    /// Of those finished, tasks of whose results its checker could tell no two from each other: the first was taken.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undecided: u64,
    /// Whether no more tasks are bought because its program always fails (the failures say how), or its checker never tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub halted: bool,
    /// Paid so far, nano-credits.
    pub spent: Amount,
    /// Locked for tasks bought and not yet paid, nano-credits.
    pub locked: Amount,
    /// Forecast of the time left, milliseconds, once two tasks are finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// Its deals, oldest first, at most 1,000.
    pub deals: Vec<DealId>,
}

/// A task's result as it is now: a row of `GET /v1/jobs/{id}/results?from&limit` and the `result` event of `/events`. A later
/// row of the same task, with a greater ordinal, takes the place of an earlier one, which may then be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResult {
    /// In which order the job's results came to be what they are, from 0, with gaps; `from` and the event's id.
    pub ordinal: u64,
    /// Index of the task in the job's bag.
    pub index: u64,
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// How it ended.
    pub outcome: Outcome,
    /// The agreed result digest; zero for a claimed task.
    pub digest: B256,
    /// The canonical result package, to fetch from `/v1/blobs/{digest}`; for a failure, its encoding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<Digest>,
    /// What the program last said on standard error, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// What the program last said on standard output, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// What the requester paid for it, nano-credits.
    pub cost: Amount,
    /// Workers whose results agreed.
    pub agreed: u64,
    /// Workers whose results differed.
    pub dissented: u64,
    /// When it ended.
    pub ended: Timestamp,
    /// Whether it may still come to nothing: one worker's word, before the check that covers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Whether it came to nothing: whoever stated it is not believed, and another result will come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
    /// How long it ran, milliseconds: the longest that somebody who agrees says; missing where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_ms: Option<u64>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A verified result.
    Completed,
    /// The program failed, agreed by at least two workers: a trap, an exit code, a limit. In words.
    Failed {
        /// The failure in words.
        reason: String,
    },
    /// Not done in time; the price went back to the requester.
    Claimed,
}

/// `GET /v1/tasks/{id}`: a task with everything that happened to it, once it is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task.
    pub id: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Index in the bag.
    pub index: u64,
    /// PoCo status: `unset`, `active`, `revealing`, `completed`, `failed`.
    pub status: String,
    /// Those who took part; empty before the task is final.
    pub contributors: Vec<Contributor>,
}

/// A worker's part in a final task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contributor {
    /// The worker.
    pub worker: Address,
    /// `proved`, `contributed`, `rejected`.
    pub status: String,
    /// Paid to it, nano-credits.
    pub reward: Amount,
}

/// A deal in full: `GET /v1/deals/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The deal.
    pub id: DealId,
    /// Who pays.
    pub requester: Address,
    /// App, its owner and price.
    pub app: Part,
    /// Dataset, its owner and price, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Part>,
    /// Workerpool, its owner and price.
    pub workerpool: Part,
    /// Time class.
    pub category: u64,
    /// Trust.
    pub trust: u64,
    /// First task index.
    pub first: u64,
    /// How many tasks.
    pub volume: u64,
    /// A worker's stake for a task, nano-credits.
    pub worker_stake: Amount,
    /// When it was matched.
    pub started: Timestamp,
}

/// One side of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The app, dataset or pool.
    pub address: Address,
    /// Who owns it and is paid.
    pub owner: Address,
    /// Price of a task, nano-credits.
    pub price: Amount,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
