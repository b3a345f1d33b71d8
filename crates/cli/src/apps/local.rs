//! `--local`: the same tasks, on this machine's own cores, without any exchange or account; the same bytes.

use super::command::{Options, Said};
use super::joined::{self, ToJoin};
use super::onlooker::{Onlooker, tell_proof};
use super::planner::{Planned, Proof, Workshop};
use super::program::Runs;
use super::{Known, planner};
use crate::commands::Context;
use crate::describe::{self, count};
use crate::exit::Exit;
use crate::host::{Interrupt, machine_cores};
use crate::progress::Progress;
use crate::terminal::note;
use agent::OwnTask;
use anyhow::Context as _;
use client::Folder;
use futures::{StreamExt as _, stream};
use manifest::{Plan, ResultOf, Task, last_name};
use sandbox::{Contract, Control, Input, Limits};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use units::{DealId, TaskId};

/// What a task may use: as much as an agent lets it, and as long as it takes.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(7 * 86_400),
    memory_bytes: api::limits::TASK_MEMORY_MIB << 20,
    output_bytes: api::limits::OUTPUT_MIB << 20,
    output_files: api::limits::OUTPUT_FILES,
    stdout_bytes: 16 << 20,
};

/// Does all tasks of a plan here.
pub(super) async fn run(
    context: &Context,
    app: &Known,
    said: Said,
    planned: Planned,
    options: &Options,
    workshop: Workshop,
    runs: &Runs,
) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let Planned { plan, files, .. } = &planned;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}-local", app.manifest.name)));
    let out = std::path::absolute(&out).with_context(|| format!("{} is no folder's name", out.display()))?;
    let engine = runs.here(&context.home, app, workshop.sandbox()).await?;
    let (cores, tasks) = (machine_cores(), plan.tasks.len() as u64);
    note(format_args!("{} on this machine's {}", count(tasks, "task"), count(cores.into(), "core")));
    let mut doing = Doing::new(context, app, &said, plan, &out)?;
    let control = Control::new();
    let doings = (0_u64..).zip(&plan.tasks).map(|(number, task)| {
        let (engine, own) = (engine.clone(), one(plan, files, number, task, &control));
        async move { (number, tokio::task::spawn_blocking(move || engine.run(own)).await) }
    });
    let mut doings = stream::iter(doings).buffer_unordered(usize::try_from(cores)?.max(1));
    let mut interrupt = Interrupt::listen();
    let exit = loop {
        tokio::select! {
            () = interrupt.wait() => break Exit::Interrupted,
            next = doings.next() => match next {
                None => break if doing.failed > 0 { Exit::TaskFailed } else { Exit::Done },
                Some((number, finished)) => match doing.take(number, finished??, &workshop).await? {
                    None => {}
                    Some(exit) => break exit,
                },
            },
        }
    };
    control.cancel();
    drop(doings);
    doing.end(exit, began);
    if exit == Exit::Done
        && let Some(wasm) = &app.manifest.join
    {
        let results = doing.results();
        let (arguments, memo, program) = (said.arguments, plan.memo.clone(), plan.program.clone());
        let what = ToJoin { app: app.clone(), wasm: wasm.clone(), arguments, memo, results, out, program };
        Box::pin(joined::join(&context.home, what, None)).await?;
    }
    Ok(exit)
}

/// One task as an agent would run it.
fn one(plan: &Plan, files: &BTreeMap<String, PathBuf>, number: u64, task: &Task, control: &Control) -> OwnTask {
    let input = |path: &String| {
        let file = files.get(path).expect("a checked plan names files that are there");
        Input { name: last_name(path).to_owned(), file: file.clone() }
    };
    let inputs: Vec<Input> = plan.files.iter().chain(&task.files).map(input).collect();
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let contract = Contract {
        task: TaskId::default(),
        deal: DealId::default(),
        bot_size: plan.tasks.len() as u64,
        bot_first: 0,
        index: number,
        dataset: None,
        inputs: &names,
    };
    let args = task.args.iter().map(|arg| sandbox::expand_out(arg)).collect();
    let (env, control) = (contract.env(), control.clone());
    OwnTask { args, env, inputs, limits: LIMITS, control }
}

/// What has come of the tasks so far.
struct Doing<'a> {
    tasks: &'a [Task],
    folder: Folder,
    onlooker: Onlooker,
    progress: Progress,
    placed: BTreeMap<u64, Vec<String>>,
    failed: u64,
}

impl<'a> Doing<'a> {
    fn new(context: &Context, app: &Known, said: &Said, plan: &'a Plan, out: &PathBuf) -> anyhow::Result<Self> {
        let (tasks, arguments) = (plan.tasks.clone(), said.arguments.clone());
        let onlooker = Onlooker::new(&context.home, app.clone(), arguments, tasks, out.clone())?;
        let progress = Progress::new(plan.tasks.len() as u64);
        let folder = Folder::new(out);
        Ok(Self { tasks: &plan.tasks, folder, onlooker, progress, placed: BTreeMap::new(), failed: 0 })
    }

    fn name(&self, number: u64) -> &str {
        usize::try_from(number).ok().and_then(|number| self.tasks.get(number)).map_or("", |task| task.name.as_str())
    }

    /// Takes a task's result; an exit where that ends all.
    async fn take(
        &mut self,
        number: u64,
        finished: sandbox::Finished,
        workshop: &Workshop,
    ) -> anyhow::Result<Option<Exit>> {
        let name = self.name(number).to_owned();
        if let results::Outcome::Failure(failure) = &finished.outcome {
            self.failed += 1;
            let words = finished.stderr.to_string();
            let last = planner::plain(words.trim().lines().last().unwrap_or_default());
            self.progress.note(format_args!("{name} failed: {failure}: {last}"));
            return Ok(None);
        }
        let tree = workshop.unpack(&finished.package)?;
        let stdout = format!("{name}.stdout");
        let stdout = (tree.stdout_bytes() > 0).then_some(stdout.as_str());
        let placed = self.folder.place(number, &tree, stdout)?;
        let files: Vec<(String, String)> = placed.into_iter().map(|placed| (placed.from, placed.to)).collect();
        let proof = self.onlooker.placed(number, &files, false).await?;
        self.placed.insert(number, files.into_iter().map(|(_, to)| to).collect());
        self.progress.step(self.placed.len() as u64, self.tasks.len() as u64);
        self.onlooker.show(&self.progress, false);
        let Some(proof) = proof else { return Ok(None) };
        tell_proof(&self.progress, &name, proof);
        Ok(match proof {
            Proof::Wrong => Some(Exit::NotProven),
            Proof::Proved if self.onlooker.first_is_enough() => Some(Exit::Done),
            Proof::Proved | Proof::Nothing => None,
        })
    }

    /// Says what came of it.
    fn end(&mut self, exit: Exit, began: Instant) {
        self.onlooker.show(&self.progress, true);
        self.progress.end();
        let (done, all) = (self.placed.len() as u64, count(self.tasks.len() as u64, "task"));
        let files: usize = self.placed.values().map(Vec::len).sum();
        let place = self.folder.root().display();
        let took = describe::short_time(began.elapsed());
        let ended = if exit == Exit::Interrupted { "interrupted: " } else { "" };
        let files = count(files as u64, "file");
        note(format_args!("{ended}{done} of {all} done, {files} in {place}, {took}"));
        self.onlooker.tell();
    }

    fn results(&self) -> Vec<ResultOf> {
        let result = |(number, files): (&u64, &Vec<String>)| ResultOf {
            name: self.name(*number).to_owned(),
            files: files.clone(),
        };
        self.placed.iter().map(result).collect()
    }
}
