//! How long an empty program takes from `run` to its result: compiled anew, from the cache on disk, and from memory.
//!
//! `cargo run --release -p manyhands-sandbox --example start`
#![expect(clippy::print_stdout, reason = "a program that measures and prints")]

use sandbox::{Program, Run, Sandbox};
use std::error::Error;
use std::time::{Duration, Instant};

/// Starts measured from memory.
const STARTS: u32 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let open = || Sandbox::open(&folder.path().join("cache"), &folder.path().join("scratch"));
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
    let run = Run::new(Program::from_bytes(module));
    let timed = |sandbox: &Sandbox| -> Result<Duration, sandbox::RunError> {
        let began = Instant::now();
        sandbox.run(&run)?;
        Ok(began.elapsed())
    };
    println!("compiled anew   {:>10.1?}", timed(&open()?)?);
    let sandbox = open()?;
    println!("from disk       {:>10.1?}", timed(&sandbox)?);
    let mut times = (0..STARTS).map(|_| timed(&sandbox)).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    println!("from memory p50 {:>10.1?}", times[times.len() / 2]);
    println!("from memory p99 {:>10.1?}", times[times.len() * 99 / 100]);
    Ok(())
}
