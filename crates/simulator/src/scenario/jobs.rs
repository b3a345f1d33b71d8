//! What is asked for.

use super::{MINUTE_MS, Scenario, Theme, named};
use crate::dice::Dice;
use units::Address;

/// How many replicas of newcomers a market of few machines can be asked for.
const MOST_REPLICAS: u32 = 4;
/// The time of each category, milliseconds.
const CATEGORY_MS: [u64; 6] = [300_000, 1_200_000, 3_600_000, 10_800_000, 36_000_000, 60_000];

/// What a job's program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// It ends well.
    Sound,
    /// It always fails.
    Fails,
    /// It never ends.
    Endless,
}

/// A job to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) requester: Address,
    pub(crate) at_ms: u64,
    pub(crate) trust: u64,
    pub(crate) size: u64,
    pub(crate) price: u64,
    pub(crate) category: u64,
    pub(crate) program: Program,
    /// Whether results are too big to ride in a frame.
    pub(crate) big: bool,
    pub(crate) run_ms: u64,
    pub(crate) cancel_ms: Option<u64>,
    /// Whether it can be matched wholly, so that it has to be done.
    pub(crate) hopeful: bool,
    /// Whether its program reads the dataset.
    pub(crate) data: bool,
    /// Whether it asks for the one capability that some machines have.
    pub(crate) capability: bool,
    /// Near where it is best done; empty: anywhere.
    pub(crate) region: &'static str,
    /// Whether its requester matches it itself, by a transaction, and lets it never rest.
    pub(crate) direct: bool,
    /// Whether those who took part say how it went.
    pub(crate) rates: bool,
}

/// The time of a category.
pub(super) fn category_ms(category: u64) -> u64 {
    CATEGORY_MS[usize::try_from(category).expect("a small number")]
}

/// The jobs of a seed.
pub(super) fn unfold(dice: &mut Dice, scenario: &Scenario, floor: u64) -> Vec<Plan> {
    let any = |dice: &mut Dice| plan(dice, scenario, floor);
    match scenario.theme {
        Theme::Bags => (0..dice.between(2, 7)).map(|_| any(dice)).collect(),
        Theme::Burst => {
            let at = dice.below(MINUTE_MS);
            let small = |dice: &mut Dice| Plan {
                at_ms: at + dice.below(2_000),
                size: dice.between(1, 3),
                run_ms: dice.pick(&[10, 50, 300]),
                ..bag(dice, scenario, floor)
            };
            (0..dice.between(15, 40)).map(|_| small(dice)).collect()
        }
        Theme::Million => {
            let whole = Plan {
                at_ms: dice.below(10_000),
                trust: dice.pick(&[1, 1, 3]),
                size: 1_000_000,
                run_ms: dice.pick(&[1_000, 4_000, 12_000]),
                cancel_ms: Some(dice.between(MINUTE_MS, 3 * MINUTE_MS)),
                ..bag(dice, scenario, floor)
            };
            // Beside it, somebody who wants little.
            vec![whole, any(dice), any(dice)]
        }
        Theme::Mixed => (0..dice.between(3, 8)).map(|_| mixed(dice, scenario, floor)).collect(),
        Theme::Fleet => {
            let long = |dice: &mut Dice| Plan {
                size: dice.between(20, 120),
                run_ms: dice.between(20_000, 150_000),
                category: dice.pick(&[0, 1]),
                trust: dice.pick(&[1, 1, 3, 5]),
                ..bag(dice, scenario, floor)
            };
            (0..dice.between(3, 6)).map(|_| long(dice)).collect()
        }
    }
}

/// A small or a larger bag of short tasks; at times of a program that fails, or that only the time limit ends.
fn plan(dice: &mut Dice, scenario: &Scenario, floor: u64) -> Plan {
    let sound = bag(dice, scenario, floor);
    match dice.below(100) {
        0..12 => Plan { program: Program::Fails, ..sound },
        12..16 => {
            Plan { program: Program::Endless, size: dice.between(1, 4), category: 5, run_ms: CATEGORY_MS[5], ..sound }
        }
        _ => sound,
    }
}

fn bag(dice: &mut Dice, scenario: &Scenario, floor: u64) -> Plan {
    let hopeful = scenario.private || dice.chance(90);
    let ample = (floor + 1) * 20;
    let price = if scenario.private {
        0
    } else if hopeful {
        ample
    } else {
        floor / 3
    };
    let small = dice.chance(75);
    Plan {
        requester: named("requester", dice.below(3)),
        at_ms: dice.below(scenario.rough_ms * 3 / 4),
        trust: dice.pick(&[0, 1, 1, 2, 3, 3, 5]),
        size: if small { dice.between(1, 20) } else { dice.between(20, 200) },
        price,
        category: dice.pick(&[5, 5, 0]),
        program: Program::Sound,
        big: dice.chance(25),
        run_ms: dice.pick(&[10, 50, 300, 1_000, 4_000]),
        cancel_ms: (!scenario.calm && dice.chance(10)).then(|| dice.below(60_000)),
        hopeful,
        data: false,
        capability: false,
        region: "",
        direct: false,
        rates: false,
    }
}

/// Any category and any trust; tasks of up to a tenth of the category's time.
fn mixed(dice: &mut Dice, scenario: &Scenario, floor: u64) -> Plan {
    let category = dice.below(6);
    let trust: u64 = dice.pick(&[1, 3, 10, 100, 1_000]);
    let most = category_ms(category) / 10;
    let basic = bag(dice, scenario, floor);
    let needed = u64::BITS - trust.max(2).saturating_sub(1).leading_zeros();
    Plan {
        category,
        trust,
        // Many replicas of long tasks on few machines take days.
        size: dice.between(1, 25).min(if needed > MOST_REPLICAS { 4 } else { 25 }),
        run_ms: dice.between(10, most),
        price: basic.price * 4,
        hopeful: basic.hopeful && needed <= MOST_REPLICAS,
        ..basic
    }
}
