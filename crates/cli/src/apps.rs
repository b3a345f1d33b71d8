//! Apps with a manifest: `hands render`, `hands search` and whatever is published next, none of them a special case here.
//!
//! [`Catalog`] knows them and makes their command lines; [`planner`] runs an app's own programs in the sandbox of this machine;
//! [`errand`] is what becomes of a command: a trial, a quote, a job, its results joined, a signed receipt.

mod catalog;
mod command;
mod errand;
mod joined;
mod local;
mod onlooker;
pub(crate) mod package;
mod planner;
mod program;
mod quoting;
mod receipt;

pub(crate) use catalog::{Catalog, Known, Origin};
pub(crate) use command::Ordered;
pub(crate) use errand::{Errand, Leave, resume, run};
pub(crate) use onlooker::{Onlooker, tell_proof};
pub(crate) use planner::Proof;
