//! Results joined into the folder that they lie in, and what was joined held against the app's own check.

use super::Known;
use super::planner::{Left, Workshop, plain};
use super::program::Runs;
use crate::exit::hinted;
use crate::home::Home;
use crate::terminal::{note, say};
use agent::OwnTask;
use anyhow::Context as _;
use client::Client;
use manifest::{Joined, ResultOf};
use sandbox::{Control, Input, Limits};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// What a check of what was joined may use of this machine.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(6 * 3600),
    memory_bytes: 4 << 30,
    output_bytes: 1 << 30,
    output_files: 10_000,
    stdout_bytes: 1 << 20,
};
/// Lines that are shown of a check.
const SHOWN: usize = 20;

/// What is to be joined.
pub(super) struct ToJoin {
    pub(super) app: Known,
    /// The joiner.
    pub(super) wasm: String,
    pub(super) arguments: Map<String, Value>,
    /// What the planner left for the joiner to know.
    pub(super) memo: Value,
    pub(super) results: Vec<ResultOf>,
    pub(super) out: PathBuf,
    /// The program that the plan named.
    pub(super) program: Option<String>,
}

/// Joins results; what the joiner says is what the command prints.
///
/// What was joined is checked by the operator's image too, at an exchange where there is a `client`.
pub(super) async fn join(home: &Home, what: ToJoin, client: Option<&Client>) -> anyhow::Result<()> {
    let workshop = Workshop::open(home)?;
    let (app, out, program) = (what.app.clone(), what.out.clone(), what.program.clone());
    let own = workshop.clone();
    let left = tokio::task::spawn_blocking(move || {
        let ToJoin { app, wasm, arguments, memo, results, out, .. } = what;
        let mut left = own.join(&app, &wasm, &arguments, memo, results, &out)?;
        left.files.retain(|file| file != manifest::JOINED);
        for file in &left.files {
            let target = out.join(file);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let copied = std::fs::copy(left.folder.path().join(file), &target);
            copied.with_context(|| format!("cannot write {}", target.display()))?;
        }
        anyhow::Ok(left)
    });
    let left = left.await??;
    match left.files.as_slice() {
        [] => {}
        [file] => note(format_args!("joined: {}", out.join(file).display())),
        files => note(format_args!("joined: {} files in {}", files.len(), out.display())),
    }
    left.stdout.lines().for_each(|line| say(plain(line)));
    Box::pin(check(home, &app, program.as_deref(), &workshop, left, client)).await
}

/// Runs the check that the manifest names over what was joined, where this machine can run it.
async fn check(
    home: &Home,
    app: &Known,
    program: Option<&str>,
    workshop: &Workshop,
    left: Left,
    client: Option<&Client>,
) -> anyhow::Result<()> {
    let file = left.folder.path().join(manifest::JOINED);
    if app.manifest.join_check.is_empty() || !file.exists() {
        return Ok(());
    }
    let joined = Joined::parse(&std::fs::read(&file)?)
        .with_context(|| format!("the joiner of the app {} is at fault", app.manifest.name))?;
    let ready = async { Runs::of(home, app, program)?.here_or_of(home, app, workshop.sandbox(), client).await };
    let engine = match ready.await {
        Ok(engine) => engine,
        Err(error) => {
            note(format_args!("what was joined is not checked here: {error:#}"));
            return Ok(());
        }
    };
    let args = app.manifest.join_check.iter().chain(&joined.check).cloned().collect();
    let input = |name: &String| Input { name: name.clone(), file: left.folder.path().join(name) };
    let inputs = left.files.iter().map(input).collect();
    let task = OwnTask { args, env: Vec::new(), inputs, limits: LIMITS, control: Control::new() };
    // The folder with what was joined is there until the run is over.
    let (finished, _left) = tokio::task::spawn_blocking(move || (engine.run(task), left)).await?;
    let finished = finished?;
    let (said, complaints) = (finished.stdout.to_string(), finished.stderr.to_string());
    if let results::Outcome::Failure(failure) = &finished.outcome {
        return Err(failed(&format!("{failure}: {complaints}")));
    }
    if !complaints.trim().is_empty() {
        return Err(failed(&complaints));
    }
    note("what was joined has passed its check");
    said.trim().lines().take(SHOWN).for_each(|line| note(format_args!("  {}", plain(line))));
    Ok(())
}

fn failed(words: &str) -> anyhow::Error {
    let words: Vec<String> = words.trim().lines().take(SHOWN).map(plain).collect();
    hinted(
        format!("what was joined does not pass its check: {}", words.join("\n")),
        "results are in their folder all the same; `hands job watch` joins and checks again",
    )
}
