//! An app's own programs, run on this machine in the sandbox: the planner, the prover, the joiner.
//!
//! They may be a stranger's. They see the files that the person named and, of those beside them, what they ask for: never one
//! outside the named file's folder, and none whose name begins with a dot.

use super::Known;
use super::command::Said;
use crate::home::Home;
use anyhow::{Context as _, bail};
use client::{Folder, Tree};
use manifest::{Answer, Plan, Request, ResultOf, TaskOf};
use sandbox::{Input, Limits, Package, Program, Run, Sandbox};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::{NamedTempFile, TempDir};

/// How often a planner may ask for more files.
const ROUNDS: usize = 8;
/// The most files that it may ask for.
const MOST_FILES: usize = 100_000;
/// What a program of an app's own may use of this machine.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(600),
    memory_bytes: 4 << 30,
    output_bytes: 64 << 30,
    output_files: 1_000_000,
    stdout_bytes: 1 << 20,
};

/// Where programs are run, and where their files lie.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    sandbox: Sandbox,
    scratch: Arc<TempDir>,
}

/// A plan, and where each of its files is.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// Those that the person did not name.
    pub(crate) further: Vec<String>,
    /// Keeps what the planner wrote.
    _made: Option<TempDir>,
}

/// What a program left.
pub(crate) struct Left {
    pub(crate) folder: TempDir,
    pub(crate) files: Vec<String>,
    pub(crate) stdout: String,
}

/// What a prover says of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// It is right, and what was looked for.
    Proved,
    /// There is nothing in it to prove.
    Nothing,
    /// It is wrong.
    Wrong,
}

impl Workshop {
    pub(crate) fn open(home: &Home) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir().context("there is no room for temporary files")?;
        let sandbox = Sandbox::open(&home.compiled_folder(), &scratch.path().join("runs"))?;
        Ok(Self { sandbox, scratch: Arc::new(scratch) })
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A file for what is handed to a program.
    fn file(&self, content: &[u8]) -> anyhow::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(self.scratch.path())?;
        file.write_all(content)?;
        Ok(file)
    }

    /// The output of a run, placed in a folder of its own.
    pub(crate) fn unpack(&self, package: &Package) -> anyhow::Result<Tree> {
        Ok(match package {
            Package::File(path) => Tree::open(path)?,
            Package::Memory(bytes) => Tree::open(self.file(bytes)?.path())?,
        })
    }

    /// Runs one of an app's programs in a role. Blocks.
    fn run(
        &self,
        app: &Known,
        wasm: &str,
        (role, more): (&str, &[String]),
        request: &Request,
        inputs: impl Iterator<Item = (String, PathBuf)>,
    ) -> anyhow::Result<Left> {
        let asked = self.file(&serde_json::to_vec(request)?)?;
        let mut all = vec![Input { name: "request.json".to_owned(), file: asked.path().to_owned() }];
        all.extend(inputs.map(|(name, file)| Input { name, file }));
        let program = Program::from_bytes(app.file(wasm));
        let args = std::iter::once(role.to_owned()).chain(more.iter().cloned()).collect();
        let env = environment(request);
        let run = Run { args, env, inputs: all, limits: LIMITS, ..Run::new(program) };
        let finished = self.sandbox.run(&run)?;
        let said = |tail: &results::Tail| tail.to_string();
        if let results::Outcome::Failure(failure) = &finished.outcome {
            let words = said(&finished.stderr);
            let words = words.trim().lines().last().unwrap_or_default();
            bail!("{wasm} of the app {} could not {role}: {failure}: {}", app.manifest.name, plain(words));
        }
        let tree = self.unpack(&finished.package)?;
        let folder = tempfile::tempdir_in(self.scratch.path())?;
        let placed = Folder::new(folder.path()).place(0, &tree, None)?;
        let files = placed.into_iter().map(|placed| placed.to).collect();
        let mut stdout = Vec::new();
        tree.write_stdout(&mut stdout)?;
        Ok(Left { folder, files, stdout: String::from_utf8_lossy(&stdout).into_owned() })
    }

    /// Makes a plan, or says why there is none. Blocks.
    pub(crate) fn plan(&self, app: &Known, said: &Said) -> anyhow::Result<Planned> {
        let mut files = named(said)?;
        let own: BTreeSet<String> = files.keys().cloned().collect();
        let programs = programs(app);
        let mut request = Request::new(said.arguments.clone(), programs.clone());
        for _ in 0..ROUNDS {
            let inputs = files.iter().map(|(path, file)| (format!("files/{path}"), file.clone()));
            let left = self.run(app, &app.manifest.split, ("plan", &[]), &request, inputs)?;
            let text = std::fs::read(left.folder.path().join("plan.json"));
            let text =
                text.with_context(|| format!("the planner of the app {} left no plan.json", app.manifest.name))?;
            let at_fault = || format!("the planner of the app {} is at fault", app.manifest.name);
            match Answer::parse(&text).with_context(at_fault)? {
                Answer::Refuse(reasons) => bail!("{}", reasons.join("\n")),
                Answer::Want(wanted) => {
                    if files.len() + wanted.len() > MOST_FILES {
                        bail!("the planner of the app {} asks for too many files", app.manifest.name);
                    }
                    for path in wanted {
                        match beside(said, &path) {
                            Some(file) => drop(files.insert(path, file)),
                            None if request.missing.contains(&path) => {}
                            None => request.missing.push(path),
                        }
                    }
                }
                Answer::Plan(plan) => {
                    for path in left.files.iter().filter(|path| *path != "plan.json") {
                        files.insert(path.clone(), left.folder.path().join(path));
                    }
                    plan.check(&programs, &files.keys().cloned().collect()).with_context(at_fault)?;
                    let used: BTreeSet<String> = plan.all_files().into_iter().map(str::to_owned).collect();
                    files.retain(|path, _| used.contains(path));
                    let further = used.into_iter().filter(|path| !own.contains(path) && !left.files.contains(path));
                    let further = further.collect();
                    return Ok(Planned { plan, files, further, _made: Some(left.folder) });
                }
            }
        }
        bail!("the planner of the app {} goes on asking for files", app.manifest.name)
    }

    /// Holds one result against itself. Blocks.
    pub(crate) fn prove(
        &self,
        app: &Known,
        wasm: &str,
        arguments: &serde_json::Map<String, serde_json::Value>,
        task: TaskOf,
        files: &[(String, PathBuf)],
    ) -> anyhow::Result<Proof> {
        let request = Request { task: Some(task), ..Request::new(arguments.clone(), programs(app)) };
        let inputs = files.iter().map(|(path, file)| (format!("result/{path}"), file.clone()));
        let left = self.run(app, wasm, ("prove", app.manifest.check.args()), &request, inputs)?;
        // Whatever else it says decides nothing (docs/checkers.md).
        Ok(match left.stdout.split_whitespace().last() {
            Some("proved") => Proof::Proved,
            Some("wrong") => Proof::Wrong,
            Some(_) | None => Proof::Nothing,
        })
    }

    /// Joins all results into one. Blocks.
    pub(crate) fn join(
        &self,
        app: &Known,
        wasm: &str,
        arguments: &serde_json::Map<String, serde_json::Value>,
        memo: serde_json::Value,
        results: Vec<ResultOf>,
        root: &Path,
    ) -> anyhow::Result<Left> {
        let files: Vec<String> = results.iter().flat_map(|result| result.files.clone()).collect();
        let request = Request { results, memo, ..Request::new(arguments.clone(), programs(app)) };
        let inputs = files.into_iter().map(|path| (format!("results/{path}"), root.join(&path)));
        self.run(app, wasm, ("join", &[]), &request, inputs)
    }
}

/// The arguments once more, for programs that would rather not read JSON: `ARG_WIDTH=640`, `ARG_FRAMES=1-24`.
fn environment(request: &Request) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| match (value.as_str(), value.get("from").zip(value.get("to"))) {
        (Some(text), _) => text.to_owned(),
        (None, Some((from, to))) => format!("{from}-{to}"),
        (None, None) => value.to_string(),
    };
    let name = |name: &String| format!("ARG_{}", name.to_uppercase().replace('-', "_"));
    request.arguments.iter().map(|(own, value)| (name(own), text(value))).collect()
}

fn programs(app: &Known) -> Vec<String> {
    app.manifest.programs.iter().map(|program| program.name.clone()).collect()
}

/// The files that were named, each under its own name.
fn named(said: &Said) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for path in &said.files {
        if path.is_dir() {
            bail!("{} is a folder; name a file", path.display());
        }
        if !path.is_file() {
            bail!("there is no file {}", path.display());
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("the name of {} is not plain text", path.display()))?;
        if files.insert(name.to_owned(), path.clone()).is_some_and(|other| other != *path) {
            bail!("two files are called {name}");
        }
    }
    Ok(files)
}

/// A file that a planner asks for, if it lies below the folder of one that was named.
fn beside(said: &Said, wanted: &str) -> Option<PathBuf> {
    results::check_path(wanted).ok()?;
    if wanted.split('/').any(|name| name.starts_with('.')) {
        return None;
    }
    said.files.iter().find_map(|named| {
        let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().ok()?;
        let file = folder.join(wanted).canonicalize().ok()?;
        (file.starts_with(&folder) && file.is_file()).then_some(file)
    })
}

/// A stranger's words without what would move the cursor.
pub(crate) fn plain(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planner_gets_no_file_outside_the_named_ones_folder() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in ["own/scene.obj", "own/sub/wood.png", "own/.ssh/key", "own/.env", "secret"] {
            write(path);
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("../secret", root.path().join("own/link")).unwrap();
        let said = Said { files: vec![root.path().join("own/scene.obj")], ..Said::default() };
        assert!(beside(&said, "sub/wood.png").is_some());
        for path in ["../secret", "link", "/etc/passwd", ".env", ".ssh/key", "sub", "nothing", ""] {
            assert_eq!(beside(&said, path), None, "{path}");
        }
    }
}
