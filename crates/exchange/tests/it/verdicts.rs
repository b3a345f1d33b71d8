//! Verdicts of checkers and provers: what is held counts as what it was found equal to, and nothing else changes.

use crate::world::{PRICE, WORKERS, World, digest, task};
use exchange::{Command, Event, Evidence, First, Judgement, Offer, Rejection, Verdict};
use orders::ids;
use poco::TaskStatus;
use units::{Address, Bytes, DealId, Digest};

fn first(name: u8) -> Option<First> {
    Some(First { digest: digest(name), blob: Digest(digest(name)) })
}

fn judgement(deal: DealId, worker: Address, own: u8, other: Option<First>, verdict: Verdict) -> Judgement {
    Judgement { task: task(deal, 0), worker, digest: digest(own), other, verdict }
}

#[test]
fn a_commitment_that_was_found_equal_counts_as_the_first_and_its_worker_reveals_that() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    world.commit(WORKERS[0], deal, 0, 7);
    world.commit(WORKERS[1], deal, 0, 8);
    let equal = judgement(deal, WORKERS[1], 8, first(7), Verdict::Equal);
    assert_eq!(world.enter(Command::Judge(equal)), [Event::Judged { judgement: equal }]);
    let holding = world.exchange.held(task(deal, 0)).unwrap();
    let held = holding.offers.iter().find(|held| held.worker == WORKERS[1]).unwrap();
    let seal = ids::result_seal(WORKERS[1], task(deal, 0), digest(7));
    assert_eq!(held.offer, Offer::Sealed { hash: ids::result_hash(task(deal, 0), digest(7)), seal });
    assert_eq!((holding.judged[&WORKERS[1]].own, holding.judged.len()), (digest(8), 1));
    world.authorize(WORKERS[0], deal, 0).unwrap();
    world.authorize(WORKERS[1], deal, 0).unwrap();
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().status, TaskStatus::Revealing);
    assert!(world.exchange.held(task(deal, 0)).unwrap().judged.contains_key(&WORKERS[1]), "what it reveals is known");
    world.reveal(WORKERS[0], deal, 0, 7);
    world.reveal(WORKERS[1], deal, 0, 7);
    world.finalize(deal, 0).unwrap();
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().result_digest, digest(7));
    assert_eq!(world.free(WORKERS[1]), 1_000_000 + PRICE * 90 / 100 / 2);
}

#[test]
fn a_completion_that_was_found_equal_passes_a_check_against_the_first() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 1);
    world.complete(WORKERS[0], deal, 0, 7);
    world.complete(WORKERS[1], deal, 0, 8);
    let check =
        Command::Check { task: task(deal, 0), worker: WORKERS[0], evidence: Evidence::Witnesses(vec![WORKERS[1]]) };
    assert!(matches!(world.try_enter(check.clone()), Err(Rejection::Undecided { .. })));
    world.enter(Command::Judge(judgement(deal, WORKERS[1], 8, first(7), Verdict::Equal)));
    let events = world.enter(check);
    assert!(events.contains(&Event::Checked { task: task(deal, 0), worker: WORKERS[0], passed: true }));
    let accept = Command::Accept { task: task(deal, 0), worker: WORKERS[1], results: Bytes::new() };
    world.enter(accept);
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().result_digest, digest(7));
}

#[test]
fn other_words_change_nothing_that_is_held() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    world.commit(WORKERS[0], deal, 0, 7);
    world.commit(WORKERS[1], deal, 0, 8);
    let before = world.exchange.held(task(deal, 0)).cloned();
    for verdict in [Verdict::Different, Verdict::Undecided] {
        world.enter(Command::Judge(judgement(deal, WORKERS[1], 8, first(7), verdict)));
    }
    for verdict in [Verdict::Proved, Verdict::Wrong] {
        world.enter(Command::Judge(judgement(deal, WORKERS[1], 8, None, verdict)));
    }
    assert_eq!(world.exchange.held(task(deal, 0)).cloned(), before);
}

#[test]
fn nobody_is_judged_for_what_they_did_not_state_nor_against_what_nobody_did() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    world.commit(WORKERS[0], deal, 0, 7);
    world.commit(WORKERS[1], deal, 0, 8);
    let (task, worker) = (task(deal, 0), WORKERS[1]);
    let refused = |world: &mut World, judgement| world.try_enter(Command::Judge(judgement)).unwrap_err();
    let other_own = judgement(deal, worker, 9, first(7), Verdict::Equal);
    assert_eq!(refused(&mut world, other_own), Rejection::HeldOtherwise { task, worker });
    let nobodys = judgement(deal, worker, 8, first(6), Verdict::Equal);
    assert_eq!(refused(&mut world, nobodys), Rejection::NotStated { task, digest: digest(6) });
    let against_itself = judgement(deal, worker, 8, first(8), Verdict::Equal);
    assert_eq!(refused(&mut world, against_itself), Rejection::NotStated { task, digest: digest(8) });
    let alone = judgement(deal, worker, 8, None, Verdict::Equal);
    assert_eq!(refused(&mut world, alone), Rejection::HeldOtherwise { task, worker });
    let stranger = judgement(deal, WORKERS[2], 8, first(7), Verdict::Equal);
    assert_eq!(refused(&mut world, stranger), Rejection::NothingHeld { task, worker: WORKERS[2] });
    world.enter(Command::Judge(judgement(deal, worker, 8, first(7), Verdict::Equal)));
    let again = judgement(deal, worker, 7, first(7), Verdict::Equal);
    assert_eq!(refused(&mut world, again), Rejection::HeldOtherwise { task, worker });
}
