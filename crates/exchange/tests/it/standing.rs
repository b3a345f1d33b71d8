//! What a pool knows of its workers: whose they are, what they earned from strangers, and what they stand to lose.

use crate::world::{APP_OWNER, OPERATOR, PRICE, REQUESTER, STRANGER, WORKERS, World, credits, task};
use abi::Call;
use exchange::{Command, Event, Genesis, ItemRejection, Rejection};
use orders::{Ownership, SigningKey};
use poco::Refusal;
use units::{Address, Amount, Bytes};

/// A worker's pay for a task of the commons.
const REWARD: u64 = PRICE * 90 / 100;

/// A market in which a deposit is two tasks' pay, and one check proves a worker.
fn lenient() -> World {
    let mut genesis = Genesis::new(OPERATOR, false);
    let audits = genesis.pools[0].audits.as_mut().unwrap();
    (audits.deposit_tasks, audits.proven) = (2, 1);
    World::founded(genesis)
}

fn leave(world: &mut World, by: Address, worker: Address) -> Result<Vec<Event>, Refusal> {
    let call = Call::LeavePool { pool: world.pool(false), worker };
    world.send(by, world.hub(), &call, &[])
}

fn withheld(world: &World, worker: Address) -> Amount {
    world.exchange.standing(world.pool(false), worker).map_or(Amount::ZERO, |standing| standing.withheld)
}

/// One task of the commons, done by one worker's word.
fn earn(world: &mut World, worker: Address) {
    let deal = world.deal(false, 1, 1);
    world.complete(worker, deal, 0, 7);
    world.accept(worker, deal, 0);
}

#[test]
fn a_worker_is_enlisted_once_with_its_owner_who_signed_for_it() {
    let mut world = World::new();
    let (pool, worker) = (world.pool(false), WORKERS[0]);
    let key = SigningKey::from_bytes(&[9; 32]).unwrap();
    let (owner, domain) = (key.address(), world.exchange.genesis().domain());
    let evidence = key.sign(Ownership { worker, owner }.digest(&domain));
    let enlist = Command::Enlist { pool, worker, owner, evidence: evidence.clone() };
    assert_eq!(world.enter(enlist.clone()), [Event::Enlisted { pool, worker, owner }]);
    assert_eq!(world.exchange.owner_in(pool, worker), owner);
    assert_eq!(world.exchange.owner_in(pool, WORKERS[1]), WORKERS[1], "who said nothing is its own");
    assert_eq!(world.try_enter(enlist), Err(Rejection::AlreadyEnlisted { worker, owner }));

    let claimed = Command::Enlist { pool, worker: WORKERS[1], owner, evidence };
    assert_eq!(world.try_enter(claimed), Err(Rejection::NotOwned { worker: WORKERS[1], owner }), "signed for another");
    let unsigned = Command::Enlist { pool, worker: WORKERS[1], owner, evidence: Bytes::new() };
    assert_eq!(world.try_enter(unsigned), Err(Rejection::NotOwned { worker: WORKERS[1], owner }));
    let nobody = Command::Enlist { pool, worker: Address::ZERO, owner: Address::ZERO, evidence: Bytes::new() };
    assert!(matches!(world.try_enter(nobody), Err(Rejection::NotOwned { .. })));
    let foreign = world.foreign_pool();
    let elsewhere = Command::Enlist { pool: foreign, worker, owner: worker, evidence: Bytes::new() };
    assert_eq!(world.try_enter(elsewhere), Err(Rejection::NotHosted(foreign)));
}

#[test]
fn only_results_that_strangers_paid_for_count() {
    let mut world = World::new();
    let pool = world.pool(false);
    earn(&mut world, WORKERS[0]);
    assert_eq!(world.exchange.standing(pool, WORKERS[0]).unwrap().accepted, 1);
    assert_eq!(world.exchange.standing(world.pool(true), WORKERS[0]), None, "another pool has seen nothing");
    earn(&mut world, REQUESTER);
    let own = world.exchange.standing(pool, REQUESTER).unwrap();
    assert_eq!((own.accepted, own.checks), (0, 0), "a worker does not earn credit from itself");
}

#[test]
fn a_result_that_two_owners_prove_passes_a_check() {
    let mut world = World::new();
    world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    let pool = world.pool(true);
    for worker in [WORKERS[0], WORKERS[1]] {
        let standing = world.exchange.standing(pool, worker).unwrap();
        assert_eq!((standing.accepted, standing.checks), (1, 1));
    }
}

#[test]
fn who_shows_a_result_and_never_brings_it_earns_no_credit_by_the_task_that_came_to_nothing() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    for worker in [WORKERS[0], WORKERS[1]] {
        world.commit(worker, deal, 0, 7);
        world.authorize(worker, deal, 0).unwrap();
    }
    for worker in [WORKERS[0], WORKERS[1]] {
        world.reveal(worker, deal, 0, 7);
    }
    world.wait(1_000_000);
    world.enter(Command::Tick);
    for worker in [WORKERS[0], WORKERS[1]] {
        let standing = world.exchange.standing(world.pool(true), worker);
        assert!(standing.is_none_or(|it| (it.accepted, it.checks) == (0, 0)), "{standing:?}");
    }
}

#[test]
fn two_workers_of_one_owner_are_no_check_of_each_other() {
    let mut world = World::new();
    let pool = world.pool(true);
    let key = SigningKey::from_bytes(&[9; 32]).unwrap();
    for worker in [WORKERS[0], WORKERS[1]] {
        let owner = key.address();
        let evidence = key.sign(Ownership { worker, owner }.digest(&world.exchange.genesis().domain()));
        world.enter(Command::Enlist { pool, worker, owner, evidence });
    }
    world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    assert_eq!(world.exchange.standing(pool, WORKERS[0]).unwrap().checks, 0);
}

#[test]
fn a_newcomers_first_earnings_are_its_deposit_and_it_needs_no_money() {
    let mut world = lenient();
    let newcomer = STRANGER;
    assert_eq!(world.free(newcomer), 0);
    earn(&mut world, newcomer);
    earn(&mut world, newcomer);
    assert_eq!(world.free(newcomer), 0);
    assert_eq!(withheld(&world, newcomer), credits(2 * REWARD));
    assert_eq!(world.exchange.account(newcomer).locked, credits(2 * REWARD));
    earn(&mut world, newcomer);
    assert_eq!(world.free(newcomer), REWARD, "the deposit is full");
    let spend = Call::Withdraw { amount: credits(REWARD + 1) };
    assert_eq!(world.send(newcomer, world.hub(), &spend, &[]), Err(Refusal::Silent), "what is withheld is not free");
}

#[test]
fn a_deposit_filled_with_small_change_does_not_answer_for_dear_tasks() {
    // Whoever pays itself tiny prices first would otherwise be trusted with dear tasks for next to nothing.
    let mut world = lenient();
    let cheap = |world: &mut World, price: u64| {
        let mut pool = world.pool_order(false, 1, 1).signed.order;
        pool.workerpoolprice = credits(price);
        let (app, pool, request) = (world.app_order(1), world.by(pool, OPERATOR), world.request(1, 1));
        let deal = orders::ids::deal_id(request.hash, units::U256::ZERO);
        let app = world.place(exchange::AnyOrder::App(app));
        let workerpool = world.place(exchange::AnyOrder::Workerpool(pool));
        let request = world.place(exchange::AnyOrder::Request(request));
        world.enter(Command::Match { app, dataset: None, workerpool, request });
        world.complete(STRANGER, deal, 0, 7);
        world.accept(STRANGER, deal, 0);
    };
    for _ in 0..3 {
        cheap(&mut world, 100);
    }
    assert_eq!(withheld(&world, STRANGER), credits(2 * 90));
    cheap(&mut world, PRICE);
    assert_eq!(withheld(&world, STRANGER), credits(2 * 90 + REWARD), "withheld until it is twice this reward");
    cheap(&mut world, PRICE);
    assert_eq!(withheld(&world, STRANGER), credits(2 * REWARD));
}

#[test]
fn a_pool_with_worker_stakes_withholds_nothing() {
    let mut world = World::new();
    let before = world.free(WORKERS[0]);
    world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
    assert_eq!(world.free(WORKERS[0]), before + PRICE * 90 / 100 / 2);
}

#[test]
fn a_proven_worker_leaves_with_its_deposit_and_begins_anew() {
    let mut world = lenient();
    let (pool, worker) = (world.pool(false), STRANGER);
    world.enlist(worker);
    earn(&mut world, worker);
    assert_eq!(leave(&mut world, worker, worker), Err(Refusal::Extension("worker-not-proven")));
    let deal = world.deal(false, 1, 1);
    world.complete(worker, deal, 0, 7);
    world.complete(WORKERS[1], deal, 0, 7);
    world.check(worker, deal, &[WORKERS[1]]).unwrap();
    assert_eq!(leave(&mut world, worker, worker), Err(Refusal::Extension("results-unchecked")), "it is still held");
    world.accept(worker, deal, 0);
    assert_eq!(
        leave(&mut world, APP_OWNER, worker),
        Err(Refusal::InvalidSenderOrSignature),
        "not its own, nor its owner"
    );
    let events = leave(&mut world, worker, worker).unwrap();
    assert!(events.contains(&Event::Left { pool, worker, released: credits(2 * REWARD) }));
    assert_eq!(world.free(worker), 2 * REWARD);
    let standing = world.exchange.standing(pool, worker).unwrap();
    assert_eq!((standing.accepted, standing.checks, standing.withheld), (0, 0, Amount::ZERO));
    assert_eq!(leave(&mut world, WORKERS[3], WORKERS[3]), Err(Refusal::Extension("no-standing")));
}

#[test]
fn who_is_caught_lying_loses_its_deposit_and_is_taken_nowhere_in_the_pool() {
    let mut world = lenient();
    let (pool, liar) = (world.pool(false), STRANGER);
    earn(&mut world, liar);
    let (deal, other) = (world.deal(false, 1, 1), world.deal(false, 1, 1));
    world.complete(liar, other, 0, 9);
    for (worker, result) in [(liar, 9), (WORKERS[1], 7), (WORKERS[2], 7)] {
        world.complete(worker, deal, 0, result);
    }
    let before = world.free(OPERATOR);
    let events = world.check(liar, deal, &[WORKERS[1], WORKERS[2]]).unwrap();
    assert!(events.contains(&Event::Checked { task: task(deal, 0), worker: liar, passed: false }));
    assert!(events.contains(&Event::Barred { pool, worker: liar, forfeited: credits(REWARD) }));
    for dropped in [deal, other] {
        assert!(events.contains(&Event::Discarded { task: task(dropped, 0), worker: liar }), "nothing of its is held");
    }
    assert_eq!(world.free(OPERATOR), before + REWARD);
    assert_eq!((world.free(liar), world.exchange.account(liar).locked), (0, Amount::ZERO));

    let later = world.deal(false, 1, 1);
    let refused = world.complete(liar, later, 0, 7);
    let barred = |event: &Event| matches!(event, Event::ItemRefused { why: ItemRejection::Barred, .. });
    assert!(refused.iter().any(barred), "{refused:?}");
    assert_eq!(leave(&mut world, liar, liar), Err(Refusal::Extension("worker-barred")));
    let again = Command::Enlist { pool, worker: liar, owner: liar, evidence: Bytes::new() };
    assert_eq!(world.try_enter(again), Err(Rejection::Barred { pool, worker: liar }));
}

#[test]
fn a_worker_that_changes_hands_is_a_newcomer_and_its_deposit_stays() {
    let mut world = lenient();
    let (pool, worker) = (world.pool(false), STRANGER);
    earn(&mut world, worker);
    let key = SigningKey::from_bytes(&[9; 32]).unwrap();
    let owner = key.address();
    let evidence = key.sign(Ownership { worker, owner }.digest(&world.exchange.genesis().domain()));
    world.enter(Command::Enlist { pool, worker, owner, evidence });
    let standing = world.exchange.standing(pool, worker).unwrap();
    assert_eq!((standing.accepted, standing.withheld), (0, credits(REWARD)));
}

#[test]
fn a_private_exchange_keeps_no_standing_and_withholds_nothing() {
    let mut world = World::founded(Genesis::new(OPERATOR, true));
    let before = world.free(WORKERS[0]);
    earn(&mut world, WORKERS[0]);
    assert_eq!(world.free(WORKERS[0]), before + REWARD);
    assert_eq!(world.exchange.standings().count(), 0);
}
