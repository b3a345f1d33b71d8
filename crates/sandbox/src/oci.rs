//! Containers, started by an installed OCI runtime (`runc`, or `crun`), each in namespaces of its own.
//!
//! Invariants, each with a hostile program in `tests/it/containers.rs`:
//!
//! - **No way out.** A user namespace whose root is nobody on the host, no capabilities, no new privileges, a network with
//!   nothing in it, a read-only root, no devices but the harmless ones, and a list of the system calls that are allowed:
//!   what is not on it does not exist.
//! - **Every run ends, within its limits**: memory, processes, processor time a second, bytes and files of output, standard
//!   output, time on the clock. What is limited by control groups is limited for all its processes together.
//! - **Nothing stays**: processes, mounts, control groups and files go with the run, and what a killed agent left is swept
//!   when the next one opens.
//!
//! A container's clock, randomness and processor are the machine's, so replicas need not agree bit for bit; what a program
//! makes of that is for the app's own rule of comparison. Linux only.

mod cgroup;
mod disk;
mod output;
mod runtime;
mod seccomp;
mod spec;
mod watch;

pub use runtime::{Kind, Runtime, RuntimeError};

use crate::control::Control;
use crate::run::{Finished, Input, Limits, Package, RunError};
use crate::world::Collected;
use cgroup::Groups;
use results::{Failure, Outcome};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use watch::Ended;

/// The first of the users and groups of this machine that containers' own are mapped to; 65,536 of them. Nobody's.
pub const FIRST_ID: u32 = 0x4d48_0000;

/// Memory of gVisor's own kernel.
const KERNEL_BYTES: u64 = 64 << 20;
/// Threads of gVisor's own kernel.
const KERNEL_THREADS: u64 = 1_024;
/// The folders of an image that something is mounted over.
const MOUNT_POINTS: &[&str] = &["dev", "iexec_in", "iexec_out", "proc", "tmp"];

/// One run of a container.
#[derive(Clone, Debug)]
pub struct ContainerRun {
    /// The image's unpacked files, given to [`FIRST_ID`]; they are only read.
    pub root: PathBuf,
    /// The program and its arguments; the program is looked for in `PATH` where its name has no `/`.
    pub command: Vec<String>,
    /// The environment, complete.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub folder: String,
    /// The files under `/iexec_in`.
    pub inputs: Vec<Input>,
    /// The limits.
    pub limits: Limits,
    /// Processes and threads at once.
    pub processes: u64,
    /// Cores it may keep busy, in thousandths.
    pub milli_cores: u64,
    /// Whether standard output belongs to the result: by the app's word, for it is often full of times.
    pub stdout_counts: bool,
    /// Whether the deal asks for a callback.
    pub callback: bool,
    /// The owner's hand on the run.
    pub control: Control,
}

/// Starts containers.
#[derive(Debug)]
pub struct Containers {
    runtime: Runtime,
    /// Runs' folders, and the runtime's own state.
    scratch: PathBuf,
    groups: Groups,
    started: AtomicU64,
}

/// Why containers cannot be run on this machine.
#[derive(Debug, thiserror::Error)]
pub enum ContainersError {
    /// Only root can give containers control groups and users of their own.
    #[error("containers need an agent that runs as root (it gives them users that are nobody, and limits)")]
    NotRoot,
    /// No control groups that could limit them.
    #[error("this machine has no control groups for {0}: containers could not be limited")]
    NoLimits(&'static str),
    /// The folder for their files.
    #[error("the folder {} cannot be used for containers: {why}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why not.
        why: String,
    },
}

impl Containers {
    /// Whether this process could run containers here: it is root, and the machine can limit them.
    ///
    /// # Errors
    /// [`ContainersError`].
    pub fn check() -> Result<(), ContainersError> {
        if !rustix::process::geteuid().is_root() {
            return Err(ContainersError::NotRoot);
        }
        Groups::find().map(drop)
    }

    /// Readies this machine: `scratch` is made, and what an agent that was killed left there is swept.
    ///
    /// # Errors
    /// [`ContainersError`].
    pub fn open(runtime: Runtime, scratch: &Path) -> Result<Self, ContainersError> {
        Self::check()?;
        let refused = |why: String| ContainersError::Folder { folder: scratch.to_owned(), why };
        fs::create_dir_all(scratch.join("state")).map_err(|error| refused(error.to_string()))?;
        let scratch = scratch.canonicalize().map_err(|error| refused(error.to_string()))?;
        for folder in scratch.ancestors() {
            let open = fs::metadata(folder).is_ok_and(|it| it.permissions().mode() & 0o001 != 0);
            if !open {
                return Err(refused(format!("containers' users cannot pass through {}", folder.display())));
            }
        }
        let groups = Groups::find()?;
        let containers = Self { runtime, scratch, groups, started: AtomicU64::new(0) };
        containers.sweep().map_err(|error| refused(error.to_string()))?;
        Ok(containers)
    }

    /// The runtime in use.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Runs a container to its end. Blocks.
    ///
    /// # Errors
    /// [`RunError`] for whatever is not the program's doing.
    pub fn run(&self, run: &ContainerRun) -> Result<Finished, RunError> {
        let command = match spec::program(run) {
            Ok(command) => command,
            Err(code) => return Ok(failed_to_start(code, run)),
        };
        let house = House::build(&self.scratch, run)?;
        let ready = MOUNT_POINTS.iter().try_for_each(|name| mount_point(&run.root.join(name)));
        ready.map_err(RunError::Scratch)?;
        let id = format!("hands-{}-{}", std::process::id(), self.started.fetch_add(1, Ordering::Relaxed));
        let group = self.groups.make(&id, &self.with_room(run)).map_err(|error| machinery(&error))?;
        let spec = spec::spec(run, &command, &house, &group);
        let text = serde_json::to_vec(&spec).map_err(|error| machinery(&error))?;
        fs::write(house.bundle.join("config.json"), text).map_err(RunError::Scratch)?;
        let ended = watch::watch(&self.runtime, &self.scratch.join("state"), &id, &house, &group, run);
        self.runtime.delete(&self.scratch.join("state"), &id);
        let peak = group.peak_memory();
        let denied = group.memory_denied();
        drop(group);
        self.conclude(run, ended?, &house, (peak, denied))
    }

    /// The run's limits, with room for the runtime's own kernel where it has one, which lives within them.
    fn with_room(&self, run: &ContainerRun) -> ContainerRun {
        let mut run = run.clone();
        if self.runtime.kind == Kind::Runsc {
            run.limits.memory_bytes = run.limits.memory_bytes.saturating_add(KERNEL_BYTES);
            run.processes = run.processes.saturating_add(KERNEL_THREADS);
        }
        run
    }

    fn conclude(
        &self,
        run: &ContainerRun,
        ended: Ended,
        house: &House,
        memory: (u64, bool),
    ) -> Result<Finished, RunError> {
        let (peak_memory_bytes, memory_denied) = memory;
        let mut left_out = Vec::new();
        let mut failure = ended.failure(memory_denied);
        let mut collected = None;
        if failure.is_none() {
            match output::collect(run, &house.out, ended.stdout_file, &self.scratch, &mut left_out) {
                Ok(found) => collected = Some(found),
                Err(crate::world::Stop::Fail(broken)) => failure = Some(broken),
                Err(crate::world::Stop::Cancelled) => return Err(RunError::Cancelled),
                Err(crate::world::Stop::Scratch(error) | crate::world::Stop::Input(_, error)) => {
                    return Err(RunError::Scratch(error));
                }
                Err(crate::world::Stop::Exit(_) | crate::world::Stop::MemoryShort) => {
                    return Err(RunError::MemoryShort);
                }
            }
        }
        let (outcome, package) = match (failure, collected) {
            (None, Some(Collected { success, package })) => (Outcome::Success(success), package),
            (failure, _) => {
                let failure = failure.unwrap_or(Failure::Computed);
                (Outcome::Failure(failure), Package::Memory(failure.encode()))
            }
        };
        let mut detail = failure.map(|failure| failure.to_string());
        if !left_out.is_empty() {
            detail = Some(format!("links and special files are no results and were left out: {}", left_out.join(", ")));
        }
        Ok(Finished {
            outcome,
            package,
            stdout: ended.stdout,
            stderr: ended.stderr,
            detail,
            elapsed: ended.elapsed,
            peak_memory_bytes,
            memory_denied,
        })
    }

    /// Ends and removes what an agent that was killed left here: containers, control groups, folders.
    fn sweep(&self) -> io::Result<()> {
        let state = self.scratch.join("state");
        for entry in fs::read_dir(&state)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            self.runtime.delete(&state, &name);
        }
        self.groups.sweep();
        for entry in fs::read_dir(&self.scratch)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name != "state") {
                if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
            }
        }
        Ok(())
    }
}

/// Makes a folder of an image that lacks it. A link of that name stays: the runtime resolves it with the image as its root.
fn mount_point(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => chown(folder, Some(FIRST_ID), Some(FIRST_ID)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A run's folders, which go with it.
#[derive(Debug)]
pub(crate) struct House {
    /// What the runtime reads.
    pub(crate) bundle: PathBuf,
    /// `/iexec_in`.
    pub(crate) inputs: PathBuf,
    /// `/iexec_out`.
    pub(crate) out: PathBuf,
    /// Standard output as a file, where it belongs to the result.
    pub(crate) stdout: PathBuf,
    _folder: TempDir,
}

impl House {
    fn build(scratch: &Path, run: &ContainerRun) -> Result<Self, RunError> {
        let made = || -> io::Result<(TempDir, PathBuf)> {
            let folder = TempDir::with_prefix_in("run-", scratch)?;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
            for name in ["bundle", "in", "out"] {
                fs::create_dir(folder.path().join(name))?;
                fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o755))?;
            }
            chown(folder.path().join("out"), Some(FIRST_ID), Some(FIRST_ID))?;
            let path = folder.path().to_owned();
            Ok((folder, path))
        };
        let (folder, path) = made().map_err(RunError::Scratch)?;
        for input in &run.inputs {
            let failed = |source| RunError::Input { name: input.name.clone(), source };
            results::check_path(&input.name)
                .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            let place = path.join("in").join(&input.name);
            copy_in(&input.file, &place).map_err(failed)?;
        }
        let [bundle, inputs, out, stdout] = ["bundle", "in", "out", "stdout"].map(|name| path.join(name));
        Ok(Self { bundle, inputs, out, stdout, _folder: folder })
    }
}

/// Puts an input where the container sees it; a copy that shares its blocks where the file system can.
fn copy_in(file: &Path, place: &Path) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    if place.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::copy(file, place)?;
    fs::set_permissions(place, fs::Permissions::from_mode(0o444))
}

/// A program that is not in its image, or cannot be executed: what a shell would say of it, on every machine.
fn failed_to_start(code: u32, run: &ContainerRun) -> Finished {
    let failure = Failure::Exit { code };
    let name = run.command.first().map_or("", String::as_str);
    let why = if code == spec::NOT_FOUND { "is not in the image" } else { "cannot be executed" };
    Finished {
        outcome: Outcome::Failure(failure),
        package: Package::Memory(failure.encode()),
        stdout: results::Tail::default(),
        stderr: results::Tail::default(),
        detail: Some(format!("the program `{name}` {why}")),
        elapsed: std::time::Duration::ZERO,
        peak_memory_bytes: 0,
        memory_denied: false,
    }
}

fn machinery(error: &dyn std::fmt::Display) -> RunError {
    RunError::Machinery { detail: error.to_string() }
}
