//! A whole market under one seed: the real rules and policy, the agents' real policy, and a simulated network, disk and
//! clock that fail.
//!
//! [`simulate`] unfolds a seed into a fleet, jobs and weather, lives through it, and checks after each durable turn what must
//! be so (docs/simulation.md has the list). Invariants: equal seeds make equal runs, on every machine: nothing here reads a
//! clock, draws other chance, or starts a thread; the system under test is not altered for it.
#![expect(clippy::wildcard_enum_match_arm, reason = "a spectator takes note of some of what happens")]

mod checks;
mod clock;
mod dice;
mod disk;
mod machine;
mod network;
mod reference;
pub mod report;
mod scenario;
mod system;
mod transition;
mod words;

pub use transition::Figures;

use std::panic::{AssertUnwindSafe, catch_unwind};
use transition::World;

/// Something that must not be, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: String,
    /// By what.
    pub detail: String,
    /// What became of the task it is about, if it is about one.
    pub life: Vec<String>,
    /// Who takes part, and the last steps before.
    pub steps: Vec<String>,
}

/// What became of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was found, if anything.
    pub finding: Option<Finding>,
    /// How much happened.
    pub figures: Figures,
}

/// Lives through a seed.
#[must_use]
pub fn simulate(seed: u64) -> Report {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    let steps = || world.trace();
    let finding = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(Finding {
            rule: fault.rule.to_owned(),
            detail: fault.detail,
            life: fault.task.map(|task| world.life(task)).unwrap_or_default(),
            steps: steps(),
        }),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let detail = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned();
            Some(Finding {
                rule: "no invariant of the code is broken".to_owned(),
                detail,
                life: Vec::new(),
                steps: steps(),
            })
        }
    };
    Report { seed, finding, figures: world.figures }
}
