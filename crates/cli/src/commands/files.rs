//! `hands files`: what one has stored with an exchange, and what of it is needed no more.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::{count, size};
use crate::exit::{Exit, hinted};
use crate::listing::Format;
use crate::terminal::{note, say};
use crate::wallet;
use api::files::Stored;
use clap::{Args, Subcommand};
use client::Client;
use units::Digest;

/// See and forget the files that you have stored with an exchange
///
/// What jobs and apps need is sent once and kept there, so that the next job sends nothing. An account may store so much (the
/// operator says how much, `hands serve --storage`); tasks' results do not count.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands files list
  hands files forget --unused                    all that no job and no offer of yours needs now")]
pub(crate) struct FilesArgs {
    #[command(subcommand)]
    command: Files,
}

#[derive(Debug, Subcommand)]
enum Files {
    List(ListArgs),
    Forget(ForgetArgs),
}

/// List your files, the largest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands files list
  hands files list --json --exchange http://192.168.1.5:7370")]
struct ListArgs {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

/// Forget files that you need there no more
///
/// What a job of yours that is not over needs, or an app or a dataset that you offer, stays. A job sends again what it finds
/// missing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands files forget sha256:9f86d081…            one that `hands files list` shows
  hands files forget --unused                    all that no job and no offer of yours needs now")]
struct ForgetArgs {
    /// Their digests.
    #[arg(value_name = "DIGEST", required_unless_present = "unused")]
    digests: Vec<Digest>,
    /// All that nothing of yours needs now.
    #[arg(long, conflicts_with = "digests")]
    unused: bool,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

pub(crate) async fn run(context: &Context, args: FilesArgs) -> anyhow::Result<Exit> {
    match args.command {
        Files::List(args) => list(context, args).await,
        Files::Forget(args) => forget(context, args).await,
    }
}

async fn list(context: &Context, args: ListArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let found = attached.client.files().await;
    attached.close().await;
    let found = found?;
    if args.format.json {
        say(serde_json::to_string_pretty(&found)?);
        return Ok(Exit::Done);
    }
    let none = "no files of yours are stored there";
    args.format.list(&found.files, &["file", "size"], none, |file| vec![file.digest.to_string(), size(file.size)])?;
    let most = found.allowed.map_or_else(String::new, |most| format!(" of {}", size(most)));
    note(format_args!("{}, {}{most}", count(found.count, "file"), size(found.stored)));
    Ok(Exit::Done)
}

async fn forget(context: &Context, args: ForgetArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let client = &attached.client;
    let forgotten = if args.unused { forget_unused(client).await } else { forget_these(client, args.digests).await };
    attached.close().await;
    let forgotten = forgotten?;
    let bytes = forgotten.iter().map(|file| file.size).sum();
    note(format_args!("{} forgotten, {}", count(forgotten.len() as u64, "file"), size(bytes)));
    Ok(Exit::Done)
}

async fn forget_these(client: &Client, digests: Vec<Digest>) -> anyhow::Result<Vec<Stored>> {
    let answer = client.forget(digests.clone()).await?;
    if let Some(file) = answer.needed.first() {
        return Err(hinted(
            format!("{} is needed by a job of yours that is not over, or by what you offer", file.digest),
            "`hands job list`, `hands order list`; `hands files forget --unused` leaves such files alone",
        ));
    }
    let known = |digest: &Digest| answer.forgotten.iter().any(|file| file.digest == *digest);
    match digests.iter().find(|digest| !known(digest)) {
        Some(unknown) => Err(hinted(format!("you have not stored {unknown} there"), "`hands files list`")),
        None => Ok(answer.forgotten),
    }
}

/// Page by page, as long as something of a page can be forgotten.
async fn forget_unused(client: &Client) -> anyhow::Result<Vec<Stored>> {
    let mut all = Vec::new();
    loop {
        let digests = client.files().await?.files.into_iter().map(|file| file.digest).collect();
        let answer = client.forget(digests).await?;
        if answer.forgotten.is_empty() {
            return Ok(all);
        }
        all.extend(answer.forgotten);
    }
}
