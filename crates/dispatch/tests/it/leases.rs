//! Leases, and workers who vanish.

use crate::world::{TIME, World, task, worker};
use dispatch::{Decision, Ending, Held, Phase};
use std::time::Duration;

fn late(name: u8) -> Decision {
    Decision::Cancel { worker: worker(name), task: task(1, 0), ending: Ending::TooLate }
}

#[test]
fn a_lease_that_runs_out_goes_to_another_and_its_worker_gets_no_more_of_the_job() {
    let mut world = World::new();
    world.deal(1, 1, 2);
    world.join(1, 1);
    world.grants();
    world.runs(1, task(1, 0));
    assert_eq!(world.wait(TIME * 2 - Duration::from_millis(1)), []);
    assert_eq!(world.wait(Duration::from_millis(1)), [late(1)]);
    world.dispatch.worker_ready(worker(1), 1);
    assert!(world.grants().is_empty());
    world.join(2, 2);
    assert_eq!(world.grants(), [(2, 0), (2, 1)]);
}

#[test]
fn each_phase_has_a_clock_of_its_own() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    assert_eq!(world.wait(Duration::from_secs(100)), [], "fetching");
    world.runs(1, task(1, 0));
    assert_eq!(world.wait(TIME * 2 - Duration::from_millis(1)), [], "running has its whole time");
}

#[test]
fn a_worker_whose_connection_broke_may_come_back_for_a_while() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_left(world.now, worker(1));
    assert_eq!(world.wait(Duration::from_secs(19)), []);
    let held = Held { task: task(1, 0), deal: crate::world::deal(1), index: 0, phase: Phase::Run };
    let joining = world.worker(1, 1, 1);
    let joined = world.dispatch.worker_joined(world.now, joining, &[held]);
    assert_eq!(joined.adopted, [task(1, 0)]);
    assert_eq!(world.wait(Duration::from_secs(60)), [], "its clock runs anew");
}

#[test]
fn a_broken_connection_does_not_set_a_clock_back() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.runs(1, task(1, 0));
    let held = Held { task: task(1, 0), deal: crate::world::deal(1), index: 0, phase: Phase::Run };
    for _ in 0..5 {
        assert_eq!(world.wait(TIME / 3), []);
        world.dispatch.worker_left(world.now, worker(1));
        let joining = world.worker(1, 1, 1);
        assert_eq!(world.dispatch.worker_joined(world.now, joining, &[held]).adopted, [task(1, 0)]);
    }
    assert_eq!(world.wait(TIME / 3), [late(1)]);
}

#[test]
fn who_only_comes_back_again_and_again_gets_on_with_nothing() {
    let mut world = World::new();
    world.deal(1, 1, 2);
    world.join(1, 2);
    assert_eq!(world.grants(), [(1, 0), (1, 1)]);
    let held =
        [0, 1].map(|index| Held { task: task(1, index), deal: crate::world::deal(1), index, phase: Phase::Fetch });
    let mut decided = Vec::new();
    for _ in 0..15 {
        decided.extend(world.wait(Duration::from_secs(30)));
        world.dispatch.worker_left(world.now, worker(1));
        let joining = world.worker(1, 1, 2);
        world.dispatch.worker_joined(world.now, joining, &held);
    }
    assert!(decided.contains(&late(1)), "{decided:?}");
}

#[test]
fn who_says_that_it_has_stated_a_result_that_is_not_here_is_not_waited_for_until_the_end() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    let joining = world.worker(1, 1, 1);
    let held = Held { task: task(1, 0), deal: crate::world::deal(1), index: 0, phase: Phase::Stated };
    assert_eq!(world.dispatch.worker_joined(world.now, joining, &[held]).adopted, [task(1, 0)], "after a restart");
    world.join(2, 1);
    assert_eq!(world.wait(TIME), [late(1)]);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn a_worker_that_does_not_come_back_loses_its_tasks() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.join(2, 0);
    world.grants();
    world.dispatch.worker_left(world.now, worker(1));
    assert_eq!(world.wait(Duration::from_secs(20)), [late(1)]);
    world.dispatch.worker_ready(worker(2), 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn a_worker_that_comes_back_without_a_task_has_dropped_it() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.join(1, 1);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn the_next_deadline_is_the_first_that_anything_waits_for() {
    let mut world = World::new();
    assert_eq!(world.dispatch.next_deadline(), None);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.runs(1, task(1, 0));
    let first = world.dispatch.next_deadline().unwrap();
    assert!(first <= world.now.saturating_add(TIME * 2));
}

#[test]
fn a_worker_that_comes_back_too_late_for_a_task_gets_others_of_the_job() {
    let mut world = World::new();
    world.deal(1, 1, 2);
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.dispatch.worker_left(world.now, worker(1));
    world.wait(Duration::from_secs(21));
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 1)]);
}

#[test]
fn who_says_that_more_of_an_image_has_come_keeps_its_task_for_half_of_the_deals_time() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    let (half, told) = (TIME * 3, Duration::from_secs(60));
    let clock = Duration::from_secs(120) + TIME;
    assert!(half > clock, "else there is nothing to see");
    let mut waited = Duration::ZERO;
    while waited + told < half {
        world.dispatch.phase(world.now, worker(1), task(1, 0), Phase::Fetch);
        assert_eq!(world.wait(told), [], "after {waited:?}");
        waited += told;
    }
    assert_eq!(world.wait(half - waited), [late(1)]);
    // It was its line: it is let in again. A second time it is held against it.
    world.dispatch.worker_ready(worker(1), 1);
    assert_eq!(world.grants(), [(1, 0)]);
    // Half of what the deal has left now is 450 seconds.
    assert_eq!(world.wait(Duration::from_secs(350)), []);
    world.dispatch.phase(world.now, worker(1), task(1, 0), Phase::Fetch);
    assert_eq!(world.wait(Duration::from_secs(99)), []);
    assert_eq!(world.wait(Duration::from_secs(1)), [late(1)]);
    world.dispatch.worker_ready(worker(1), 1);
    assert!(world.grants().is_empty());
}

#[test]
fn who_fetches_and_says_nothing_has_the_clock_once() {
    let mut world = World::new();
    world.deal(1, 1, 2);
    world.join(1, 1);
    world.grants();
    assert_eq!(world.wait(Duration::from_secs(120) + TIME), [late(1)]);
    world.dispatch.worker_ready(worker(1), 1);
    assert!(world.grants().is_empty());
}

#[test]
fn who_lost_a_task_with_its_connection_has_it_again_a_few_times_when_nobody_else_does_it() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    for _ in 0..4 {
        world.join(1, 1);
        world.ready(1, 1);
        assert_eq!(world.grants(), [(1, 0)]);
        world.dispatch.worker_left(world.now, worker(1));
        assert_eq!(world.wait(Duration::from_secs(20)), [late(1)]);
    }
    world.join(1, 1);
    world.ready(1, 1);
    assert!(world.grants().is_empty(), "not for ever");
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn who_came_back_without_a_task_may_have_it_again() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.dispatch.worker_left(world.now, worker(1));
    world.wait(Duration::from_secs(1));
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
}

#[test]
fn to_bring_a_result_one_has_no_longer_than_a_task_may_take() {
    let mut world = World::new();
    let mut short = world.terms(1, 1, 1);
    short.time = Duration::from_secs(60);
    world.dispatch.add_deal(crate::world::deal(1), short);
    world.join(1, 1);
    world.grants();
    world.dispatch.phase(world.now, worker(1), task(1, 0), Phase::Upload);
    assert_eq!(world.wait(Duration::from_secs(59)), []);
    assert_eq!(world.wait(Duration::from_secs(1)), [late(1)]);
}

#[test]
fn what_a_barred_worker_says_it_holds_is_others_to_do() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 1);
    let barred = dispatch::Worker { barred: true, ..world.worker(1, 1, 1) };
    let held = Held { task: task(1, 0), deal: crate::world::deal(1), index: 0, phase: Phase::Run };
    assert_eq!(world.dispatch.worker_joined(world.now, barred, &[held]).dropped, [task(1, 0)]);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}
