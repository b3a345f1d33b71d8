//! What grows and what does not: memory and cost of a task with queued tasks, finished tasks and connected workers.
//!
//! The server has a process of its own and a durable journal; the workers are connections that run nothing. A worker takes one
//! task at a time where workers or jobs are counted, so that each task costs a frame and a signature of its own throughout.

use crate::apart::Apart;
use crate::crowd::Crowd;
use crate::plot::Chart;
use crate::report::Report;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const QUEUED: u64 = 10_000_000;
const WORKERS: [usize; 5] = [10, 100, 1_000, 10_000, 19_000];
/// Sizes of jobs.
const JOBS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// Finished tasks, for each task of the benches' option.
const FINISHED: u64 = 100;
/// The longest that finished tasks are gathered.
const PATIENCE: Duration = Duration::from_secs(150);
/// Longer than between two heartbeats.
const HEARTBEATS: Duration = Duration::from_secs(12);

pub(crate) fn measure(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    finished(report, &folder.join("finished"), tasks * FINISHED)?;
    jobs(report, &folder.join("jobs"), tasks)?;
    workers(report, &folder.join("workers"), tasks)?;
    draw(report);
    Ok(())
}

/// Memory with tasks queued, and with tasks finished.
fn finished(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    report.heading("Memory of the server's process, tasks queued and tasks finished");
    let apart = Apart::start(folder.to_owned())?;
    let mut crowd = Crowd::new(&apart, 256)?;
    crowd.grow(&apart, 4)?;
    apart.run(2_000)?;
    report.figure("server_resident_megabytes", apart.used()?.resident / 1e6);
    crowd.leave(&apart);
    std::thread::sleep(Duration::from_millis(500));
    let before = apart.used()?;
    let queued = apart.threads.block_on(apart.requester.submit(&apart.job(QUEUED)))?;
    std::thread::sleep(Duration::from_millis(500));
    report.figure("queued_10m_tasks_resident_kilobytes", (apart.used()?.resident - before.resident) / 1e3);
    apart.threads.block_on(apart.requester.cancel(&queued.order))?;

    let mut crowd = Crowd::new(&apart, 256)?;
    crowd.grow(&apart, 4)?;
    let (began, before) = (Instant::now(), apart.used()?);
    let job = apart.threads.block_on(apart.requester.submit(&apart.job(tasks)))?.job.id;
    let mut seen: Vec<(f64, f64)> = Vec::new();
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let done = apart.threads.block_on(apart.requester.job(job))?.finished;
        seen.push((done as f64, apart.used()?.resident));
        if done >= tasks || began.elapsed() > PATIENCE {
            break;
        }
    }
    let (done, resident) = *seen.last().context("it was looked at")?;
    report.figure("finished_tasks", done);
    report.figure("finished_tasks_per_s", done / began.elapsed().as_secs_f64());
    report.figure("finished_task_server_processor_us", 1e6 * (apart.used()?.processor_s - before.processor_s) / done);
    report.figure("finished_tasks_resident_megabytes", resident / 1e6);
    // The first fifth fills caches and queues.
    let settled = seen.iter().find(|(at, _)| *at >= done / 5.0).copied().unwrap_or((0.0, resident));
    if done > settled.0 {
        report.figure("finished_task_grows_resident_bytes", (resident - settled.1) / (done - settled.0));
    }
    crowd.leave(&apart);
    let data = apart.stop()?;
    report.figure("finished_tasks_snapshot_kilobytes", fs::metadata(data.join("snapshot.cbor"))?.len() as f64 / 1e3);
    Ok(())
}

/// What a task costs in a job of so many: the server's processor time.
fn jobs(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    report.heading("Server's processor time a task, by the size of its job (10 workers, one task each at a time)");
    let apart = Apart::start(folder.to_owned())?;
    let mut crowd = Crowd::new(&apart, 1)?;
    crowd.grow(&apart, 10)?;
    apart.run(500)?;
    for size in JOBS {
        let before = apart.used()?.processor_s;
        let ran = if size < 10_000 {
            let rounds = (tasks / 10 / size).clamp(1, 200);
            for _ in 0..rounds {
                apart.run(size)?;
            }
            rounds * size
        } else {
            first_of(&apart, size, tasks)?
        };
        let cost_us = 1e6 * (apart.used()?.processor_s - before) / ran as f64;
        report.figure(&format!("task_cost_us_job_of_{size}"), cost_us);
    }
    crowd.leave(&apart);
    apart.stop().map(drop)
}

/// The first tasks of a large job, which is then cancelled; how many were finished when all that had been bought of it was done, so
/// that nothing of it runs on beside what is measured next.
fn first_of(apart: &Apart, size: u64, tasks: u64) -> anyhow::Result<u64> {
    let submitted = apart.threads.block_on(apart.requester.submit(&apart.job(size)))?;
    let (began, mut cancelled) = (Instant::now(), false);
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let job = apart.threads.block_on(apart.requester.job(submitted.job.id))?;
        if job.finished >= tasks.min(size) && job.finished < size && !cancelled {
            apart.threads.block_on(apart.requester.cancel(&submitted.order))?;
            cancelled = true;
        } else if job.finished >= size || cancelled && job.finished + job.failed + job.claimed >= job.matched {
            return Ok(job.finished);
        }
        ensure!(began.elapsed() < PATIENCE, "{} of {} tasks that were bought are finished", job.finished, job.matched);
    }
}

/// What a task costs, and what a connection holds, with so many workers.
fn workers(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    report.heading("Server's memory, and processor time a task, by connected workers (one task each at a time)");
    let apart = Apart::start(folder.to_owned())?;
    let mut crowd = Crowd::new(&apart, 1)?;
    for count in WORKERS {
        let began = Instant::now();
        crowd.grow(&apart, count)?;
        let joined_s = began.elapsed().as_secs_f64();
        if count == 10 {
            apart.run(500)?;
        }
        let before = apart.used()?;
        apart.run(tasks)?;
        let after = apart.used()?;
        report.figure(
            &format!("task_cost_us_{count}_workers"),
            1e6 * (after.processor_s - before.processor_s) / tasks as f64,
        );
        report.figure(&format!("resident_megabytes_{count}_workers"), after.resident / 1e6);
        if Some(&count) == WORKERS.last() {
            report.figure("last_workers_joined_s", joined_s);
            let (idle, before) = (Instant::now(), apart.used()?.processor_s);
            std::thread::sleep(HEARTBEATS);
            let share = (apart.used()?.processor_s - before) / idle.elapsed().as_secs_f64();
            report.figure(&format!("heartbeats_{count}_workers_percent_of_a_core"), 100.0 * share);
            report.figure(&format!("resident_megabytes_{count}_workers_idle"), apart.used()?.resident / 1e6);
        }
    }
    crowd.leave(&apart);
    apart.stop().map(drop)
}

/// What a task costs, by how many workers and tasks there are, as far as that was measured.
pub(crate) fn draw(report: &mut Report) {
    let point = |at: f64, name: String| Some((at, report.value(&name)?));
    let by_workers =
        WORKERS.into_iter().filter_map(|count| point(count as f64, format!("task_cost_us_{count}_workers")));
    let by_workers: Vec<_> = by_workers.collect();
    let by_job = JOBS.into_iter().filter_map(|size| point(size as f64, format!("task_cost_us_job_of_{size}")));
    let by_job: Vec<_> = by_job.collect();
    if by_workers.is_empty() || by_job.is_empty() {
        return;
    }
    let chart = Chart {
        title: "The server's processor time a task, microseconds",
        across: "connected workers, or tasks in the job",
        lines: vec![("by workers", by_workers), ("by tasks in the job", by_job)],
        tick: |count| match count {
            count if count >= 1e6 => format!("{} M", count / 1e6),
            count if count >= 1e3 => format!("{} k", count / 1e3),
            count => format!("{count}"),
        },
    };
    let svg = chart.svg();
    report.picture("growth.svg", svg);
}
