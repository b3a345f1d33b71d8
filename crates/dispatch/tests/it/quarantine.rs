//! What is held against a worker, and what is not.

use crate::world::{TIME, World, deal, result, task, worker};
use dispatch::{Decline, Ended};
use std::time::Duration;
use units::OrderHash;

fn job(name: u8) -> OrderHash {
    OrderHash(result(name))
}

/// The worker runs a task and lets its lease run out.
fn dawdles(world: &mut World, name: u8, task: units::TaskId) {
    world.runs(name, task);
    world.wait(TIME * 2);
}

#[test]
fn who_is_dissented_from_gets_no_more_of_the_job_but_of_others() {
    let mut world = World::new();
    world.deal(1, 3, 2);
    world.join(1, 1);
    world.grants();
    world.states(1, task(1, 0), result(9));
    world.dispatch.outcome(task(1, 0), worker(1), Ended::Dissented);
    world.ready(1, 1);
    assert_eq!(world.grants(), []);
    world.deal(2, 1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    assert!(world.dispatch.place(task(2, 0)).is_some());
}

#[test]
fn a_success_between_troubles_starts_their_count_anew() {
    let mut world = World::new();
    world.deal(1, 1, 5);
    world.join(1, 1);
    let trouble = |world: &mut World| {
        let granted = world.grants();
        if let Some((_, index)) = granted.first() {
            world.dispatch.worker_declined(worker(1), task(1, *index), Decline::Trouble);
            world.ready(1, 1);
        }
        granted.len()
    };
    assert_eq!([trouble(&mut world), trouble(&mut world)], [1, 1]);
    assert_eq!(world.grants(), [(1, 0)]);
    world.finishes(1, task(1, 0));
    world.ready(1, 1);
    assert_eq!([trouble(&mut world), trouble(&mut world), trouble(&mut world)], [1, 1, 1]);
    assert_eq!(world.grants(), [], "three in a row");
}

#[test]
fn who_had_trouble_three_times_may_try_again_when_the_time_runs_out() {
    let mut world = World::new();
    world.deal(1, 1, 5);
    world.join(1, 1);
    for _ in 0..3 {
        let (_, index) = world.grants()[0];
        world.dispatch.worker_declined(worker(1), task(1, index), Decline::Trouble);
        world.ready(1, 1);
    }
    world.wait(TIME * 2);
    assert_eq!(world.grants(), []);
    world.wait(TIME * 3 / 2);
    assert_eq!(world.grants().len(), 1, "nobody else has done it");
}

#[test]
fn the_same_failure_of_three_owners_machines_is_the_apps_and_held_against_nobody() {
    let mut world = World::new();
    let mut terms = world.terms(1, 1, 9);
    terms.until = world.now.saturating_add(TIME * 100);
    world.dispatch.add_deal(deal(1), terms);
    for name in 1..=3 {
        world.join(name, 1);
        let granted = world.grants();
        assert!(granted.iter().any(|(to, _)| *to == name), "{granted:?}");
        let index = granted.iter().find(|(to, _)| *to == name).unwrap().1;
        assert_eq!(world.dispatch.job(job(1)).quarantined, usize::from(name) - 1);
        dawdles(&mut world, name, task(1, index));
    }
    assert_eq!(world.dispatch.job(job(1)).quarantined, 0);
    for name in 1..=3 {
        world.ready(name, 8);
    }
    let granted = world.grants();
    assert!((1..=3).all(|name| granted.iter().any(|(to, _)| *to == name)), "{granted:?}");
}

#[test]
fn where_others_succeed_those_who_fail_alike_are_to_blame() {
    let mut world = World::new();
    let mut terms = world.terms(1, 1, 30);
    terms.until = world.now.saturating_add(TIME * 100);
    world.dispatch.add_deal(deal(1), terms);
    for name in 11..=14 {
        world.join(name, 1);
        let (_, index) = world.grants()[0];
        world.finishes(name, task(1, index));
    }
    for name in 1..=3 {
        world.join(name, 1);
        let (_, index) = world.grants()[0];
        dawdles(&mut world, name, task(1, index));
    }
    assert_eq!(world.dispatch.job(job(1)).quarantined, 3);
}

#[test]
fn a_lease_that_the_deals_end_cut_short_is_held_against_nobody() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.wait(TIME * 5);
    world.join(1, 1);
    world.grants();
    world.runs(1, task(1, 0));
    world.wait(TIME);
    assert_eq!(world.dispatch.attempts(task(1, 0)).len(), 1);
    assert_eq!(world.dispatch.job(job(1)).quarantined, 0);
}

#[test]
fn who_had_faults_lately_holds_fewer_tasks_and_is_served_later_until_that_is_long_ago() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 8);
    world.grants();
    dawdles(&mut world, 1, task(1, 0));
    world.end(task(1, 0));
    world.join(2, 8);
    let mut terms = world.terms(2, 1, 100);
    terms.until = world.now.saturating_add(Duration::from_secs(100_000));
    world.ready(1, 0);
    world.ready(2, 0);
    world.dispatch.add_deal(deal(2), terms);
    world.ready(1, 8);
    world.ready(2, 8);
    let granted = world.grants();
    assert_eq!(granted.first().map(|(name, _)| *name), Some(2));
    let of = |name: u8| granted.iter().filter(|(to, _)| *to == name).count();
    assert_eq!((of(1), of(2)), (4, 8));
    for (name, index) in granted {
        world.finishes(name, task(2, index));
    }
    world.wait(Duration::from_secs(3_600));
    world.ready(1, 8);
    assert_eq!(world.grants().len(), 8);
}

#[test]
fn what_was_held_against_workers_in_a_job_is_forgotten_with_the_job() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Unable);
    assert_eq!(world.dispatch.job(job(1)).quarantined, 1);
    world.end(task(1, 0));
    let name = |number: u64| units::B256::from(units::U256::from(number));
    for number in 1_000..2_001 {
        let mut terms = world.terms(2, 1, 1);
        terms.request = OrderHash(name(number));
        let id = units::DealId(name(number));
        world.dispatch.add_deal(id, terms);
        world.dispatch.unopened_ended(id, orders::ids::task_id(id, units::U256::ZERO), 0);
    }
    assert_eq!(world.dispatch.job(job(1)).quarantined, 0);
}
