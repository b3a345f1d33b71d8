//! Why jobs and workers stand still.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use market::{Change, Idle, Standing};
use std::time::Duration;
use units::Amount;

/// A public exchange on which operator and requester have money.
fn funded() -> World {
    let mut world = World::new(false);
    world.credit(OPERATOR, 1_000_000);
    world.credit(REQUESTER, 1_000_000);
    world
}

#[test]
fn every_bought_task_that_has_not_ended_is_counted_once_by_what_it_waits_for() {
    let mut world = World::new(true);
    world.join(10, Nature::Silent, "commons", 0);
    let job = world.buy(1, 8, 0);
    world.settle();
    let view = world.market.job(job).unwrap();
    let standing = world.market.standing(job).unwrap();
    let Standing { untouched, running, wanting, undecided, held, showing } = standing;
    assert_eq!(untouched + running + wanting + undecided + held + showing, view.matched);
    assert!(running > 0, "a machine has them: {standing:?}");
    world.leave(10);
    world.wait(Duration::from_secs(60));
    let standing = world.market.standing(job).unwrap();
    assert_eq!(standing.running, 0);
    assert!(standing.wanting > 0, "they were given up, and wait for another machine: {standing:?}");
}

#[test]
fn results_that_await_a_second_opinion_are_undecided_and_agreed_ones_wait_to_be_shown() {
    let mut world = World::new(true);
    world.join(10, Nature::Honest, "commons", 0);
    world.join(11, Nature::Silent, "commons", 0);
    let job = world.buy(3, 1, 0);
    world.settle();
    let standing = world.market.standing(job).unwrap();
    assert_eq!(standing, Standing { running: 1, ..Standing::default() }, "the second has it");
    let mut world = World::new(true);
    world.join(10, Nature::Shy, "commons", 0);
    world.join(11, Nature::Shy, "commons", 0);
    let job = world.buy(3, 1, 0);
    world.settle();
    let standing = world.market.standing(job).unwrap();
    assert_eq!(standing, Standing { showing: 1, ..Standing::default() });
}

#[test]
fn a_job_of_nobody_stands_nowhere() {
    let world = World::new(true);
    assert_eq!(world.market.standing(units::OrderHash::default()), None);
}

#[test]
fn machines_behind_a_fix_are_those_that_would_work_for_it() {
    let mut world = funded();
    for (name, floor) in [(10, 100), (11, 100), (12, 5_000)] {
        world.join(name, Nature::Honest, "commons", floor);
    }
    let job = world.buy(1, 1, 50);
    world.settle();
    let explanation = world.market.explain(job).unwrap();
    let fix = &explanation.fixes[0];
    assert!(matches!(fix.changes.as_slice(), [Change::PoolPrice { .. }]), "{fix:?}");
    assert_eq!(fix.machines, Some(2), "the third asks more: {fix:?}");
}

#[test]
fn a_worker_that_asks_more_than_is_paid_is_told_both() {
    let mut world = funded();
    world.join(10, Nature::Silent, "commons", 100);
    let _job = world.buy(1, 3, 200);
    world.settle();
    world.join(11, Nature::Honest, "commons", 5_000);
    world.leave(10);
    world.wait(Duration::from_secs(60));
    let dear = world.address(11);
    let idle = world.market.idle(dear);
    let Idle::AsksTooMuch { floor, best_pay } = idle else { panic!("{idle:?}") };
    assert_eq!(floor, Some(Amount::nanos(5_000)));
    assert!(best_pay < Amount::nanos(5_000));
    assert_eq!(world.market.worker(dear).unwrap().worker.address, dear);
}
