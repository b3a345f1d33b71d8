//! The marginal price: what the highest bid offers that capacity does not reach.
//!
//! Bids are served from the highest down, each by machines that ask no more than it pays. Where one is left over, all that is
//! sold is sold at what it offers, so that price decides who is served and machines earn more when they are scarce. A
//! requester does not bid against itself: what it wants beyond all capacity does not count.

use std::collections::BTreeMap;
use units::{Address, Amount};

/// How much somebody would have for how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bid {
    pub(super) requester: Address,
    /// What each unit is worth to it, nano-credits.
    pub(super) rate: Amount,
    pub(super) units: u64,
}

/// How much is to be had from machines that ask no more than so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) floor: Amount,
    pub(super) units: u64,
}

/// The rate of the highest bid that goes unserved; `None` while there is enough for all who pay the lowest floor. `stocks`
/// grow with their floors.
pub(super) fn marginal(bids: &[Bid], stocks: &[Stock]) -> Option<Amount> {
    let whole = stocks.last()?.units;
    let mut bids: Vec<Bid> = bids.to_vec();
    bids.sort_by_key(|bid| std::cmp::Reverse(bid.rate));
    let mut wanted: BTreeMap<Address, u64> = BTreeMap::new();
    let mut taken = 0_u64;
    for bid in bids {
        let own = wanted.entry(bid.requester).or_default();
        let units = bid.units.min(whole.saturating_sub(*own));
        *own = own.saturating_add(units);
        taken = taken.saturating_add(units);
        let within = stocks.iter().rev().find(|stock| stock.floor <= bid.rate)?;
        if units > 0 && taken > within.units {
            return Some(bid.rate);
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers of tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bid(who: u8, rate: u64, units: u64) -> Bid {
        Bid { requester: Address::repeat_byte(who), rate: Amount::nanos(rate), units }
    }

    fn stock(floor: u64, units: u64) -> Stock {
        Stock { floor: Amount::nanos(floor), units }
    }

    #[test]
    fn while_there_is_enough_nobody_pays_more_than_the_floor() {
        assert_eq!(marginal(&[bid(1, 9, 5), bid(2, 8, 5)], &[stock(3, 10)]), None);
        assert_eq!(marginal(&[], &[stock(3, 10)]), None);
        assert_eq!(marginal(&[bid(1, 9, 5)], &[]), None);
    }

    #[test]
    fn the_highest_bid_left_over_is_the_price() {
        assert_eq!(marginal(&[bid(1, 9, 6), bid(2, 8, 6), bid(3, 7, 1)], &[stock(3, 10)]), Some(Amount::nanos(8)));
        assert_eq!(marginal(&[bid(1, 9, 6), bid(2, 8, 4), bid(3, 7, 1)], &[stock(3, 10)]), Some(Amount::nanos(7)));
    }

    #[test]
    fn a_long_job_alone_does_not_bid_against_itself() {
        assert_eq!(marginal(&[bid(1, 9, 1_000_000)], &[stock(3, 10)]), None);
        assert_eq!(marginal(&[bid(1, 9, 1_000_000), bid(2, 4, 1)], &[stock(3, 10)]), Some(Amount::nanos(4)));
    }

    #[test]
    fn who_pays_less_than_anybody_asks_is_no_rival() {
        assert_eq!(marginal(&[bid(1, 9, 10), bid(2, 2, 5)], &[stock(3, 10)]), None);
    }

    #[test]
    fn a_bid_below_the_dearer_machines_competes_for_the_cheaper() {
        let stocks = [stock(1, 2), stock(5, 10)];
        assert_eq!(marginal(&[bid(1, 4, 2), bid(2, 3, 1)], &stocks), Some(Amount::nanos(3)));
        assert_eq!(marginal(&[bid(1, 6, 10), bid(2, 4, 1)], &stocks), Some(Amount::nanos(4)));
    }

    prop_compose! {
        fn bids()(bids in prop::collection::vec((0_u8..4, 0_u64..6, 0_u64..8), 0..8)) -> Vec<Bid> {
            bids.into_iter().map(|(who, rate, units)| bid(who, rate, units)).collect()
        }
    }

    prop_compose! {
        fn stocks()(steps in prop::collection::vec((1_u64..3, 0_u64..8), 1..4)) -> Vec<Stock> {
            let (mut floor, mut units) = (0, 0);
            steps.into_iter().map(|(up, more)| { floor += up; units += more; stock(floor, units) }).collect()
        }
    }

    proptest! {
        #[test]
        fn strangers_demand_never_lowers_the_price(bids in bids(), stocks in stocks(), rate in 0_u64..6, units in 0_u64..8) {
            let before = marginal(&bids, &stocks);
            let more: Vec<Bid> = bids.iter().copied().chain([bid(9, rate, units)]).collect();
            prop_assert!(marginal(&more, &stocks) >= before);
        }

        #[test]
        fn the_same_machines_and_higher_bids_never_lower_the_price(bids in bids(), units in 0_u64..20, which in 0_usize..8) {
            let stocks = [stock(1, units)];
            let before = marginal(&bids, &stocks);
            let mut higher = bids;
            if let Some(bid) = higher.get_mut(which) {
                bid.rate = Amount::nanos(bid.rate.to_nanos().unwrap() + 1);
            }
            prop_assert!(marginal(&higher, &stocks) >= before);
        }

        #[test]
        fn the_price_is_no_less_than_the_lowest_floor_and_those_above_it_are_served(bids in bids(), stocks in stocks()) {
            if let Some(price) = marginal(&bids, &stocks) {
                prop_assert!(price >= stocks[0].floor);
                let whole = stocks.last().unwrap().units;
                let mut wanted: BTreeMap<Address, u64> = BTreeMap::new();
                for bid in bids.iter().filter(|bid| bid.rate > price) {
                    let own = wanted.entry(bid.requester).or_default();
                    *own = (*own + bid.units).min(whole);
                }
                let above: u64 = wanted.values().sum();
                let dearest = bids.iter().filter(|bid| bid.rate > price).map(|bid| bid.rate).max();
                let reach = dearest.map_or(0, |rate| {
                    stocks.iter().rev().find(|stock| stock.floor <= rate).map_or(0, |stock| stock.units)
                });
                prop_assert!(above <= reach, "the highest bids win: {above} units above the price, {reach} to be had");
            }
        }
    }
}
