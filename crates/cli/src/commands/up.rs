//! `hands up`: a private exchange with this machine as its first workers.

use crate::attach::note_running;
use crate::commands::Context;
use crate::containers::ContainerArgs;
use crate::describe::count;
use crate::exit::Exit;
use crate::host::{self, StorageArgs};
use crate::terminal::say;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Start a private exchange, with this machine as its first workers
///
/// It goes on until Ctrl-C. `hands run` and `hands map` on this machine use it by themselves; other machines join with the
/// token that it prints. Prices are zero: nobody speaks of money.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands up                                       for this machine
  hands up --listen 0.0.0.0:7370                 for your office: prints the command for the other machines
  hands up --workers 4 --data /srv/exchange")]
pub(crate) struct UpArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7370")]
    listen: SocketAddr,
    /// The exchange's data folder. Default: `exchange` in the home folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many workers this machine counts as; a result of trust T takes log2(T) of them, at least two.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=62))]
    workers: u32,
    /// Cores lent to tasks. Default: all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cores: Option<u32>,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    containers: ContainerArgs,
}

pub(crate) async fn run(context: &Context, args: UpArgs) -> anyhow::Result<Exit> {
    let folder = std::path::absolute(args.data.unwrap_or_else(|| context.home.exchange_folder()))?;
    let cores = args.cores.unwrap_or_else(host::machine_cores);
    let mut hosted = host::start(&folder, args.listen, true, None, args.storage.limits()).await?;
    hosted.add_workers(&folder, args.workers, cores, &args.containers)?;
    note_running(&context.home, &folder)?;
    let url = host::url_for_others(hosted.addr());
    let token = hosted.join_token().unwrap_or_default().to_owned();
    say(format_args!("exchange    {url}"));
    say(format_args!("join token  {token}"));
    say(format_args!("data        {}", folder.display()));
    let (workers, cores) = (count(args.workers.into(), "worker"), count(cores.into(), "core"));
    say(format_args!("machine     {workers} with {cores}"));
    if let Some(missing) = hosted.lacks_containers() {
        say(format_args!("images      are not run here: {missing}"));
    }
    say("");
    say("  hands run APP.wasm              in another terminal here");
    say(format_args!("  hands work --exchange {url} --join {token}"));
    say("                                  on another machine, to lend it");
    say(format_args!("  hands run --exchange {url} --join {token} APP.wasm"));
    say("                                  on another machine, to use it");
    hosted.serve().await?;
    Ok(Exit::Done)
}
