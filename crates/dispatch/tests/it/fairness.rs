//! Machines are shared between jobs by time.

use crate::world::{TIME, World, deal, task, worker};
use dispatch::{Decision, Ending, Terms};
use std::time::Duration;

/// The terms of so many tasks of three hours, of job 1.
fn hours(world: &World, size: u64) -> Terms {
    let time = Duration::from_secs(10_800);
    Terms { time, until: world.now.saturating_add(time * 6), ..world.terms(1, 1, size) }
}

/// One machine works for as long; how many tasks of each of two jobs it did.
fn shares(world: &mut World, jobs: [(u8, u64); 2], hours: u64) -> [u64; 2] {
    let end = world.now.saturating_add(Duration::from_secs(3_600 * hours));
    let mut done = [0, 0];
    world.join(1, 1);
    while world.now < end {
        let (_, index) = world.grants()[0];
        let which = usize::from(world.dispatch.place(task(jobs[0].0, index)).is_none());
        let (name, seconds) = jobs[which];
        world.runs(1, task(name, index));
        world.wait(Duration::from_secs(seconds));
        world.finishes(1, task(name, index));
        world.ready(1, 1);
        done[which] += 1;
    }
    done
}

#[test]
fn a_job_of_long_tasks_gets_no_more_machine_time_than_one_of_short_ones() {
    let mut world = World::new();
    for name in [1, 2] {
        let mut terms = world.terms(name, 1, 100_000);
        terms.until = world.now.saturating_add(Duration::from_secs(1_000_000));
        // Indexes differ, so that it is seen whose turn it was.
        terms.first = u64::from(name) * 1_000_000;
        world.dispatch.add_deal(deal(name), terms);
    }
    let [long, short] = shares(&mut world, [(1, 100), (2, 10)], 10);
    assert!((long * 9..=long * 11).contains(&short), "{long} of 100 s, {short} of 10 s");
}

#[test]
fn a_short_job_is_done_while_a_long_one_goes_on() {
    let mut world = World::new();
    world.deal(1, 1, 1_000_000);
    world.join(1, 1);
    world.warm_up(1, 1, 5);
    world.deal(2, 1, 2);
    let mut served = 0;
    for _ in 0..5 {
        let (_, index) = world.grants()[0];
        let of_short = world.dispatch.place(task(2, index)).is_some() && index < 2;
        served += u32::from(of_short);
        let done = task(if of_short { 2 } else { 1 }, index);
        world.runs(1, done);
        world.wait(Duration::from_secs(10));
        world.finishes(1, done);
        world.ready(1, 1);
    }
    assert_eq!(served, 2);
}

#[test]
fn a_stream_of_new_jobs_does_not_starve_an_old_one() {
    let mut world = World::new();
    world.deal(1, 1, 1_000);
    world.join(1, 1);
    let mut served = 0;
    for name in 10..110 {
        world.deal(name, 1, 1);
        let (_, index) = world.grants()[0];
        let of_old = world.dispatch.place(task(1, index)).is_some();
        served += u32::from(of_old);
        let open: Vec<_> = world.dispatch.workers().map(|view| view.holding).collect();
        assert_eq!(open, [1]);
        let done = if of_old {
            task(1, index)
        } else {
            (10..=name).map(|name| task(name, 0)).find(|task| world.dispatch.place(*task).is_some()).unwrap()
        };
        world.finishes(1, done);
        world.ready(1, 1);
    }
    assert!(served >= 2, "the old job got {served} of 100 turns");
}

#[test]
fn jobs_without_work_for_a_worker_do_not_keep_it_from_those_that_have_some() {
    let mut world = World::new();
    world.deal(1, 1, 5);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), dispatch::Decline::Unable);
    world.ready(1, 1);
    assert_eq!(world.grants(), []);
    world.deal(2, 1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    assert!(world.dispatch.place(task(2, 0)).is_some());
}

#[test]
fn a_deal_whose_time_runs_out_goes_before_all_others_until_it_is_begun() {
    let mut world = World::new();
    let mut terms = world.terms(1, 1, 1_000);
    terms.until = world.now.saturating_add(Duration::from_secs(1_000_000));
    terms.first = 1_000;
    world.dispatch.add_deal(deal(1), terms);
    world.deal(2, 1, 40);
    let hurried = world.now.saturating_add(TIME * 33 / 10);
    world.join(1, 1);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let (_, index) = world.grants()[0];
        let of_second = index < 1_000;
        let done = task(if of_second { 2 } else { 1 }, index);
        if world.now < hurried { &mut before } else { &mut after }.push(of_second);
        world.runs(1, done);
        world.wait(Duration::from_secs(30));
        world.finishes(1, done);
        world.ready(1, 1);
    }
    let first = |of: &[bool]| of.iter().filter(|it| **it).count();
    assert!(before.len() > 30 && first(&before) < before.len() * 2 / 3, "by turns: {before:?}");
    let left = 40 - first(&before);
    assert!(after[..left].iter().all(|it| *it), "then all of it: {after:?}");
}

#[test]
fn a_deal_that_would_run_late_behind_a_longer_task_goes_before_it() {
    let mut world = World::new();
    let long = hours(&world, 2);
    world.dispatch.add_deal(deal(1), long);
    world.deal(2, 1, 3);
    world.join(1, 1);
    for index in 0..3 {
        assert_eq!(world.grants(), [(1, index)]);
        assert!(world.dispatch.place(task(2, index)).is_some(), "task {index} of the short job");
        world.finishes(1, task(2, index));
        world.ready(1, 1);
    }
    world.grants();
    assert!(world.dispatch.place(task(1, 0)).is_some(), "then the long one");
}

#[test]
fn a_long_task_hurries_no_deals_of_another_pool() {
    let mut world = World::new();
    let elsewhere = units::Address::repeat_byte(0xbb);
    let long = Terms { pool: elsewhere, ..hours(&world, 1) };
    world.dispatch.add_deal(deal(1), long);
    world.deal(2, 1, 4);
    world.deal(3, 1, 4);
    let there = dispatch::Worker { pool: elsewhere, ..world.worker(9, 9, 1) };
    world.dispatch.worker_joined(world.now, there, &[]);
    assert_eq!(world.grants(), [(9, 0)]);
    world.join(1, 8);
    let begun: Vec<u64> = world.grants().into_iter().map(|(_, index)| index).collect();
    assert_eq!(begun, [0, 0, 1, 1, 2, 2, 3, 3], "by turns");
}

#[test]
fn a_task_does_not_wait_on_a_machine_behind_far_longer_ones() {
    let mut world = World::new();
    let long = hours(&world, 2);
    world.dispatch.add_deal(deal(1), long);
    world.join(1, 4);
    assert_eq!(world.grants(), [(1, 0), (1, 1)], "of its own like it takes what it holds");
    let mut short = world.terms(2, 1, 1);
    short.first = 7;
    world.dispatch.add_deal(deal(2), short);
    world.ready(1, 2);
    assert_eq!(world.grants(), [], "it would begin in three hours");
    for index in [0, 1] {
        world.runs(1, task(1, index));
        world.wait(Duration::from_secs(100));
        world.finishes(1, task(1, index));
    }
    world.ready(1, 2);
    assert_eq!(world.grants(), [(1, 7)]);
}

#[test]
fn a_task_that_a_busy_machine_could_not_begin_is_taken_back_and_held_against_nobody() {
    let mut world = World::new();
    let mut long = world.terms(1, 1, 1);
    long.time = Duration::from_secs(400);
    long.until = world.now.saturating_add(long.time * 6);
    world.dispatch.add_deal(deal(1), long);
    world.join(1, 4);
    assert_eq!(world.grants(), [(1, 0)]);
    world.runs(1, task(1, 0));
    world.wait(Duration::from_secs(10));
    world.deal(2, 1, 1);
    world.ready(1, 2);
    assert_eq!(world.grants(), [(1, 0)], "it may begin in time");
    let then = world.wait(Duration::from_secs(450));
    assert_eq!(then, [Decision::Cancel { worker: worker(1), task: task(2, 0), ending: Ending::TooLate }]);
    world.ready(1, 2);
    assert_eq!(world.grants(), [], "the other takes longer");
    world.finishes(1, task(1, 0));
    world.ready(1, 2);
    assert_eq!(world.grants(), [(1, 0)], "now it can");
}
