//! The installed OCI runtime.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where both versions of control groups are mounted, the second is.
const HYBRID: &str = "/sys/fs/cgroup/unified/cgroup.controllers";
/// Takes the second version of control groups out of sight, for the program that follows and what it starts alone.
const WITHOUT_SECOND: &str = r#"umount /sys/fs/cgroup/unified && exec "$0" "$@""#;
/// Where programs are looked for.
const FOLDERS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The first gVisor release that is given `systrap`.
const SYSTRAP_SINCE: u32 = 20_230_801;

/// Which runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Open Containers' own.
    Runc,
    /// Red Hat's, in C.
    Crun,
    /// gVisor's: containers speak to a kernel of its own, in a process without rights, and hardly to this machine's.
    Runsc,
}

impl Kind {
    /// Its command's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Runsc => "runsc",
        }
    }

    /// How it is got on Debian.
    fn remedy(self) -> &'static str {
        match self {
            Self::Runc => "apt-get install runc",
            Self::Crun => "apt-get install crun",
            Self::Runsc => "apt-get install runsc, or a newer and faster one from gvisor.dev",
        }
    }
}

/// An installed runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Which.
    pub kind: Kind,
    /// Its file.
    pub path: PathBuf,
    /// What it says of itself, one line.
    pub version: String,
}

/// Why there is no runtime to use.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// None is installed.
    #[error("no OCI runtime is installed; on Debian: apt-get install runc")]
    NotFound,
    /// The one that was asked for is not.
    #[error("{} is not installed; on Debian: {}", .0.name(), .0.remedy())]
    NotThere(Kind),
    /// It does not answer.
    #[error("{} does not say its version: {why}", path.display())]
    Silent {
        /// Its file.
        path: PathBuf,
        /// What happened instead.
        why: String,
    },
}

impl Runtime {
    /// The first runtime in these folders (a `PATH`).
    ///
    /// # Errors
    /// [`RuntimeError`]; where one is there and silent, that.
    pub fn find(folders: &OsStr) -> Result<Self, RuntimeError> {
        let mut silent = None;
        for kind in [Kind::Runc, Kind::Crun] {
            for folder in std::env::split_paths(folders) {
                let path = folder.join(kind.name());
                if path.is_file() {
                    match Self::at(kind, &path) {
                        Ok(runtime) => return Ok(runtime),
                        Err(error) => silent = Some(error),
                    }
                }
            }
        }
        Err(silent.unwrap_or(RuntimeError::NotFound))
    }

    /// The runtime of this kind in these folders (a `PATH`).
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn find_kind(kind: Kind, folders: &OsStr) -> Result<Self, RuntimeError> {
        let places = std::env::split_paths(folders).map(|folder| folder.join(kind.name()));
        match places.into_iter().find(|path| path.is_file()) {
            Some(path) => Self::at(kind, &path),
            None => Err(RuntimeError::NotThere(kind)),
        }
    }

    /// The runtime in this file.
    ///
    /// # Errors
    /// [`RuntimeError::Silent`].
    pub fn at(kind: Kind, path: &Path) -> Result<Self, RuntimeError> {
        let silent = |why: String| RuntimeError::Silent { path: path.to_owned(), why };
        let said = Command::new(path).arg("--version").stdin(Stdio::null()).output();
        let said = said.map_err(|error| silent(error.to_string()))?;
        let text = String::from_utf8_lossy(&said.stdout);
        match text.lines().next().filter(|_| said.status.success()) {
            Some(line) => Ok(Self { kind, path: path.to_owned(), version: line.trim().to_owned() }),
            None => Err(silent(String::from_utf8_lossy(&said.stderr).trim().to_owned())),
        }
    }

    /// The command to run a bundle in the foreground; what goes wrong with the runtime itself is in `log`.
    pub(crate) fn run(&self, state: &Path, bundle: &Path, id: &str, log: &Path) -> Command {
        let mut command = self.command(state);
        match self.kind {
            Kind::Runc | Kind::Crun => {
                command.arg("--log").arg(log).args(["--log-format", "json", "run", "--no-new-keyring", "--bundle"]);
                command.arg(bundle).arg(id);
            }
            Kind::Runsc => {
                command.arg("--log").arg(log).args(["--log-format=json", "run", "--bundle"]).arg(bundle).arg(id);
            }
        }
        command
    }

    /// Ends a container and forgets it; nothing happens where there is none.
    pub(crate) fn delete(&self, state: &Path, id: &str) {
        let mut command = self.command(state);
        command.args(["delete", "--force", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Gone already is as good.
        let _gone = command.status();
    }

    fn command(&self, state: &Path) -> Command {
        let mut command = match self.kind {
            // It refuses to work where a second version of control groups is mounted beside the first: it is not shown that.
            Kind::Crun if Path::new(HYBRID).exists() => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "--", "sh", "-c", WITHOUT_SECOND]).arg(&self.path);
                command
            }
            Kind::Runc | Kind::Crun | Kind::Runsc => Command::new(&self.path),
        };
        command.env_clear().env("PATH", FOLDERS);
        command.arg("--root").arg(state);
        match self.kind {
            Kind::Runc => {}
            Kind::Crun => {
                command.arg("--cgroup-manager=cgroupfs");
            }
            Kind::Runsc => {
                command
                    .args(["--network=none", "--file-access=exclusive"])
                    .arg(format!("--platform={}", self.platform()));
                if self.is_recent() {
                    command.arg("--overlay2=none");
                }
            }
        }
        command
    }

    /// By which means gVisor catches system calls: the fastest that needs no virtual machine.
    fn platform(&self) -> &'static str {
        if self.is_recent() { "systrap" } else { "ptrace" }
    }

    /// Whether gVisor is of a release that has the newer platform: its versions are dates, `release-20240729.0`.
    fn is_recent(&self) -> bool {
        let digits = self.version.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 8);
        digits.and_then(|date| date.parse::<u32>().ok()).is_some_and(|date| date >= SYSTRAP_SINCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gvisors_platform_goes_by_its_release() {
        let of =
            |version: &str| Runtime { kind: Kind::Runsc, path: "runsc".into(), version: version.to_owned() }.platform();
        assert_eq!(of("runsc version 0.0~20221219.0"), "ptrace");
        assert_eq!(of("runsc version release-20240729.0"), "systrap");
        assert_eq!(of("runsc version VERSION_MISSING"), "ptrace");
    }
}
