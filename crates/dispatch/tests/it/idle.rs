//! Why a worker has nothing to do.

use crate::world::{World, deal, result, task, worker};
use dispatch::{Decline, Fault, Idle};
use std::collections::BTreeMap;
use units::{Amount, B256, OrderHash, Tag};

fn idle(world: &World, name: u8) -> Idle {
    let purse = world.purse;
    world.dispatch.idle(worker(name), &|_| purse)
}

#[test]
fn who_is_away_full_or_without_work_is_told_so() {
    let mut world = World::new();
    assert_eq!(idle(&world, 1), Idle::NotConnected);
    world.join(1, 1);
    assert_eq!(idle(&world, 1), Idle::NoWork);
    world.deal(1, 1, 1);
    assert_eq!(idle(&world, 1), Idle::Soon);
    world.grants();
    assert_eq!(idle(&world, 1), Idle::Full { holding: 1 });
    world.dispatch.worker_left(world.now, worker(1));
    assert_eq!(idle(&world, 1), Idle::NotConnected);
}

#[test]
fn who_asks_too_much_is_told_what_is_paid() {
    let mut world = World::new();
    world.deal(1, 1, 1);
    let mut dear = world.worker(1, 1, 1);
    dear.floors = BTreeMap::from([(0, Amount::nanos(101))]);
    world.dispatch.worker_joined(world.now, dear, &[]);
    world.grants();
    let floor = Some(Amount::nanos(101));
    assert_eq!(idle(&world, 1), Idle::AsksTooMuch { floor, best_pay: Amount::nanos(100) });
}

#[test]
fn who_cannot_stake_or_lacks_a_capability_is_told_what_it_takes() {
    let mut world = World::new();
    let mut terms = world.terms(1, 1, 1);
    terms.stake = Amount::nanos(30);
    world.dispatch.add_deal(deal(1), terms);
    world.join(1, 1);
    assert_eq!(idle(&world, 1), Idle::CannotStake { needs: Amount::nanos(30) });
    let mut world = World::new();
    let mut terms = world.terms(1, 1, 1);
    terms.tag = Tag(B256::with_last_byte(1));
    world.dispatch.add_deal(deal(1), terms);
    world.join(1, 1);
    assert_eq!(world.grants(), []);
    assert_eq!(idle(&world, 1), Idle::TagMissing { missing: Tag(B256::with_last_byte(1)) });
}

#[test]
fn who_failed_the_jobs_that_have_tasks_is_told_which() {
    let mut world = World::new();
    world.deal(1, 1, 5);
    world.join(1, 1);
    world.grants();
    world.dispatch.worker_declined(worker(1), task(1, 0), Decline::Unable);
    world.ready(1, 1);
    assert_eq!(idle(&world, 1), Idle::Quarantined { jobs: vec![(OrderHash(result(1)), Fault::Unable)] });
}

#[test]
fn whose_owner_takes_part_in_every_task_is_told_so() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    world.join_owned(1, 9, 1);
    world.join_owned(2, 9, 1);
    world.grants();
    assert_eq!(idle(&world, 2), Idle::OwnerTakesPart);
}
