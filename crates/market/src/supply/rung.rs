//! A rung and its order.

use super::crew::{Class, Level, Team, price};
use super::measure::{Kind, Times};
use orders::WorkerpoolOrder;
use units::{Address, Amount, B256, OrderHash, Tag, Timestamp, U256};

/// What is sold at once takes about this long to finish, milliseconds.
pub(super) const HORIZON_MS: u64 = 20_000;
/// Of the time until contributions are refused, in tenths of the time class's time: 7 times that, less a tenth for acting on
/// the last, of which a third is left for those who must begin anew.
const USABLE_TENTHS: u64 = 42;
/// A task of a known kind surely ends within so many times its mean.
const SURELY: u64 = 4;
/// How the salts of rungs' orders begin.
const SALT: &[u8] = b"rung";

/// What a rung sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rung {
    pub(super) pool: Address,
    pub(super) category: u64,
    pub(super) trust: u64,
    pub(super) tag: Tag,
    pub(super) floor: Amount,
}

/// Where a rung's order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To be signed and placed by the shell in the turn of this moment; known by its salt.
    Offered(B256, Timestamp),
    /// On the book.
    Resting(OrderHash),
}

/// What a rung's order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) price: Amount,
    /// What each worker earns at the least: the floor, or more when machines are scarce.
    pub(super) pay: Amount,
    pub(super) volume: u64,
    /// Whose tasks it is for, where their times are known and it sells more than it would to anybody.
    pub(super) only: Option<Kind>,
}

/// A rung's order and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) place: Place,
    pub(super) ask: Ask,
}

/// How long a task may take, and how long one of a kind takes, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The time class's.
    pub(super) limit: u64,
    /// Of those that ran.
    pub(super) known: Option<Times>,
}

impl Span {
    /// What it surely takes no longer than.
    pub(super) fn surely(&self) -> u64 {
        self.known.map_or(self.limit, |times| times.mean_ms.saturating_mul(SURELY).clamp(1, self.limit.max(1)))
    }

    /// What it is likely to take, no more than the horizon.
    pub(super) fn likely(&self) -> u64 {
        self.known.map_or(HORIZON_MS, |times| times.mean_ms.clamp(1, HORIZON_MS))
    }
}

/// How much of the time of a machine a deal in this time class can count on, milliseconds.
pub(super) fn usable(limit: u64) -> u64 {
    limit.saturating_mul(USABLE_TENTHS).checked_div(10).expect("ten is not zero")
}

fn per_mille(of: u64, power: u64) -> u64 {
    let product = u128::from(of).saturating_mul(u128::from(power));
    u64::try_from(product.checked_div(1_000).expect("a thousand is not zero")).unwrap_or(u64::MAX)
}

/// So much of machines' time, by thousandths of a machine.
pub(super) fn capacity(power: u64, each_ms: u64) -> u64 {
    per_mille(each_ms, power)
}

/// How many tasks a rung sells at once: half of what its workers can finish within the horizon, or hold, so that the other
/// half is sold while the first is worked on; of a kind that is known, no more than twice as many as ran already; and no more
/// than surely end in time.
pub(super) fn volume(team: &Team, span: Span) -> u64 {
    let replicas = team.replicas;
    let held = team.slots.checked_div(replicas).expect("one at least").div_ceil(2).max(1);
    let soon = span.known.map_or(0, |times| {
        let horizon = capacity(team.power, HORIZON_MS).checked_div(span.likely().saturating_mul(replicas));
        let half = horizon.expect("a time is not zero").div_ceil(2);
        half.min(times.count.saturating_mul(2))
    });
    let sure = capacity(team.lanes, usable(span.limit)).checked_div(span.surely()).expect("a time is not zero");
    held.max(soon).min(sure)
}

/// How many tasks of a rung its workers can have when they have nothing else: an order of more would never be matched.
pub(super) fn most(team: &Team, span: Span) -> u64 {
    let replicas = team.replicas;
    let held = team.slots.checked_div(replicas).expect("one at least");
    let time = |power: u64, each_ms: u64, task_ms: u64| {
        capacity(power, each_ms).checked_div(replicas.saturating_mul(task_ms)).expect("a time is not zero")
    };
    let quick = span.known.map_or(0, |_| time(team.power, HORIZON_MS, span.likely()));
    let power = team.power.min(team.lanes.saturating_mul(replicas));
    held.max(quick).min(time(power, usable(span.limit), span.surely()))
}

/// A rung's order, unsigned; `moment` makes it different from any other.
pub(super) fn sell_order(moment: (Timestamp, u64), rung: Rung, ask: &Ask) -> WorkerpoolOrder {
    let words = [moment.0.0, moment.1, rung.category, rung.trust].map(u64::to_be_bytes).concat();
    let unique = [rung.pool.as_slice(), &words, &rung.floor.0.to_be_bytes::<32>()].concat();
    let mut salt = alloy_primitives::keccak256(unique);
    salt[..SALT.len()].copy_from_slice(SALT);
    let (apprestrict, requesterrestrict) = ask.only.map_or_else(Default::default, |it| (it.app, it.requester));
    WorkerpoolOrder {
        workerpool: rung.pool,
        workerpoolprice: ask.price,
        volume: U256::from(ask.volume),
        category: U256::from(rung.category),
        trust: U256::from(rung.trust),
        tag: rung.tag,
        apprestrict,
        requesterrestrict,
        salt,
        ..WorkerpoolOrder::default()
    }
}

/// Whether an order was made here.
pub(super) fn is_rungs(order: &WorkerpoolOrder) -> bool {
    order.salt.starts_with(SALT)
}

/// What a rung asks when machines are paid so much, never less than their floor.
pub(super) fn ask(level: &Level, class: &Class, marginal: Amount, volume: u64, only: Option<Kind>) -> Ask {
    let pay = marginal.max(level.floor);
    Ask { price: price(pay, class.factor), pay, volume, only }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers of tests")]
mod tests {
    use super::*;

    fn team(cores: u64) -> Team {
        Team { power: cores * 1_000, slots: cores * 4, replicas: 1, lanes: cores * 1_000 }
    }

    fn known(mean_ms: u64, count: u64) -> Span {
        let mut times = Times::default();
        (times.mean_ms, times.count) = (mean_ms, count);
        Span { limit: 60_000, known: Some(times) }
    }

    #[test]
    fn while_nothing_is_known_half_of_what_workers_hold_is_sold_at_once() {
        let team = team(10);
        assert_eq!(volume(&team, Span { limit: 60_000, known: None }), 20);
    }

    #[test]
    fn what_is_known_to_be_quick_is_sold_by_the_horizon_but_no_more_than_twice_what_ran() {
        let team = team(10);
        assert_eq!(volume(&team, known(100, 1_000_000)), 1_000);
        assert_eq!(volume(&team, known(100, 60)), 120);
    }

    #[test]
    fn no_more_is_sold_than_surely_ends_before_the_deadline() {
        let team = team(10);
        let slow = Team { lanes: 500, ..team };
        assert_eq!(volume(&slow, Span { limit: 60_000, known: None }), 2);
        assert_eq!(volume(&Team { lanes: 100, ..team }, Span { limit: 60_000, known: None }), 0);
    }
}
