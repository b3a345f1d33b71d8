//! What becomes of a command to an app, step by step: plan, upload, try some tasks, quote, ask, buy the rest, join, receipt.
//!
//! Each step that is done is written down in `errands/<id>/errand.json` of the home before the next begins, and a step that is
//! written down is not done again: whoever is interrupted, or leaves, comes back by `hands job watch` and goes on from there.

mod steps;

use super::command::{Options, Ordered, Said};
use super::planner::{Planned, Workshop};
use super::program::Runs;
use super::quoting::Quote;
use super::{Known, Origin, local, receipt};
use crate::attach::{Attached, Needs, attach, attach_place};
use crate::commands::Context;
use crate::consent;
use crate::describe::count;
use crate::exit::{Exit, hinted};
use crate::files::{read_json, write_json};
use crate::home::Home;
use crate::host::Interrupt;
use crate::job_record::{JobRecord, Place};
use crate::submit::pool_address;
use crate::terminal::{note, say};
use anyhow::{Context as _, bail};
use api::params::Input;
use manifest::{Check, Task};
use orders::SigningKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use units::{Address, Amount, OrderHash, Tag};

/// The trust asked for where everybody may work.
const TRUST_AMONG_STRANGERS: u64 = 3;
/// Files that are listed before they are sent.
const LISTED: usize = 20;

/// An app's command, as far as it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) version: String,
    pub(crate) said: Said,
    /// Those to be tried first are first.
    pub(crate) tasks: Vec<Task>,
    /// How many those are.
    pub(crate) tried: u64,
    pub(crate) out: PathBuf,
    pub(crate) place: Place,
    /// What the tasks run.
    pub(crate) program: Address,
    /// What its owner asks for a task.
    #[serde(default)]
    pub(crate) program_price: Amount,
    /// What it asks of machines.
    #[serde(default)]
    pub(crate) tag: Tag,
    /// Where tasks run images: the registries that this machine's own workers fetch from beside the public ones.
    #[serde(default)]
    pub(crate) images: Option<Vec<String>>,
    /// What the manifest calls that, where the plan said.
    #[serde(default)]
    pub(crate) named: Option<String>,
    /// What the planner left for the joiner to know.
    #[serde(default)]
    pub(crate) memo: serde_json::Value,
    /// Inputs of every task.
    pub(crate) shared: Vec<Input>,
    /// All that was sent, by its path in the plan.
    pub(crate) inputs: BTreeMap<String, Input>,
    pub(crate) budget: Option<Amount>,
    pub(crate) trust: u64,
    pub(crate) pool: Option<Address>,
    pub(crate) time_limit_s: Option<u64>,
    pub(crate) until_final: bool,
    /// The job of those that are tried.
    pub(crate) trial: Option<OrderHash>,
    pub(crate) quote: Option<Quote>,
    /// The job of the others.
    pub(crate) job: Option<OrderHash>,
    /// Whether the receipt is written.
    pub(crate) finished: bool,
}

/// What a person wants of an errand beyond its terms.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leave {
    pub(crate) yes: bool,
    pub(crate) detach: bool,
    pub(crate) json: bool,
}

impl Errand {
    pub(crate) fn save(&self, home: &Home) -> anyhow::Result<()> {
        write_json(&home.errand_folder(&self.id).join("errand.json"), self)
    }

    /// The errand that a job is part of.
    pub(crate) fn of(home: &Home, record: &JobRecord) -> anyhow::Result<Option<Self>> {
        match &record.errand {
            None => Ok(None),
            Some(id) => read_json(&home.errand_folder(id).join("errand.json")),
        }
    }

    /// The app as it was when the errand began.
    pub(crate) fn app(&self, home: &Home) -> anyhow::Result<Known> {
        Known::read(&home.errand_folder(&self.id).join("app"), Origin::Folder)
    }

    /// The task with this number among all.
    pub(crate) fn task(&self, number: u64) -> Option<&Task> {
        self.tasks.get(usize::try_from(number).ok()?)
    }
}

/// Does what was asked of an app.
pub(crate) async fn run(context: &Context, ordered: Ordered) -> anyhow::Result<Exit> {
    let Ordered { app, said, options } = ordered;
    check_out(&options)?;
    let workshop = Workshop::open(&context.home)?;
    let planned = {
        let (workshop, app, said) = (workshop.clone(), app.clone(), said.clone());
        tokio::task::spawn_blocking(move || workshop.plan(&app, &said)).await??
    };
    planned.plan.say.iter().for_each(note);
    let runs = Runs::of(&context.home, &app, planned.plan.program.as_deref())?;
    if options.local {
        return Box::pin(local::run(context, &app, said, planned, &options, workshop, &runs)).await;
    }
    let key = crate::wallet::load(&context.home)?;
    let needs = Needs::Workers { trust: options.trust.unwrap_or(1), images: runs.images()? };
    let mut attached = attach(&context.home, &key, &options.exchange, needs).await?;
    if options.detach && attached.hosted.is_some() {
        attached.close().await;
        return Err(hinted(
            "an embedded exchange ends with its command, so a job cannot be left to it",
            "`hands up` in another terminal, or the same without --detach",
        ));
    }
    let interrupt = Interrupt::listen();
    let leave = Leave { yes: options.yes, detach: options.detach, json: options.json };
    let done = async {
        let mut errand = Box::pin(begin(context, &app, &runs, said, planned, &options, &attached)).await?;
        Box::pin(carry_on(context, &mut errand, &mut attached, &key, interrupt, leave)).await
    };
    let done = Box::pin(done).await;
    attached.close().await;
    done
}

/// Goes on with an errand from wherever it is.
pub(crate) async fn carry_on(
    context: &Context,
    errand: &mut Errand,
    attached: &mut Attached,
    key: &SigningKey,
    interrupt: Interrupt,
    leave: Leave,
) -> anyhow::Result<Exit> {
    let mut steps = steps::Steps { context, errand, attached, key, interrupt };
    if let Some(exit) = Box::pin(steps.reach_job(leave)).await? {
        return Ok(exit);
    }
    let exit = match Box::pin(steps.reach_results()).await? {
        Exit::Interrupted => return Ok(Exit::Interrupted),
        exit @ (Exit::Done | Exit::TaskFailed | Exit::NotProven) => exit,
    };
    if exit == Exit::Done {
        Box::pin(steps.join()).await?;
    }
    let receipt = receipt::write(&context.home, errand, attached, key).await?;
    if !errand.finished {
        errand.finished = true;
        errand.save(&context.home)?;
    }
    if leave.json {
        say(serde_json::to_string_pretty(&receipt)?);
    } else {
        receipt.tell(&errand.out);
    }
    Ok(exit)
}

/// Plans, sends and writes down: everything before the first task is bought.
async fn begin(
    context: &Context,
    app: &Known,
    runs: &Runs,
    said: Said,
    planned: Planned,
    options: &Options,
    attached: &Attached,
) -> anyhow::Result<Errand> {
    let client = &attached.client;
    agree_to_send(context, app, &planned, options, attached)?;
    let id = fresh_id()?;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}-{id}", app.manifest.name)));
    let out = std::path::absolute(&out).with_context(|| format!("{} is no folder's name", out.display()))?;
    let mut plan = planned.plan.clone();
    let tried = if options.time_limit.is_some() && client.exchange().private {
        0
    } else {
        u64::try_from(plan.probes_first(app.manifest.probes))?
    };
    let offered = runs.offered(&context.home, app, client).await?;
    let inputs = steps::send(client, &planned).await?;
    let shared = plan.files.iter().filter_map(|path| inputs.get(path).cloned()).collect();
    let proves = matches!(app.manifest.check, Check::SelfProving { .. });
    let careful = !client.exchange().private && !proves;
    let errand = Errand {
        app: app.manifest.name.clone(),
        version: app.manifest.version.clone(),
        said,
        tasks: plan.tasks,
        tried,
        out,
        place: attached.place.clone(),
        program: offered.address,
        program_price: offered.price,
        tag: offered.tag,
        images: runs.images()?,
        named: plan.program,
        memo: plan.memo,
        shared,
        inputs,
        budget: options.budget,
        trust: options.trust.unwrap_or(if careful { TRUST_AMONG_STRANGERS } else { 1 }),
        pool: options.pool.as_deref().map(|pool| pool_address(client, pool)).transpose()?,
        time_limit_s: options.time_limit.map(|limit| limit.as_secs()),
        until_final: options.until_final,
        trial: None,
        quote: None,
        job: None,
        finished: false,
        id,
    };
    app.write(&context.home.errand_folder(&errand.id).join("app"))?;
    errand.save(&context.home)?;
    Ok(errand)
}

/// Nothing goes out before the person knows what and to whom.
fn agree_to_send(
    context: &Context,
    app: &Known,
    planned: &Planned,
    options: &Options,
    attached: &Attached,
) -> anyhow::Result<()> {
    consent::to_strangers(&context.home, &attached.client, options.yes)?;
    if planned.further.is_empty() || app.origin == Origin::Bundled {
        return Ok(());
    }
    let files = count(planned.further.len() as u64, "further file");
    note(format_args!("the app {} wants to send {files} from beside those you named:", app.manifest.name));
    planned.further.iter().take(LISTED).for_each(|path| note(format_args!("  {path}")));
    match options.yes || crate::ask::yes_or_no("Send them?") == Some(true) {
        true => Ok(()),
        false => Err(hinted("not agreed, so nothing was sent", "`--yes` agrees")),
    }
}

fn check_out(options: &Options) -> anyhow::Result<()> {
    match &options.out {
        Some(out) if out.exists() && !out.is_dir() => bail!("{} is a file; --out names a folder", out.display()),
        Some(_) | None => Ok(()),
    }
}

fn fresh_id() -> anyhow::Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}

/// Comes back to an errand that a job is part of.
pub(crate) async fn resume(
    context: &Context,
    mut errand: Errand,
    key: &SigningKey,
    leave: Leave,
) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen();
    let needs = Needs::Workers { trust: errand.trust, images: errand.images.clone() };
    let mut attached = attach_place(&context.home, key, &errand.place, needs).await?;
    let done = Box::pin(carry_on(context, &mut errand, &mut attached, key, interrupt, leave)).await;
    attached.close().await;
    done
}
