//! What is seen of a running job: a bar on a terminal, plain lines elsewhere.

use crate::describe;
use crate::terminal::{is_watched, note};
use api::job::Job;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::fmt::Display;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The least time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// Shows how a job stands, on standard error.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A bar that is drawn anew.
    Bar {
        /// The bar.
        bar: ProgressBar,
        /// Lines of the picture that stands right above it, if one does.
        above: Cell<usize>,
    },
    /// A line now and then.
    Plain {
        /// When the last was said.
        last: Option<Instant>,
        /// What it was.
        said: String,
    },
}

impl Progress {
    /// A bar where a person watches, else lines.
    pub(crate) fn new(tasks: u64) -> Self {
        if !is_watched() {
            // What a single task says comes soon enough, or it is worth a line.
            let last = (tasks < 2).then(Instant::now);
            return Self::Plain { last, said: String::new() };
        }
        let style = ProgressStyle::with_template("{bar:24} {msg} {elapsed:>4}").expect("the template is well formed");
        let bar = ProgressBar::with_draw_target(Some(tasks), ProgressDrawTarget::stderr()).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Bar { bar, above: Cell::new(0) }
    }

    /// The job stands like this.
    pub(crate) fn update(&mut self, job: &Job) {
        let line = describe::progress(job);
        match self {
            Self::Bar { bar, .. } => {
                bar.set_length(job.tasks);
                bar.set_position(job.finished + job.claimed + job.provisional);
                bar.set_message(line);
            }
            Self::Plain { last, said } => {
                let due = last.is_none_or(|last| last.elapsed() >= PLAIN_EVERY);
                if due && job.running > 0 && *said != line {
                    note(&line);
                    *last = Some(Instant::now());
                    *said = line;
                }
            }
        }
    }

    /// So many of so many are done here, where no exchange says so.
    pub(crate) fn step(&mut self, done: u64, all: u64) {
        let line = format!("{done} of {all} done");
        match self {
            Self::Bar { bar, .. } => {
                bar.set_position(done);
                bar.set_message(line);
            }
            Self::Plain { last, said } => {
                if last.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) && *said != line {
                    note(&line);
                    *last = Some(Instant::now());
                    *said = line;
                }
            }
        }
    }

    /// Shows a picture of so many lines above the bar, in the place of the one before where nothing was said since.
    pub(crate) fn picture(&self, text: &str, lines: usize) {
        let Self::Bar { bar, above } = self else { return };
        bar.suspend(|| {
            let mut error = std::io::stderr().lock();
            let standing = above.get();
            // Room is made first: a picture at the bottom of the screen would scroll under the cursor.
            let room = if standing == lines { String::new() } else { "\n".repeat(lines) };
            let _ = write!(error, "{room}\r\x1b[{lines}A{text}");
            let _ = error.flush();
            above.set(lines);
        });
    }

    /// Says a line without disturbing the bar.
    pub(crate) fn note(&self, line: impl Display) {
        match self {
            Self::Bar { .. } => self.suspend(|| note(line)),
            Self::Plain { .. } => note(line),
        }
    }

    /// Does something to the terminal without disturbing the bar.
    pub(crate) fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        match self {
            Self::Bar { bar, above } => {
                above.set(0);
                bar.suspend(act)
            }
            Self::Plain { .. } => act(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        match self {
            Self::Bar { bar, .. } => bar.finish_and_clear(),
            Self::Plain { .. } => {}
        }
    }
}
