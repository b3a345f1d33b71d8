//! How long the server takes until it is ready, and how long a WebAssembly task that does nothing takes from `run` to its result,
//! the compiled module at hand or on disk.

use crate::apart::Serving;
use crate::report::{Repeats, Report, micros, millis};
use anyhow::{Context as _, ensure};
use results::Outcome;
use sandbox::{Program, Run, Sandbox};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

const FROM_MEMORY: u32 = 3_000;
const FROM_DISK: u32 = 60;
const FOUNDED: u32 = 20;

/// From the start of a process until its server answers, the data folder empty.
pub(crate) fn server(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading("Start of the server in an empty folder, its process with it");
    let mut times = Vec::new();
    for number in 0..FOUNDED {
        let data = folder.join(number.to_string());
        let began = Instant::now();
        let mut process = Serving::from(&data)?;
        let url = process.line()?;
        let address = url.strip_prefix("http://").context("a server without certificates")?;
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "the server is ready: {answer}");
        times.push(millis(began.elapsed()));
    }
    report.tail("server_ready_in_empty_folder", "ms", &Repeats::new(times));
    Ok(())
}

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading("Start of a WebAssembly task (run to result, one core)");
    let open = || Sandbox::open(&folder.join("programs"), &folder.join("scratch"));
    let nothing = Program::from_bytes(bundle::NOTHING);
    let tracer = Program::from_bytes(bundle::TRACER);

    let began = Instant::now();
    let sandbox = open()?;
    start(&sandbox, Run::new(nothing.clone()))?;
    report.figure("wasm_start_compiled_anew_ms", millis(began.elapsed()));

    let mut times = Vec::new();
    for _ in 0..FROM_DISK {
        let sandbox = open()?;
        let run = Run::new(nothing.clone());
        let began = Instant::now();
        start(&sandbox, run)?;
        times.push(micros(began.elapsed()));
    }
    report.tail("wasm_start_from_disk", "us", &Repeats::new(times));

    let mut times = Vec::new();
    for _ in 0..FROM_MEMORY {
        let run = Run::new(nothing.clone());
        let began = Instant::now();
        start(&sandbox, run)?;
        times.push(micros(began.elapsed()));
    }
    report.tail("wasm_start_from_memory", "us", &Repeats::new(times));

    let began = Instant::now();
    ensure!(sandbox.prepare(&tracer, false)?.is_ok(), "the tracer is a program");
    report.figure("wasm_tracer_compiled_anew_ms", millis(began.elapsed()));
    let mut times = Vec::new();
    for _ in 0..FROM_DISK {
        let sandbox = open()?;
        let began = Instant::now();
        ensure!(sandbox.prepare(&tracer, false)?.is_ok(), "the tracer is a program");
        times.push(micros(began.elapsed()));
    }
    report.tail("wasm_tracer_loaded_from_disk", "us", &Repeats::new(times));
    Ok(())
}

fn start(sandbox: &Sandbox, run: Run) -> anyhow::Result<()> {
    let finished = sandbox.run(&run)?;
    ensure!(matches!(finished.outcome, Outcome::Success(_)), "a program that does nothing does not fail");
    Ok(())
}
