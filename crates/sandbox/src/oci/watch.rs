//! A container from its start to its end: limits that no control group holds, the owner's wishes, what it says.

use super::cgroup::Group;
use super::output::output_usage;
use super::runtime::Runtime;
use super::{ContainerRun, House};
use crate::run::{HEAD_BYTES, RunError, TAIL_BYTES};
use results::{Failure, OutputLimit, Tail};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How often its output is measured: what it writes in between is what a limit can be passed by.
const MEASURE: Duration = Duration::from_millis(100);
/// Exit code of a program that was ended by the signal that nothing survives.
const KILLED: i32 = 128 + 9;
/// Exit code of a program that was ended because a file of its passed the limit.
const FILE_TOO_LARGE: i32 = 128 + 25;

/// How a container ended.
#[derive(Debug)]
pub(crate) struct Ended {
    stop: Option<Failure>,
    code: i32,
    pub(crate) stdout: Tail,
    pub(crate) stderr: Tail,
    /// Where standard output is, if it belongs to the result.
    pub(crate) stdout_file: Option<PathBuf>,
    pub(crate) elapsed: Duration,
}

impl Ended {
    /// The program's failure, if it is one.
    pub(crate) fn failure(&self, memory_denied: bool) -> Option<Failure> {
        match (self.stop, self.code) {
            (Some(failure), _) => Some(failure),
            (None, 0) => None,
            (None, FILE_TOO_LARGE) => Some(Failure::OutputLimit(OutputLimit::Bytes)),
            (None, KILLED) if memory_denied => Some(Failure::MemoryLimit),
            (None, code) => Some(Failure::Exit { code: u32::try_from(code).unwrap_or(u32::MAX) }),
        }
    }
}

/// Starts a container and stays with it until nothing of it is left.
pub(crate) fn watch(
    runtime: &Runtime,
    state: &Path,
    id: &str,
    house: &House,
    group: &Group,
    run: &ContainerRun,
) -> Result<Ended, RunError> {
    let log = house.bundle.join("log");
    let mut command = runtime.run(state, &house.bundle, id, &log);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| RunError::Machinery { detail: error.to_string() })?;
    let stdout_file = run.stdout_counts.then(|| house.stdout.clone());
    let stdout = Listener::start(child.stdout.take(), run.limits.stdout_bytes, stdout_file.as_deref())?;
    let stderr = Listener::start(child.stderr.take(), u64::MAX, None)?;
    let mut clock = Clock { since: Some(Instant::now()), before: Duration::ZERO };
    let looked = look(&mut child, &stdout, house, group, run, &mut clock);
    let status = match looked {
        Ok((Some(status), None)) => Ok((status, None)),
        ended => {
            // The runtime first: it may be about to start what it is told to delete.
            let _gone = child.kill();
            let status = child.wait().map_err(RunError::Scratch)?;
            group.end();
            runtime.delete(state, id);
            ended.map(|(_, stop)| (status, stop))
        }
    };
    let elapsed = clock.elapsed();
    // A process that left the container's own cannot hold the pipes: it is gone with the group.
    let (stdout, stderr) = (stdout.finish(), stderr.finish());
    let (status, stop) = status?;
    if stop.is_none()
        && let Some(detail) = complaint(&log, status)
    {
        return Err(RunError::Machinery { detail });
    }
    let (stdout, stderr) = (stdout.map_err(RunError::Scratch)?, stderr.map_err(RunError::Scratch)?);
    let code = status.code().unwrap_or_else(|| status.signal().map_or(KILLED, |signal| 128 + signal));
    Ok(Ended { stop, code, stdout, stderr, stdout_file, elapsed })
}

/// Looks at a run until it ends by itself (its status) or has to be ended (why).
fn look(
    child: &mut Child,
    stdout: &Listener,
    house: &House,
    group: &Group,
    run: &ContainerRun,
    clock: &mut Clock,
) -> Result<(Option<ExitStatus>, Option<Failure>), RunError> {
    let mut measured = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(RunError::Scratch)? {
            // A write that would pass the limit of a file was refused: what failed then stands at the limit.
            let usage = output_usage(&house.out);
            let at_limit = over(run, usage.bytes.saturating_add(1), usage.files);
            return Ok((Some(status), at_limit.filter(|_| !status.success())));
        }
        if run.control.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        if run.control.is_paused() {
            clock.stop();
            let frozen = group.freeze(true);
            run.control.wait();
            group.freeze(false).and(frozen).map_err(|error| RunError::Machinery { detail: error.to_string() })?;
            clock.go_on();
            continue;
        }
        if clock.elapsed() >= run.limits.time {
            return Ok((None, Some(Failure::TimeLimit)));
        }
        if stdout.is_over() {
            return Ok((None, Some(Failure::OutputLimit(OutputLimit::Stdout))));
        }
        if measured.elapsed() >= MEASURE {
            let usage = output_usage(&house.out);
            if let Some(failure) = over(run, usage.bytes, usage.files) {
                return Ok((None, Some(failure)));
            }
            measured = Instant::now();
        }
        sleep(LOOK);
    }
}

/// Whether the output passes a limit.
fn over(run: &ContainerRun, bytes: u64, files: u64) -> Option<Failure> {
    if bytes > run.limits.output_bytes {
        Some(Failure::OutputLimit(OutputLimit::Bytes))
    } else if files > run.limits.output_files {
        Some(Failure::OutputLimit(OutputLimit::Files))
    } else {
        None
    }
}

/// What the runtime itself complains of: it could not start the container, which is no result.
fn complaint(log: &Path, status: ExitStatus) -> Option<String> {
    if status.success() {
        return None;
    }
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut errors = lines.filter(|line| line["level"] == "error");
    errors.next_back().map(|line| line["msg"].as_str().unwrap_or("the runtime failed").to_owned())
}

/// A clock that can be held.
#[derive(Debug)]
struct Clock {
    since: Option<Instant>,
    before: Duration,
}

impl Clock {
    fn elapsed(&self) -> Duration {
        self.before.saturating_add(self.since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    fn stop(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    fn go_on(&mut self) {
        self.since = Some(Instant::now());
    }
}

/// Reads a stream to its end, keeping its beginning and end, and all of it in a file where that is asked for.
#[derive(Debug)]
struct Listener {
    tail: Arc<Mutex<Tail>>,
    over: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Listener {
    fn start(stream: Option<impl Read + Send + 'static>, most: u64, file: Option<&Path>) -> Result<Self, RunError> {
        let mut file = file.map(File::create).transpose().map_err(RunError::Scratch)?;
        let tail = Arc::new(Mutex::new(Tail::new(HEAD_BYTES, TAIL_BYTES)));
        let over = Arc::new(AtomicBool::new(false));
        let (told, passed) = (Arc::clone(&tail), Arc::clone(&over));
        let listen = move || {
            let Some(mut stream) = stream else { return Ok(()) };
            let mut buffer = vec![0; 1 << 16];
            let mut total = 0_u64;
            loop {
                let count = stream.read(&mut buffer)?;
                let piece = buffer.get(..count).unwrap_or_default();
                if piece.is_empty() {
                    return Ok(());
                }
                told.lock().unwrap_or_else(PoisonError::into_inner).push(piece);
                total = total.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                if total > most {
                    passed.store(true, Ordering::Relaxed);
                } else if let Some(file) = &mut file {
                    file.write_all(piece)?;
                }
            }
        };
        let thread = std::thread::Builder::new().name("container".to_owned()).spawn(listen);
        Ok(Self { tail, over, thread: thread.map_err(RunError::Scratch)? })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn finish(self) -> io::Result<Tail> {
        self.thread.join().map_err(|_| io::Error::other("the listener panicked"))??;
        let tail = Arc::into_inner(self.tail).map(|tail| tail.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(tail.unwrap_or_default())
    }
}
