//! A run's control groups: made here with the limits, so that they can be read after the container is gone.
//!
//! The container's own groups are made by the runtime below ours. Version 2 where it has the controllers, else version 1.

use super::{ContainerRun, ContainersError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";
/// How the names of ours begin.
const PREFIX: &str = "hands-";
/// A period of the processor's bandwidth, microseconds.
const PERIOD_US: u64 = 100_000;
/// How often a group that is still being emptied is tried to be removed.
const REMOVALS: u32 = 50;

/// Which version this machine uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// One tree a controller.
    V1 { memory: PathBuf, processor: PathBuf, processes: PathBuf, freezer: PathBuf },
    /// One tree; `disks`: whether it limits those too.
    V2 { root: PathBuf, disks: bool },
}

impl Groups {
    pub(crate) fn find() -> Result<Self, ContainersError> {
        let root = Path::new(ROOT);
        if let Ok(controllers) = fs::read_to_string(root.join("cgroup.controllers")) {
            for needed in ["memory", "cpu", "pids"] {
                if !controllers.split_whitespace().any(|it| it == needed) {
                    return Err(ContainersError::NoLimits(needed));
                }
                let enabled = fs::write(root.join("cgroup.subtree_control"), format!("+{needed}"));
                enabled.map_err(|_| ContainersError::NoLimits(needed))?;
            }
            // Not every machine has it, and none is refused for that.
            let disks = fs::write(root.join("cgroup.subtree_control"), "+io").is_ok();
            return Ok(Self::V2 { root: root.to_owned(), disks });
        }
        let tree = |name: &'static str| {
            let path = root.join(name);
            if path.join("cgroup.procs").exists() { Ok(path) } else { Err(ContainersError::NoLimits(name)) }
        };
        Ok(Self::V1 {
            memory: tree("memory")?,
            processor: tree("cpu")?,
            processes: tree("pids")?,
            freezer: tree("freezer")?,
        })
    }

    fn trees(&self) -> Vec<&Path> {
        match self {
            Self::V1 { memory, processor, processes, freezer } => vec![memory, processor, processes, freezer],
            Self::V2 { root, .. } => vec![root],
        }
    }

    /// Makes a run's groups.
    pub(crate) fn make(&self, id: &str, run: &ContainerRun) -> io::Result<Group> {
        for tree in self.trees() {
            fs::create_dir(tree.join(id))?;
        }
        let group = Group { groups: self.clone(), id: id.to_owned() };
        let quota = run.milli_cores.saturating_mul(PERIOD_US) / 1_000;
        let memory_bytes = run.limits.memory_bytes.to_string();
        match self {
            Self::V1 { memory, processor, processes, .. } => {
                fs::write(memory.join(id).join("memory.limit_in_bytes"), &memory_bytes)?;
                // Without accounting of swap there is none to limit.
                let _no_swap = fs::write(memory.join(id).join("memory.memsw.limit_in_bytes"), &memory_bytes);
                fs::write(processor.join(id).join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(processor.join(id).join("cpu.cfs_quota_us"), quota.max(1_000).to_string())?;
                fs::write(processes.join(id).join("pids.max"), run.processes.to_string())?;
            }
            Self::V2 { root, disks } => {
                let folder = root.join(id);
                fs::write(folder.join("memory.max"), &memory_bytes)?;
                let _no_swap = fs::write(folder.join("memory.swap.max"), "0");
                fs::write(folder.join("cpu.max"), format!("{} {PERIOD_US}", quota.max(1_000)))?;
                fs::write(folder.join("pids.max"), run.processes.to_string())?;
                fs::write(folder.join("cgroup.subtree_control"), "+memory +cpu +pids")?;
                if *disks {
                    fs::write(folder.join("cgroup.subtree_control"), "+io")?;
                }
            }
        }
        Ok(group)
    }

    /// All trees of this machine: the runtime makes the container's groups in each.
    fn all_trees(&self) -> Vec<PathBuf> {
        match self {
            Self::V2 { root, .. } => vec![root.clone()],
            Self::V1 { .. } => {
                let entries = fs::read_dir(ROOT).into_iter().flatten().flatten();
                entries.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
            }
        }
    }

    /// Removes groups of agents that are gone.
    pub(crate) fn sweep(&self) {
        for tree in self.all_trees() {
            for entry in fs::read_dir(&tree).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let agent = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
                if agent.is_some_and(|agent| !Path::new("/proc").join(agent.to_string()).exists()) {
                    remove(&entry.path());
                }
            }
        }
    }
}

/// A run's groups; they go when this does.
#[derive(Debug)]
pub(crate) struct Group {
    groups: Groups,
    id: String,
}

impl Group {
    /// The path that the runtime puts the container's own groups at.
    pub(crate) fn path(&self) -> String {
        format!("/{}/task", self.id)
    }

    /// Whether what it asks of disks can be limited here.
    pub(crate) fn limits_disks(&self) -> bool {
        match &self.groups {
            Groups::V1 { .. } => Path::new(ROOT).join("blkio/blkio.throttle.read_bps_device").exists(),
            Groups::V2 { disks, .. } => *disks,
        }
    }

    /// Stops all its processes where they are, or lets them go on.
    pub(crate) fn freeze(&self, frozen: bool) -> io::Result<()> {
        match &self.groups {
            Groups::V1 { freezer, .. } => {
                let state = if frozen { "FROZEN" } else { "THAWED" };
                fs::write(freezer.join(&self.id).join("freezer.state"), state)
            }
            Groups::V2 { root, .. } => {
                fs::write(root.join(&self.id).join("cgroup.freeze"), if frozen { "1" } else { "0" })
            }
        }
    }

    /// The most memory that all its processes held together, bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let path = match &self.groups {
            Groups::V1 { memory, .. } => memory.join(&self.id).join("memory.max_usage_in_bytes"),
            Groups::V2 { root, .. } => root.join(&self.id).join("memory.peak"),
        };
        number(&path)
    }

    /// Whether it met its limit of memory.
    pub(crate) fn memory_denied(&self) -> bool {
        match &self.groups {
            // Not its count of failures: where swap is limited too, that one stays at zero.
            Groups::V1 { memory, .. } => {
                self.peak_memory() >= number(&memory.join(&self.id).join("memory.limit_in_bytes"))
            }
            Groups::V2 { root, .. } => {
                let events = fs::read_to_string(root.join(&self.id).join("memory.events")).unwrap_or_default();
                let killed = events.lines().filter_map(|line| line.strip_prefix("oom_kill "));
                killed.filter_map(|count| count.trim().parse::<u64>().ok()).any(|count| count > 0)
            }
        }
    }

    /// Ends all its processes and removes the groups below its own.
    pub(crate) fn end(&self) {
        // What is frozen cannot die.
        let _thawed = self.freeze(false);
        for tree in self.groups.all_trees() {
            remove_below(&tree.join(&self.id));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        for tree in self.groups.all_trees() {
            remove(&tree.join(&self.id));
        }
    }
}

/// Ends what still runs in a group and removes it, with the groups below it.
fn remove(group: &Path) {
    remove_below(group);
    for _ in 0..REMOVALS {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            return;
        }
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        for process in members.lines().filter_map(|line| rustix::process::Pid::from_raw(line.parse().ok()?)) {
            let _gone = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn remove_below(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
}

fn number(path: &Path) -> u64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
