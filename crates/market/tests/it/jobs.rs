//! Jobs from request to reward.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use exchange::{Event, PayReason};
use market::Ending;
use std::time::Duration;
use units::{Amount, OrderHash};

fn finished(world: &World, job: OrderHash) -> (u64, u64, u64) {
    let view = world.market.job(job).expect("the job is known");
    (view.finished, view.failed, view.claimed)
}

/// A public exchange with funded parties and these workers in the bonded pool, each asking for 1,000 a task.
fn bonded(natures: &[Nature]) -> World {
    let mut world = World::new(false);
    world.credit(OPERATOR, 10_000_000);
    world.credit(REQUESTER, 10_000_000);
    for (name, nature) in (10..).zip(natures) {
        world.credit(name, 1_000_000);
        world.join(name, *nature, "bonded", 1_000);
    }
    world.settle();
    world
}

#[test]
fn a_job_at_trust_one_on_a_private_exchange_costs_nothing_and_is_done() {
    let mut world = World::new(true);
    world.join(10, Nature::Honest, "commons", 0);
    let job = world.buy(1, 100, 0);
    world.settle();
    assert_eq!(finished(&world, job), (100, 0, 0));
    assert_eq!(world.free(10), Amount::ZERO);
}

#[test]
fn replicated_tasks_pay_each_worker_at_least_its_floor_and_books_balance() {
    let mut world = bonded(&[Nature::Honest; 3]);
    let job = world.buy(3, 10, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), (10, 0, 0));
    let accepted: Vec<Amount> = world
        .settled
        .iter()
        .filter(|(_, ending, _)| *ending == Ending::Accepted)
        .map(|(_, _, reward)| *reward)
        .collect();
    assert_eq!(accepted.len(), 20, "two replicas each");
    assert!(accepted.iter().all(|reward| *reward >= Amount::nanos(1_000)), "{accepted:?}");
    let view = world.market.job(job).unwrap();
    assert_eq!(view.locked, Amount::ZERO);
    assert_eq!(world.free(REQUESTER).checked_add(view.spent).unwrap(), Amount::nanos(10_000_000));
}

#[test]
fn a_liar_loses_its_stake_in_every_task_it_takes_part_in() {
    let mut world = bonded(&[Nature::Liar, Nature::Honest, Nature::Honest, Nature::Honest]);
    let job = world.buy(3, 12, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), (12, 0, 0));
    let lies = world.settled.iter().filter(|(name, ..)| *name == 10).count();
    assert!(lies > 0, "the liar took part");
    assert!(world.settled.iter().filter(|(name, ..)| *name == 10).all(|(_, ending, _)| *ending == Ending::Dissented));
    assert!(world.free(10) < Amount::nanos(1_000_000));
    for honest in 11..=13 {
        assert!(world.free(honest) > Amount::nanos(1_000_000));
    }
}

#[test]
fn a_failure_agreed_by_two_is_a_paid_result_and_the_second_witness_is_paid_by_the_pool() {
    let mut world = bonded(&[Nature::Fails, Nature::Fails]);
    let job = world.buy(1, 1, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), (1, 1, 0));
    // Once it is proven, out of what its own work brought the pool.
    for _ in 0..12 {
        world.buy(1, 10, 10_000);
        world.settle();
    }
    assert!(world.events.iter().any(|event| matches!(event, Event::Paid { why: PayReason::SecondWitness, .. })));
    assert!(world.free(10) > Amount::nanos(1_000_000) && world.free(11) > Amount::nanos(1_000_000));
}

#[test]
fn a_failure_said_by_one_alone_waits_for_a_witness() {
    let mut world = bonded(&[Nature::Fails]);
    let job = world.buy(1, 1, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), (0, 0, 0));
    for name in [20, 21] {
        world.join(name, Nature::Honest, "bonded", 1_000);
    }
    world.settle();
    assert_eq!(finished(&world, job), (1, 0, 0), "a success that another confirms outweighs it");
}

#[test]
fn a_worker_that_vanishes_delays_its_tasks_and_loses_none() {
    let mut world = bonded(&[Nature::Silent, Nature::Honest, Nature::Honest]);
    let job = world.buy(1, 8, 10_000);
    world.settle();
    let (before, _, _) = finished(&world, job);
    assert!(before < 8);
    world.leave(10);
    world.wait(Duration::from_secs(21));
    assert_eq!(finished(&world, job), (8, 0, 0));
}

#[test]
fn when_nobody_works_the_payer_gets_the_money_back_by_itself() {
    let mut world = bonded(&[Nature::Silent]);
    let job = world.buy(1, 2, 10_000);
    world.settle();
    let locked = world.market.job(job).unwrap().locked;
    assert!(!locked.is_zero());
    world.wait(Duration::from_secs(3_000));
    let view = world.market.job(job).unwrap();
    assert!(view.claimed > 0);
    assert_eq!(view.locked, Amount::ZERO);
    assert_eq!(world.free(REQUESTER), Amount::nanos(10_000_000));
}

#[test]
fn when_nobody_reveals_the_task_is_reopened_and_others_do_it() {
    let mut world = bonded(&[Nature::Shy, Nature::Shy]);
    let job = world.buy(3, 1, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), (0, 0, 0));
    world.credit(20, 1_000_000);
    world.credit(21, 1_000_000);
    world.join(20, Nature::Honest, "bonded", 1_000);
    world.join(21, Nature::Honest, "bonded", 1_000);
    world.wait(Duration::from_secs(600));
    assert_eq!(finished(&world, job), (1, 0, 0));
}

#[test]
fn at_any_moment_the_exchange_can_restart_and_the_job_goes_on() {
    for steps in 0..12 {
        let mut world = bonded(&[Nature::Honest, Nature::Silent, Nature::Honest]);
        let job = world.buy(3, 6, 10_000);
        for _ in 0..steps {
            world.step();
        }
        world.restart();
        for name in 10..13 {
            world.rejoin(name, "bonded", 1_000);
        }
        world.settle();
        world.leave(11);
        world.wait(Duration::from_secs(21));
        let final_ones = |event: &&Event| matches!(event, Event::Hub(poco::Event::TaskFinalize { .. }));
        assert_eq!(world.events.iter().filter(final_ones).count(), 6, "after {steps} steps");
        assert_eq!(world.market.job(job).map_or(0, |view| view.claimed), 0);
    }
}

#[test]
fn a_cancelled_job_ends_with_the_slice_under_way() {
    let mut world = World::new(true);
    let job = world.buy(1, 1_000, 0);
    let requester = world.address(REQUESTER);
    world.enter(exchange::Command::RemoveOrder { order: job, by: requester }).unwrap();
    world.join(10, Nature::Honest, "commons", 0);
    world.settle();
    assert!(world.market.job(job).is_none(), "nothing was matched");
}

#[test]
fn of_a_job_whose_program_always_fails_no_more_is_bought_and_what_was_bought_is_paid() {
    let mut world = bonded(&[Nature::Fails, Nature::Fails]);
    let job = world.buy(1, 1_000, 10_000);
    world.settle();
    let view = world.market.job(job).expect("it was begun");
    assert!((3..100).contains(&view.matched), "{view:?}");
    assert_eq!((view.finished, view.failed), (view.matched, view.matched));
    let why = exchange::RemovalReason::Halted;
    let halted = |event: &Event| matches!(event, Event::OrderRemoved { why: it, .. } if *it == why);
    assert_eq!(world.events.iter().filter(|event| halted(event)).count(), 1);
}

#[test]
fn a_job_of_which_something_succeeded_is_not_halted() {
    let mut world = bonded(&[Nature::Fails, Nature::Honest, Nature::Fails]);
    let job = world.buy(1, 40, 10_000);
    world.settle();
    let view = world.market.job(job).expect("it was begun");
    assert!(view.finished + view.provisional > view.failed, "{view:?}");
    assert_eq!(view.matched, 40);
}

#[test]
fn what_became_of_each_workers_part_is_known_while_a_task_runs_and_after() {
    let mut world = bonded(&[Nature::Honest, Nature::Liar, Nature::Honest, Nature::Honest]);
    world.buy(3, 1, 10_000);
    world.settle();
    let ended = |event: &Event| {
        if let Event::Hub(poco::Event::TaskFinalize { task, .. }) = event { Some(*task) } else { None }
    };
    let task = world.events.iter().find_map(ended).expect("the task is done");
    let attempts = world.market.attempts(task);
    assert!(attempts.len() >= 2, "{attempts:?}");
    assert!(attempts.iter().all(|attempt| attempt.ended.is_some()), "{attempts:?}");
    let accepted = attempts.iter().filter(|it| it.ended.is_some_and(|(_, how)| how == market::Ended::Accepted));
    assert!(accepted.count() >= 2, "{attempts:?}");
}

#[test]
fn a_silent_workers_task_goes_to_an_idle_one_long_before_its_lease_ends() {
    let mut world = bonded(&[Nature::Silent, Nature::Honest, Nature::Honest]);
    let job = world.buy(1, 8, 10_000);
    world.settle();
    let (before, _, _) = finished(&world, job);
    assert!(before < 8);
    world.wait(Duration::from_secs(10));
    assert_eq!(finished(&world, job), (8, 0, 0));
}

#[test]
fn a_request_that_names_a_region_is_done_near_it_and_elsewhere_before_it_waits() {
    for region in ["north", "south"] {
        let mut world = World::new(true);
        world.join_in(10, "north");
        world.join_in(11, "south");
        world.settle();
        world.buy_near(region, 1, 1, 0);
        world.settle();
        let near = if region == "north" { 10 } else { 11 };
        assert_eq!(world.settled.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), [near], "{region}");
    }
    let mut world = World::new(true);
    world.join_in(10, "north");
    world.settle();
    let job = world.buy_near("south", 1, 2, 0);
    world.settle();
    assert_eq!(finished(&world, job), (2, 0, 0), "nobody is near, and nothing waits for that");
}

#[test]
fn a_region_is_wished_for_after_a_restart_too() {
    let mut world = World::new(true);
    let job = world.buy_near("south", 1, 1, 0);
    world.settle();
    world.restart();
    world.join_in(10, "north");
    world.join_in(11, "south");
    world.settle();
    assert_eq!(finished(&world, job), (1, 0, 0));
    assert_eq!(world.settled.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), [11]);
}

#[test]
fn after_a_restart_a_jobs_view_has_its_ended_deals_when_its_history_is_told() {
    let mut world = World::new(true);
    world.join(10, Nature::Honest, "commons", 0);
    let job = world.buy(1, 40, 0);
    while world.market.job(job).unwrap().ended() < 20 {
        assert!(world.step(), "the job goes on");
    }
    let before = world.market.job(job).unwrap();
    world.restart();
    assert_eq!(world.market.known_jobs().collect::<Vec<_>>(), [job]);
    world.market.recall(job, &before);
    let after = world.market.job(job).unwrap();
    let counts =
        |view: &market::JobView| (view.matched, view.finished, view.failed, view.claimed, view.spent, view.locked);
    assert_eq!(counts(&after), counts(&before));
    assert_eq!(after.deals, before.deals);
    world.rejoin(10, "commons", 0);
    world.settle();
    assert_eq!(finished(&world, job), (40, 0, 0));
}
