//! A second worker for a task that the first has had for longer than is likely.

use crate::world::{TIME, World, deal, task, worker};
use dispatch::{Decision, Ending, Role};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use units::Amount;

const TEN: Duration = Duration::from_secs(10);

/// A job of `size` tasks of ten seconds, three of them done by worker 1; then worker 2 has the next.
fn under_way(size: u64) -> World {
    let mut world = World::new();
    world.deal(1, 1, size);
    world.join(1, 1);
    world.warm_up(1, 1, 3);
    world.ready(1, 0);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 3)]);
    world
}

#[test]
fn a_task_that_takes_twice_the_usual_time_goes_to_an_idle_worker_as_well() {
    let mut world = under_way(4);
    world.runs(2, task(1, 3));
    world.ready(1, 1);
    assert_eq!(world.grants(), []);
    world.wait(TEN * 2 - Duration::from_millis(1));
    assert_eq!(world.grants(), [], "it may still come");
    let due = world.dispatch.next_deadline();
    assert_eq!(due, Some(world.now.saturating_add(Duration::from_millis(1))), "the clock wakes it");
    world.wait(Duration::from_millis(1));
    assert_eq!(world.grants(), [(1, 3)]);
    let roles: Vec<Role> = world.dispatch.attempts(task(1, 3)).iter().map(|attempt| attempt.role).collect();
    assert_eq!(roles, [Role::Replica, Role::Hedge]);
}

#[test]
fn nothing_is_hedged_while_the_job_has_tasks_that_are_not_begun() {
    let mut world = under_way(5);
    world.runs(2, task(1, 3));
    world.wait(TEN * 9);
    world.ready(1, 1);
    assert_eq!(world.grants(), [(1, 4)]);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 3)]);
}

#[test]
fn a_task_has_one_hedge_at_a_time_and_none_of_an_owner_who_takes_part() {
    let mut world = under_way(4);
    world.runs(2, task(1, 3));
    world.wait(TEN * 9);
    world.join_owned(7, 2, 1);
    assert_eq!(world.grants(), [], "the owner has the task already");
    world.join(3, 1);
    world.join(4, 1);
    assert_eq!(world.grants(), [(3, 3)]);
    world.wait(TEN);
    assert_eq!(world.grants(), []);
}

#[test]
fn a_busy_worker_is_given_no_hedge() {
    let mut world = under_way(4);
    world.deal(2, 1, 1);
    world.runs(2, task(1, 3));
    world.join(3, 2);
    assert_eq!(world.grants(), [(3, 0)]);
    world.wait(TEN * 9);
    assert_eq!(world.grants(), [], "its core runs something else");
    world.finishes(3, task(2, 0));
    assert_eq!(world.grants(), [(3, 3)]);
}

#[test]
fn whose_connection_broke_is_hedged_at_once() {
    let mut world = under_way(4);
    world.runs(2, task(1, 3));
    world.join(3, 1);
    assert_eq!(world.grants(), []);
    world.dispatch.worker_left(world.now, worker(2));
    assert_eq!(world.grants(), [(3, 3)]);
}

#[test]
fn the_tasks_of_a_silent_worker_come_first() {
    let mut world = under_way(5);
    world.runs(2, task(1, 3));
    world.join(4, 1);
    assert_eq!(world.grants(), [(4, 4)], "worker 4 is not heard of again");
    world.wait(TEN * 9);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 4)]);
}

#[test]
fn the_first_good_result_wins_and_the_other_is_told_at_once() {
    let mut world = under_way(4);
    world.runs(2, task(1, 3));
    world.wait(TEN * 3);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 3)]);
    let told = world.finishes(3, task(1, 3));
    assert!(told.contains(&Decision::Cancel { worker: worker(2), task: task(1, 3), ending: Ending::NotNeeded }));
    let paid = told.iter().any(|decision| matches!(decision, Decision::PayHedge { .. }));
    assert!(!paid, "nobody knows that worker 2 ran it at all");
}

#[test]
fn a_hedge_that_is_called_off_is_paid_for_its_part() {
    // The mean of the running times goes up by an eighth of what the winner took longer.
    for (ran, part) in [(5, 380), (9, 660), (40, 1_000)] {
        let mut world = under_way(4);
        world.runs(2, task(1, 3));
        world.wait(TEN * 3);
        let mut paid = world.worker(3, 3, 1);
        paid.floors = BTreeMap::from([(0, Amount::nanos(100))]);
        world.dispatch.worker_joined(world.now, paid, &[]);
        assert_eq!(world.grants(), [(3, 3)]);
        world.runs(3, task(1, 3));
        world.wait(Duration::from_secs(ran));
        let told = world.finishes(2, task(1, 3));
        let amount = Amount::nanos(100 * part / 1_000);
        let paid = Decision::PayHedge { task: task(1, 3), deal: deal(1), worker: worker(3), amount };
        assert!(told.contains(&paid), "{ran} s: {told:?}");
    }
}

#[test]
fn a_newcomers_replica_that_a_hedge_beats_is_not_paid_for_having_been_held() {
    let mut world = under_way(4);
    let mut slow = world.worker(2, 2, 1);
    slow.floors = BTreeMap::from([(0, Amount::nanos(100))]);
    world.dispatch.worker_asks(slow.address, slow.floors, 0);
    world.runs(2, task(1, 3));
    world.wait(TEN * 3);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 3)]);
    world.runs(3, task(1, 3));
    world.wait(Duration::from_secs(9));
    let told = world.finishes(3, task(1, 3));
    assert!(
        told.iter().any(|it| matches!(it, Decision::Cancel { worker, .. } if *worker == self::worker(2))),
        "{told:?}"
    );
    assert!(!told.iter().any(|it| matches!(it, Decision::PayHedge { .. })), "{told:?}");
}

#[test]
fn hedges_in_vain_are_bounded_by_a_share_of_the_jobs_tasks() {
    let mut world = World::new();
    let tasks = 40_u64;
    world.deal(1, 1, tasks + 3);
    world.join(1, 1);
    world.warm_up(1, 1, 3);
    world.ready(1, 0);
    for name in 2..2 + 40 {
        world.join(name, 1);
    }
    assert_eq!(world.grants().len(), 40);
    world.wait(TEN * 9);
    for name in 100..140 {
        world.join(name, 1);
    }
    assert_eq!(world.grants().len(), 8 + 43 / 8);
}

/// Machines of one core that run one task after the other; the time until the job is done.
fn makespan(machines: u8, slots: u32, tasks: u64, hung: Option<u8>) -> Duration {
    let mut world = World::new();
    world.deal(1, 1, tasks);
    let start = world.now;
    let mut queues: BTreeMap<u8, VecDeque<u64>> = BTreeMap::new();
    let mut ends: BTreeMap<u8, units::Timestamp> = BTreeMap::new();
    for name in 1..=machines {
        world.join(name, slots);
    }
    while world.dispatch.load().deals > 0 {
        for decision in std::mem::take(&mut world.decided) {
            if let Decision::Cancel { worker, task: gone, .. } = decision {
                let queue = queues.entry(worker[0]).or_default();
                if queue.front().is_some_and(|index| task(1, *index) == gone) {
                    ends.remove(&worker[0]);
                }
                queue.retain(|index| task(1, *index) != gone);
                world.ready(worker[0], slots - u32::try_from(queue.len()).expect("a queue is short"));
            }
        }
        for (name, index) in world.grants() {
            queues.entry(name).or_default().push_back(index);
        }
        for (name, queue) in &queues {
            if let Some(index) = queue.front().filter(|_| Some(*name) != hung && !ends.contains_key(name)) {
                world.runs(*name, task(1, *index));
                ends.insert(*name, world.now.saturating_add(TEN));
            }
        }
        let next = ends.iter().map(|(name, at)| (*at, *name)).min();
        let wake = world.dispatch.next_deadline();
        let at = next.map(|(at, _)| at).into_iter().chain(wake).min().expect("the job goes on");
        let decided = world.wait(at.saturating_since(world.now));
        world.decided.extend(decided);
        if let Some((_, name)) = next.filter(|(end, _)| *end == at) {
            ends.remove(&name);
            let index = queues.get_mut(&name).and_then(VecDeque::pop_front).expect("it ran something");
            let told = world.finishes(name, task(1, index));
            world.decided.extend(told);
            world.ready(name, slots - u32::try_from(queues[&name].len()).expect("a queue is short"));
        }
    }
    world.now.saturating_since(start)
}

#[test]
fn one_hung_machine_costs_a_job_less_than_a_third_more_time() {
    for (machines, slots, tasks) in
        [(10, 1, 100), (10, 2, 100), (10, 4, 160), (10, 16, 160), (20, 8, 400), (50, 4, 500)]
    {
        let healthy = makespan(machines, slots, tasks, None);
        let hung = makespan(machines, slots, tasks, Some(1));
        let permille = hung.as_millis() * 1_000 / healthy.as_millis();
        assert!(permille <= 1_300, "{machines} machines, {slots} slots, {tasks} tasks: {permille} permille");
    }
}

#[test]
fn a_jobs_first_tasks_go_by_what_its_app_took_before() {
    let mut world = World::new();
    world.deal(1, 1, 3);
    world.join(1, 1);
    world.warm_up(1, 1, 3);
    world.deal(2, 1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.runs(1, task(2, 0));
    world.join(2, 1);
    world.wait(TEN * 2);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn of_an_app_that_nobody_knows_the_categorys_time_is_waited_for() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.runs(1, task(1, 0));
    world.join(2, 1);
    world.wait(TIME - Duration::from_millis(1));
    assert_eq!(world.grants(), []);
    world.wait(Duration::from_millis(1));
    assert_eq!(world.grants(), [(2, 0)]);
}
