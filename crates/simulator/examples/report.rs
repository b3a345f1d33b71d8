//! `cargo xtask simulate --report FILE`: the figures of docs/simulation.md as one flat JSON object.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person or the log that ran it")]
#![expect(clippy::disallowed_types, reason = "how long it takes is real time; what is simulated has only its own")]

use simulator::report::{Cell, Found, Size, cells, figures};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const HELP: &str = "\
Figures of large fleets, in under 20 minutes on 2 cores.

cargo xtask simulate --report FILE             writes them as a flat JSON object
cargo xtask simulate --report FILE --tenth     with a tenth of the jobs, in minutes
cargo xtask simulate --report FILE --quick     a look at everything, in seconds
cargo xtask simulate --report FILE --only WORD runs whose name contains the word
                     --markdown FILE           also as tables: into the marked places of FILE, or a new FILE
                     --from FILE               figures of an earlier run, which this one's are added to

cargo xtask simulate --from FILE --markdown docs/simulation.md     fills the tables and runs nothing

Exit code: 0, or 2 for a wrong command or a file that cannot be read or written.
";
const TEMPLATES: &str = include_str!("../tables.md");
/// Runs at once.
const LANES: usize = 2;

struct Errand {
    file: Option<String>,
    markdown: Option<String>,
    /// Files of earlier runs.
    from: Vec<String>,
    size: Size,
    only: String,
    /// Only the simulated day, its figures to standard output: a process of its own, so that its memory is its own.
    day: bool,
}

fn errand() -> Option<Errand> {
    let (from, only) = (Vec::new(), String::new());
    let mut errand = Errand { file: None, markdown: None, from, size: Size::Full, only, day: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--report" => errand.file = Some(words.next()?),
            "--markdown" => errand.markdown = Some(words.next()?),
            "--from" => errand.from.push(words.next()?),
            "--quick" => errand.size = Size::Quick,
            "--tenth" => errand.size = Size::Tenth,
            "--only" => errand.only = words.next()?,
            "--day" => errand.day = true,
            _ => return None,
        }
    }
    let fills = errand.markdown.is_some() && !errand.from.is_empty();
    (errand.file.is_some() || fills || errand.day).then_some(errand)
}

fn main() -> ExitCode {
    let Some(errand) = errand() else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    let chosen: Vec<Cell> = cells(errand.size)
        .into_iter()
        .filter(|cell| if errand.day { cell.is_day() } else { cell.name().contains(&errand.only) })
        .collect();
    if errand.day {
        for (name, figure) in day(&chosen) {
            println!("{name} {figure}");
        }
        return ExitCode::SUCCESS;
    }
    if let Err(words) = report(&errand, &chosen) {
        eprintln!("error: {words}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

/// Runs what is to be run, and writes it down.
fn report(errand: &Errand, chosen: &[Cell]) -> Result<(), String> {
    let mut all = before(&errand.from)?;
    if let Some(file) = &errand.file {
        let begun = Instant::now();
        all.extend(run(chosen, errand.size));
        all.insert("report_wall_s".to_owned(), begun.elapsed().as_secs_f64());
        all.insert("report_runs".to_owned(), chosen.len() as f64);
        all.insert("report_runs_in_all".to_owned(), cells(Size::Full).len() as f64);
        let json = to_json(&all);
        print!("{json}");
        std::fs::write(file, json).map_err(|error| format!("{file} could not be written: {error}"))?;
    }
    let Some(file) = &errand.markdown else { return Ok(()) };
    let value = |name: &str| all.get(name).copied();
    let document = std::fs::read_to_string(file).unwrap_or_default();
    let filled = if tables::has_tables(&document) {
        tables::refresh(&document, TEMPLATES, value)
    } else {
        tables::all(TEMPLATES, value)
    };
    std::fs::write(file, filled).map_err(|error| format!("{file} could not be written: {error}"))
}

/// The figures of earlier runs; of two files that have one, the later's.
fn before(files: &[String]) -> Result<BTreeMap<String, f64>, String> {
    let mut figures = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file} could not be read: {error}"))?;
        let object: BTreeMap<String, f64> =
            serde_json::from_str(&text).map_err(|error| format!("{file} is no flat object of figures: {error}"))?;
        figures.extend(object);
    }
    Ok(figures)
}

/// All runs, two at a time.
fn run(chosen: &[Cell], size: Size) -> BTreeMap<String, f64> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Found)>> = Mutex::new(Vec::new());
    let scale: Mutex<BTreeMap<String, f64>> = Mutex::new(BTreeMap::new());
    let lane = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = chosen.get(number) else { return };
            let begun = Instant::now();
            let words = if cell.is_day() {
                scale.lock().expect("no lane panics").extend(day_apart(size));
                String::new()
            } else {
                let outcome = cell.run();
                found.lock().expect("no lane panics").push((number, outcome));
                outcome.to_string()
            };
            let (of, took, name) = (chosen.len(), begun.elapsed().as_secs_f64(), cell.name());
            eprintln!("{:4}/{of} {took:7.1} s  {name}: {words}", number + 1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
    let mut found = found.into_inner().expect("no lane panics");
    found.sort_by_key(|(number, _)| *number);
    let found: Vec<Found> = found.into_iter().map(|(_, found)| found).collect();
    let mut all = figures(&found);
    all.extend(scale.into_inner().expect("no lane panics"));
    all
}

/// The simulated day in a process of its own.
fn day_apart(size: Size) -> BTreeMap<String, f64> {
    let this = std::env::current_exe().expect("a program knows where it is");
    let mut command = Command::new(this);
    command.arg("--day");
    match size {
        Size::Full => {}
        Size::Tenth => drop(command.arg("--tenth")),
        Size::Quick => drop(command.arg("--quick")),
    }
    let said = command.output().expect("a program can be started again");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, it)| Some((name.to_owned(), it.parse().ok()?)))
        .collect()
}

/// The simulated day in this process, with what it took.
fn day(cells: &[Cell]) -> BTreeMap<String, f64> {
    let begun = Instant::now();
    let found: Vec<Found> = cells.iter().map(Cell::run).collect();
    let wall = begun.elapsed().as_secs_f64();
    let mut all = figures(&found);
    all.retain(|name, _| name.starts_with("scale_"));
    let events = all.get("scale_events").copied().unwrap_or_default();
    all.insert("scale_wall_s".to_owned(), wall);
    all.insert("scale_events_per_s".to_owned(), events / wall);
    if let Some(memory) = peak_memory_mib() {
        all.insert("scale_peak_memory_mib".to_owned(), memory);
    }
    all
}

/// The most memory that this process had, where the system says.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((kib / 1_024.0).round())
}

fn to_json(figures: &BTreeMap<String, f64>) -> String {
    let mut json = String::from("{\n");
    for (number, (name, figure)) in figures.iter().enumerate() {
        let comma = if number + 1 < figures.len() { "," } else { "" };
        let figure = if figure.is_finite() { *figure } else { 0.0 };
        writeln!(json, "  \"{name}\": {figure}{comma}").expect("a string takes all");
    }
    json.push_str("}\n");
    json
}
