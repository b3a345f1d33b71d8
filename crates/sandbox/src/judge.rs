//! Judging results of programs that are not bit-exact: a *checker* says whether two results of a task are as good as equal, a
//! *prover* whether one result is right by itself.
//!
//! A judge is a WebAssembly command in the sandbox as any other: what it sees and when it ends depends on the module, its
//! arguments and the results alone, so whoever distrusts a verdict runs it again (`docs/checkers.md` has the contract). Invariants:
//! a judge that crashes, passes a limit, or says none of the words has decided nothing; so has one that is given what is no
//! result's encoding. Only a word that is said counts for or against anybody.

use crate::control::Control;
use crate::run::{Finished, Input, Limits, Program, Run, RunError};
use crate::wasm::Sandbox;
use results::{Decoder, Event, Failure, Outcome};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a judge may take: results are compared in seconds, or by nobody.
pub const JUDGE_TIME: Duration = Duration::from_mins(1);
/// What a judge may use.
const LIMITS: Limits =
    Limits { time: JUDGE_TIME, memory_bytes: 1 << 30, output_bytes: 1 << 20, output_files: 16, stdout_bytes: 64 << 10 };
/// The largest result that is judged.
const RESULT: results::Limits = results::Limits { entries: 10_000, content_bytes: 1 << 30 };
/// A result is read in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// One question to a judge.
#[derive(Clone, Debug)]
pub struct Case {
    /// The judge.
    pub judge: Program,
    /// What its app has it told beside: bounds, say.
    pub args: Vec<String>,
    /// The arguments of the task.
    pub task_args: Vec<String>,
    /// The task's own input files, under the names that the task saw below `/iexec_in`.
    pub inputs: Vec<Input>,
    /// The result that is judged: its encoding, in a file.
    pub result: PathBuf,
    /// The result that it is held against; none: it is to be proved by itself.
    pub other: Option<PathBuf>,
    /// How long the judge may take: [`JUDGE_TIME`], but in tests.
    pub time: Duration,
    /// The owner's hand on the run.
    pub control: Control,
}

/// What a judge found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `equal` or `proved`: as good as the other, or right.
    Good,
    /// `different` or `wrong`.
    Wrong,
    /// Nothing that counts for or against anybody, and why.
    Open(Open),
}

/// Why a judge decided nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It said so: `inconclusive`, or `nothing` where a result has nothing that could be proved.
    Said,
    /// It failed.
    Failed(Failure),
    /// Its last word is none of those it may say.
    NoWord,
    /// A result is no encoding of a tree, or too large: a program's failure, for instance.
    NoTree,
}

impl Sandbox {
    /// Has a judge answer. Blocks; call it on a thread of its own with a stack of at least 2 MiB.
    ///
    /// # Errors
    ///
    /// [`RunError`] for whatever is not the judge's doing: nothing is known then.
    pub fn judge(&self, case: &Case) -> Result<Verdict, RunError> {
        let folder = TempDir::new_in(self.scratch()).map_err(RunError::Scratch)?;
        let mut unpacked = Unpacked { folder: folder.path(), inputs: Vec::new(), hash: Sha256::new() };
        let mut are_trees = unpacked.result(&case.result, "result")?;
        if let Some(other) = &case.other {
            are_trees &= unpacked.result(other, "other")?;
        }
        if !are_trees {
            return Ok(Verdict::Open(Open::NoTree));
        }
        unpacked.request(&case.task_args)?;
        for Input { name, file } in &case.inputs {
            unpacked.inputs.push(Input { name: format!("inputs/{name}"), file: file.clone() });
        }
        let role = if case.other.is_some() { "check" } else { "prove" };
        let run = Run {
            args: std::iter::once(role.to_owned()).chain(case.args.iter().cloned()).collect(),
            inputs: unpacked.inputs,
            limits: Limits { time: case.time, ..LIMITS },
            seed: unpacked.hash.finalize().into(),
            control: case.control.clone(),
            ..Run::new(case.judge.clone())
        };
        Ok(verdict(&self.run(&run)?, case.other.is_some()))
    }
}

/// What the judge is to see.
struct Unpacked<'a> {
    folder: &'a Path,
    inputs: Vec<Input>,
    /// Over the results: what the judge's randomness is made from.
    hash: Sha256,
}

impl Unpacked<'_> {
    /// Unpacks a result under a name; false where it is no tree, or too large.
    fn result(&mut self, package: &Path, under: &str) -> Result<bool, RunError> {
        let unread = |source| RunError::Input { name: under.to_owned(), source };
        let mut package = File::open(package).map_err(unread)?;
        let mut decoder = Decoder::new(RESULT);
        let mut piece = vec![0; PIECE];
        let mut file: Option<File> = None;
        loop {
            let read = package.read(&mut piece).map_err(unread)?;
            let mut bytes = piece.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            loop {
                match decoder.push(&mut bytes) {
                    Ok(None) => break,
                    Ok(Some(Event::Stdout { .. })) => file = Some(self.file(format!("{under}.stdout"))?),
                    Ok(Some(Event::File { path, .. })) => file = Some(self.file(format!("{under}/{path}"))?),
                    Ok(Some(Event::Content(content))) => {
                        let file = file.as_mut().expect("content follows the entry it is of");
                        file.write_all(content).map_err(RunError::Scratch)?;
                    }
                    Ok(Some(Event::End)) => file = None,
                    Err(_) => return Ok(false),
                }
            }
        }
        let digest = decoder.finish();
        if let Ok(digest) = &digest {
            self.hash.update(digest.0);
        }
        Ok(digest.is_ok())
    }

    /// A file that the judge will see under this name. Here it has a number: names of strangers name nothing on the host.
    fn file(&mut self, name: String) -> Result<File, RunError> {
        let path = self.folder.join(self.inputs.len().to_string());
        let file = File::create_new(&path).map_err(RunError::Scratch)?;
        self.inputs.push(Input { name, file: path });
        Ok(file)
    }

    /// What was asked of the task.
    fn request(&mut self, task_args: &[String]) -> Result<(), RunError> {
        let request = serde_json::json!({ "version": 1, "task": { "args": task_args } });
        let mut file = self.file("request.json".to_owned())?;
        serde_json::to_writer(&mut file, &request).map_err(|error| RunError::Scratch(io::Error::from(error)))
    }
}

/// The last word that a judge printed.
fn verdict(finished: &Finished, compares: bool) -> Verdict {
    if let Outcome::Failure(failure) = finished.outcome {
        return Verdict::Open(Open::Failed(failure));
    }
    let said = finished.stdout.to_string();
    match (said.split_whitespace().next_back(), compares) {
        (Some("equal"), true) | (Some("proved"), false) => Verdict::Good,
        (Some("different"), true) | (Some("wrong"), false) => Verdict::Wrong,
        (Some("inconclusive"), _) | (Some("nothing"), false) => Verdict::Open(Open::Said),
        (Some(_) | None, _) => Verdict::Open(Open::NoWord),
    }
}
