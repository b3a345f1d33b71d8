//! The hosted pools' sell orders.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use exchange::AnyOrder;
use market::{Misfit, Obstacle};
use units::{Amount, U256};

fn rungs(world: &World) -> Vec<(U256, U256, Amount, U256)> {
    let orders =
        world.market.exchange().resting().filter_map(|order| {
            if let AnyOrder::Workerpool(order) = order { Some(order.order().clone()) } else { None }
        });
    let mut rungs: Vec<_> =
        orders.map(|order| (order.category, order.trust, order.workerpoolprice, order.volume)).collect();
    rungs.sort_unstable();
    rungs
}

#[test]
fn a_pool_sells_nothing_until_a_worker_comes_and_nothing_after_the_last_left() {
    let mut world = World::new(false);
    world.settle();
    assert_eq!(rungs(&world), []);
    world.join(10, Nature::Honest, "commons", 100);
    world.settle();
    assert_eq!(rungs(&world).len(), 6, "a rung a category");
    world.leave(10);
    world.settle();
    assert_eq!(rungs(&world), []);
}

#[test]
fn as_many_replicas_are_sold_as_there_are_owners() {
    let mut world = World::new(false);
    for name in 10..13 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    let trusts: Vec<U256> = rungs(&world).iter().filter(|rung| rung.0 == U256::ZERO).map(|rung| rung.1).collect();
    assert_eq!(trusts, [U256::from(2), U256::from(4), U256::from(8)]);
}

#[test]
fn a_bonded_pool_sells_only_what_its_workers_can_stake_for() {
    let mut world = World::new(false);
    for name in 10..12 {
        world.join(name, Nature::Honest, "bonded", 1_000);
    }
    world.settle();
    assert_eq!(rungs(&world), [], "nobody has anything to stake");
    let trusts = |world: &World| -> Vec<U256> {
        rungs(world).iter().filter(|rung| rung.0 == U256::ZERO).map(|rung| rung.1).collect()
    };
    // 30 % of 1,112, which one replica costs, and of 2,223, which two do.
    world.credit(10, 666);
    world.credit(11, 333);
    world.settle();
    assert_eq!(trusts(&world), [U256::from(2)]);
    world.credit(11, 333);
    world.settle();
    assert_eq!(trusts(&world), [U256::from(2), U256::from(4)]);
}

#[test]
fn the_price_of_a_rung_rises_with_its_floor_and_its_replicas() {
    let mut world = World::new(false);
    world.join(10, Nature::Honest, "commons", 100);
    world.join(11, Nature::Honest, "commons", 300);
    world.settle();
    let prices: Vec<(U256, Amount)> =
        rungs(&world).iter().filter(|rung| rung.0 == U256::ZERO).map(|rung| (rung.1, rung.2)).collect();
    let nanos = Amount::nanos;
    let two = U256::from(2);
    assert_eq!(prices, [(two, nanos(112)), (two, nanos(334)), (U256::from(4), nanos(667))]);
}

#[test]
fn a_pool_takes_on_no_more_than_it_soon_finishes() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.join(10, Nature::Silent, "commons", 100);
    let job = world.buy(1, 1_000, 1_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!(view.matched, 2, "two a core while nothing is known of the time a task takes");
    let explanation = world.market.explain(job).unwrap();
    assert_eq!(explanation.obstacle, Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy))));
}

#[test]
fn rungs_from_before_a_restart_are_withdrawn_and_signed_anew() {
    let mut world = World::new(false);
    world.join(10, Nature::Honest, "commons", 100);
    world.settle();
    let before = rungs(&world);
    world.restart();
    world.settle();
    assert_eq!(rungs(&world), []);
    world.rejoin(10, "commons", 100);
    world.settle();
    assert_eq!(rungs(&world), before);
}

#[test]
fn a_request_that_pays_too_little_is_told_how_much_more_it_takes() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000);
    world.join(10, Nature::Honest, "commons", 100);
    let job = world.buy(1, 1, 100);
    world.settle();
    let explanation = world.market.explain(job).unwrap();
    assert_eq!(explanation.raise(), Some(Amount::nanos(12)));
    assert_eq!(explanation.fixes[0].machines, Some(1), "the machine that asks for it");
}
