//! Runs one task of a stranger's program; the only starter of programs.
//!
//! [`Sandbox::run`] takes a WebAssembly command (WASI preview 1) and runs it in a world that is the task's own: the files it
//! is given under `/iexec_in`, a folder `/iexec_out` that is also its current folder, arguments, environment, and nothing
//! else. Invariants, each held by construction:
//!
//! - **No way out.** Names that a program uses never reach the host: its folders are a tree in memory whose contents lie
//!   in files with names of our choosing. There is no network, no other process, no clock of the host, no entropy.
//! - **Replicas agree bit for bit.** Clock, randomness, order of folders, file times, inode numbers and error codes depend
//!   on the task alone (`docs/task-world.md`); relaxed SIMD and threads are off.
//! - **Every run ends.** Time, memory, output and number of files are limited as they are used; passing a limit is a
//!   [`Failure`](results::Failure) of the program, a full disk here is a [`RunError`] and no result.
//!
//! Symbolic and hard links are refused (`ENOTSUP`), so a result holds regular files only.
//!
//! Containers are the other kind of program: [`Containers::run`] starts one by an installed OCI runtime, with the same
//! limits and the same [`Finished`].
//!
//! [`Sandbox::judge`] has a program say whether a result is as good as another, or right by itself.

mod contract;
mod control;
mod judge;
#[cfg(target_os = "linux")]
mod oci;
mod run;
mod wasm;
mod world;

pub use contract::{Contract, INPUT_FOLDER, OUTPUT_FOLDER, expand_out, split_arguments};
pub use control::Control;
pub use judge::{Case, JUDGE_TIME, Open, Verdict};
#[cfg(target_os = "linux")]
pub use oci::{ContainerRun, Containers, ContainersError, FIRST_ID, Kind, Runtime, RuntimeError};
pub use run::{Finished, Input, Limits, OpenError, Package, Program, Run, RunError, Source};
pub use wasm::Sandbox;
