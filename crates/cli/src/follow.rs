//! Following a job to its end: progress is shown, results are fetched, checked and placed as they come.

use crate::apps::{Onlooker, Proof, tell_proof};
use crate::attach::{Attached, Needs, attach_place};
use crate::commands::Context;
use crate::describe::{self, count};
use crate::exit::Exit;
use crate::host::Interrupt;
use crate::job_record::{JobRecord, Placements, Sureness, TaskRecord};
use crate::progress::Progress;
use crate::terminal::note;
use anyhow::Context as _;
use api::job::{Job, Outcome, TaskResult};
use client::{Client, Event, Fetched, Folder, Placed};
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
/// A result, and what was fetched of it; nothing of one that is void or there already.
type Fetch = Pin<Box<dyn Future<Output = (Box<TaskResult>, Option<Result<Fetched, client::Error>>)> + Send>>;

/// Until when a job is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Every task's result is there, be it provisional.
    Delivered,
    /// Nothing more will happen to it.
    Final,
}

/// How a job is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) until: Until,
    /// Whether what a single task prints is printed here.
    pub(crate) prints: bool,
}

/// Why following ended for now.
enum Pause {
    /// The job is where it was to be followed to.
    Ended(Box<Job>),
    /// The person interrupted it.
    Interrupted,
    /// What was looked for is found: no more is bought.
    Found(Box<Job>),
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
    how: How,
    job: Option<Box<Job>>,
    explained: String,
    /// Who looks at results as they come, where an app's command does.
    onlooker: Option<Onlooker>,
    /// What a prover made of the results.
    found: Found,
}

/// What was found in the results of a job that proves them.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// Something wrong.
    wrong: bool,
    /// Enough.
    enough: bool,
}

/// Follows a job until then or until the person interrupts; ends the exchange, if it was started for it.
pub(crate) async fn follow(
    context: &Context,
    mut attached: Attached,
    key: &SigningKey,
    record: &JobRecord,
    interrupt: Interrupt,
    how: How,
) -> anyhow::Result<Exit> {
    let followed = Box::pin(follow_on(context, &mut attached, key, record, interrupt, how)).await;
    let embedded = attached.hosted.is_some();
    attached.close().await;
    Ok(match followed? {
        Some(followed) => followed.exit,
        None => say_left(record, embedded),
    })
}

/// What was seen of a job that was followed to where it was to be followed to.
pub(crate) struct Followed {
    pub(crate) job: Box<Job>,
    pub(crate) exit: Exit,
}

/// Follows a job on an exchange that is needed on afterwards. None where the person interrupted.
pub(crate) async fn follow_on(
    context: &Context,
    attached: &mut Attached,
    key: &SigningKey,
    record: &JobRecord,
    interrupt: Interrupt,
    how: How,
) -> anyhow::Result<Option<Followed>> {
    let (folder, placements) = record.open(&context.home)?;
    let tasks = u64::try_from(record.order.order.volume).unwrap_or(u64::MAX).max(1);
    let progress = Progress::new(tasks);
    let onlooker = Onlooker::open(&context.home, record)?;
    let mut follower = Follower {
        record,
        interrupt,
        folder,
        placements,
        progress,
        how,
        job: None,
        explained: String::new(),
        onlooker,
        found: Found::default(),
    };
    let ended = loop {
        match Box::pin(follower.watch(attached)).await {
            Ok(Pause::ExchangeGone) => {
                let trust = follower.job.as_ref().map_or(1, |job| job.trust);
                let needs = Needs::Workers { trust, images: Some(Vec::new()) };
                *attached = Box::pin(attach_place(&context.home, key, &record.place, needs)).await?;
            }
            ended => break ended,
        }
    };
    if let Some(onlooker) = &mut follower.onlooker {
        onlooker.show(&follower.progress, true);
    }
    follower.progress.end();
    Ok(match ended? {
        Pause::Ended(job) => {
            let exit = follower.summarize(&job);
            let exit = if follower.found.wrong { Exit::NotProven } else { exit };
            Some(Followed { job, exit })
        }
        Pause::Found(job) => {
            JobRecord { proved: true, ..record.clone() }.save(&context.home)?;
            note("what was looked for is found: nothing more is bought");
            Some(Followed { job, exit: Exit::Done })
        }
        Pause::Interrupted | Pause::ExchangeGone => None,
    })
}

/// Says that a job was left, and how to come back to it.
pub(crate) fn say_left(record: &JobRecord, embedded: bool) -> Exit {
    note(format_args!("left; `hands job watch {}` comes back to it", record.id));
    if embedded {
        note("the embedded exchange stopped with this command, so nothing runs until then");
    }
    Exit::Interrupted
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
                    match fetched {
                        Some(fetched) => self.place(&result, fetched?).await?,
                        None if result.voided => self.void(&result)?,
                        None => self.confirm(&result)?,
                    }
                    if let Some(onlooker) = &mut self.onlooker {
                        onlooker.show(&self.progress, false);
                    }
                    if self.found.enough && let Some(job) = self.job.clone() {
                        self.free(client).await?;
                        return Ok(Pause::Found(job));
                    }
                }
                event = events.next(), if !over && fetches.len() < FETCHES => match event {
                    Some(Ok(Event::Progress(job))) => {
                        lost_since = None;
                        if job.running > 0 || job.state.is_final() {
                            ask_at = Instant::now() + PATIENCE;
                        }
                        self.progress.update(&job);
                        over |= self.how.until == Until::Delivered && is_delivered(&job);
                        self.job = Some(job);
                    }
                    Some(Ok(Event::Result(result))) => {
                        let there = self.is_there(&result);
                        fetches.push_back(fetch(client.clone(), result, there));
                    }
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

    /// Puts what came of a task where it belongs, and remembers it. What was delivered of it before, and proved right, stays.
    async fn place(&mut self, result: &TaskResult, fetched: Fetched) -> anyhow::Result<()> {
        if self.is_there(result) {
            return self.confirm(result);
        }
        let before = self.placements.provisional.get(&result.index).cloned();
        let single = self.record.names.is_empty();
        let (files, failure) = match fetched {
            Fetched::Tree(tree) => {
                let place = self.record.place_of(result.index);
                let name = self.record.task_name(result.index).map(|name| format!("{name}.stdout"));
                let placed = self.folder.place(place, &tree, name.as_deref())?;
                if single && self.how.prints {
                    self.progress.suspend(|| -> anyhow::Result<()> {
                        show_words(&result.stderr, usize::MAX);
                        if tree.stdout_bytes() == 0 {
                            // An image's words are not in its result unless it was asked for: what was kept of them.
                            show_plain(&result.stdout);
                        }
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
                self.look(result, &placed).await?;
                (placed.into_iter().map(|placed| placed.to).collect(), None)
            }
            Fetched::Failure(failure) => (Vec::new(), Some(failure.to_string())),
            Fetched::Nothing => (Vec::new(), Some("it was not done in time, and costs nothing".to_owned())),
        };
        if let Some(failure) = &failure {
            self.progress.suspend(|| show_failure(self.record, result, failure));
        }
        if let Some(before) = before {
            self.discard(&before, &files)?;
        }
        self.remember(result, files, failure)
    }

    /// Whether the result is there already, as a provisional one.
    fn is_there(&self, result: &TaskResult) -> bool {
        self.placements.provisional.get(&result.index).is_some_and(|before| before.digest == result.digest)
    }

    /// Shows a result to whoever looks on.
    async fn look(&mut self, result: &TaskResult, placed: &[Placed]) -> anyhow::Result<()> {
        let number = self.record.place_of(result.index);
        let Some(onlooker) = &mut self.onlooker else { return Ok(()) };
        let files: Vec<_> = placed.iter().map(|placed| (placed.from.clone(), placed.to.clone())).collect();
        let Some(proof) = onlooker.placed(number, &files, result.provisional).await? else { return Ok(()) };
        tell_proof(&self.progress, self.record.task_name(result.index).unwrap_or_default(), proof);
        self.found.wrong |= proof == Proof::Wrong;
        self.found.enough |= proof == Proof::Proved && onlooker.first_is_enough();
        Ok(())
    }

    /// Closes the job's order: what is not bought is free at once.
    async fn free(&self, client: &Client) -> anyhow::Result<()> {
        match client.cancel(&self.record.order).await {
            // All of it was bought already, or is closed.
            Ok(()) | Err(client::Error::Reverted { .. } | client::Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What was delivered of a task has proved right.
    fn confirm(&mut self, result: &TaskResult) -> anyhow::Result<()> {
        let number = self.record.place_of(result.index);
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.confirmed(number);
        }
        let before = self.placements.provisional.get(&result.index).cloned();
        let (files, failure) = before.map(|before| (before.files, before.failure)).unwrap_or_default();
        self.remember(result, files, failure)
    }

    /// A result is void: what was placed of it goes, and another will come.
    fn void(&mut self, result: &TaskResult) -> anyhow::Result<()> {
        let name = self.record.task_name(result.index).map_or_else(|| result.index.to_string(), str::to_owned);
        self.progress.note(format_args!(
            "the provisional result of task {name} is void: whoever computed it was found wrong; it runs again"
        ));
        if let Some(before) = self.placements.provisional.get(&result.index).cloned() {
            self.discard(&before, &[])?;
        }
        self.remember(result, Vec::new(), None)
    }

    /// Removes what was placed of a provisional result, but for files that its successor has.
    fn discard(&self, before: &TaskRecord, kept: &[String]) -> anyhow::Result<()> {
        for path in before.files.iter().filter(|path| !kept.contains(path)) {
            let file = self.folder.root().join(path);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} is void and cannot be removed", file.display()));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn remember(&mut self, result: &TaskResult, files: Vec<String>, failure: Option<String>) -> anyhow::Result<()> {
        let (ordinal, index, digest) = (result.ordinal, result.index, result.digest);
        self.placements.add(&TaskRecord { ordinal, index, files, failure, digest, sureness: Sureness::of(result) })
    }

    /// Says what came of the job.
    fn summarize(&self, job: &Job) -> Exit {
        let failed = self.placements.failed;
        let undone = job.tasks.saturating_sub(job.finished + job.claimed + job.provisional);
        let good = job.finished - job.failed.min(job.finished);
        let mut parts = Vec::new();
        if job.provisional > 0 {
            parts.push(format!("{good} verified, {} provisional", job.provisional));
        } else if !self.record.names.is_empty() || failed + undone > 0 {
            parts.push(format!("{good} of {} done", count(job.tasks, "task")));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        if undone > 0 {
            parts.push(format!("{undone} not bought ({})", describe::state(job)));
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
        if let Some(onlooker) = &self.onlooker {
            onlooker.tell();
        }
        if job.provisional > 0 {
            note(format_args!(
                "provisional results are not paid yet and may still come to nothing; `hands job watch {}` sees the end, `--final` waits for it",
                self.record.id
            ));
        }
        if failed + undone > 0 { Exit::TaskFailed } else { Exit::Done }
    }
}

/// Whether every task's result is there.
fn is_delivered(job: &Job) -> bool {
    job.provisional > 0 && job.finished.saturating_add(job.claimed).saturating_add(job.provisional) >= job.tasks
}

fn fetch(client: Client, result: Box<TaskResult>, there: bool) -> Fetch {
    Box::pin(async move {
        let fetched = if result.voided || there { None } else { Some(client.fetch(&result).await) };
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

/// What a program printed, on standard output, without what would move a terminal's cursor.
fn show_plain(words: &str) {
    let is_plain = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let words: String = words.chars().filter(is_plain).collect();
    if !words.is_empty() {
        crate::terminal::say(words.trim_end_matches('\n'));
    }
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
