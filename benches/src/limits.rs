//! What limits cost a program: the same compiled loops without any, and under each of the sandbox's.
//!
//! Time is limited by an epoch that every turn of a loop compares, memory by a word with whoever grows it, which loops do not. What a program writes is
//! counted where it is written, by an addition for each call, and cannot be told from the call.

use crate::report::{Repeats, Report};
use crate::usage;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::{Config, Engine, Linker, Module, ResourceLimiter, Store, TypedFunc, UpdateDeadline};

const SOURCE: &str = include_str!("../limits/kernel.rs");
const REPEATS: usize = 5;
/// How often the sandbox's clock ticks.
const TICK: Duration = Duration::from_millis(10);
/// A program's memory at most, as the sandbox lets it have.
const MOST_BYTES: usize = 1 << 30;
/// The same of its tables.
const MOST_ELEMENTS: usize = 1 << 20;
/// Turns of each loop that are timed: some tenths of a second.
const TURNS: u32 = 200_000_000;

/// Which limits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Nothing,
    Time,
    Memory,
    Both,
    /// Time by counted instructions, which we do not do.
    Fuel,
}

const ALL: [(Kept, &str); 5] = [
    (Kept::Nothing, "nothing"),
    (Kept::Time, "time"),
    (Kept::Memory, "memory"),
    (Kept::Both, "time_and_memory"),
    (Kept::Fuel, "fuel"),
];

impl Kept {
    fn time(self) -> bool {
        matches!(self, Self::Time | Self::Both)
    }

    fn memory(self) -> bool {
        matches!(self, Self::Memory | Self::Both)
    }
}

/// Lets memory grow up to a bound.
struct Budget;

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MOST_BYTES)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MOST_ELEMENTS)
    }
}

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report
        .heading("What limits cost, processor time of loops that meet them at every turn, times those without limits");
    let module = compile(folder)?;
    let prepared = ALL.map(|(kept, name)| engine(kept, &module).map(|ready| (kept, name, ready)).map_err(told));
    let prepared = prepared.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for work in ["turns", "stores"] {
        let mut times = vec![Vec::new(); prepared.len()];
        for _ in 0..REPEATS {
            for ((kept, _, (engine, module)), times) in prepared.iter().zip(&mut times) {
                times.push(timed(*kept, engine, module, work)?);
            }
        }
        let medians: Vec<f64> = times.into_iter().map(|times| Repeats::new(times).median()).collect();
        for ((_, name, _), median) in prepared.iter().zip(&medians).skip(1) {
            report.figure(&format!("limit_{name}_{work}_ratio"), median / medians[0]);
        }
        report.figure(&format!("limit_nothing_{work}_ns"), 1e9 * medians[0] / f64::from(TURNS));
    }
    Ok(())
}

fn engine(kept: Kept, module: &[u8]) -> wasmtime::Result<(Engine, Module)> {
    let mut config = Config::new();
    config.epoch_interruption(kept.time()).consume_fuel(kept == Kept::Fuel);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, module)?;
    Ok((engine, module))
}

/// An error of the engine's, which is none of the standard library's.
fn told(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// A new instance, and one of its loops.
fn instance(
    kept: Kept,
    engine: &Engine,
    module: &Module,
    work: &str,
) -> wasmtime::Result<(Store<Budget>, TypedFunc<u32, u64>)> {
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(module)?;
    let mut store = Store::new(engine, Budget);
    if kept.time() {
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        store.set_epoch_deadline(1);
    }
    if kept.memory() {
        store.limiter(|budget| budget);
    }
    if kept == Kept::Fuel {
        store.set_fuel(u64::MAX)?;
    }
    let called = linker.instantiate(&mut store, module)?.get_typed_func(&mut store, work)?;
    Ok((store, called))
}

/// Processor seconds of so many turns.
fn timed(kept: Kept, engine: &Engine, module: &Module, work: &str) -> anyhow::Result<f64> {
    let (mut store, called) = instance(kept, engine, module, work).map_err(told)?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while kept.time() && !over.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                engine.increment_epoch();
            }
        });
        let before = usage::thread_s();
        let found = called.call(&mut store, TURNS);
        let after = usage::thread_s();
        over.store(true, Ordering::Relaxed);
        found.map_err(told)?;
        Ok(after? - before?)
    })
}

fn compile(folder: &Path) -> anyhow::Result<Vec<u8>> {
    fs::create_dir_all(folder)?;
    let (source, module) = (folder.join("kernel.rs"), folder.join("kernel.wasm"));
    fs::write(&source, SOURCE)?;
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--target", "wasm32-wasip1", "-O", "--cap-lints"]);
    let output = command.arg("allow").arg("-o").arg(&module).arg(&source).output().context("rustc can be started")?;
    ensure!(output.status.success(), "the loops do not compile: {}", String::from_utf8_lossy(&output.stderr));
    Ok(fs::read(&module)?)
}
