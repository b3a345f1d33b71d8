//! What is written down of each worker's part in a task.

use crate::world::{TIME, World, result, task, worker};
use dispatch::{Decline, Ended, Phase, Role};
use std::time::Duration;
use units::OrderHash;

fn ended(world: &World) -> Vec<(u8, Option<Ended>)> {
    let attempts = world.dispatch.attempts(task(1, 0));
    attempts.iter().map(|it| (it.worker[0], it.ended.map(|(_, how)| how))).collect()
}

#[test]
fn each_part_says_who_when_and_how_it_ended() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Unable);
    world.join(2, 1);
    world.grants();
    world.runs(2, task(1, 0));
    world.wait(TIME * 2);
    world.join(3, 1);
    world.grants();
    world.dispatch.worker_left(world.now, worker(3));
    world.wait(Duration::from_secs(20));
    world.join(4, 1);
    world.grants();
    let how = [Some(Ended::Declined(Decline::Unable)), Some(Ended::TooLate(Phase::Run)), Some(Ended::Left), None];
    assert_eq!(ended(&world), (1..=4).zip(how).collect::<Vec<_>>());
    let last = world.dispatch.attempts(task(1, 0))[3];
    assert_eq!((last.granted, last.running, last.stated), (world.now, None, None));
}

#[test]
fn when_a_task_ends_what_became_of_each_part_is_handed_over() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.wait(Duration::from_secs(2));
    world.runs(1, task(1, 0));
    world.wait(Duration::from_secs(3));
    world.states(1, task(1, 0), result(1));
    world.dispatch.outcome(task(1, 0), worker(1), Ended::Accepted);
    let granted = world.now.saturating_sub(Duration::from_secs(5));
    let attempts = world.dispatch.task_ended(task(1, 0), &mut Vec::new());
    assert_eq!(attempts.len(), 1);
    let attempt = attempts[0];
    assert_eq!((attempt.worker, attempt.role, attempt.granted), (worker(1), Role::Replica, granted));
    assert_eq!(attempt.running, Some(granted.saturating_add(Duration::from_secs(2))));
    assert_eq!(attempt.stated, Some(world.now));
    assert_eq!(attempt.ended, Some((world.now, Ended::Accepted)));
    assert_eq!(world.dispatch.attempts(task(1, 0)), []);
}

#[test]
fn a_second_witness_of_a_failure_is_called_one() {
    let mut world = World::new();
    world.deal(1, 2, 1);
    world.join(1, 1);
    world.join(2, 1);
    world.grants();
    world.states_failure(1, task(1, 0), result(9));
    world.grants();
    let roles: Vec<Role> = world.dispatch.attempts(task(1, 0)).iter().map(|it| it.role).collect();
    assert_eq!(roles, [Role::Replica, Role::Witness]);
}

#[test]
fn a_task_that_many_gave_back_is_tried_at_growing_intervals_and_never_given_up() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    let stuck = |world: &World| world.dispatch.job(OrderHash(result(1))).stuck;
    for name in 1..=12 {
        assert_eq!(stuck(&world), 0);
        world.join(name, 1);
        assert_eq!(world.grants(), [(name, 0)]);
        world.dispatch.worker_declined(worker(name), task(1, 0), Decline::Trouble);
    }
    assert_eq!(stuck(&world), 1);
    for (name, rest) in [(13, 30), (14, 60), (15, 120)] {
        world.join(name, 1);
        assert_eq!(world.grants(), []);
        world.wait(Duration::from_secs(rest - 1));
        assert_eq!(world.grants(), []);
        world.wait(Duration::from_secs(1));
        let granted = world.grants();
        assert_eq!(granted.len(), 1, "after {rest} s");
        world.dispatch.worker_declined(worker(granted[0].0), task(1, 0), Decline::Trouble);
    }
    world.end(task(1, 0));
    assert_eq!(stuck(&world), 0);
}
