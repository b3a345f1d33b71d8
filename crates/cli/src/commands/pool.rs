//! `hands pool`: workerpools.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::exit::Exit;
use crate::listing::Format;
use crate::terminal::{note, say};
use crate::wallet;
use clap::{Args, Subcommand};

/// Open a workerpool of your own, or list those hosted here
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands pool list
  hands pool open \"our render farm\"
  hands work --exchange URL --pool 0x77C3…      machines join it so")]
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
    /// Opens a pool of your own and prints its address
    #[command(after_help = "Example: hands pool open \"our render farm\"")]
    Open {
        /// What it is.
        description: String,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
}

pub(crate) async fn run(context: &Context, args: PoolArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    match args.command {
        PoolCommand::List { format, exchange } => {
            let attached = attach(&context.home, &key, &exchange, Needs::Answers).await?;
            let pools = attached.client.exchange().pools.clone();
            attached.close().await;
            let columns = ["pool", "address", "worker stake", "pool's share", "workers"];
            format.list(&pools, &columns, "no pools are hosted here", |pool| {
                vec![
                    pool.name.clone(),
                    pool.address.to_string(),
                    format!("{} %", pool.worker_stake_ratio),
                    format!("{} %", pool.scheduler_reward_ratio),
                    pool.workers.to_string(),
                ]
            })?;
        }
        PoolCommand::Open { description, exchange } => {
            let attached = attach(&context.home, &key, &exchange, Needs::Answers).await?;
            let opened = attached.client.create_pool(&description).await;
            attached.close().await;
            let pool = opened?;
            say(pool);
            note(format_args!(
                "`hands work --pool {pool}` joins it, `hands order sell --pool {pool}` sells its computing"
            ));
        }
    }
    Ok(Exit::Done)
}
