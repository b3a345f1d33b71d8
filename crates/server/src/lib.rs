//! The operator's shell around the market: HTTP, worker gateway, the loop.
//!
//! [`Server::start`] opens a data folder (making it on the first start), replays the journal and listens. One thread owns
//! market and journal (`core`); tasks on other threads read requests, check limits and recover signers, and send typed
//! requests to it. Invariants: nothing leaves the process before the entries behind it are durable; if the journal cannot
//! write, nothing is acknowledged any more and [`ServerHandle::join`] says why; nothing is allocated on the word of a
//! stranger beyond the limits in [`api::limits`]; an account stores no more than it may; a blob is shown to a task's parties only.

mod access;
mod blob_access;
mod changes;
mod clock;
mod convert;
mod core;
mod extract;
mod folder;
mod gateway;
mod history;
mod http;
mod judges;
mod openapi;
mod order;
mod package;
mod problem;
mod rpc;
mod shared;
mod start;
mod storage;
mod words;
mod worker;

pub use core::LoopError;
pub use folder::{Endpoint, FolderError};
pub use judges::Retrial;
pub use openapi::document as openapi;
pub use start::{Config, Server, ServerHandle, StartError};
pub use storage::StorageLimits;
