//! What a task costs, beside HyperQueue, Dask and Ray on the same machine in the same run, two one-core workers each.
//!
//! METG(50 %) is the shortest task at which half of the machine's time is useful (Task Bench's metric): tasks × duration ÷
//! two cores ÷ the job's wall time, interpolated between the durations measured. A duration is what the spin takes as native
//! code alone on a core; our workers run the same steps as WebAssembly, and what that costs more counts against us.

mod peers;

use crate::cycles::{Replicas, prepare};
use crate::hosted::{Audits, Hosted};
use crate::plot::Chart;
use crate::report::{Repeats, Report, millis};
use crate::spin::Spin;
use std::collections::BTreeMap;
use std::path::Path;

/// Durations in microseconds, and how many tasks of each.
pub(crate) const CURVE: [(u64, u64); 10] = [
    (10, 1_000),
    (30, 1_000),
    (100, 1_000),
    (300, 1_000),
    (1_000, 1_000),
    (3_000, 600),
    (10_000, 240),
    (30_000, 90),
    (100_000, 32),
    (1_000_000, 4),
];
const REPEATS: usize = 3;
/// Single tasks, one after the other.
const SERIAL: u64 = 50;
const CORES: f64 = 2.0;
const HALF: f64 = 0.5;

/// Wall seconds of jobs.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    /// By duration in microseconds: how many tasks, and how long each repeat took.
    points: BTreeMap<u64, (u64, Vec<f64>)>,
}

impl Curve {
    pub(crate) fn note(&mut self, duration_us: u64, tasks: u64, seconds: f64) {
        let (noted, times) = self.points.entry(duration_us).or_default();
        *noted = tasks;
        times.push(seconds);
    }

    /// Efficiency of the median repeat, by duration.
    fn efficiencies(&self) -> Vec<(f64, f64)> {
        let median = |(duration_us, (tasks, times)): (&u64, &(u64, Vec<f64>))| {
            let useful_s = *duration_us as f64 * *tasks as f64 / 1e6 / CORES;
            (*duration_us as f64, useful_s / Repeats::new(times.clone()).median())
        };
        self.points.iter().map(median).collect()
    }

    /// Prints the curve and, where half is reached, the duration at which it is.
    pub(crate) fn tell(&self, report: &mut Report, name: &str) {
        let efficiencies = self.efficiencies();
        for (duration_us, efficiency) in &efficiencies {
            report.figure(&format!("efficiency_{name}_{duration_us}_us_tasks"), *efficiency);
        }
        if let Some(metg_us) = crossing(&efficiencies) {
            report.figure(&format!("metg50_us_{name}"), metg_us);
        }
    }
}

/// Where half is crossed for the last time: linear in efficiency, logarithmic in duration.
fn crossing(efficiencies: &[(f64, f64)]) -> Option<f64> {
    let pair = efficiencies.windows(2).rev().find(|pair| pair[0].1 < HALF && pair[1].1 >= HALF)?;
    let ((short, below), (long, above)) = (pair[0], pair[1]);
    let part = (HALF - below) / (above - below);
    Some((short.ln() + part * (long.ln() - short.ln())).exp())
}

pub(crate) fn measure(report: &mut Report, folder: &Path, tasks: u64) -> anyhow::Result<()> {
    let spin = Spin::build(&folder.join("spin"))?;
    for (audits, name) in [(Audits::Hidden, "manyhands"), (Audits::None, "manyhands_without_audits")] {
        report.heading(&format!("What a task costs, two one-core workers: {name}"));
        ours(report, &folder.join(name), &spin, audits, name, tasks)?;
    }
    peers::measure(report, folder, &spin, tasks, REPEATS);
    ratios(report);
    draw(report);
    Ok(())
}

fn ours(report: &mut Report, folder: &Path, spin: &Spin, audits: Audits, name: &str, tasks: u64) -> anyhow::Result<()> {
    let mut hosted = Hosted::start(folder, audits)?;
    hosted.hire_two()?;
    prepare(&hosted, Replicas::One)?;
    let mut rates = Vec::new();
    for _ in 0..REPEATS {
        rates.push(tasks as f64 / hosted.run(tasks, 1)?.as_secs_f64());
    }
    report.median(&format!("empty_tasks_per_s_{name}"), &Repeats::new(rates));
    let mut serial = Vec::new();
    for _ in 0..SERIAL {
        serial.push(millis(hosted.run(1, 1)?));
    }
    report.figure(&format!("one_task_to_result_ms_{name}"), serial.iter().sum::<f64>() / serial.len() as f64);
    let app = hosted.publish("spin", spin.module.clone())?;
    hosted.run_app(app, &spin.steps(10), 200, 1)?;
    let mut curve = Curve::default();
    for _ in 0..REPEATS {
        for (duration_us, count) in CURVE {
            let took = hosted.run_app(app, &spin.steps(duration_us), count, 1)?;
            curve.note(duration_us, count, took.as_secs_f64());
        }
    }
    curve.tell(report, name);
    hosted.stop().map(drop)
}

/// Efficiency over duration, of all that was measured.
pub(crate) fn draw(report: &mut Report) {
    let names = [("manyhands", "Manyhands, audited"), ("ray", "Ray"), ("dask", "Dask"), ("hyperqueue", "HyperQueue")];
    let lines = names.map(|(name, shown)| {
        let point = |(duration_us, _): (u64, u64)| {
            Some((duration_us as f64, report.value(&format!("efficiency_{name}_{duration_us}_us_tasks"))?))
        };
        (shown, CURVE.into_iter().filter_map(point).collect::<Vec<_>>())
    });
    let lines: Vec<_> = lines.into_iter().filter(|(_, points)| !points.is_empty()).collect();
    if lines.is_empty() {
        return;
    }
    let chart = Chart {
        title: "Useful part of two cores, by how long a task runs",
        across: "duration of a task",
        lines,
        tick: |us| if us < 1e3 { format!("{us} µs") } else { format!("{} ms", us / 1e3) },
    };
    let svg = chart.svg();
    report.picture("efficiency.svg", svg);
}

/// Ours to the best of the others.
fn ratios(report: &mut Report) {
    let of = |report: &Report, prefix: &str| {
        let others = ["hyperqueue", "dask", "ray"].map(|peer| report.value(&format!("{prefix}_{peer}")));
        (report.value(&format!("{prefix}_manyhands")), others.into_iter().flatten().collect::<Vec<f64>>())
    };
    if let (Some(ours), others) = of(report, "metg50_us")
        && let Some(best) = others.into_iter().min_by(f64::total_cmp)
    {
        report.figure("metg50_best_peer_to_manyhands_ratio", best / ours);
    }
    if let (Some(ours), others) = of(report, "empty_tasks_per_s")
        && let Some(best) = others.into_iter().max_by(f64::total_cmp)
    {
        report.figure("empty_tasks_manyhands_to_best_peer_ratio", ours / best);
    }
    if let (Some(ours), Some(celery)) =
        (report.value("empty_tasks_per_s_manyhands"), report.value("empty_tasks_per_s_celery_redis_fsync"))
    {
        report.figure("empty_tasks_manyhands_to_celery_redis_fsync_ratio", ours / celery);
    }
}
