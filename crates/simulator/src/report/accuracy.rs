//! What share of wrong results is accepted, and for how much work.

use super::baseline::{self, Outcome};
use super::fleet::Fleet;
use super::hand::Make;
use super::play::Play;
use super::setup::{FLOOR, Job, Setup, Tally};

/// Requesters who share the fleet.
const REQUESTERS: u64 = 4;
/// Tasks take a tenth of their category's time at the most.
const RUN_MS: (u64, u64) = (20_000, 30_000);
/// Tasks that a machine runs at once.
const CORES: u32 = 8;

/// A fleet with liars in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crew {
    pub(crate) workers: u64,
    pub(crate) jobs_each: u64,
    /// Liars among a hundred.
    pub(crate) percent: u64,
    pub(crate) play: Play,
}

impl Crew {
    pub(crate) fn tasks(&self) -> u64 {
        self.workers * self.jobs_each
    }

    /// Who plays what: liars are spread evenly.
    pub(crate) fn plays(&self) -> Vec<Play> {
        let liars = (self.workers * self.percent).div_ceil(100);
        let is_liar = |number: u64| (number + 1) * liars / self.workers > number * liars / self.workers;
        (0..self.workers).map(|number| if is_liar(number) { self.play } else { Play::Honest }).collect()
    }
}

/// The market's own way: audits at trust 1, replicas and the gate above.
pub(crate) fn market(seed: u64, crew: &Crew, trust: u64) -> Tally {
    let make = |play| Make { play, cores: CORES, slots: CORES, category: 0, floor: FLOOR };
    let job = |number| Job::plain(number, trust, crew.tasks() / REQUESTERS);
    let setup = Setup {
        seed,
        pool: 0,
        run_ms: RUN_MS,
        step_ms: 5_000,
        machines: crew.plays().into_iter().map(make).collect(),
        jobs: (0..REQUESTERS).map(job).collect(),
        purse: 0,
        scores: Vec::new(),
        churn: 0.0,
    };
    Fleet::new(setup).run(u64::MAX / 2)
}

/// Plain PoCo on the same fleet and as many tasks.
pub(crate) fn poco(seed: u64, crew: &Crew, trust: u64) -> Outcome {
    baseline::plain_poco(seed, &crew.plays(), trust, crew.tasks())
}

/// BOINC's adaptive replication on the same fleet and as many tasks.
pub(crate) fn boinc(seed: u64, crew: &Crew) -> Outcome {
    baseline::boinc(seed, &crew.plays(), crew.tasks())
}
