//! The command in its four parts: `plan`, `scan` (a task), `prove` (one result), `join` (all of them).

use kit::{Outcome, Plan, RESULT, RESULTS, Request, Task, ended, refuse};
use search::{Header, Target, scan};
use std::error::Error;
use std::fs;
use std::process::ExitCode;

/// Nonces of one task where nobody says: some seconds of one core.
const PIECE: u64 = 1 << 26;
/// What a task writes.
const HITS: &str = "hits.txt";
/// What is left of all tasks.
const FOUND: &str = "found.txt";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["plan"] => plan(),
        ["scan", header, target, from, to] => task(header, target, from, to),
        ["prove"] => prove(),
        ["join"] => join(),
        _ => Err("usage: search plan | scan HEADER TARGET FROM TO | prove | join".into()),
    };
    ended(done)
}

/// Cuts the range into pieces.
fn plan() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let header = request.text("header").unwrap_or_default();
    let parsed = header.parse::<Header>();
    let target = match (&parsed, request.text("target")) {
        (Err(error), _) => return Ok(refuse(&[error.to_string()])?),
        (Ok(_), Some(target)) => Target::parse(target),
        (Ok(header), None) => header.target(),
    };
    let target = match target {
        Ok(target) => target.show(),
        Err(error) => return Ok(refuse(&[error.to_string()])?),
    };
    let range = request.range("range").ok_or("no range was given")?;
    let piece = request.integer("piece").unwrap_or(PIECE).max(1);
    let mut plan = Plan::default();
    let mut from = range.from;
    while from <= range.to {
        let to = from.saturating_add(piece - 1).min(range.to);
        let args = ["scan".to_owned(), header.to_owned(), target.clone(), from.to_string(), to.to_string()];
        plan.tasks.push(Task { name: format!("{from}-{to}"), args: args.into(), files: Vec::new() });
        from = to + 1;
    }
    plan.say.push(format!("{} nonces to try; a hash passes up to {target}", range.to - range.from + 1));
    Ok(plan.probing_ends_and_middle().write()?)
}

/// Tries a piece's nonces. Without a hit there is no file.
fn task(header: &str, target: &str, from: &str, to: &str) -> Result<(), Box<dyn Error>> {
    let header: Header = header.parse().map_err(|error: search::BadHeader| error.to_string())?;
    let target = Target::parse(target).map_err(|error| error.to_string())?;
    let (from, to) = (from.parse()?, to.parse()?);
    let hits = scan(&header, &target, from, to);
    if !hits.is_empty() {
        let line = |nonce: u32| format!("{nonce} {}\n", Header::show(&header.hash(nonce)));
        fs::write(HITS, hits.into_iter().map(line).collect::<String>())?;
    }
    Ok(())
}

/// Holds one result's hits against the header: a double hash each.
fn prove() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let Ok(text) = fs::read_to_string(format!("{RESULT}/{HITS}")) else {
        println!("nothing");
        return Ok(());
    };
    let args = request.task_args();
    let [_, header, target, from, to] = args.as_slice() else { return Err("a task without its arguments".into()) };
    let header: Header = header.parse().map_err(|error: search::BadHeader| error.to_string())?;
    let target = Target::parse(target).map_err(|error| error.to_string())?;
    let (from, to): (u32, u32) = (from.parse()?, to.parse()?);
    let holds = |line: &str| {
        let (nonce, hash) = line.split_once(' ')?;
        let nonce: u32 = nonce.parse().ok().filter(|nonce| (from..=to).contains(nonce))?;
        let own = header.hash(nonce);
        (target.admits(&own) && Header::show(&own) == hash).then_some(())
    };
    let proved = !text.is_empty() && text.lines().all(|line| holds(line).is_some());
    println!("{}", if proved { "proved" } else { "wrong" });
    Ok(())
}

/// All hits, in the order of the nonces.
fn join() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let mut found = String::new();
    for Outcome { files, .. } in request.results() {
        for file in files.iter().filter(|file| file.ends_with(HITS)) {
            found.push_str(&fs::read_to_string(format!("{RESULTS}/{file}"))?);
        }
    }
    if found.is_empty() {
        println!("no nonce of the range passes");
    } else {
        print!("{found}");
        fs::write(FOUND, found)?;
    }
    Ok(())
}
