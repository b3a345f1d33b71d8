//! What the runtime is told: the OCI runtime specification's `config.json`.

use super::cgroup::Group;
use super::{ContainerRun, FIRST_ID, House, disk, seccomp};
use crate::contract::{INPUT_FOLDER, OUTPUT_FOLDER};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use serde_json::{Value, json};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a shell says of a program that is not there.
pub(crate) const NOT_FOUND: u32 = 127;
/// What a shell says of a file that is no program.
const NOT_EXECUTABLE: u32 = 126;
/// Where programs are looked for unless the image says otherwise.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes of `/dev/shm`.
const SHARED_MEMORY: u64 = 64 << 20;
/// What a container must not see of the machine.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
/// What it may see and not change.
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The command to execute: the program's place in the image, and its arguments. An error is the exit code that every
/// machine gives for a program that cannot be started.
pub(crate) fn program(run: &ContainerRun) -> Result<Vec<String>, u32> {
    let name = run.command.first().filter(|name| !name.is_empty()).ok_or(NOT_FOUND)?;
    let no_root = |_| NOT_FOUND;
    let root = rustix::fs::open(&run.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let root = root.map_err(no_root)?;
    let places: Vec<String> = if name.starts_with('/') {
        vec![name.clone()]
    } else if name.contains('/') {
        vec![format!("{}/{name}", run.folder)]
    } else {
        let path = run.env.iter().find(|(key, _)| key == "PATH").map_or(DEFAULT_PATH, |(_, value)| value);
        path.split(':').map(|folder| format!("{folder}/{name}")).collect()
    };
    let mut code = NOT_FOUND;
    for place in places {
        match executable(&root, &place) {
            Some(true) => {
                let arguments = run.command.iter().skip(1).cloned();
                return Ok(std::iter::once(place).chain(arguments).collect());
            }
            Some(false) => code = NOT_EXECUTABLE,
            None => {}
        }
    }
    Err(code)
}

/// Whether a file of the image is executable; `None` where there is none.
fn executable(root: &OwnedFd, place: &str) -> Option<bool> {
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = rustix::fs::openat2(root, place, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), within).ok()?;
    let stat = rustix::fs::statat(&file, "", AtFlags::EMPTY_PATH).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Some(is_file && stat.st_mode & 0o111 != 0)
}

/// The specification of a run.
pub(crate) fn spec(run: &ContainerRun, command: &[String], house: &House, group: &Group) -> Value {
    let env: Vec<String> = run.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let folder = if run.folder.is_empty() { OUTPUT_FOLDER } else { &run.folder };
    let no_capabilities: [&str; 0] = [];
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "user", "cgroup"].map(|kind| json!({ "type": kind }));
    let ids = json!([{ "containerID": 0, "hostID": FIRST_ID, "size": 65_536 }]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": command,
            "env": env,
            "cwd": folder,
            "noNewPrivileges": true,
            "capabilities": {
                "bounding": no_capabilities, "effective": no_capabilities, "inheritable": no_capabilities,
                "permitted": no_capabilities, "ambient": no_capabilities,
            },
            "rlimits": [
                limit("RLIMIT_CORE", 0),
                limit("RLIMIT_FSIZE", run.limits.output_bytes),
                limit("RLIMIT_NOFILE", 1_024),
            ],
        },
        "root": { "path": run.root, "readonly": true },
        "hostname": "task",
        "mounts": mounts(run, house),
        "linux": {
            "namespaces": namespaces,
            "uidMappings": ids,
            "gidMappings": ids,
            "cgroupsPath": group.path(),
            "resources": resources(run, house, group),
            "rootfsPropagation": "private",
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": seccomp::filter(),
        },
    })
}

/// What the runtime itself sees to on the container's own groups.
fn resources(run: &ContainerRun, house: &House, group: &Group) -> Value {
    let mut resources = json!({ "devices": [{ "allow": false, "access": "rwm" }] });
    let disks = disk::disks([run.root.as_path(), &house.inputs, &house.out]);
    if group.limits_disks() && !disks.is_empty() {
        resources["blockIO"] = disk::limits(&disks);
    }
    resources
}

fn limit(name: &str, most: u64) -> Value {
    json!({ "type": name, "hard": most, "soft": most })
}

fn mounts(run: &ContainerRun, house: &House) -> Vec<Value> {
    let temporary = run.limits.memory_bytes / 2;
    let mount = |place: &str, kind: &str, options: &[String]| json!({ "destination": place, "type": kind, "source": kind, "options": options });
    let bind = |place: &str, source: &Path, options: &[&str]| json!({ "destination": place, "type": "bind", "source": source, "options": options });
    let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let sized = |list: &[&str], bytes: u64| {
        let mut options = words(list);
        options.push(format!("size={bytes}"));
        options
    };
    vec![
        mount("/proc", "proc", &words(&["nosuid", "noexec", "nodev"])),
        mount("/dev", "tmpfs", &sized(&["nosuid", "noexec", "strictatime", "mode=755"], 64 << 10)),
        mount("/dev/shm", "tmpfs", &sized(&["nosuid", "noexec", "nodev", "mode=1777"], SHARED_MEMORY.min(temporary))),
        mount("/tmp", "tmpfs", &sized(&["nosuid", "nodev", "mode=1777"], temporary)),
        bind(INPUT_FOLDER, &house.inputs, &["rbind", "ro", "nosuid", "nodev", "noexec", "private"]),
        bind(OUTPUT_FOLDER, &house.out, &["rbind", "rw", "nosuid", "nodev", "private"]),
    ]
}
