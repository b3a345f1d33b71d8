//! Hidden audits of trust 1, and what a worker's word weighs in a pool that audits.

use crate::world::{TIME, World, deal, pool, result, task, worker};
use dispatch::Decision::{self, Accept, AskUpload, Authorize, Cancel, Check, Discard, PayCheck, PayWitness};
use dispatch::{Ending, Standing, Statement, Worker, audit_draw};
use std::time::Duration;
use units::{Amount, B256};

fn first() -> units::TaskId {
    task(1, 0)
}

fn accept(index: u64, name: u8) -> Decision {
    Accept { task: task(1, index), worker: worker(name) }
}

fn pay(index: u64, name: u8) -> Decision {
    PayCheck { task: task(1, index), worker: worker(name), asks: Amount::ZERO }
}

fn passes(index: u64, name: u8, witnesses: &[u8]) -> Decision {
    let witnesses = witnesses.iter().map(|name| worker(*name)).collect();
    Check { task: task(1, index), worker: worker(name), witnesses, passed: true }
}

fn fails(index: u64, name: u8, witnesses: &[u8]) -> Decision {
    let witnesses = witnesses.iter().map(|name| worker(*name)).collect();
    Check { task: task(1, index), worker: worker(name), witnesses, passed: false }
}

/// Convicted, of those who are said to have been judged.
fn convicted(decisions: &[Decision]) -> Vec<u8> {
    let failed = decisions
        .iter()
        .filter_map(|decision| if let Check { worker, passed: false, .. } = decision { Some(worker[0]) } else { None });
    failed.collect()
}

/// A world where the packages of results 1 and 9 of the first task are here.
fn delivered(mut world: World) -> World {
    world.package(first(), result(1));
    world.package(first(), result(9));
    world
}

#[test]
fn a_workers_first_jobs_are_checked_by_another_owner() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join_owned(1, 9, 1);
    world.join_owned(2, 9, 1);
    assert_eq!(world.grants(), [(1, 0)]);
    let mut world = delivered(world);
    assert_eq!(world.states(1, first(), result(1)), []);
    assert_eq!(world.grants(), [], "another machine of the same owner is no check");
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 0)]);
    let decided = world.states(3, first(), result(1));
    assert_eq!(decided, [passes(0, 1, &[3]), passes(0, 3, &[1]), accept(0, 1), pay(0, 3)]);
}

#[test]
fn a_check_is_not_decided_before_the_package_is_here_but_its_workers_have_passed() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    assert_eq!(world.states(1, first(), result(1)), []);
    assert_eq!(world.asks(), [AskUpload { task: first(), worker: worker(1) }], "as for any other result");
    world.join(2, 1);
    world.grants();
    assert_eq!(world.states(2, first(), result(1)), [passes(0, 1, &[2]), passes(0, 2, &[1])]);
    assert_eq!(world.package(first(), result(1)), [accept(0, 1), pay(0, 2)]);
}

#[test]
fn a_package_that_comes_with_its_statement_is_not_asked_for_while_the_result_is_held() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    assert_eq!(world.states(1, first(), result(1)), []);
    world.package(first(), result(1));
    assert_eq!(world.asks(), []);
}

#[test]
fn a_provisional_result_is_held_until_a_later_check_of_its_worker_passes() {
    let mut world = World::audited(1, 0);
    world.deal(1, 1, 3);
    world.join_checked(1, 3, 1);
    assert_eq!(world.grants().len(), 3);
    for index in 0..3 {
        world.package(task(1, index), result(1));
        assert_eq!(world.states(1, task(1, index), result(1)), []);
    }
    world.join(2, 1);
    assert_eq!(world.grants(), [], "nothing is under check");
    let held: Vec<u64> =
        world.dispatch.provisional(units::OrderHash(B256::repeat_byte(1))).map(|(_, index, _)| index).collect();
    assert_eq!(held.len(), 3, "all are delivered, and marked");
    world.wait(TIME * 9 / 2);
    let granted = world.grants();
    assert_eq!(granted.len(), 1, "one of the later two is checked before time runs out");
    let index = granted[0].1;
    let decided = world.states(2, task(1, index), result(1));
    let accepted = decided.iter().filter(|it| matches!(it, Accept { .. })).count();
    assert_eq!(accepted, usize::try_from(index).unwrap() + 1, "what was stated before is released too: {decided:?}");
}

#[test]
fn a_check_releases_nothing_that_was_stated_later() {
    let mut world = World::audited(1, 0);
    world.deal(1, 1, 2);
    world.join(1, 2);
    world.grants();
    for index in 0..2 {
        world.package(task(1, index), result(1));
        world.states(1, task(1, index), result(1));
    }
    world.join_checked(2, 1, 20);
    assert_eq!(world.grants(), [(2, 0)], "the first job is checked, the second is provisional");
    let decided = world.states(2, first(), result(1));
    assert_eq!(decided, [passes(0, 1, &[2]), passes(0, 2, &[1]), accept(0, 1), pay(0, 2)]);
}

#[test]
fn who_fails_a_check_is_barred_and_what_it_holds_is_void_and_done_by_others() {
    let mut world = World::audited(1, 0);
    world.deal(1, 1, 4);
    world.join(1, 3);
    assert_eq!(world.grants().len(), 3);
    world.states(1, first(), result(9));
    world.states(1, task(1, 1), result(9));
    world.join_checked(2, 1, 20);
    assert_eq!(world.grants(), [(2, 0)]);
    let mut world = delivered(world);
    assert_eq!(world.states(2, first(), result(1)), []);
    world.join_checked(3, 4, 20);
    assert_eq!(world.grants()[0], (3, 0), "a judge");
    let decided = world.states(3, first(), result(1));
    let cancel = Cancel { worker: worker(1), task: task(1, 2), ending: Ending::NotNeeded };
    let expected = [fails(0, 1, &[2, 3]), cancel, passes(0, 2, &[3]), passes(0, 3, &[2]), accept(0, 2), pay(0, 3)];
    assert_eq!(decided, expected);
    assert!(world.dispatch.is_barred(worker(1)));
    world.dispatch.worker_ready(worker(1), 3);
    world.dispatch.worker_ready(worker(2), 3);
    let again = world.grants();
    assert!(again.iter().all(|(name, _)| *name != 1), "who is barred gets nothing: {again:?}");
    assert!(again.iter().any(|(_, index)| *index == 2), "its task is done by another");
}

#[test]
fn the_other_workers_of_a_barred_workers_owner_are_newcomers_again() {
    let mut world = World::audited(1, 0);
    world.deal(1, 1, 2);
    world.join_owned(1, 9, 1);
    world.grants();
    let sibling = Worker { checks: 30, ..world.worker(4, 9, 1) };
    world.dispatch.worker_joined(world.now, sibling, &[]);
    assert_eq!(world.grants(), [(4, 1)]);
    world.states(1, first(), result(9));
    for name in [2, 3] {
        world.join_checked(name, 1, 20);
        world.grants();
        world.states(name, first(), result(1));
    }
    assert!(world.dispatch.is_barred(worker(1)) && !world.dispatch.is_barred(worker(4)));
    world.states(4, task(1, 1), result(1));
    world.join_checked(5, 1, 20);
    assert_eq!(world.grants(), [(5, 1)], "its next job is checked, as a first one is");
}

#[test]
fn a_check_is_for_proven_workers_while_they_are_to_be_had() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.states(1, first(), result(1));
    world.join_checked(3, 0, 20);
    world.join(2, 1);
    assert_eq!(world.grants(), [], "the proven one is busy, and is waited for");
    world.dispatch.worker_ready(worker(3), 1);
    assert_eq!(world.grants(), [(3, 0)]);
}

#[test]
fn two_newcomers_do_not_bar_a_third_while_a_proven_worker_can_judge() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    for name in 1..=3 {
        world.join(name, 1);
        world.grants();
        let said = if name == 1 { 1 } else { 9 };
        if name < 3 {
            world.states(name, first(), result(said));
        }
    }
    world.join_checked(4, 1, 20);
    let mut world = delivered(world);
    assert_eq!(world.states(3, first(), result(9)), [], "two new names against one are not enough");
    assert_eq!(world.grants(), [(4, 0)]);
    assert_eq!(world.states(4, first(), result(1)), [], "two against two");
    world.join_checked(5, 1, 20);
    assert_eq!(world.grants(), [(5, 0)]);
    let decided = world.states(5, first(), result(1));
    assert_eq!(convicted(&decided), [], "what two say is never punished");
    assert!(decided.contains(&accept(0, 1)) && decided.contains(&Discard { task: first(), worker: worker(2) }));
}

#[test]
fn one_proven_worker_is_relied_on_among_ten_seasoned_ones_and_not_among_eleven() {
    for (seasoned, relied_on) in [(10, true), (11, false)] {
        let mut world = World::audited(10, 0);
        world.deal(1, 1, 1);
        world.join(1, 1);
        world.grants();
        world.states(1, first(), result(1));
        // The proven one is busy; it is one of the seasoned itself.
        world.join_checked(100, 0, 20);
        for name in 2..=seasoned {
            world.join_checked(name, 1, 1);
        }
        assert_eq!(world.grants().is_empty(), relied_on, "{seasoned} seasoned");
    }
}

#[test]
fn a_barred_worker_is_nobody_to_wait_for() {
    let mut world = World::audited(10, 50);
    world.deal(1, 3, 1);
    world.join(1, 1);
    world.join(2, 1);
    assert_eq!(world.grants().len(), 2);
    let barred = Standing { owner: worker(9), earned: 0, checks: 0, barred: true };
    world.dispatch.set_standing(pool(), worker(9), barred);
    world.join(9, 1);
    assert_eq!(world.states(1, first(), result(9)), []);
    assert_eq!(world.states(2, first(), result(1)), []);
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 0)], "not the barred one");
    let decided = world.states(3, first(), result(1));
    let authorize = |name| Authorize { task: first(), worker: worker(name) };
    let discard = Discard { task: first(), worker: worker(1) };
    assert_eq!(decided, [discard, authorize(2), authorize(3)], "nobody else is to be had");
}

#[test]
fn newcomers_who_conspire_cannot_bar_a_proven_worker() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    world.join_checked(1, 1, 20);
    world.grants();
    world.states(1, first(), result(1));
    for name in 2..=3 {
        world.join(name, 1);
        assert_eq!(world.grants(), [(name, 0)], "no proven worker is to be had");
        assert_eq!(convicted(&world.states(name, first(), result(9))), [] as [u8; 0]);
    }
    assert!(!world.dispatch.is_barred(worker(1)));
}

#[test]
fn one_newcomer_beside_a_proven_worker_does_not_convict_a_proven_one() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    world.join_checked(1, 1, 20);
    world.grants();
    world.states(1, first(), result(1));
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
    world.states(2, first(), result(9));
    world.join_checked(3, 1, 20);
    world.join_checked(4, 1, 20);
    assert_eq!(world.grants(), [(3, 0)]);
    let mut world = delivered(world);
    assert_eq!(world.states(3, first(), result(9)), [], "a second proven one is asked");
    assert_eq!(world.grants(), [(4, 0)]);
    let decided = world.states(4, first(), result(9));
    assert_eq!(convicted(&decided), [1], "two proven workers convict it");
}

#[test]
fn a_failure_agreed_by_two_is_a_check_of_both_and_the_second_is_paid() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.join(2, 1);
    world.grants();
    world.package(first(), result(1));
    assert_eq!(world.states_failure(1, first(), result(1)), []);
    assert_eq!(world.grants(), [(2, 0)]);
    let paid = PayWitness { task: first(), worker: worker(2), asks: Amount::ZERO };
    let decided = world.states_failure(2, first(), result(1));
    assert_eq!(decided, [passes(0, 1, &[2]), passes(0, 2, &[1]), accept(0, 1), paid]);
}

#[test]
fn a_failure_said_by_one_is_never_convicted_and_never_convicts() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    for name in 1..=3 {
        world.join_checked(name, 1, 20);
    }
    world.grants();
    let mut world = delivered(world);
    world.states_failure(1, first(), result(9));
    assert_eq!(world.grants(), [(2, 0)]);
    world.states(2, first(), result(1));
    assert_eq!(world.grants(), [(3, 0)]);
    let decided = world.states(3, first(), result(1));
    assert_eq!(convicted(&decided), []);
    assert!(decided.contains(&Discard { task: first(), worker: worker(1) }) && decided.contains(&accept(0, 2)));
    assert!(!world.dispatch.is_barred(worker(1)));
}

#[test]
fn a_success_said_by_one_against_two_failures_is_dropped_and_not_convicted() {
    let mut world = World::audited(0, 1_000);
    world.deal(1, 1, 1);
    for name in 1..=3 {
        world.join_checked(name, 1, 20);
    }
    world.grants();
    let mut world = delivered(world);
    world.states(1, first(), result(9));
    world.grants();
    world.states_failure(2, first(), result(1));
    world.grants();
    let decided = world.states_failure(3, first(), result(1));
    assert_eq!(convicted(&decided), []);
    assert!(decided.contains(&Discard { task: first(), worker: worker(1) }) && decided.contains(&accept(0, 2)));
}

#[test]
fn where_nobody_else_is_connected_a_result_is_accepted_unchecked_at_the_last_call() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    let mut world = delivered(world);
    assert_eq!(world.states(1, first(), result(1)), []);
    assert_eq!(world.wait(TIME * 5), []);
    assert_eq!(world.wait(TIME - TIME / 10), [accept(0, 1)], "rather than claimed");
}

#[test]
fn a_dispute_that_nobody_can_judge_ends_at_the_last_call_for_the_proven_and_convicts_nobody() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    let mut world = delivered(world);
    world.states(1, first(), result(9));
    world.join_checked(2, 1, 20);
    world.grants();
    assert_eq!(world.states(2, first(), result(1)), []);
    assert_eq!(world.wait(TIME * 6 - TIME / 10), [accept(0, 2)]);
}

#[test]
fn a_statement_that_comes_late_is_checked_at_once() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    world.wait(TIME * 4);
    world.join(1, 0);
    world.states(1, first(), result(1));
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn a_known_answer_checks_at_no_cost() {
    let mut world = World::audited(10, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    let mut world = delivered(world);
    world.dispatch.known_answer(first(), result(1));
    assert_eq!(world.states(1, first(), result(1)), [passes(0, 1, &[]), accept(0, 1)]);
}

#[test]
fn a_known_answer_alone_convicts_nobody_and_with_one_witness_it_does() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 1);
    world.join(1, 1);
    world.grants();
    let mut world = delivered(world);
    world.dispatch.known_answer(first(), result(1));
    assert_eq!(world.states(1, first(), result(9)), []);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
    assert_eq!(world.states(2, first(), result(1)), [fails(0, 1, &[]), passes(0, 2, &[]), accept(0, 2)]);
}

#[test]
fn newcomers_begin_no_faster_than_the_proven_can_check_them() {
    let mut world = World::audited(100, 0);
    world.deal(1, 1, 100);
    world.join_checked(1, 0, 120);
    world.join(2, 1);
    let mut begun = 0;
    while let [(2, index)] = world.grants()[..] {
        begun += 1;
        world.states(2, task(1, index), result(1));
        world.dispatch.worker_ready(worker(2), 1);
    }
    assert_eq!(begun, 20, "for one proven worker to check");
    world.dispatch.worker_ready(worker(1), 1);
    assert_eq!(world.grants(), [(1, 0)]);
    world.package(first(), result(1));
    world.states(1, first(), result(1));
    world.end(first());
    assert_eq!(world.grants(), [(2, 20)], "one was checked, one more is begun");
}

#[test]
fn who_was_not_asked_has_no_say() {
    for trust in [1, 3] {
        let mut world = World::audited(10, 0);
        world.deal(1, trust, 1);
        world.join(1, 1);
        world.grants();
        world.join(2, 0);
        world.states(1, first(), result(9));
        let discard = Discard { task: first(), worker: worker(2) };
        assert_eq!(world.states(2, first(), result(9)), [discard], "at trust {trust}");
    }
}

#[test]
fn the_draw_is_the_secrets_and_falls_as_often_as_is_said() {
    let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let draws = |secret| (0..10_000).filter(|index| audit_draw(secret, task(1, *index), 50)).collect::<Vec<u64>>();
    let (first, second) = (draws(one), draws(other));
    assert!((430..570).contains(&first.len()), "{}", first.len());
    assert_ne!(first, second);
    assert!(!audit_draw(one, task(1, 0), 0) && audit_draw(one, task(1, 0), 1_000));
}

#[test]
fn a_deals_tasks_are_drawn_by_the_secret_in_force_when_it_was_made() {
    let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
    let drawn = |secret| (0..64).filter(|index| audit_draw(secret, task(1, *index), 500)).collect::<Vec<u64>>();
    let mut world = World::audited(0, 500);
    world.secret(1);
    world.deal(1, 1, 64);
    world.secret(2);
    world.join(1, 64);
    world.grants();
    for index in 0..64 {
        world.states(1, task(1, index), result(1));
    }
    world.join_checked(2, 64, 20);
    let checked: Vec<u64> = world.grants().into_iter().map(|(_, index)| index).collect();
    assert_eq!(checked, drawn(one));
    assert_ne!(checked, drawn(other));
}

#[test]
fn after_a_restart_held_statements_are_drawn_for_once_there_is_a_secret() {
    let mut world = World::new();
    world.dispatch.audit_pool(pool(), dispatch::AuditTerms { first: 1, per_mille: 1_000, proven: 20 });
    world.deal(1, 1, 1);
    let standing = Standing { owner: worker(1), earned: 0, checks: 5, barred: false };
    world.dispatch.set_standing(pool(), worker(1), standing);
    let statement = Statement { worker: worker(1), hash: result(1), failed: false, let_through: false };
    world.dispatch.restore_statement(deal(1), 0, statement, None);
    world.wait(Duration::ZERO);
    world.join(2, 1);
    assert_eq!(world.grants(), [], "nothing is drawn without a secret");
    assert!(world.dispatch.wants_audit_secret());
    world.secret(7);
    assert!(!world.dispatch.wants_audit_secret());
    assert_eq!(world.grants(), [(2, 0)], "its owner is known from the exchange: it need not come back");
}

#[test]
fn a_result_that_is_held_since_before_a_restart_has_its_last_call_too() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 1);
    world.dispatch.set_standing(pool(), worker(1), Standing { owner: worker(1), earned: 0, checks: 5, barred: false });
    let statement = Statement { worker: worker(1), hash: result(1), failed: false, let_through: false };
    world.dispatch.restore_statement(deal(1), 0, statement, Some(0));
    world.package(first(), result(1));
    let until = world.dispatch.bag(deal(1)).expect("the deal lives").terms.until;
    let mut decided = world.wait(Duration::ZERO);
    while let Some(at) = world.dispatch.next_deadline().filter(|at| *at < until) {
        decided.extend(world.wait(at.saturating_since(world.now)));
    }
    assert!(decided.contains(&accept(0, 1)), "better than the pool's stake lost: {decided:?}");
}

#[test]
fn a_score_earned_elsewhere_weighs_nothing_in_a_pool_that_audits() {
    let mut world = World::audited(10, 50);
    world.deal(1, 9, 1);
    for name in 1..=6 {
        let worker = Worker { score: 300, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    assert_eq!(world.grants().len(), 4, "as many as newcomers are needed");
    for name in 1..=3 {
        assert_eq!(world.states(name, first(), result(1)), []);
    }
    assert_eq!(world.states(4, first(), result(1)).len(), 4);
}

#[test]
fn however_much_a_worker_earned_it_weighs_ten_at_most_and_is_never_enough_alone_from_trust_three() {
    for (trust, needed) in [(2, 1), (3, 2), (100, 2), (1_000, 3)] {
        let mut world = World::audited(10, 50);
        world.deal(1, trust, 1);
        for name in 1..=6 {
            let worker = Worker { score: 3_000, earned: 3_000, ..world.worker(name, name, 1) };
            world.dispatch.worker_joined(world.now, worker, &[]);
        }
        assert_eq!(world.grants().len(), needed, "trust {trust}");
    }
}

#[test]
fn the_lightest_who_agree_are_let_through_first_so_that_poco_pays_as_many_as_can_be() {
    let mut world = World::audited(10, 50);
    world.deal(1, 3, 1);
    for (name, score) in [(1, 300), (2, 30)] {
        let worker = Worker { score, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world.grants();
    world.states(1, first(), result(1));
    let authorize = |name| Authorize { task: first(), worker: worker(name) };
    assert_eq!(world.states(2, first(), result(1)), [authorize(2), authorize(1)]);
}

#[test]
fn a_dissenter_whose_word_is_enough_for_poco_never_goes_first() {
    let mut world = World::audited(10, 50);
    world.deal(1, 10, 1);
    for name in 1..=9 {
        let score = if name == 1 { 60 } else { 0 };
        let worker = Worker { score, ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, worker, &[]);
    }
    world.grants();
    world.states(1, first(), result(9));
    let mut decided = Vec::new();
    for name in 2..=9 {
        world.grants();
        decided.extend(world.states(name, first(), result(1)));
    }
    assert_eq!(decided.first(), Some(&Decision::Discard { task: first(), worker: worker(1) }));
    assert_eq!(decided.len(), 9, "all who agree are let through: {decided:?}");
}

#[test]
fn a_dissenter_that_is_away_since_a_restart_does_not_go_first() {
    // What it weighs is not known: its word might be enough for PoCo.
    let mut world = World::audited(10, 50);
    world.deal(1, 3, 1);
    let standing = Standing { owner: worker(1), earned: 0, checks: 0, barred: false };
    world.dispatch.set_standing(pool(), worker(1), standing);
    let statement = Statement { worker: worker(1), hash: result(9), failed: false, let_through: false };
    world.dispatch.restore_statement(deal(1), 0, statement, None);
    world.wait(Duration::ZERO);
    for name in 2..=5 {
        world.join(name, 1);
    }
    let mut decided = Vec::new();
    while decided.is_empty() {
        let granted = world.grants();
        assert!(!granted.is_empty(), "more are to be had");
        for (name, _) in granted {
            decided.extend(world.states(name, first(), result(1)));
        }
    }
    assert_eq!(decided.first(), Some(&Decision::Discard { task: first(), worker: worker(1) }), "{decided:?}");
    assert!(decided.len() > 2, "{decided:?}");
}

#[test]
fn after_a_restart_a_check_covers_what_is_known_to_have_been_stated_before_it() {
    let mut world = World::audited(0, 0);
    world.deal(1, 1, 3);
    world.dispatch.set_standing(pool(), worker(1), Standing { owner: worker(1), earned: 0, checks: 5, barred: false });
    // In another order than they were stated in.
    for (index, place) in [(2, 2), (0, 1), (1, 0)] {
        let statement = Statement { worker: worker(1), hash: result(1), failed: false, let_through: false };
        world.dispatch.restore_statement(deal(1), index, statement, Some(place));
        world.package(task(1, index), result(1));
    }
    world.wait(Duration::ZERO);
    assert_eq!(world.asks(), []);
    // Another owner contradicts the one at place 1, which has it checked; a third agrees.
    let witness = Statement { worker: worker(2), hash: result(8), failed: false, let_through: false };
    world.join(2, 1);
    world.join(3, 1);
    world.dispatch.restore_statement(deal(1), 0, witness, None);
    world.wait(Duration::ZERO);
    assert_eq!(world.grants(), [(3, 0)]);
    let decided = world.states(3, first(), result(1));
    assert!(decided.contains(&accept(0, 1)), "{decided:?}");
    assert!(decided.contains(&accept(1, 1)), "stated before: {decided:?}");
    assert!(!decided.contains(&accept(2, 1)), "stated later: {decided:?}");
}

#[test]
fn a_convicted_workers_sealed_statements_are_void_too() {
    let mut world = World::audited(1, 0);
    world.deal(2, 3, 1);
    world.join(1, 2);
    assert_eq!(world.grants(), [(1, 0)]);
    world.states(1, task(2, 0), result(9));
    world.deal(1, 1, 1);
    world.join(2, 0);
    world.ready(1, 2);
    assert_eq!(world.grants(), [(1, 0)]);
    let mut world = delivered(world);
    world.states(1, first(), result(9));
    for name in [4, 5] {
        world.join_checked(name, 2, 20);
    }
    for (name, _) in world.grants() {
        world.states(name, first(), result(1));
    }
    for (name, _) in world.grants() {
        world.states(name, first(), result(1));
    }
    assert!(world.dispatch.is_barred(worker(1)));
    assert!(world.dispatch.statements(task(2, 0)).iter().all(|it| it.worker != worker(1)));
}
