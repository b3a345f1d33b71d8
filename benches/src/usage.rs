//! Processor time: ours, by thread name, and what the rest of the machine used meanwhile. Linux only.

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// Ticks a second in `/proc`: 100 on every Linux.
const TICKS: f64 = 100.0;

/// Counters at a moment.
#[derive(Debug)]
pub(crate) struct Usage {
    at: Instant,
    own_s: f64,
    machine_s: f64,
    /// By thread: its name and its seconds.
    threads: BTreeMap<u64, (String, f64)>,
}

/// What was used between two moments, in seconds of one core.
#[derive(Debug)]
pub(crate) struct Spent {
    pub(crate) wall_s: f64,
    pub(crate) own_s: f64,
    pub(crate) others_s: f64,
    /// By name of thread; threads that ended meanwhile are missing.
    pub(crate) threads: BTreeMap<String, f64>,
}

impl Usage {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir("/proc/self/task").context("the kernel tells of threads in /proc")? {
            let path = thread?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // A thread may end while it is looked at.
            let name = fs::read_to_string(path.join("comm"));
            let times = fs::read_to_string(path.join("schedstat"));
            if let (Some(id), Ok(name), Ok(times)) = (id, name, times) {
                let ran_ns: f64 = times.split(' ').next().and_then(|ran| ran.parse().ok()).unwrap_or_default();
                threads.insert(id, (name.trim().to_owned(), ran_ns / 1e9));
            }
        }
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let own_s = sum(after_name.split_whitespace().skip(11).take(2));
        let machine = fs::read_to_string("/proc/stat")?;
        let fields: Vec<&str> = machine.lines().next().unwrap_or_default().split_whitespace().skip(1).collect();
        // All but idle and waiting for disks.
        let busy = fields.iter().enumerate().filter(|(index, _)| !matches!(index, 3 | 4 | 8..));
        let machine_s = sum(busy.map(|(_, field)| *field));
        Ok(Self { at: Instant::now(), own_s, machine_s, threads })
    }

    /// What was used since.
    pub(crate) fn spent(&self) -> anyhow::Result<Spent> {
        let now = Self::now()?;
        let own_s = now.own_s - self.own_s;
        let mut threads: BTreeMap<String, f64> = BTreeMap::new();
        for (id, (name, seconds)) in now.threads {
            let before = self.threads.get(&id).map_or(0.0, |(_, seconds)| *seconds);
            *threads.entry(name).or_default() += seconds - before;
        }
        Ok(Spent {
            wall_s: (now.at - self.at).as_secs_f64(),
            own_s,
            others_s: (now.machine_s - self.machine_s - own_s).max(0.0),
            threads,
        })
    }
}

impl Spent {
    /// How much of one core other programs used meanwhile, percent.
    pub(crate) fn others_percent(&self) -> f64 {
        100.0 * self.others_s / self.wall_s
    }
}

/// Seconds that this thread has run.
pub(crate) fn thread_s() -> anyhow::Result<f64> {
    let times = fs::read_to_string("/proc/thread-self/schedstat").context("the kernel tells of threads in /proc")?;
    let ran_ns: f64 = times.split(' ').next().unwrap_or_default().parse().context("a thread's time is a number")?;
    Ok(ran_ns / 1e9)
}

/// Seconds that programs have run which this one started and saw end.
pub(crate) fn children_s() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    Ok(sum(after_name.split_whitespace().skip(13).take(2)))
}

fn sum<'a>(ticks: impl Iterator<Item = &'a str>) -> f64 {
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}
