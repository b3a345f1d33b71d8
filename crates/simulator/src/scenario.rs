//! What a seed means: who takes part, what is asked for, and what goes wrong when.

mod fleet;
mod jobs;
mod nature;
mod trade;
mod weather;

pub(crate) use fleet::{Profile, worker_key};
pub(crate) use jobs::{Plan, Program};
pub(crate) use nature::Nature;
pub(crate) use trade::{GUEST, Guest, Trade};

use crate::dice::Dice;
use crate::transition::Step;
use units::Address;

const MINUTE_MS: u64 = 60 * 1_000;

/// What kind of market a seed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// A few machines, a few bags of tasks.
    Bags,
    /// Many small jobs at once.
    Burst,
    /// A job of a million tasks, called off when some of it is done.
    Million,
    /// Every category and every trust, on machines of many owners.
    Mixed,
    /// Forty machines for hours, which come and go as volunteers' do.
    Fleet,
}

/// A seed, unfolded.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) theme: Theme,
    pub(crate) private: bool,
    /// Whether nothing goes wrong but what workers and requesters do on purpose.
    pub(crate) calm: bool,
    /// How long things go wrong; after that the network is quiet and whoever is honest stays.
    pub(crate) rough_ms: u64,
    pub(crate) fleet: Vec<Profile>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) weather: Vec<(u64, Step)>,
    pub(crate) trade: Trade,
    /// How far each machine's clock is ahead when it starts.
    pub(crate) skew_ms: Vec<i64>,
}

/// An address that is nobody else's.
pub(crate) fn named(role: &str, number: u64) -> Address {
    let words = [role.as_bytes(), &number.to_be_bytes()].concat();
    Address::from_word(alloy_primitives::keccak256(words))
}

impl Scenario {
    /// The seed says what there is, and dice of their own what is traded beside plain computing.
    pub(crate) fn unfold(dice: &mut Dice, more: &mut Dice) -> Self {
        let theme = dice.pick(&[
            Theme::Bags,
            Theme::Bags,
            Theme::Bags,
            Theme::Bags,
            Theme::Bags,
            Theme::Burst,
            Theme::Million,
            Theme::Mixed,
            Theme::Mixed,
            Theme::Fleet,
        ]);
        let private = dice.chance(25);
        let calm = dice.chance(30);
        let rough_ms = match theme {
            Theme::Bags | Theme::Burst => 8 * MINUTE_MS,
            Theme::Million => 4 * MINUTE_MS,
            Theme::Mixed => 30 * MINUTE_MS,
            Theme::Fleet => 180 * MINUTE_MS,
        };
        let floor = dice.pick(&[0, 100, 1_000, 77_777]);
        let fleet = fleet::unfold(dice, theme, private, floor);
        let mut scenario = Self {
            theme,
            private,
            calm,
            rough_ms,
            skew_ms: fleet.iter().map(|_| weather::skew(dice, calm)).collect(),
            fleet,
            plans: Vec::new(),
            weather: Vec::new(),
            trade: Trade::default(),
        };
        scenario.plans = jobs::unfold(dice, &scenario, floor);
        if !calm {
            scenario.weather = weather::unfold(dice, &scenario);
        }
        scenario.weather.extend(weather::departures(dice, &scenario));
        trade::unfold(more, &mut scenario);
        scenario
    }

    /// The time of the longest category that is asked for.
    pub(crate) fn longest_ms(&self) -> u64 {
        self.plans.iter().map(|plan| jobs::category_ms(plan.category)).max().unwrap_or(0)
    }
}
