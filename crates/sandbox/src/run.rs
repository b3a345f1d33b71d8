//! What a run is given and what comes of it, whatever kind of program it is.

use crate::control::Control;
use results::{Outcome, Refusal, Tail};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use units::Digest;

/// How much of the beginning of standard output and standard error is kept for people to read.
pub(crate) const HEAD_BYTES: usize = 16 << 10;
/// How much of their end is.
pub(crate) const TAIL_BYTES: usize = 48 << 10;

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// SHA-256 of its bytes; checked when it is compiled.
    pub digest: Digest,
    /// Where its bytes are; read only where it has not been compiled before.
    pub source: Source,
}

/// Where a program's bytes are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In a file.
    File(PathBuf),
}

impl Program {
    /// A program in memory.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: results::sha256(&bytes), source: Source::Bytes(bytes) }
    }
}

/// A file that the program may read, at `/iexec_in/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path below `/iexec_in`, as [`results::check_path`] allows.
    pub name: String,
    /// Its content: a file of the host, which nothing may change during the run.
    pub file: PathBuf,
}

/// The most a program may use. Passing one is its failure, the same on every machine, time excepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time on the clock, held time not counted.
    pub time: Duration,
    /// Bytes of linear memory and tables.
    pub memory_bytes: u64,
    /// Bytes of all files in the output folder together, at any moment.
    pub output_bytes: u64,
    /// Files and folders in the output folder, at any moment.
    pub output_files: u64,
    /// Bytes on standard output.
    pub stdout_bytes: u64,
}

impl Default for Limits {
    /// 5 minutes, 1 GiB of memory, 1 GiB of output in 10,000 files, 16 MiB of standard output.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(300),
            memory_bytes: 1 << 30,
            output_bytes: 1 << 30,
            output_files: 10_000,
            stdout_bytes: 16 << 20,
        }
    }
}

/// One run of a program.
#[derive(Clone, Debug)]
pub struct Run {
    /// The program.
    pub program: Program,
    /// Arguments, without the program's own name, which is always `app`.
    pub args: Vec<String>,
    /// The environment, complete ([`Contract::env`](crate::Contract::env)).
    pub env: Vec<(String, String)>,
    /// The files under `/iexec_in`.
    pub inputs: Vec<Input>,
    /// The limits.
    pub limits: Limits,
    /// What the program's randomness is made from: the task's id, so that replicas draw the same.
    pub seed: [u8; 32],
    /// Whether NaNs are made canonical after every float operation: by the app's choice, for it costs up to 5× on float code.
    pub canonical_nans: bool,
    /// Whether the deal asks for a callback, so that `computed.json` must name callback data.
    pub callback: bool,
    /// The owner's hand on the run.
    pub control: Control,
}

impl Run {
    /// A run of a program with nothing but the default limits.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self {
            program,
            args: Vec::new(),
            env: Vec::new(),
            inputs: Vec::new(),
            limits: Limits::default(),
            seed: [0; 32],
            canonical_nans: false,
            callback: false,
            control: Control::new(),
        }
    }
}

/// The bytes of a result: the blob to upload.
#[derive(Debug)]
pub enum Package {
    /// A small one.
    Memory(Vec<u8>),
    /// A large one, in a file of the scratch folder that goes when this is dropped.
    File(tempfile::TempPath),
}

impl Package {
    /// All bytes.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(path) => std::fs::read(path),
        }
    }
}

/// How a run ended, where it ended with a result.
#[derive(Debug)]
pub struct Finished {
    /// The result.
    pub outcome: Outcome,
    /// The result's encoding: of a success the tree, of a failure the failure.
    pub package: Package,
    /// The beginning and the end of standard output.
    pub stdout: Tail,
    /// The beginning and the end of standard error.
    pub stderr: Tail,
    /// Of a failure, more words on it than the result holds: which trap and where, which import.
    pub detail: Option<String>,
    /// Time on the clock, held time not counted.
    pub elapsed: Duration,
    /// The most memory held, in bytes.
    pub peak_memory_bytes: u64,
    /// Whether it asked for more memory than its limit, however it took the refusal.
    pub memory_denied: bool,
}

/// Why a run ended without a result. Nothing of this is the program's fault.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// [`Control::cancel`] was called.
    #[error("the run was called off")]
    Cancelled,
    /// The program's bytes are not those that its digest names: fetch it again.
    #[error("the program is {found} and not {expected}")]
    WrongProgram {
        /// What was asked for.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// The program could not be read: fetch it again.
    #[error("the program could not be read")]
    Program(#[source] io::Error),
    /// An input could not be read, or its name cannot be a file's: fetch it again, or refuse the task.
    #[error("the input {name:?} could not be read")]
    Input {
        /// The input's name.
        name: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The scratch folder's disk failed or is full.
    #[error("the task's files could not be written")]
    Scratch(#[source] io::Error),
    /// The operating system had no memory where the task's limit still allowed it.
    #[error("this machine has too little memory to spare")]
    MemoryShort,
    /// WebAssembly's machinery failed on a program that is valid.
    #[error("the program could not be started here: {detail}")]
    Machinery {
        /// What the machinery said.
        detail: String,
    },
}

impl RunError {
    /// The reason to give the exchange.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Cancelled => Refusal::Cancelled,
            Self::WrongProgram { .. } | Self::Program(_) | Self::Input { .. } => Refusal::Fetch,
            Self::Scratch(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Refusal::DiskFull
            }
            Self::Scratch(_) | Self::Machinery { .. } => Refusal::Fault,
            Self::MemoryShort => Refusal::MemoryShort,
        }
    }
}

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder could not be made or read.
    #[error("the sandbox's folder {} could not be opened", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others could write compiled programs into the cache, which run without further checks.
    #[error("{} must belong to this user and be closed to others (chmod 700)", folder.display())]
    NotPrivate {
        /// The cache folder.
        folder: PathBuf,
    },
    /// WebAssembly cannot be run on this machine.
    #[error("WebAssembly cannot be run on this machine: {detail}")]
    Machinery {
        /// What the machinery said.
        detail: String,
    },
}
