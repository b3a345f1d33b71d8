//! The shapes of bodies, a line a field: `name: type`, with `?` after the name of a field that may be missing.
//!
//! Types: `text`, `int`, `bool`, `any`, `address` (20 bytes), `hash` (32), `bytes`, `digest`, `amount`, `time`, another
//! schema's name, any of them in brackets for a list.

use serde_json::{Map, Value, json};

/// A schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    description: &'static str,
    fields: &'static str,
}

impl Schema {
    pub(super) fn json(&self) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for line in self.fields.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
            let (name, kind) = line.split_once(':').expect("a field's line has a colon");
            let name = if let Some(optional) = name.strip_suffix('?') {
                optional
            } else {
                required.push(name);
                name
            };
            properties.insert(name.to_owned(), type_of(kind.trim()));
        }
        json!({ "type": "object", "description": self.description, "required": required, "properties": properties })
    }
}

fn type_of(kind: &str) -> Value {
    if let Some(item) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({ "type": "array", "items": type_of(item) });
    }
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        "text" => json!({ "type": "string" }),
        "int" => json!({ "type": "integer", "minimum": 0 }),
        "bool" => json!({ "type": "boolean" }),
        "any" => json!({}),
        "address" => pattern("^0x[0-9a-fA-F]{40}$"),
        "hash" => pattern("^0x[0-9a-fA-F]{64}$"),
        "bytes" => pattern("^0x([0-9a-fA-F]{2})*$"),
        "digest" => pattern("^sha256:[0-9a-f]{64}$"),
        "amount" => json!({ "type": "string", "pattern": "^[0-9]+$", "description": "nano-credits" }),
        "time" => json!({ "type": "integer", "description": "milliseconds since the Unix epoch" }),
        name => super::reference(name),
    }
}

const fn schema(name: &'static str, description: &'static str, fields: &'static str) -> Schema {
    Schema { name, description, fields }
}

/// All of them.
pub(super) fn all() -> Vec<Schema> {
    [&EXCHANGE[..], &MARKET[..], &EXPLAIN[..], &GATEWAY[..]].concat()
}

const EXCHANGE: [Schema; 22] = [
    schema("Error", "Any answer that is not a success.", "ok: bool; error: text; code: text"),
    schema("Health", "How the exchange does.", "status: text; version: text; sequence: int"),
    schema(
        "Exchange",
        "What a client needs to know before it signs anything.",
        "version: int; software: text; chain_id: int; hub: address; token: address; app_registry: address
         dataset_registry: address; workerpool_registry: address; operator: address; private: bool
         categories: [Category]; pools: [Pool]",
    ),
    schema("Category", "A time class.", "id: int; name: text; seconds: int"),
    schema(
        "Pool",
        "A hosted pool.",
        "name: text; address: address; owner: address; worker_stake_ratio: int; scheduler_reward_ratio: int; workers: int
         by_invitation?: bool",
    ),
    schema("SignIn", "An answered challenge.", "authorization: text; join_token?: text"),
    schema("Session", "A token for `authorization: Bearer`.", "token: text; address: address; expires: time"),
    schema("Receipt", "The operator's signature under what is durable.", "sequence: int; head: hash; signature: bytes"),
    schema("Stored", "A blob that is stored.", "digest: digest; size: int"),
    schema("Files", "An account's files.", "stored: int; allowed?: int; count: int; files: [Stored]"),
    schema("Forget", "Files that an account needs no more.", "digests: [digest]"),
    schema("Forgotten", "What became of them.", "forgotten: [Stored]; needed: [Stored]"),
    schema("PerhapsHere", "Whether a file is perhaps here.", "perhaps_here: bool"),
    schema(
        "Package",
        "What a requester's machine needs of an app with a manifest.",
        "app: address; owner: address; name: text; digest: digest; order: hash; since: time",
    ),
    schema("Packages", "Packages that are offered to everybody, the newest first.", "packages: [Package]"),
    schema("Alike", "Files of about that size that are the asker's to read, the nearest first.", "files: [Chunked]"),
    schema(
        "Chunked",
        "A file and its stretches, cut by FastCDC (64, 256, 1024 KiB): each its length, and the first six bytes of its SHA-256 as a number.",
        "digest: digest; chunks: [[int]]",
    ),
    schema("Rpc", "A JSON-RPC request.", "jsonrpc: text; id: any; method: text; params?: [any]"),
    schema(
        "RpcAnswer",
        "Its answer; a transaction's with the receipt.",
        "jsonrpc: text; id: any; result?: any; error?: any; receipt?: Receipt",
    ),
    schema("Account", "An account.", "address: address; free: amount; locked: amount; score: int; nonce: int"),
    schema("Outstanding", "Credits issued and not redeemed.", "outstanding: amount"),
    schema("Workers", "Workers.", "workers: [Worker]"),
];

const MARKET: [Schema; 26] = [
    schema(
        "Worker",
        "A worker.",
        "address: address; owner: address; pool: address; connected: bool; slots: int; cores: int; busy: int; finished: int
         score: int; benchmark: int; idle_because: text",
    ),
    schema("AnyOrder", "A signed order; `kind` is app, dataset, workerpool or request.", "kind: text; order: any"),
    schema("Placed", "An order was taken.", "order: hash"),
    schema("Orders", "Signed orders of any kinds, 512 at most.", "orders: [AnyOrder]"),
    schema("PlacedOrders", "What came of orders, each in its place.", "orders: [PlacedOrder]"),
    schema("PlacedOrder", "What came of an order: it was taken, or why not.", "order?: hash; refused?: Error"),
    schema("Book", "Orders at rest.", "orders: [BookRow]"),
    schema(
        "BookRow",
        "An order at rest.",
        "order: hash; kind: text; maker: address; subject: address; price: amount; remaining: int; volume: int; category?: int
         trust?: int; tag: hash; since: time; only_for?: address",
    ),
    schema("Submit", "A job to be bought.", "order: RequestOrder; title?: text"),
    schema(
        "RequestOrder",
        "A signed request order; numbers are decimal strings.",
        "app: address; appmaxprice: amount; dataset: address; datasetmaxprice: amount; workerpool: address
         workerpoolmaxprice: amount; requester: address; volume: amount; tag: hash; category: amount; trust: amount
         beneficiary: address; callback: address; params: text; salt: hash; sign: bytes",
    ),
    schema("Jobs", "Jobs.", "jobs: [Job]"),
    schema(
        "Job",
        "A job as it stands; `state` is waiting, running, completed, failed, cancelled or halted.",
        "id: hash; title: text; requester: address; app: address; state: text; created: time; ended?: time; trust: int
         category: int; tasks: int; matched: int; running: int; replicas: int; finished: int; failed: int; claimed: int
         provisional: int; undecided?: int; halted?: bool; spent: amount; locked: amount; eta_ms?: int; deals: [hash]",
    ),
    schema("Results", "Ended tasks, and from where to go on.", "results: [TaskResult]; next?: int"),
    schema(
        "TaskResult",
        "A task's result as it is now; a later row of the task takes its place.",
        "ordinal: int; index: int; task: hash; deal: hash; outcome: Outcome; digest: hash; blob?: digest; stderr?: text
         stdout?: text; cost: amount; agreed: int; dissented: int; ended: time; provisional?: bool; voided?: bool; ran_ms?: int",
    ),
    schema("Outcome", "How a task ended; `kind` is completed, failed or claimed.", "kind: text; reason?: text"),
    schema("Task", "A task.", "id: hash; deal: hash; index: int; status: text; contributors: [Contributor]"),
    schema("Contributor", "A worker's part in a final task.", "worker: address; status: text; reward: amount"),
    schema(
        "Deal",
        "A deal.",
        "id: hash; requester: address; app: Part; dataset?: Part; workerpool: Part; category: int; trust: int; first: int
         volume: int; worker_stake: amount; started: time",
    ),
    schema("Part", "A side of a deal.", "address: address; owner: address; price: amount"),
    schema("Challenge", "Typed data to sign.", "ok: bool; data: any"),
    schema(
        "Provider",
        "What a worker, an owner's machines or a pool have done, and how they are rated.",
        "address: address; pool?: text; delivered: int; late: int; wrong: int; score: int; checks: int; barred: bool
         withheld: amount; machines: [Machine]; performance: Marks; safety: Marks; ratings: [Rated]",
    ),
    schema(
        "Machine",
        "A machine in a pool.",
        "worker: address; owner: address; pool: address; connected: bool; accepted: int; checks: int; proven_at: int
         barred: bool; withheld: amount",
    ),
    schema("Marks", "Marks from 1 to 5.", "count: int; mean_hundredths: int"),
    schema(
        "Rated",
        "A rating.",
        "deal: hash; rater: address; subject: address; performance: int; safety: int; at: time",
    ),
    schema("SignedRating", "A rating and its EIP-712 signature.", "rating: Rating; sign: bytes"),
    schema(
        "Rating",
        "Marks from 1 (bad) to 5 (good) for a deal's other side.",
        "deal: hash; subject: address; performance: int; safety: int",
    ),
];

const EXPLAIN: [Schema; 8] = [
    schema(
        "Explain",
        "How far a request is matched, and why no further.",
        "order: hash; matched: int; running: int; provisional: int; finished: int; waiting: int; summary: text
         causes: [Cause]; standing: [Cause]; fixes: [Fix]; advice?: text",
    ),
    schema(
        "Cause",
        "Why some offers did not serve, or what some tasks wait for.",
        "code: text; count: int; tasks: int; detail: text",
    ),
    schema(
        "Fix",
        "What would get more tasks bought; matching was asked.",
        "changes: [Change]; matched: int; offers: int; tasks: int; machines?: int; words: text",
    ),
    schema(
        "Change",
        "A change of one thing; `what` is pool_price, app_price, dataset_price, deposit, trust, category, tag or any_pool.",
        "what: text; to?: text; more?: amount",
    ),
    schema(
        "ExplainWorker",
        "Why a worker has nothing to do.",
        "worker: address; owner: address; pool: address; holding: int; code: text; summary: text; advice?: text
         quarantined?: [Quarantine]",
    ),
    schema(
        "Quarantine",
        "Why a worker gets no more of a job; `why` is late, not_brought, dissented, denied, trouble, unable or slow.",
        "job: hash; why: text; words: text",
    ),
    schema(
        "ExplainTask",
        "Who had a task; before it is final only its requester sees the parts.",
        "task: hash; deal: hash; index: int; status: text; summary: text; attempts: [Attempt]",
    ),
    schema(
        "Attempt",
        "A worker's part in a task; `state` is fetching, running, stated or ended.",
        "role: text; state: text; worker?: address; granted: time; running?: time; stated?: time; ended?: time; why?: text
         words: text",
    ),
];

/// What an order record has, alone or in a list.
const ORDER_RECORD: &str = "orderHash: hash; order: any; chainId: int; remaining: int; status: text
    publicationTimestamp: text; signer: address; bulk?: bool";
const ONE_ORDER: &str = "ok: bool; orderHash: hash; order: any; chainId: int; remaining: int; status: text
    publicationTimestamp: text; signer: address; bulk?: bool";
/// A deal's fields, behind others or alone.
macro_rules! deal {
    ($first:literal) => {
        concat!(
            $first,
            "dealid: hash; chainId: int; app: DealPart; dataset: DealPart; workerpool: DealPart
             requester: address; beneficiary: address; callback: address; appHash: hash; datasetHash: hash; workerpoolHash: hash
             requestHash: hash; params: text; volume: int; category: int; tag: hash; trust: int; startTime: int; botFirst: int
             botSize: int; schedulerRewardRatio: int; workerStake: int; blockNumber: int; blockTimestamp: text
             transactionHash: hash"
        )
    };
}
const DEAL_RECORD: &str = deal!("");
const ONE_DEAL: &str = deal!("ok: bool; ");

const GATEWAY: [Schema; 15] = [
    schema("Version", "The gateway's version.", "ok: bool; version: text"),
    schema("Categories", "Time classes.", "ok: bool; count: int; nextPage?: int; categories: [CategoryRecord]"),
    schema("CategoryRecord", "A time class.", "catid: int; name: text; description: text; workClockTimeRef: int"),
    schema(
        "OneCategory",
        "A time class.",
        "ok: bool; catid: int; name: text; description: text; workClockTimeRef: int",
    ),
    schema("Publish", "An order to be published.", "order: any"),
    schema("Published", "It is.", "ok: bool; published: OrderRecord"),
    schema(
        "Unpublish",
        "Which orders; `target` is unpublish_orderHash, unpublish_last or unpublish_all.",
        "target?: text; orderHash?: hash; app?: address; dataset?: address; workerpool?: address; requester?: address",
    ),
    schema("Unpublished", "These are off the book.", "ok: bool; unpublished: [hash]"),
    schema("OrderRecord", "A published order.", ORDER_RECORD),
    schema("OneOrder", "A published order.", ONE_ORDER),
    schema("Orders", "A page of open orders.", "ok: bool; count: int; nextPage?: int; orders: [OrderRecord]"),
    schema("Deals", "A page of deals.", "ok: bool; count: int; nextPage?: int; deals: [DealRecord]"),
    schema("DealRecord", "A deal.", DEAL_RECORD),
    schema("OneDeal", "A deal.", ONE_DEAL),
    schema("DealPart", "A side of a deal.", "pointer: address; owner: address; price: int"),
];
