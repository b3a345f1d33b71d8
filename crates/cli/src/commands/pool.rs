//! `hands pool`: workerpools.

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::exit::Exit;
use crate::listing::Format;
use crate::submit::pool_address;
use crate::terminal::{note, say};
use crate::{parse, wallet};
use clap::{Args, Subcommand};
use client::NewPool;
use units::{Address, Amount};

/// Open a workerpool of your own, or list those hosted here
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands pool list
  hands pool open --name \"render farm\" --stake-ratio 0 --commission 10 --invite-only
  hands pool invite \"render farm\" 0x51D0…     lets a worker in
  hands work --exchange URL --pool \"render farm\"
                                               machines join it so")]
pub(crate) struct PoolArgs {
    #[command(subcommand)]
    command: PoolCommand,
}

#[derive(Debug, Subcommand)]
enum PoolCommand {
    /// Lists the pools hosted by the exchange
    #[command(after_help = "Example: hands pool list --json")]
    List {
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Opens a pool of your own, which the exchange runs and sells for, and prints its address
    ///
    /// Your free credits are its stake: 30 % of a deal's price is locked while it runs, and lost if it is not done in time.
    #[command(after_help = "\
Examples:
  hands pool open --name \"render farm\" --stake-ratio 0 --commission 10
  hands pool open --name ours --stake-ratio 30 --commission 5 --invite-only")]
    Open {
        /// What it is called here; no two pools have one name.
        #[arg(long)]
        name: String,
        /// What a worker stakes, percent of a task's price. With 0, its first earnings are withheld instead.
        #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000))]
        stake_ratio: u64,
        /// Your share of what the pool earns, percent.
        #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=100))]
        commission: u64,
        /// Only workers that you invite may work there.
        #[arg(long)]
        invite_only: bool,
        /// What the exchange may pay of your credits beside prices: checks, second witnesses. It sells while this covers them.
        #[arg(long, value_name = "CREDITS", default_value = "10", value_parser = parse::credits)]
        beside: Amount,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Lets a worker into a pool of yours that takes only the invited
    #[command(after_help = "Example: hands pool invite \"render farm\" 0x51D0…")]
    Invite {
        /// The pool: its name, or its address.
        pool: String,
        /// The worker; `hands work` prints its address.
        worker: Address,
        /// Takes the invitation back.
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Takes a worker of yours out of a pool, with what was withheld of its earnings
    ///
    /// What is withheld is its deposit: it answers for results that nobody has checked, and is the pool owner's if a check finds
    /// one wrong. So a worker leaves with it once it is proven (in the exchange's own pools after 20 checks passed) and nothing of its is
    /// unchecked; before, the deposit stays locked however long it is away, and goes on counting when it comes back. `hands wallet
    /// balance` says how far it is.
    #[command(after_help = "Example: hands pool leave commons 0x51D0…")]
    Leave {
        /// The pool: its name, or its address.
        pool: String,
        /// The worker.
        worker: Address,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Has the exchange sell no more for a pool of yours; what was sold is finished
    #[command(after_help = "Example: hands pool close \"render farm\"")]
    Close {
        /// The pool: its name, or its address.
        pool: String,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Publishes a pool of your own that the exchange does not run: you sell for it by hand, and prints its address
    #[command(after_help = "Example: hands pool publish \"our render farm\"")]
    Publish {
        /// What it is.
        description: String,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
}

pub(crate) async fn run(context: &Context, args: PoolArgs) -> anyhow::Result<Exit> {
    match args.command {
        PoolCommand::List { format, exchange } => {
            let attached = reach(context, &exchange).await?;
            let pools = attached.client.exchange().pools.clone();
            attached.close().await;
            let columns = ["pool", "address", "worker stake", "pool's share", "workers", "open to"];
            format.list(&pools, &columns, "no pools are hosted here", |pool| {
                vec![
                    pool.name.clone(),
                    pool.address.to_string(),
                    format!("{} %", pool.worker_stake_ratio),
                    format!("{} %", pool.scheduler_reward_ratio),
                    pool.workers.to_string(),
                    if pool.by_invitation { "the invited" } else { "all" }.to_owned(),
                ]
            })?;
        }
        PoolCommand::Open { name, stake_ratio, commission, invite_only, beside, exchange } => {
            let new = NewPool { name, worker_stake_ratio: stake_ratio, commission, open: !invite_only, beside };
            let attached = reach(context, &exchange).await?;
            let opened = attached.client.open_pool(&new).await;
            attached.close().await;
            say(opened?);
            note(format_args!(
                "the exchange sells for it as machines join: `hands work --pool \"{}\"`; your free credits are its stake",
                new.name
            ));
        }
        PoolCommand::Invite { pool, worker, revoke, exchange } => {
            change(context, &exchange, &pool, Change::Invite { worker, invited: !revoke }).await?;
            say(if revoke { "it may work there no more" } else { "it may work there now" });
        }
        PoolCommand::Leave { pool, worker, exchange } => {
            change(context, &exchange, &pool, Change::Leave(worker)).await?;
            say("it has left, with what was withheld of its earnings");
        }
        PoolCommand::Close { pool, exchange } => {
            change(context, &exchange, &pool, Change::Close).await?;
            say("nothing more is sold for it; what was sold is finished");
        }
        PoolCommand::Publish { description, exchange } => {
            let attached = reach(context, &exchange).await?;
            let published = attached.client.create_pool(&description).await;
            attached.close().await;
            let pool = published?;
            say(pool);
            note(format_args!("`hands order sell --pool {pool}` sells its computing"));
        }
    }
    Ok(Exit::Done)
}

/// What is changed about a pool.
enum Change {
    Invite { worker: Address, invited: bool },
    Leave(Address),
    Close,
}

async fn change(context: &Context, exchange: &ExchangeArgs, pool: &str, change: Change) -> anyhow::Result<()> {
    let attached = reach(context, exchange).await?;
    let client = &attached.client;
    let changed = match pool_address(client, pool) {
        Err(error) => Err(error),
        Ok(pool) => match change {
            Change::Invite { worker, invited } => client.invite(pool, worker, invited).await,
            Change::Leave(worker) => client.leave_pool(pool, worker).await,
            Change::Close => client.close_pool(pool).await,
        }
        .map_err(Into::into),
    };
    attached.close().await;
    changed
}

async fn reach(context: &Context, exchange: &ExchangeArgs) -> anyhow::Result<Attached> {
    let key = wallet::load(&context.home)?;
    attach(&context.home, &key, exchange, Needs::Answers).await
}
