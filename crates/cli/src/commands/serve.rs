//! `hands serve`: an exchange without workers of its own.

use crate::attach::connect;
use crate::attach::note_running;
use crate::commands::Context;
use crate::containers::listed;
use crate::exit::Exit;
use crate::host::{self, StorageArgs};
use crate::parse;
use crate::terminal::say;
use clap::Args;
use client::Options;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use units::Amount;

/// Start an exchange; machines join it with `hands work`
///
/// It goes on until Ctrl-C. Open to everybody unless --private: then workers and requesters need the join token that it
/// prints, and prices are zero. Whether an exchange is private is settled when it is founded.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands serve --private                          a render farm: the other machines run `hands work`
  hands serve --listen 0.0.0.0:7370 --data /srv/exchange
  hands operator credit 0x51be… 100              issues credits, which the audit shows")]
pub(crate) struct ServeArgs {
    /// Keeps strangers out, workers and requesters alike.
    #[arg(long)]
    private: bool,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:7370")]
    listen: SocketAddr,
    /// The exchange's data folder. Default: `exchange` in the home folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// On an open exchange: credits that its own pools can put at stake. The operator issues them to itself, which the audit
    /// shows.
    #[arg(long, value_name = "CREDITS", default_value = "1000", value_parser = parse::credits)]
    stakes: Amount,
    /// On an open exchange: one more registry whose images may be sold, as HOST or HOST:PORT; may be given many times. Large public
    /// ones may anyway; what most workers fetch nothing from, nobody should sell.
    #[arg(long = "registry", value_name = "HOST")]
    registries: Vec<String>,
    #[command(flatten)]
    storage: StorageArgs,
}

pub(crate) async fn run(context: &Context, args: ServeArgs) -> anyhow::Result<Exit> {
    let folder = std::path::absolute(args.data.unwrap_or_else(|| context.home.exchange_folder()))?;
    let registries = (!args.private).then(|| listed(&args.registries));
    let hosted = host::start(&folder, args.listen, args.private, registries, args.storage.limits()).await?;
    note_running(&context.home, &folder)?;
    let url = host::url_for_others(hosted.addr());
    // Before the address is said: whoever reads it may act with the operator's key at once.
    let issued = match hosted.join_token() {
        Some(_) => None,
        None => fund_stakes(context, &folder, &hosted.url(), args.stakes).await?,
    };
    say(format_args!("exchange    {url}"));
    let join = match hosted.join_token() {
        Some(token) => {
            say(format_args!("join token  {token}"));
            format!(" --join {token}")
        }
        None => {
            say("open        to everybody");
            if let Some(issued) = issued {
                say(format_args!("stakes      {issued} credits issued to the operator, for its pools to stake"));
            }
            String::new()
        }
    };
    say(format_args!("data        {}", folder.display()));
    say("");
    say(format_args!("  hands work --exchange {url}{join}"));
    say("                                  on any machine, to lend it");
    say(format_args!("  hands run --exchange {url}{join} APP.wasm"));
    say("                                  on any machine, to use it");
    hosted.serve().await?;
    Ok(Exit::Done)
}

/// Sees to it that the exchange's own pools can stake for the deals they make: their owner is the operator. What was issued.
async fn fund_stakes(context: &Context, folder: &Path, url: &str, stakes: Amount) -> anyhow::Result<Option<Amount>> {
    let Some(operator) = host::operator_key(folder)? else { return Ok(None) };
    let client = connect(&context.home, &operator, url, None, Options::default().patience).await?;
    let account = client.account(operator.address()).await?;
    let has = account.free.checked_add(account.locked).unwrap_or(stakes);
    let Some(missing) = stakes.checked_sub(has).filter(|missing| !missing.is_zero()) else { return Ok(None) };
    client.issue(operator.address(), missing).await?;
    Ok(Some(missing))
}
