//! An exchange of a test's own, with people and workers.

use agent::{Agent, AgentHandle, Cache, Config as AgentConfig, Honesty, PoolChoice};
use api::job::{Job, TaskResult};
use client::{Client, Event, JobSpec, Options, Tasks};
use futures::StreamExt as _;
use orders::SigningKey;
use server::{Config, Server, ServerHandle, StorageLimits};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use units::{Amount, OrderHash};

/// A program that prints its first argument's length in a file: `out` holds as many bytes as it has arguments. Written by
/// hand, so that no compiler is needed.
const WRITER: &str = r#"
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "said\n")
  (func (export "_start")
    (drop (call $sizes (i32.const 100) (i32.const 104)))
    (drop (call $args (i32.const 200) (i32.const 1000)))
    ;; With the argument `fail` it says so and exits with code 3.
    (if (i32.and
          (i32.gt_u (i32.load (i32.const 100)) (i32.const 1))
          (i32.eq (i32.load (i32.load (i32.const 204))) (i32.const 0x6c696166)))
      (then
        (i32.store (i32.const 112) (i32.const 8))
        (i32.store (i32.const 116) (i32.const 5))
        (drop (call $write (i32.const 2) (i32.const 112) (i32.const 1) (i32.const 120)))
        (call $exit (i32.const 3))))
    ;; Else it prints its arguments.
    (i32.store (i32.const 112) (i32.const 1000))
    (i32.store (i32.const 116) (i32.load (i32.const 104)))
    (drop (call $write (i32.const 1) (i32.const 112) (i32.const 1) (i32.const 120)))))
"#;

/// How long anything may take before a test gives it up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A key by a number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).unwrap()
}

/// An exchange.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) server: ServerHandle,
}

pub(crate) fn config(folder: &Path, private: bool) -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.join("data"),
        private,
        join_token: None,
        registries: None,
        storage: StorageLimits { keep_free: 0, ..StorageLimits::default() },
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::start(false).await
    }

    pub(crate) async fn private() -> Self {
        Self::start(true).await
    }

    async fn start(private: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(config(folder.path(), private)).await.unwrap();
        Self { folder, server }
    }

    /// Stops the server and starts it again on the same folder and port.
    pub(crate) async fn restart(self) -> Self {
        self.restart_as(false).await
    }

    /// The same of a private exchange.
    pub(crate) async fn restart_private(self) -> Self {
        self.restart_as(true).await
    }

    async fn restart_as(self, private: bool) -> Self {
        let Self { folder, server } = self;
        let listen = server.addr();
        server.stop().await.unwrap();
        let config = Config { listen, ..config(folder.path(), private) };
        Self { server: Server::start(config).await.unwrap(), folder }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) async fn client(&self, number: u8) -> Client {
        let join_token = self.server.join_token().map(str::to_owned);
        let options = Options { join_token, patience: PATIENCE, ..Options::default() };
        Client::connect(&self.url(), key(number), options).await.unwrap()
    }

    /// The operator's own client.
    pub(crate) async fn operator(&self) -> Client {
        let text = std::fs::read_to_string(self.folder.path().join("data/operator.key")).unwrap();
        let bytes: [u8; 32] = hex::decode(text.trim()).unwrap().try_into().unwrap();
        let join_token = self.server.join_token().map(str::to_owned);
        let options = Options { join_token, patience: PATIENCE, ..Options::default() };
        Client::connect(&self.url(), SigningKey::from_bytes(&bytes).unwrap(), options).await.unwrap()
    }

    pub(crate) fn agent(&self, number: u8, pool: &str, honesty: Honesty) -> AgentHandle {
        let cache = Cache::open(&self.folder.path().join(format!("cache-{number}")), 1 << 30).unwrap();
        let mut config = AgentConfig::new(self.url(), key(number), cache);
        config.pool = PoolChoice::Name(pool.to_owned());
        config.join_token = self.server.join_token().map(str::to_owned);
        config.honesty = honesty;
        config.timing.first_retry = Duration::from_millis(50);
        Agent::start(config).unwrap()
    }
}

/// The test program, published by this client.
pub(crate) async fn publish(client: &Client) -> client::App {
    let module = wat::parse_str(WRITER).unwrap();
    client.publish_module("writer", module, client::AppPrice::OwnUse).await.unwrap()
}

/// A job of so many tasks, each with its own argument.
pub(crate) fn job_of(app: &client::App, count: u64, trust: u64) -> JobSpec {
    JobSpec {
        tasks: Tasks::each_with_args((0..count).map(|index| vec![format!("row {index}")])),
        trust,
        title: "words".to_owned(),
        ..JobSpec::of(app.address)
    }
}

/// Watches a job to its end.
pub(crate) async fn finish(client: &Client, job: OrderHash) -> (Job, Vec<TaskResult>) {
    let (mut last, mut results) = (None, Vec::new());
    let watching = async {
        let mut events = std::pin::pin!(client.watch(job, None));
        while let Some(event) = events.next().await {
            match event.unwrap() {
                Event::Progress(job) => last = Some(*job),
                Event::Result(result) if result.provisional => {}
                Event::Result(result) => results.push(*result),
                Event::Lost { .. } => {}
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, watching).await;
    assert!(ended.is_ok(), "the job did not end; it stands at {last:?}");
    (last.expect("a job has progress"), results)
}

/// Free money of an account.
pub(crate) async fn free(client: &Client, number: u8) -> Amount {
    client.account(key(number).address()).await.unwrap().free
}
