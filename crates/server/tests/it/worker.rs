//! Workers as strangers may be: silent, loud, garbled, lying, copying.

use crate::house::{House, job_of, key, publish};
use crate::wire::Wire;
use api::params::Input;
use api::worker::{
    Assignment, Batch, Capabilities, Commit, Complete, FromWorker, Hello, Opened, Package, Reveal, ToWorker,
};
use futures::{SinkExt as _, StreamExt as _};
use orders::hello::WorkerHello;
use orders::{Domain, SigningKey, WorkerBatch, ids};
use results::sha256;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use units::{Address, B256, Bytes, TaskId};

/// A way to make a hello bad.
type Spoil = fn(&mut Hello);

const PATIENCE: Duration = Duration::from_secs(30);

/// A worker that says whatever a test wants.
struct Raw {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    key: SigningKey,
    domain: Domain,
    sequence: u64,
}

impl Raw {
    /// Connects and hears the challenge.
    async fn connect(house: &House, number: u8) -> (Self, String) {
        let url = format!("{}/v1/worker", house.url().replace("http", "ws"));
        let (socket, _) = connect_async(url).await.unwrap();
        let domain = Domain::new(0, Address::ZERO);
        let mut raw = Self { socket, key: key(number), domain, sequence: 0 };
        let Some(ToWorker::Challenge { chain_id, hub, challenge, .. }) = raw.hear().await else {
            panic!("the exchange speaks first")
        };
        raw.domain = Domain::new(chain_id, hub);
        (raw, challenge)
    }

    fn hello(&self, challenge: String, pool: Address) -> Hello {
        let worker = self.key.address();
        let signed = WorkerHello { challenge, worker, owner: worker, pool, nonce: 1 };
        Hello {
            version: api::limits::PROTOCOL_VERSION,
            software: "test".into(),
            worker,
            owner: worker,
            owner_signature: None,
            pool,
            nonce: 1,
            signature: self.key.sign(signed.digest(&self.domain)),
            join_token: None,
            capabilities: Capabilities {
                cores: 1,
                memory_mib: 1_024,
                disk_mib: 1_024,
                runtimes: vec!["wasm".into()],
                benchmark: 1,
                processor: String::new(),
                tag: units::Tag::NONE,
            },
            floors: BTreeMap::new(),
            region: None,
            heat: 0,
            cached: Vec::new(),
            slots: 8,
            holding: Vec::new(),
        }
    }

    /// A worker of the pool *commons* that was welcomed.
    async fn welcomed(house: &House, number: u8) -> Self {
        let pool = pool(house).await;
        let (mut raw, challenge) = Self::connect(house, number).await;
        let join_token = house.server.join_token().map(str::to_owned);
        let hello = Hello { join_token, ..raw.hello(challenge, pool) };
        raw.say(&FromWorker::Hello(Box::new(hello))).await;
        let Some(ToWorker::Welcome { .. }) = raw.hear().await else { panic!("a good hello is welcomed") };
        raw
    }

    async fn say(&mut self, frame: &FromWorker) {
        self.text(serde_json::to_string(frame).unwrap()).await;
    }

    async fn text(&mut self, text: String) {
        // The exchange may have hung up already; what it said before is what a test looks at.
        drop(self.socket.send(Message::text(text)).await);
    }

    /// The next frame but heartbeats; none at the connection's end.
    async fn hear(&mut self) -> Option<ToWorker> {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("the exchange says something")?;
            match message {
                Ok(Message::Text(text)) => {
                    let frame: ToWorker = serde_json::from_str(text.as_str()).unwrap();
                    if frame != ToWorker::Ping {
                        return Some(frame);
                    }
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The code of the refusal that comes next.
    async fn refusal(&mut self) -> (Option<TaskId>, String) {
        loop {
            match self.hear().await {
                Some(ToWorker::Refused { task, code, .. }) => return (task, code),
                Some(_) => {}
                None => panic!("the connection ended without a refusal"),
            }
        }
    }

    /// The first task that is assigned.
    async fn assignment(&mut self) -> Assignment {
        loop {
            match self.hear().await {
                Some(ToWorker::Assign { tasks, .. }) => return tasks[0].clone(),
                Some(_) => {}
                None => panic!("the connection ended without work"),
            }
        }
    }

    /// Signs a batch.
    fn sign(&mut self, mut batch: Batch) -> FromWorker {
        self.sequence += 1;
        batch.sequence = self.sequence;
        let mut order = WorkerBatch { worker: self.key.address(), sequence: self.sequence, ..WorkerBatch::default() };
        for Commit { task, result_hash, result_seal, failed, .. } in batch.commits.iter().cloned() {
            order.commits.push(orders::Commit { task, result_hash, result_seal, failed });
        }
        for Complete { task, digest, failed, result, .. } in batch.completes.iter().cloned() {
            let (blob, callback) = (result.blob, Bytes::new());
            order.completes.push(orders::Complete { task, digest, failed, blob, callback });
        }
        for Reveal { task, digest, result } in batch.reveals.iter().cloned() {
            order.reveals.push(orders::Reveal { task, digest, blob: result.blob, callback: Bytes::new() });
        }
        batch.signature = order.sign(&self.domain, &self.key).sign;
        FromWorker::Batch(Box::new(batch))
    }

    /// Seals a result of the task as `by` would.
    fn commit(&self, task: TaskId, bytes: &Bytes, by: Address) -> Commit {
        let _ = self;
        let digest = sha256(bytes).0;
        let (result_hash, result_seal) = (ids::result_hash(task, digest), ids::result_seal(by, task, digest));
        let opened = Some(Box::new(Opened { digest, result: package(bytes) }));
        Commit { task, result_hash, result_seal, failed: false, ran_ms: 1, opened }
    }
}

async fn pool(house: &House) -> Address {
    let exchange = client::Client::ask_exchange(&house.url(), PATIENCE).await.unwrap();
    exchange.pools.iter().find(|pool| pool.name == "commons").unwrap().address
}

/// An empty tree, encoded.
fn tree() -> Bytes {
    results::encode(b"done", &BTreeMap::new()).unwrap().0.into()
}

fn package(bytes: &Bytes) -> Package {
    Package {
        blob: sha256(bytes),
        size: bytes.len() as u64,
        inline: Some(bytes.clone()),
        callback: None,
        stderr: String::new(),
        stdout: String::new(),
    }
}

fn reveal(task: TaskId, bytes: &Bytes) -> Reveal {
    Reveal { task, digest: sha256(bytes).0, result: package(bytes) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_100_mb_ends_the_connection_and_nothing_else() {
    let house = House::open().await;
    let mut raw = Raw::welcomed(&house, 10).await;
    raw.text("x".repeat(100 << 20)).await;
    // What it said may be lost with the connection, which ends.
    while raw.hear().await.is_some() {}
    Raw::welcomed(&house, 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_answered_and_too_much_of_it_ends_the_connection() {
    let house = House::open().await;
    let mut raw = Raw::welcomed(&house, 10).await;
    for garbage in ["", "{", "[]", r#"{"type":"no such"}"#, r#"{"type":"ready","slots":-1}"#, "\u{0}"] {
        raw.text(garbage.to_owned()).await;
        assert_eq!(raw.refusal().await, (None, "malformed".to_owned()), "{garbage:?}");
    }
    raw.socket.send(Message::binary(vec![0xff; 100])).await.unwrap();
    assert_eq!(raw.refusal().await.1, "malformed");
    raw.text("{".to_owned()).await;
    let mut last = None;
    while let Some(frame) = raw.hear().await {
        last = Some(frame);
    }
    assert!(matches!(last, Some(ToWorker::Bye { reconnect: false, .. })), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_at_all_is_let_go() {
    let house = House::open().await;
    let (mut raw, _) = Raw::connect(&house, 10).await;
    assert_eq!(raw.refusal().await.1, "silence");
    assert!(matches!(raw.hear().await, Some(ToWorker::Bye { .. })));
    assert!(raw.hear().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_is_the_workers_own_and_for_a_pool_that_is_here() {
    let house = House::open().await;
    let pool = pool(&house).await;
    let spoil: [(&str, Spoil); 9] = [
        ("signature", |hello| hello.worker = Address::repeat_byte(1)),
        ("version", |hello| hello.version += 1),
        ("signature", |hello| hello.owner = Address::repeat_byte(2)),
        ("signature", |hello| hello.pool = Address::repeat_byte(3)),
        ("limits", |hello| hello.slots = 0),
        ("limits", |hello| hello.heat = 101),
        ("limits", |hello| hello.region = Some("x".repeat(65))),
        ("limits", |hello| hello.cached = vec![units::Digest::default(); 1_025]),
        ("signature", |hello| hello.signature = Bytes::new()),
    ];
    for (code, spoil) in spoil {
        let (mut raw, challenge) = Raw::connect(&house, 10).await;
        let mut hello = raw.hello(challenge, pool);
        spoil(&mut hello);
        raw.say(&FromWorker::Hello(Box::new(hello))).await;
        assert_eq!(raw.refusal().await.1, code);
    }
    let (mut raw, challenge) = Raw::connect(&house, 10).await;
    let elsewhere = raw.hello(challenge, Address::repeat_byte(4));
    raw.say(&FromWorker::Hello(Box::new(elsewhere))).await;
    assert_eq!(raw.refusal().await.1, "pool");
    // An owner that did not countersign.
    let (mut raw, challenge) = Raw::connect(&house, 10).await;
    let (worker, owner) = (raw.key.address(), key(20).address());
    let signed = WorkerHello { challenge: challenge.clone(), worker, owner, pool, nonce: 1 };
    let signature = raw.key.sign(signed.digest(&raw.domain));
    let hello = Hello { owner, signature, ..raw.hello(challenge, pool) };
    raw.say(&FromWorker::Hello(Box::new(hello))).await;
    assert_eq!(raw.refusal().await.1, "owner_signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_the_join_token_does_not_get_into_a_private_exchange() {
    let house = House::private().await;
    let pool = pool(&house).await;
    for (token, code) in [(None, "join_token_missing"), (Some("guess".to_owned()), "wrong_join_token")] {
        let (mut raw, challenge) = Raw::connect(&house, 10).await;
        let hello = Hello { join_token: token, ..raw.hello(challenge, pool) };
        raw.say(&FromWorker::Hello(Box::new(hello))).await;
        assert_eq!(raw.refusal().await.1, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_of_a_worker_the_newer_one_stays() {
    let house = House::open().await;
    let pool = pool(&house).await;
    let mut older = Raw::welcomed(&house, 10).await;
    let (mut newer, challenge) = Raw::connect(&house, 10).await;
    let worker = newer.key.address();
    let signed = WorkerHello { challenge: challenge.clone(), worker, owner: worker, pool, nonce: 2 };
    let signature = newer.key.sign(signed.digest(&newer.domain));
    let hello = Hello { nonce: 2, signature, ..newer.hello(challenge, pool) };
    newer.say(&FromWorker::Hello(Box::new(hello))).await;
    assert!(matches!(newer.hear().await, Some(ToWorker::Welcome { .. })));
    assert_eq!(older.refusal().await.1, "superseded");
    let (mut stale, challenge) = Raw::connect(&house, 10).await;
    let hello = stale.hello(challenge, pool);
    stale.say(&FromWorker::Hello(Box::new(hello))).await;
    assert_eq!(stale.refusal().await.1, "stale_hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reveal_of_what_was_never_committed_is_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    client.submit(&job_of(&app, 1, 3)).await.unwrap();
    // At this trust there is work for two newcomers, and none for one.
    let mut raw = Raw::welcomed(&house, 10).await;
    let _second = Raw::welcomed(&house, 11).await;
    let task = raw.assignment().await.task;
    let unknown = TaskId(B256::repeat_byte(5));
    for task in [task, unknown] {
        let batch = Batch { reveals: vec![reveal(task, &tree())], ..Batch::default() };
        let frame = raw.sign(batch);
        raw.say(&frame).await;
        assert_eq!(raw.refusal().await.0, Some(task));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_contribution_earns_its_copier_nothing() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 3)).await.unwrap().job.id;
    let mut honest = Raw::welcomed(&house, 10).await;
    let mut copier = Raw::welcomed(&house, 11).await;
    let task = honest.assignment().await.task;
    assert_eq!(copier.assignment().await.task, task);
    let bytes = tree();
    // The copier repeats the honest worker's hash and seal, word for word.
    let sealed = honest.commit(task, &bytes, honest.key.address());
    for raw in [&mut honest, &mut copier] {
        let frame = raw.sign(Batch { commits: vec![sealed.clone()], ..Batch::default() });
        raw.say(&frame).await;
    }
    for raw in [&mut honest, &mut copier] {
        while !matches!(raw.hear().await, Some(ToWorker::Reveal { .. })) {}
    }
    // Even knowing the digest, it cannot open a seal that is another's.
    let frame = copier.sign(Batch { reveals: vec![reveal(task, &bytes)], ..Batch::default() });
    copier.say(&frame).await;
    assert_eq!(copier.refusal().await, (Some(task), "refused".to_owned()));
    let frame = honest.sign(Batch { reveals: vec![reveal(task, &bytes)], ..Batch::default() });
    honest.say(&frame).await;
    let _ = job;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_see_anothers_result_is_shown_it_nowhere_before_it_has_committed() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 3)).await.unwrap().job.id;
    let mut honest = Raw::welcomed(&house, 10).await;
    let mut copier = Raw::welcomed(&house, 11).await;
    let Assignment { task, deal, .. } = honest.assignment().await;
    assert_eq!(copier.assignment().await.task, task);
    let bytes = tree();
    let sealed = honest.commit(task, &bytes, honest.key.address());
    let frame = honest.sign(Batch { commits: vec![sealed.clone()], ..Batch::default() });
    honest.say(&frame).await;
    let requester = Wire::signed_in(&house, 1).await;
    let explained = format!("/v1/tasks/{task}/explain");
    while !requester.get(&explained).await.1.to_string().contains("1 with a result stated") {}
    assert!(client.has_blob(sha256(&bytes)).await.is_ok_and(|shown| !shown), "not even its requester has it yet");

    let eyes = Wire::signed_in(&house, 11).await;
    let (own, other) = (copier.key.address(), honest.key.address());
    let secrets = [sha256(&bytes).hex(), hex::encode(sealed.result_hash), hex::encode(sealed.result_seal)];
    for path in [
        format!("/v1/tasks/{task}"),
        format!("/v1/tasks/{task}/explain"),
        format!("/v1/jobs/{job}"),
        format!("/v1/jobs/{job}/results"),
        format!("/v1/jobs/{job}/explain"),
        format!("/v1/deals/{deal}"),
        format!("/v1/workers/{other}/explain"),
        format!("/v1/workers/{own}/explain"),
        format!("/v1/providers/{other}"),
        "/v1/workers".to_owned(),
        "/v1/journal".to_owned(),
    ] {
        let answer = eyes.request(reqwest::Method::GET, &path).send().await.unwrap();
        let answer = hex::encode(answer.bytes().await.unwrap());
        for secret in &secrets {
            // As text, and as bytes.
            assert!(!answer.contains(secret) && !answer.contains(&hex::encode(secret)), "{path} shows {secret}");
        }
    }
    let guessed = eyes.get(&format!("/v1/blobs/{}", sha256(&bytes))).await;
    assert_eq!(guessed.1["code"], "unknown_blob", "whoever guesses a result is not told that it is here");
    // It has to seal a result of its own; then both are asked to show theirs.
    let sealed = copier.commit(task, &bytes, own);
    let frame = copier.sign(Batch { commits: vec![sealed], ..Batch::default() });
    copier.say(&frame).await;
    for raw in [&mut honest, &mut copier] {
        while !matches!(raw.hear().await, Some(ToWorker::Reveal { .. })) {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_under_another_key_or_sent_twice_is_refused() {
    let house = House::private().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 1)).await.unwrap().job.id;
    let mut raw = Raw::welcomed(&house, 10).await;
    let task = raw.assignment().await.task;
    let bytes = tree();
    let complete = Complete { task, digest: sha256(&bytes).0, failed: false, ran_ms: 1, result: package(&bytes) };
    let own = std::mem::replace(&mut raw.key, key(11));
    let forged = raw.sign(Batch { completes: vec![complete.clone()], ..Batch::default() });
    raw.key = own;
    raw.say(&forged).await;
    assert_eq!(raw.refusal().await, (None, "signature".to_owned()));
    let frame = raw.sign(Batch { completes: vec![complete], ..Batch::default() });
    raw.say(&frame).await;
    let (job, results) = crate::house::finish(&client, job).await;
    assert_eq!((job.finished, results[0].digest), (1, sha256(&bytes).0));
    raw.say(&frame).await;
    assert_eq!(raw.refusal().await.1, "batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_is_not_the_stated_result_is_not_taken() {
    let house = House::private().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 1)).await.unwrap().job.id;
    let mut raw = Raw::welcomed(&house, 10).await;
    let task = raw.assignment().await.task;
    let bytes = tree();
    let foreign = results::encode(b"other", &BTreeMap::new()).unwrap().0.into();
    let wrong = Complete {
        task,
        digest: sha256(&bytes).0,
        failed: false,
        ran_ms: 1,
        result: Package { inline: Some(foreign), ..package(&bytes) },
    };
    let frame = raw.sign(Batch { completes: vec![wrong], ..Batch::default() });
    raw.say(&frame).await;
    assert_eq!(raw.refusal().await, (Some(task), "package".to_owned()));
    // It is asked to upload what it stated, and does.
    loop {
        match raw.hear().await {
            Some(ToWorker::Upload { tasks }) if tasks == [task] => break,
            Some(_) => {}
            None => panic!("the connection ended"),
        }
    }
    raw.say(&FromWorker::Uploaded { tasks: vec![task] }).await;
    assert_eq!(raw.refusal().await, (Some(task), "package".to_owned()));
    let Input { digest, .. } = house.client(10).await.upload_bytes("result", bytes.to_vec()).await.unwrap();
    assert_eq!(digest, sha256(&bytes));
    raw.say(&FromWorker::Uploaded { tasks: vec![task] }).await;
    let (job, _) = crate::house::finish(&client, job).await;
    assert_eq!(job.finished, 1);
}
