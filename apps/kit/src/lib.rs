//! What a guest program needs to be an app's planner, prover or joiner.
//!
//! `hands` runs such a program on the requester's own machine, in the sandbox. It finds what was asked in
//! `/iexec_in/request.json` ([`Request`]) and the person's files below `/iexec_in/files`; a planner leaves a [`Plan`], or what
//! stands in its way ([`want`], [`refuse`]), in `plan.json` in its current folder. `docs/apps.md` has the whole of it.

mod plan;
mod request;

pub use plan::{Plan, Task, check, refuse, want};
pub use request::{BadRequest, Outcome, Range, Request};

/// Where the person's files are, each under its path.
pub const FILES: &str = "/iexec_in/files";
/// Where a prover finds the files of the one result it judges.
pub const RESULT: &str = "/iexec_in/result";
/// Where a joiner finds the files of all results.
pub const RESULTS: &str = "/iexec_in/results";

/// What the program ends with: a fault is said on standard error, and its exit code is 2.
pub fn ended(done: Result<(), Box<dyn std::error::Error>>) -> std::process::ExitCode {
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::from(2)
        }
    }
}
