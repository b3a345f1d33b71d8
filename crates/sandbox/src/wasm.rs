//! WebAssembly commands on wasmtime. The calls of WASI preview 1 are this module's own: the host's order of folders, file
//! times, error codes and entropy must not show through, or replicas would not agree.

mod calls;
mod engine;
mod files;
mod host;
mod memory;
mod modules;
mod paths;
mod process;

use crate::run::{Finished, OpenError, Package, Program, Run, RunError};
use crate::world::{Collected, Content, Stop, Tree, collect};
use engine::{Ticker, engine, pooled};
use host::Host;
use modules::{Modules, Prepared};
use results::{Failure, Outcome};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{InstancePre, PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};

/// The name a program finds as its own.
const PROGRAM_NAME: &str = "app";
/// Frames of a trap that are told.
const TOLD_FRAMES: usize = 8;

/// Starts programs. Clones share compiled programs.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    plain: Modules,
    canonical: Modules,
    ticker: Ticker,
    scratch: PathBuf,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("scratch", &self.inner.scratch).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens a sandbox that keeps compiled programs in the folder `cache` and the files of runs below the folder `scratch`.
    /// Both are made where they are not there; the cache must be this user's alone.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(cache: &Path, scratch: &Path) -> Result<Self, OpenError> {
        modules::open_cache(cache)?;
        std::fs::create_dir_all(scratch).map_err(|source| OpenError::Folder { folder: scratch.to_owned(), source })?;
        let machinery = |error: wasmtime::Error| OpenError::Machinery { detail: format!("{error:#}") };
        let modules = |canonical_nans| {
            engine(canonical_nans).and_then(|engine| Modules::new(engine, pooled(canonical_nans), cache))
        };
        let plain = modules(false).map_err(machinery)?;
        let canonical = modules(true).map_err(machinery)?;
        let ticker = Ticker::start(plain.engines().chain(canonical.engines()).cloned().collect())
            .map_err(|error| OpenError::Machinery { detail: error.to_string() })?;
        let inner = Inner { plain, canonical, ticker, scratch: scratch.to_owned() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Compiles a program ahead of its runs; gives why it cannot be run, where it cannot.
    ///
    /// # Errors
    ///
    /// [`RunError`]: `WrongProgram` or `Program`.
    pub fn prepare(&self, program: &Program, canonical_nans: bool) -> Result<Result<(), Failure>, RunError> {
        Ok(match self.modules(canonical_nans).prepare(program)? {
            Prepared::Ready(_) => Ok(()),
            Prepared::Invalid(why, _) => Err(Failure::InvalidModule(why)),
        })
    }

    /// Runs a program to its end. Blocks; call it on a thread of its own with a stack of at least 2 MiB.
    ///
    /// # Errors
    ///
    /// [`RunError`] for whatever is not the program's doing.
    pub fn run(&self, run: &Run) -> Result<Finished, RunError> {
        let modules = self.modules(run.canonical_nans);
        let ready = match modules.prepare(&run.program)? {
            Prepared::Ready(ready) => ready,
            Prepared::Invalid(why, detail) => {
                return Ok(finished_without_start(Failure::InvalidModule(why), detail));
            }
        };
        let tree = tree_of(run, &self.inner.scratch)?;
        let args = std::iter::once(PROGRAM_NAME.to_owned()).chain(run.args.iter().cloned()).collect();
        let env = run.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let host = Host::new(args, env, tree, run.seed, &run.limits, run.control.clone());
        let mut store = Store::new(ready.module().engine(), host);
        store.limiter(|host| &mut host.budget);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().tick()));
        store.set_epoch_deadline(1);
        let running = self.inner.ticker.running();
        let ended = start(&ready, &mut store);
        drop(running);
        let host = store.into_data();
        self.conclude(run, ended, host)
    }

    /// The folder below which the files of runs are.
    pub(crate) fn scratch(&self) -> &Path {
        &self.inner.scratch
    }

    fn modules(&self, canonical_nans: bool) -> &Modules {
        if canonical_nans { &self.inner.canonical } else { &self.inner.plain }
    }

    /// From how a program ended to its result.
    fn conclude(&self, run: &Run, ended: wasmtime::Result<()>, mut host: Host) -> Result<Finished, RunError> {
        let elapsed = host.watch.elapsed();
        let (stop, mut detail) = match (host.stop.take(), ended) {
            (Some(stop), _) => (stop, None),
            (None, Ok(())) => (Stop::Exit(0), None),
            (None, Err(error)) if host.budget.short || error.is::<PoolConcurrencyLimitError>() => {
                (Stop::MemoryShort, None)
            }
            (None, Err(error)) if host.budget.denied => (Stop::Fail(Failure::MemoryLimit), Some(tell(&error))),
            (None, Err(error)) if error.is::<Trap>() => (Stop::Fail(Failure::Trap), Some(tell(&error))),
            (None, Err(error)) => return Err(RunError::Machinery { detail: format!("{error:#}") }),
        };
        let collected = match stop {
            Stop::Exit(0) => {
                let Host { tree, stdout, .. } = &mut host;
                collect((run.callback, &run.control), tree, stdout, &self.inner.scratch)
            }
            stop @ (Stop::Exit(_)
            | Stop::Fail(_)
            | Stop::Cancelled
            | Stop::Input(..)
            | Stop::Scratch(_)
            | Stop::MemoryShort) => Err(stop),
        };
        let (outcome, package) = match collected {
            Ok(Collected { success, package }) => (Outcome::Success(success), package),
            Err(stop) => {
                let failure = failure_of(stop)?;
                detail.get_or_insert_with(|| failure.to_string());
                (Outcome::Failure(failure), Package::Memory(failure.encode()))
            }
        };
        Ok(Finished {
            outcome,
            package,
            stdout: host.stdout_tail,
            stderr: host.stderr_tail,
            detail,
            elapsed,
            peak_memory_bytes: host.budget.peak(),
            memory_denied: host.budget.denied,
        })
    }
}

/// Starts the program and stays with it until it ends.
fn start(ready: &InstancePre<Host>, store: &mut Store<Host>) -> wasmtime::Result<()> {
    let instance = ready.instantiate(&mut *store)?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call(store, ())
}

/// The world's files at the start of a run.
fn tree_of(run: &Run, scratch: &Path) -> Result<Tree, RunError> {
    let mut tree = Tree::new(&run.limits, scratch);
    let mut inputs: Vec<_> = run.inputs.iter().collect();
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    for input in inputs {
        let failed = |source| RunError::Input { name: input.name.clone(), source };
        results::check_path(&input.name).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let metadata = std::fs::metadata(&input.file).map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let content =
            Content::Input { name: input.name.clone(), path: input.file.clone(), length: metadata.len(), file: None };
        tree.add_input(&input.name, content).ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
    }
    Ok(tree)
}

/// The program's failure; what is not the program's doing is an error.
fn failure_of(stop: Stop) -> Result<Failure, RunError> {
    match stop {
        Stop::Exit(code) => Ok(Failure::Exit { code }),
        Stop::Fail(failure) => Ok(failure),
        Stop::Cancelled => Err(RunError::Cancelled),
        Stop::Input(name, source) => Err(RunError::Input { name, source }),
        Stop::Scratch(error) => Err(RunError::Scratch(error)),
        Stop::MemoryShort => Err(RunError::MemoryShort),
    }
}

fn finished_without_start(failure: Failure, detail: String) -> Finished {
    Finished {
        outcome: Outcome::Failure(failure),
        package: Package::Memory(failure.encode()),
        stdout: results::Tail::default(),
        stderr: results::Tail::default(),
        detail: Some(detail),
        elapsed: Duration::ZERO,
        peak_memory_bytes: 0,
        memory_denied: false,
    }
}

/// Which trap, and where.
fn tell(error: &wasmtime::Error) -> String {
    let mut words = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => format!("{:#}", error.root_cause()),
    };
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        for frame in backtrace.frames().iter().take(TOLD_FRAMES) {
            let name = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), str::to_owned);
            words.push_str("\n  in ");
            words.push_str(&name);
        }
    }
    words
}
