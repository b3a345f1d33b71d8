//! Whether cheating pays: the same seed once with cheats, once with honest machines in their places.

use super::fleet::{Fleet, WISHED};
use super::hand::Make;
use super::play::Play;
use super::setup::{FLOOR, Job, Setup};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

/// Machines in a fleet; every tenth is a cheat.
const MACHINES: usize = 50;
const ONE_IN: usize = 10;
/// Machines of one who deals with itself: enough for the trust that it asks for.
const DEALERS: usize = 8;
/// What they ask of themselves: what they turn over is theirs to choose.
const DEALERS_FLOOR: u64 = 20 * FLOOR;
/// In the bonded pool each machine can stake for all it runs.
const PURSE: u64 = 1_000_000_000;

/// A way to cheat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheme {
    /// What it is called in the figure's name.
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Every tenth machine does this at this trust in this pool.
    Workers { play: Play, trust: u64, pool: usize },
    /// So do machines that bring a score which they farmed with a pool and requests of their own.
    Farmers { play: Play, trust: u64 },
    /// A requester whose program always fails: what it gets for a credit.
    AlwaysFails,
    /// A requester with machines of its own, in a category that nobody else serves; all results are made up.
    SelfDealer { fails: u64, trust: u64 },
    /// Machines that ask less than all others, and agree on what they make up.
    Undercutters,
    /// Machines that say they are where jobs wish to be done.
    Boasters,
}

const fn workers(name: &'static str, play: Play, trust: u64, pool: usize) -> Scheme {
    Scheme { name, kind: Kind::Workers { play, trust, pool } }
}

/// What is tried.
pub(crate) const SCHEMES: &[Scheme] = &[
    workers("always", Play::Rare { per_mille: 1_000 }, 1, 0),
    workers("rate500", Play::Rare { per_mille: 500 }, 1, 0),
    workers("rate100", Play::Rare { per_mille: 100 }, 1, 0),
    workers("rate20", Play::Rare { per_mille: 20 }, 1, 0),
    workers("rate5", Play::Rare { per_mille: 5 }, 1, 0),
    workers("later", Play::Later { after: 200 }, 1, 0),
    workers("newnames", Play::Returning { after: 30, per_mille: 1_000 }, 1, 0),
    workers("returning450", Play::Returning { after: 30, per_mille: 450 }, 1, 0),
    workers("returning20", Play::Returning { after: 30, per_mille: 20 }, 1, 0),
    workers("naysayer", Play::Naysayer, 1, 0),
    workers("rate100_bonded", Play::Rare { per_mille: 100 }, 1, 1),
    workers("rate20_bonded", Play::Rare { per_mille: 20 }, 1, 1),
    workers("later_bonded", Play::Later { after: 200 }, 1, 1),
    workers("always_trust10", Play::Rare { per_mille: 1_000 }, 10, 0),
    workers("rate100_trust10", Play::Rare { per_mille: 100 }, 10, 0),
    workers("rate5_trust10", Play::Rare { per_mille: 5 }, 10, 0),
    workers("copycat_trust10", Play::Copycat, 10, 0),
    workers("naysayer_trust10", Play::Naysayer, 10, 0),
    workers("colluder_trust10", Play::Colluder, 10, 0),
    workers("rate100_trust10_bonded", Play::Rare { per_mille: 100 }, 10, 1),
    workers("copycat_trust10_bonded", Play::Copycat, 10, 1),
    workers("sitter", Play::Sitter { after: 100 }, 1, 0),
    workers("sitter_trust10", Play::Sitter { after: 100 }, 10, 0),
    workers("naysayer_bonded", Play::Naysayer, 1, 1),
    workers("colluder", Play::Colluder, 1, 0),
    Scheme { name: "farmer_trust10", kind: Kind::Farmers { play: Play::Colluder, trust: 10 } },
    Scheme { name: "farmer_working_trust10", kind: Kind::Farmers { play: Play::Honest, trust: 10 } },
    Scheme { name: "failing_requester", kind: Kind::AlwaysFails },
    Scheme { name: "undercutters", kind: Kind::Undercutters },
    Scheme { name: "boasters", kind: Kind::Boasters },
    workers("praised", Play::Praised, 1, 0),
    workers("chooser", Play::Chooser { most_ms: 24_000 }, 1, 0),
    workers("chooser_trust10", Play::Chooser { most_ms: 24_000 }, 10, 0),
    Scheme { name: "selfdealer", kind: Kind::SelfDealer { fails: 0, trust: 1 } },
    Scheme { name: "selfdealer_failing", kind: Kind::SelfDealer { fails: 1_000, trust: 1 } },
    Scheme { name: "selfdealer_half_failing", kind: Kind::SelfDealer { fails: 500, trust: 1 } },
    Scheme { name: "selfdealer_trust10", kind: Kind::SelfDealer { fails: 0, trust: 10 } },
];

/// What a cheat has over what honesty has. In a look nobody has a deposit back yet: nothing over nothing is no gain, and
/// anything over nothing is more than any run finds.
fn ratio(cheat: f64, honest: f64) -> f64 {
    const BEYOND: f64 = 1_000_000.0;
    if honest > 0.0 {
        cheat / honest
    } else if cheat > 0.0 {
        BEYOND
    } else {
        0.0
    }
}

/// What a cheat has over its honest twin in the same seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gain {
    /// Earnings for an hour of computing.
    pub(crate) profit: f64,
    /// Earnings in all.
    pub(crate) earnings: f64,
}

impl std::ops::Div for Gain {
    type Output = Self;

    fn div(self, honest: Self) -> Self {
        Self { profit: ratio(self.profit, honest.profit), earnings: ratio(self.earnings, honest.earnings) }
    }
}

impl Scheme {
    /// The cheat's profit over its honest twin's in this seed.
    pub(crate) fn over_honest(&self, seed: u64, jobs_each: u64) -> Gain {
        match self.kind {
            Kind::Workers { play, trust, pool } => {
                machines(seed, play, trust, pool, 0, jobs_each).over(&honest(seed, trust, pool, jobs_each))
            }
            Kind::Farmers { play, trust } => {
                let farmer = machines(seed, play, trust, 0, 300, jobs_each);
                farmer.over(&honest(seed, trust, 0, jobs_each))
            }
            Kind::AlwaysFails => {
                let (failing, tasks) = outputs_per_credit(seed, 1_000, 10 * jobs_each);
                failing / outputs_per_credit(seed, 0, tasks).0
            }
            Kind::SelfDealer { fails, trust } => self_dealer(seed, fails, trust, jobs_each),
            Kind::Undercutters => undercutters(seed, jobs_each),
            Kind::Boasters => boasters(seed, jobs_each),
        }
    }
}

/// What the places of the cheats earn for an hour of computing: what is made up takes none.
fn machines(seed: u64, play: Play, trust: u64, pool: usize, farmed: u64, jobs_each: u64) -> Career {
    let cheats = || (0..MACHINES).step_by(ONE_IN);
    let make = |number: usize| Make {
        play: if number.is_multiple_of(ONE_IN) { play } else { Play::Honest },
        cores: 4,
        slots: 4,
        category: 0,
        floor: FLOOR,
    };
    let size = MACHINES as u64 * jobs_each / 2;
    let mut fleet = Fleet::new(Setup {
        machines: (0..MACHINES).map(make).collect(),
        jobs: (0..2).map(|number| Job::plain(number, trust, size)).collect(),
        purse: if pool == 1 { PURSE } else { 0 },
        scores: if farmed > 0 { cheats().map(|number| (number, farmed)).collect() } else { Vec::new() },
        ..world(seed, pool)
    });
    fleet.watched = cheats().collect();
    fleet.run(u64::MAX / 2);
    fleet.look();
    Career(std::mem::take(&mut fleet.career))
}

/// Seed, trust, pool and jobs of an honest fleet.
type Twin = (u64, u64, usize, u64);

/// The honest twin of many schemes is one: it is run once.
fn honest(seed: u64, trust: u64, pool: usize, jobs_each: u64) -> Arc<Career> {
    static TWINS: Mutex<BTreeMap<Twin, Arc<OnceLock<Arc<Career>>>>> = Mutex::new(BTreeMap::new());
    let key = (seed, trust, pool, jobs_each);
    let twin = TWINS.lock().expect("nobody panics over a map").entry(key).or_default().clone();
    twin.get_or_init(|| Arc::new(machines(seed, Play::Honest, trust, pool, 0, jobs_each))).clone()
}

/// What some machines had computed, milliseconds, and earned, nano-credits, from time to time; at the end last.
#[derive(Debug)]
struct Career(Vec<(u64, f64)>);

impl Career {
    /// This against an honest one. Pay is not the same at all times, and who is found out or stops has worked in the first only:
    /// so it is held against the honest twin that stops when it likes, but has computed as much by then.
    fn over(&self, honest: &Self) -> Gain {
        let end = |career: &Self| career.0.last().copied().unwrap_or_default();
        let rate = |(busy, earned): (u64, f64)| if busy == 0 { 0.0 } else { earned / busy as f64 };
        let (cheat, whole) = (end(self), end(honest));
        let as_long = honest.0.iter().filter(|(busy, _)| *busy >= cheat.0).map(|it| rate(*it));
        let profit = ratio(rate(cheat), as_long.fold(rate(whole), f64::max));
        Gain { profit, earnings: ratio(cheat.1, whole.1) }
    }
}

/// Outputs that a requester has for each credit, and how many; of a program that fails, what it wrote before it did. Prices
/// move with time: its honest twin buys as many.
fn outputs_per_credit(seed: u64, fails: u64, size: u64) -> (Gain, u64) {
    let make = |_| Make { play: Play::Honest, cores: 4, slots: 4, category: 0, floor: FLOOR };
    let mut fleet = Fleet::new(Setup {
        machines: (0..10).map(make).collect(),
        jobs: vec![Job { fails, ..Job::plain(0, 1, size) }],
        ..world(seed, 0)
    });
    // A job that is ended because its first tasks all failed ends early.
    let tally = fleet.run(3_600_000 + size * 6_000);
    let gain = tally.tasks as f64 / fleet.spent(0).max(1) as f64;
    (Gain { profit: gain, earnings: gain }, tally.tasks)
}

/// What the coalition of a requester and its machines gains, over what as many honest machines earn in that time. They serve
/// a category that nobody else serves, and make everything up.
fn self_dealer(seed: u64, fails: u64, trust: u64, jobs_each: u64) -> Gain {
    let run = |dealing: bool| {
        let own = |number: usize| number < DEALERS && dealing;
        let make = |number: usize| Make {
            // What fails is said to fail.
            play: if own(number) && fails == 0 { Play::Colluder } else { Play::Honest },
            cores: 4,
            slots: 4,
            category: if own(number) { 5 } else { 0 },
            floor: if own(number) { DEALERS_FLOOR } else { FLOOR },
        };
        let public = Job::plain(0, 1, 10 * jobs_each);
        let private = Job { category: 5, fails, ..Job::plain(1, trust, DEALERS as u64 * jobs_each) };
        let mut fleet = Fleet::new(Setup {
            machines: (0..16).map(make).collect(),
            jobs: vec![if dealing { private } else { public }],
            ..world(seed, 0)
        });
        fleet.run(600_000 + jobs_each * 8_000);
        let earned: f64 = (0..DEALERS).map(|number| fleet.earned(number)).sum();
        let gain = earned - if dealing { fleet.spent(1) as f64 } else { 0.0 };
        Gain { profit: gain, earnings: gain }
    };
    run(true) / run(false)
}

/// Two machines that ask less than all others and agree on what they make up.
fn undercutters(seed: u64, jobs_each: u64) -> Gain {
    let cheaper = |number: usize| if number < 2 { FLOOR * 8 / 10 } else { FLOOR };
    two_of_twelve(seed, jobs_each, Play::Colluder, cheaper, Job::plain(0, 1, 10 * jobs_each))
}

/// Two machines of twelve that say they are where the jobs wish to be, hold all files and wish for all load.
fn boasters(seed: u64, jobs_each: u64) -> Gain {
    let job = Job { region: WISHED, ..Job::plain(0, 1, 10 * jobs_each) };
    two_of_twelve(seed, jobs_each, Play::Boaster, |_| FLOOR, job)
}

/// What the first two machines of twelve have of playing so rather than honestly.
fn two_of_twelve(seed: u64, jobs_each: u64, play: Play, floor: impl Fn(usize) -> u64, job: Job) -> Gain {
    let run = |cheats: bool| {
        let make = |number: usize| Make {
            play: if number < 2 && cheats { play } else { Play::Honest },
            cores: 4,
            slots: 4,
            category: 0,
            floor: floor(number),
        };
        let mut fleet = Fleet::new(Setup { machines: (0..12).map(make).collect(), jobs: vec![job], ..world(seed, 0) });
        fleet.run(600_000 + jobs_each * 8_000);
        let earned = fleet.earned(0) + fleet.earned(1);
        let busy = (fleet.hands[0].busy_ms + fleet.hands[1].busy_ms).max(1);
        Gain { profit: earned / busy as f64, earnings: earned }
    };
    run(true) / run(false)
}

fn world(seed: u64, pool: usize) -> Setup {
    Setup {
        seed,
        pool,
        run_ms: (20_000, 30_000),
        step_ms: 5_000,
        machines: Vec::new(),
        jobs: Vec::new(),
        purse: 0,
        scores: Vec::new(),
        churn: 0.0,
    }
}
