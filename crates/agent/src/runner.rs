//! The threads on which tasks run, one for each core that the owner lends.

use crate::benchmark;
use crate::config::Honesty;
use crate::honesty;
use crate::kit::{Kit, Payload};
use crate::policy::Finished;
use api::limits::{INLINE_RESULT_BYTES, TAIL_BYTES};
use api::params::TaskSpec;
use api::worker::{DeclineReason, Package};
use blobs::Pin;
use results::{Failure, Outcome, OutputLimit, Refusal, Unusable};
#[cfg(target_os = "linux")]
use sandbox::ContainerRun;
use sandbox::{Contract, Control, Input, Limits, Program, Run, RunError, Sandbox};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use units::{Bytes, Digest, TaskId};

/// What the sandbox asks for.
const STACK_BYTES: usize = 4 << 20;
/// How much longer than the reference machine a slower one may take at most.
const MOST_PATIENCE: u64 = 4;

/// A task with all that its run needs.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) task: TaskId,
    pub(crate) index: u64,
    pub(crate) kit: Arc<Kit>,
    pub(crate) spec: TaskSpec,
    /// The inputs that are its own.
    pub(crate) own: Vec<Pin>,
    pub(crate) control: Control,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) task: TaskId,
    pub(crate) result: Result<(Finished, Kept), DeclineReason>,
}

/// A package, kept for as long as it may be asked for.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) body: KeptBody,
}

/// Where a kept package is.
#[derive(Debug)]
pub(crate) enum KeptBody {
    Memory(Bytes),
    /// A file that goes with this.
    File(tempfile::TempPath),
}

/// What tasks are run by on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Engines {
    pub(crate) sandbox: Sandbox,
    #[cfg(target_os = "linux")]
    pub(crate) containers: Option<crate::ContainerHost>,
}

impl Engines {
    /// Runs a task to its end; refused where this machine has nothing to run it by.
    fn run(&self, job: &Job) -> Result<Result<sandbox::Finished, RunError>, DeclineReason> {
        match &job.kit.payload {
            Payload::Module { program, canonical_nans, .. } => {
                Ok(self.sandbox.run(&module_run(job, program, *canonical_nans)))
            }
            #[cfg(target_os = "linux")]
            Payload::Image { image, stdout_counts } => {
                let host = self.containers.as_ref().ok_or(DeclineReason::Runtime)?;
                Ok(host.containers().run(&container_run(job, &image.prepared, *stdout_counts)))
            }
        }
    }
}

/// The threads. Dropped, they end when their runs do.
#[derive(Debug)]
pub(crate) struct Runner {
    jobs: std_mpsc::Sender<Job>,
}

impl Runner {
    /// Starts the threads; they report to the channel given back.
    pub(crate) fn start(
        cores: u32,
        engines: &Engines,
        honesty: Honesty,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<Report>)> {
        let (jobs, waiting) = std_mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        let (report, reports) = mpsc::unbounded_channel();
        for number in 0..cores {
            let (waiting, report, engines) = (Arc::clone(&waiting), report.clone(), engines.clone());
            std::thread::Builder::new().name(format!("task-{number}")).stack_size(STACK_BYTES).spawn(move || {
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { break };
                    let task = job.task;
                    let result = catch_unwind(AssertUnwindSafe(|| run(&engines, job, honesty)));
                    let result = result.unwrap_or_else(|_| {
                        tracing::error!(%task, "a run panicked; this is a bug");
                        Err(DeclineReason::Broken)
                    });
                    if report.send(Report { task, result }).is_err() {
                        break;
                    }
                }
            })?;
        }
        Ok((Self { jobs }, reports))
    }

    /// Runs a task after those given before, when a core is free.
    pub(crate) fn run(&self, job: Job) {
        // The threads end only after this does.
        drop(self.jobs.send(job));
    }
}

/// Runs one task to its end.
fn run(engines: &Engines, job: Job, honesty: Honesty) -> Result<(Finished, Kept), DeclineReason> {
    if job.control.is_cancelled() {
        return Err(DeclineReason::Owner);
    }
    let task = job.task;
    let way = tracing::trace_span!(target: "way", "run");
    let ran = engines.run(&job)?;
    drop(way);
    let finished = ran.map_err(|error| {
        if !matches!(error, RunError::Cancelled) {
            tracing::warn!(%task, error = crate::link::chain(&error), "a task could not be run here");
        }
        reason(error.refusal())
    })?;
    capped(&job.kit, &finished)?;
    let stderr = complaint(&finished);
    let (size, callback) = match &finished.outcome {
        Outcome::Success(success) => (success.size, success.callback.clone()),
        Outcome::Failure(failure) => (length(&failure.encode()), None),
    };
    let body = match finished.package {
        sandbox::Package::Memory(bytes) => KeptBody::Memory(bytes.into()),
        sandbox::Package::File(path) if size <= length_of(INLINE_RESULT_BYTES) => {
            KeptBody::Memory(std::fs::read(&path).map_err(|_| DeclineReason::Broken)?.into())
        }
        sandbox::Package::File(path) => KeptBody::File(path),
    };
    let inline = match &body {
        KeptBody::Memory(bytes) if bytes.len() <= INLINE_RESULT_BYTES => Some(bytes.clone()),
        KeptBody::Memory(_) | KeptBody::File(_) => None,
    };
    let blob = finished.outcome.blob();
    let package = Package {
        blob,
        size,
        inline,
        callback,
        stderr: last_words(stderr),
        stdout: last_words(finished.stdout.to_string()),
    };
    let failed = finished.outcome.failure().is_some();
    let (digest, ran) = (finished.outcome.digest(), finished.elapsed);
    Ok(match honesty {
        Honesty::Honest => (Finished { digest, failed, ran, package }, Kept { blob, size, body }),
        Honesty::Noisy(by) => match honesty::noisy(&package, by).filter(|_| !failed) {
            Some((package, kept)) => (Finished { digest: package.blob.0, failed, ran, package }, kept),
            None => (Finished { digest, failed, ran, package }, Kept { blob, size, body }),
        },
        Honesty::Liar => {
            let (package, kept) = honesty::forge(&package);
            (Finished { digest: package.blob.0, failed: false, ran, package }, kept)
        }
    })
}

/// The result of a task that no machine can run.
pub(crate) fn unusable(what: Unusable, words: String) -> (Finished, Kept) {
    let failure = Failure::Unusable(what);
    let (blob, bytes) = (failure.digest(), Bytes::from(failure.encode()));
    let size = length(&bytes);
    let (stderr, stdout) = (last_words(words), String::new());
    let package = Package { blob, size, inline: Some(bytes.clone()), callback: None, stderr, stdout };
    let finished = Finished { digest: blob.0, failed: true, ran: Duration::ZERO, package };
    (finished, Kept { blob, size, body: KeptBody::Memory(bytes) })
}

/// What the program said on standard error, and after it what the sandbox knows beyond the name of the failure.
fn complaint(finished: &sandbox::Finished) -> String {
    let mut words = finished.stderr.to_string();
    let known = finished.outcome.failure().map(|failure| failure.to_string());
    if let Some(detail) = finished.detail.as_ref().filter(|detail| known.as_ref() != Some(*detail)) {
        if !words.is_empty() && !words.ends_with('\n') {
            words.push('\n');
        }
        words.push_str(detail);
    }
    words
}

/// Gives the task back where the owner's caps, and not the deal's limits, stood in the program's way: what it made of that
/// is no result that other machines would agree with.
fn capped(kit: &Kit, finished: &sandbox::Finished) -> Result<(), DeclineReason> {
    let (caps, limits) = (&kit.caps, &kit.brief.limits);
    let output = matches!(finished.outcome.failure(), Some(Failure::OutputLimit(OutputLimit::Bytes)));
    if caps.memory_mib < limits.memory_mib && finished.memory_denied {
        Err(DeclineReason::Memory)
    } else if caps.disk_mib < limits.output_mib && output {
        Err(DeclineReason::Disk)
    } else {
        Ok(())
    }
}

/// What a task is given, whatever kind of program it is: environment, inputs, limits.
fn given(job: &Job) -> (Vec<(String, String)>, Vec<Input>, Limits) {
    let (kit, brief) = (&job.kit, &job.kit.brief);
    let names: Vec<String> = job.spec.inputs.iter().map(|input| input.name.clone()).collect();
    let contract = Contract {
        task: job.task,
        deal: brief.deal,
        bot_size: brief.size,
        bot_first: brief.first,
        index: job.index,
        dataset: brief.dataset.as_ref().map(|dataset| dataset.name.as_str()),
        inputs: &names,
    };
    let file = |digest: &Digest| {
        let own = || job.own.iter().find(|pin| pin.digest() == *digest).map(|pin| pin.path().to_owned());
        kit.file(digest).or_else(own).expect("a task is run only once its inputs are there")
    };
    let inputs = brief.dataset.iter().chain(&job.spec.inputs);
    let inputs = inputs.map(|input| Input { name: input.name.clone(), file: file(&input.digest) }).collect();
    let mib = |mib: u64| mib.saturating_mul(1 << 20);
    let limits = Limits {
        time: patience(brief.limits.run_ms, benchmark::score()),
        memory_bytes: mib(brief.limits.memory_mib.min(kit.caps.memory_mib)),
        output_bytes: mib(brief.limits.output_mib.min(kit.caps.disk_mib)),
        output_files: brief.limits.output_files,
        ..Limits::default()
    };
    (contract.env(), inputs, limits)
}

/// The sandbox's words for a module's task.
fn module_run(job: &Job, program: &Program, canonical_nans: bool) -> Run {
    let (env, inputs, limits) = given(job);
    Run {
        args: job.spec.args.clone(),
        env,
        inputs,
        limits,
        seed: job.task.0.0,
        canonical_nans,
        control: job.control.clone(),
        ..Run::new(program.clone())
    }
}

/// The sandbox's words for an image's task.
#[cfg(target_os = "linux")]
fn container_run(job: &Job, image: &images::Prepared, stdout_counts: bool) -> ContainerRun {
    let (contract, inputs, limits) = given(job);
    let control = job.control.clone();
    let run = crate::containers::described(image, &job.spec.args, contract, inputs, limits, control);
    ContainerRun { stdout_counts, ..run }
}

/// How long a task may run here: its time is meant for the reference machine, so a slower one takes longer.
fn patience(run_ms: u64, score: u64) -> Duration {
    let slower = run_ms.saturating_mul(benchmark::REFERENCE) / score.max(1);
    Duration::from_millis(slower.clamp(run_ms, run_ms.saturating_mul(MOST_PATIENCE)))
}

fn reason(refusal: Refusal) -> DeclineReason {
    match refusal {
        Refusal::Cancelled => DeclineReason::Owner,
        Refusal::TooSlow => DeclineReason::TooSlow,
        Refusal::DiskFull => DeclineReason::Disk,
        Refusal::MemoryShort => DeclineReason::Memory,
        Refusal::Fetch => DeclineReason::Fetch,
        Refusal::Unsupported => DeclineReason::Runtime,
        Refusal::Fault => DeclineReason::Broken,
    }
}

/// The end of what a program said, within the protocol's bound.
fn last_words(mut text: String) -> String {
    if text.len() > TAIL_BYTES {
        let mut from = text.len() - TAIL_BYTES;
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text.drain(..from);
    }
    text
}

fn length(bytes: &[u8]) -> u64 {
    length_of(bytes.len())
}

fn length_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_machine_is_given_more_time_up_to_a_bound() {
        let second = Duration::from_secs(1);
        assert_eq!(patience(1_000, benchmark::REFERENCE * 2), second, "a faster one as much as the reference");
        assert_eq!(patience(1_000, benchmark::REFERENCE / 2), second * 2);
        assert_eq!(patience(1_000, 1), second * 4);
    }

    #[test]
    fn last_words_are_cut_between_characters() {
        assert_eq!(last_words("short".to_owned()), "short");
        let long = "é".repeat(TAIL_BYTES);
        let cut = last_words(format!("{long}x"));
        assert!(cut.len() <= TAIL_BYTES && cut.ends_with("éx"), "{}", cut.len());
    }
}
