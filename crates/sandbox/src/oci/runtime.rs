//! The installed OCI runtime.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Open Containers' own.
    Runc,
    /// Red Hat's, in C.
    Crun,
}

impl Kind {
    /// Its command's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
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
        command.arg("--log").arg(log).args(["--log-format", "json"]);
        command.args(["run", "--no-new-keyring", "--bundle"]).arg(bundle).arg(id);
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
        let mut command = Command::new(&self.path);
        command.env_clear().arg("--root").arg(state);
        if self.kind == Kind::Crun {
            command.arg("--cgroup-manager=cgroupfs");
        }
        command
    }
}
