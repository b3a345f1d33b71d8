//! The server in a process of its own, so that its memory and processor time are its own: `bench serve FOLDER`.
//!
//! It ends when its standard input does, and so with the bench, however that ends.

use crate::hosted::{MOST, run_job};
use anyhow::{Context as _, bail};
use client::{AppPrice, Client, JobSpec, Options, Tasks};
use orders::SigningKey;
use server::Server;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use tokio::runtime::Runtime;
use units::{Address, Amount};

/// The word that makes the bench's program a server.
pub(crate) const SERVE: &str = "serve";
/// Ticks a second in `/proc`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// Serves a private exchange from `folder` until standard input ends.
pub(crate) fn serve(folder: &Path) -> anyhow::Result<()> {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = server::Config {
        listen,
        data_dir: folder.to_owned(),
        private: true,
        join_token: None,
        registries: None,
        storage: server::StorageLimits::own(),
    };
    let server = threads.block_on(Server::start(config))?;
    println!("{}\n{}", server.url(), server.join_token().unwrap_or_default());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(threads.block_on(server.stop())?)
}

/// A process that serves; it ends with this.
pub(crate) struct Serving {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    pub(crate) fn from(data: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("the bench's own program starts")?;
        let said = BufReader::new(process.stdout.take().context("its output is ours")?).lines();
        Ok(Self { process, said })
    }

    /// What it says next: its URL, then its join token.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        self.said.next().context("the server says where it listens")?.context("in words")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Ended already, or nothing is left to be saved.
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A served exchange, and a requester with money whose app does nothing.
pub(crate) struct Apart {
    serving: Serving,
    data: PathBuf,
    pub(crate) url: String,
    pub(crate) join_token: String,
    pub(crate) threads: Runtime,
    pub(crate) requester: Client,
    app: Address,
}

/// What the server's process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// Memory in RAM, bytes.
    pub(crate) resident: f64,
    pub(crate) processor_s: f64,
}

impl Apart {
    pub(crate) fn start(data: PathBuf) -> anyhow::Result<Self> {
        let mut serving = Serving::from(&data)?;
        let (url, join_token) = (serving.line()?, serving.line()?);
        let operator = fs::read_to_string(data.join("operator.key"))?;
        let operator: [u8; 32] = hex::decode(operator.trim())?.try_into().ok().context("a key has 32 bytes")?;
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let options = Options { join_token: Some(join_token.clone()), ..Options::default() };
        let (requester, app) = threads.block_on(async {
            let operator = Client::connect(&url, SigningKey::from_bytes(&operator)?, options.clone()).await?;
            let requester = Client::connect(&url, SigningKey::from_bytes(&[2; 32])?, options).await?;
            operator.issue(operator.address(), Amount::credits(1_000_000)).await?;
            operator.issue(requester.address(), Amount::credits(1_000_000)).await?;
            let app = requester.publish_module("nothing", bundle::NOTHING, AppPrice::OwnUse).await?.address;
            anyhow::Ok((requester, app))
        })?;
        Ok(Self { serving, data, url, join_token, threads, requester, app })
    }

    /// Tasks that do nothing.
    pub(crate) fn job(&self, tasks: u64) -> JobSpec {
        let max_price = Amount::nanos(MOST);
        JobSpec { tasks: Tasks::Alike { count: tasks }, max_price, ..JobSpec::of(self.app) }
    }

    /// Runs a job to its last result.
    pub(crate) fn run(&self, tasks: u64) -> anyhow::Result<()> {
        self.threads.block_on(run_job(&self.requester, &self.job(tasks))).map(drop)
    }

    pub(crate) fn used(&self) -> anyhow::Result<Used> {
        let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.serving.process.id()));
        let (status, stat) = (of("status")?, of("stat")?);
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = resident.and_then(|line| line.trim().strip_suffix(" kB")).context("VmRSS")?.trim().parse()?;
        // After the name in brackets, user and system time are the 12th and 13th field.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
        Ok(Used { resident: kib * 1024.0, processor_s: ticks.sum::<f64>() / TICKS })
    }

    /// Stops it in order; the data folder.
    pub(crate) fn stop(mut self) -> anyhow::Result<PathBuf> {
        drop(self.serving.process.stdin.take());
        let status = self.serving.process.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(std::mem::take(&mut self.data))
    }
}
