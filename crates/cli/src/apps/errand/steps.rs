//! The steps of an errand at an exchange.

use super::{Errand, Leave};
use crate::apps::joined::{self, ToJoin};
use crate::apps::planner::Planned;
use crate::apps::quoting::{self, Quote};
use crate::attach::Attached;
use crate::commands::Context;
use crate::describe::count;
use crate::exit::Exit;
use crate::follow::{How, Until, follow_on, say_left};
use crate::home::Home;
use crate::host::Interrupt;
use crate::job_record::JobRecord;
use crate::terminal::{note, say};
use anyhow::Context as _;
use api::params::{Input, Row};
use client::{Client, JobSpec, Tasks};
use futures::{StreamExt as _, TryStreamExt as _};
use manifest::{ResultOf, Task, last_name};
use orders::SigningKey;
use std::collections::BTreeMap;
use units::{Amount, OrderHash};

/// Files sent at once.
const UPLOADS: usize = 4;

/// An errand on its way.
pub(super) struct Steps<'a> {
    pub(super) context: &'a Context,
    pub(super) errand: &'a mut Errand,
    pub(super) attached: &'a mut Attached,
    pub(super) key: &'a SigningKey,
    pub(super) interrupt: Interrupt,
}

impl Steps<'_> {
    fn home(&self) -> &Home {
        &self.context.home
    }

    /// Tries, quotes and buys, as far as that is not done. An exit where it ends before there is a job to follow.
    pub(super) async fn reach_job(&mut self, leave: Leave) -> anyhow::Result<Option<Exit>> {
        if self.errand.tried > 0 && self.errand.trial.is_none() {
            note(format_args!("{} first, to see what they take", count(self.errand.tried, "task")));
            let terms = quoting::trial_terms(self.errand, &self.attached.client, leave.yes).await?;
            self.errand.trial = Some(self.buy(0, self.errand.tried, terms, None).await?);
            self.errand.save(self.home())?;
        }
        if self.errand.job.is_some() {
            return Ok(None);
        }
        if let Some(trial) = self.errand.trial {
            match self.follow(trial, Until::Delivered).await? {
                Exit::Done if self.is_enough(trial)? => return Ok(None),
                Exit::Done => {}
                Exit::Interrupted => return Ok(Some(Exit::Interrupted)),
                exit @ (Exit::TaskFailed | Exit::NotProven) => {
                    note("so nothing more was bought");
                    return Ok(Some(exit));
                }
            }
        }
        let quote = Quote::make(self.errand, &self.attached.client).await?;
        quote.tell(self.errand);
        quote.agree(self.errand, leave.yes)?;
        let left = self.errand.tasks.len() as u64 - self.errand.tried;
        let job = self.buy(self.errand.tried, left, quote.terms(), self.errand.trial).await?;
        self.errand.quote = Some(quote);
        self.errand.job = Some(job);
        self.errand.save(self.home())?;
        if leave.detach {
            say(job);
            note(format_args!("submitted; `hands job watch {job}` follows it"));
            return Ok(Some(Exit::Done));
        }
        Ok(None)
    }

    /// Whether the trial found what the whole errand is after.
    fn is_enough(&self, trial: OrderHash) -> anyhow::Result<bool> {
        Ok(JobRecord::load(self.home(), trial)?.is_some_and(|record| record.proved))
    }

    /// Follows the job to where its results are there.
    pub(super) async fn reach_results(&mut self) -> anyhow::Result<Exit> {
        let Some(job) = self.errand.job else { return Ok(Exit::Done) };
        let until = if self.errand.until_final { Until::Final } else { Until::Delivered };
        self.follow(job, until).await
    }

    async fn follow(&mut self, job: OrderHash, until: Until) -> anyhow::Result<Exit> {
        let record = JobRecord::load(self.home(), job)?.context("what is known of a job of this errand is lost")?;
        let how = How { until, prints: false };
        let embedded = self.attached.hosted.is_some();
        let followed = follow_on(self.context, self.attached, self.key, &record, self.interrupt.clone(), how).await?;
        Ok(match followed {
            Some(followed) => followed.exit,
            None => say_left(&record, embedded),
        })
    }

    /// Buys so many tasks from this one on.
    async fn buy(
        &self,
        from: u64,
        tasks: u64,
        terms: quoting::Terms,
        trial: Option<OrderHash>,
    ) -> anyhow::Result<OrderHash> {
        let errand = &*self.errand;
        let (start, end) = (usize::try_from(from)?, usize::try_from(from + tasks)?);
        let own = errand.tasks.get(start..end).context("an errand's tasks are not those that were planned")?;
        let rows = own.iter().map(|task| row(errand, task)).collect();
        let mut title = format!(
            "{} {}",
            errand.app,
            errand.said.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
        );
        title.truncate(title.floor_char_boundary(60));
        let spec = JobSpec {
            inputs: errand.shared.clone(),
            tasks: Tasks::Rows(rows),
            category: terms.category,
            trust: errand.trust,
            app_max_price: errand.program_price,
            tag: errand.tag,
            max_price: terms.max_price.checked_sub(errand.program_price).unwrap_or(Amount::ZERO),
            pool: errand.pool,
            check: crate::check::of_app(&errand.app(self.home())?, &self.attached.client).await?,
            title: title.trim().to_owned(),
            ..JobSpec::of(errand.program)
        };
        let submitted = self.attached.client.submit(&spec).await?;
        let record = JobRecord {
            id: submitted.job.id,
            title: spec.title,
            place: errand.place.clone(),
            out: errand.out.clone(),
            names: errand.tasks.iter().map(|task| task.name.clone()).collect(),
            order: submitted.order,
            first: from,
            trial,
            errand: Some(errand.id.clone()),
            proved: false,
        };
        record.save(self.home())?;
        Ok(record.id)
    }

    /// Joins all results, where the app says how.
    pub(super) async fn join(&self) -> anyhow::Result<()> {
        let app = self.errand.app(self.home())?;
        let Some(wasm) = app.manifest.join.clone() else { return Ok(()) };
        let mut placed: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for job in [self.errand.trial, self.errand.job].into_iter().flatten() {
            let Some(record) = JobRecord::load(self.home(), job)? else { continue };
            placed.extend(record.placed(self.home())?);
        }
        let results: Vec<ResultOf> = (0_u64..)
            .zip(&self.errand.tasks)
            .filter_map(|(number, task)| Some(ResultOf { name: task.name.clone(), files: placed.remove(&number)? }))
            .collect();
        let Errand { said, memo, out, named, .. } = &*self.errand;
        let (arguments, memo, out, program) = (said.arguments.clone(), memo.clone(), out.clone(), named.clone());
        let what = ToJoin { app, wasm, arguments, memo, results, out, program };
        joined::join(self.home(), what, Some(&self.attached.client)).await
    }
}

fn row(errand: &Errand, task: &Task) -> Row {
    let inputs = task.files.iter().filter_map(|path| errand.inputs.get(path).cloned()).collect();
    Row { args: task.args.iter().map(|arg| sandbox::expand_out(arg)).collect(), inputs }
}

/// Sends what the exchange does not have yet.
pub(super) async fn send(client: &Client, planned: &Planned) -> anyhow::Result<BTreeMap<String, Input>> {
    if planned.files.is_empty() {
        return Ok(BTreeMap::new());
    }
    let uploads = planned.files.iter().map(|(path, file)| async move {
        let sent = client.send(file).await.with_context(|| format!("{} could not be sent", file.display()))?;
        anyhow::Ok((path.clone(), Input { name: last_name(path).to_owned(), ..sent.input }, sent.bytes))
    });
    let sent: Vec<_> = futures::stream::iter(uploads).buffered(UPLOADS).try_collect().await?;
    let new: Vec<u64> = sent.iter().filter_map(|(_, _, bytes)| *bytes).collect();
    let files = count(sent.len() as u64, "file");
    note(format_args!("{files}: {} sent, {} bytes; the others the exchange has", new.len(), new.iter().sum::<u64>()));
    Ok(sent.into_iter().map(|(path, input, _)| (path, input)).collect())
}
