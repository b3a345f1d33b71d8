//! Figures of large fleets: the real market at work, hundreds of thousands of tasks a minute, without network and disk.
//!
//! The report is a list of [`Cell`]s that can be run in any order and at once; each has a seed of its own, so that every run
//! gives the same counts. What they [`Found`] together makes the [`figures`]. Invariant: nothing here reads a clock or
//! starts a thread; how long it took and how much memory it used is for who runs it to say.

mod accuracy;
mod baseline;
mod figures;
mod fleet;
mod founding;
mod hand;
mod large;
mod play;
mod profit;
mod setup;
mod statistics;

pub use figures::figures;

use accuracy::Crew;
use baseline::Outcome;
use play::{INDEPENDENT, Play, RETURNING};
use profit::Gain;
use setup::Tally;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// What docs/simulation.md shows.
    Full,
    /// A tenth of that: the same fleets, with a tenth of the jobs.
    Tenth,
    /// A look at everything, in seconds.
    Quick,
}

/// One run of the report.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    what: What,
    /// What it costs, roughly: executions.
    cost: u64,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Accuracy { liars: Liars, trust: u64, crew: Crew },
    Poco { trust: u64, crew: Crew },
    Boinc { crew: Crew },
    Profit { scheme: usize, seed: u64, jobs_each: u64 },
    Straggler { which: usize, seed: u64 },
    Stake { from: u64, to: u64 },
    Day { machines: u64 },
}

/// What kind of liars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Liars {
    Independent,
    Colluders,
    Returning,
}

/// What a cell found.
#[derive(Clone, Copy, Debug)]
pub struct Found(Finding);

#[derive(Clone, Copy, Debug)]
enum Finding {
    Accuracy { liars: Liars, trust: u64, percent: u64, tally: Tally },
    Poco { trust: u64, percent: u64, outcome: Outcome },
    Boinc { percent: u64, outcome: Outcome },
    Profit { name: &'static str, gain: Gain },
    Straggler { which: usize, seed: u64, makespan_ms: u64 },
    Stake { deals: u64, seized: u64 },
    Day { tally: Tally },
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Finding::Accuracy { tally, .. } | Finding::Day { tally } => {
                let Tally { tasks, wrong, claimed, executions, caught, .. } = tally;
                write!(f, "{wrong} wrong of {tasks}, {executions} executions, {caught} caught, {claimed} claimed")
            }
            Finding::Poco { outcome, .. } | Finding::Boinc { outcome, .. } => {
                let Outcome { tasks, wrong, executions } = outcome;
                write!(f, "{wrong} wrong of {tasks}, {executions} executions")
            }
            Finding::Profit { gain, .. } => {
                write!(f, "{:.3} by computing time, {:.3} in all", gain.profit, gain.earnings)
            }
            Finding::Straggler { makespan_ms, .. } => write!(f, "{makespan_ms} ms"),
            Finding::Stake { deals, seized } => write!(f, "{seized} of {deals}"),
        }
    }
}

const TRUSTS: [u64; 4] = [1, 10, 100, 1_000];
const LIARS: [u64; 4] = [1, 5, 10, 20];

impl Cell {
    /// Whether this is the run whose time and memory are asked for.
    #[must_use]
    pub fn is_day(&self) -> bool {
        matches!(self.what, What::Day { .. })
    }

    /// Which run this is, for who watches.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.what {
            What::Accuracy { liars, trust, crew } => {
                format!("{liars:?} liars {} %, trust {trust}, {:?}", crew.percent, crew.play)
            }
            What::Poco { trust, crew } => format!("plain PoCo {} %, trust {trust}, {:?}", crew.percent, crew.play),
            What::Boinc { crew } => format!("BOINC {} %, {:?}", crew.percent, crew.play),
            What::Profit { scheme, seed, .. } => format!("profit of {}, seed {seed}", profit::SCHEMES[*scheme].name),
            What::Straggler { which, seed } => format!("straggler {}, seed {seed}", large::STRAGGLERS[*which].0),
            What::Stake { from, to } => format!("stake lost, seeds {from}..{to}"),
            What::Day { machines } => format!("a day of {machines} machines"),
        }
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self) -> Found {
        Found(match self.what {
            What::Accuracy { liars, trust, crew } => {
                let seed = trust * 1_000 + crew.percent;
                Finding::Accuracy { liars, trust, percent: crew.percent, tally: accuracy::market(seed, &crew, trust) }
            }
            What::Poco { trust, crew } => {
                Finding::Poco { trust, percent: crew.percent, outcome: accuracy::poco(trust, &crew, trust) }
            }
            What::Boinc { crew } => Finding::Boinc { percent: crew.percent, outcome: accuracy::boinc(1, &crew) },
            What::Profit { scheme, seed, jobs_each } => {
                let scheme = &profit::SCHEMES[scheme];
                Finding::Profit { name: scheme.name, gain: scheme.over_honest(seed, jobs_each) }
            }
            What::Straggler { which, seed } => {
                let makespan_ms = large::makespan_ms(seed, large::STRAGGLERS[which].1);
                Finding::Straggler { which, seed, makespan_ms }
            }
            What::Stake { from, to } => {
                let (mut deals, mut seized) = (0, 0);
                for seed in from..to {
                    let figures = crate::simulate(seed).figures;
                    deals += figures.deals;
                    seized += figures.seized_deals;
                }
                Finding::Stake { deals, seized }
            }
            What::Day { machines } => Finding::Day { tally: large::day(1, machines) },
        })
    }
}

/// All runs, the dearest first.
#[must_use]
pub fn cells(size: Size) -> Vec<Cell> {
    let full = size != Size::Quick;
    let mut cells = Vec::new();
    for percent in LIARS {
        for play in INDEPENDENT {
            accuracy_cells(size, percent, *play, &mut cells);
        }
    }
    for (liars, play) in [(Liars::Colluders, Play::Colluder), (Liars::Returning, RETURNING)] {
        for trust in TRUSTS {
            let crew = crew(size, trust, 10, play);
            cells.push(Cell { what: What::Accuracy { liars, trust, crew }, cost: executions(&crew, trust) });
        }
    }
    let (seeds, jobs_each) = match size {
        Size::Full => (3, 600),
        Size::Tenth => (1, 400),
        Size::Quick => (1, 1),
    };
    for scheme in 0..profit::SCHEMES.len() {
        for seed in 1..=seeds {
            cells.push(Cell { what: What::Profit { scheme, seed, jobs_each }, cost: 100 * jobs_each });
        }
    }
    for which in 0..large::STRAGGLERS.len() {
        for seed in 1..=if full { 10 } else { 1 } {
            cells.push(Cell { what: What::Straggler { which, seed }, cost: 100 });
        }
    }
    let seeds = match size {
        Size::Full => 2_000,
        Size::Tenth => 200,
        Size::Quick => 1,
    };
    for from in (0..seeds).step_by(20) {
        cells.push(Cell { what: What::Stake { from, to: (from + 20).min(seeds) }, cost: 20_000 });
    }
    let machines = match size {
        Size::Full => 100_000,
        Size::Tenth => 10_000,
        Size::Quick => 5,
    };
    cells.push(Cell { what: What::Day { machines }, cost: machines * 100 });
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.cost));
    cells
}

fn accuracy_cells(size: Size, percent: u64, play: Play, cells: &mut Vec<Cell>) {
    for trust in TRUSTS {
        if !is_run(size, trust, percent, play) {
            continue;
        }
        let crew = crew(size, trust, percent, play);
        let what = What::Accuracy { liars: Liars::Independent, trust, crew };
        cells.push(Cell { what, cost: executions(&crew, trust) });
        cells.push(Cell { what: What::Poco { trust, crew }, cost: crew.tasks() / 50 });
        if trust == 1 {
            cells.push(Cell { what: What::Boinc { crew }, cost: crew.tasks() / 100 });
        }
    }
}

/// Whether a strategy is run at this trust and share of liars: all of them where the aims are set (10 % at trust 1); elsewhere
/// those that do most harm there: who lies always, and who lies seldom; above trust 1 also who is honest first.
fn is_run(size: Size, trust: u64, percent: u64, play: Play) -> bool {
    let always = play == Play::Rare { per_mille: 1_000 };
    match size {
        Size::Quick => always,
        Size::Full | Size::Tenth if trust == 1 => percent == 10 || always || play == Play::Rare { per_mille: 20 },
        Size::Full | Size::Tenth => {
            always || play == Play::Rare { per_mille: 100 } || play == Play::Later { after: 200 }
        }
    }
}

/// At trust 1 each worker has ten thousand jobs, and as many workers are there as make two liars, or one in a hundred; above,
/// as many jobs as time allows: at 10 % and trust 1000 enough for one wrong result in a million to be seen.
fn crew(size: Size, trust: u64, percent: u64, play: Play) -> Crew {
    let workers = if trust == 1 && percent > 1 || size == Size::Quick { 40 } else { 100 };
    let most = match (trust, percent, play) {
        (1, _, _) => 10_000,
        (1_000, 10, Play::Rare { .. } | Play::Later { .. }) => 24_000,
        _ => 400,
    };
    let jobs_each = match size {
        Size::Full => most,
        Size::Tenth => most / 10,
        Size::Quick => {
            if trust == 1 {
                2
            } else {
                1
            }
        }
    };
    Crew { workers, jobs_each, percent, play }
}

fn executions(crew: &Crew, trust: u64) -> u64 {
    crew.tasks() * if trust == 1 { 1 } else { 4 }
}
