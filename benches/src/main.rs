//! How fast it is: a plain program, not timed tests. `cargo xtask bench --help` says how to use it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are printed for the person who asked")]

mod alone;
mod apart;
mod compute;
mod crowd;
mod cycles;
mod depth;
mod floors;
mod growth;
mod hosted;
mod latency;
mod limits;
mod matching;
mod metg;
mod placing;
mod plot;
mod recording;
mod recovery;
mod replay;
mod report;
mod signatures;
mod spin;
mod starts;
mod tables;
mod transfers;
mod usage;

use anyhow::{Context as _, bail};
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use usage::Usage;

/// A bench: its name, what it measures, the longest that it may take in seconds, how.
type Bench = (&'static str, &'static str, u64, fn(&mut Report, &Path, u64) -> anyhow::Result<()>);

const BENCHES: &[Bench] = &[
    ("floors", "hashes, a durable write, a WebSocket's round trip", 60, |report, folder, _| {
        floors::measure(report, folder)
    }),
    ("orders", "signed orders checked a second", 60, |report, _, _| {
        signatures::measure(report);
        Ok(())
    }),
    ("placing", "signed orders a second through HTTP", 90, |report, folder, _| placing::measure(report, folder)),
    ("matching", "matches against 10,000 resting orders", 60, |report, _, _| {
        matching::measure(report);
        Ok(())
    }),
    ("depth", "searches and explanations with a million resting offers", 120, |report, _, _| {
        depth::measure(report);
        Ok(())
    }),
    ("starts", "the server ready in an empty folder", 60, |report, folder, _| starts::server(report, folder)),
    ("wasm", "start of a WebAssembly task", 60, |report, folder, _| starts::measure(report, folder)),
    ("compute", "programs native and in the sandbox", 150, |report, folder, _| compute::measure(report, folder)),
    ("limits", "what a program's limits cost it", 90, |report, folder, _| limits::measure(report, folder)),
    ("recovery", "a long journal played again", 180, |report, folder, _| recovery::measure(report, folder, false)),
    (BY_NAME_ALONE, "ten million entries recovered through a snapshot (minutes, 4 GB)", 900, |report, folder, _| {
        recovery::measure(report, folder, true)
    }),
    ("replay", "a journal played again, and records appended", 150, replay::measure),
    ("transfers", "files up and down, near and far", 150, |report, folder, _| transfers::measure(report, folder)),
    ("cycles", "whole tasks a second through the server", 200, cycles::measure),
    ("latency", "from submit to running and to the result", 120, |report, folder, _| latency::measure(report, folder)),
    ("growth", "memory and cost of a task, by queued and finished tasks and connected workers", 300, growth::measure),
    (
        "metg",
        "what a task costs, beside Ray, Dask, HyperQueue and Celery, which are installed from PyPI",
        900,
        metg::measure,
    ),
];

/// Takes long, and runs only where it is named.
const BY_NAME_ALONE: &str = "recovery-10m";

/// Tasks in a job, if the command line does not say.
const TASKS: u64 = 10_000;
/// What all benches may take together.
const ALL_WITHIN: Duration = Duration::from_secs(25 * 60);

const HELP: &str = "\
Measures how fast it is, and prints figures with their units.

cargo xtask bench                          every bench
cargo xtask bench cycles wasm              only these
cargo xtask bench --json FILE              also as a flat JSON object
cargo xtask bench --markdown FILE          also as tables: into the marked places of FILE, or a new FILE
cargo xtask bench --pictures DIR           also pictures, in SVG
cargo xtask bench --from FILE …            with the figures of a JSON object from before; alone, nothing is measured
cargo xtask bench cycles --tasks 2000      jobs of so many tasks (10000)
cargo xtask bench --folder DIR             data folders are made there, for a disk of your choice (the system's
                                           temporary folder)

Benches:
";

struct Options {
    benches: Vec<Bench>,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
    pictures: Option<PathBuf>,
    /// Figures from before.
    from: Vec<PathBuf>,
    folder: Option<PathBuf>,
    tasks: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|word| matches!(word.as_str(), "help" | "--help" | "-h")) {
        print!("{HELP}");
        for (name, about, limit, _) in BENCHES {
            println!("  {name:12} {about} (stopped after {limit} s)");
        }
        return ExitCode::SUCCESS;
    }
    if let [apart::SERVE, folder] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return ended(apart::serve(Path::new(folder)));
    }
    if let [first, words @ ..] = &arguments[..]
        && first == alone::ALONE
    {
        return ended(options(words).and_then(|options| measure_one(&options)));
    }
    ended(options(&arguments).and_then(|options| run(&options)))
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options {
        benches: Vec::new(),
        json: None,
        markdown: None,
        pictures: None,
        from: Vec::new(),
        folder: None,
        tasks: TASKS,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--json" => options.json = Some(value()?.into()),
            "--markdown" => options.markdown = Some(value()?.into()),
            "--pictures" => options.pictures = Some(value()?.into()),
            "--from" => options.from.push(value()?.into()),
            "--folder" => options.folder = Some(value()?.into()),
            "--tasks" => options.tasks = value()?.parse().context("--tasks takes a number")?,
            name => {
                let bench = BENCHES.iter().find(|(known, ..)| *known == name);
                options.benches.push(*bench.with_context(|| format!("no bench is named `{name}`; see --help"))?);
            }
        }
    }
    if options.tasks == 0 {
        bail!("--tasks is at least 1");
    }
    if options.benches.is_empty() && options.from.is_empty() {
        options.benches = BENCHES.iter().filter(|(name, ..)| *name != BY_NAME_ALONE).copied().collect();
    }
    Ok(options)
}

fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = before(&options.from)?;
    let failed = if options.benches.is_empty() {
        // Each bench draws its own; those of figures from before are drawn here.
        metg::draw(&mut report);
        growth::draw(&mut report);
        draw(options, &report)?;
        Vec::new()
    } else {
        measure(options, &mut report)?
    };
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&report.to_json())?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &options.markdown {
        let document = std::fs::read_to_string(file).unwrap_or_default();
        let filled = ::tables::has_tables(&document).then(|| tables::refresh(&document, &report));
        std::fs::write(file, filled.unwrap_or_else(|| tables::all(&report)))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The figures of earlier runs.
fn before(files: &[PathBuf]) -> anyhow::Result<Report> {
    let mut figures = serde_json::Map::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let object: serde_json::Map<_, _> =
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON object", file.display()))?;
        figures.extend(object);
    }
    Ok(Report::from_json(figures))
}

/// Runs the benches, each in a process of its own and within its limit; which of them failed.
fn measure(options: &Options, report: &mut Report) -> anyhow::Result<Vec<&'static str>> {
    if cfg!(debug_assertions) {
        bail!("an unoptimized build measures nothing; use `cargo xtask bench`");
    }
    let parent = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&parent).with_context(|| format!("no folder in {}", parent.display()))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{cores} cores; data folders in {}", parent.display());
    let (began, mut failed) = (Instant::now(), Vec::new());
    for (name, _, limit, _) in &options.benches {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place)?;
        let mut words = vec![(*name).to_owned(), "--tasks".to_owned(), options.tasks.to_string()];
        words.extend(["--folder".to_owned(), place.display().to_string()]);
        if let Some(pictures) = &options.pictures {
            words.extend(["--pictures".to_owned(), pictures.display().to_string()]);
        }
        let limit = Duration::from_secs(*limit).min(ALL_WITHIN.saturating_sub(began.elapsed()));
        let figures = folder.path().join(format!("{name}.json"));
        // One that fails does not take the others' figures along.
        if let Err(error) = alone::run(report, &words, &figures, limit) {
            eprintln!("error: bench {name}: {error:#}");
            failed.push(*name);
        }
        // Data folders of the benches before take no room.
        drop(std::fs::remove_dir_all(&place));
    }
    Ok(failed)
}

/// Runs one bench in this process; its figures are in the file as soon as they are taken.
fn measure_one(options: &Options) -> anyhow::Result<()> {
    let (Some((name, _, _, measure)), Some(folder)) = (options.benches.first(), &options.folder) else {
        bail!("one bench and its folder are named");
    };
    let mut report = Report::default();
    report.keep_in(options.json.clone());
    let before = Usage::now()?;
    measure(&mut report, folder, options.tasks)?;
    let spent = before.spent()?;
    let (others, seconds) = (spent.others_percent(), spent.wall_s);
    report.remark(&format!("{name} took {seconds:.0} s; other programs used {others:.0} % of a core meanwhile"));
    draw(options, &report)
}

/// The pictures that were made of the figures.
fn draw(options: &Options, report: &Report) -> anyhow::Result<()> {
    if let Some(folder) = &options.pictures {
        std::fs::create_dir_all(folder)?;
        for (name, svg) in report.pictures() {
            std::fs::write(folder.join(name), svg)?;
        }
    }
    Ok(())
}
