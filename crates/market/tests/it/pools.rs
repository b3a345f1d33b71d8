//! Pools that anybody opens: the exchange sells for them on their owners' terms, and they earn.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use abi::{Call, Erc20, Erc721};
use exchange::{AnyOrder, PayReason};
use market::{Misfit, Obstacle};
use std::time::Duration;
use units::{Address, Amount, OrderHash, U256};

/// Who opens a pool.
const HOST: u8 = 5;
const POOL: &str = "cellar";

fn nanos(amount: u64) -> Amount {
    Amount::nanos(amount)
}

fn open(world: &mut World, stake_ratio: u64, share: u64, open: bool) -> Address {
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.credit(HOST, 1_000_000);
    let call = Call::OpenPool {
        description: POOL.to_owned(),
        worker_stake_ratio: U256::from(stake_ratio),
        scheduler_reward_ratio: U256::from(share),
        open,
    };
    world.transact(HOST, &call);
    world.pool(POOL)
}

/// The host lets the exchange pay so much beside PoCo.
fn allow(world: &mut World, amount: u64) {
    let spender = world.address(OPERATOR);
    world.transact(HOST, &Call::HubToken(Erc20::Approve { spender, amount: nanos(amount) }));
}

fn crew(world: &mut World, names: std::ops::Range<u8>) {
    for name in names {
        world.join(name, Nature::Honest, POOL, 100);
    }
    world.settle();
}

/// Time passes until everything held is decided.
fn rest(world: &mut World) {
    for _ in 0..120 {
        world.wait(Duration::from_secs(60));
    }
}

fn offers(world: &World, pool: Address) -> Vec<OrderHash> {
    let orders = world.market.exchange().resting();
    let of_pool = |order: &&AnyOrder| matches!(order, AnyOrder::Workerpool(it) if it.order().workerpool == pool);
    orders.filter(of_pool).map(AnyOrder::hash).collect()
}

#[test]
fn whoever_opens_a_pool_sells_at_once_on_its_own_terms_and_earns() {
    let mut world = World::new(false);
    let pool = open(&mut world, 0, 20, true);
    allow(&mut world, 1_000_000);
    crew(&mut world, 10..14);
    assert_eq!(offers(&world, pool).len(), 6 * 3, "categories, and the trusts that four owners are enough for");
    let before = world.free(HOST);
    let job = world.buy(1, 400, 1_000);
    world.settle();
    rest(&mut world);
    let view = world.market.job(job).unwrap();
    assert_eq!((view.finished, view.claimed), (400, 0));
    assert_eq!(view.spent, nanos(400 * 125), "the floor, and a fifth of the price for the host");
    let beside = world.events.iter().filter_map(|event| {
        if let exchange::Event::Paid { pool: by, amount, .. } = event
            && *by == pool
        {
            return amount.to_nanos();
        }
        None
    });
    let beside: u64 = beside.sum();
    assert!(beside > 0, "checks were paid");
    assert_eq!(world.free(HOST), nanos(before.to_nanos().unwrap() + 400 * 25 - beside));
    assert!(world.free(HOST) > before, "{} after {before}", world.free(HOST));
    assert_eq!(offers(&world, world.pool("commons")), [], "whose machines did not work");
}

#[test]
fn the_owners_stake_ratio_is_asked_of_its_workers() {
    let mut world = World::new(false);
    let pool = open(&mut world, 50, 10, true);
    allow(&mut world, 1_000_000);
    crew(&mut world, 10..12);
    let trusts = |world: &World| {
        let orders = world.market.exchange().resting();
        let of = orders.filter_map(|order| match order {
            AnyOrder::Workerpool(order) if order.order().workerpool == pool => Some(order.order().trust.to::<u64>()),
            AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) | AnyOrder::Request(_) => None,
        });
        of.collect::<std::collections::BTreeSet<u64>>()
    };
    assert!(trusts(&world).is_empty(), "nobody can stake: {:?}", trusts(&world));
    world.credit(10, 1_000);
    world.credit(11, 1_000);
    world.settle();
    assert_eq!(trusts(&world).into_iter().collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn nothing_is_sold_for_a_pool_that_could_not_pay_who_checks() {
    let mut world = World::new(false);
    let pool = open(&mut world, 0, 10, true);
    crew(&mut world, 10..14);
    assert_eq!(offers(&world, pool), [], "its owner allows the exchange nothing");
    let job = world.buy(1, 1_000, 1_000);
    world.settle();
    let explanation = world.market.explain(job).unwrap();
    assert_eq!(explanation.obstacle, Some(Obstacle::NoWorkerpoolOrder(None::<Misfit>)));
    // Enough for two checks.
    allow(&mut world, 200);
    world.settle();
    assert!(world.market.job(job).unwrap().matched > 0);
    let checks = |world: &World| {
        let paid = |event: &&exchange::Event| matches!(event, exchange::Event::Paid { why: PayReason::Check, .. });
        world.events.iter().filter(paid).count()
    };
    assert!(checks(&world) > 0, "{} checks", checks(&world));
    let left = world.market.exchange().may_pay(pool);
    assert!(left < nanos(100), "and no more is sold when that is spent: {left}");
    assert_eq!(offers(&world, pool), []);
}

#[test]
fn a_pool_that_is_closed_or_given_away_sells_no_more_and_nobody_can_match_what_it_offered() {
    let mut world = World::new(false);
    let pool = open(&mut world, 0, 10, true);
    allow(&mut world, 1_000_000);
    crew(&mut world, 10..14);
    let offered = offers(&world, pool);
    assert!(!offered.is_empty());
    world.transact(HOST, &Call::ClosePool { pool });
    world.settle();
    assert_eq!(offers(&world, pool), []);
    assert!(offered.iter().all(|order| world.market.exchange().hub().presigned(*order).is_none()));
    world.transact(HOST, &Call::HostPool { pool, open: true });
    world.settle();
    assert!(!offers(&world, pool).is_empty());
    let (from, to) = (world.address(HOST), world.address(6));
    let gift = Erc721::Transfer { from, to, token: U256::from_be_bytes(pool.into_word().0) };
    world.transact(HOST, &Call::Registry(abi::AssetKind::Workerpool, gift));
    world.settle();
    assert_eq!(offers(&world, pool), [], "a new owner was not asked");
}

#[test]
fn who_is_invited_no_more_works_there_no_more() {
    let mut world = World::new(false);
    let pool = open(&mut world, 0, 10, false);
    allow(&mut world, 1_000_000);
    for name in 10..12 {
        let worker = world.address(name);
        world.transact(HOST, &Call::Invite { pool, worker, invited: true });
    }
    crew(&mut world, 10..12);
    assert!(!offers(&world, pool).is_empty());
    for name in 10..12 {
        let worker = world.address(name);
        world.transact(HOST, &Call::Invite { pool, worker, invited: false });
    }
    world.settle();
    assert_eq!(offers(&world, pool), []);
    let job = world.buy(1, 10, 1_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().matched, 0);
}

#[test]
fn rungs_of_the_exchanges_own_pools_are_void_as_soon_as_they_are_withdrawn() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.join(10, Nature::Honest, "commons", 100);
    world.settle();
    let pool = world.pool("commons");
    let before = offers(&world, pool);
    let is_open = |world: &World, order: &OrderHash| world.market.exchange().consumed(*order).is_zero();
    assert!(!before.is_empty() && before.iter().all(|order| is_open(&world, order)));
    world.leave(10);
    world.settle();
    assert_eq!(offers(&world, pool), []);
    assert!(!before.iter().any(|order| is_open(&world, order)), "whoever kept one cannot match it");
}

#[test]
fn a_pool_of_others_goes_on_after_a_restart() {
    let mut world = World::new(false);
    let pool = open(&mut world, 0, 10, true);
    allow(&mut world, 1_000_000);
    crew(&mut world, 10..14);
    let job = world.buy(3, 300, 10_000);
    assert!(world.step() && world.step());
    world.restart();
    world.settle();
    for name in 10..14 {
        world.rejoin(name, POOL, 100);
    }
    world.settle();
    rest(&mut world);
    let exchange = world.market.exchange();
    assert_eq!((exchange.consumed(job), exchange.active_deals().count()), (U256::from(300), 0));
    let claimed = |it: &exchange::Event| matches!(it, exchange::Event::Hub(poco::Event::TaskClaimed { .. }));
    assert!(!world.events.iter().any(claimed) && !offers(&world, pool).is_empty());
}
