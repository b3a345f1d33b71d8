//! What the gate lets through, and when.

use crate::world::{TIME, World, deal, result, task, worker};
use dispatch::Decision::{Accept, AskUpload, Authorize, Conclude, Discard, PayWitness};
use dispatch::{Decision, Ending, Statement};
use std::collections::BTreeSet;
use std::time::Duration;
use units::Amount;

fn authorize(name: u8) -> Decision {
    Authorize { task: task(1, 0), worker: worker(name) }
}

fn discard(name: u8) -> Decision {
    Discard { task: task(1, 0), worker: worker(name) }
}

/// One task at this trust and so many workers, of whom those needed have it.
fn world(trust: u64, workers: u8) -> World {
    let mut world = World::new();
    world.deal(1, trust, 1);
    for name in 1..=workers {
        world.join(name, 1);
    }
    world.grants();
    world
}

#[test]
fn at_trust_two_a_success_passes_at_once() {
    assert_eq!(world(2, 2).states(1, task(1, 0), result(1)), [authorize(1)]);
}

#[test]
fn at_trust_two_a_failure_waits_for_a_second_witness() {
    let mut world = world(2, 2);
    assert_eq!(world.states_failure(1, task(1, 0), result(1)), []);
    assert_eq!(world.grants(), [(2, 0)]);
    assert_eq!(world.states_failure(2, task(1, 0), result(1)), [authorize(1), authorize(2)]);
}

#[test]
fn at_trust_one_a_success_is_accepted_once_its_package_is_here() {
    let mut world = world(1, 2);
    let ask = AskUpload { task: task(1, 0), worker: worker(1) };
    assert_eq!(world.states(1, task(1, 0), result(1)), []);
    assert_eq!(world.asks(), [ask]);
    assert_eq!(world.package(task(1, 0), result(2)), [], "another result's package does not help");
    assert_eq!(world.package(task(1, 0), result(1)), [Accept { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.package(task(1, 0), result(1)), [], "and only once");
}

#[test]
fn a_package_that_comes_with_its_statement_is_not_asked_for() {
    let mut world = world(1, 1);
    world.states(1, task(1, 0), result(1));
    assert_eq!(world.package(task(1, 0), result(1)), [Accept { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.asks(), []);
}

#[test]
fn at_trust_one_a_failure_is_accepted_from_two_and_the_second_is_paid_by_the_pool() {
    let mut world = world(1, 2);
    world.package(task(1, 0), result(1));
    assert_eq!(world.states_failure(1, task(1, 0), result(1)), []);
    assert_eq!(world.grants(), [(2, 0)]);
    let (first, second) = (worker(1), worker(2));
    assert_eq!(
        world.states_failure(2, task(1, 0), result(1)),
        [
            Accept { task: task(1, 0), worker: first },
            PayWitness { task: task(1, 0), worker: second, asks: Amount::ZERO }
        ]
    );
}

#[test]
fn at_trust_one_a_success_outweighs_a_failure_said_by_one() {
    let mut world = world(1, 2);
    world.package(task(1, 0), result(2));
    world.states_failure(1, task(1, 0), result(1));
    world.grants();
    assert_eq!(world.states(2, task(1, 0), result(2)), [Accept { task: task(1, 0), worker: worker(2) }]);
}

#[test]
fn above_nothing_passes_before_enough_agree() {
    let mut world = world(3, 2);
    assert_eq!(world.states(1, task(1, 0), result(1)), []);
    assert_eq!(world.states(2, task(1, 0), result(1)), [authorize(1), authorize(2)]);
}

#[test]
fn a_dissent_calls_for_another_replica_and_then_goes_first() {
    let mut world = world(3, 4);
    world.states(1, task(1, 0), result(9));
    assert_eq!(world.states(2, task(1, 0), result(1)), []);
    assert_eq!(world.grants(), [(3, 0), (4, 0)], "three must agree against one");
    assert_eq!(world.states(3, task(1, 0), result(1)), [], "two do not win against a dissenter");
    let decided = world.states(4, task(1, 0), result(1));
    assert_eq!(decided, [authorize(1), authorize(2), authorize(3), authorize(4)]);
}

#[test]
fn where_no_further_replica_is_to_be_had_the_dissenter_is_left_out() {
    let mut world = world(3, 3);
    world.states(1, task(1, 0), result(9));
    world.states(2, task(1, 0), result(1));
    world.grants();
    assert_eq!(world.states(3, task(1, 0), result(1)), [discard(1), authorize(2), authorize(3)]);
}

#[test]
fn a_failure_said_by_one_is_never_let_through_as_a_dissent() {
    let mut world = world(3, 4);
    world.states_failure(1, task(1, 0), result(9));
    world.states(2, task(1, 0), result(1));
    world.grants();
    assert_eq!(world.states(3, task(1, 0), result(1)), [discard(1), authorize(2), authorize(3)]);
}

#[test]
fn before_time_runs_out_the_gate_waits_no_longer_for_more_replicas() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    for name in 1..=4 {
        world.join(name, 1);
    }
    world.grants();
    world.states(1, task(1, 0), result(9));
    world.states(2, task(1, 0), result(1));
    world.grants();
    world.states(3, task(1, 0), result(1));
    let late = Decision::Cancel { worker: worker(4), task: task(1, 0), ending: Ending::TooLate };
    let decided = world.wait(TIME * 6 - TIME / 10);
    assert_eq!(decided, [late, discard(1), authorize(2), authorize(3)]);
}

#[test]
fn a_statement_that_the_rules_refuse_counts_no_more() {
    let mut world = world(3, 3);
    world.states(1, task(1, 0), result(1));
    world.states(2, task(1, 0), result(1));
    let mut decisions = Vec::new();
    world.dispatch.refused(world.now, task(1, 0), worker(2), &mut decisions);
    assert_eq!(world.grants(), [(3, 0)]);
    assert_eq!(world.states(3, task(1, 0), result(1)), [authorize(3)]);
}

#[test]
fn on_consensus_who_still_runs_the_task_may_stop() {
    let mut world = world(2, 2);
    world.states_failure(1, task(1, 0), result(9));
    world.grants();
    let mut decisions = Vec::new();
    let until = world.now.saturating_add(TIME);
    world.dispatch.agreed(task(1, 0), BTreeSet::from([worker(1)]), until, &mut decisions);
    assert_eq!(decisions, [Decision::Cancel { worker: worker(2), task: task(1, 0), ending: Ending::NotNeeded }]);
}

#[test]
fn a_task_is_concluded_when_all_winners_have_shown_and_the_package_is_here() {
    let mut world = world(3, 2);
    world.states_large(1, task(1, 0), result(1));
    world.states_large(2, task(1, 0), result(1));
    let winners = BTreeSet::from([worker(1), worker(2)]);
    let until = world.now.saturating_add(TIME);
    world.dispatch.agreed(task(1, 0), winners, until, &mut Vec::new());
    let mut decisions = Vec::new();
    world.dispatch.shown(world.now, task(1, 0), worker(1), &mut decisions);
    assert_eq!(decisions, [], "one has not shown");
    world.dispatch.shown(world.now, task(1, 0), worker(2), &mut decisions);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.wait(Duration::from_secs(300)), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(2) }], "the next one is asked in time");
    assert_eq!(world.package(task(1, 0), result(1)), [Conclude { task: task(1, 0) }]);
}

#[test]
fn when_the_time_to_show_is_over_one_shown_result_is_enough_and_none_reopens() {
    for shown in [true, false] {
        let mut world = world(3, 3);
        world.states(1, task(1, 0), result(1));
        world.states(2, task(1, 0), result(1));
        let winners = BTreeSet::from([worker(1), worker(2)]);
        let until = world.now.saturating_add(TIME);
        world.dispatch.agreed(task(1, 0), winners, until, &mut Vec::new());
        if shown {
            world.dispatch.shown(world.now, task(1, 0), worker(1), &mut Vec::new());
            world.package(task(1, 0), result(1));
        }
        assert_eq!(world.wait(TIME), [Conclude { task: task(1, 0) }]);
    }
}

#[test]
fn a_reopened_task_goes_to_others_than_those_who_did_not_show() {
    let mut world = world(3, 4);
    world.states(1, task(1, 0), result(1));
    world.states(2, task(1, 0), result(1));
    let winners = BTreeSet::from([worker(1), worker(2)]);
    let until = world.now.saturating_add(TIME);
    world.dispatch.agreed(task(1, 0), winners, until, &mut Vec::new());
    world.wait(TIME);
    world.dispatch.reopened(task(1, 0));
    assert_eq!(world.grants(), [(3, 0), (4, 0)]);
}

#[test]
fn after_a_restart_a_statement_counts_when_it_is_known_whose_it_is() {
    let mut world = World::new();
    world.deal(1, 3, 1);
    for name in [1, 2] {
        let statement = Statement { worker: worker(name), hash: result(1), failed: false, let_through: false };
        world.dispatch.restore_statement(deal(1), 0, statement, None);
    }
    assert_eq!(world.wait(TIME / 10), []);
    world.join_owned(1, 9, 1);
    world.join_owned(2, 9, 1);
    assert_eq!(world.wait(TIME / 10), [], "two machines of one owner count as one");
    world.join(3, 1);
    assert_eq!(world.grants(), [(3, 0)]);
    assert_eq!(world.states(3, task(1, 0), result(1)), [discard(2), authorize(1), authorize(3)]);
}

#[test]
fn who_took_part_and_is_out_gets_no_other_part_after_a_restart() {
    let mut world = World::new();
    world.deal(1, 2, 1);
    world.dispatch.restore_rejected(deal(1), 0, worker(1));
    world.join(1, 1);
    world.wait(Duration::ZERO);
    assert_eq!(world.grants(), []);
    world.join(2, 1);
    assert_eq!(world.grants(), [(2, 0)]);
}

#[test]
fn who_does_not_bring_its_package_in_time_is_out_and_another_does_the_task() {
    let mut world = world(1, 2);
    assert_eq!(world.states(1, task(1, 0), result(1)), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.wait(TIME), [discard(1)]);
    assert_eq!(world.grants(), [(2, 0)]);
    world.package(task(1, 0), result(1));
    let accept = Accept { task: task(1, 0), worker: worker(2) };
    assert_eq!(world.states(2, task(1, 0), result(1)), [accept]);
}

#[test]
fn above_nothing_is_let_through_before_a_package_of_it_is_here() {
    let mut world = world(3, 2);
    let hash = orders::ids::result_hash(task(1, 0), result(5));
    assert_eq!(world.states_large(1, task(1, 0), hash), []);
    assert_eq!(world.asks(), [], "nothing is agreed on");
    assert_eq!(world.states_large(2, task(1, 0), hash), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(1) }], "of one of them");
    assert_eq!(world.package(task(1, 0), result(6)), [], "another result's package does not help");
    assert_eq!(world.package(task(1, 0), result(5)), [authorize(1), authorize(2)]);
    let winners = BTreeSet::from([worker(1), worker(2)]);
    let until = world.now.saturating_add(TIME);
    world.dispatch.agreed(task(1, 0), winners, until, &mut Vec::new());
    let mut decided = Vec::new();
    for name in [1, 2] {
        world.dispatch.shown(world.now, task(1, 0), worker(name), &mut decided);
    }
    assert_eq!(decided, [Conclude { task: task(1, 0) }], "and nobody is asked again");
    assert_eq!(world.asks(), []);
}

#[test]
fn at_trust_two_a_large_result_passes_when_it_is_here() {
    let mut world = world(2, 1);
    assert_eq!(world.states_large(1, task(1, 0), result(1)), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.package(task(1, 0), result(1)), [authorize(1)]);
}

#[test]
fn who_agrees_and_does_not_bring_its_package_is_out_before_anything_is_shown() {
    let mut world = world(3, 4);
    for name in [1, 2] {
        world.states_large(name, task(1, 0), result(1));
    }
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(1) }]);
    assert_eq!(world.wait(TIME), [discard(1)]);
    assert_eq!(world.grants(), [(3, 0)]);
    assert_eq!(world.states_large(3, task(1, 0), result(1)), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(2) }], "each is given its time");
    assert_eq!(world.wait(TIME), [discard(2)]);
    assert_eq!(world.grants(), [(4, 0)]);
    assert_eq!(world.states_large(4, task(1, 0), result(1)), []);
    assert_eq!(world.asks(), [AskUpload { task: task(1, 0), worker: worker(3) }]);
    assert_eq!(world.package(task(1, 0), result(1)), [authorize(3), authorize(4)]);
}

#[test]
fn when_a_task_has_ended_its_deal_is_forgotten_with_the_last() {
    let mut world = world(1, 1);
    world.states(1, task(1, 0), result(1));
    world.end(task(1, 0));
    assert!(world.dispatch.bag(deal(1)).is_none());
    assert_eq!(world.states(1, task(1, 0), result(1)), [], "what comes after the end is not asked for");
}
