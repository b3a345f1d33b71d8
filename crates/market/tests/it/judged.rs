//! Judged results through rules and policy together: classes, stakes, restarts.

use crate::world::{Nature, OPERATOR, REQUESTER, World};
use exchange::{Command, Event, Verdict};
use market::Ending;
use units::Amount;

/// A public exchange with funded parties and these workers in the bonded pool.
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

fn verdicts(world: &World, wanted: Verdict) -> usize {
    let is = |entry: &&exchange::Entry| matches!(&entry.command, Command::Judge(it) if it.verdict == wanted);
    world.entries.iter().filter(is).count()
}

fn dissents(world: &World, name: u8) -> usize {
    world.settled.iter().filter(|(of, ending, _)| *of == name && *ending == Ending::Dissented).count()
}

#[test]
fn results_of_noise_are_agreed_on_and_everybody_is_paid_as_if_they_were_equal() {
    let mut world = bonded(&[Nature::Noisy; 3]);
    let job = world.buy_judged(3, 10, 10_000);
    world.settle();
    let view = world.market.job(job).unwrap();
    assert_eq!((view.finished, view.failed, view.claimed, view.undecided), (10, 0, 0, 0));
    assert_eq!(verdicts(&world, Verdict::Equal), 10, "the second of two is held against the first");
    let accepted = world
        .settled
        .iter()
        .filter(|(_, ending, reward)| *ending == Ending::Accepted && *reward >= Amount::nanos(1_000));
    assert_eq!(accepted.count(), 20);
}

#[test]
fn among_noise_a_liar_loses_its_stake_and_nobody_else_does() {
    let mut world = bonded(&[Nature::Liar, Nature::Noisy, Nature::Noisy, Nature::Noisy, Nature::Noisy]);
    let job = world.buy_judged(3, 12, 10_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().finished, 12);
    assert!(dissents(&world, 10) > 0);
    assert!((11..15).all(|name| dissents(&world, name) == 0), "{:?}", world.settled);
    assert!(world.free(10) < Amount::nanos(1_000_000));
}

#[test]
fn who_cannot_be_told_from_others_loses_nothing_and_the_task_is_done() {
    let mut world = bonded(&[Nature::Vague, Nature::Noisy, Nature::Noisy, Nature::Noisy]);
    let job = world.buy_judged(3, 6, 10_000);
    world.settle();
    assert_eq!(world.market.job(job).unwrap().finished, 6);
    assert!(verdicts(&world, Verdict::Undecided) > 0);
    assert_eq!(dissents(&world, 10), 0);
    assert!(world.free(10) >= Amount::nanos(1_000_000));
}

#[test]
fn a_job_whose_checker_tells_nothing_is_paid_for_said_so_and_halted() {
    let mut world = bonded(&[Nature::Vague; 7]);
    let pool = world.free(OPERATOR);
    let job = world.buy_judged(3, 40, 10_000);
    for _ in 0..40 {
        world.settle();
        world.wait(std::time::Duration::from_secs(60));
    }
    let view = world.market.job(job).unwrap();
    assert!(view.undecided >= 3 && view.undecided == view.finished && view.claimed == 0, "{view:?}");
    let halted = |event: &Event| matches!(event, Event::OrderRemoved { why: exchange::RemovalReason::Halted, .. });
    assert!(world.events.iter().any(halted) || view.finished == view.matched);
    assert!(world.free(OPERATOR) >= pool.checked_sub(Amount::nanos(200_000)).unwrap());
}

#[test]
fn after_a_restart_verdicts_hold_and_the_rest_is_judged_anew() {
    let mut world = bonded(&[Nature::Noisy, Nature::Noisy, Nature::Silent]);
    let job = world.buy_judged(5, 4, 20_000);
    world.settle();
    let before = verdicts(&world, Verdict::Equal);
    assert_eq!((before, world.market.job(job).unwrap().finished), (4, 0), "a third opinion is wanted");
    world.restart();
    for name in [10, 11] {
        world.rejoin(name, "bonded", 1_000);
        world.reopen(name);
    }
    world.credit(13, 1_000_000);
    world.join(13, Nature::Noisy, "bonded", 1_000);
    world.settle();
    let ended = |event: &&Event| matches!(event, Event::Hub(poco::Event::TaskFinalize { .. }));
    assert_eq!(world.events.iter().filter(ended).count(), 4);
    assert_eq!(verdicts(&world, Verdict::Equal), before + 4, "only the third was judged");
    assert!((10..14).all(|name| dissents(&world, name) == 0), "{:?}", world.settled);
}
