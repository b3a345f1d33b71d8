//! Price, then time.

use crate::market::{Market, name};
use proptest::prelude::*;
use units::{OrderHash, U256};

#[test]
fn the_cheapest_ask_serves_first_and_of_equals_the_earlier() {
    let mut market = Market::with_app();
    market.sell(1, 5, 1);
    market.sell(2, 4, 1);
    market.sell(3, 4, 1);
    market.buy(9, 5, 1);
    let mut served = Vec::new();
    while let Ok(found) = market.best(9) {
        served.push(found.workerpool);
        market.book.remove(found.workerpool);
    }
    assert_eq!(served, [name(2), name(3), name(1)]);
}

#[test]
fn the_highest_bid_is_served_first_and_of_equals_the_earlier() {
    let mut market = Market::default();
    market.buy(1, 4, 1);
    market.buy(2, 5, 1);
    market.buy(3, 5, 1);
    let turn: Vec<OrderHash> = market.book.requests(U256::ZERO).map(|(hash, _, _)| hash).collect();
    assert_eq!(turn, [name(2), name(3), name(1)]);
}

proptest! {
    /// Matching the highest bid first, each with its cheapest ask, never leaves a bid unserved that a resting ask would serve.
    #[test]
    fn no_crossing_orders_are_left(
        asks in prop::collection::vec((0_u64..6, 1_u64..4), 0..12),
        bids in prop::collection::vec((0_u64..6, 1_u64..4), 0..12),
    ) {
        let mut market = Market::with_app();
        for (number, (price, volume)) in (0_u8..).zip(&asks) {
            market.sell(100 + number, *price, *volume);
        }
        for (number, (price, volume)) in (0_u8..).zip(&bids) {
            market.buy(number + 1, *price, *volume);
        }
        let mut matched = U256::ZERO;
        let turn: Vec<OrderHash> = market.book.requests(U256::ZERO).map(|(hash, _, _)| hash).collect();
        for request in turn {
            while let Ok(found) = market.book.best(request, &market.world) {
                matched += found.volume;
                for hash in [found.request, found.workerpool, found.app] {
                    let left = if hash == found.app {
                        U256::from(100)
                    } else if hash == request {
                        market.book.request(hash).unwrap().1 - found.volume
                    } else {
                        let asks: Vec<_> = market.book.workerpools(U256::ZERO).collect();
                        asks.iter().find(|(ask, _, _)| *ask == hash).unwrap().2 - found.volume
                    };
                    market.book.set_remaining(hash, left);
                }
            }
        }
        let best_ask = market.book.workerpools(U256::ZERO).next().map(|(_, order, _)| order.workerpoolprice);
        let best_bid = market.book.requests(U256::ZERO).next().map(|(_, order, _)| order.workerpoolmaxprice);
        if let (Some(ask), Some(bid)) = (best_ask, best_bid) {
            prop_assert!(ask > bid, "{ask} would serve {bid}");
        }
        let offered: u64 = asks.iter().map(|(_, volume)| volume).sum();
        prop_assert!(matched <= U256::from(offered));
    }
}
