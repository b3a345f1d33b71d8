//! Hidden audits as the market's commands, events and money show them.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use alloy_primitives::keccak256;
use exchange::{Command, Event, Evidence, PayReason};
use market::Ending;
use std::time::Duration;
use units::{Address, Amount, B256, Bytes, OrderHash, TaskId};

/// A public exchange with funded parties and these workers in a pool, each asking for 1,000 a task.
fn public(pool: &str, natures: &[Nature]) -> World {
    let mut world = World::new(false);
    for name in [OPERATOR, REQUESTER] {
        world.credit(name, 100_000_000);
    }
    for (name, nature) in (10..).zip(natures) {
        world.credit(name, 1_000_000);
        world.join(name, *nature, pool, 1_000);
    }
    world.settle();
    world
}

fn finished(world: &World, job: OrderHash) -> u64 {
    world.market.job(job).expect("the job is known").finished
}

fn checked(world: &World, worker: Address) -> Vec<bool> {
    let of = |event: &Event| {
        if let Event::Checked { worker: of, passed, .. } = event { (*of == worker).then_some(*passed) } else { None }
    };
    world.events.iter().filter_map(of).collect()
}

fn checks_with(world: &World, evidence: &Evidence) -> usize {
    let is = |entry: &&exchange::Entry| matches!(&entry.command, Command::Check { evidence: it, .. } if it == evidence);
    world.entries.iter().filter(is).count()
}

#[test]
fn a_newcomers_first_jobs_are_checked_and_the_checker_is_paid_out_of_what_its_own_work_brings_the_pool() {
    let mut world = public("bonded", &[Nature::Honest; 2]);
    let job = world.buy(1, 5, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), 5);
    for name in [10, 11] {
        let address = world.address(name);
        assert_eq!(checked(&world, address), [true; 5]);
        assert_eq!(world.market.exchange().standing(world.pool("bonded"), address).unwrap().checks, 5);
    }
    let checks_paid = |world: &World| {
        let of = |event: &Event| {
            if let Event::Paid { why: PayReason::Check, amount, .. } = event { amount.to_nanos() } else { None }
        };
        world.events.iter().filter_map(of).sum::<u64>()
    };
    assert!(checks_paid(&world) < 1_000, "five tasks brought the pool half of one's price: {}", checks_paid(&world));
    world.buy(1, 200, 10_000);
    world.settle();
    assert!(checks_paid(&world) >= 10_000, "its first ten checks and more: {}", checks_paid(&world));
    for name in [10, 11] {
        assert!(world.free(name) >= Amount::nanos(1_080_000), "what is still held waits for its check");
    }
}

#[test]
fn who_deals_with_itself_has_back_from_the_pool_what_it_brought_and_nothing_more() {
    // The requester's own machines, which alone serve it: every result is a first one, and checked by another of them.
    let mut world = public("bonded", &[Nature::Honest; 2]);
    world.buy(1, 30, 10_000);
    world.settle();
    let brought: u64 = 30 * 111;
    let of = |event: &Event| {
        if let Event::Paid { amount, why, .. } = event {
            (*why != PayReason::TopUp).then(|| amount.to_nanos())?
        } else {
            None
        }
    };
    let paid: u64 = world.events.iter().filter_map(of).sum();
    assert!(paid <= brought + 30, "{paid} of {brought}");
}

#[test]
fn a_liar_at_trust_one_is_barred_gets_nothing_and_every_result_is_right() {
    let mut world = public("commons", &[Nature::Liar, Nature::Honest, Nature::Honest, Nature::Honest]);
    let job = world.buy(1, 60, 10_000);
    world.settle();
    for _ in 0..20 {
        world.wait(Duration::from_secs(100));
    }
    assert_eq!(finished(&world, job), 60);
    let liar = world.address(10);
    assert_eq!(checked(&world, liar), [false]);
    let pool = world.pool("commons");
    assert!(world.market.exchange().standing(pool, liar).unwrap().barred);
    assert_eq!(world.free(10), Amount::nanos(1_000_000));
    let its: Vec<Ending> =
        world.settled.iter().filter(|(name, ..)| *name == 10).map(|(_, ending, _)| *ending).collect();
    assert!(!its.is_empty() && its.iter().all(|ending| *ending == Ending::Dissented), "{its:?}");
}

#[test]
fn who_is_barred_gets_no_work_when_it_comes_back() {
    let mut world = public("commons", &[Nature::Liar, Nature::Honest, Nature::Honest]);
    world.buy(1, 10, 10_000);
    world.settle();
    let liar = world.address(10);
    assert_eq!(checked(&world, liar), [false]);
    world.restart();
    for name in 10..=12 {
        world.rejoin(name, "commons", 1_000);
    }
    let before = world.settled.iter().filter(|(name, ..)| *name == 10).count();
    world.buy(1, 10, 10_000);
    world.settle();
    assert_eq!(world.settled.iter().filter(|(name, ..)| *name == 10).count(), before);
}

#[test]
fn what_is_not_checked_is_delivered_as_provisional_paid_later_and_never_lost() {
    let mut world = public("bonded", &[Nature::Honest; 3]);
    let job = world.buy(1, 100, 10_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert!(view.provisional > 0, "{view:?}");
    assert_eq!(view.finished + view.provisional, 100, "held results leave room for more work");
    let held: Vec<(TaskId, u64, B256)> = world.market.provisional(job).collect();
    assert_eq!(held.len() as u64, view.provisional);
    for _ in 0..20 {
        world.wait(Duration::from_secs(100));
    }
    let view = world.market.job(job).unwrap();
    assert_eq!((view.finished, view.provisional, view.claimed), (100, 0, 0));
    for (task, _, digest) in held {
        let known = world.market.exchange().task(task).map(|task| task.result_digest);
        assert!(known.is_none_or(|known| known == digest), "what was delivered is what is final");
    }
}

#[test]
fn audited_jobs_survive_a_restart_at_any_moment() {
    for steps in 0..10 {
        let mut world = public("bonded", &[Nature::Honest, Nature::Liar, Nature::Honest, Nature::Honest]);
        let job = world.buy(1, 12, 10_000);
        for _ in 0..steps {
            world.step();
        }
        world.restart();
        for name in 10..14 {
            world.rejoin(name, "bonded", 1_000);
        }
        for _ in 0..22 {
            world.wait(Duration::from_secs(100));
        }
        assert_eq!(finished(&world, job), 12, "after {steps} steps");
        assert!(!world.settled.iter().any(|(name, ending, _)| *name == 11 && *ending == Ending::Accepted));
    }
}

#[test]
fn a_secret_is_committed_to_before_it_is_drawn_with_and_shown_when_its_deals_are_finished() {
    let mut world = public("bonded", &[Nature::Honest; 2]);
    let first = B256::repeat_byte(1);
    let committed = |world: &World, secret: B256| {
        let is =
            |event: &Event| matches!(event, Event::AuditCommitted { commitment } if *commitment == keccak256(secret));
        world.events.iter().any(is)
    };
    let shown = |world: &World| {
        let is = |event: &&Event| matches!(event, Event::AuditOpened { .. });
        world.events.iter().filter(is).count()
    };
    assert!(committed(&world, first), "before anything is sold");
    let job = world.buy(1, 3, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), 3);
    assert!(!world.market.wants_audit_secret());
    world.wait(Duration::from_secs(3_601));
    world.settle();
    assert!(committed(&world, B256::repeat_byte(2)), "after an hour another is in force");
    assert_eq!(shown(&world), 1);
}

#[test]
fn a_secret_from_before_a_restart_is_taken_up_again_without_another_commitment() {
    let mut world = public("bonded", &[Nature::Honest; 2]);
    world.restart();
    let mut out = market::Output::default();
    assert!(world.market.wants_audit_secret());
    world.market.audit_secret(world.now, B256::repeat_byte(1), &mut out).unwrap();
    assert!(out.entries.is_empty() && !world.market.wants_audit_secret());
}

#[test]
fn a_private_exchange_audits_nothing() {
    let mut world = World::new(true);
    world.join(10, Nature::Honest, "commons", 0);
    let job = world.buy(1, 10, 0);
    world.settle();
    assert_eq!(finished(&world, job), 10);
    assert!(!world.market.wants_audit_secret());
    assert!(!world.events.iter().any(|event| matches!(event, Event::Checked { .. } | Event::Enlisted { .. })));
}

#[test]
fn a_result_that_two_owners_proved_checks_later_ones_of_the_same_content() {
    let mut world = public("bonded", &[Nature::Same; 8]);
    let proved = world.buy(3, 300, 10_000);
    world.settle();
    assert_eq!(finished(&world, proved), 300);
    let known = world.events.iter().filter(|event| matches!(event, Event::Known { .. })).count();
    assert!((2..=30).contains(&known), "one in twenty is remembered: {known}");
    let again = world.buy(1, 300, 10_000);
    world.settle();
    for _ in 0..20 {
        world.wait(Duration::from_secs(100));
    }
    assert_eq!(finished(&world, again), 300);
    let passed = checks_with(&world, &Evidence::Known);
    assert!((1..=known).contains(&passed), "each checks one at no cost, unless it is drawn: {passed} of {known}");
}

#[test]
fn who_agrees_and_is_not_needed_by_poco_goes_first_another_time_and_is_paid_its_part() {
    let mut world = World::with_scores(&[(10, 300), (11, 300)]);
    for name in [OPERATOR, REQUESTER] {
        world.credit(name, 100_000_000);
    }
    for name in [10, 11] {
        world.credit(name, 1_000_000);
        world.join(name, Nature::Honest, "bonded", 1_000);
    }
    world.settle();
    let job = world.buy(3, 40, 10_000);
    world.settle();
    assert_eq!(finished(&world, job), 40);
    // Two words are wanted where PoCo takes one of such a score: each goes first in turn.
    for name in [10, 11] {
        assert!(world.free(name) >= Amount::nanos(1_038_000), "{:?}", world.free(name));
    }
}

#[test]
fn whose_a_worker_is_is_entered_once() {
    let mut world = public("commons", &[Nature::Honest]);
    world.leave(10);
    world.rejoin(10, "commons", 1_000);
    world.restart();
    world.rejoin(10, "commons", 1_000);
    let address = world.address(10);
    let enlisted = |event: &&Event| matches!(event, Event::Enlisted { worker, owner, .. } if *worker == address && *owner == address);
    assert_eq!(world.events.iter().filter(enlisted).count(), 1);
}

#[test]
fn another_owner_than_itself_takes_that_owners_signature() {
    let mut world = public("commons", &[]);
    let (address, owner, pool) = (world.address(10), world.address(20), world.pool("commons"));
    let worker = market::Worker { address, owner, pool, cores: 1, slots: 1, ..market::Worker::default() };
    let domain = world.market.exchange().genesis().domain();
    let mut out = market::Output::default();
    assert!(world.market.enlist(world.now, &worker, Bytes::new(), &mut out).is_err());
    let evidence = world.owns(20, orders::Ownership { worker: address, owner }, &domain);
    world.market.enlist(world.now, &worker, evidence, &mut out).unwrap();
    assert_eq!(world.market.exchange().owner_in(pool, address), owner);
}
