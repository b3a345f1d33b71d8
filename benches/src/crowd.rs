//! Workers that are connections: they speak the protocol over real sockets, sign what they state, and run nothing. What a server
//! makes of thousands of them can be measured on one machine.

use crate::apart::Apart;
use anyhow::{Context as _, bail};
use api::worker::{Assignment, Batch, Capabilities, Complete, FromWorker, Hello, Package, ToWorker};
use futures::{SinkExt as _, StreamExt as _};
use orders::hello::WorkerHello;
use orders::{Domain, SigningKey, WorkerBatch};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use units::{Address, B256, Bytes, Digest};

/// Connections that are made at once.
const AT_ONCE: usize = 64;
/// The longest that all may take to be welcome.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all have in common.
struct Setup {
    address: String,
    join_token: String,
    pool: Address,
    domain: Domain,
    slots: u32,
    /// The result of every task.
    result: Package,
    digest: B256,
    welcome: AtomicUsize,
    making: Semaphore,
}

/// So many connected workers; dropped, they are gone.
pub(crate) struct Crowd {
    setup: Arc<Setup>,
    workers: JoinSet<anyhow::Result<()>>,
}

impl Crowd {
    /// Nobody yet; each will take so many tasks at once.
    pub(crate) fn new(apart: &Apart, slots: u32) -> anyhow::Result<Self> {
        let exchange = apart.requester.exchange();
        let pool = exchange.pools.iter().find(|pool| pool.name == "commons").context("every exchange has the pool")?;
        let (bytes, encoded) = results::encode(b"", &BTreeMap::new())?;
        let inline = Some(Bytes::from(bytes));
        let (stderr, stdout) = (String::new(), String::new());
        let setup = Setup {
            address: apart.url.trim_start_matches("http://").to_owned(),
            join_token: apart.join_token.clone(),
            pool: pool.address,
            domain: *apart.requester.domain(),
            slots,
            result: Package { blob: encoded.digest, size: encoded.size, inline, callback: None, stderr, stdout },
            digest: encoded.digest.0,
            welcome: AtomicUsize::new(0),
            making: Semaphore::new(AT_ONCE),
        };
        Ok(Self { setup: Arc::new(setup), workers: JoinSet::new() })
    }

    /// Grows to `count` workers, and waits until all are welcome.
    pub(crate) fn grow(&mut self, apart: &Apart, count: usize) -> anyhow::Result<()> {
        apart.threads.block_on(async {
            for number in self.workers.len()..count {
                self.workers.spawn(work(Arc::clone(&self.setup), number));
            }
            let all = async {
                while self.setup.welcome.load(Ordering::Relaxed) < count {
                    if let Some(ended) = self.workers.try_join_next() {
                        ended?.context("a worker")?;
                        bail!("a worker's connection ended");
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            };
            tokio::time::timeout(PATIENCE, all).await.context("not all workers are welcome")?
        })
    }

    /// Everybody leaves.
    pub(crate) fn leave(mut self, apart: &Apart) {
        apart.threads.block_on(self.workers.shutdown());
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn work(setup: Arc<Setup>, number: usize) -> anyhow::Result<()> {
    let mut secret = [0x55; 32];
    secret[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let key = SigningKey::from_bytes(&secret)?;
    let making = setup.making.acquire().await?;
    let stream = TcpStream::connect(&setup.address).await?;
    stream.set_nodelay(true)?;
    let frugal = WebSocketConfig::default().read_buffer_size(2 << 10).write_buffer_size(0);
    let url = format!("ws://{}/v1/worker", setup.address);
    let (mut socket, _) = client_async_with_config(url, stream, Some(frugal)).await?;
    let mut sequence = 0;
    let mut making = Some(making);
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        match serde_json::from_str(text.as_str())? {
            ToWorker::Challenge { challenge, .. } => {
                say(&mut socket, &FromWorker::Hello(Box::new(hello(&setup, &key, challenge)))).await?;
            }
            ToWorker::Welcome { sequence: next, .. } => {
                sequence = next;
                say(&mut socket, &FromWorker::Ready { slots: setup.slots }).await?;
                setup.welcome.fetch_add(1, Ordering::Relaxed);
                drop(making.take());
            }
            ToWorker::Assign { tasks, .. } => {
                sequence += 1;
                let batch = state(&setup, &key, sequence, &tasks);
                say(&mut socket, &FromWorker::Batch(Box::new(batch))).await?;
                say(&mut socket, &FromWorker::Ready { slots: setup.slots }).await?;
            }
            ToWorker::Ping => say(&mut socket, &FromWorker::Pong).await?,
            ToWorker::Bye { reason, .. } => bail!(reason),
            // Whoever shares two cores with twenty thousand may state too late what somebody else was given as well.
            ToWorker::Refused { .. }
            | ToWorker::Reveal { .. }
            | ToWorker::Upload { .. }
            | ToWorker::Cancel { .. }
            | ToWorker::Settled { .. } => {}
        }
    }
    Ok(())
}

async fn say(socket: &mut Socket, frame: &FromWorker) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(frame)?)).await?)
}

fn hello(setup: &Setup, key: &SigningKey, challenge: String) -> Hello {
    let worker = key.address();
    let signed = WorkerHello { challenge, worker, owner: worker, pool: setup.pool, nonce: 1 };
    Hello {
        version: api::limits::PROTOCOL_VERSION,
        software: "bench".to_owned(),
        worker,
        owner: worker,
        owner_signature: None,
        pool: setup.pool,
        nonce: 1,
        signature: key.sign(signed.digest(&setup.domain)),
        join_token: Some(setup.join_token.clone()),
        capabilities: Capabilities {
            cores: 1,
            memory_mib: api::limits::TASK_MEMORY_MIB,
            disk_mib: api::limits::OUTPUT_MIB,
            runtimes: vec!["wasm".to_owned()],
            benchmark: 600,
            processor: String::new(),
            tag: units::Tag::NONE,
        },
        floors: BTreeMap::new(),
        region: None,
        heat: 0,
        cached: Vec::<Digest>::new(),
        slots: setup.slots,
        holding: Vec::new(),
    }
}

fn state(setup: &Setup, key: &SigningKey, sequence: u64, tasks: &[Assignment]) -> Batch {
    let completes = tasks.iter().map(|assignment| Complete {
        task: assignment.task,
        digest: setup.digest,
        failed: false,
        ran_ms: 1,
        result: setup.result.clone(),
    });
    let signed = tasks.iter().map(|assignment| orders::Complete {
        task: assignment.task,
        digest: setup.digest,
        failed: false,
        blob: setup.result.blob,
        callback: Bytes::new(),
    });
    let signed = WorkerBatch { worker: key.address(), sequence, completes: signed.collect(), ..WorkerBatch::default() };
    let signature = key.sign(signed.digest(&setup.domain));
    Batch { sequence, completes: completes.collect(), signature, ..Batch::default() }
}
