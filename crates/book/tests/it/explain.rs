//! Why a request is not matched.

use crate::market::{Market, POOL, name, sell};
use book::{AnyOrder, Cause, Misfit, Obstacle};
use orders::WorkerpoolOrder;
use std::collections::BTreeMap;
use units::{Amount, U256};

#[test]
fn offers_passed_over_are_counted_by_cause_with_the_nearest_fix() {
    let mut market = Market::with_app();
    market.buy(1, 5, 9);
    market.sell(2, 8, 1);
    market.sell(3, 12, 1);
    market.rest(4, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::ONE, ..sell(1, 1) }));
    market.rest(5, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::from(3), ..sell(1, 1) }));
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    let causes = [(Cause::Category, 1), (Cause::Misfit(Misfit::TooDear), 2), (Cause::Misfit(Misfit::TrustTooLow), 1)];
    assert_eq!(explanation.passed_over, BTreeMap::from(causes));
    assert_eq!((explanation.fitting, explanation.waiting), (0, U256::from(9)));
    assert_eq!(
        explanation.raise,
        Some(Amount::nanos(3)),
        "three more a task buys from the cheapest that fits otherwise"
    );
}

#[test]
fn the_raise_passes_over_offers_that_more_money_does_not_mend() {
    let mut market = Market::with_app();
    market.buy(1, 5, 1);
    market.rest(2, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::ONE, ..sell(6, 1) }));
    market.sell(3, 9, 1);
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    assert_eq!(explanation.raise, Some(Amount::nanos(4)));
}

#[test]
fn a_request_that_can_be_matched_has_no_obstacle() {
    let mut market = Market::with_app();
    market.buy(1, 5, 1);
    market.sell(2, 5, 1);
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    assert_eq!((explanation.obstacle, explanation.fitting), (None, 1));
    market.world.room.insert(POOL, 0);
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    assert_eq!(explanation.obstacle, Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy))));
}

#[test]
fn of_several_obstacles_the_one_nearest_to_a_match_is_named() {
    let mut market = Market::with_app();
    market.buy(1, 5, 1);
    market.rest(2, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::ONE, ..sell(1, 1) }));
    market.sell(3, 5, 1);
    market.world.room.insert(POOL, 0);
    let busy = Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy)));
    assert_eq!(market.best(1), busy, "it waits for capacity, not for more trust");
}

#[test]
fn what_is_not_on_the_book_is_not_explained() {
    assert!(Market::default().book.explain(name(1), &Market::default().world).is_none());
}
