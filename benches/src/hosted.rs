//! The real server on loopback with its own data folder, real agents of one core each, and a requester with money.
//!
//! Server, agents and client have threads of their own, named after them, so that what each costs can be told apart.

use agent::{Agent, AgentHandle, Cache, Config, State};
use anyhow::{Context as _, bail, ensure};
use api::job::Outcome;
use api::order::AnyOrder;
use client::{AppPrice, Client, Event, JobSpec, Options, Tasks};
use futures::StreamExt as _;
use orders::{SigningKey, WorkerpoolOrder};
use server::{Server, ServerHandle};
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use units::{Address, Amount, U256};

/// What a worker asks for a task, nano-credits.
const FLOOR: u64 = 1_000;
/// What the requester pays for a task at most.
pub(crate) const MOST: u64 = 1_000_000;
/// What a task of any trust costs: the floor of as many newcomers as the greatest trust would need, and more.
const PRICE: u64 = 50 * FLOOR;
/// What a worker's cache of files may take.
const CACHE_BYTES: u64 = 1 << 30;
/// A job that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether one worker's word is checked now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audits {
    /// A public exchange audits at trust 1.
    Hidden,
    /// A private exchange trusts its own machines.
    None,
}

/// An exchange with its workers and customers.
pub(crate) struct Hosted {
    server_threads: Runtime,
    agent_threads: Runtime,
    client_threads: Runtime,
    folder: PathBuf,
    audits: Audits,
    server: ServerHandle,
    agents: Vec<AgentHandle>,
    operator: Client,
    requester: Client,
    app: Address,
}

fn threads(name: &str) -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build();
    runtime.context("threads can be started")
}

fn key(byte: u8) -> anyhow::Result<SigningKey> {
    SigningKey::from_bytes(&[byte; 32]).context("a repeated byte is a key")
}

impl Hosted {
    /// Founds an exchange in `folder`, issues credits, and publishes the app that does nothing.
    pub(crate) fn start(folder: &Path, audits: Audits) -> anyhow::Result<Self> {
        let (server_threads, agent_threads) = (threads("server")?, threads("agents")?);
        let client_threads = threads("client")?;
        let data_dir = folder.join("data");
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let private = audits == Audits::None;
        let config = server::Config {
            listen,
            data_dir: data_dir.clone(),
            private,
            join_token: None,
            registries: None,
            storage: server::StorageLimits::own(),
        };
        let server = server_threads.block_on(Server::start(config))?;
        let operator = fs::read_to_string(data_dir.join("operator.key")).context("the server has made its key")?;
        let operator: [u8; 32] = hex::decode(operator.trim())?.try_into().ok().context("a key has 32 bytes")?;
        let operator = SigningKey::from_bytes(&operator)?;
        let url = server.url();
        let options = Options { join_token: server.join_token().map(str::to_owned), ..Options::default() };
        let (operator, requester, app) = client_threads.block_on(async {
            let operator = Client::connect(&url, operator, options.clone()).await?;
            let requester = Client::connect(&url, key(2)?, options).await?;
            operator.issue(operator.address(), Amount::credits(1_000_000)).await?;
            operator.issue(requester.address(), Amount::credits(1_000_000)).await?;
            let app = requester.publish_module("nothing", bundle::NOTHING, AppPrice::OwnUse).await?;
            anyhow::Ok((operator, requester, app.address))
        })?;
        let folder = folder.to_owned();
        let agents = Vec::new();
        Ok(Self {
            server_threads,
            agent_threads,
            client_threads,
            folder,
            audits,
            server,
            agents,
            operator,
            requester,
            app,
        })
    }

    /// Whether one worker's word is checked here.
    pub(crate) fn audits(&self) -> Audits {
        self.audits
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The app that does nothing.
    pub(crate) fn app(&self) -> Address {
        self.app
    }

    /// An order signed for this exchange by somebody.
    pub(crate) fn sign<O: orders::Order>(&self, order: O, key: &SigningKey) -> orders::Signed<O> {
        let exchange = self.operator.exchange();
        orders::Signed::with(order, &orders::Domain::new(exchange.chain_id, exchange.hub), key)
    }

    /// Waits on the client's threads, and leaves there what is spawned.
    pub(crate) fn on_clients_threads<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.client_threads.block_on(work)
    }

    /// Sends a file.
    pub(crate) fn upload(&self, file: &Path) -> anyhow::Result<api::params::Input> {
        self.with(self.requester.upload(file))
    }

    /// Fetches a blob into a file.
    pub(crate) fn download(&self, digest: units::Digest) -> anyhow::Result<tempfile::NamedTempFile> {
        self.with(self.requester.download(digest))
    }

    /// The requester, connected to the server by way of another address.
    pub(crate) fn requester_at(&self, url: &str) -> anyhow::Result<Client> {
        let key = key(2)?;
        self.with(Client::connect(url, key, Options::default()))
    }

    /// Waits on the client's threads.
    pub(crate) fn with<T, E: Into<anyhow::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> anyhow::Result<T> {
        self.client_threads.block_on(work).map_err(Into::into)
    }

    /// Waits on the server's threads, and leaves there what is spawned.
    pub(crate) fn on_servers_threads<T, E: Into<anyhow::Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> anyhow::Result<T> {
        self.server_threads.block_on(work).map_err(Into::into)
    }

    /// Starts agents of one core, each with its own key and cache, and waits until they are connected.
    pub(crate) fn hire(&mut self, urls: &[String]) -> anyhow::Result<()> {
        let _within = self.agent_threads.enter();
        for url in urls {
            let number = self.agents.len();
            let cache = Cache::open(&self.folder.join(format!("agent-{number}")), CACHE_BYTES)?;
            let floors: BTreeMap<u64, Amount> = (0..6).map(|category| (category, Amount::nanos(FLOOR))).collect();
            let key = key(0x10 + u8::try_from(number)?)?;
            let join_token = self.server.join_token().map(str::to_owned);
            let config = Config { floors, join_token, ..Config::new(url.clone(), key, cache) };
            self.agents.push(Agent::start(config)?);
        }
        for agent in &self.agents {
            let mut status = agent.status();
            let connected = async { status.wait_for(|status| status.state == State::Working).await.map(drop) };
            self.agent_threads.block_on(async { timeout(PATIENCE, connected).await })??;
        }
        Ok(())
    }

    /// Two agents that speak to the server directly.
    pub(crate) fn hire_two(&mut self) -> anyhow::Result<()> {
        let url = self.server.url();
        self.hire(&[url.clone(), url])
    }

    /// Publishes an app of the requester's.
    pub(crate) fn publish(&self, name: &str, module: Vec<u8>) -> anyhow::Result<Address> {
        let publishing = self.requester.publish_module(name, module, AppPrice::OwnUse);
        Ok(self.client_threads.block_on(publishing)?.address)
    }

    /// Runs a job of empty tasks; the time from its submission until the last result has come to the client.
    pub(crate) fn run(&self, tasks: u64, trust: u64) -> anyhow::Result<Duration> {
        self.run_spec(&JobSpec { trust, ..JobSpec::of(self.app) }, tasks)
    }

    /// As [`Hosted::run`], of an app with one argument.
    pub(crate) fn run_app(
        &self,
        app: Address,
        argument: &impl ToString,
        tasks: u64,
        trust: u64,
    ) -> anyhow::Result<Duration> {
        self.run_spec(&JobSpec { trust, args: vec![argument.to_string()], ..JobSpec::of(app) }, tasks)
    }

    fn run_spec(&self, spec: &JobSpec, tasks: u64) -> anyhow::Result<Duration> {
        let spec = JobSpec { tasks: Tasks::Alike { count: tasks }, max_price: Amount::nanos(MOST), ..spec.clone() };
        let job = run_job(&self.requester, &spec);
        self.client_threads.block_on(async { timeout(PATIENCE, job).await }).context("the job is stuck")?
    }

    /// The least of the workers' scores.
    pub(crate) fn least_score(&self) -> anyhow::Result<u64> {
        let mut least = u64::MAX;
        for agent in &self.agents {
            let account = self.client_threads.block_on(self.requester.account(agent.worker()))?;
            least = least.min(account.score);
        }
        Ok(least)
    }

    /// Runs that the agents have made since they started.
    pub(crate) fn runs(&self) -> u64 {
        // The status is published at intervals.
        std::thread::sleep(Duration::from_millis(100));
        self.agents.iter().map(|agent| agent.status().borrow().done).sum()
    }

    /// Sells tasks of the pool at any trust: the pool's own offers reach only as far as unproven workers do.
    pub(crate) fn sell_any_trust(&self) -> anyhow::Result<()> {
        let commons = self.operator.exchange().pools.iter().find(|pool| pool.name == "commons");
        let order = WorkerpoolOrder {
            workerpool: commons.context("every exchange has the pool")?.address,
            workerpoolprice: Amount::nanos(PRICE),
            volume: U256::from(1_000_000),
            trust: U256::from(1_000_000),
            ..WorkerpoolOrder::default()
        };
        let order = AnyOrder::Workerpool(self.operator.sign(order));
        self.client_threads.block_on(self.operator.place(&order))?;
        Ok(())
    }

    /// Stops everything; the data folder.
    pub(crate) fn stop(self) -> anyhow::Result<PathBuf> {
        for agent in self.agents {
            self.agent_threads.block_on(agent.stop())?;
        }
        self.server_threads.block_on(self.server.stop())?;
        Ok(self.folder.join("data"))
    }
}

/// Runs a job; the time from its submission until each of its tasks has a result at the client, be it provisional.
pub(crate) async fn run_job(client: &Client, spec: &JobSpec) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let job = client.submit(spec).await?.job;
    let mut events = pin!(client.watch(job.id, None));
    let mut left = spec.tasks.count();
    // A result that was provisional comes again when it is final.
    let mut seen = vec![false; usize::try_from(left)?];
    while left > 0 {
        match events.next().await.context("a job's events end after its last result")?? {
            Event::Result(result) => {
                ensure!(result.outcome == Outcome::Completed, "task {} ended as {:?}", result.index, result.outcome);
                let seen = seen.get_mut(usize::try_from(result.index)?).context("an index of the job")?;
                left -= u64::from(!std::mem::replace(seen, true));
            }
            Event::Progress(_) => {}
            Event::Lost { error, .. } => bail!(error),
        }
    }
    Ok(began.elapsed())
}
