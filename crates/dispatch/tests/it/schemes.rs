//! What a clever thief would try, and what the gate has against it.

use crate::world::{TIME, World, deal, pool, result, task, worker};
use dispatch::Decision::{self, Check, Discard, PayCheck};
use dispatch::{Decline, Idle, Standing, Statement, Terms, Worker};
use std::collections::BTreeMap;
use units::{Amount, OrderHash};

/// A machine that asks for so much joins.
fn join_at(world: &mut World, name: u8, floor: u64) {
    let floors = BTreeMap::from([(0, Amount::nanos(floor))]);
    let worker = Worker { floors, ..world.worker(name, name, 1) };
    world.dispatch.worker_joined(world.now, worker, &[]);
}

/// A deal of one task that was made just now.
fn made_now(world: &mut World, trust: u64) {
    let terms = Terms { until: world.now.saturating_add(TIME * 69 / 10), ..world.terms(1, trust, 1) };
    world.dispatch.add_deal(deal(1), terms);
}

#[test]
fn machines_that_undercut_all_others_are_checked_by_dearer_ones_which_are_paid_what_they_ask() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 2);
    join_at(&mut world, 1, 100);
    assert_eq!(world.grants(), [(1, 0)]);
    world.package(task(1, 0), result(1));
    world.states(1, task(1, 0), result(1));
    join_at(&mut world, 2, 201);
    assert_eq!(world.grants(), [], "more than twice the pay is more than the pool's share bears");
    join_at(&mut world, 3, 150);
    assert_eq!(world.grants(), [(3, 0)], "the check, and no task to begin");
    let decided = world.states(3, task(1, 0), result(1));
    let paid = PayCheck { task: task(1, 0), worker: worker(3), asks: Amount::nanos(150) };
    assert!(decided.contains(&paid), "{decided:?}");
}

#[test]
fn nobody_can_choose_whom_to_check() {
    let mut world = World::audited(10, 0);
    world.join(1, 1);
    for name in 2..=40 {
        world.join(name, 0);
    }
    let mut drawn = 0;
    for name in 1..=40 {
        world.deal(name, 1, 1);
        world.ready(1, 1);
        assert_eq!(world.grants(), [(1, 0)]);
        world.package(task(name, 0), result(1));
        world.states(1, task(name, 0), result(1));
        world.ready(2, 1);
        if !world.grants().is_empty() {
            drawn += 1;
            world.states(2, task(name, 0), result(1));
            world.end(task(name, 0));
        }
        world.ready(2, 0);
    }
    assert!((3..18).contains(&drawn), "one in four, as the lot falls: {drawn}");
    world.wait(TIME / 8);
    world.ready(2, 1);
    assert_eq!(world.grants().len(), 1, "who is named may be busy: later anybody may");
}

#[test]
fn a_failure_takes_three_who_say_so_where_another_had_a_result() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    for name in 1..=5 {
        world.join_checked(name, 1, 20);
    }
    let first = task(1, 0);
    world.grants();
    world.package(first, result(1));
    world.states(1, first, result(1));
    for name in [2, 3] {
        assert_eq!(world.grants(), [(name, 0)]);
        assert_eq!(world.states_failure(name, first, result(9)), [], "two alike are not enough");
    }
    assert_eq!(world.grants(), [(4, 0)]);
    let decided = world.states(4, first, result(1));
    for name in [2, 3] {
        assert!(decided.contains(&Discard { task: first, worker: worker(name) }), "{decided:?}");
    }
    assert!(!decided.iter().any(|it| matches!(it, Check { passed: false, .. })), "nobody is barred for a failure");
    let job = OrderHash(units::B256::repeat_byte(1));
    assert_eq!(world.dispatch.job(job).quarantined, 2, "they get no more of the job");
}

#[test]
fn replicated_failures_of_a_program_that_works_for_others_take_three_too() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    for name in 1..=6 {
        world.join(name, 1);
    }
    let first = task(1, 0);
    world.grants();
    world.states(1, first, result(1));
    world.states_failure(2, first, result(9));
    let granted = world.grants();
    assert!(!granted.is_empty());
    let mut decided = Vec::new();
    for (name, _) in granted.iter().take(1) {
        decided.extend(world.states_failure(*name, first, result(9)));
    }
    assert_eq!(decided, [], "two failures and a result");
}

#[test]
fn who_brings_a_score_from_elsewhere_gets_replicas_that_nobody_else_took() {
    let mut world = World::audited(10, 50);
    for name in 1..=4 {
        let worker = Worker { score: 300, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world.wait(TIME);
    made_now(&mut world, 9);
    for name in 5..=9 {
        world.join(name, u32::from(name == 5));
    }
    assert_eq!(world.grants(), [(5, 0)], "PoCo would give the others most of the price");
    assert_eq!(world.dispatch.next_deadline(), Some(world.now.saturating_add(TIME / 4)));
    world.wait(TIME / 4);
    assert_eq!(world.grants().len(), 3, "rather than that nobody does it");
}

#[test]
fn where_nobody_else_is_there_a_score_from_elsewhere_is_no_hindrance() {
    let mut world = World::audited(10, 50);
    for name in 1..=4 {
        let worker = Worker { score: 300, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world.wait(TIME);
    made_now(&mut world, 9);
    assert_eq!(world.grants().len(), 4);
}

#[test]
fn a_score_that_was_earned_here_is_no_hindrance() {
    let mut world = World::audited(10, 50);
    for name in 1..=4 {
        let worker = Worker { score: 300, earned: 290, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world.wait(TIME);
    made_now(&mut world, 9);
    assert_eq!(world.grants().len(), 2);
}

#[test]
fn a_known_answer_stands_in_for_nobody_in_a_task_that_is_drawn() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.package(task(1, 0), result(1));
    world.dispatch.known_answer(task(1, 0), result(1));
    assert_eq!(world.states(1, task(1, 0), result(1)), [], "it may have been planted");
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn who_sits_on_a_task_until_a_hedge_did_it_is_not_paid_for_that() {
    let mut world = World::audited(0, 0);
    let seasoned = Worker { earned: 100, checks: 30, ..world.worker(1, 1, 2) };
    world.dispatch.worker_joined(world.now, seasoned, &[]);
    world.deal(1, 1, 4);
    let granted = world.grants();
    assert_eq!(granted, [(1, 0), (1, 1)]);
    for index in 0..3 {
        world.runs(1, task(1, index));
        world.wait(std::time::Duration::from_secs(10));
        world.finishes(1, task(1, index));
        world.ready(1, 1);
        world.grants();
    }
    world.runs(1, task(1, 3));
    world.join(2, 1);
    world.wait(std::time::Duration::from_secs(60));
    assert_eq!(world.grants(), [(2, 3)], "a hedge");
    world.package(task(1, 3), result(1));
    let told = world.states(2, task(1, 3), result(1));
    assert!(!told.iter().any(|it| matches!(it, Decision::PayHedge { .. })), "{told:?}");
}

#[test]
fn a_failure_at_the_price_of_the_cheapest_is_witnessed_by_a_dearer_one_which_is_paid_what_it_asks() {
    let mut world = World::audited(10, 0);
    world.deal(1, 2, 1);
    join_at(&mut world, 1, 100);
    assert_eq!(world.grants(), [(1, 0)]);
    join_at(&mut world, 2, 201);
    join_at(&mut world, 3, 150);
    assert_eq!(world.grants(), [], "a replica is paid what the deal pays");
    assert_eq!(world.states_failure(1, task(1, 0), result(9)), []);
    assert_eq!(world.grants(), [(3, 0)], "a witness up to twice that, and no more");
    assert_eq!(world.states_failure(3, task(1, 0), result(9)).len(), 2, "both are let through");
    assert_eq!(world.dispatch.asked(task(1, 0), worker(3)), Amount::nanos(150));
}

#[test]
fn what_a_dearer_witness_was_promised_it_has_after_a_restart_too() {
    for let_through in [false, true] {
        let mut world = World::audited(10, 0);
        world.deal(1, 2, 1);
        let failed = !let_through;
        let statement = Statement { worker: worker(3), hash: result(9), failed, let_through };
        world.dispatch.restore_statement(deal(1), 0, statement, None);
        join_at(&mut world, 3, 150);
        assert_eq!(world.dispatch.asked(task(1, 0), worker(3)), Amount::nanos(150));
    }
    let mut world = World::audited(10, 0);
    world.deal(1, 2, 1);
    let statement = Statement { worker: worker(3), hash: result(9), failed: false, let_through: false };
    world.dispatch.restore_statement(deal(1), 0, statement, None);
    join_at(&mut world, 3, 150);
    assert_eq!(world.dispatch.asked(task(1, 0), worker(3)), Amount::ZERO, "a result is sold at the deal's price");
}

#[test]
fn what_a_dearer_checker_was_promised_it_has_though_the_check_was_decided_before_it_came_back() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    for name in [1, 3] {
        let statement = Statement { worker: worker(name), hash: result(1), failed: false, let_through: false };
        let standing = Standing { owner: worker(name), earned: 0, checks: 0, barred: false };
        world.dispatch.set_standing(pool(), worker(name), standing);
        world.dispatch.restore_statement(deal(1), 0, statement, None);
    }
    world.wait(std::time::Duration::ZERO);
    join_at(&mut world, 3, 150);
    assert_eq!(world.dispatch.asked(task(1, 0), worker(3)), Amount::nanos(150));
}

#[test]
fn in_a_pool_that_pays_nothing_beside_a_failure_is_witnessed_at_the_deals_price() {
    let mut world = World::new();
    world.deal(1, 2, 1);
    join_at(&mut world, 1, 100);
    world.grants();
    world.states_failure(1, task(1, 0), result(9));
    join_at(&mut world, 3, 150);
    assert_eq!(world.grants(), []);
}

/// A worker gives a task of its job back for its owner, a moment after it was granted.
fn gives_back(world: &mut World, name: u8, index: u64) {
    world.runs(name, task(1, index));
    world.wait(std::time::Duration::from_secs(1));
    world.dispatch.worker_declined(worker(name), task(1, index), Decline::Owner);
    world.ready(name, 1);
}

#[test]
fn who_gives_long_tasks_back_for_its_owner_time_and_again_gets_them_again_and_no_others() {
    let mut world = World::new();
    world.deal(1, 1, 6);
    world.join(1, 1);
    for _ in 0..3 {
        assert_eq!(world.grants(), [(1, 0)], "the first that wants a worker");
        gives_back(&mut world, 1, 0);
    }
    // Another does that one: who gave it back seldom has its choice of the rest.
    world.ready(1, 0);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
    world.ready(1, 1);
    assert_eq!(world.grants(), [(1, 1)], "so far it is free");
    gives_back(&mut world, 1, 1);
    world.ready(1, 0);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 1)]);
    world.ready(1, 1);
    assert_eq!(world.grants(), [], "it waits while others do what it gave back");
    assert_eq!(world.dispatch.idle(worker(1), &|_| Amount::ZERO), Idle::GaveBack);
    world.finishes(2, task(1, 0));
    assert_eq!(world.grants(), [], "one of them is under way");
    world.finishes(3, task(1, 1));
    assert_eq!(world.grants(), [(1, 2)]);
}

#[test]
fn what_is_finished_makes_up_for_what_was_given_back() {
    let mut world = World::new();
    world.deal(1, 1, 40);
    world.join(1, 1);
    world.join(2, 0);
    let mut index = 0;
    for round in 0..4 {
        for _ in 0..8 {
            assert_eq!(world.grants(), [(1, index)]);
            world.finishes(1, task(1, index));
            world.ready(1, 1);
            index += 1;
        }
        assert_eq!(world.grants(), [(1, index)]);
        gives_back(&mut world, 1, index);
        world.ready(1, 0);
        world.ready(2, 1);
        assert_eq!(world.grants(), [(2, index)], "another does it");
        world.ready(1, 1);
        index += 1;
        assert_eq!(world.grants(), [(1, index)], "round {round}: once in eight tasks is an owner's right");
        world.finishes(1, task(1, index));
        world.ready(1, 1);
        index += 1;
        world.finishes(2, task(1, index - 2));
        world.ready(2, 0);
    }
}
