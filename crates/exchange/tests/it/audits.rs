//! Hidden audits: secrets committed to beforehand, checks, and answers that are known.

use crate::world::{REQUESTER, STRANGER, WORKERS, World, digest, task};
use alloy_primitives::keccak256;
use exchange::{AnyOrder, Command, Event, Evidence, Exchange, Rejection, RemovalReason, audit_draw};
use units::{B256, DealId, OrderHash, TaskId, U256};

fn commit(world: &mut World, secret: u8) -> B256 {
    let commitment = keccak256(digest(secret));
    world.enter(Command::AuditCommit { commitment });
    commitment
}

fn open(world: &mut World, secret: u8) -> Result<Vec<Event>, Rejection> {
    world.try_enter(Command::AuditOpen { secret: digest(secret) })
}

/// A deal whose one task workers completed, each with its result.
fn held(world: &mut World, results: &[(usize, u8)]) -> DealId {
    let deal = world.deal(false, 1, 1);
    for (worker, result) in results {
        world.complete(WORKERS[*worker], deal, 0, *result);
    }
    deal
}

#[test]
fn a_draw_takes_as_many_of_a_thousand_as_it_says_and_anyone_draws_the_same() {
    let secret = digest(1);
    let drawn = |per_mille| {
        let tasks = (0..10_000_u64).map(|number| TaskId(keccak256(number.to_be_bytes())));
        tasks.filter(|task| audit_draw(secret, *task, per_mille)).count()
    };
    assert_eq!((drawn(0), drawn(1_000)), (0, 10_000));
    assert_eq!(drawn(50), 517, "about 500; the same on every machine");
    let hash = keccak256([secret.as_slice(), B256::ZERO.as_slice()].concat());
    let number = u64::from_be_bytes(hash[..8].try_into().unwrap());
    let edge = u64::try_from((u128::from(number) * 1_000) >> 64).unwrap();
    assert!(!audit_draw(secret, TaskId::default(), edge), "the first eight bytes, as a number, are not below");
    assert!(audit_draw(secret, TaskId::default(), edge + 1));
}

#[test]
fn the_secret_is_committed_to_before_and_shown_after_the_deals_that_are_drawn_by_it() {
    let mut world = World::new();
    let early = world.deal(false, 1, 1);
    let first = commit(&mut world, 1);
    assert_eq!(world.exchange.audit_commitment_of(early), None, "no secret was committed to when it was made");
    let deal = held(&mut world, &[(0, 7)]);
    let second = commit(&mut world, 2);
    assert_eq!(world.exchange.audit_commitment(), Some(second));
    assert_eq!(world.exchange.audit_commitment_of(deal), Some(first), "not one that was chosen later");
    let trusted = world.deal(true, 1, 3);
    assert_eq!(world.exchange.audit_commitment_of(trusted), None, "only single words are drawn");
    assert_eq!(open(&mut world, 1), Err(Rejection::SecretInUse { commitment: first, deals: 1 }));
    world.accept(WORKERS[0], deal, 0);
    let shown = Event::AuditOpened { commitment: first, secret: digest(1) };
    assert_eq!(open(&mut world, 1), Ok(vec![shown]));
    assert_eq!(open(&mut world, 1), Err(Rejection::UnknownSecret(first)), "once");
    assert_eq!(
        open(&mut world, 2),
        Err(Rejection::SecretInUse { commitment: second, deals: 0 }),
        "the newest is in use"
    );
    assert_eq!(open(&mut world, 3), Err(Rejection::UnknownSecret(keccak256(digest(3)))), "it was not committed to");
    let again = Command::AuditCommit { commitment: second };
    assert_eq!(world.try_enter(again), Err(Rejection::AlreadyCommitted(second)));
}

#[test]
fn secrets_that_are_lost_do_not_stop_others_and_are_not_without_number() {
    let mut world = World::new();
    for secret in 1..=3 {
        commit(&mut world, secret);
    }
    assert!(open(&mut world, 2).is_ok(), "the first was lost");
    for number in 0..998_u64 {
        world.enter(Command::AuditCommit { commitment: B256::from(U256::from(number)) });
    }
    let more = Command::AuditCommit { commitment: B256::repeat_byte(0xff) };
    assert_eq!(world.try_enter(more), Err(Rejection::TooManySecrets(1_000)));
}

#[test]
fn a_result_that_all_witnesses_share_passes() {
    let mut world = World::new();
    let deal = held(&mut world, &[(0, 7), (1, 7)]);
    let passed = Event::Checked { task: task(deal, 0), worker: WORKERS[0], passed: true };
    assert_eq!(world.check(WORKERS[0], deal, &[WORKERS[1]]), Ok(vec![passed]));
    assert_eq!(world.exchange.standing(world.pool(false), WORKERS[0]).unwrap().checks, 1);
    let twice = Rejection::AlreadyChecked { task: task(deal, 0), worker: WORKERS[0] };
    assert_eq!(world.check(WORKERS[0], deal, &[WORKERS[1]]), Err(twice));
    world.check(WORKERS[1], deal, &[WORKERS[0]]).unwrap();
    world.accept(WORKERS[0], deal, 0);
}

#[test]
fn one_word_against_another_decides_nothing() {
    let mut world = World::new();
    let deal = held(&mut world, &[(0, 9), (1, 7), (2, 7), (3, 8)]);
    let (id, liar) = (task(deal, 0), WORKERS[0]);
    let undecided = Rejection::Undecided { task: id, worker: liar };
    assert_eq!(world.check(liar, deal, &[]), Err(undecided.clone()));
    assert_eq!(world.check(liar, deal, &[WORKERS[1]]), Err(undecided.clone()));
    assert_eq!(world.check(liar, deal, &[WORKERS[1], WORKERS[2], WORKERS[3]]), Err(undecided), "the witnesses differ");
    let none = Rejection::NothingHeld { task: id, worker: STRANGER };
    assert_eq!(world.check(liar, deal, &[STRANGER]), Err(none.clone()));
    assert_eq!(world.check(STRANGER, deal, &[WORKERS[1]]), Err(none));
    let itself = Rejection::SameOwner { witness: liar, other: liar };
    assert_eq!(world.check(liar, deal, &[liar, WORKERS[1]]), Err(itself));
    let twice = Rejection::SameOwner { witness: WORKERS[1], other: WORKERS[1] };
    assert_eq!(world.check(liar, deal, &[WORKERS[1], WORKERS[1]]), Err(twice));
    assert!(world.check(liar, deal, &[WORKERS[1], WORKERS[2]]).is_ok());
}

#[test]
fn a_statement_of_failure_neither_convicts_nor_is_punished() {
    let mut world = World::new();
    for (failed, others_failed) in [(true, false), (false, true)] {
        let deal = world.deal(false, 1, 1);
        for (worker, result, failed) in [(0, 9, failed), (1, 7, others_failed), (2, 7, others_failed)] {
            world.complete_as(WORKERS[worker], deal, 0, result, failed);
        }
        let undecided = Rejection::Undecided { task: task(deal, 0), worker: WORKERS[0] };
        assert_eq!(world.check(WORKERS[0], deal, &[WORKERS[1], WORKERS[2]]), Err(undecided));
    }
}

#[test]
fn a_sealed_result_is_not_held_against_others() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 1);
    world.commit(WORKERS[0], deal, 0, 7);
    world.complete(WORKERS[1], deal, 0, 7);
    let sealed = Rejection::HeldOtherwise { task: task(deal, 0), worker: WORKERS[0] };
    assert_eq!(world.check(WORKERS[0], deal, &[WORKERS[1]]), Err(sealed.clone()));
    assert_eq!(world.check(WORKERS[1], deal, &[WORKERS[0]]), Err(sealed));
}

#[test]
fn checks_of_ones_own_tasks_prove_nothing() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 1);
    for worker in [REQUESTER, WORKERS[1]] {
        world.complete(worker, deal, 0, 7);
    }
    world.check(REQUESTER, deal, &[WORKERS[1]]).unwrap();
    assert_eq!(world.exchange.standing(world.pool(false), REQUESTER).unwrap().checks, 0);
}

#[test]
fn what_two_owners_proved_is_an_answer_that_liars_are_held_against() {
    let mut world = World::new();
    let proved = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let content = Exchange::content(world.exchange.deal(proved).unwrap(), U256::ZERO);
    let deal = held(&mut world, &[(2, 9), (3, 7)]);
    let check = |worker| Command::Check { task: task(deal, 0), worker, evidence: Evidence::Known };
    assert_eq!(world.try_enter(check(WORKERS[3])), Err(Rejection::NoAnswer(task(deal, 0))));
    let know = Command::Know { task: task(proved, 0) };
    assert_eq!(world.enter(know.clone()), [Event::Known { task: task(proved, 0), content }]);
    assert_eq!(world.exchange.known_answer(content), Some(digest(7)));
    assert_eq!(world.try_enter(know), Err(Rejection::AlreadyKnown(task(proved, 0))));
    let passed = Event::Checked { task: task(deal, 0), worker: WORKERS[3], passed: true };
    assert_eq!(world.enter(check(WORKERS[3])), [passed]);
    world.enter(check(WORKERS[2]));
    assert!(world.exchange.standing(world.pool(false), WORKERS[2]).unwrap().barred);
}

#[test]
fn one_word_is_no_known_answer() {
    let mut world = World::new();
    let deal = held(&mut world, &[(0, 7)]);
    let know = Command::Know { task: task(deal, 0) };
    assert_eq!(world.try_enter(know.clone()), Err(Rejection::UnknownTask(task(deal, 0))));
    world.accept(WORKERS[0], deal, 0);
    assert_eq!(world.try_enter(know), Err(Rejection::NotAgreed(task(deal, 0))));
}

#[test]
fn an_app_that_answers_otherwise_has_no_known_answer() {
    let mut world = World::new();
    let first = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let second = world.proven(&[WORKERS[0], WORKERS[1]], 3, 8);
    let content = Exchange::content(world.exchange.deal(first).unwrap(), U256::ZERO);
    world.enter(Command::Know { task: task(first, 0) });
    let contradicted = Event::Contradicted { task: task(second, 0), content };
    assert_eq!(world.enter(Command::Know { task: task(second, 0) }), [contradicted]);
    assert_eq!(world.exchange.known_answer(content), None);
}

#[test]
fn a_request_whose_program_always_fails_is_halted_and_only_a_request() {
    let mut world = World::new();
    let request = AnyOrder::Request(world.request(3, 1));
    let request = world.place(request);
    let removed = world.enter(Command::Halt { request });
    assert!(matches!(removed[..], [Event::OrderRemoved { why: RemovalReason::Halted, .. }]));
    assert_eq!(world.try_enter(Command::Halt { request }), Err(Rejection::UnknownOrder(request)));
    let app = AnyOrder::App(world.app_order(1));
    let app: OrderHash = world.place(app);
    assert_eq!(world.try_enter(Command::Halt { request: app }), Err(Rejection::UnknownOrder(app)));
}
