//! Whether cheating pays: the same seed once with cheats, once with honest machines in their places.

use super::fleet::Fleet;
use super::hand::Make;
use super::play::Play;
use super::setup::{FLOOR, Job, Setup};

/// Machines in a fleet; every fifth is a cheat.
const MACHINES: usize = 50;
const ONE_IN: usize = 5;
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
    /// Every fifth machine does this at this trust in this pool.
    Workers { play: Play, trust: u64, pool: usize },
    /// So do machines that bring a score which they farmed with a pool and requests of their own.
    Farmers { trust: u64 },
    /// A requester whose program always fails: what it gets for a credit.
    AlwaysFails,
    /// A requester with two machines of its own, priced so that its tasks go to nobody else; all results are made up.
    SelfDealer { fails: bool, trust: u64 },
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
    Scheme { name: "farmer_trust10", kind: Kind::Farmers { trust: 10 } },
    Scheme { name: "failing_requester", kind: Kind::AlwaysFails },
    Scheme { name: "selfdealer", kind: Kind::SelfDealer { fails: false, trust: 1 } },
    Scheme { name: "selfdealer_failing", kind: Kind::SelfDealer { fails: true, trust: 1 } },
    Scheme { name: "selfdealer_trust10", kind: Kind::SelfDealer { fails: false, trust: 10 } },
];

impl Scheme {
    /// The cheat's profit over its honest twin's in this seed.
    pub(crate) fn over_honest(&self, seed: u64, jobs_each: u64) -> f64 {
        match self.kind {
            Kind::Workers { play, trust, pool } => {
                machines(seed, play, trust, pool, 0, jobs_each)
                    / machines(seed, Play::Honest, trust, pool, 0, jobs_each)
            }
            Kind::Farmers { trust } => {
                let farmer = machines(seed, Play::Colluder, trust, 0, 300, jobs_each);
                farmer / machines(seed, Play::Honest, trust, 0, 0, jobs_each)
            }
            Kind::AlwaysFails => outputs_per_credit(seed, true, jobs_each) / outputs_per_credit(seed, false, jobs_each),
            Kind::SelfDealer { fails, trust } => self_dealer(seed, fails, trust, jobs_each),
        }
    }
}

/// What the places of the cheats earn for an hour of computing: what is made up takes none.
fn machines(seed: u64, play: Play, trust: u64, pool: usize, farmed: u64, jobs_each: u64) -> f64 {
    let cheats = || (0..MACHINES).step_by(ONE_IN);
    let make = |number: usize| Make {
        play: if number.is_multiple_of(ONE_IN) { play } else { Play::Honest },
        cores: 4,
        slots: 4,
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
    fleet.run(u64::MAX / 2);
    let earned: f64 = cheats().map(|number| fleet.earned(number)).sum();
    let busy: u64 = cheats().map(|number| fleet.hands[number].busy_ms).sum();
    if busy == 0 { 0.0 } else { earned / busy as f64 * 3_600_000.0 }
}

/// Outputs that a requester has for each credit; of a program that fails, what it wrote before it did.
fn outputs_per_credit(seed: u64, fails: bool, jobs_each: u64) -> f64 {
    let make = |_| Make { play: Play::Honest, cores: 4, slots: 4, floor: FLOOR };
    let mut fleet = Fleet::new(Setup {
        machines: (0..10).map(make).collect(),
        jobs: vec![Job { fails, ..Job::plain(0, 1, 10 * jobs_each) }],
        ..world(seed, 0)
    });
    // A job that is ended because its first tasks all failed ends early.
    let tally = fleet.run(jobs_each * 60_000);
    tally.tasks as f64 / fleet.spent(0).max(1.0)
}

/// What the coalition of a requester and its two machines gains, over what two honest machines earn in that time.
fn self_dealer(seed: u64, fails: bool, trust: u64, jobs_each: u64) -> f64 {
    let run = |dealing: bool| {
        let make = |number: usize| Make {
            play: if number < 2 && dealing { Play::Colluder } else { Play::Honest },
            cores: 4,
            slots: 4,
            floor: if number < 2 && dealing { FLOOR * 8 / 10 } else { FLOOR },
        };
        let dear = Job::plain(0, trust, 10 * jobs_each);
        // It bids what its own machines ask, which nobody else works for.
        let cheap = FLOOR * 9 / 10 * replicas(trust);
        let own = Job { requester: 1, price: cheap, size: 2 * jobs_each, fails, ..dear };
        let mut fleet = Fleet::new(Setup {
            machines: (0..12).map(make).collect(),
            jobs: if dealing { vec![dear, own] } else { vec![dear] },
            ..world(seed, 0)
        });
        fleet.run(600_000 + jobs_each * 8_000);
        let spent = if dealing { fleet.spent(1) } else { 0.0 };
        fleet.earned(0) + fleet.earned(1) - spent
    };
    run(true) / run(false)
}

/// Newcomers that this trust takes.
fn replicas(trust: u64) -> u64 {
    u64::from(u64::BITS - trust.saturating_sub(1).leading_zeros()).max(1)
}

fn world(seed: u64, pool: usize) -> Setup {
    Setup {
        seed,
        pool,
        category: 0,
        run_ms: (20_000, 30_000),
        step_ms: 5_000,
        machines: Vec::new(),
        jobs: Vec::new(),
        purse: 0,
        scores: Vec::new(),
        churn: 0.0,
    }
}
