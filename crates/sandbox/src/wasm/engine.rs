//! Wasmtime, set so that programs do the same everywhere, and the thread whose ticks end or hold them.

use super::host::TABLE_ENTRIES;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, OptLevel, PoolingAllocationConfig, WasmBacktraceDetails};

/// How often a run looks at its limits and its owner's wishes.
const TICK: Duration = Duration::from_millis(10);
/// Stack of a program, in bytes; the calling thread needs twice as much (a Rust thread has 2 MiB).
const STACK_BYTES: usize = 1 << 20;

/// What a program's memory keeps of the host's from one run to the next, in bytes: what is rewritten is cheaper than what is
/// given back and faulted in anew.
const KEEP_BYTES: usize = 1 << 20;

/// Memories that stay so for as many programs.
const WARM_SLOTS: u32 = 16;

/// An engine whose programs can be interrupted. Everything that would let two machines differ is off.
pub(super) fn engine(canonical_nans: bool) -> wasmtime::Result<Engine> {
    Engine::new(&config(canonical_nans))
}

/// The same, with memories and tables that are mapped once and used again: for programs of one memory of 32 bits and one
/// table at most. It runs the other engine's compiled code. None where the system does not give it the addresses.
pub(super) fn pooled(canonical_nans: bool) -> Option<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // No program that fits is refused for its size: what is beyond these bounds no engine runs.
    pool.table_elements(TABLE_ENTRIES).max_core_instance_size(1 << 30).table_keep_resident(KEEP_BYTES);
    pool.max_unused_warm_slots(WARM_SLOTS);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEEP_BYTES);
    }
    let mut config = config(canonical_nans);
    config.allocation_strategy(pool);
    Engine::new(&config).ok()
}

fn config(canonical_nans: bool) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(canonical_nans)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // What only debuggers and places within a function need: each start from disk would read and register it.
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows))
        .wasm_relaxed_simd(false);
    config
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
