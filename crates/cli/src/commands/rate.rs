//! `hands rate`: what one side of a deal says of the other.

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::{count, short};
use crate::exit::{Exit, hinted};
use crate::job_record::JobRecord;
use crate::terminal::say;
use crate::wallet;
use api::job::Deal;
use clap::Args;
use orders::Rating;
use units::{Address, DealId};

/// Say how the other side of a deal did
///
/// Each side of a deal rates the other once, for performance and for safety, until a week after the deal ended: the requester
/// its pool or a worker that proved a result in it, those the requester. `hands provider ADDRESS` shows what was said.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands rate 0x3fa9 --performance 5 --safety 5           the pools of all deals of a job
  hands rate 0x77c3… --performance 2 --safety 5 --of 0x51d0…
                                                         one worker of a deal")]
pub(crate) struct RateArgs {
    /// The deal, or a job, whose deals are all rated; the beginning of a job's id is enough.
    #[arg(value_name = "DEAL|JOB")]
    what: String,
    /// How well it went, from 1 (bad) to 5 (good).
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u8).range(1..=5))]
    performance: u8,
    /// How safe it was, from 1 (bad) to 5 (good).
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u8).range(1..=5))]
    safety: u8,
    /// Who is rated. Default: the pool, if the deal was yours, else its requester.
    #[arg(long, value_name = "ADDRESS")]
    of: Option<Address>,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

pub(crate) async fn run(context: &Context, args: RateArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let rated = rate(context, &args, &attached).await;
    attached.close().await;
    let (deals, subjects) = rated?;
    let whom: Vec<String> = subjects.iter().map(short).collect();
    say(format_args!("rated {} for {}", whom.join(", "), count(deals, "deal")));
    Ok(Exit::Done)
}

async fn rate(context: &Context, args: &RateArgs, attached: &Attached) -> anyhow::Result<(u64, Vec<Address>)> {
    let client = &attached.client;
    let mut subjects = Vec::new();
    let mut rated = 0;
    for deal in deals(context, args, attached).await? {
        let other = if deal.requester == client.address() { deal.workerpool.address } else { deal.requester };
        let subject = args.of.unwrap_or(other);
        let RateArgs { performance, safety, .. } = *args;
        client.rate(Rating { deal: deal.id, subject, performance, safety }).await?;
        rated += 1;
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    Ok((rated, subjects))
}

/// The deal of this name, or those of the job.
async fn deals(context: &Context, args: &RateArgs, attached: &Attached) -> anyhow::Result<Vec<Deal>> {
    let client = &attached.client;
    if let Ok(id) = args.what.parse::<DealId>()
        && let Ok(deal) = client.deal(id).await
    {
        return Ok(vec![deal]);
    }
    let job = client.job(JobRecord::find(&context.home, &args.what)?).await?;
    let mut deals = Vec::new();
    for id in &job.deals {
        deals.push(client.deal(*id).await?);
    }
    if deals.is_empty() {
        return Err(hinted("nothing was bought for this job yet, so there is nobody to rate", "`hands job watch ID`"));
    }
    Ok(deals)
}
