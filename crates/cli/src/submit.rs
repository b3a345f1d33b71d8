//! What `run` and `map` have in common: choosing the terms, uploading, submitting, following.

mod app;
pub(crate) mod trial;
mod twice;
mod work;

pub(crate) use work::{Program, TaskOf, Work};

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::{self, count};
use crate::exit::{Exit, hinted};
use crate::follow::{How, Until, follow_on, say_left};
use crate::host::Interrupt;
use crate::job_record::JobRecord;
use crate::terminal::note;
use crate::{consent, parse, wallet};
use anyhow::{Context as _, bail};
use api::exchange::Category;
use api::job::{Job, TaskResult};
use api::order::Kind;
use api::params::{Input, Row};
use clap::Args;
use client::{BookFilter, Client, JobSpec, Tasks};
use futures::{StreamExt as _, TryStreamExt as _};
use orders::SigningKey;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use trial::Tried;
use units::{Address, Amount, OrderHash, Tag};

/// Files sent at once.
const UPLOADS: usize = 4;
/// The most of a title that is sent.
const TITLE_CHARS: usize = 60;
/// The time limit where none is given and none is tried.
const TIME_LIMIT: Duration = Duration::from_secs(300);
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
    /// The most a task may take on a reference machine (90s, 5m, 1h30m); picks the smallest time class that holds it. Default:
    /// where strangers work and there are many tasks, one is tried first and its time picks the class of the others; else 5m.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time_limit: Option<Duration>,
    /// The time class itself, by its name or number.
    #[arg(long, value_name = "CLASS", conflicts_with = "time_limit")]
    pub(crate) category: Option<String>,
    /// Where results go. Default: a new folder here, named after the program and the job, made when there are files.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Says that an image's results are the same wherever and whenever it runs: where several machines are to agree, its first
    /// task is else tried twice, and a file that differs is shown before trust is bought.
    #[arg(long)]
    pub(crate) reproducible: bool,
    /// How results are held to be right: exact (equal bytes; the default), same-class (equal bytes on machines of one class),
    /// a checker (`MODULE.wasm ARGS`, or the bundled one: `compare picture --psnr 35 --ssim 0.9`), `self-proving MODULE.wasm ARGS`.
    #[arg(long, value_name = "HOW", value_parser = crate::check::parse)]
    pub(crate) check: Option<crate::check::How>,
    /// Only this pool: its name on the exchange, or its address.
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub(crate) pool: Option<String>,
    /// Near where it is best done, such as eu-west: machines that say they are there (`hands work --region`) are given its tasks
    /// first. It is a preference: rather than wait, a task goes to a machine elsewhere.
    #[arg(long, value_name = "NAME", value_parser = parse::region)]
    pub(crate) region: Option<String>,
    /// Only machines that say they have this, beside a processor: tee, gpu, or a number from 0 to 255 (`hands work --tag`); may be
    /// given many times.
    #[arg(long = "tag", value_name = "TAG", value_parser = parse::tag)]
    pub(crate) tags: Vec<Tag>,
    /// A name for the job, for people.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Waits until no result can come to nothing any more. Default: until every result is there, be it provisional (one
    /// stranger's word at trust 1, before the check that covers it).
    #[arg(long = "final")]
    pub(crate) until_final: bool,
    /// Prints what came of it as JSON, in place of what a single program says.
    #[arg(long, conflicts_with = "detach")]
    pub(crate) json: bool,
    /// Agrees to everything that would be asked.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Submits the job and leaves; `hands job watch ID` comes back to it. Needs an exchange that goes on running.
    #[arg(long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) exchange: ExchangeArgs,
}

/// Submits the work on these terms and follows it to its end.
pub(crate) async fn submit(context: &Context, terms: &Terms, work: Work) -> anyhow::Result<Exit> {
    check_files(terms, &work)?;
    let key = wallet::load(&context.home)?;
    let needs = Needs::Workers { trust: terms.trust.unwrap_or(1), images: work.images() };
    let mut attached = attach(&context.home, &key, &terms.exchange, needs).await?;
    if terms.detach && attached.hosted.is_some() {
        attached.close().await;
        return Err(hinted(
            "an embedded exchange ends with its command, so a job cannot be left to it",
            "`hands up` in another terminal, or the same without --detach",
        ));
    }
    let interrupt = Interrupt::listen();
    let submitted = Box::pin(submit_to(context, terms, work, &mut attached, &key, interrupt)).await;
    attached.close().await;
    submitted
}

/// Submits the work to an exchange, a task beforehand where that is how its time class is found.
async fn submit_to(
    context: &Context,
    terms: &Terms,
    work: Work,
    attached: &mut Attached,
    key: &SigningKey,
    mut interrupt: Interrupt,
) -> anyhow::Result<Exit> {
    let until = if terms.until_final { Until::Final } else { Until::Delivered };
    let how = How { until, prints: !terms.json };
    let prepared = tokio::select! {
        prepared = Box::pin(prepare(context, terms, work, attached)) => prepared?,
        () = interrupt.wait() => {
            note("interrupted before the job was submitted");
            return Ok(Exit::Interrupted);
        }
    };
    let (Class::Given(class) | Class::Tried(class)) = &prepared.class;
    tokio::select! {
        checked = Box::pin(twice::check(terms, &prepared, class, attached)) => checked?,
        () = interrupt.wait() => {
            note("interrupted before the job was submitted");
            return Ok(Exit::Interrupted);
        }
    }
    let (class, tried) = match prepared.class.clone() {
        Class::Given(class) => (class, None),
        Class::Tried(class) => {
            let tried = Box::pin(trial::run(context, terms, &prepared, &class, attached, key, &interrupt)).await?;
            let Some(tried) = tried else { return Ok(Exit::Interrupted) };
            (tried.class.clone(), Some(tried))
        }
    };
    let rest = u64::from(tried.is_some());
    let placing = Box::pin(prepared.place(context, terms, attached, &class, rest, tried.as_ref()));
    let record = tokio::select! {
        record = placing => record?,
        () = interrupt.wait() => {
            note("interrupted before the job was submitted");
            return Ok(Exit::Interrupted);
        }
    };
    if terms.detach {
        crate::terminal::say(record.id);
        note(format_args!("submitted; `hands job watch {}` follows it", record.id));
        return Ok(Exit::Done);
    }
    let embedded = attached.hosted.is_some();
    let followed = Box::pin(follow_on(context, attached, key, &record, interrupt, how)).await?;
    let Some(followed) = followed else { return Ok(say_left(&record, embedded)) };
    if terms.json {
        let results = all_results(&attached.client, record.id).await?;
        let said = Said { trial: tried.as_ref().map(Tried::shown), job: &followed.job, results: &results };
        crate::terminal::say(serde_json::to_string_pretty(&said)?);
    }
    Ok(match tried {
        Some(tried) if tried.exit != Exit::Done => tried.exit,
        Some(_) | None => followed.exit,
    })
}

/// What `--json` prints.
#[derive(Serialize)]
struct Said<'a> {
    /// The task that was tried first, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    trial: Option<trial::Shown<'a>>,
    job: &'a Job,
    results: &'a [TaskResult],
}

/// All that is known of a job's tasks.
pub(crate) async fn all_results(client: &Client, job: OrderHash) -> Result<Vec<TaskResult>, client::Error> {
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let (page, next) = client.results(job, from).await?;
        all.extend(page);
        match next {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
}

/// How the time class is found.
#[derive(Clone, Debug)]
enum Class {
    /// It is this one.
    Given(Category),
    /// A task that is tried in this one says.
    Tried(Category),
}

/// All that a job needs but its time class: sent already.
struct Prepared {
    spec: JobSpec,
    class: Class,
    app_name: String,
    names: Vec<String>,
    volume: u64,
}

/// Uploads what the job needs, and finds out how its time class is chosen.
async fn prepare(context: &Context, terms: &Terms, work: Work, attached: &Attached) -> anyhow::Result<Prepared> {
    let client = &attached.client;
    consent::to_strangers(&context.home, client, terms.yes)?;
    // What proves itself needs one machine; proofs count at trust 1.
    let alone = client.exchange().private || terms.check.as_ref().is_some_and(crate::check::How::proves);
    let trust = terms.trust.unwrap_or(if alone { 1 } else { TRUST_AMONG_STRANGERS });
    let check = match &terms.check {
        None => None,
        Some(how) => Some(how.declare(client).await?),
    };
    let volume = work.tasks.as_ref().map_or(1, Vec::len) as u64;
    let class = class_for(client, terms, volume)?;
    let pool = terms.pool.as_deref().map(|pool| pool_address(client, pool)).transpose()?;
    let app = app::find_app(client, &work.program).await?;
    let mut inputs = upload_all(client, &terms.inputs).await?;
    inputs.extend(app.inputs);
    let with_prefix = |args: Vec<String>| app.prefix.iter().cloned().chain(args).collect::<Vec<_>>();
    let names: Vec<String> = work.tasks.iter().flatten().map(|task| task.name.clone()).collect();
    let tasks = match work.tasks {
        None => Tasks::Alike { count: 1 },
        Some(tasks) => {
            let tasks = tasks.into_iter().map(|task| TaskOf { args: with_prefix(task.args), ..task });
            rows(client, tasks.collect()).await?
        }
    };
    let app_name = app.name;
    let title = terms.title.clone().unwrap_or_else(|| match volume {
        1 => app_name.clone(),
        _ => format!("{app_name} × {volume}"),
    });
    let title: String = title.chars().take(TITLE_CHARS).collect();
    let spec = JobSpec {
        app_max_price: app.price,
        tag: terms.tags.iter().fold(app.tag, |all, tag| all.union(*tag)),
        region: terms.region.clone(),
        stdout: app.stdout,
        check,
        args: with_prefix(work.args),
        inputs,
        tasks,
        trust,
        pool,
        title,
        ..JobSpec::of(app.address)
    };
    Ok(Prepared { spec, class, app_name, names, volume })
}

impl Prepared {
    /// Submits the tasks from this one on in this time class; remembers the job.
    async fn place(
        &self,
        context: &Context,
        terms: &Terms,
        attached: &Attached,
        class: &Category,
        from: u64,
        tried: Option<&Tried>,
    ) -> anyhow::Result<JobRecord> {
        let tasks = match &self.spec.tasks {
            Tasks::Rows(rows) => Tasks::Rows(rows.get(usize::try_from(from)?..).unwrap_or_default().to_vec()),
            alike @ Tasks::Alike { .. } => alike.clone(),
        };
        let first = tried.map(|tried| (&tried.record.out, tried.record.id));
        self.place_tasks(context, terms, attached, class, tasks, from, first).await
    }

    #[expect(clippy::too_many_arguments, reason = "a job is made of all of these")]
    async fn place_tasks(
        &self,
        context: &Context,
        terms: &Terms,
        attached: &Attached,
        class: &Category,
        tasks: Tasks,
        first: u64,
        tried: Option<(&PathBuf, OrderHash)>,
    ) -> anyhow::Result<JobRecord> {
        let client = &attached.client;
        let private = client.exchange().private;
        let volume = tasks.count();
        let max_price = match terms.max_price {
            Some(price) => price,
            None if private => Amount::ZERO,
            None => asked_price(client, &self.spec, class.id, volume, terms.yes).await?,
        };
        let spec = JobSpec { tasks, category: class.id, max_price, ..self.spec.clone() };
        let submitted = client.submit(&spec).await?;
        let id = submitted.job.id;
        let out = match (&terms.out, tried) {
            (Some(out), _) | (None, Some((out, _))) => out.clone(),
            (None, None) => PathBuf::from(format!("{}-{}", self.app_name, &id.to_string()[2..10])),
        };
        let out = std::path::absolute(&out).with_context(|| format!("{} is no folder's name", out.display()))?;
        let (title, place, names) = (spec.title, attached.place.clone(), self.names.clone());
        let trial = tried.map(|(_, trial)| trial);
        let record = JobRecord {
            id,
            title,
            place,
            out,
            names,
            order: submitted.order,
            first,
            trial,
            errand: None,
            proved: false,
        };
        record.save(&context.home)?;
        Ok(record)
    }
}

/// Complains of missing files before anything is started or sent.
fn check_files(terms: &Terms, work: &Work) -> anyhow::Result<()> {
    for file in terms.inputs.iter().chain(work.files()) {
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

/// How the time class is found: it was said, or there is nothing to save by finding out, or a task is tried.
fn class_for(client: &Client, terms: &Terms, volume: u64) -> anyhow::Result<Class> {
    let classes = &client.exchange().categories;
    if let Some(name) = &terms.category {
        let fits = |class: &&Category| class.name.eq_ignore_ascii_case(name) || class.id.to_string() == *name;
        let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
        let class = classes.iter().find(fits).cloned();
        return class
            .map(Class::Given)
            .with_context(|| format!("there is no time class {name}; there are {}", names.join(", ")));
    }
    let free = client.exchange().private || terms.max_price == Some(Amount::ZERO);
    if terms.time_limit.is_none() && volume > 1 && !free && !terms.detach {
        return Ok(Class::Tried(trial::middling(classes)?));
    }
    let limit = terms.time_limit.unwrap_or(TIME_LIMIT);
    match trial::smallest(classes, limit) {
        Some(class) => Ok(Class::Given(class)),
        None => {
            let most = classes.iter().map(|class| class.seconds).max().unwrap_or_default();
            let most = describe::duration(Duration::from_secs(most));
            bail!("no time class of this exchange holds {}; the longest is {most}", describe::duration(limit))
        }
    }
}

/// A pool by its name or address.
pub(crate) fn pool_address(client: &Client, pool: &str) -> anyhow::Result<Address> {
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
async fn asked_price(client: &Client, spec: &JobSpec, category: u64, volume: u64, yes: bool) -> anyhow::Result<Amount> {
    let trust = spec.trust;
    let filter = BookFilter { kind: Some(Kind::Workerpool), category: Some(category), ..BookFilter::default() };
    let mut asks = client.book(filter).await?;
    asks.retain(|row| row.trust.unwrap_or_default() >= trust && spec.tag.is_subset_of(row.tag));
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
async fn rows(client: &Client, tasks: Vec<TaskOf>) -> anyhow::Result<Tasks> {
    let files = tasks.iter().filter(|task| task.file.is_some()).count() as u64;
    if files > 100 {
        note(format_args!("sending {}", count(files, "file")));
    }
    let uploads = tasks.into_iter().map(|TaskOf { file, args, .. }| async move {
        let inputs = match file {
            Some(file) => upload_all(client, &[file]).await?,
            None => Vec::new(),
        };
        anyhow::Ok(Row { args, inputs })
    });
    Ok(Tasks::Rows(futures::stream::iter(uploads).buffered(UPLOADS).try_collect().await?))
}
