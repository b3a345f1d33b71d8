//! Every route: what it is asked and what it answers.

/// What a body is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    /// JSON of this schema.
    Json(&'static str),
    /// JSON of this schema with the operator's receipt beside it.
    Receipted(&'static str),
    /// Bytes of this media type.
    Bytes(&'static str),
    /// Text of this media type.
    Text(&'static str),
    /// No body; in words.
    Nothing(&'static str),
}

impl Says {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Json(name) | Self::Receipted(name) => name,
            Self::Bytes(kind) | Self::Text(kind) => kind,
            Self::Nothing(words) => words,
        }
    }
}

/// A route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [&'static str],
    pub(super) body: Option<Says>,
    pub(super) status: u16,
    pub(super) says: Says,
    pub(super) security: Option<&'static str>,
}

const PAGING: [&str; 3] = ["chainId", "pageIndex", "pageSize"];
const APP_ORDERS: [&str; 14] = [
    "chainId",
    "app",
    "appOwner",
    "dataset",
    "isDatasetStrict",
    "workerpool",
    "isWorkerpoolStrict",
    "requester",
    "isRequesterStrict",
    "minTag",
    "maxTag",
    "minVolume",
    "pageIndex",
    "pageSize",
];
const DATASET_ORDERS: [&str; 15] = [
    "chainId",
    "dataset",
    "datasetOwner",
    "app",
    "isAppStrict",
    "workerpool",
    "isWorkerpoolStrict",
    "requester",
    "isRequesterStrict",
    "minTag",
    "maxTag",
    "minVolume",
    "bulkOnly",
    "pageIndex",
    "pageSize",
];
const WORKERPOOL_ORDERS: [&str; 16] = [
    "chainId",
    "category",
    "workerpool",
    "workerpoolOwner",
    "minTrust",
    "minVolume",
    "minTag",
    "maxTag",
    "app",
    "isAppStrict",
    "dataset",
    "isDatasetStrict",
    "requester",
    "isRequesterStrict",
    "pageIndex",
    "pageSize",
];
const REQUEST_ORDERS: [&str; 14] = [
    "chainId",
    "category",
    "requester",
    "beneficiary",
    "app",
    "dataset",
    "workerpool",
    "isWorkerpoolStrict",
    "maxTrust",
    "minVolume",
    "minTag",
    "maxTag",
    "pageIndex",
    "pageSize",
];
const DEALS: [&str; 16] = [
    "chainId",
    "requester",
    "beneficiary",
    "app",
    "appOwner",
    "dataset",
    "datasetOwner",
    "workerpool",
    "workerpoolOwner",
    "category",
    "apporderHash",
    "datasetorderHash",
    "workerpoolorderHash",
    "requestorderHash",
    "pageIndex",
    "pageSize",
];

fn get(path: &'static str, tag: &'static str, summary: &'static str, says: Says) -> Route {
    Route { method: "get", path, tag, summary, query: &[], body: None, status: 200, says, security: None }
}

fn post(path: &'static str, tag: &'static str, summary: &'static str, body: Says, says: Says) -> Route {
    Route { method: "post", body: Some(body), ..get(path, tag, summary, says) }
}

impl Route {
    fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    fn signed_in(self) -> Self {
        Self { security: Some("session"), ..self }
    }
}

/// All of them.
pub(super) fn all() -> Vec<Route> {
    [exchange(), blobs(), orders(), jobs(), market(), gateway()].concat()
}

fn exchange() -> Vec<Route> {
    use Says::{Json, Text};
    let tag = "exchange";
    vec![
        get("/", tag, "One plain page: what this is", Text("text/html")),
        get("/healthz", tag, "Whether the exchange takes commands", Json("Health")),
        get("/metrics", tag, "Figures for Prometheus; docs/operating.md says what each means", Text("text/plain")),
        get("/v1/exchange", tag, "What the exchange says of itself", Json("Exchange")),
        get("/v1/openapi.json", tag, "This document", Text("application/json")),
        post("/v1/session", tag, "Sign in with an answered challenge", Json("SignIn"), Json("Session")),
        post("/rpc", tag, "Ethereum's JSON-RPC: transactions, nonces, receipts, views", Json("Rpc"), Json("RpcAnswer")),
        Route {
            status: 101,
            ..get(
                "/v1/worker",
                tag,
                "The worker protocol: a WebSocket of JSON text frames",
                Says::Nothing("A WebSocket"),
            )
        },
    ]
}

fn blobs() -> Vec<Route> {
    let (path, tag) = ("/v1/blobs/{digest}", "blobs");
    let bytes = Says::Bytes("application/octet-stream");
    vec![
        get(path, tag, "A blob, or one range of it; for a task's parties only", bytes).signed_in(),
        Route {
            method: "head",
            ..get(path, tag, "Whether a blob is here and may be read", Says::Nothing("Its size is in content-length"))
        }
        .signed_in(),
        Route {
            method: "put",
            body: Some(bytes),
            status: 201,
            query: &["upload"],
            ..get(
                path,
                tag,
                "Stores a blob under its digest: the body, or the parts of an upload",
                Says::Json("Stored"),
            )
        }
        .signed_in(),
        get(
            "/v1/blobs",
            tag,
            "The asker's own files, the largest first, and how much it may store",
            Says::Json("Files"),
        )
        .signed_in(),
        post(
            "/v1/blobs/forget",
            tag,
            "The asker needs blobs no more that it sent; each is removed where nobody else does",
            Says::Json("Forget"),
            Says::Json("Forgotten"),
        )
        .signed_in(),
        get(
            "/v1/uploads",
            tag,
            "Whether a file of this size is perhaps here: then ask for its digest",
            Says::Json("PerhapsHere"),
        )
        .query(&["size"])
        .signed_in(),
        get("/v1/packages", tag, "The packages of this name that are offered to everybody", Says::Json("Packages"))
            .query(&["name"]),
        get("/v1/packages/{app}", tag, "A package's file, for everybody while it is offered to everybody", bytes).signed_in(),
        get(
            "/v1/chunks",
            tag,
            "What the asker's files of about this size consist of, so that of one like them only the rest is sent",
            Says::Json("Alike"),
        )
        .query(&["size"])
        .signed_in(),
        Route {
            method: "put",
            body: Some(bytes),
            status: 202,
            query: &["pieces"],
            ..get(
                "/v1/uploads/{upload}",
                tag,
                "Takes in a part, named by content-range, of an upload; with `pieces`, so many bytes of the body say, as [{of, start, length}], what is taken from blobs and not sent",
                Says::Nothing("It came"),
            )
        }
        .signed_in(),
    ]
}

fn orders() -> Vec<Route> {
    use Says::{Json, Receipted};
    let tag = "orders";
    vec![
        post(
            "/v1/orders",
            tag,
            "Places a signed order; the same again gets the same answer",
            Json("AnyOrder"),
            Receipted("Placed"),
        ),
        post(
            "/v1/orders/batch",
            tag,
            "Places many signed orders, each taken or refused by itself",
            Json("Orders"),
            Receipted("PlacedOrders"),
        ),
        Route {
            method: "delete",
            ..get("/v1/orders/{hash}", tag, "Takes one's own order off the book", Receipted("Placed"))
        }
        .signed_in(),
        get("/v1/orders/{hash}/explain", tag, "How far a request is matched, and why no further", Json("Explain")),
        get("/v1/book", tag, "Orders at rest, best first", Json("Book")).query(&["kind", "category", "maker", "limit"]),
    ]
}

fn jobs() -> Vec<Route> {
    use Says::{Json, Receipted, Text};
    let tag = "jobs";
    vec![
        post(
            "/v1/jobs",
            tag,
            "Submits a job; the same order again gets the same answer",
            Json("Submit"),
            Receipted("Job"),
        ),
        get("/v1/jobs", tag, "One's own jobs, the newest first", Json("Jobs")).query(&["from", "limit"]).signed_in(),
        get("/v1/jobs/{id}", tag, "A job as it stands", Json("Job")).signed_in(),
        get("/v1/jobs/{id}/events", tag, "Its events as they come: progress and result", Text("text/event-stream"))
            .signed_in(),
        get("/v1/jobs/{id}/results", tag, "Its ended tasks in the order in which they ended", Json("Results"))
            .query(&["from", "limit"])
            .signed_in(),
        get("/v1/jobs/{id}/explain", tag, "How far it is matched, and why no further", Json("Explain")),
    ]
}

fn market() -> Vec<Route> {
    use Says::{Bytes, Json};
    let tag = "market";
    vec![
        get("/v1/deals/{id}", tag, "A deal", Json("Deal")),
        get("/v1/tasks/{id}", tag, "A task; who took part, once it is final", Json("Task")),
        get("/v1/tasks/{id}/explain", tag, "Who had it, how far they came, why each part ended", Json("ExplainTask")),
        get("/v1/accounts/{address}", tag, "An account's money, score and nonce", Json("Account")),
        get("/v1/workers", tag, "Workers of the hosted pools", Json("Workers")),
        get("/v1/workers/{address}/explain", tag, "Why a worker has nothing to do", Json("ExplainWorker")),
        get(
            "/v1/providers/{address}",
            tag,
            "What a worker, an owner's machines or a pool have done, and how they are rated",
            Json("Provider"),
        ),
        post(
            "/v1/ratings",
            tag,
            "One side of a deal rates the other, once, until a week after it ended",
            Json("SignedRating"),
            Says::Receipted("Rated"),
        ),
        get("/v1/outstanding", tag, "Credits issued and not redeemed", Json("Outstanding")),
        get("/v1/journal", tag, "Records from a sequence on; empty at the end", Bytes("application/cbor"))
            .query(&["from"]),
    ]
}

fn gateway() -> Vec<Route> {
    use Says::Json;
    let tag = "iexec";
    let mut routes = vec![
        get("/challenge", tag, "A challenge to sign", Json("Challenge")).query(&["chainId", "address"]),
        get("/version", tag, "The gateway's version", Json("Version")),
        get("/categories", tag, "Time classes", Json("Categories")).query(&PAGING),
        get("/categories/{id}", tag, "A time class", Json("OneCategory")),
        get("/deals", tag, "Deals, the newest first", Json("Deals")).query(&DEALS),
        get("/deals/{id}", tag, "A deal", Json("OneDeal")),
    ];
    let books: [(&str, &str, &[&str]); 4] = [
        ("/apporders", "/apporders/{hash}", &APP_ORDERS),
        ("/datasetorders", "/datasetorders/{hash}", &DATASET_ORDERS),
        ("/workerpoolorders", "/workerpoolorders/{hash}", &WORKERPOOL_ORDERS),
        ("/requestorders", "/requestorders/{hash}", &REQUEST_ORDERS),
    ];
    for (book, one, query) in books {
        let security = Some("challenge");
        routes.push(get(book, tag, "Open orders, best first", Json("Orders")).query(query));
        let publish = post(book, tag, "Publishes an order", Json("Publish"), Json("Published"));
        routes.push(Route { security, query: &["chainId"], ..publish });
        let unpublish = post(book, tag, "Takes orders off the book", Json("Unpublish"), Json("Unpublished"));
        routes.push(Route { method: "put", security, query: &["chainId"], ..unpublish });
        routes.push(get(one, tag, "An order", Json("OneOrder")).query(&["chainId"]));
    }
    routes
}
