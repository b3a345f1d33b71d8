//! `hands explain`: why a request is not matched, and what would help.

use crate::attach::Needs;
use crate::commands::Context;
use crate::commands::job::JobName;
use crate::describe::count;
use crate::exit::Exit;
use crate::listing::Format;
use crate::terminal::say;
use api::order::Explain;
use clap::Args;

/// Say why a job or request order does not go on, and what would help
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hands explain 0x3fa9
    20 tasks wait: no worker is connected
      try: hands work --exchange http://127.0.0.1:7370 on any machine")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    job: JobName,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(context: &Context, args: ExplainArgs) -> anyhow::Result<Exit> {
    let found = args.job.find(context, Needs::Answers).await?;
    let client = &found.attached.client;
    let explained = match client.explain(found.id).await {
        // A request order that was placed by itself is no job.
        Err(client::Error::Refused { status: 404, .. }) => client.explain_order(found.id).await,
        explained => explained,
    };
    found.attached.close().await;
    show(&explained?, args.format)
}

pub(crate) fn show(explain: &Explain, format: Format) -> anyhow::Result<Exit> {
    if format.json {
        format.one(explain, &[])?;
        return Ok(Exit::Done);
    }
    say(&explain.summary);
    for cause in &explain.causes {
        say(format_args!("  {}: {}", count(cause.count, "offer"), cause.detail));
    }
    if let Some(advice) = &explain.advice {
        say(format_args!("  try: {advice}"));
    }
    Ok(Exit::Done)
}
