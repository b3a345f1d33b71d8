//! The job: a task a frame, followed to its end; frames go into the folder as they come.

use super::stage::CATEGORY;
use super::{DemoArgs, scene::Scene};
use crate::progress::Progress;
use anyhow::{Context as _, bail};
use api::job::{Job, TaskResult};
use client::{App, Client, Event, Fetched, Folder, JobSpec, Submitted, Tasks};
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use units::{Address, Amount};

/// How long the job may stand still before it is asked why.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where a task finds its inputs.
const INPUTS: &str = "/iexec_in";
/// How long a frame of the animation is shown, milliseconds.
const DELAY_MS: u16 = 83;

/// The prices that the requester agrees to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    pub(super) app: Amount,
    pub(super) pool: Amount,
}

/// What came of the job.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) job: Job,
    /// By index.
    pub(super) results: BTreeMap<u64, TaskResult>,
    /// The frames that are there, by index.
    pub(super) frames: BTreeMap<u64, PathBuf>,
}

/// What a frame's file is called.
fn file_name(frame: u64) -> String {
    format!("frame-{frame:04}.png")
}

/// What the tracer is to do for a frame.
fn arguments(args: &DemoArgs, scene: &str, frame: u32) -> Vec<String> {
    let options = [
        ("--frame", frame.to_string()),
        ("--frames", args.frames.to_string()),
        ("--width", args.width.to_string()),
        ("--height", args.height.to_string()),
        ("--samples", args.samples.to_string()),
        ("--out", file_name(u64::from(frame))),
    ];
    let scene = std::iter::once(format!("{INPUTS}/{scene}"));
    scene.chain(options.into_iter().flat_map(|(option, value)| [option.to_owned(), value])).collect()
}

/// Uploads the scene and submits the job: one order for all frames.
pub(super) async fn submit(
    client: &Client,
    args: &DemoArgs,
    scene: &Scene,
    app: App,
    pool: Address,
    bid: Bid,
) -> anyhow::Result<Submitted> {
    let mut inputs = Vec::new();
    for (name, content) in &scene.files {
        inputs.push(client.upload_bytes(name, content.clone()).await?);
    }
    let spec = JobSpec {
        app_max_price: bid.app,
        inputs,
        tasks: Tasks::each_with_args((0..args.frames).map(|frame| arguments(args, &scene.name, frame))),
        category: CATEGORY,
        trust: args.trust,
        max_price: bid.pool,
        pool: Some(pool),
        title: format!("{} × {}", scene.name, args.frames),
        ..JobSpec::of(app.address)
    };
    Ok(client.submit(&spec).await?)
}

/// Follows the job to its end.
pub(super) async fn follow(client: &Client, job: &Job, out: &Path) -> anyhow::Result<Rendered> {
    let mut follower = Follower {
        client,
        folder: folder(out, job.tasks),
        progress: Progress::new(job.tasks),
        rendered: Rendered { job: job.clone(), results: BTreeMap::new(), frames: BTreeMap::new() },
        said: String::new(),
    };
    let followed = follower.run().await;
    follower.progress.end();
    followed.map(|()| follower.rendered)
}

/// The folder, where frames of an earlier demo may be replaced.
fn folder(out: &Path, frames: u64) -> Folder {
    let mut folder = Folder::new(out);
    (0..frames).for_each(|frame| folder.allow_replacing(&file_name(frame)));
    folder
}

struct Follower<'a> {
    client: &'a Client,
    folder: Folder,
    progress: Progress,
    rendered: Rendered,
    /// What was last said of a job that stands still.
    said: String,
}

impl Follower<'_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut events = std::pin::pin!(self.client.watch(self.rendered.job.id, None));
        let mut ask_at = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Ok(()) };
                    match event? {
                        Event::Progress(job) => {
                            if job.running > 0 {
                                ask_at = Instant::now() + PATIENCE;
                            }
                            self.progress.update(&job);
                            self.rendered.job = *job;
                        }
                        Event::Result(result) => self.place(*result).await?,
                        Event::Lost { error, .. } => self.say(&format!("connection lost ({error}); trying again")),
                    }
                }
                () = sleep_until(ask_at) => {
                    if self.rendered.job.running == 0 {
                        let explain = self.client.explain(self.rendered.job.id).await?;
                        self.say(&format!("waiting: {}", explain.summary));
                    }
                    ask_at = Instant::now() + PATIENCE;
                }
            }
        }
    }

    fn say(&mut self, line: &str) {
        if self.said != line {
            self.progress.note(line);
            line.clone_into(&mut self.said);
        }
    }

    async fn place(&mut self, result: TaskResult) -> anyhow::Result<()> {
        let index = result.index;
        match self.client.fetch(&result).await? {
            Fetched::Tree(tree) => {
                let name = file_name(index);
                let placed = self.folder.place(index, &tree, None)?;
                let frame = placed.iter().find(|placed| placed.from == name);
                let frame = frame.with_context(|| format!("the result of task {index} has no {name}"))?;
                self.rendered.frames.insert(index, self.folder.root().join(&frame.to));
            }
            Fetched::Failure(failure) => {
                let words = result.stderr.trim();
                bail!("the tracer cannot draw frame {index} ({failure}): {words}");
            }
            Fetched::Nothing => self.say(&format!("frame {index} was not done in time")),
        }
        self.rendered.results.insert(index, result);
        Ok(())
    }
}

/// Contact sheet and animation of the frames, in the folder.
#[derive(Debug)]
pub(super) struct Pictures {
    pub(super) sheet: PathBuf,
    pub(super) animation: PathBuf,
    /// The middle frame as lines of coloured half blocks.
    pub(super) preview: String,
}

/// Makes contact sheet and animation of the frames.
pub(super) fn pictures(frames: &BTreeMap<u64, PathBuf>, out: &Path) -> anyhow::Result<Pictures> {
    let mut decoded = Vec::new();
    for path in frames.values() {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        decoded.push(gallery::Frame::from_png(&bytes).with_context(|| path.display().to_string())?);
    }
    let (sheet, animation) = (out.join("contact-sheet.png"), out.join("animation.png"));
    let write = |path: &Path, bytes: Vec<u8>| {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write(&sheet, gallery::contact_sheet(&decoded, None)?)?;
    write(&animation, gallery::animation(&decoded, DELAY_MS)?)?;
    let preview = decoded.get(decoded.len() / 2).map(|frame| gallery::preview(frame, 56)).unwrap_or_default();
    Ok(Pictures { sheet, animation, preview })
}
