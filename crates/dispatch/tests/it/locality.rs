//! Where a task is best done: a matter of order, never a reason to leave a machine idle.

use crate::world::{World, deal, task, worker};
use dispatch::Worker;
use std::collections::BTreeSet;
use units::Address;

fn app() -> Address {
    Address::repeat_byte(0xab)
}

/// Three machines; `change` makes the second one different.
fn world(change: impl Fn(&mut Worker)) -> World {
    let mut world = World::new();
    for name in 1..=3 {
        let mut machine = world.worker(name, name, 1);
        if name == 2 {
            change(&mut machine);
        }
        world.dispatch.worker_joined(world.now, machine, &[]);
    }
    assert_eq!(world.grants(), []);
    world
}

fn near(world: &mut World, size: u64) {
    let mut terms = world.terms(1, 1, size);
    terms.needs = BTreeSet::from([app()]);
    terms.region = Some("north".to_owned());
    world.dispatch.add_deal(deal(1), terms);
}

#[test]
fn who_holds_the_app_is_preferred() {
    let mut world = world(|machine| machine.cached = BTreeSet::from([app()]));
    near(&mut world, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn who_ran_the_app_here_before_holds_it() {
    let mut world = World::new();
    world.join(1, 1);
    near(&mut world, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.join(2, 0);
    world.finishes(1, task(1, 0));
    let mut terms = world.terms(2, 1, 1);
    terms.needs = BTreeSet::from([app()]);
    world.ready(1, 1);
    world.ready(2, 1);
    assert_eq!(world.grants(), []);
    world.dispatch.add_deal(deal(2), terms);
    assert_eq!(world.grants(), [(1, 0)]);
}

#[test]
fn of_those_who_hold_it_or_not_alike_the_near_one_is_preferred() {
    let mut world = world(|machine| machine.region = Some("north".to_owned()));
    near(&mut world, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn a_site_that_wishes_for_load_is_served_before_its_equals() {
    let mut world = world(|machine| machine.heat = 80);
    world.deal(1, 1, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn nobody_is_left_idle_for_being_far_or_empty() {
    let mut world = world(|machine| {
        machine.cached = BTreeSet::from([app()]);
        machine.slots = 8;
    });
    near(&mut world, 3);
    let mut granted = world.grants();
    granted.sort_unstable();
    assert_eq!(granted.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [1, 2, 3], "each machine has one task");
}

#[test]
fn machines_that_are_equal_take_turns() {
    let mut world = world(|_| {});
    let mut served = Vec::new();
    for name in 10..16 {
        world.deal(name, 1, 1);
        let (by, index) = world.grants()[0];
        served.push(by);
        world.finishes(by, task(name, index));
        world.dispatch.worker_ready(worker(by), 1);
        world.grants();
    }
    assert_eq!(served, [1, 2, 3, 1, 2, 3]);
}
