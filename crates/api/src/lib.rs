//! Wire types and versions: HTTP under `/v1`, the worker protocol, deal params. The iExec gateway's shapes are in [`gateway`].
//!
//! Invariants: these are not the domain's types (shells convert); every list, frame and text has its limit in [`limits`];
//! amounts are decimal strings of nano-credits, times milliseconds since the Unix epoch, bytes `0x…`, digests `sha256:…`.

pub mod account;
mod check;
pub mod chunks;
pub mod error;
pub mod exchange;
pub mod explain;
pub mod files;
pub mod gateway;
pub mod image;
pub mod job;
pub mod limits;
pub mod order;
pub mod package;
pub mod params;
pub mod provider;
pub mod receipt;
pub mod worker;
