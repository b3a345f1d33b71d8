//! Ratings: each side of a deal once, and nobody else.

use crate::world::{OPERATOR, REQUESTER, STRANGER, WORKERS, World};
use exchange::{Command, Event, Genesis, Rejection};
use orders::{CheckedRating, Ownership, Rating, Recovered, SignedRating, SigningKey};
use units::{Address, Bytes, DealId};

const DAY: u64 = 24 * 60 * 60;

fn rate(
    world: &mut World,
    by: Address,
    deal: DealId,
    subject: Address,
    marks: (u8, u8),
) -> Result<Vec<Event>, Rejection> {
    let rating = Rating { deal, subject, performance: marks.0, safety: marks.1 };
    let rating = CheckedRating { signed: SignedRating { rating, sign: Bytes::new() }, rater: Recovered::By(by) };
    world.try_enter(Command::Rate { rating: Box::new(rating) })
}

#[test]
fn requester_and_provider_rate_each_other_once() {
    let mut world = World::new();
    let deal = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let pool = world.pool(true);
    let both = [(REQUESTER, pool), (REQUESTER, WORKERS[0]), (OPERATOR, REQUESTER), (WORKERS[1], REQUESTER)];
    for (rater, subject) in both {
        let said = Event::Rated { deal, rater, subject, performance: 5, safety: 4 };
        assert_eq!(rate(&mut world, rater, deal, subject, (5, 4)), Ok(vec![said]));
        let before = Rejection::RatedBefore { deal, rater, subject };
        assert_eq!(rate(&mut world, rater, deal, subject, (1, 1)), Err(before));
        assert!(world.exchange.has_rated(deal, rater, subject));
    }
}

#[test]
fn who_took_no_part_neither_rates_nor_is_rated() {
    let mut world = World::new();
    let deal = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let pool = world.pool(true);
    let none = |rater, subject| Err(Rejection::NoPart { deal, rater, subject });
    for (rater, subject) in [
        (STRANGER, pool),
        (STRANGER, REQUESTER),
        (WORKERS[2], REQUESTER),
        (REQUESTER, WORKERS[2]),
        (REQUESTER, world.pool(false)),
        (WORKERS[0], WORKERS[1]),
        (WORKERS[0], pool),
        (OPERATOR, WORKERS[0]),
    ] {
        assert_eq!(rate(&mut world, rater, deal, subject, (5, 5)), none(rater, subject));
    }
    for mark in [0, 6, 255] {
        assert_eq!(rate(&mut world, REQUESTER, deal, pool, (mark, 3)), Err(Rejection::BadMark(mark)));
        assert_eq!(rate(&mut world, REQUESTER, deal, pool, (3, mark)), Err(Rejection::BadMark(mark)));
    }
    let nowhere = DealId::default();
    assert_eq!(rate(&mut world, REQUESTER, nowhere, pool, (3, 3)), Err(Rejection::NotRatable(nowhere)));
    let rating = Rating { deal, subject: pool, performance: 3, safety: 3 };
    let signed = SignedRating { rating, sign: Bytes::new() };
    let unsigned = Command::Rate { rating: Box::new(CheckedRating { signed, rater: Recovered::Misshapen }) };
    assert_eq!(world.try_enter(unsigned), Err(Rejection::NotSigned));
}

#[test]
fn nobody_praises_what_is_its_own() {
    let mut world = World::new();
    let deal = world.deal(false, 2, 1);
    world.complete(REQUESTER, deal, 0, 7);
    world.accept(REQUESTER, deal, 0);
    assert_eq!(rate(&mut world, REQUESTER, deal, REQUESTER, (5, 5)), Err(Rejection::RatesItself(REQUESTER)));

    let key = SigningKey::from_bytes(&[9; 32]).unwrap();
    let (pool, worker, owner) = (world.pool(false), WORKERS[0], key.address());
    let evidence = key.sign(Ownership { worker, owner }.digest(&world.exchange.genesis().domain()));
    world.enter(Command::Enlist { pool, worker, owner, evidence });
    world.complete(worker, deal, 1, 7);
    world.accept(worker, deal, 1);
    assert!(rate(&mut world, owner, deal, REQUESTER, (5, 5)).is_ok(), "a worker's owner speaks for it");
}

#[test]
fn a_deal_is_rated_until_a_week_after_its_end() {
    let mut world = World::new();
    let deal = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let pool = world.pool(true);
    world.wait(7 * DAY - 1);
    world.enter(Command::Tick);
    assert!(world.exchange.deal(deal).is_none(), "the deal itself is long forgotten");
    assert!(rate(&mut world, REQUESTER, deal, pool, (5, 5)).is_ok());
    world.wait(1);
    assert_eq!(rate(&mut world, REQUESTER, deal, WORKERS[0], (5, 5)), Err(Rejection::NotRatable(deal)));
}

#[test]
fn a_deal_that_never_delivers_can_be_rated_while_it_lives() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    let pool = world.pool(true);
    assert!(rate(&mut world, REQUESTER, deal, pool, (1, 3)).is_ok());
}

#[test]
fn an_exchange_founded_before_there_were_ratings_has_none() {
    let mut genesis = Genesis::new(OPERATOR, false);
    genesis.rules_version = 1;
    let mut world = World::founded(genesis);
    let deal = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let pool = world.pool(true);
    assert_eq!(rate(&mut world, REQUESTER, deal, pool, (5, 5)), Err(Rejection::NotRatable(deal)));
}
