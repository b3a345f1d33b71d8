//! What an app says of itself ([`Manifest`]), what its planner says of a job ([`Answer`]), and what is quoted from a trial
//! ([`quote`]).
//!
//! An app is a folder with a `manyhands.toml` and the WebAssembly files that it names; `docs/apps.md` shows how to make one.
//! Nothing here opens a file or starts a program. Invariants: a manifest that is taken has no key that is not understood; every
//! mistake names its line and what would be right; what a planner answers is checked before anything of it is believed.

mod app;
mod argument;
mod plan;
pub mod quote;
mod reader;

pub use app::{Check, ImageSource, Manifest, Program, Source};
pub use argument::{Argument, BadValue, Kind, RESERVED, Value};
pub use plan::{Answer, BadAnswer, JOINED, Joined, Plan, Request, ResultOf, Task, TaskOf, last_name};
pub use reader::{Mistake, Mistakes};

/// The name of a manifest in its app's folder.
pub const FILE: &str = "manyhands.toml";
