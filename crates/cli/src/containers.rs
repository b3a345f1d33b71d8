//! What the owner of this machine lets container images be, as it is typed, and what came of it.

use crate::home::Lock;
use agent::{ContainerHost, ContainerHostError, ContainerPolicy};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use images::{Credentials, PUBLIC_REGISTRIES, Registries};
use sandbox::{Kind, Runtime};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where images are kept where the data folder is closed to containers' users.
const COMMON_FOLDER: &str = "/var/lib/manyhands";
/// Where runtimes are that a person's PATH may lack.
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// What images may take on this disk, bytes.
const IMAGES_BYTES: u64 = 40 << 30;

/// Container images on this machine.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Container images")]
pub(crate) struct ContainerArgs {
    /// Runs no container images here. Default: they are run where a runtime is installed; `hands doctor` says.
    #[arg(long, conflicts_with_all = ["runtime", "registries", "registry_logins"])]
    no_containers: bool,
    /// The runtime. Default: runc, else crun.
    #[arg(long, value_enum, value_name = "NAME")]
    runtime: Option<RuntimeArg>,
    /// One more registry that images are fetched from, as HOST or HOST:PORT, or with http:// before it for one without TLS; may be given
    /// many times. Large public ones are fetched from anyway.
    #[arg(long = "registry", value_name = "HOST")]
    pub(crate) registries: Vec<String>,
    /// Sign-ins for registries, as `docker login` writes them. Whoever names an image that they open may run it here.
    #[arg(long, value_name = "FILE")]
    registry_logins: Option<PathBuf>,
    /// Where images are kept. Default: in the data folder, or in /var/lib/manyhands where that is closed to others.
    #[arg(long, value_name = "DIR", env = "MANYHANDS_CONTAINERS", hide_env_values = true)]
    images_in: Option<PathBuf>,
}

/// A runtime, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RuntimeArg {
    /// Open Containers' own.
    Runc,
    /// Red Hat's.
    Crun,
    /// gVisor's: the strongest, a kernel of its own between programs and this machine's; slower to start.
    Runsc,
}

/// Containers that this process runs; the lock keeps others from its folder.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) host: ContainerHost,
    _lock: Lock,
}

/// Whether this machine runs containers.
#[derive(Debug)]
pub(crate) enum Found {
    Ready(Ready),
    /// The owner said no.
    Unwanted,
    /// What is missing.
    Missing(ContainerHostError),
}

impl Found {
    /// What runs them, if something does.
    pub(crate) fn host(&self) -> Option<ContainerHost> {
        match self {
            Self::Ready(ready) => Some(ready.host.clone()),
            Self::Unwanted | Self::Missing(_) => None,
        }
    }
}

impl ContainerArgs {
    /// For a person's own work on an embedded exchange: with these registries beside the public ones, or none at all.
    pub(crate) fn of_embedded(registries: Option<&[String]>) -> Self {
        let images_in = std::env::var_os("MANYHANDS_CONTAINERS").map(PathBuf::from);
        let (no_containers, registries) = (registries.is_none(), registries.unwrap_or_default().to_vec());
        Self { no_containers, registries, images_in, ..Self::default() }
    }

    /// Readies this machine. What was asked for by name and is not there is an error.
    pub(crate) fn open(&self, folder: &Path) -> anyhow::Result<Found> {
        if self.no_containers {
            return Ok(Found::Unwanted);
        }
        let base = match &self.images_in {
            Some(named) => std::path::absolute(named)?,
            None if is_passable(folder) => folder.join("containers"),
            None => PathBuf::from(COMMON_FOLDER),
        };
        let policy = self.policy()?;
        // Before a folder is made, or a lock taken: many machines run no containers.
        match ContainerHost::check(&policy) {
            Err(missing) if self.is_asked_for() => return Err(missing.into()),
            Err(missing) => return Ok(Found::Missing(missing)),
            Ok(()) => {}
        }
        let (own, lock) = free_place(&base)?;
        match ContainerHost::open(&own, policy) {
            Ok(host) => Ok(Found::Ready(Ready { host, _lock: lock })),
            Err(missing) if self.is_asked_for() => Err(missing.into()),
            Err(missing) => Ok(Found::Missing(missing)),
        }
    }

    fn is_asked_for(&self) -> bool {
        self.runtime.is_some() || !self.registries.is_empty() || self.registry_logins.is_some()
    }

    fn policy(&self) -> anyhow::Result<ContainerPolicy> {
        let mut registries = Registries::default();
        self.registries.iter().for_each(|registry| registries.allow(registry));
        let credentials = match &self.registry_logins {
            None => std::collections::BTreeMap::new(),
            Some(file) => Credentials::read_logins(file)
                .with_context(|| format!("{} has no sign-ins as `docker login` writes them", file.display()))?,
        };
        let runtime = self.runtime.map(|runtime| match runtime {
            RuntimeArg::Runc => Kind::Runc,
            RuntimeArg::Crun => Kind::Crun,
            RuntimeArg::Runsc => Kind::Runsc,
        });
        Ok(ContainerPolicy { runtime, search: search_path(), registries, credentials, cap_bytes: IMAGES_BYTES })
    }
}

/// The registries that an open exchange sells images from: the public ones and these.
pub(crate) fn listed(registries: &[String]) -> BTreeSet<String> {
    let host = |text: &String| {
        let text = text.trim_start_matches("http://").trim_start_matches("https://");
        text.trim_end_matches('/').to_owned()
    };
    PUBLIC_REGISTRIES.iter().map(|&host| host.to_owned()).chain(registries.iter().map(host)).collect()
}

fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Whether containers' users can pass through a folder and all above it, as far as they are there.
fn is_passable(folder: &Path) -> bool {
    let passable = |it: &Path| std::fs::metadata(it).is_ok_and(|it| it.permissions().mode() & 0o001 != 0);
    folder.ancestors().filter(|it| it.exists()).all(passable)
}

/// The first folder of its kind that no other process has.
fn free_place(base: &Path) -> anyhow::Result<(PathBuf, Lock)> {
    for number in 0_u32.. {
        let own = base.join(number.to_string());
        if let Some(lock) = Lock::take(&own)? {
            return Ok((own, lock));
        }
    }
    unreachable!("some folder is free")
}

/// Whether the strongest runtime is here, in words.
pub(crate) fn strongest() -> String {
    match Runtime::find_kind(Kind::Runsc, &search_path()) {
        Ok(found) => format!("{}, with `--runtime runsc`", found.version),
        Err(missing) => format!("no: {missing}"),
    }
}
