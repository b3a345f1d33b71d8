//! Wasmtime, set so that programs do the same everywhere, and the thread whose ticks end or hold them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::{Config, Engine, OptLevel, WasmBacktraceDetails};

/// How often a run looks at its limits and its owner's wishes.
const TICK: Duration = Duration::from_millis(10);
/// Stack of a program, in bytes; the calling thread needs twice as much (a Rust thread has 2 MiB).
const STACK_BYTES: usize = 1 << 20;

/// An engine whose programs can be interrupted. Everything that would let two machines differ is off.
pub(super) fn engine(canonical_nans: bool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(canonical_nans)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_relaxed_simd(false);
    Engine::new(&config)
}

/// Ticks the engines' epochs while anything runs, and sleeps while nothing does.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    closed: bool,
}

impl Ticker {
    pub(super) fn start(engines: Vec<Engine>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("sandbox ticker".to_owned()).spawn(move || theirs.tick(&engines))?;
        Ok(Self { shared })
    }

    /// Keeps the ticks coming while held.
    pub(super) fn running(&self) -> Running {
        self.shared.lock().running += 1;
        self.shared.changed.notify_all();
        Running { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn tick(&self, engines: &[Engine]) {
        loop {
            let state = self
                .changed
                .wait_while(self.lock(), |state| state.running == 0 && !state.closed)
                .unwrap_or_else(PoisonError::into_inner);
            if state.closed && state.running == 0 {
                return;
            }
            drop(state);
            std::thread::sleep(TICK);
            for engine in engines {
                engine.increment_epoch();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run that needs ticks.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.lock().running -= 1;
    }
}
