//! Why a request is not matched.

use crate::market::{Market, POOL, name, sell};
use book::{AnyOrder, Cause, Change, Fix, Misfit, Obstacle, Tally};
use orders::{RequestOrder, WorkerpoolOrder};
use proptest::prelude::*;
use std::collections::BTreeMap;
use units::{Address, Amount, B256, Tag, U256};

fn tally(offers: u64, tasks: u128) -> Tally {
    Tally { offers, tasks }
}

fn fixes(market: &Market) -> Vec<Fix> {
    market.book.explain(name(1), &market.world).expect("the request rests").fixes
}

fn changes(market: &Market) -> Vec<Vec<Change>> {
    fixes(market).into_iter().map(|fix| fix.changes).collect()
}

fn raise(to: u64, more: u64) -> Change {
    Change::PoolPrice { to: Amount::nanos(to), more: Amount::nanos(more) }
}

#[test]
fn offers_passed_over_are_counted_by_cause_with_the_nearest_fix() {
    let mut market = Market::with_app();
    market.buy(1, 5, 9);
    market.sell(2, 8, 1);
    market.sell(3, 12, 1);
    market.rest(4, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::ONE, ..sell(1, 1) }));
    market.rest(5, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::from(3), ..sell(1, 1) }));
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    let causes = [
        (Cause::Category, tally(1, 1)),
        (Cause::Misfit(Misfit::TooDear), tally(2, 2)),
        (Cause::Misfit(Misfit::TrustTooLow), tally(1, 1)),
    ];
    assert_eq!(explanation.passed_over, BTreeMap::from(causes));
    assert_eq!((explanation.fitting, explanation.waiting), (Tally::default(), U256::from(9)));
    assert_eq!(
        explanation.raise(),
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
    assert_eq!(explanation.raise(), Some(Amount::nanos(4)));
}

#[test]
fn a_request_that_can_be_matched_has_no_obstacle() {
    let mut market = Market::with_app();
    market.buy(1, 5, 1);
    market.sell(2, 5, 1);
    let explanation = market.book.explain(name(1), &market.world).unwrap();
    assert_eq!((explanation.obstacle, explanation.fitting), (None, tally(1, 1)));
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

#[test]
fn several_fixes_are_offered_and_those_that_keep_what_was_asked_for_come_first() {
    let mut market = Market::with_app();
    market.buy(1, 5, 9);
    market.sell(2, 8, 4);
    market.sell(3, 12, 6);
    market.rest(4, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::ONE, ..sell(1, 3) }));
    market.rest(5, AnyOrder::Workerpool(WorkerpoolOrder { trust: U256::from(2), ..sell(4, 1) }));
    market.rest(6, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::from(3), ..sell(1, 7) }));
    market.world.machines.insert(POOL, 12);
    let found = fixes(&market);
    let changes: Vec<_> = found.iter().map(|fix| fix.changes.clone()).collect();
    let (trust, category) = (Change::Trust { to: U256::from(2) }, Change::Category { to: U256::from(3) });
    assert_eq!(changes, [vec![raise(8, 3)], vec![raise(12, 7)], vec![trust], vec![category]]);
    let offers: Vec<_> = found.iter().map(|fix| fix.offers).collect();
    assert_eq!(offers, [tally(1, 4), tally(2, 10), tally(1, 1), tally(1, 7)]);
    assert_eq!(found[0].matched, U256::from(4));
    assert!(found.iter().all(|fix| fix.machines == Some(12)));
}

#[test]
fn a_raise_that_serves_every_task_is_offered_beside_the_least() {
    let mut market = Market::with_app();
    market.buy(1, 5, 9);
    for (hash, price) in [(2, 6), (3, 7), (4, 9), (5, 20)] {
        market.sell(hash, price, 3);
    }
    assert_eq!(changes(&market), [[raise(6, 1)], [raise(9, 4)]]);
}

#[test]
fn a_shorter_time_is_not_advised() {
    let mut market = Market::with_app();
    market.rest(1, AnyOrder::Request(RequestOrder { category: U256::from(2), ..crate::market::buy(5, 1) }));
    market.rest(2, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::ONE, ..sell(1, 1) }));
    market.rest(3, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::from(4), ..sell(1, 1) }));
    market.rest(4, AnyOrder::Workerpool(WorkerpoolOrder { category: U256::from(3), ..sell(1, 1) }));
    assert_eq!(changes(&market), [[Change::Category { to: U256::from(3) }]]);
}

#[test]
fn who_has_too_little_is_told_what_to_deposit() {
    let mut market = Market::with_app();
    market.sell(2, 5, 10);
    market.buy(1, 5, 10);
    market.world.free.insert(crate::market::ALICE, Amount::nanos(45));
    assert_eq!(changes(&market), [[Change::Deposit { amount: Amount::nanos(15) }]]);
    market.book.remove(name(2));
    market.sell(3, 7, 10);
    assert_eq!(changes(&market), [[raise(7, 2), Change::Deposit { amount: Amount::nanos(35) }]]);
}

#[test]
fn a_capability_that_no_pool_has_can_be_left_out_unless_the_app_demands_it() {
    let gpu = Tag(B256::with_last_byte(0x10));
    let mut market = Market::with_app();
    market.sell(2, 5, 1);
    market.rest(1, AnyOrder::Request(RequestOrder { tag: gpu, ..crate::market::buy(5, 1) }));
    assert_eq!(changes(&market), [[Change::Tag { to: Tag::NONE }]]);
    market.rest(0xaa, AnyOrder::App(orders::AppOrder { tag: gpu, ..crate::market::app(1) }));
    assert!(fixes(&market).is_empty());
}

#[test]
fn a_request_for_one_pool_learns_that_others_would_serve_it() {
    let mut market = Market::with_app();
    market.sell(2, 5, 1);
    let elsewhere = Address::repeat_byte(0x77);
    market.rest(1, AnyOrder::Request(RequestOrder { workerpool: elsewhere, ..crate::market::buy(5, 1) }));
    assert_eq!(changes(&market), [[Change::AnyPool]]);
}

#[test]
fn a_dear_app_is_a_price_to_raise_and_a_busy_pool_none() {
    let mut market = Market::default();
    market.rest(3, AnyOrder::App(crate::market::app(14)));
    market.sell(2, 5, 1);
    market.buy(1, 5, 1);
    assert_eq!(changes(&market), [[Change::AppPrice { to: Amount::nanos(14), more: Amount::nanos(4) }]]);
    market.world.room.insert(POOL, 0);
    assert!(fixes(&market).is_empty(), "only time helps");
}

/// The request with the changes made, and the world with what was deposited.
fn apply(market: &mut Market, order: &RequestOrder, changes: &[Change]) {
    let mut order = order.clone();
    for change in changes {
        match change {
            Change::PoolPrice { to, .. } => order.workerpoolmaxprice = *to,
            Change::AppPrice { to, .. } => order.appmaxprice = *to,
            Change::DatasetPrice { to, .. } => order.datasetmaxprice = *to,
            Change::Deposit { amount } => {
                let free = market.world.free.entry(order.requester).or_insert(Amount::credits(1_000_000));
                *free = free.checked_add(*amount).expect("a small sum fits");
            }
            Change::Trust { to } => order.trust = *to,
            Change::Category { to } => order.category = *to,
            Change::Tag { to } => order.tag = *to,
            Change::AnyPool => order.workerpool = Address::ZERO,
        }
    }
    market.rest(1, AnyOrder::Request(order));
}

proptest! {
    /// Whoever does as advised is matched, as far as was said; and no offer is left out of the count.
    #[test]
    fn every_fix_that_is_offered_gets_a_match(
        asks in prop::collection::vec(((0_u8..3, 0_u64..9, 1_u64..5), (0_u8..3, 0_u64..4, 0_u8..2, 0_u64..3)), 0..24),
        (price, trust, tag, category, volume, pool) in (0_u64..6, 0_u64..4, 0_u8..3, 0_u64..3, 1_u64..9, 0_u8..4),
        (app_price, data_price, free, busy, poor) in (0_u64..14, 0_u64..14, 0_u64..200, 0_u8..4, 0_u8..3),
    ) {
        let mut market = Market::default();
        market.rest(0xaa, AnyOrder::App(crate::market::app(app_price)));
        market.rest(0xdd, AnyOrder::Dataset(crate::market::dataset(data_price)));
        let alice = crate::market::ALICE;
        market.world.free.insert(alice, Amount::nanos(free));
        market.world.free.insert(Address::repeat_byte(0x40), Amount::nanos(3));
        market.world.owners.insert(Address::repeat_byte(poor), Address::repeat_byte(0x40));
        market.world.owners.insert(Address::repeat_byte(2), alice);
        market.world.room.insert(Address::repeat_byte(busy), 0);
        for (number, ((pool, price, volume), (tag, trust, mine, category))) in (10_u8..).zip(&asks) {
            let order = WorkerpoolOrder {
                workerpool: Address::repeat_byte(*pool + 1),
                tag: Tag(B256::with_last_byte(tag << 4)),
                trust: U256::from(*trust),
                category: U256::from(*category),
                requesterrestrict: if *mine == 1 { Address::repeat_byte(0x99) } else { Address::ZERO },
                ..sell(*price, *volume)
            };
            market.rest(number, AnyOrder::Workerpool(order));
        }
        let order = RequestOrder {
            dataset: crate::market::DATA,
            workerpool: Address::repeat_byte(pool),
            trust: U256::from(trust),
            tag: Tag(B256::with_last_byte(tag << 4)),
            category: U256::from(category),
            ..crate::market::buy(price, volume)
        };
        market.rest(1, AnyOrder::Request(order.clone()));
        let explanation = market.book.explain(name(1), &market.world).unwrap();
        prop_assert_eq!(explanation.obstacle, market.best(1).err());
        let goods_are_sold = app_price <= 10 && data_price <= 10;
        let counted = explanation.passed_over.values().map(|tally| tally.offers).sum::<u64>() + explanation.fitting.offers;
        prop_assert!(!goods_are_sold || counted == asks.len() as u64);
        prop_assert!(explanation.obstacle.is_some() || explanation.fixes.is_empty());
        for fix in explanation.fixes {
            let world = market.world.clone();
            apply(&mut market, &order, &fix.changes);
            let found = market.best(1);
            prop_assert!(found.is_ok(), "{:?}: {:?}", fix, found);
            prop_assert_eq!(found.unwrap().volume, fix.matched);
            prop_assert!(fix.offers.offers > 0);
            market.world = world;
        }
    }
}
