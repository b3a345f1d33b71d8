//! `cargo xtask simulate`: seeds from the command line, one line each, and what they find.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person or the log that ran it")]
#![expect(clippy::disallowed_types, reason = "how long to go on is real time; the simulation itself has only its own")]

use simulator::{Report, simulate};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
A whole market under one seed, until something is found.

cargo xtask simulate --seed N          one seed
cargo xtask simulate --seeds A..B      these, B not included
cargo xtask simulate --minutes M       seeds from 0 on (or from A, with --from A), for so long
                     --quiet           says only what was found
cargo xtask simulate --report FILE     figures of large fleets; with --quick, a look at everything in seconds
cargo xtask simulate --from FILE --markdown docs/simulation.md   its tables, from such a file

Exit code: 0 if nothing was found, 1 if something was, 2 for a wrong command.
";

/// Which seeds, and for how long.
struct Errand {
    seeds: std::ops::Range<u64>,
    time: Option<Duration>,
    quiet: bool,
}

fn errand(words: &[String]) -> Option<Errand> {
    let mut errand = Errand { seeds: 0..0, time: None, quiet: false };
    let mut from = 0;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--quiet" => errand.quiet = true,
            "--seed" => {
                let seed: u64 = words.next()?.parse().ok()?;
                errand.seeds = seed..seed.checked_add(1)?;
            }
            "--seeds" => {
                let (first, end) = words.next()?.split_once("..")?;
                errand.seeds = first.parse().ok()?..end.parse().ok()?;
            }
            "--minutes" => errand.time = Some(Duration::from_secs(words.next()?.parse::<u64>().ok()?.checked_mul(60)?)),
            "--from" => from = words.next()?.parse().ok()?,
            _ => return None,
        }
    }
    if errand.time.is_some() && errand.seeds.is_empty() {
        errand.seeds = from..u64::MAX;
    }
    (!errand.seeds.is_empty()).then_some(errand)
}

fn tell(report: &Report, took: Duration, quiet: bool) {
    let figures = report.figures;
    if let Some(finding) = &report.finding {
        println!("seed {}: FOUND  {}: {}", report.seed, finding.rule, finding.detail);
        for step in &finding.steps {
            println!("    {step}");
        }
        if !finding.life.is_empty() {
            println!("  the task's life:");
        }
        for step in &finding.life {
            println!("    {step}");
        }
        println!("    again: cargo xtask simulate --seed {}", report.seed);
    } else if !quiet {
        println!(
            "seed {}: {} deals ({} of a guest's pool, {} with data, {} made by requesters), {} ratings, {} tasks done ({} wrong), {} claimed, {} barred, {} restarts, {} entries, {} steps, {} virtual min, {} ms",
            report.seed,
            figures.deals,
            figures.guests_deals,
            figures.data_deals,
            figures.own_deals,
            figures.ratings,
            figures.finished,
            figures.wrong,
            figures.claimed,
            figures.barred,
            figures.restarts,
            figures.entries,
            figures.steps,
            figures.elapsed_ms / 60_000,
            took.as_millis(),
        );
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() || words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let Some(errand) = errand(&words) else {
        eprintln!("error: that is no errand for the simulator\n\n{HELP}");
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    let (mut lived, mut found, mut longest) = (0_u64, Vec::new(), Duration::ZERO);
    for seed in errand.seeds {
        if errand.time.is_some_and(|time| begun.elapsed() >= time) {
            break;
        }
        let start = Instant::now();
        let report = simulate(seed);
        longest = longest.max(start.elapsed());
        tell(&report, start.elapsed(), errand.quiet);
        lived += 1;
        if report.finding.is_some() {
            found.push(seed);
        }
    }
    println!("{lived} seeds, {} with findings {found:?}, longest {} ms", found.len(), longest.as_millis());
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
