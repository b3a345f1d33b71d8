//! What `run` and `map` have in common: choosing the terms, uploading, submitting, following.

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::count;
use crate::exit::{Exit, hinted};
use crate::follow::follow;
use crate::host::Interrupt;
use crate::job_record::JobRecord;
use crate::terminal::note;
use crate::{consent, parse, wallet};
use anyhow::{Context as _, bail};
use api::order::Kind;
use api::params::Input;
use clap::Args;
use client::{BookFilter, Client, JobSpec, Tasks};
use futures::{StreamExt as _, TryStreamExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use units::{Address, Amount};

/// Files sent at once.
const UPLOADS: usize = 4;
/// The most of a title that is sent.
const TITLE_CHARS: usize = 60;
/// The trust asked for where everybody may work.
const TRUST_AMONG_STRANGERS: u64 = 3;

/// The terms of a job.
#[derive(Args, Debug)]
pub(crate) struct Terms {
    /// A file that every task sees as /iexec_in/NAME; may be given many times.
    #[arg(long = "input", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// How sure to be: a result's chance of being wrong, were workers independent, is below 1/TRUST; from 3 on, tasks run on
    /// several machines. Default: 1 on a private exchange, 3 where strangers work.
    #[arg(long)]
    pub(crate) trust: Option<u64>,
    /// The most to pay for a task, in credits. Default: 0 on a private exchange, else what the book asks now.
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    pub(crate) max_price: Option<Amount>,
    /// The most a task may take on a reference machine (90s, 5m, 1h30m); picks the smallest time class that holds it.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse::duration)]
    pub(crate) time_limit: Duration,
    /// Where results go. Default: a new folder here, named after the program and the job, made when there are files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Only this pool: its name on the exchange, or its address.
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub(crate) pool: Option<String>,
    /// A name for the job, for people.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Agrees to everything that would be asked.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Submits the job and leaves; `hands job watch ID` comes back to it. Needs an exchange that goes on running.
    #[arg(long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArgs,
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// A WebAssembly file, or a published app's address.
    pub(crate) app: &'a str,
    /// Arguments of every task.
    pub(crate) args: Vec<String>,
    /// A file of its own for each task, and its task's arguments; none: one task.
    pub(crate) files: Option<Vec<(PathBuf, Vec<String>)>>,
}

/// Submits the work on these terms and follows it to its end.
pub(crate) async fn submit(context: &Context, terms: &Terms, work: Work<'_>) -> anyhow::Result<Exit> {
    check_files(terms, &work)?;
    let key = wallet::load(&context.home)?;
    let needs = Needs::Workers { trust: terms.trust.unwrap_or(1) };
    let attached = attach(&context.home, &key, &terms.exchange, needs).await?;
    if terms.detach && attached.hosted.is_some() {
        attached.close().await;
        return Err(hinted(
            "an embedded exchange ends with its command, so a job cannot be left to it",
            "`hands up` in another terminal, or the same without --detach",
        ));
    }
    let mut interrupt = Interrupt::listen();
    let prepared = tokio::select! {
        prepared = Box::pin(prepare(context, terms, work, &attached)) => Some(prepared),
        () = interrupt.wait() => None,
    };
    let record = match prepared {
        Some(Ok(record)) => record,
        Some(Err(error)) => {
            attached.close().await;
            return Err(error);
        }
        None => {
            attached.close().await;
            note("interrupted before the job was submitted");
            return Ok(Exit::Interrupted);
        }
    };
    if terms.detach {
        crate::terminal::say(record.id);
        note(format_args!("submitted; `hands job watch {}` follows it", record.id));
        return Ok(Exit::Done);
    }
    Box::pin(follow(context, attached, key, &record, interrupt)).await
}

/// Uploads and submits; remembers the job.
async fn prepare(context: &Context, terms: &Terms, work: Work<'_>, attached: &Attached) -> anyhow::Result<JobRecord> {
    let client = &attached.client;
    consent::to_strangers(&context.home, client, terms.yes)?;
    let private = client.exchange().private;
    let trust = terms.trust.unwrap_or(if private { 1 } else { TRUST_AMONG_STRANGERS });
    let category = category_for(client, terms.time_limit)?;
    let pool = terms.pool.as_deref().map(|pool| pool_address(client, pool)).transpose()?;
    let volume = work.files.as_ref().map_or(1, Vec::len) as u64;
    let max_price = match terms.max_price {
        Some(price) => price,
        None if private => Amount::ZERO,
        None => asked_price(client, category, trust, volume, terms.yes).await?,
    };
    let (app, app_max_price, app_name) = app(client, work.app).await?;
    let inputs = upload_all(client, &terms.inputs).await?;
    let names: Vec<String> = work.files.iter().flatten().map(|(file, _)| file_name(file)).collect();
    let tasks = match work.files {
        None => Tasks::Alike { count: 1 },
        Some(files) => rows(client, files).await?,
    };
    let title = terms.title.clone().unwrap_or_else(|| match volume {
        1 => app_name.clone(),
        _ => format!("{app_name} × {volume}"),
    });
    let title: String = title.chars().take(TITLE_CHARS).collect();
    let spec = JobSpec {
        app_max_price,
        args: work.args,
        inputs,
        tasks,
        category,
        trust,
        max_price,
        pool,
        title: title.clone(),
        ..JobSpec::of(app)
    };
    let submitted = client.submit(&spec).await?;
    let id = submitted.job.id;
    let out = match &terms.out {
        Some(out) => out.clone(),
        None => PathBuf::from(format!("{app_name}-{}", &id.to_string()[2..10])),
    };
    let out = std::path::absolute(&out).with_context(|| format!("{} is no folder's name", out.display()))?;
    let record = JobRecord { id, title, place: attached.place.clone(), out, names, order: submitted.order };
    record.save(&context.home)?;
    Ok(record)
}

/// Complains of missing files before anything is started or sent.
fn check_files(terms: &Terms, work: &Work<'_>) -> anyhow::Result<()> {
    let own = work.files.iter().flatten().map(|(file, _)| file);
    for file in terms.inputs.iter().chain(own) {
        if file.is_dir() {
            bail!("{} is a folder; name the files in it", file.display());
        }
        if !file.is_file() {
            bail!("there is no file {}", file.display());
        }
    }
    if let Some(out) = &terms.out
        && out.exists()
        && !out.is_dir()
    {
        bail!("{} is a file; --out names a folder", out.display());
    }
    Ok(())
}

/// The app's address, the most it may cost, and a name for it.
async fn app(client: &Client, app: &str) -> anyhow::Result<(Address, Amount, String)> {
    let path = Path::new(app);
    if path.exists() {
        let name = path.file_stem().map_or_else(|| "app".to_owned(), |stem| stem.to_string_lossy().into_owned());
        return Ok((client.publish_app(path).await?.address, Amount::ZERO, name));
    }
    let Ok(address) = app.parse::<Address>() else {
        return Err(hinted(
            format!("there is no file {app}"),
            "a WebAssembly module built for wasm32-wasip1, or a published app's address",
        ));
    };
    let filter = BookFilter { kind: Some(Kind::App), ..BookFilter::default() };
    let price = client.book(filter).await?.into_iter().filter(|row| row.subject == address).map(|row| row.price).min();
    match price {
        Some(price) => Ok((address, price, crate::describe::short(address))),
        None => Err(hinted(format!("nobody offers the app {app}"), "`hands book --kind app` shows the apps on offer")),
    }
}

/// The smallest time class that holds the limit.
fn category_for(client: &Client, limit: Duration) -> anyhow::Result<u64> {
    let categories = &client.exchange().categories;
    let fitting = categories.iter().filter(|category| category.seconds >= limit.as_secs());
    match fitting.min_by_key(|category| category.seconds) {
        Some(category) => Ok(category.id),
        None => {
            let most = categories.iter().map(|category| category.seconds).max().unwrap_or_default();
            let most = crate::describe::duration(Duration::from_secs(most));
            bail!("no time class of this exchange holds {}; the longest is {most}", crate::describe::duration(limit))
        }
    }
}

/// A pool by its name or address.
fn pool_address(client: &Client, pool: &str) -> anyhow::Result<Address> {
    if let Ok(address) = pool.parse() {
        return Ok(address);
    }
    let pools = &client.exchange().pools;
    match pools.iter().find(|known| known.name == pool) {
        Some(known) => Ok(known.address),
        None => {
            let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
            bail!("this exchange has no pool called {pool}; it has {}", names.join(", "))
        }
    }
}

/// What the book asks now for so many tasks; the person agrees to it.
async fn asked_price(client: &Client, category: u64, trust: u64, volume: u64, yes: bool) -> anyhow::Result<Amount> {
    let filter = BookFilter { kind: Some(Kind::Workerpool), category: Some(category), ..BookFilter::default() };
    let mut asks = client.book(filter).await?;
    asks.retain(|row| row.trust.unwrap_or_default() >= trust);
    asks.sort_by_key(|row| row.price);
    let mut offered = 0_u64;
    let mut price = None;
    for ask in asks {
        price = Some(ask.price);
        offered = offered.saturating_add(ask.remaining);
        if offered >= volume {
            break;
        }
    }
    let Some(price) = price else {
        return Err(hinted(
            format!("nobody sells computing of this time class at trust {trust} just now"),
            "`--max-price CREDITS` to bid and wait, or `hands book` to see what is sold",
        ));
    };
    let total = price.checked_mul(units::U256::from(volume)).unwrap_or(Amount(units::U256::MAX));
    note(format_args!("the book asks {price} credits a task: at most {total} for {}", count(volume, "task")));
    if !price.is_zero() && !yes && crate::ask::yes_or_no("Pay up to that?") != Some(true) {
        return Err(hinted("not agreed, so nothing was bought", "`--max-price CREDITS` says the most you pay"));
    }
    Ok(price)
}

async fn upload_all(client: &Client, files: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let uploads = files.iter().map(|file| async move {
        client.upload(file).await.with_context(|| format!("{} could not be sent", file.display()))
    });
    futures::stream::iter(uploads).buffered(UPLOADS).try_collect().await
}

/// Sends each task's own file and makes its row of the table.
async fn rows(client: &Client, files: Vec<(PathBuf, Vec<String>)>) -> anyhow::Result<Tasks> {
    let total = files.len() as u64;
    let (paths, args): (Vec<PathBuf>, Vec<Vec<String>>) = files.into_iter().unzip();
    if total > 100 {
        note(format_args!("sending {}", count(total, "file")));
    }
    let inputs = upload_all(client, &paths).await?;
    let rows = inputs.into_iter().zip(args).map(|(input, args)| api::params::Row { args, inputs: vec![input] });
    Ok(Tasks::Rows(rows.collect()))
}

fn file_name(file: &Path) -> String {
    file.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned())
}
