//! The exchange's end of the protocol, scripted by a test, over real sockets.

use agent::{Agent, AgentHandle, Cache, Config, Timing};
use api::exchange::{Exchange, Pool};
use api::limits;
use api::worker::{Assignment, Batch, DealBrief, FromWorker, Hello, TaskLimits, ToWorker};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::StreamExt as _;
use orders::{CheckedBatch, Commit, Complete, Domain, Reveal, Signed, SigningKey, WorkerBatch};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::timeout;
use units::{Address, B256, DealId, Digest, TaskId, Timestamp};

pub(crate) const CHAIN_ID: u64 = 77;
pub(crate) const HUB: Address = Address::repeat_byte(0x77);
pub(crate) const POOL: Address = Address::repeat_byte(0x99);
/// Far longer than anything takes: a test that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// A blob that was asked for, and which range of it.
type Asked = (Digest, Option<String>);

#[derive(Clone)]
struct Shared {
    blobs: Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>,
    /// The ranges asked for, of each blob.
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Blobs whose next answer breaks off halfway.
    broken: Arc<Mutex<Vec<Digest>>>,
    sockets: mpsc::UnboundedSender<WebSocket>,
    /// The token that opens blobs, and that welcomes carry.
    token: Arc<Mutex<String>>,
}

/// A scripted exchange.
pub(crate) struct Peer {
    pub(crate) url: String,
    shared: Shared,
    sockets: mpsc::UnboundedReceiver<WebSocket>,
    folder: tempfile::TempDir,
}

/// One connection of the worker.
pub(crate) struct Connection {
    socket: WebSocket,
    token: Arc<Mutex<String>>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let (sender, sockets) = mpsc::unbounded_channel();
        let shared = Shared {
            blobs: Arc::default(),
            asked: Arc::default(),
            broken: Arc::default(),
            sockets: sender,
            token: Arc::new(Mutex::new("a token".to_owned())),
        };
        let app = Router::new()
            .route("/v1/exchange", get(exchange))
            .route("/v1/worker", get(worker))
            .route("/v1/blobs/{digest}", get(blob).put(put_blob))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, sockets, folder: tempfile::tempdir().unwrap() }
    }

    /// A worker's set-up for this exchange, impatient enough for tests.
    pub(crate) fn config(&self) -> Config {
        let cache = Cache::open(self.folder.path(), 1 << 30).unwrap();
        let timing = Timing {
            first_retry: Duration::from_millis(10),
            slowest_retry: Duration::from_millis(100),
            grace: Duration::from_millis(200),
            ..Timing::default()
        };
        Config { timing, ..Config::new(&self.url, key(), cache) }
    }

    pub(crate) fn agent(&self) -> AgentHandle {
        Agent::start(self.config()).unwrap()
    }

    pub(crate) async fn connection(&mut self) -> Connection {
        let socket = timeout(PATIENCE, self.sockets.recv()).await.expect("the worker connects").unwrap();
        Connection { socket, token: Arc::clone(&self.shared.token) }
    }

    /// A connection up to and with the welcome, and the hello.
    pub(crate) async fn welcomed(&mut self) -> (Connection, Hello) {
        let mut connection = self.connection().await;
        let hello = connection.hello().await;
        connection.welcome().await;
        (connection, hello)
    }

    pub(crate) fn store(&self, bytes: &[u8]) -> Digest {
        let digest = results::sha256(bytes);
        self.shared.blobs.lock().unwrap().insert(digest, bytes.to_vec());
        digest
    }

    pub(crate) fn stored(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.shared.blobs.lock().unwrap().get(digest).cloned()
    }

    /// From now on blobs are opened by another token.
    pub(crate) fn expire_token(&self) {
        "another token".clone_into(&mut self.shared.token.lock().unwrap());
    }

    /// Makes the next answer with this blob break off halfway.
    pub(crate) fn break_off(&self, digest: Digest) {
        self.shared.broken.lock().unwrap().push(digest);
    }

    /// The ranges asked for, of this blob.
    pub(crate) fn asked(&self, digest: &Digest) -> Vec<Option<String>> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|(of, _)| of == digest).map(|(_, range)| range.clone()).collect()
    }
}

impl Connection {
    pub(crate) async fn say(&mut self, frame: &ToWorker) {
        self.socket.send(Message::text(serde_json::to_string(frame).unwrap())).await.unwrap();
    }

    /// Sends what the worker may refuse to read to its end.
    pub(crate) async fn throw(&mut self, message: Message) {
        drop(self.socket.send(message).await);
    }

    /// The next frame; `None` once the worker has closed.
    pub(crate) async fn heard(&mut self) -> Option<FromWorker> {
        loop {
            match timeout(PATIENCE, self.socket.recv()).await.expect("the worker says something")? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_)) => {}
            }
        }
    }

    /// The next frame of which `pick` makes something.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(FromWorker) -> Option<T>) -> T {
        loop {
            let frame = self.heard().await.expect("the worker stays");
            if let Some(picked) = pick(frame) {
                return picked;
            }
        }
    }

    /// The next batch, its signature checked.
    pub(crate) async fn batch(&mut self) -> Batch {
        let batch = self.until(|frame| if let FromWorker::Batch(batch) = frame { Some(*batch) } else { None }).await;
        assert!(is_signed(&batch), "a batch is signed by the worker");
        batch
    }

    pub(crate) async fn hello(&mut self) -> Hello {
        self.say(&challenge(limits::PROTOCOL_VERSION)).await;
        self.until(|frame| if let FromWorker::Hello(hello) = frame { Some(*hello) } else { None }).await
    }

    pub(crate) async fn welcome(&mut self) {
        let token = self.token.lock().unwrap().clone();
        self.say(&ToWorker::Welcome { token, adopted: vec![], dropped: vec![], sequence: 0 }).await;
    }

    pub(crate) async fn assign(&mut self, deal: &DealBrief, tasks: &[u8]) {
        let tasks = tasks.iter().map(|task| Assignment {
            task: id(*task),
            deal: deal.deal,
            index: u64::from(*task),
            until: in_an_hour(),
        });
        self.say(&ToWorker::Assign { deals: vec![deal.clone()], tasks: tasks.collect() }).await;
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

pub(crate) fn id(number: u8) -> TaskId {
    TaskId(B256::repeat_byte(number))
}

pub(crate) fn domain() -> Domain {
    Domain::new(CHAIN_ID, HUB)
}

pub(crate) fn challenge(version: u32) -> ToWorker {
    ToWorker::Challenge { version, chain_id: CHAIN_ID, hub: HUB, challenge: "prove it".to_owned() }
}

/// A deal of 200 tasks at trust 1 of this app.
pub(crate) fn deal(app: Digest) -> DealBrief {
    DealBrief {
        deal: DealId(app.0),
        app,
        app_type: "WASM".to_owned(),
        image: None,
        dataset: None,
        params: String::new(),
        first: 0,
        size: 200,
        direct: true,
        limits: TaskLimits { run_ms: 300_000, memory_mib: 64, output_mib: 64, output_files: 100 },
    }
}

/// The encoding of a result that is only standard output.
pub(crate) fn printed(text: &[u8]) -> Vec<u8> {
    results::encode(text, &BTreeMap::new()).unwrap().0
}

fn in_an_hour() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::default().saturating_add(now + Duration::from_secs(3_600))
}

fn is_signed(batch: &Batch) -> bool {
    let commits = batch.commits.iter().map(|it| Commit {
        task: it.task,
        result_hash: it.result_hash,
        result_seal: it.result_seal,
        failed: it.failed,
    });
    let completes = batch.completes.iter().map(|it| Complete {
        task: it.task,
        digest: it.digest,
        failed: it.failed,
        blob: it.result.blob,
        callback: it.result.callback.clone().unwrap_or_default(),
    });
    let reveals = batch.reveals.iter().map(|it| Reveal {
        task: it.task,
        digest: it.digest,
        blob: it.result.blob,
        callback: it.result.callback.clone().unwrap_or_default(),
    });
    let order = WorkerBatch {
        worker: key().address(),
        sequence: batch.sequence,
        commits: commits.collect(),
        completes: completes.collect(),
        reveals: reveals.collect(),
    };
    CheckedBatch::recover(Signed { order, sign: batch.signature.clone() }, &domain()).is_genuine()
}

async fn exchange() -> axum::Json<Exchange> {
    let pool = Pool {
        name: "commons".to_owned(),
        address: POOL,
        owner: Address::ZERO,
        worker_stake_ratio: 0,
        scheduler_reward_ratio: 5,
        workers: 0,
        by_invitation: false,
    };
    axum::Json(Exchange {
        version: limits::PROTOCOL_VERSION,
        software: "a test".to_owned(),
        chain_id: CHAIN_ID,
        hub: HUB,
        token: Address::ZERO,
        app_registry: Address::ZERO,
        dataset_registry: Address::ZERO,
        workerpool_registry: Address::ZERO,
        operator: Address::ZERO,
        private: false,
        categories: vec![],
        pools: vec![pool],
    })
}

async fn worker(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |socket| drop(shared.sockets.send(socket)))
}

fn is_authorized(shared: &Shared, headers: &HeaderMap) -> bool {
    let token = shared.token.lock().unwrap();
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == &format!("Bearer {token}"))
}

async fn blob(State(shared): State<Shared>, Path(digest): Path<String>, headers: HeaderMap) -> Response {
    let digest: Digest = digest.parse().unwrap();
    let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    shared.asked.lock().unwrap().push((digest, range.clone()));
    if !is_authorized(&shared, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(bytes) = shared.blobs.lock().unwrap().get(&digest).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_broken = {
        let mut broken = shared.broken.lock().unwrap();
        let place = broken.iter().position(|it| *it == digest);
        place.map(|place| broken.remove(place)).is_some()
    };
    if is_broken {
        let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
        let pieces = futures::stream::iter([Ok(half), Err(std::io::Error::other("broken off"))]);
        // A pause between the two lets the first be written.
        let pieces = pieces.then(async |piece| {
            tokio::task::yield_now().await;
            piece
        });
        return Body::from_stream(pieces).into_response();
    }
    match range {
        None => bytes.into_response(),
        Some(range) => {
            let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            let to = (to + 1).min(bytes.len());
            let said = format!("bytes {from}-{}/{}", to - 1, bytes.len());
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, said)], bytes[from..to].to_vec()).into_response()
        }
    }
}

async fn put_blob(
    State(shared): State<Shared>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let digest: Digest = digest.parse().unwrap();
    if !is_authorized(&shared, &headers) || results::sha256(&body) != digest {
        return StatusCode::BAD_REQUEST;
    }
    shared.blobs.lock().unwrap().insert(digest, body.to_vec());
    StatusCode::CREATED
}
