//! Stragglers, and a hundred thousand machines for a day.

use super::fleet::Fleet;
use super::hand::Make;
use super::play::Play;
use super::setup::{FLOOR, Job, Setup, Tally};

/// How one machine of a job's fleet is.
pub(crate) const STRAGGLERS: &[(&str, Play)] =
    &[("healthy", Play::Honest), ("hung", Play::Hung), ("slow", Play::Slow { times: 20 }), ("silent", Play::Silent)];

/// How long a job of a hundred tasks takes on ten machines, of which one is like this, until its requester has every result,
/// be it provisional; milliseconds.
pub(crate) fn makespan_ms(seed: u64, play: Play) -> u64 {
    let plays = |number| if number == 0 { play } else { Play::Honest };
    let make = |number| Make { play: plays(number), cores: 1, slots: 2, category: 0, floor: FLOOR };
    let setup = Setup {
        seed,
        pool: 0,
        run_ms: (25_000, 30_000),
        step_ms: 100,
        machines: (0..10).map(make).collect(),
        jobs: vec![Job::plain(0, 1, 100)],
        purse: 0,
        scores: Vec::new(),
        churn: 0.0,
    };
    Fleet::new(setup).run(86_400_000).delivered_ms
}

/// Reallocations an hour among a hundred machines, as SaladCloud measured them.
const CHURN: f64 = 1.1;
/// How long the simulated day is.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// So many machines of one core, with tasks of about an hour for all of them, for a day.
pub(crate) fn day(seed: u64, machines: u64) -> Tally {
    let make = |_| Make { play: Play::Honest, cores: 1, slots: 1, category: 3, floor: FLOOR };
    let jobs = 8;
    // Tasks for a little more than the day.
    let size = machines * 25 / jobs;
    let setup = Setup {
        seed,
        pool: 0,
        run_ms: (45 * 60_000, 75 * 60_000),
        step_ms: 10_000,
        machines: (0..machines).map(make).collect(),
        jobs: (0..jobs).map(|number| Job { category: 3, ..Job::plain(number, 1, size) }).collect(),
        purse: 0,
        scores: Vec::new(),
        churn: CHURN,
    };
    Fleet::new(setup).run(DAY_MS)
}
