//! Whole task cycles a second: submitted, matched, granted, run, stated, settled, journaled durably, results streamed back.

use crate::hosted::{Audits, Hosted};
use crate::report::{Repeats, Report};
use crate::usage::{Spent, Usage};
use anyhow::ensure;
use journal::Journal;
use std::fs;
use std::path::{Path, PathBuf};

const REPEATS: u32 = 3;
/// Tasks before measuring.
const WARM_UP: u64 = 500;
/// A score at which a worker weighs 201.
const PROVEN: u64 = 606;
/// What two workers who weigh 201 each reach together, and neither alone up to a score of 120,000: so both contribute.
const TWO_REPLICAS: u64 = 40_000;
/// A score at which a public pool's gate gives a worker the most weight that it gives to anybody, 10.
const PROVEN_TO_GATE: u64 = 36;
/// What two workers of that weight reach together. By PoCo's own measure one of them is enough from a score of 303 on: then the
/// gate still wants two who agree, and one of them contributes.
const TWO_AT_GATE: u64 = 100;

pub(crate) fn measure(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    report.heading(&format!("Task cycles through the server, {tasks} empty tasks, two agents of one core"));
    measure_trust(report, &folder.join("one"), tasks, Replicas::One, Audits::None, "trust1")?;
    measure_trust(report, &folder.join("audited"), tasks, Replicas::One, Audits::Hidden, "trust1_audited")?;
    measure_trust(report, &folder.join("two"), tasks, Replicas::Two, Audits::None, "two_replicas")
}

/// Leaves a journal of so many tasks, half of them at trust 1 and half of two replicas; its data folder.
pub(crate) fn record(folder: &Path, tasks: u64) -> anyhow::Result<PathBuf> {
    let mut hosted = Hosted::start(folder, Audits::Hidden)?;
    hosted.hire_two()?;
    for replicas in [Replicas::One, Replicas::Two] {
        prepare(&hosted, replicas)?;
        hosted.run(tasks.div_ceil(2), replicas.trust(hosted.audits()))?;
    }
    hosted.stop()
}

/// How often a task is run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Replicas {
    /// One worker's word is believed.
    One,
    /// Two must agree, each committed before.
    Two,
}

impl Replicas {
    /// The trust that takes so many, once [`prepare`] has made the workers weigh enough.
    pub(crate) fn trust(self, audits: Audits) -> u64 {
        match (self, audits) {
            (Self::One, _) => 1,
            (Self::Two, Audits::None) => TWO_REPLICAS,
            (Self::Two, Audits::Hidden) => TWO_AT_GATE,
        }
    }

    fn count(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "trust_1",
            Self::Two => "two_replicas",
        }
    }
}

fn measure_trust(
    report: &mut Report,
    folder: &Path,
    tasks: u64,
    replicas: Replicas,
    audits: Audits,
    name: &str,
) -> anyhow::Result<()> {
    let mut hosted = Hosted::start(folder, audits)?;
    hosted.hire_two()?;
    let mut all = prepare(&hosted, replicas)?;
    let (mut rates, mut processor, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..REPEATS {
        let ran = hosted.runs();
        let before = Usage::now()?;
        let wall = hosted.run(tasks, replicas.trust(audits))?;
        let spent = before.spent()?;
        let ran = hosted.runs() - ran;
        ensure!(ran >= tasks * replicas.count(), "{tasks} tasks took only {ran} runs");
        rates.push(tasks as f64 / wall.as_secs_f64());
        processor.push(1e6 * spent.own_s / tasks as f64);
        others.push(spent.others_percent());
        all += tasks;
        last = Some((spent, ran));
    }
    report.median(&format!("tasks_per_s_{name}"), &Repeats::new(rates));
    report.median(&format!("task_{name}_processor_us"), &Repeats::new(processor));
    report.median(&format!("tasks_{name}_other_programs_percent_of_a_core"), &Repeats::new(others));
    if let Some((spent, ran)) = last {
        report.figure(&format!("tasks_{name}_runs_per_task"), ran as f64 / tasks as f64);
        by_thread(report, name, &spent, tasks);
    }
    journal_of(report, &hosted.stop()?, name, all)
}

/// Compiled, connected, and as much trusted as is needed; how many tasks that took.
///
/// PoCo's weight of a worker is a third of its score, less one, and at least 2; weights of workers who agree multiply, and
/// must exceed trust − 1. A score rises only with replicated tasks: each job asks for what the two reach together.
pub(crate) fn prepare(hosted: &Hosted, replicas: Replicas) -> anyhow::Result<u64> {
    hosted.run(WARM_UP, 1)?;
    let mut all = WARM_UP;
    if let Replicas::Two = replicas {
        hosted.sell_any_trust()?;
        let proven = match hosted.audits() {
            Audits::None => PROVEN,
            Audits::Hidden => PROVEN_TO_GATE,
        };
        loop {
            let score = hosted.least_score()?;
            if score >= proven {
                break;
            }
            let weight = (score / 3).max(3) - 1;
            let tasks = score.max(5);
            hosted.run(tasks, weight * weight)?;
            all += tasks;
            ensure!(hosted.least_score()? > score, "a replicated task raises the workers' scores");
        }
        hosted.run(WARM_UP, replicas.trust(hosted.audits()))?;
        all += WARM_UP;
    }
    Ok(all)
}

/// Where the processor's time went.
fn by_thread(report: &mut Report, name: &str, spent: &Spent, tasks: u64) {
    for (thread, seconds) in &spent.threads {
        let each_us = 1e6 * seconds / tasks as f64;
        if each_us >= 1.0 {
            let thread = thread.replace([' ', '-'], "_");
            report.figure(&format!("task_{name}_thread_{thread}_us"), each_us);
        }
    }
}

/// What the journal holds of it.
fn journal_of(report: &mut Report, data: &Path, name: &str, tasks: u64) -> anyhow::Result<()> {
    forget_snapshot(data)?;
    let opened = Journal::open(data, None, |_, _, _, _| {})?;
    let bytes = fs::metadata(data.join("journal.db"))?.len();
    let each = |count: u64| count as f64 / tasks as f64;
    report.figure(&format!("task_{name}_journal_entries"), each(opened.replayed));
    report.figure(&format!("task_{name}_journal_records"), each(opened.journal.last().sequence));
    report.figure(&format!("task_{name}_journal_bytes"), each(bytes));
    Ok(())
}

/// So that the journal is replayed from its beginning.
pub(crate) fn forget_snapshot(data: &Path) -> std::io::Result<()> {
    match fs::remove_file(data.join("snapshot.cbor")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
