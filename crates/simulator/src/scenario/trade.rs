//! What is traded beside plain computing: others' pools, data, capabilities, and floors that change.
//!
//! It is drawn from dice of its own, after everything else.

use super::{Profile, Scenario, Theme};
use crate::dice::Dice;
use crate::transition::Step;

/// Where the machines of somebody's own pool stand among the pools.
pub(crate) const GUEST: usize = 2;

/// A pool that somebody opened, and lets the exchange run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// Whether anybody may work there, or only whom its owner invites.
    pub(crate) open: bool,
    /// Percent of the price that a worker stakes.
    pub(crate) stake: u64,
    /// Percent that its owner keeps.
    pub(crate) share: u64,
    /// When its owner closes it, if ever, milliseconds.
    pub(crate) closes_ms: Option<u64>,
}

/// A dataset on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    /// Nano-credits a task.
    pub(crate) price: u64,
    /// The one requester who may use it, if not all.
    pub(crate) only_for: Option<u64>,
}

/// What is traded beside plain computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) guest: Option<Guest>,
    pub(crate) data: Option<Data>,
}

/// Adds to a scenario what goes beyond plain computing.
pub(super) fn unfold(dice: &mut Dice, scenario: &mut Scenario) {
    invite_guest(dice, scenario);
    let only_for = dice.chance(50).then(|| dice.below(3));
    let data = Data { price: if scenario.private { 0 } else { dice.pick(&[0, 7, 2_000]) }, only_for };
    scenario.trade.data = dice.chance(35).then_some(data);
    let capable = dice.chance(25);
    let placed = dice.chance(40);
    for profile in &mut scenario.fleet {
        profile.capable = capable && (profile.nature.is_honest() || dice.chance(50));
        profile.region = if placed { dice.pick(&[None, Some("north"), Some("south")]) } else { None };
        profile.caches = dice.chance(20);
        profile.heat = if dice.chance(30) { dice.pick(&[1, 40, 100]) } else { 0 };
    }
    // Who has no machine of its capability in every pool cannot ask for it and be served.
    for plan in &mut scenario.plans {
        plan.capability = capable && dice.chance(50);
        plan.region = if placed && dice.chance(50) { dice.pick(&["north", "south", "nowhere"]) } else { "" };
        plan.rates = dice.chance(40);
        plan.direct = plan.size <= 200 && dice.chance(8);
        plan.hopeful &= !plan.direct;
        if let Some(data) = scenario.trade.data.filter(|_| dice.chance(40)) {
            plan.data = true;
            plan.hopeful &= data.only_for.is_none_or(|number| super::named("requester", number) == plan.requester);
        }
    }
    restatements(dice, scenario);
}

/// On a public exchange the machines of one pool are at times somebody's own, who has the exchange run it.
fn invite_guest(dice: &mut Dice, scenario: &mut Scenario) {
    if scenario.private || !dice.chance(35) {
        return;
    }
    let last = scenario.fleet.iter().map(|it| it.pool).max().unwrap_or_default();
    let alone = scenario.fleet.iter().all(|it| it.pool == last);
    let (open, stake, share) = (dice.chance(50), dice.pick(&[0, 0, 30]), dice.pick(&[5, 10, 25]));
    let closes = !alone && matches!(scenario.theme, Theme::Bags | Theme::Burst) && dice.chance(30);
    let closes_ms = closes.then(|| dice.below(scenario.rough_ms));
    scenario.trade.guest = Some(Guest { open, stake, share, closes_ms });
    for profile in scenario.fleet.iter_mut().filter(|it| it.pool == last) {
        profile.pool = GUEST;
        profile.invited = open || profile.nature.is_honest() || dice.chance(60);
    }
}

/// Owners change their minds, and sites their wish for load.
fn restatements(dice: &mut Dice, scenario: &mut Scenario) {
    if !dice.chance(40) {
        return;
    }
    for _ in 0..dice.between(1, 6) {
        let machine = usize::try_from(dice.below(scenario.fleet.len() as u64)).expect("a small number");
        let at = dice.below(scenario.rough_ms);
        let Profile { nature, floor, .. } = scenario.fleet[machine];
        let percent = dice.pick(&[50, 80, 100, 150]);
        // The cheapest offers are such as honest machines can keep.
        let floor = if nature.is_honest() { floor.map(|floor| floor * percent / 100) } else { floor };
        scenario.weather.push((at, Step::Restate { machine, floor, heat: dice.pick(&[0, 30, 100]) }));
    }
}
