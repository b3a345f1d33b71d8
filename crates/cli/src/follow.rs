//! Following a job to its end: progress is shown, results are fetched, checked and placed as they come.

use crate::attach::{Attached, Needs, attach_place};
use crate::commands::Context;
use crate::describe::{self, count};
use crate::exit::Exit;
use crate::host::Interrupt;
use crate::job_record::{JobRecord, Placements, TaskRecord};
use crate::progress::Progress;
use crate::terminal::note;
use anyhow::Context as _;
use api::job::{Job, Outcome, TaskResult};
use client::{Client, Event, Fetched, Folder};
use futures::stream::FuturesOrdered;
use futures::{Stream, StreamExt as _};
use orders::SigningKey;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Results fetched at once.
const FETCHES: usize = 8;
/// How long a job may stand still before it is asked why.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an exchange of this machine may be away before it is started again by this command.
const TAKEOVER: Duration = Duration::from_secs(5);
/// Lines of a failed program's last words that are shown.
const LAST_LINES: usize = 12;

type Events = Pin<Box<dyn Stream<Item = Result<Event, client::Error>> + Send>>;
type Fetch = Pin<Box<dyn Future<Output = (Box<TaskResult>, Result<Fetched, client::Error>)> + Send>>;

/// Why following ended for now.
enum Pause {
    /// The job is at its end.
    Ended(Box<Job>),
    /// The person interrupted it.
    Interrupted,
    /// The exchange here was stopped by the command that had started it.
    ExchangeGone,
}

/// One job being followed.
struct Follower<'a> {
    record: &'a JobRecord,
    interrupt: Interrupt,
    folder: Folder,
    placements: Placements,
    progress: Progress,
    job: Option<Box<Job>>,
    explained: String,
}

/// Follows a job until nothing more will happen to it or the person interrupts; ends the exchange, if it was started for it.
pub(crate) async fn follow(
    context: &Context,
    attached: Attached,
    key: SigningKey,
    record: &JobRecord,
    interrupt: Interrupt,
) -> anyhow::Result<Exit> {
    let (folder, placements) = record.open(&context.home)?;
    let tasks = record.names.len().max(1) as u64;
    let progress = Progress::new(tasks);
    let mut follower =
        Follower { record, interrupt, folder, placements, progress, job: None, explained: String::new() };
    let mut attached = attached;
    let ended = loop {
        match Box::pin(follower.watch(&attached)).await {
            Ok(Pause::ExchangeGone) => {
                attached.close().await;
                let trust = follower.job.as_ref().map_or(1, |job| job.trust);
                let needs = Needs::Workers { trust };
                attached = Box::pin(attach_place(&context.home, &key, &record.place, needs)).await?;
            }
            ended => break ended,
        }
    };
    follower.progress.end();
    let embedded = attached.hosted.is_some();
    attached.close().await;
    match ended? {
        Pause::Ended(job) => Ok(follower.summarize(&job)),
        Pause::Interrupted | Pause::ExchangeGone => {
            note(format_args!("left; `hands job watch {}` comes back to it", record.id));
            if embedded {
                note("the embedded exchange stopped with this command, so nothing runs until then");
            }
            Ok(Exit::Interrupted)
        }
    }
}

impl Follower<'_> {
    /// Watches over one connection's life, which may span many connections to one exchange.
    async fn watch(&mut self, attached: &Attached) -> anyhow::Result<Pause> {
        let client = &attached.client;
        let mut events: Events = Box::pin(client.watch(self.record.id, self.placements.last));
        let mut fetches: FuturesOrdered<Fetch> = FuturesOrdered::new();
        let mut interrupt = self.interrupt.clone();
        let mut ask_at = Instant::now() + PATIENCE;
        let mut lost_since = None;
        let mut over = false;
        loop {
            tokio::select! {
                () = interrupt.wait() => return Ok(Pause::Interrupted),
                Some((result, fetched)) = fetches.next(), if !fetches.is_empty() => {
                    self.place(&result, fetched?)?;
                }
                event = events.next(), if !over && fetches.len() < FETCHES => match event {
                    Some(Ok(Event::Progress(job))) => {
                        lost_since = None;
                        if job.running > 0 || job.state.is_final() {
                            ask_at = Instant::now() + PATIENCE;
                        }
                        self.progress.update(&job);
                        self.job = Some(job);
                    }
                    Some(Ok(Event::Result(result))) => fetches.push_back(fetch(client.clone(), result)),
                    Some(Ok(Event::Lost { error, retry_in })) => {
                        let since = *lost_since.get_or_insert_with(Instant::now);
                        if attached.may_be_gone() && since.elapsed() > TAKEOVER {
                            return Ok(Pause::ExchangeGone);
                        }
                        self.lost(&error, retry_in);
                    }
                    Some(Err(error)) => return Err(error.into()),
                    None => over = true,
                },
                () = sleep_until(ask_at), if !over => {
                    self.explain(client).await;
                    ask_at = Instant::now() + PATIENCE;
                }
            }
            if over && fetches.is_empty() {
                let job = self.job.clone().context("the exchange ended the job's events without its state")?;
                return Ok(Pause::Ended(job));
            }
        }
    }

    fn lost(&mut self, error: &client::Error, retry_in: Duration) {
        let line = format!("connection lost ({error}); trying again, Ctrl-C leaves");
        if retry_in > Duration::from_millis(400) && self.explained != line {
            self.progress.note(&line);
            self.explained = line;
        }
    }

    /// Says why nothing happens, when the reason is a new one.
    async fn explain(&mut self, client: &Client) {
        let still = self.job.as_ref().is_none_or(|job| job.running == 0 && !job.state.is_final());
        if !still {
            return;
        }
        let Ok(explain) = client.explain(self.record.id).await else { return };
        let mut line = format!("waiting: {}", explain.summary);
        if let Some(advice) = explain.advice {
            line.push_str("\n  try: ");
            line.push_str(&advice);
        }
        if line != self.explained {
            self.progress.note(&line);
            self.explained = line;
        }
    }

    /// Puts what came of a task where it belongs, and remembers it.
    fn place(&mut self, result: &TaskResult, fetched: Fetched) -> anyhow::Result<()> {
        let single = self.record.names.is_empty();
        let (files, failure) = match fetched {
            Fetched::Tree(tree) => {
                let name = self.record.task_name(result.index).map(|name| format!("{name}.stdout"));
                let placed = self.folder.place(result.index, &tree, name.as_deref())?;
                if single {
                    self.progress.suspend(|| -> anyhow::Result<()> {
                        show_words(&result.stderr, usize::MAX);
                        match tree.write_stdout(&mut std::io::stdout().lock()) {
                            // Whoever read it has seen enough.
                            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                            written => Ok(written?),
                        }
                    })?;
                }
                for moved in placed.iter().filter(|placed| placed.to.starts_with("task-") && placed.from != placed.to) {
                    let (from, to) = (&moved.from, self.folder.root().join(&moved.to));
                    self.progress.note(format_args!("{from} was taken already; kept as {}", to.display()));
                }
                (placed.into_iter().map(|placed| placed.to).collect(), None)
            }
            Fetched::Failure(failure) => (Vec::new(), Some(failure.to_string())),
            Fetched::Nothing => (Vec::new(), Some("it was not done in time, and costs nothing".to_owned())),
        };
        if let Some(failure) = &failure {
            self.progress.suspend(|| show_failure(self.record, result, failure));
        }
        let task = TaskRecord { ordinal: result.ordinal, index: result.index, files, failure };
        self.placements.add(&task)
    }

    /// Says what came of the job.
    fn summarize(&self, job: &Job) -> Exit {
        let failed = self.placements.failed;
        let undone = job.tasks.saturating_sub(job.finished + job.claimed);
        let mut parts = Vec::new();
        if !self.record.names.is_empty() || failed + undone > 0 {
            parts.push(format!("{} of {} done", job.finished - job.failed.min(job.finished), count(job.tasks, "task")));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        if undone > 0 {
            parts.push(format!("{undone} not bought ({})", describe::state(job.state)));
        }
        if self.placements.files > 0 {
            parts.push(format!("{} in {}", count(self.placements.files, "file"), self.folder.root().display()));
        }
        if !job.spent.is_zero() {
            parts.push(format!("{} credits paid", job.spent));
        }
        if !parts.is_empty() {
            note(parts.join(", "));
        }
        if failed + undone > 0 { Exit::TaskFailed } else { Exit::Done }
    }
}

fn fetch(client: Client, result: Box<TaskResult>) -> Fetch {
    Box::pin(async move {
        let fetched = client.fetch(&result).await;
        (result, fetched)
    })
}

/// A failed task: which, why, and the program's own last words.
pub(crate) fn show_failure(record: &JobRecord, result: &TaskResult, failure: &str) {
    match record.task_name(result.index) {
        Some(name) => note(format_args!("task {} ({name}) failed: {failure}", result.index)),
        None => note(format_args!("failed: {failure}")),
    }
    match &result.outcome {
        Outcome::Failed { reason } if !reason.is_empty() && reason != failure => note(format_args!("  {reason}")),
        Outcome::Failed { .. } | Outcome::Completed | Outcome::Claimed => {}
    }
    let words = if result.stderr.trim().is_empty() { &result.stdout } else { &result.stderr };
    // The sandbox ends what it keeps of standard error with the failure, which has been said.
    let words = words.trim_end();
    let words = words.strip_suffix(failure).unwrap_or(words);
    show_words(words.trim_matches('\n'), LAST_LINES);
}

/// The last lines that a program said, set off from our own.
fn show_words(words: &str, most: usize) {
    let lines: Vec<&str> = words.trim_end().lines().collect();
    for line in &lines[lines.len().saturating_sub(most)..] {
        // Control characters would let a stranger's program move the cursor.
        let line: String = line.chars().filter(|letter| !letter.is_control() || *letter == '\t').collect();
        note(format_args!("  | {line}"));
    }
}
