//! What goes wrong by itself, and when.

use super::{MINUTE_MS, Nature, Scenario, Theme};
use crate::dice::Dice;
use crate::transition::Step;

/// Machines of volunteers lost to their owners, of a hundred in an hour (Salad's measurement over a week).
const REALLOCATIONS_PER_HUNDRED_HOURS: u64 = 110;

fn times(dice: &mut Dice, most: u64, within_ms: u64) -> Vec<u64> {
    (0..dice.below(most + 1)).map(|_| dice.below(within_ms)).collect()
}

fn someone(dice: &mut Dice, scenario: &Scenario) -> usize {
    usize::try_from(dice.below(scenario.fleet.len() as u64)).expect("a small number")
}

/// How far a machine's clock is off when it starts: mostly little, at times hours.
pub(super) fn skew(dice: &mut Dice, calm: bool) -> i64 {
    let most = if calm { 1_500 } else { dice.pick(&[0, 1_500, 1_500, 90_000, 7_200_000]) };
    signed(dice, most)
}

fn signed(dice: &mut Dice, most: u64) -> i64 {
    let size = i64::try_from(dice.below(most + 1)).expect("hours are few milliseconds");
    if dice.chance(50) { size } else { -size }
}

pub(super) fn unfold(dice: &mut Dice, scenario: &Scenario) -> Vec<(u64, Step)> {
    let rough = scenario.rough_ms;
    let mut weather = Vec::new();
    for at in times(dice, 4, rough) {
        weather.push((at, Step::Crash));
    }
    for at in times(dice, 4, rough) {
        weather.push((at, Step::SetTrap { writes: dice.below(60), lands: dice.chance(50) }));
    }
    for at in times(dice, 12, rough) {
        weather.push((at, Step::Break { machine: someone(dice, scenario) }));
    }
    for at in times(dice, 5, rough) {
        weather.push((at, Step::MachineDies { machine: someone(dice, scenario) }));
    }
    for at in times(dice, 4, rough) {
        let (machine, until) = (someone(dice, scenario), at + dice.between(1_000, 120_000));
        weather.push((at, Step::Part { machine }));
        weather.push((until.min(rough), Step::Rejoin { machine }));
    }
    for at in times(dice, 2, rough) {
        let (requester, until) = (dice.below(3), at + dice.between(1_000, 120_000));
        weather.push((at, Step::PartRequester { requester }));
        weather.push((until.min(rough), Step::RejoinRequester { requester }));
    }
    for at in times(dice, 5, rough) {
        let (machine, until) = (someone(dice, scenario), at + dice.between(1_000, 200_000));
        weather.push((at, Step::OwnerNeeds { machine, needs: true }));
        weather.push((until.min(rough), Step::OwnerNeeds { machine, needs: false }));
    }
    for at in times(dice, 4, rough) {
        let by_ms = {
            let most = dice.pick(&[3_000, 60_000, 7_200_000]);
            signed(dice, most)
        };
        weather.push((at, Step::MachineClockJumps { machine: someone(dice, scenario), by_ms }));
    }
    for at in times(dice, 2, rough) {
        let most = dice.pick(&[1_000, 20_000]);
        weather.push((at, Step::OperatorClockJumps { by_ms: signed(dice, most) }));
    }
    if scenario.theme == Theme::Fleet {
        churn(dice, scenario, &mut weather);
    }
    weather
}

/// Volunteers' machines go as often as was measured, for seconds to an hour.
fn churn(dice: &mut Dice, scenario: &Scenario, weather: &mut Vec<(u64, Step)>) {
    let machines = scenario.fleet.len() as u64;
    for minute in 0..scenario.rough_ms / MINUTE_MS {
        // Ten thousand times as likely as it is in a minute for the whole fleet, against ten thousand faces.
        let likely = machines * REALLOCATIONS_PER_HUNDRED_HOURS / 60;
        if dice.below(10_000) < likely {
            let machine = someone(dice, scenario);
            let until = minute * MINUTE_MS + dice.between(10_000, 60 * MINUTE_MS);
            weather.push((minute * MINUTE_MS, Step::Part { machine }));
            weather.push((minute * MINUTE_MS, Step::MachineDies { machine }));
            weather.push((until.min(scenario.rough_ms), Step::Rejoin { machine }));
        }
    }
}

/// What machines do by their nature at some time of their own.
pub(super) fn departures(dice: &mut Dice, scenario: &Scenario) -> Vec<(u64, Step)> {
    let mut weather = Vec::new();
    for (machine, profile) in scenario.fleet.iter().enumerate() {
        if profile.nature == Nature::Vanisher {
            weather.push((dice.between(1_000, scenario.rough_ms), Step::Vanish { machine }));
        }
        if profile.nature == Nature::Returner {
            for _ in 0..dice.between(1, 3) {
                weather.push((dice.between(1_000, scenario.rough_ms), Step::ComeBackAnew { machine }));
            }
        }
    }
    weather
}
