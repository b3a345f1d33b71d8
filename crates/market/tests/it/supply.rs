//! The hosted pools' sell orders.

use crate::world::{APP_OWNER, Nature, OPERATOR, REQUESTER, World};
use exchange::{AnyOrder, Command, Event};
use market::{Misfit, Obstacle};
use orders::OrderKind;
use std::time::Duration;
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

/// Trust and price of the rungs of category 0.
fn prices(world: &World) -> Vec<(u64, Amount)> {
    let first = rungs(world).into_iter().filter(|rung| rung.0.is_zero());
    first.map(|(_, trust, price, _)| (trust.to(), price)).collect()
}

fn trusts(world: &World) -> Vec<u64> {
    prices(world).into_iter().map(|(trust, _)| trust).collect()
}

/// How many sell orders were signed.
fn signed(world: &World) -> usize {
    let is_offer = |entry: &&exchange::Entry| matches!(&entry.command, Command::PlaceOrder(order) if matches!(order.as_ref(), AnyOrder::Workerpool(_)));
    world.entries.iter().filter(is_offer).count()
}

fn claimed(world: &World) -> usize {
    world.events.iter().filter(|it| matches!(it, Event::Hub(poco::Event::TaskClaimed { .. }))).count()
}

/// What requesters paid so far.
fn sold_for(world: &World) -> Amount {
    world
        .market
        .known_jobs()
        .filter_map(|job| world.market.job(job))
        .fold(nanos(0), |sum, view| sum.checked_add(view.spent).expect("all money can be counted"))
}

fn nanos(amount: u64) -> Amount {
    Amount::nanos(amount)
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
fn as_much_trust_is_sold_as_there_are_owners() {
    let mut world = World::new(false);
    for name in 10..13 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    assert_eq!(trusts(&world), [2, 4, 8]);
    world.leave(12);
    world.settle();
    assert_eq!(trusts(&world), [2, 4]);
}

#[test]
fn a_bonded_pool_sells_only_what_its_workers_can_stake_for() {
    let mut world = World::new(false);
    for name in 10..12 {
        world.join(name, Nature::Honest, "bonded", 1_000);
    }
    world.settle();
    assert_eq!(rungs(&world), [], "nobody has anything to stake");
    // 30 % of 1,112, which one replica costs, and of 2,223, which two do.
    world.credit(10, 666);
    world.credit(11, 333);
    world.settle();
    assert_eq!(trusts(&world), [2]);
    world.credit(11, 333);
    world.settle();
    assert_eq!(trusts(&world), [2, 4]);
}

#[test]
fn the_price_of_a_rung_rises_with_its_floor_and_its_replicas() {
    let mut world = World::new(false);
    world.join(10, Nature::Honest, "commons", 100);
    world.join(11, Nature::Honest, "commons", 100);
    world.join(12, Nature::Honest, "commons", 300);
    world.settle();
    assert_eq!(prices(&world), [(2, nanos(112)), (2, nanos(334)), (4, nanos(667)), (8, nanos(1_001))]);
}

#[test]
fn replicas_are_sold_at_a_price_that_one_owner_more_accepts_than_they_take() {
    let mut world = World::new(false);
    for (name, floor) in [(10, 100), (11, 100), (12, 300)] {
        world.join(name, Nature::Honest, "commons", floor);
    }
    world.settle();
    assert!(!prices(&world).contains(&(4, nanos(223))), "either of two could cost the pool its stake");
    world.join(13, Nature::Honest, "commons", 100);
    world.settle();
    assert!(prices(&world).contains(&(4, nanos(223))), "{:?}", prices(&world));
}

#[test]
fn a_job_that_the_cheap_workers_get_no_more_of_is_sold_to_dearer_ones() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 500);
    for name in [10, 11] {
        world.join(name, Nature::Silent, "commons", 100);
    }
    world.join(12, Nature::Honest, "commons", 100);
    let job = world.buy(3, 40, 10_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().matched, 2, "as many as it can pay");
    world.wait(Duration::from_secs(430));
    assert_eq!(world.settled, [], "two let it down, and one is left");
    for name in [13, 14, 15] {
        world.join(name, Nature::Honest, "commons", 300);
    }
    world.credit(REQUESTER, 1_000_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!((view.matched, view.finished), (40, 38), "{view:?}");
}

#[test]
fn what_few_of_many_machines_change_is_on_the_book_a_moment_later() {
    let mut world = World::new(false);
    for name in 10..210 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    for name in [210, 211] {
        world.join(name, Nature::Honest, "commons", 50);
    }
    world.settle();
    let cheaper = (2, nanos(56));
    assert!(!prices(&world).contains(&cheaper), "two of two hundred");
    let until = world.market.next_deadline().expect("they are not forgotten");
    assert_eq!(until.saturating_since(world.now), Duration::from_millis(101));
    world.wait(Duration::from_millis(101));
    assert!(prices(&world).contains(&cheaper), "{:?}", prices(&world));
}

#[test]
fn a_floor_that_only_one_owner_accepts_is_not_sold_beside_others() {
    let mut world = World::new(false);
    world.join(10, Nature::Honest, "commons", 100);
    world.settle();
    assert_eq!(prices(&world), [(2, nanos(112))], "there is no other owner");
    world.join(11, Nature::Honest, "commons", 300);
    world.settle();
    assert_eq!(prices(&world), [(2, nanos(334)), (4, nanos(667))], "a failure takes two witnesses");
}

#[test]
fn a_pool_takes_on_a_task_for_each_free_slot_and_no_more_while_nothing_is_known_of_their_time() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.join(10, Nature::Silent, "commons", 100);
    let job = world.buy(1, 1_000, 1_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!(view.matched, 4, "as many as it holds");
    let explanation = world.market.explain(job).unwrap();
    assert_eq!(explanation.obstacle, Some(Obstacle::NoWorkerpoolOrder(Some(Misfit::Busy))));
}

#[test]
fn everything_at_once_is_sold_no_faster_than_it_surely_ends() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.join(10, Nature::Silent, "commons", 100);
    for _ in 0..50 {
        world.buy(1, 100, 1_000);
        world.buy_in(5, 1, 100, 1_000);
    }
    world.settle();
    let live: u64 = world.market.exchange().active_deals().map(|(_, deal)| deal.bot_size.to::<u64>()).sum();
    assert!(live <= 4, "{live} tasks for a machine that holds four");
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

#[test]
fn a_request_is_never_sold_more_trust_or_a_dearer_machine_because_its_own_rung_was_just_filled() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    for name in 10..16 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    let job = world.buy(3, 500, 100_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!(view.finished, 500);
    // 223 while all are new, a little more when some weigh more than others; three replicas would be 334.
    assert!(view.spent < nanos(500 * 230), "{}", view.spent);
}

#[test]
fn a_long_job_costs_few_orders_and_none_for_what_it_does_not_touch() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    for name in 10..14 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    let before = signed(&world);
    assert_eq!(before, 6 * 3, "categories and trusts");
    let job = world.buy(1, 2_000, 1_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!(view.matched, 2_000);
    assert!(view.finished >= 1_850, "the rest is held until a check covers it: {}", view.finished);
    let deals = world.market.job(job).unwrap().deals.len();
    assert!(deals <= 80, "{deals} deals");
    // One for each deal, and some for a price or a buyer that changed: far from one for each task or event.
    assert!(signed(&world) < before + 2 * deals, "{} orders for {deals} deals", signed(&world) - before);
}

#[test]
fn a_machine_that_comes_and_goes_costs_no_order_that_it_does_not_change() {
    let mut world = World::new(false);
    for name in 10..16 {
        world.join(name, Nature::Honest, "commons", 100);
    }
    world.settle();
    let before = signed(&world);
    for _ in 0..20 {
        world.leave(15);
        world.settle();
        world.rejoin(15, "commons", 100);
        world.settle();
    }
    let changes = signed(&world) - before;
    assert!(changes <= 20 * 6, "the class of trust that takes all six, and nothing else: {changes}");
}

#[test]
fn when_a_rival_goes_unserved_its_bid_is_the_price_and_the_floor_when_it_has_gone() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.credit(4, 1_000_000_000);
    for name in 10..12 {
        world.join(name, Nature::Silent, "commons", 100);
    }
    world.settle();
    let high = world.buy(1, 1_000, 900);
    world.settle();
    assert_eq!(prices(&world)[0], (2, nanos(112)), "one requester does not bid against itself");
    let rival = world.buy_for(4, 1, 50, 500);
    world.settle();
    assert_eq!(prices(&world)[0].0, 2);
    let asked = prices(&world)[0].1;
    assert!(asked <= nanos(500) && asked >= nanos(499), "{asked}");
    assert_eq!(world.market.job(rival).unwrap().matched, 0, "price decides");
    assert!(world.market.job(high).unwrap().matched > 0);
    let by = world.address(4);
    world.enter(Command::RemoveOrder { order: rival, by }).unwrap();
    world.settle();
    assert_eq!(prices(&world)[0], (2, nanos(112)));
}

#[test]
fn who_cannot_pay_drives_no_price() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    world.join(10, Nature::Silent, "commons", 100);
    world.settle();
    world.buy(1, 1_000, 900);
    world.buy_for(4, 1, 1_000, 800);
    world.settle();
    assert_eq!(prices(&world)[0], (2, nanos(112)));
}

#[test]
fn who_can_pay_for_few_is_sold_few() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 113);
    world.join(10, Nature::Honest, "commons", 100);
    let job = world.buy(1, 1_000, 1_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().matched, 1);
}

#[test]
fn a_pool_whose_owner_can_stake_for_little_sells_little() {
    let mut world = World::new(false);
    // A third of 112 is at stake for each task.
    world.credit(OPERATOR, 67);
    world.credit(REQUESTER, 1_000_000_000);
    world.join(10, Nature::Honest, "commons", 100);
    world.join(11, Nature::Honest, "commons", 100);
    world.settle();
    assert!(rungs(&world).iter().all(|rung| rung.3 <= U256::from(2)), "{:?}", rungs(&world));
    let job = world.buy(3, 10, 1_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().finished, 10);
}

#[test]
fn a_slow_machine_sells_no_more_of_what_is_not_known_than_it_surely_ends() {
    let volume = |benchmark| {
        let mut world = World::new(false);
        world.credit(OPERATOR, 1_000_000_000);
        world.join_as(10, Nature::Honest, "commons", 100, benchmark);
        world.settle();
        rungs(&world)[0].3
    };
    assert!(volume(200) <= volume(600) && volume(200) <= U256::from(2), "{}", volume(200));
}

#[test]
fn a_category_does_not_wait_for_what_other_machines_do_in_another() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000);
    for name in 10..14 {
        world.join_for(name, Nature::Silent, 0);
    }
    for name in [14, 15] {
        world.join_for(name, Nature::Honest, 1);
    }
    let busy = world.buy_in(0, 1, 100, 1_000);
    world.settle();
    assert_eq!(world.market.job(busy).unwrap().matched, 8, "as many as the other category's machines have slots");
    let other = world.buy_in(1, 1, 4, 1_000);
    world.settle();
    assert_eq!(world.market.job(other).unwrap().matched, 4);
}

#[test]
fn a_program_that_fails_at_the_cheapest_machines_price_is_witnessed_at_anothers() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000);
    world.join(10, Nature::Fails, "commons", 1_000);
    world.join(11, Nature::Silent, "commons", 1_000);
    world.settle();
    let job = world.buy(2, 1, 1_112);
    world.settle();
    world.join(12, Nature::Fails, "commons", 1_800);
    for _ in 0..40 {
        world.wait(Duration::from_secs(60));
    }
    assert_eq!(claimed(&world), 0);
    let view = world.market.job(job).unwrap();
    assert_eq!((view.finished, view.failed), (1, 1), "{view:?}");
}

#[test]
fn a_pool_that_tops_up_and_pays_witnesses_loses_nothing_over_time() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000_000);
    world.credit(REQUESTER, 1_000_000_000);
    for name in 10..20 {
        let nature = if name == 10 { Nature::Liar } else { Nature::Honest };
        world.join(name, nature, "commons", 1_000);
    }
    world.settle();
    let (mut halfway, mut before) = (nanos(0), nanos(0));
    for round in 0..40 {
        if round == 20 {
            (halfway, before) = (world.free(OPERATOR), sold_for(&world));
        }
        world.buy(3, 20, 10_000);
        world.buy(20, 5, 100_000);
        world.wait(Duration::from_secs(round));
    }
    assert_eq!(claimed(&world), 0);
    let pool = world.free(OPERATOR);
    // Its prices are such that it comes out even: what chance leaves it short of is little beside what it sold.
    let sold = sold_for(&world).checked_sub(before).unwrap();
    let short = halfway.checked_sub(pool).unwrap_or_default();
    assert!(
        short.0 <= sold.0 / U256::from(100),
        "{short} of {sold}: {halfway} after half of the time, {pool} in the end"
    );
    // What a young pool lays out for its first checks and dissents is a few tasks' pay.
    assert!(pool >= nanos(1_000_000_000 - 10 * 1_000), "the pool's owner has {pool} left of a credit");
}

fn matched(world: &World) -> usize {
    world.events.iter().filter(|it| matches!(it, Event::Hub(poco::Event::OrdersMatched { .. }))).count()
}

#[test]
fn a_bid_for_an_app_that_nobody_sells_waits_and_is_served_once_somebody_does() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 10_000_000);
    world.credit(REQUESTER, 10_000_000);
    let owner = world.address(APP_OWNER);
    let sale = world.market.exchange().resting().find(|order| order.kind() == OrderKind::App).cloned();
    let sale = sale.expect("the world sells its app");
    world.enter(Command::RemoveOrder { order: sale.hash(), by: owner }).unwrap();
    world.join(10, Nature::Honest, "commons", 100);
    // More than supply looks at.
    for _ in 0..300 {
        world.buy(1, 1, 10_000);
    }
    world.settle();
    assert_eq!(matched(&world), 0);
    world.enter(Command::PlaceOrder(Box::new(sale))).unwrap();
    world.settle();
    assert!(matched(&world) > 0);
}

#[test]
fn a_bid_above_more_low_ones_than_are_looked_at_is_served() {
    let mut world = World::new(false);
    world.credit(OPERATOR, 10_000_000);
    world.credit(REQUESTER, 10_000_000);
    for _ in 0..300 {
        world.buy(1, 1, 10);
    }
    world.settle();
    world.join(10, Nature::Honest, "commons", 100);
    world.settle();
    assert_eq!(matched(&world), 0);
    let high = world.buy(1, 1, 10_000);
    world.settle();
    assert_eq!(matched(&world), 1);
    assert!(world.market.exchange().resting_order(high).is_none(), "all of it was bought");
    let requester = world.address(REQUESTER);
    assert_eq!(world.market.open_orders(OrderKind::Request, requester), 300);
}
