//! What fits what.

use crate::market::{ALICE, APP, DATA, Market, POOL, app, buy, dataset, name, sell};
use book::{AnyOrder, Misfit, Obstacle};
use orders::{RequestOrder, WorkerpoolOrder};
use units::{Address, Amount, B256, Tag, U256};

fn tag(byte: u8) -> Tag {
    Tag(B256::with_last_byte(byte))
}

#[test]
fn the_least_volume_of_all_orders_is_matched_and_the_rest_stays() {
    let mut market = Market::with_app();
    market.sell(1, 5, 7);
    market.buy(2, 5, 9);
    assert_eq!(market.best(2).unwrap().volume, U256::from(7));
    market.book.set_remaining(name(1), U256::from(3));
    assert_eq!(market.best(2).unwrap().volume, U256::from(3));
    market.book.set_remaining(name(1), U256::ZERO);
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(None)));
    assert!(market.book.request(name(2)).is_some(), "the buy order rests on");
}

#[test]
fn four_sides_are_matched_when_the_request_wants_a_dataset() {
    let mut market = Market::with_app();
    market.sell(1, 5, 1);
    market.rest(2, AnyOrder::Request(RequestOrder { dataset: DATA, ..buy(5, 1) }));
    assert_eq!(market.best(2), Err(Obstacle::NoDatasetOrder(None)));
    market.rest(3, AnyOrder::Dataset(dataset(11)));
    assert_eq!(market.best(2), Err(Obstacle::NoDatasetOrder(Some(Misfit::TooDear))));
    market.rest(4, AnyOrder::Dataset(dataset(10)));
    assert_eq!(market.best(2).unwrap().dataset, Some(name(4)));
}

#[test]
fn without_anyone_selling_the_app_there_is_no_match() {
    let mut market = Market::default();
    market.sell(1, 5, 1);
    market.buy(2, 5, 1);
    assert_eq!(market.best(2), Err(Obstacle::NoAppOrder(None)));
    market.rest(3, AnyOrder::App(app(11)));
    assert_eq!(market.best(2), Err(Obstacle::NoAppOrder(Some(Misfit::TooDear))));
}

#[test]
fn each_misfit_has_its_name() {
    let other = Address::repeat_byte(0x77);
    let fits = sell(5, 1);
    let cases = [
        (sell(6, 1), Misfit::TooDear),
        (WorkerpoolOrder { trust: U256::from(2), ..sell(5, 1) }, Misfit::TrustTooLow),
        (WorkerpoolOrder { apprestrict: other, ..sell(5, 1) }, Misfit::Restricted),
        (WorkerpoolOrder { datasetrestrict: DATA, ..sell(5, 1) }, Misfit::Restricted),
        (WorkerpoolOrder { requesterrestrict: other, ..sell(5, 1) }, Misfit::Restricted),
    ];
    for (order, misfit) in cases {
        let mut market = Market::with_app();
        market.buy(2, 5, 1);
        market.rest(1, AnyOrder::Workerpool(order));
        assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(misfit))));
        market.rest(3, AnyOrder::Workerpool(fits.clone()));
        assert!(market.best(2).is_ok(), "{misfit:?} does not hide the order that fits");
    }
}

#[test]
fn the_pool_must_have_every_bit_that_app_or_request_demand() {
    let mut market = Market::default();
    market.rest(1, AnyOrder::App(orders::AppOrder { tag: tag(0x10), ..app(1) }));
    market.rest(2, AnyOrder::Request(RequestOrder { tag: tag(0x20), ..buy(5, 1) }));
    market.rest(3, AnyOrder::Workerpool(WorkerpoolOrder { tag: tag(0x10), ..sell(5, 1) }));
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Tag))));
    market.rest(4, AnyOrder::Workerpool(WorkerpoolOrder { tag: tag(0xf0), ..sell(5, 1) }));
    assert_eq!(market.pool_of(2), name(4));
}

#[test]
fn the_framework_bits_of_a_datasets_tag_are_not_demanded() {
    let mut market = Market::with_app();
    market.rest(1, AnyOrder::Dataset(orders::DatasetOrder { tag: tag(0x0e), ..dataset(1) }));
    market.rest(2, AnyOrder::Request(RequestOrder { dataset: DATA, ..buy(5, 1) }));
    market.sell(3, 5, 1);
    assert!(market.best(2).is_ok());
}

#[test]
fn a_tee_demanded_by_the_request_must_be_the_apps_too() {
    let mut market = Market::with_app();
    market.rest(2, AnyOrder::Request(RequestOrder { tag: tag(1), ..buy(5, 1) }));
    market.rest(3, AnyOrder::Workerpool(WorkerpoolOrder { tag: tag(1), ..sell(5, 1) }));
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Tag))));
}

#[test]
fn a_restriction_to_a_group_lets_its_members_in() {
    let group = Address::repeat_byte(0x66);
    let mut market = Market::with_app();
    market.rest(1, AnyOrder::Workerpool(WorkerpoolOrder { requesterrestrict: group, ..sell(5, 1) }));
    market.buy(2, 5, 1);
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Restricted))));
    market.world.members.insert((group, ALICE));
    assert!(market.best(2).is_ok());
}

#[test]
fn a_pool_without_room_is_busy() {
    let mut market = Market::with_app();
    market.sell(1, 5, 1);
    market.buy(2, 5, 1);
    market.world.room.insert(POOL, 0);
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy))));
    market.world.room.insert(POOL, 1);
    assert!(market.best(2).is_ok());
}

#[test]
fn an_offer_whose_owner_cannot_stake_is_passed_over_for_the_next() {
    let (poor, other) = (Address::repeat_byte(0x55), Address::repeat_byte(0x91));
    let mut market = Market::with_app();
    market.sell(1, 10, 10);
    market.buy(2, 20, 10);
    market.world.owners.insert(POOL, poor);
    // A stake of 30 % on ten tasks at 10.
    market.world.free.insert(poor, Amount::nanos(29));
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Unstaked))));
    market.rest(3, AnyOrder::Workerpool(WorkerpoolOrder { workerpool: other, ..sell(20, 10) }));
    assert_eq!(market.pool_of(2), name(3));
    market.world.free.insert(poor, Amount::nanos(30));
    assert_eq!(market.pool_of(2), name(1));
}

#[test]
fn who_buys_from_a_pool_of_its_own_pays_price_and_stake_from_one_account() {
    let mut market = Market::with_app();
    market.sell(1, 10, 10);
    market.buy(2, 10, 10);
    market.world.owners.insert(POOL, ALICE);
    // Ten times app 1, computing 10 and stake 3.
    market.world.free.insert(ALICE, Amount::nanos(139));
    assert_eq!(market.best(2), Err(Obstacle::NoWorkerpoolOrder(Some(Misfit::Unstaked))));
    market.world.free.insert(ALICE, Amount::nanos(140));
    assert!(market.best(2).is_ok());
}

#[test]
fn who_cannot_pay_for_the_match_is_told_what_it_costs_and_for_how_many_it_is_enough() {
    let mut market = Market::with_app();
    market.sell(1, 5, 10);
    market.buy(2, 5, 10);
    market.world.free.insert(ALICE, Amount::nanos(59));
    let obstacle = Obstacle::Funds { needed: Amount::nanos(60), free: Amount::nanos(59), affordable: U256::from(9) };
    assert_eq!(market.best(2), Err(obstacle));
    market.world.free.insert(ALICE, Amount::nanos(60));
    assert!(market.best(2).is_ok());
}

#[test]
fn prices_that_overflow_are_not_affordable_rather_than_wrapped() {
    let mut market = Market::with_app();
    let huge = Amount(U256::MAX);
    market.rest(1, AnyOrder::Workerpool(WorkerpoolOrder { workerpoolprice: huge, ..sell(0, 2) }));
    market.rest(2, AnyOrder::Request(RequestOrder { workerpoolmaxprice: huge, ..buy(0, 2) }));
    assert!(matches!(market.best(2), Err(Obstacle::Funds { needed, .. }) if needed == huge));
}

#[test]
fn an_order_taken_off_is_matched_no_more() {
    let mut market = Market::with_app();
    market.sell(1, 5, 1);
    market.buy(2, 5, 1);
    market.book.remove(name(2));
    assert_eq!(market.best(2), Err(Obstacle::NotResting));
    assert_eq!(market.book.wanted_categories().count(), 0);
    assert_ne!(APP, POOL);
}

#[test]
fn only_bids_that_reach_the_cheapest_offer_are_worth_trying() {
    let mut market = Market::with_app();
    for (hash, price) in [(1, 4), (2, 6), (3, 5), (4, 7)] {
        market.buy(hash, price, 1);
    }
    let crossing = |market: &Market| market.book.crossing(U256::ZERO).map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(crossing(&market), []);
    market.sell(10, 9, 1);
    assert_eq!(crossing(&market), []);
    market.sell(11, 5, 1);
    assert_eq!(crossing(&market), [name(4), name(2), name(3)]);
}
