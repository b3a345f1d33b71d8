//! An exchange in this process: the embedded one, and those of `hands up` and `hands serve`; and this machine's workers.

use crate::attach::Needs;
use crate::containers::{ContainerArgs, Found};
use crate::describe::count;
use crate::home::{Lock, worker_key};
use crate::parse;
use crate::terminal::note;
use crate::wallet;
use agent::{Agent, AgentHandle, Cache};
use anyhow::Context as _;
use clap::Args;
use journal::JournalError;
use orders::SigningKey;
use server::{Config, Endpoint, Server, ServerHandle, StartError, StorageLimits};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::num::NonZero;
use std::path::Path;
use tokio::sync::watch;

/// How often an exchange here is looked for and started before giving up.
pub(crate) const STARTS: u32 = 20;
/// Memory that a task may use on this machine, MiB: all that WebAssembly can address. It is taken only as it is used.
pub(crate) const MEMORY_MIB: u64 = 4_096;
/// Disk that a task's output may use on this machine, MiB.
pub(crate) const DISK_MIB: u64 = 4_096;
/// What the files of a worker's cache may take, bytes.
pub(crate) const CACHE_BYTES: u64 = 10 << 30;
/// The most workers that are started for a job's trust.
const MOST_WORKERS: u32 = 62;

/// What an exchange's disk is for.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct StorageArgs {
    /// What the files of one account may take here (64G, 500M). Tasks' results do not count; yours, the operator's, neither.
    #[arg(long, value_name = "SIZE", default_value = "64G", value_parser = parse::size)]
    storage: u64,
    /// No file is taken in where less than this would stay free on the disk, which the journal needs.
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = parse::size)]
    keep_free: u64,
}

impl StorageArgs {
    /// As the exchange takes it.
    pub(crate) fn limits(self) -> StorageLimits {
        StorageLimits { per_account: self.storage, keep_free: self.keep_free }
    }
}

/// An exchange that runs in this process, with its workers.
#[derive(Debug)]
pub(crate) struct Hosted {
    server: ServerHandle,
    workers: Vec<Worker>,
    /// What runs images for the workers, and why nothing does.
    containers: Option<Found>,
}

/// A worker that runs in this process.
#[derive(Debug)]
struct Worker {
    agent: AgentHandle,
    /// Keeps its key from other commands.
    _lock: Lock,
}

impl Hosted {
    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The port that it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// What lets into it, if it is private.
    pub(crate) fn join_token(&self) -> Option<&str> {
        self.server.join_token()
    }

    /// Why its workers run no container images, where they do not.
    pub(crate) fn lacks_containers(&self) -> Option<String> {
        match &self.containers {
            Some(Found::Missing(missing)) => Some(missing.to_string()),
            Some(Found::Ready(_) | Found::Unwanted) | None => None,
        }
    }

    /// Starts workers here, the machine's cores shared among them.
    pub(crate) fn add_workers(
        &mut self,
        folder: &Path,
        workers: u32,
        cores: u32,
        containers: &ContainerArgs,
    ) -> anyhow::Result<()> {
        let found = containers.open(folder)?;
        let cache = Cache::open(&folder.join("cache"), CACHE_BYTES)
            .with_context(|| format!("the workers' cache in {} cannot be used", folder.display()))?;
        for number in 0..workers {
            let (key, lock) = worker_key(&folder.join("workers"))?;
            let config = agent::Config {
                cores: share(cores, workers, number),
                memory_mib: MEMORY_MIB,
                disk_mib: DISK_MIB,
                join_token: self.join_token().map(str::to_owned),
                containers: found.host(),
                ..agent::Config::new(self.url(), key, cache.clone())
            };
            self.workers.push(Worker { agent: Agent::start(config)?, _lock: lock });
        }
        self.containers = Some(found);
        Ok(())
    }

    /// Waits until the person ends it, or it ends by itself.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        let ended = self.server.stopper();
        let mut interrupt = Interrupt::listen();
        tokio::select! {
            () = interrupt.wait() => note("stopping"),
            () = ended.cancelled() => {}
        }
        self.stop().await
    }

    /// Stops workers and server; what was accepted is durable.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { server, workers, containers: _containers } = self;
        let stopping = workers.into_iter().map(|Worker { agent, _lock }| async move {
            // A worker that has ended before has said why.
            let _ = agent.stop().await;
            drop(_lock);
        });
        futures::future::join_all(stopping).await;
        server.stop().await.context("the exchange could not go on")
    }
}

/// Where the exchange of this data folder says it listens, and what lets into it.
pub(crate) fn endpoint(folder: &Path) -> Option<(String, Option<String>)> {
    Endpoint::read(folder).map(|endpoint| (endpoint.url, endpoint.join_token))
}

/// The operator's key in a data folder, if it has one.
pub(crate) fn operator_key(folder: &Path) -> anyhow::Result<Option<SigningKey>> {
    let file = folder.join("operator.key");
    if file.exists() { wallet::plain_key(&file).map(Some) } else { Ok(None) }
}

/// Starts an exchange without workers.
pub(crate) async fn start(
    folder: &Path,
    listen: SocketAddr,
    private: bool,
    registries: Option<BTreeSet<String>>,
    storage: StorageLimits,
) -> Result<Hosted, StartError> {
    let config = Config { listen, data_dir: folder.to_owned(), private, join_token: None, registries, storage };
    Ok(Hosted { server: Server::start(config).await?, workers: Vec::new(), containers: None })
}

/// Starts the embedded exchange on a free port of this machine alone; none where another process has its folder.
pub(crate) async fn start_embedded(folder: &Path, needs: &Needs) -> anyhow::Result<Option<Hosted>> {
    let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let mut hosted = match start(folder, listen, true, None, StorageLimits::own()).await {
        Ok(hosted) => hosted,
        Err(StartError::Journal(JournalError::Locked { .. }) | StartError::Blobs(blobs::OpenError::InUse { .. })) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if let Needs::Workers { trust, images } = needs {
        let (workers, cores) = (workers_for(*trust), machine_cores());
        hosted.add_workers(folder, workers, cores, &ContainerArgs::of_embedded(images.as_deref()))?;
        note(format_args!(
            "no exchange is running: using an embedded one with {} on this machine's {}",
            count(workers.into(), "worker"),
            count(cores.into(), "core")
        ));
    }
    Ok(Some(hosted))
}

/// How many unproven workers a result of this trust takes: the least n, at least two, with
/// 2ⁿ × trust > (2ⁿ + 1) × (trust − 1). The second is for failures, which two must agree on.
pub(crate) fn workers_for(trust: u64) -> u32 {
    let trust = u128::from(trust.max(1));
    let enough = |n: &u32| {
        let weight = 1_u128 << n;
        weight * trust > (weight + 1) * (trust - 1)
    };
    (2..MOST_WORKERS).find(enough).unwrap_or(MOST_WORKERS)
}

/// How many of the cores one of the workers gets: at least one, also where there are more workers than cores.
fn share(cores: u32, workers: u32, number: u32) -> u32 {
    (cores / workers + u32::from(number < cores % workers)).max(1)
}

/// This machine's cores.
pub(crate) fn machine_cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(cores).unwrap_or(u32::MAX)
}

/// Ctrl-C, or the system's request to end: heard from the moment this is made, however late it is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let (heard, waiting) = watch::channel(false);
        let signal = signals();
        tokio::spawn(async move {
            signal.await;
            heard.send_replace(true);
            // Dropped, the sender would look like a signal.
            heard.closed().await;
        });
        Self(waiting)
    }

    /// Waits for it.
    pub(crate) async fn wait(&mut self) {
        let _ = self.0.wait_for(|heard| *heard).await;
    }
}

/// Listens from now on, not from the first poll on.
#[cfg(unix)]
fn signals() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn signals() {
    let _ = tokio::signal::ctrl_c().await;
}

/// The URL under which other machines reach an exchange that listens there: this machine's outward address, where it
/// listens on all of them.
pub(crate) fn url_for_others(addr: SocketAddr) -> String {
    if !addr.ip().is_unspecified() {
        return format!("http://{addr}");
    }
    // Connecting a datagram socket sends nothing; it only picks the address that packets would leave from.
    let outward = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let ip = outward().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    format!("http://{}", SocketAddr::new(ip, addr.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_takes_as_many_workers_as_consensus_among_newcomers() {
        for (trust, workers) in [(0, 2), (1, 2), (3, 2), (4, 2), (5, 3), (9, 4), (1_000, 10)] {
            assert_eq!(workers_for(trust), workers, "trust {trust}");
        }
    }

    #[test]
    fn cores_are_shared_out_and_every_worker_has_one() {
        let shares = |cores, workers| (0..workers).map(|number| share(cores, workers, number)).collect::<Vec<_>>();
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(1, 3), [1, 1, 1]);
    }
}
