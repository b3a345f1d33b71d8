//! Who gets which task.

use crate::world::{World, deal, task, worker};
use dispatch::{Decline, Held, Phase};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use units::Amount;

#[test]
fn a_deal_of_a_million_tasks_opens_only_what_is_granted() {
    let mut world = World::new();
    world.deal(1, 1, 1_000_000);
    world.join(1, 3);
    assert_eq!(world.grants(), [(1, 0), (1, 1), (1, 2)]);
    let tasks = world.dispatch.tasks(deal(1)).unwrap();
    assert_eq!((tasks.open, tasks.waiting), (3, 999_997));
}

#[test]
fn free_workers_are_served_one_task_each_in_turn() {
    let mut world = World::new();
    world.deal(1, 1, 4);
    world.join(1, 8);
    world.join(2, 8);
    assert_eq!(world.grants(), [(1, 0), (2, 1), (1, 2), (2, 3)]);
}

#[test]
fn thousands_of_grants_are_made_in_portions_and_the_next_is_due_at_once() {
    let mut world = World::new();
    world.deal(1, 1, 2_000);
    world.join(1, 1_200);
    assert_ne!(world.dispatch.next_deadline(), Some(world.now), "who comes is looked at whenever it is");
    let mut portions = Vec::new();
    loop {
        portions.push(world.grants().len());
        if world.dispatch.next_deadline() != Some(world.now) {
            break;
        }
    }
    assert_eq!(portions, [512, 512, 176]);
    assert_eq!(world.dispatch.tasks(deal(1)).unwrap().open, 1_200);
}

#[test]
fn a_task_gets_as_many_newcomers_as_its_trust_needs() {
    for (trust, needed) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (9, 4)] {
        let mut world = World::new();
        world.deal(1, trust, 1);
        for name in 1..=6 {
            world.join(name, 2);
        }
        assert_eq!(world.grants().len(), needed, "trust {trust}");
    }
}

#[test]
fn workers_of_high_score_are_needed_in_lower_numbers() {
    let mut world = World::new();
    world.deal(1, 9, 1);
    for name in 1..=6 {
        let mut rich = world.worker(name, name, 1);
        rich.score = 300;
        world.dispatch.worker_joined(world.now, rich, &[]);
    }
    assert_eq!(world.grants().len(), 1);
}

#[test]
fn a_replica_is_finished_before_a_new_task_is_begun() {
    let mut world = World::new();
    world.deal(1, 3, 5);
    world.join(1, 2);
    assert_eq!(world.grants(), [(1, 0), (1, 1)]);
    world.join(2, 3);
    assert_eq!(world.grants(), [(2, 0), (2, 1), (2, 2)]);
}

#[test]
fn machines_of_one_owner_never_share_a_task() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    world.join_owned(1, 9, 1);
    world.join_owned(2, 9, 1);
    assert_eq!(world.grants().len(), 1);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 0)]);
}

#[test]
fn a_private_exchange_counts_each_of_its_machines() {
    let mut world = World::with_privacy(true);
    world.deal(1, 3, 1);
    world.join_owned(1, 9, 1);
    world.join_owned(2, 9, 1);
    assert_eq!(world.grants(), [(1, 0), (2, 0)]);
}

#[test]
fn jobs_take_turns_so_that_a_short_one_is_not_stuck_behind_a_long_one() {
    let mut world = World::new();
    world.deal(1, 1, 1_000);
    world.deal(2, 1, 1);
    world.join(1, 3);
    world.grants();
    assert!(world.dispatch.place(task(2, 0)).is_some());
}

#[test]
fn a_worker_gets_nothing_below_its_floor() {
    let mut world = World::new();
    world.deal(1, 1, 2);
    let mut dear = world.worker(1, 1, 1);
    dear.floors = BTreeMap::from([(0, Amount::nanos(101))]);
    let mut elsewhere = world.worker(2, 2, 1);
    elsewhere.floors = BTreeMap::from([(1, Amount::ZERO)]);
    let mut fair = world.worker(3, 3, 1);
    fair.floors = BTreeMap::from([(0, Amount::nanos(100))]);
    for worker in [dear, elsewhere, fair] {
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    assert_eq!(world.grants(), [(3, 0)]);
}

#[test]
fn a_worker_that_cannot_stake_gets_no_bonded_task() {
    let mut world = World::new();
    let mut terms = world.terms(1, 3, 1);
    terms.stake = Amount::nanos(30);
    world.dispatch.add_deal(deal(1), terms);
    world.join(1, 1);
    world.purse = Amount::nanos(29);
    assert!(world.grants().is_empty());
    world.purse = Amount::nanos(30);
    world.dispatch.worker_ready(worker(1), 1);
    assert_eq!(world.grants(), [(1, 0)]);
}

#[test]
fn a_task_given_back_goes_to_whoever_is_free() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Owner);
    world.dispatch.worker_ready(worker(1), 0);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
    world.dispatch.worker_declined(worker(2), task(1, 0), Decline::Owner);
    world.dispatch.worker_ready(worker(1), 1);
    assert_eq!(world.grants(), [(1, 0)], "also to one that gave it back before");
}

#[test]
fn a_worker_with_trouble_may_try_again_but_not_for_ever() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    world.join(1, 1);
    for _ in 0..3 {
        assert_eq!(world.grants(), [(1, 0)]);
        world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Trouble);
        world.dispatch.worker_ready(worker(1), 1);
    }
    assert_eq!(world.grants(), []);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn a_worker_unable_to_run_a_task_gets_no_more_of_the_job_but_of_others() {
    let mut world = World::new();
    world.deal(1, 1, 9);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Unable);
    world.dispatch.worker_ready(worker(1), 1);
    assert!(world.grants().is_empty());
    world.deal(2, 1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    assert!(world.dispatch.place(task(2, 0)).is_some());
}

#[test]
fn after_a_restart_a_worker_goes_on_with_what_it_holds() {
    let mut world = World::new();
    world.deal(1, 1, 10);
    world.dispatch.resume_deal(deal(1), &BTreeSet::from([0, 1, 3]));
    let held = |index, phase| Held { task: task(1, index), deal: deal(1), index, phase };
    let joining = world.worker(1, 1, 2);
    let joined = world.dispatch.worker_joined(
        world.now,
        joining,
        &[held(5, Phase::Run), held(0, Phase::Run), held(99, Phase::Run)],
    );
    assert_eq!((joined.adopted, joined.dropped), (vec![task(1, 5)], vec![task(1, 0), task(1, 99)]));
    assert_eq!(world.grants(), [(1, 2), (1, 4)]);
    world.join(2, 9);
    assert_eq!(world.grants(), [(2, 6), (2, 7), (2, 8), (2, 9)]);
}

#[test]
fn a_task_that_has_ended_is_not_begun_again_by_a_worker_that_comes_back_with_it() {
    let mut world = World::new();
    world.deal(1, 1, 3);
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.end(task(1, 0));
    let held = Held { task: task(1, 0), deal: deal(1), index: 0, phase: Phase::Run };
    let joining = world.worker(1, 1, 1);
    assert_eq!(world.dispatch.worker_joined(world.now, joining, &[held]).dropped, [task(1, 0)]);
    assert_eq!(world.dispatch.load().open, 0);
    assert_eq!(world.grants(), [(1, 1)]);
}

#[test]
fn of_a_worker_that_was_here_before_only_what_it_was_granted_is_believed() {
    let mut world = World::new();
    world.deal(1, 1, 3);
    world.join(1, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    let held = |index| Held { task: task(1, index), deal: deal(1), index, phase: Phase::Run };
    let joining = world.worker(1, 1, 1);
    let joined = world.dispatch.worker_joined(world.now, joining, &[held(0), held(1), held(2)]);
    assert_eq!((joined.adopted, joined.dropped), (vec![task(1, 0)], vec![task(1, 1), task(1, 2)]));
}

#[test]
fn after_a_restart_machines_of_one_owner_are_not_adopted_for_the_same_task() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    let held = Held { task: task(1, 0), deal: deal(1), index: 0, phase: Phase::Run };
    for (name, adopted) in [(1, 1), (2, 0), (3, 1)] {
        let joining = world.worker(name, if name == 2 { 1 } else { name }, 1);
        assert_eq!(world.dispatch.worker_joined(world.now, joining, &[held]).adopted.len(), adopted, "worker {name}");
    }
}

#[test]
fn a_forged_place_is_not_adopted() {
    let mut world = World::new();
    world.deal(1, 1, 10);
    let forged = Held { task: task(1, 4), deal: deal(1), index: 5, phase: Phase::Run };
    let joining = world.worker(1, 1, 1);
    let joined = world.dispatch.worker_joined(world.now, joining, &[forged]);
    assert_eq!(joined.dropped, [task(1, 4)]);
    assert_eq!(world.dispatch.load().open, 0, "nor is anything begun for it");
}

proptest! {
    /// Whatever workers do, a task never has two replicas of one owner, and no more than its trust needs when all agree.
    #[test]
    fn no_owner_twice_and_no_replica_too_many(trust in 1_u64..9, workers in 1_u8..8, owners in 1_u8..4, slots in 1_u32..5) {
        let mut world = World::new();
        world.deal(1, trust, 6);
        for name in 1..=workers {
            world.join_owned(name, 100 + name % owners, slots);
        }
        let mut by_task: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for (name, index) in world.grants() {
            by_task.entry(index).or_default().push(100 + name % owners);
        }
        for replicas in by_task.values() {
            let distinct: BTreeSet<_> = replicas.iter().collect();
            prop_assert_eq!(distinct.len(), replicas.len());
            prop_assert!(replicas.len() <= dispatch::newcomers_needed(trust) as usize);
        }
    }
}
