//! The provider's shell: connects, fetches, runs, contributes.
//!
//! [`Agent::start`] turns this machine into a worker of an exchange. What it decides is in [`policy`], which does no I/O; the
//! rest of the crate does what it hands out: a connection that is made again when it breaks, files fetched by digest into a
//! [`Cache`], tasks run in the sandbox on as many threads as the owner lends cores, results kept until they are settled.
//!
//! Invariants: only digests that were checked are run; a task sees its own files, read only, and no others; the owner's caps
//! hold whatever a deal asks; finished work outlives connections and the exchange's restarts; nothing is retried for ever
//! but the connection.

mod benchmark;
mod cache;
mod clock;
mod config;
#[cfg(target_os = "linux")]
mod containers;
mod fetch;
mod handle;
mod heat;
mod honesty;
mod http;
mod idle;
mod kit;
mod link;
pub mod policy;
mod processor;
mod runner;
mod shell;
mod sign;
mod table;
mod upload;

pub use cache::{Cache, CacheError};
#[cfg(target_os = "linux")]
pub use config::ContainerPolicy;
pub use config::{Config, Heat, HeatDemand, Honesty, Owner, PoolChoice, Timing, When};
#[cfg(target_os = "linux")]
pub use containers::{ContainerHost, ContainerHostError, OwnImage, OwnTask};
pub use handle::{Agent, AgentError, AgentHandle, StartError, State, Status};
