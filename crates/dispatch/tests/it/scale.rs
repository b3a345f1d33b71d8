//! What grants cost, in workers and jobs looked at, however many there are.

use crate::world::{World, deal, pool, task};
use dispatch::Worker;
use std::collections::BTreeMap;
use std::time::Duration;
use units::{Address, Amount, B256, U256};

fn address(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(number + 1)))
}

/// So many machines of one core, each of an owner of its own, which ask this much.
fn fleet(size: u64, floor: u64) -> World {
    let mut world = World::new();
    for number in 0..size {
        let floors = BTreeMap::from([(0, Amount::nanos(floor))]);
        let (address, owner) = (address(number), address(number));
        let worker =
            Worker { address, owner, pool: pool(), cores: 1, slots: 1, floors, benchmark: 1, ..Worker::default() };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world
}

fn steps(world: &mut World, act: impl FnOnce(&mut World)) -> u64 {
    let before = world.dispatch.steps();
    act(world);
    world.dispatch.steps() - before
}

fn grants(world: &mut World) -> Vec<(Address, u64)> {
    let mut decisions = Vec::new();
    loop {
        let before = decisions.len();
        world.dispatch.grants(world.now, &|_| Amount::ZERO, &mut decisions);
        if decisions.len() == before {
            break;
        }
    }
    let granted = decisions.into_iter().filter_map(|decision| {
        let dispatch::Decision::Grant { worker, index, .. } = decision else { return None };
        Some((worker, index))
    });
    granted.collect()
}

#[test]
fn a_grant_costs_the_same_for_a_large_fleet_and_a_million_tasks() {
    for size in [10, 20_000] {
        let mut world = fleet(size, 100);
        world.deal(1, 1, 1_000_000);
        let mut granted = Vec::new();
        let cost = steps(&mut world, |world| granted = grants(world));
        assert_eq!(granted.len(), usize::try_from(size).unwrap());
        assert!(cost <= 4 * size, "{cost} steps for {size} grants");
        for (worker, index) in granted.into_iter().take(10) {
            let cost = steps(&mut world, |world| {
                world.dispatch.phase(world.now, worker, task(1, index), dispatch::Phase::Run);
                world.dispatch.task_ended(task(1, index), &mut Vec::new());
                world.dispatch.worker_ready(worker, 1);
                assert_eq!(grants(world).len(), 1);
            });
            assert!(cost <= 4, "{cost} steps for the next grant among {size}");
        }
        assert_eq!(world.dispatch.tasks(deal(1)).unwrap().open, size);
    }
}

#[test]
fn a_turn_in_which_nothing_can_be_granted_costs_nothing() {
    let mut world = fleet(20_000, 101);
    world.deal(1, 1, 1_000_000);
    assert_eq!(grants(&mut world), []);
    let cost = steps(&mut world, |world| {
        for _ in 0..100 {
            world.wait(Duration::from_millis(1));
            assert_eq!(grants(world), []);
        }
    });
    assert_eq!(cost, 0);
    let cost = steps(&mut world, |world| {
        world.deal(2, 1, 5);
        assert_eq!(grants(world), []);
    });
    assert!(cost <= 2, "a class that asks too much is passed over whole: {cost} steps");
}

#[test]
fn one_owners_many_machines_are_passed_over_whole() {
    let mut world = World::new();
    for number in 0..5_000 {
        let (address, owner) = (address(number), address(1_000_000));
        let worker = Worker { address, owner, pool: pool(), cores: 1, slots: 1, ..Worker::default() };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    assert_eq!(grants(&mut world), []);
    let cost = steps(&mut world, |world| {
        world.deal(1, 3, 1);
        assert_eq!(grants(world).len(), 1);
    });
    assert!(cost <= 16, "{cost} steps");
}

#[test]
fn a_pool_knows_its_cores_and_what_it_has_taken_on_without_counting() {
    let mut world = fleet(100, 100);
    world.deal(1, 3, 50);
    let load = world.dispatch.pool(pool());
    assert_eq!((load.workers, load.cores, load.tasks, load.replicas), (100, 100, 50, 100));
    grants(&mut world);
    let job = world.dispatch.job(units::OrderHash(B256::repeat_byte(1)));
    assert_eq!((job.deals, job.running, job.replicas, job.hedges), (1, 50, 100, 0));
    world.end(task(1, 0));
    let load = world.dispatch.pool(pool());
    assert_eq!((load.tasks, load.replicas), (49, 98));
    world.dispatch.worker_left(world.now, address(0));
    assert_eq!(world.dispatch.pool(pool()).workers, 99);
}
