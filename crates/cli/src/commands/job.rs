//! `hands job`: what was submitted, and what came of it.

use crate::apps::{self, Errand, Leave};
use crate::attach::{Attached, ExchangeArgs, Needs, attach, attach_place};
use crate::commands::Context;
use crate::describe::{self, ago, count, short};
use crate::exit::{Exit, hinted};
use crate::follow::{How, Until, follow, show_failure};
use crate::host::Interrupt;
use crate::job_record::{JobRecord, Place};
use crate::listing::Format;
use crate::submit::all_results;
use crate::terminal::{note, say};
use crate::wallet;
use anyhow::Context as _;
use api::job::{Job, Outcome, TaskResult};
use clap::{Args, Subcommand};
use orders::SigningKey;
use std::path::PathBuf;
use units::OrderHash;

/// See, resume and cancel jobs
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands job list
  hands job watch 0x3fa9                the beginning of an id is enough
  hands job results 0x3fa9 --json
  hands job explain 0x3fa9              why it is not running
  hands job cancel 0x3fa9               buys nothing more; what runs goes on to its end")]
pub(crate) struct JobArgs {
    #[command(subcommand)]
    command: JobCommand,
}

#[derive(Debug, Subcommand)]
enum JobCommand {
    /// Lists your jobs, those of other exchanges as they were last known
    #[command(after_help = "Example: hands job list --json")]
    List {
        #[command(flatten)]
        format: Format,
        #[command(flatten)]
        exchange: ExchangeArgs,
    },
    /// Shows how a job stands
    #[command(after_help = "Example: hands job show 0x3fa9")]
    Show {
        #[command(flatten)]
        job: JobName,
        #[command(flatten)]
        format: Format,
    },
    /// Follows a job to its end; results go where they went before
    #[command(after_help = "\
Example: hands job watch 0x3fa9

An embedded exchange is started again where it was.")]
    Watch {
        #[command(flatten)]
        job: JobName,
        /// Another folder for the results. Default: the job's own.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Agrees to everything that would be asked, such as the quote of an app's job.
        #[arg(long, short)]
        yes: bool,
    },
    /// Lists what came of a job's tasks so far
    #[command(after_help = "Example: hands job results 0x3fa9 --json")]
    Results {
        #[command(flatten)]
        job: JobName,
        #[command(flatten)]
        format: Format,
    },
    /// Buys nothing more for a job; what was bought goes on to its end
    #[command(after_help = "Example: hands job cancel 0x3fa9")]
    Cancel {
        #[command(flatten)]
        job: JobName,
    },
    /// Says why a job does not go on, and what would help
    #[command(after_help = "Example: hands job explain 0x3fa9")]
    Explain {
        #[command(flatten)]
        job: JobName,
        #[command(flatten)]
        format: Format,
    },
}

/// Which job, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct JobName {
    /// The job's id, or the beginning of one that was submitted from here.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    exchange: ExchangeArgs,
}

/// A job found: its id, what is remembered of it, and its exchange.
pub(crate) struct Found {
    pub(crate) id: OrderHash,
    pub(crate) record: Option<JobRecord>,
    pub(crate) attached: Attached,
    pub(crate) key: SigningKey,
}

impl JobName {
    /// A job of this name, or the beginning of it.
    pub(crate) fn new(id: String, exchange: ExchangeArgs) -> Self {
        Self { id, exchange }
    }

    /// Finds the job and connects to its exchange.
    pub(crate) async fn find(&self, context: &Context, needs: Needs) -> anyhow::Result<Found> {
        let key = wallet::load(&context.home)?;
        let id = JobRecord::find(&context.home, &self.id)?;
        let record = JobRecord::load(&context.home, id)?;
        let attached = match (&record, &self.exchange.exchange) {
            (Some(record), None) => attach_place(&context.home, &key, &record.place, needs).await?,
            (Some(_) | None, Some(_)) | (None, None) => attach(&context.home, &key, &self.exchange, needs).await?,
        };
        Ok(Found { id, record, attached, key })
    }
}

pub(crate) async fn run(context: &Context, args: JobArgs) -> anyhow::Result<Exit> {
    match args.command {
        JobCommand::List { format, exchange } => list(context, format, &exchange).await,
        JobCommand::Show { job, format } => show(context, &job, format).await,
        JobCommand::Watch { job, out, yes } => watch(context, &job, out, yes).await,
        JobCommand::Results { job, format } => results(context, &job, format).await,
        JobCommand::Cancel { job } => cancel(context, &job).await,
        JobCommand::Explain { job, format } => explain(context, &job, format).await,
    }
}

async fn list(context: &Context, format: Format, exchange: &ExchangeArgs) -> anyhow::Result<Exit> {
    let key = wallet::load(&context.home)?;
    let here = exchange.exchange.is_none();
    let mut jobs = match attach(&context.home, &key, exchange, Needs::Answers).await {
        Ok(attached) => {
            let jobs = attached.client.jobs().await;
            attached.close().await;
            jobs?
        }
        // Without any exchange of this machine there may still be jobs at others.
        Err(_) if here => Vec::new(),
        Err(error) => return Err(error),
    };
    if here {
        let known: Vec<OrderHash> = jobs.iter().map(|job| job.id).collect();
        for record in JobRecord::all(&context.home)? {
            if let Place::Url(url) = &record.place
                && !known.contains(&record.id)
            {
                jobs.extend(job_elsewhere(context, &key, url, record.id).await);
            }
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.created));
    }
    let columns = ["id", "title", "state", "done", "trust", "spent", "submitted"];
    format.list(&jobs, &columns, "no jobs yet; `hands run APP.wasm` submits one", |job: &Job| {
        vec![
            short(job.id),
            job.title.clone(),
            describe::state(job).to_owned(),
            format!("{}/{}", job.finished + job.claimed, job.tasks),
            job.trust.to_string(),
            job.spent.to_string(),
            ago(job.created),
        ]
    })?;
    Ok(Exit::Done)
}

/// A job of another exchange, if that can be asked; said if not.
async fn job_elsewhere(context: &Context, key: &SigningKey, url: &str, id: OrderHash) -> Option<Job> {
    let patience = std::time::Duration::ZERO;
    let asked = async {
        let client = crate::attach::connect(&context.home, key, url, None, patience).await?;
        Ok::<Job, anyhow::Error>(client.job(id).await?)
    };
    asked.await.map_err(|error| note(format_args!("{} at {url}: {error}", short(id)))).ok()
}

async fn show(context: &Context, job: &JobName, format: Format) -> anyhow::Result<Exit> {
    let found = job.find(context, Needs::Answers).await?;
    let job = found.attached.client.job(found.id).await;
    let url = found.attached.client.url().to_owned();
    found.attached.close().await;
    let job = job?;
    let mut lines = vec![
        ("id", job.id.to_string()),
        ("title", job.title.clone()),
        ("state", describe::state(&job).to_owned()),
        ("progress", describe::progress(&job)),
        ("exchange", url),
        ("app", job.app.to_string()),
        ("trust", job.trust.to_string()),
        ("spent", format!("{} credits", job.spent)),
        ("locked", format!("{} credits", job.locked)),
        ("submitted", ago(job.created)),
        ("deals", job.deals.len().to_string()),
    ];
    if let Some(record) = &found.record {
        lines.push(("results", record.out.display().to_string()));
    }
    format.one(&job, &lines)?;
    Ok(Exit::Done)
}

async fn watch(context: &Context, job: &JobName, out: Option<PathBuf>, yes: bool) -> anyhow::Result<Exit> {
    let known = JobRecord::find(&context.home, &job.id).and_then(|id| JobRecord::load(&context.home, id))?;
    if let Some(record) = &known
        && let Some(errand) = Errand::of(&context.home, record)?
        && out.is_none()
    {
        let key = wallet::load(&context.home)?;
        let leave = Leave { yes, ..Leave::default() };
        return Box::pin(apps::resume(context, errand, &key, leave)).await;
    }
    let trust = known.map_or(1, |record| u64::try_from(record.order.order.trust).unwrap_or(1));
    let interrupt = Interrupt::listen();
    let found = job.find(context, Needs::Workers { trust, images: Some(Vec::new()) }).await?;
    let record = match found.record {
        Some(record) => record,
        None => adopt(context, &found.attached, found.id).await?,
    };
    let record = match out {
        Some(out) => JobRecord { out: std::path::absolute(out)?, ..record },
        None => record,
    };
    record.save(&context.home)?;
    let how = How { until: Until::Final, prints: true };
    Box::pin(follow(context, found.attached, &found.key, &record, interrupt, how)).await
}

/// A record of a job that was submitted elsewhere: its tasks are called by their indexes.
async fn adopt(context: &Context, attached: &Attached, id: OrderHash) -> anyhow::Result<JobRecord> {
    let job = attached.client.job(id).await?;
    let order = match attached.client.order(id).await? {
        Some(api::order::AnyOrder::Request(order)) => order,
        Some(_) | None => orders::Signed::default(),
    };
    let names = match job.tasks {
        0 | 1 => Vec::new(),
        tasks => (0..tasks).map(|index| format!("task-{index}")).collect(),
    };
    let out = std::path::absolute(format!("job-{}", &id.to_string()[2..10]))?;
    let place = attached.place.clone();
    let record = JobRecord {
        id,
        title: job.title,
        place,
        out,
        names,
        order,
        first: 0,
        trial: None,
        errand: None,
        proved: false,
    };
    record.save(&context.home)?;
    Ok(record)
}

async fn results(context: &Context, job: &JobName, format: Format) -> anyhow::Result<Exit> {
    let found = job.find(context, Needs::Answers).await?;
    let all = all_results(&found.attached.client, found.id).await;
    found.attached.close().await;
    let all = all?;
    let name = |index: u64| {
        let name = found.record.as_ref().and_then(|record| record.task_name(index));
        name.map_or_else(|| index.to_string(), str::to_owned)
    };
    let columns = ["task", "outcome", "agreed", "dissented", "cost", "digest"];
    format.list(&all, &columns, "nothing yet; `hands job explain ID` says why", |result: &TaskResult| {
        vec![
            name(result.index),
            outcome(result),
            result.agreed.to_string(),
            result.dissented.to_string(),
            result.cost.to_string(),
            short(result.digest),
        ]
    })?;
    if let (Some(record), false) = (&found.record, format.json) {
        for result in &all {
            if let Outcome::Failed { reason } = &result.outcome {
                show_failure(record, result, reason);
            }
        }
    }
    Ok(Exit::Done)
}

/// What came of a task, in words.
fn outcome(result: &TaskResult) -> String {
    if result.voided {
        return "void; it runs again".to_owned();
    }
    match &result.outcome {
        Outcome::Completed if result.provisional => "provisional".to_owned(),
        Outcome::Completed => "completed".to_owned(),
        Outcome::Failed { reason } => format!("failed: {reason}"),
        Outcome::Claimed => "not done in time".to_owned(),
    }
}

async fn cancel(context: &Context, job: &JobName) -> anyhow::Result<Exit> {
    let found = job.find(context, Needs::Answers).await?;
    let cancelled = close_order(&found).await;
    found.attached.close().await;
    let job = cancelled?;
    say(format_args!("cancelled: nothing more is bought; {} of {} had been", job.matched, count(job.tasks, "task")));
    Ok(Exit::Done)
}

async fn close_order(found: &Found) -> anyhow::Result<Job> {
    let client = &found.attached.client;
    let job = client.job(found.id).await?;
    if job.state.is_final() {
        return Err(hinted(
            format!("the job is {} already", describe::state(&job)),
            format!("`hands job results {}`", found.id),
        ));
    }
    let order = match &found.record {
        Some(record) => record.order.clone(),
        None => match client.order(found.id).await? {
            Some(api::order::AnyOrder::Request(order)) => order,
            Some(_) | None => anyhow::bail!("this job's order is not known here; cancel it where it was submitted"),
        },
    };
    client.cancel(&order).await.context("the job could not be cancelled")?;
    Ok(client.job(found.id).await?)
}

/// Says why a job does not go on.
pub(crate) async fn explain(context: &Context, job: &JobName, format: Format) -> anyhow::Result<Exit> {
    let found = job.find(context, Needs::Answers).await?;
    let explained = found.attached.client.explain(found.id).await;
    found.attached.close().await;
    crate::commands::explain::show(&explained?, format)
}
