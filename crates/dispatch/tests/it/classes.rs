//! Results that are not equal to the byte: checkers, provers, classes of machines.

use crate::world::{TIME, World, deal, pool, result, task, worker};
use dispatch::{Check, Decision, Terms, Word, Worker};
use orders::ids;
use std::time::Duration;
use units::{Address, B256};

/// A world with a deal of one task that is checked so, and workers 1 to `workers`, each its own owner's.
fn judged(check: Check, trust: u64, workers: u8) -> World {
    let mut world = World::audited(1_000, 0);
    judge_in(&mut world, check, trust, workers);
    world
}

fn judge_in(world: &mut World, check: Check, trust: u64, workers: u8) {
    let terms = Terms { check, ..world.terms(1, trust, 1) };
    world.dispatch.add_deal(deal(1), terms);
    for name in 1..=workers {
        world.join(name, 1);
    }
    world.grants();
}

/// A worker seals a result, shows the exchange which, and brings its bytes.
fn seals(world: &mut World, name: u8, digest: u8) -> Vec<Decision> {
    world.grants();
    let mut decisions = world.states(name, task(1, 0), sealed(digest));
    decisions.extend(world.package(task(1, 0), result(digest)));
    world.grants();
    decisions
}

/// A worker states a result in the clear, and brings its bytes.
fn states(world: &mut World, name: u8, digest: u8) -> Vec<Decision> {
    world.grants();
    let mut decisions = world.states(name, task(1, 0), result(digest));
    decisions.extend(world.package(task(1, 0), result(digest)));
    world.grants();
    decisions
}

fn sealed(digest: u8) -> B256 {
    ids::result_hash(task(1, 0), result(digest))
}

/// The judge's word about a worker's result; what is decided upon it.
fn says(world: &mut World, name: u8, against: Option<u8>, word: Word) -> Vec<Decision> {
    let mut decisions = Vec::new();
    world.dispatch.judged(world.now, (task(1, 0), worker(name)), against.map(result), word, &mut decisions);
    decisions
}

/// What is asked of the judge: about whose result, against which.
fn asked(decisions: &[Decision]) -> Vec<(u8, Option<u8>)> {
    let case = |decision: &Decision| {
        if let Decision::Judge { worker, other, .. } = decision {
            Some((worker[0], other.map(|other| other[0])))
        } else {
            None
        }
    };
    decisions.iter().filter_map(case).collect()
}

fn authorized(decisions: &[Decision]) -> Vec<u8> {
    let name = |it: &Decision| if let Decision::Authorize { worker, .. } = it { Some(worker[0]) } else { None };
    decisions.iter().filter_map(name).collect()
}

fn has(decisions: &[Decision], wanted: impl Fn(Address) -> Decision, name: u8) -> bool {
    decisions.contains(&wanted(worker(name)))
}

fn discard(worker: Address) -> Decision {
    Decision::Discard { task: task(1, 0), worker }
}

fn excused(worker: Address) -> Decision {
    Decision::PayWitness { task: task(1, 0), worker, asks: units::Amount::ZERO }
}

#[test]
fn the_first_result_is_compared_with_nothing_and_the_next_with_it() {
    let mut world = judged(Check::Checker, 3, 3);
    assert_eq!(asked(&seals(&mut world, 1, 11)), []);
    assert_eq!(asked(&seals(&mut world, 2, 12)), [(2, Some(11))]);
}

#[test]
fn results_that_a_checker_finds_equal_agree_and_the_gate_lets_both_through() {
    let mut world = judged(Check::Checker, 3, 3);
    seals(&mut world, 1, 11);
    let decisions = seals(&mut world, 2, 12);
    assert_eq!(authorized(&decisions), [], "what waits for a word counts for nothing");
    let decisions = says(&mut world, 2, Some(11), Word::Good);
    let mut through = authorized(&decisions);
    through.sort_unstable();
    assert_eq!(through, [1, 2]);
}

#[test]
fn no_more_replicas_are_wanted_while_a_word_is_awaited() {
    let mut world = judged(Check::Checker, 3, 4);
    seals(&mut world, 1, 11);
    seals(&mut world, 2, 12);
    assert_eq!(world.grants(), []);
    says(&mut world, 2, Some(11), Word::Bad);
    assert_eq!(world.grants().len(), 2, "one dissenter takes two more who agree");
}

#[test]
fn a_liar_is_let_through_first_as_a_dissenter_where_the_checker_said_different() {
    let mut world = judged(Check::Checker, 3, 4);
    seals(&mut world, 1, 99);
    seals(&mut world, 2, 12);
    says(&mut world, 2, Some(99), Word::Bad);
    assert_eq!(asked(&seals(&mut world, 3, 13)), [(3, Some(99))]);
    assert_eq!(asked(&says(&mut world, 3, Some(99), Word::Bad)), [(3, Some(12))]);
    says(&mut world, 3, Some(12), Word::Good);
    seals(&mut world, 4, 14);
    says(&mut world, 4, Some(99), Word::Bad);
    let decisions = says(&mut world, 4, Some(12), Word::Good);
    let through = authorized(&decisions);
    assert_eq!(through.first(), Some(&1), "{decisions:?}");
    assert_eq!(through.len(), 4);
}

#[test]
fn a_class_is_a_ball_about_its_first_result_and_not_a_chain() {
    let mut world = judged(Check::Checker, 3, 4);
    seals(&mut world, 1, 11);
    seals(&mut world, 2, 12);
    says(&mut world, 2, Some(11), Word::Undecided);
    says(&mut world, 2, Some(11), Word::Good);
    // The third is near the second, but only the first result is asked about.
    let mut world = judged(Check::Checker, 9, 4);
    seals(&mut world, 1, 11);
    seals(&mut world, 2, 12);
    says(&mut world, 2, Some(11), Word::Good);
    assert_eq!(asked(&seals(&mut world, 3, 13)), [(3, Some(11))]);
    let decisions = says(&mut world, 3, Some(11), Word::Bad);
    assert_eq!(asked(&decisions), [], "nobody asks how near the second is");
}

#[test]
fn what_the_checker_cannot_tell_is_never_let_through_as_dissent_and_is_paid_for() {
    let mut world = judged(Check::Checker, 3, 4);
    seals(&mut world, 1, 11);
    seals(&mut world, 2, 12);
    says(&mut world, 2, Some(11), Word::Undecided);
    seals(&mut world, 3, 13);
    let decisions = says(&mut world, 3, Some(11), Word::Good);
    let mut through = authorized(&decisions);
    through.sort_unstable();
    assert_eq!(through, [1, 3]);
    assert!(has(&decisions, excused, 2) && has(&decisions, discard, 2), "{decisions:?}");
}

#[test]
fn a_first_result_that_no_checker_can_tell_does_not_keep_honest_ones_from_agreeing() {
    let mut world = judged(Check::Checker, 3, 4);
    seals(&mut world, 1, 66);
    seals(&mut world, 2, 12);
    says(&mut world, 2, Some(66), Word::Undecided);
    seals(&mut world, 3, 13);
    assert_eq!(asked(&says(&mut world, 3, Some(66), Word::Undecided)), [(3, Some(12))]);
    let decisions = says(&mut world, 3, Some(12), Word::Good);
    let mut through = authorized(&decisions);
    through.sort_unstable();
    assert_eq!(through, [2, 3]);
}

#[test]
fn a_checker_that_can_tell_of_no_two_results_ends_in_the_first_and_nobody_loses() {
    let mut world = judged(Check::Checker, 3, 8);
    let mut firsts = Vec::new();
    let mut decided = Vec::new();
    for name in 1..=7 {
        seals(&mut world, name, name + 10);
        for first in &firsts {
            decided.extend(says(&mut world, name, Some(*first), Word::Undecided));
        }
        firsts.push(name + 10);
    }
    let conceded = decided.iter().filter(|it| matches!(it, Decision::Concede { other, .. } if *other == result(11)));
    assert_eq!(conceded.count(), 6);
    assert!(!authorized(&decided).is_empty(), "{decided:?}");
    assert!(!decided.iter().any(|it| matches!(it, Decision::Check { .. })));
    assert_eq!(world.grants(), [], "an eighth opinion is not asked for");
}

#[test]
fn who_does_not_bring_the_bytes_to_be_judged_is_out() {
    let mut world = judged(Check::Checker, 3, 3);
    world.states(1, task(1, 0), sealed(11));
    assert_eq!(world.asks(), [Decision::AskUpload { task: task(1, 0), worker: worker(1) }]);
    let decisions = world.wait(Duration::from_secs(3_600));
    assert!(has(&decisions, discard, 1), "{decisions:?}");
    assert_eq!(world.dispatch.statements(task(1, 0)), []);
}

#[test]
fn at_the_last_call_what_no_judge_spoke_of_is_taken_as_in_doubt_so_that_the_pool_loses_nothing() {
    let mut world = judged(Check::Checker, 3, 2);
    seals(&mut world, 1, 11);
    seals(&mut world, 2, 12);
    let decisions = world.wait(TIME * 6);
    assert_eq!(authorized(&decisions).len(), 2, "{decisions:?}");
    let mut world = judged(Check::SelfProving, 1, 1);
    states(&mut world, 1, 11);
    let decisions = world.wait(TIME * 6);
    assert!(decisions.contains(&Decision::Accept { task: task(1, 0), worker: worker(1) }), "{decisions:?}");
}

#[test]
fn a_failure_of_the_program_is_not_judged() {
    let mut world = judged(Check::Checker, 3, 3);
    let mut decided = world.states_failure(1, task(1, 0), result(0xf));
    world.grants();
    decided.extend(world.states_failure(2, task(1, 0), result(0xf)));
    decided.extend(world.package(task(1, 0), result(0xf)));
    assert_eq!(asked(&decided), []);
    assert_eq!(authorized(&decided).len(), 2);
}

#[test]
fn at_trust_one_a_check_goes_through_the_checker() {
    let mut world = judged(Check::Checker, 1, 3);
    states(&mut world, 1, 11);
    assert_eq!(asked(&states(&mut world, 2, 12)), [(2, Some(11))]);
    let decisions = says(&mut world, 2, Some(11), Word::Good);
    let passed = |name: u8| {
        decisions.iter().any(|it| matches!(it, Decision::Check { worker: of, passed: true, .. } if *of == worker(name)))
    };
    assert!(passed(1) && passed(2), "{decisions:?}");
    assert!(decisions.contains(&Decision::Accept { task: task(1, 0), worker: worker(1) }));
}

#[test]
fn at_trust_one_a_liar_is_convicted_only_where_two_say_different() {
    let mut world = judged(Check::Checker, 1, 3);
    states(&mut world, 1, 99);
    states(&mut world, 2, 12);
    says(&mut world, 2, Some(99), Word::Bad);
    states(&mut world, 3, 13);
    says(&mut world, 3, Some(99), Word::Bad);
    let decisions = says(&mut world, 3, Some(12), Word::Good);
    let failed =
        Decision::Check { task: task(1, 0), worker: worker(1), witnesses: vec![worker(2), worker(3)], passed: false };
    assert!(decisions.contains(&failed), "{decisions:?}");
}

#[test]
fn at_trust_one_whom_the_checker_cannot_tell_is_dismissed_and_paid_and_not_convicted() {
    let mut world = judged(Check::Checker, 1, 3);
    states(&mut world, 1, 66);
    states(&mut world, 2, 12);
    says(&mut world, 2, Some(66), Word::Undecided);
    states(&mut world, 3, 13);
    says(&mut world, 3, Some(66), Word::Undecided);
    let decisions = says(&mut world, 3, Some(12), Word::Good);
    assert!(!decisions.iter().any(|it| matches!(it, Decision::Check { passed: false, .. })), "{decisions:?}");
    assert!(has(&decisions, excused, 1) && has(&decisions, discard, 1), "{decisions:?}");
}

#[test]
fn a_proved_result_is_taken_alone_without_a_check() {
    let mut world = judged(Check::SelfProving, 1, 3);
    assert_eq!(asked(&states(&mut world, 1, 11)), [(1, None)]);
    assert_eq!(world.grants(), [], "nobody checks what may prove itself");
    let decisions = says(&mut world, 1, None, Word::Good);
    assert_eq!(decisions, [Decision::Accept { task: task(1, 0), worker: worker(1) }]);
}

#[test]
fn a_result_that_proves_nothing_is_checked_as_any() {
    let mut world = judged(Check::SelfProving, 1, 3);
    states(&mut world, 1, 11);
    assert!(!has(
        &says(&mut world, 1, None, Word::Undecided),
        |worker| Decision::Accept { task: task(1, 0), worker },
        1
    ));
    assert_eq!(world.grants().len(), 1);
}

#[test]
fn a_result_that_is_wrong_by_itself_is_dropped_and_its_worker_gets_no_more_of_the_job() {
    let mut world = judged(Check::SelfProving, 1, 3);
    states(&mut world, 1, 99);
    let decisions = says(&mut world, 1, None, Word::Bad);
    assert!(has(&decisions, discard, 1));
    assert!(world.dispatch.quarantined(units::OrderHash(B256::repeat_byte(1))).any(|it| it == worker(1)));
    let granted = world.grants();
    assert_eq!(granted.len(), 1);
    assert_ne!(granted[0].0, 1);
}

/// A world of machines of classes, each its own owner's.
fn of_classes(trust: u64, machines: &[(u8, &str)]) -> World {
    let mut world = World::new();
    let terms = Terms { check: Check::SameClass, ..world.terms(1, trust, 1) };
    world.dispatch.add_deal(deal(1), terms);
    for (name, class) in machines {
        let machine = Worker { class: (*class).to_owned(), pool: pool(), ..world.worker(*name, *name, 1) };
        world.dispatch.worker_joined(world.now, machine, &[]);
    }
    world
}

#[test]
fn the_first_replicas_class_of_machines_binds_the_others() {
    let mut world = of_classes(3, &[(1, "amd"), (2, "intel"), (3, "arm"), (4, "amd"), (5, "intel")]);
    let granted = world.grants();
    let names: Vec<u8> = granted.iter().map(|(name, _)| *name).collect();
    assert!(names == [1, 4] || names == [4, 1] || names == [2, 5] || names == [5, 2], "{names:?}");
}

#[test]
fn a_task_is_begun_on_machines_of_a_class_that_has_enough_of_them() {
    let mut world = of_classes(3, &[(1, "arm"), (2, "intel"), (3, "amd"), (4, "amd")]);
    let mut names: Vec<u8> = world.grants().iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, [3, 4]);
}

#[test]
fn a_task_whose_class_has_gone_is_begun_anew_by_another_and_what_was_done_is_paid() {
    let mut world = of_classes(3, &[(1, "arm"), (2, "arm")]);
    assert_eq!(world.grants().len(), 2);
    world.states(1, task(1, 0), result(7));
    world.dispatch.worker_left(world.now, worker(2));
    for name in [3, 4] {
        let machine = Worker { class: "amd".to_owned(), ..world.worker(name, name, 1) };
        world.dispatch.worker_joined(world.now, machine, &[]);
    }
    assert_eq!(world.grants(), [], "another class has no part in it");
    let mut decided = world.wait(TIME / 2);
    decided.extend(world.wait(TIME));
    assert!(has(&decided, excused, 1) && has(&decided, discard, 1), "{decided:?}");
    assert_eq!(world.grants().len(), 2);
}
