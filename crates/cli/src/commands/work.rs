//! `hands work`: lend this machine.

use crate::attach::connect;
use crate::commands::Context;
use crate::containers::{ContainerArgs, Found};
use crate::describe::count;
use crate::exit::Exit;
use crate::home::{Home, worker_key};
use crate::host::{self, Interrupt};
use crate::terminal::{note, say};
use crate::{parse, wallet};
use agent::{Agent, AgentHandle, Cache, Heat, HeatDemand, Owner, PoolChoice, State, Status, When};
use anyhow::Context as _;
use api::exchange::Exchange;
use clap::{Args, ValueEnum};
use client::Client;
use orders::hello::Ownership;
use orders::{Domain, SigningKey};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use units::{Address, Amount, Tag};

/// How often the tally is said while it changes.
const TALLY: Duration = Duration::from_secs(30);
/// How long the exchange is waited for before that is said again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lend this machine to an exchange
///
/// Programs run in a sandbox: they see their own files and nothing of this machine, and have no network. It goes on until
/// Ctrl-C, and through the exchange's restarts.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands work --exchange http://192.168.1.5:7370 --join TOKEN
  hands work --exchange http://exchange.example:7370 --pool bonded --floor 0.5 --when idle
  hands work --exchange http://exchange.example:7370 --floor 0.5 --heat /run/heat --region eu-west
                                                a thermostat writes how warm it may get: 0 to 100
  hands wallet collect --exchange http://exchange.example:7370      brings earnings to your wallet")]
pub(crate) struct WorkArgs {
    /// The exchange, such as http://192.168.1.5:7370.
    #[arg(long, value_name = "URL", env = "MANYHANDS_EXCHANGE", hide_env_values = true)]
    exchange: String,
    /// The token that a private exchange printed when it started; needed once, then remembered.
    #[arg(long, value_name = "TOKEN", env = "MANYHANDS_JOIN", hide_env_values = true)]
    join: Option<String>,
    /// The pool to work for: `commons` needs no stake, `bonded` pays more trusted work, or a pool's address.
    #[arg(long, value_name = "NAME|ADDRESS", default_value = "commons")]
    pool: String,
    /// Cores lent. Default: all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cores: Option<u32>,
    /// When it works.
    #[arg(long, value_enum, default_value_t = WhenArg::Always)]
    when: WhenArg,
    /// The least it works for, in credits a task. Default: any price.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    floor: Option<Amount>,
    /// How much load this site wishes for, because its waste heat is of use: percent, or a file that says it and is read again
    /// every ten seconds. The floor is lowered in proportion.
    #[arg(long, value_name = "PERCENT|FILE", value_parser = heat_demand)]
    heat: Option<HeatDemand>,
    /// By how much the floor is lowered while the site wishes for all the load there can be, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, requires = "heat", value_parser = clap::value_parser!(u8).range(0..=100))]
    heat_discount: u8,
    /// Where this machine is, such as eu-west; work that wants to be near goes to it first.
    #[arg(long, value_name = "NAME", value_parser = parse::region)]
    region: Option<String>,
    /// What this machine has that you and those who ask for it agreed to call so: a number from 16 to 255; may be given many times.
    /// Jobs with `--tag NUMBER` run only on machines that say it; nobody checks it, so use it among people who trust you. What a
    /// machine can show by itself it says by itself; a TEE or a GPU it cannot claim, for no program run here can reach one.
    #[arg(long = "tag", value_name = "NUMBER", value_parser = parse::own_tag)]
    tags: Vec<Tag>,
    #[command(flatten)]
    containers: ContainerArgs,
}

/// When a machine works, as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WhenArg {
    /// Whenever there is work.
    Always,
    /// While nothing else needs the processors.
    Idle,
}

/// Reads a percentage, or a file's name.
fn heat_demand(text: &str) -> Result<HeatDemand, String> {
    match text.trim_end_matches(['%', ' ']).parse::<u64>() {
        Ok(percent) => match u8::try_from(percent) {
            Ok(percent @ 0..=100) => Ok(HeatDemand::Percent(percent)),
            Ok(_) | Err(_) => Err(format!("`{text}` is more than 100 percent")),
        },
        Err(_) if Path::new(text).is_file() => Ok(HeatDemand::File(text.into())),
        Err(_) => Err(format!("`{text}` is neither a percentage nor a file")),
    }
}

pub(crate) async fn run(context: &Context, args: WorkArgs) -> anyhow::Result<Exit> {
    let home = &context.home;
    let exchange = find(&args.exchange).await?;
    let known = home.known(&args.exchange)?;
    let join_token = args.join.clone().or(known.join_token);
    if exchange.private && join_token.is_none() {
        return Err(crate::exit::hinted(
            format!("the exchange at {} is private", args.exchange),
            "`--join TOKEN` with the token that it printed when it started",
        ));
    }
    let wallet = wallet::load(home)?;
    let (key, lock) = worker_key(&home.workers_folder())?;
    let cores = args.cores.unwrap_or_else(host::machine_cores);
    let containers = args.containers.open(lock.folder())?;
    if let Found::Missing(missing) = &containers {
        note(format_args!("container images are not run here: {missing}"));
    }
    let config = agent::Config {
        containers: containers.host(),
        owner: Some(owner(&wallet, &key, &exchange)),
        pool: args.pool.parse().map_or_else(|_| PoolChoice::Name(args.pool.clone()), PoolChoice::Address),
        cores,
        memory_mib: host::MEMORY_MIB,
        disk_mib: host::DISK_MIB,
        join_token: join_token.clone(),
        floors: args.floor.iter().flat_map(|floor| exchange.categories.iter().map(|c| (c.id, *floor))).collect(),
        region: args.region.clone(),
        tag: args.tags.iter().fold(Tag::NONE, |all, tag| all.union(*tag)),
        heat: args.heat.clone().map(|demand| Heat { demand, discount: args.heat_discount }),
        when: match args.when {
            WhenArg::Always => When::Always,
            WhenArg::Idle => When::Idle,
        },
        ..agent::Config::new(&args.exchange, key.clone(), cache(lock.folder())?)
    };
    let agent = Agent::start(config)?;
    if join_token.is_some() {
        home.remember(&args.exchange, |known| known.join_token = join_token)?;
    }
    say(format_args!("worker {} lends {} to {}", key.address(), count(cores.into(), "core"), args.exchange));
    advise_stake(home, &wallet, &args, &exchange, key.address()).await;
    let ended = serve(agent).await;
    drop((containers, lock));
    ended
}

/// Where the pool wants stakes that the worker has not: says how it gets them. Without them it is given no work.
async fn advise_stake(home: &Home, wallet: &SigningKey, args: &WorkArgs, exchange: &Exchange, worker: Address) {
    let pool = exchange.pools.iter().find(|pool| pool.name == args.pool || args.pool.parse() == Ok(pool.address));
    let Some(pool) = pool.filter(|pool| pool.worker_stake_ratio > 0 && !exchange.private) else { return };
    // Whatever is wrong with the connection, the agent says it.
    let Ok(client) = connect(home, wallet, &args.exchange, args.join.clone(), Duration::ZERO).await else { return };
    let Ok(account) = client.account(worker).await else { return };
    if account.free.is_zero() && account.locked.is_zero() {
        let (ratio, url) = (pool.worker_stake_ratio, &args.exchange);
        note(format_args!(
            "pool {} has its workers stake {ratio} % of a task's price, and this one has no credits; until it has, it gets no work\n  \
             try: `hands wallet transfer {worker} CREDITS --exchange {url}`, or `--pool commons`, which wants no stake",
            pool.name
        ));
    }
}

/// Waits for the exchange to be there.
async fn find(url: &str) -> anyhow::Result<Exchange> {
    loop {
        match Client::ask_exchange(url, PATIENCE).await {
            Err(error) if error.is_connection() => note(format_args!("{error}; trying again, Ctrl-C leaves")),
            asked => return Ok(asked?),
        }
    }
}

fn cache(folder: &Path) -> anyhow::Result<Cache> {
    Cache::open(&folder.join("cache"), host::CACHE_BYTES)
        .with_context(|| format!("the worker's cache in {} cannot be used", folder.display()))
}

/// The wallet's word that the worker is its own: replicas of a task go to different owners.
fn owner(wallet: &SigningKey, worker: &SigningKey, exchange: &Exchange) -> Owner {
    let domain = Domain::new(exchange.chain_id, exchange.hub);
    let ownership = Ownership { worker: worker.address(), owner: wallet.address() };
    Owner { address: wallet.address(), signature: wallet.sign(ownership.digest(&domain)) }
}

/// Says how the agent fares, until it ends or is told to.
async fn serve(mut agent: AgentHandle) -> anyhow::Result<Exit> {
    let mut interrupt = Interrupt::listen();
    let mut status = agent.status();
    let mut said_state = None;
    let mut said = Status::default();
    let mut tally_at = Instant::now() + TALLY;
    loop {
        tokio::select! {
            () = interrupt.wait() => {
                note("stopping: unfinished work goes back to the exchange");
                agent.stop().await?;
                say_tally(&status.borrow());
                return Ok(Exit::Done);
            }
            ended = agent.ended() => {
                ended?;
                return Ok(Exit::Done);
            }
            Ok(()) = status.changed() => {
                let now = status.borrow_and_update().clone();
                if said_state.as_ref() != Some(&now.state) {
                    say_state(&now.state);
                    said_state = Some(now.state);
                }
            }
            () = sleep_until(tally_at) => {
                let now = status.borrow().clone();
                if now.done != said.done || now.earned != said.earned {
                    say_tally(&now);
                    said = now;
                }
                tally_at = Instant::now() + TALLY;
            }
        }
    }
}

fn say_state(state: &State) {
    match state {
        State::Connecting { because } if because.is_empty() => {}
        State::Connecting { because } => note(format_args!("not connected: {because}; trying again")),
        State::Working => note("connected"),
        State::Paused => note("paused: somebody needs this machine"),
        State::Stopping | State::Ended => {}
    }
}

fn say_tally(status: &Status) {
    let mut line = format!("{} run, {} accepted", count(status.done, "task"), status.accepted);
    if status.dissented > 0 {
        line.push_str(&format!(", {} disagreed with the others", status.dissented));
    }
    if !status.earned.is_zero() {
        line.push_str(&format!(", {} credits earned", status.earned));
    }
    note(line);
}
