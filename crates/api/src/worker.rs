//! The worker protocol: JSON text frames over `GET /v1/worker` (WebSocket), the same for native agents and browsers.
//!
//! A worker holds at most one assignment of a task, so an assignment is named by its task; nothing tells a worker whether
//! it is the first replica. The exchange speaks first ([`ToWorker::Challenge`]); the worker answers with
//! [`FromWorker::Hello`]; then work is granted up to the worker's free slots. Commitments, completions and reveals come in
//! batches under one EIP-712 signature over typed hashes (`orders::batch`), never over this JSON.
//!
//! The way of a task: *assign* → fetch → run → at trust 1 *complete* (digest in the clear), else *commit* → (gate,
//! consensus) → *reveal* asked → *reveal* → perhaps *upload* asked → blob PUT, *uploaded* → *settled*.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use units::{Address, Amount, B256, Bytes, DealId, Digest, Tag, TaskId, Timestamp};

/// What the exchange says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// First frame: prove who you are by signing this.
    Challenge {
        /// [`crate::limits::PROTOCOL_VERSION`].
        version: u32,
        /// Chain id of the signatures' domain.
        chain_id: u64,
        /// Hub, the signatures' verifying contract.
        hub: Address,
        /// Random text to sign.
        challenge: String,
    },
    /// The hello was taken.
    Welcome {
        /// Bearer token for blobs over HTTP.
        token: String,
        /// Held tasks that go on.
        adopted: Vec<TaskId>,
        /// Held tasks to drop.
        dropped: Vec<TaskId>,
        /// Sequence the worker's next signed batch must exceed.
        sequence: u64,
    },
    /// Work. Deals not yet described on this connection come with it.
    Assign {
        /// Descriptions of deals named for the first time on this connection.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        deals: Vec<DealBrief>,
        /// The assignments.
        tasks: Vec<Assignment>,
    },
    /// Consensus was reached on what you committed: reveal it.
    Reveal {
        /// Which.
        tasks: Vec<TaskId>,
        /// Of those, the ones of which a checker found your result as good as equal to another: reveal that one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        instead: Vec<Instead>,
    },
    /// You were chosen to upload these results' blobs, then say [`FromWorker::Uploaded`].
    Upload {
        /// Which.
        tasks: Vec<TaskId>,
    },
    /// Drop these; nothing is held against you.
    Cancel {
        /// Which.
        tasks: Vec<TaskId>,
        /// Why, in words.
        reason: String,
    },
    /// These ended and are settled; forget them.
    Settled {
        /// How each ended for you.
        tasks: Vec<Settlement>,
    },
    /// Something you sent was not taken.
    Refused {
        /// About which task, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<TaskId>,
        /// A stable word.
        code: String,
        /// In words.
        reason: String,
    },
    /// The exchange ends the connection (shutting down, another connection of yours, silence, too many errors).
    Bye {
        /// Why, in words.
        reason: String,
        /// Whether to come back.
        reconnect: bool,
    },
    /// Heartbeat.
    Ping,
}

/// A result that a worker's own is as good as equal to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instead {
    /// The task.
    pub task: TaskId,
    /// The digest to reveal.
    pub digest: B256,
    /// Its package.
    pub blob: Digest,
    /// Its data for the deal's callback, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Bytes>,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromWorker {
    /// Who the worker is and what it can do.
    Hello(Box<Hello>),
    /// Tasks the worker can take beyond those it holds, from now on (its free slots).
    Ready {
        /// Free slots.
        slots: u32,
    },
    /// Where tasks are: the clock of that phase starts.
    Phase {
        /// Which.
        tasks: Vec<TaskId>,
        /// Which phase.
        phase: Phase,
    },
    /// What the worker works for from now on, in place of what its hello said: its owner's rule, or its site's wish, changed.
    Floors {
        /// As [`Hello::floors`].
        #[serde(default, deserialize_with = "floors")]
        floors: BTreeMap<u64, Amount>,
        /// As [`Hello::heat`].
        #[serde(default)]
        heat: u8,
    },
    /// Commitments, completions, reveals under one signature.
    Batch(Box<Batch>),
    /// The blobs of these results are uploaded.
    Uploaded {
        /// Which.
        tasks: Vec<TaskId>,
    },
    /// The worker gives a task back; never held against it.
    Decline {
        /// Which.
        task: TaskId,
        /// Why.
        reason: DeclineReason,
    },
    /// Heartbeat.
    Pong,
}

/// Who a worker is, what it can do and what it still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::limits::PROTOCOL_VERSION`].
    pub version: u32,
    /// Software, such as `hands 0.1.0`.
    pub software: String,
    /// The worker.
    pub worker: Address,
    /// Who owns it; itself unless `owner_signature` is there.
    pub owner: Address,
    /// The owner's signature over worker and owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_signature: Option<Bytes>,
    /// The pool it works for.
    pub pool: Address,
    /// Greater than in the worker's hello before.
    pub nonce: u64,
    /// The worker's signature over challenge, worker, owner, pool and nonce (`orders::WorkerHello`).
    pub signature: Bytes,
    /// Needed on a private exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_token: Option<String>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Least price it works for, by category, nano-credits a task; a category not named is not wanted. Empty: any, for nothing.
    #[serde(default, deserialize_with = "floors")]
    pub floors: BTreeMap<u64, Amount>,
    /// Where it is, in its owner's word, such as `eu-west`: equal words are near each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How much its site wishes for load, percent of all it can have: its waste heat is of use there. The floors are already
    /// what its owner asks at this demand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub heat: u8,
    /// Files that it holds already, those used last first: it starts tasks of their apps and datasets sooner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cached: Vec<Digest>,
    /// Tasks it can hold at once.
    pub slots: u32,
    /// What it still holds from before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holding: Vec<Held>,
}

/// JSON's keys are text, and a tagged frame is buffered before it is read, which loses serde's own care for numbers as keys.
fn floors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u64, Amount>, D::Error> {
    let floors = BTreeMap::<String, Amount>::deserialize(deserializer)?;
    let number = |(category, floor): (String, Amount)| Ok((category.parse().map_err(D::Error::custom)?, floor));
    floors.into_iter().map(number).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

fn is_none(tag: &Tag) -> bool {
    *tag == Tag::NONE
}

/// What a machine can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Cores it lends.
    pub cores: u32,
    /// Memory a task may use, MiB.
    pub memory_mib: u64,
    /// Disk a task may use, MiB.
    pub disk_mib: u64,
    /// Runtimes: `wasm`, and for container images the one in use, such as `runc`.
    pub runtimes: Vec<String>,
    /// Benchmark on one core, millions of operations a second.
    pub benchmark: u64,
    /// Its processors' family, such as `x86_64 AuthenticAMD 25-1`: results of some programs are equal only where it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub processor: String,
    /// Bits of orders' tags that it serves: it takes no task that asks for others.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tag: Tag,
}

/// A task a worker still holds when it comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the bag.
    pub index: u64,
    /// How far it is.
    pub phase: Phase,
}

/// How far an assignment is; each phase has a clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Getting app and inputs, or waiting for a free core. Said again while more of them comes.
    Fetch,
    /// Running.
    Run,
    /// Done: committed or completed, waiting for the others.
    Committed,
    /// Uploading its result.
    Upload,
}

/// What a deal's tasks have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealBrief {
    /// The deal.
    pub deal: DealId,
    /// The app's module; of an image, its manifest.
    pub app: Digest,
    /// App type: `WASM`, or `DOCKER` for an image.
    pub app_type: String,
    /// Where an image is, to be read with [`crate::image::ImageAddress`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The dataset's file, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<crate::params::Input>,
    /// The request's params, to be read with [`crate::params::Params::parse`].
    pub params: String,
    /// First task index.
    pub first: u64,
    /// How many tasks.
    pub size: u64,
    /// Trust 1: say the digest at once ([`Batch::completes`]); else commit first.
    pub direct: bool,
    /// A task's limits.
    pub limits: TaskLimits,
}

/// What a task may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLimits {
    /// Running time, milliseconds: the category's, on a reference machine.
    pub run_ms: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Output: all files together, MiB.
    pub output_mib: u64,
    /// Output: number of files.
    pub output_files: u64,
}

/// One task of a deal, for this worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The task; also the seed of its randomness.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the bag.
    pub index: u64,
    /// A commitment later than this is too late.
    pub until: Timestamp,
}

/// Statements under one signature (`orders::batch`). Results up to `INLINE_RESULT_BYTES` ride along, outside the signature:
/// their digest is inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Strictly increasing for a worker.
    pub sequence: u64,
    /// Sealed results (trust ≥ 2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commit>,
    /// Results in the clear (trust 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completes: Vec<Complete>,
    /// Opened seals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveals: Vec<Reveal>,
    /// The worker's signature over the batch.
    pub signature: Bytes,
}

/// A sealed result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The task.
    pub task: TaskId,
    /// `keccak256(task ‖ digest)`.
    pub result_hash: B256,
    /// `keccak256(worker ‖ task ‖ digest)`.
    pub result_seal: B256,
    /// Whether it states that the program failed.
    pub failed: bool,
    /// Running time, milliseconds, for forecasts only.
    pub ran_ms: u64,
    /// Which result it is, for the exchange alone, outside the signature: the seal has its digest. The pool lets nothing through
    /// whose package it cannot have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Box<Opened>>,
}

/// Which result a commitment seals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Result digest.
    pub digest: B256,
    /// The package.
    pub result: Package,
}

/// A result in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    /// The task.
    pub task: TaskId,
    /// Result digest.
    pub digest: B256,
    /// Whether it states that the program failed.
    pub failed: bool,
    /// Running time, milliseconds, for forecasts only.
    pub ran_ms: u64,
    /// The package.
    pub result: Package,
}

/// An opened seal. Small results came with the commitment, and need not come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The task.
    pub task: TaskId,
    /// Result digest.
    pub digest: B256,
    /// The package.
    pub result: Package,
}

/// Where a result's package is, and what came beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// SHA-256 of the canonical encoding (of the failure's encoding, if it failed).
    pub blob: Digest,
    /// Its size, bytes.
    pub size: u64,
    /// The encoding itself when small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Bytes>,
    /// `callback-data` of `computed.json`, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Bytes>,
    /// Last words on standard error, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// Last words on standard output, bounded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
}

/// Why a worker gives a task back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// Its owner needs the machine, or it is shutting down.
    Owner,
    /// App or inputs could not be had.
    Fetch,
    /// No disk left.
    Disk,
    /// No memory left.
    Memory,
    /// It took too long on this machine.
    TooSlow,
    /// It has no runtime for this app.
    Runtime,
    /// The deal's params are of a version that it does not know. What no version can read is a failure, agreed like any.
    Params,
    /// Something else broke on this machine.
    Broken,
}

/// How a task ended for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The task.
    pub task: TaskId,
    /// How.
    pub ending: Ending,
    /// Paid, nano-credits.
    pub reward: Amount,
}

/// How a task ended for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its result was accepted and paid.
    Accepted,
    /// Another result was accepted.
    Dissented,
    /// Not needed: others were faster.
    NotNeeded,
    /// The task was not done in time.
    Claimed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_agents_hello_is_still_a_hello() {
        let text = r#"{"type":"hello","version":1,"software":"hands 0.1.0","worker":"0x1111111111111111111111111111111111111111",
            "owner":"0x1111111111111111111111111111111111111111","pool":"0x2222222222222222222222222222222222222222","nonce":1,
            "signature":"0x","capabilities":{"cores":1,"memory_mib":1,"disk_mib":1,"runtimes":["wasm"],"benchmark":1},
            "floors":{"5":"3"},"slots":1}"#;
        let FromWorker::Hello(hello) = serde_json::from_str(text).unwrap() else { panic!("it is a hello") };
        assert_eq!((hello.heat, &hello.region, hello.capabilities.tag), (0, &None, Tag::NONE));
        assert_eq!(hello.floors, BTreeMap::from([(5, Amount::nanos(3))]));
        let again = serde_json::to_string(&FromWorker::Hello(hello)).unwrap();
        assert!(!["heat", "region", "cached", "tag"].iter().any(|name| again.contains(name)), "{again}");
    }

    #[test]
    fn floors_stated_anew_are_read_as_they_are_written() {
        let frame = FromWorker::Floors { floors: BTreeMap::from([(0, Amount::nanos(7))]), heat: 60 };
        let text = serde_json::to_string(&frame).unwrap();
        assert_eq!(text, r#"{"type":"floors","floors":{"0":"7"},"heat":60}"#);
        assert_eq!(serde_json::from_str::<FromWorker>(&text).unwrap(), frame);
    }
}
