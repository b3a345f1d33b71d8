//! Work in hosted pools: what workers hand in, what the gate makes of it, and what time does.

use crate::world::{OPERATOR, PRICE, REQUESTER, STRANGER, WORKERS, World, credits, digest, task};
use abi::Call;
use exchange::{AnyOrder, Command, Event, Genesis, Item, ItemRejection, PayReason, Rejection};
use orders::{Recovered, WorkerBatch, WorkerpoolOrder, ids};
use poco::{Refusal, TaskStatus};
use units::{Amount, Bytes, U256};

fn refused_item(events: &[Event]) -> Option<&ItemRejection> {
    events.iter().find_map(|event| if let Event::ItemRefused { why, .. } = event { Some(why) } else { None })
}

fn finished(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::DealFinished { .. }))
}

#[test]
fn at_trust_one_an_accepted_completion_is_paid_at_once() {
    let mut world = World::new();
    let deal = world.deal(false, 2, 1);
    assert_eq!(world.free(REQUESTER), 1_000_000 - 2 * PRICE);
    world.complete(WORKERS[0], deal, 0, 7);
    assert!(world.exchange.task(task(deal, 0)).is_none(), "a held completion opens no task");
    assert_eq!(world.exchange.held(task(deal, 0)).unwrap().offers.len(), 1);

    let accept = Command::Accept { task: task(deal, 0), worker: WORKERS[0], results: Bytes::from_static(b"here") };
    let events = world.enter(accept);
    assert!(!finished(&events), "one of two tasks is done");
    let done = world.exchange.task(task(deal, 0)).unwrap();
    assert_eq!((done.status, done.result_digest), (TaskStatus::Completed, digest(7)));
    let account = world.exchange.account(WORKERS[0]);
    assert_eq!(account.free.checked_add(account.locked), Some(credits(1_000_000 + PRICE * 90 / 100)));
    assert!(world.exchange.held(task(deal, 0)).is_none());
    assert_eq!(world.exchange.unfinished(deal), U256::ONE);
    let left: Vec<_> = world.exchange.unfinished_tasks(deal).map(|(index, ..)| index).collect();
    assert_eq!(left, [U256::ONE]);

    world.complete(WORKERS[1], deal, 1, 8);
    let accept = Command::Accept { task: task(deal, 1), worker: WORKERS[1], results: Bytes::new() };
    assert!(finished(&world.enter(accept)));
    assert_eq!(world.exchange.active_deals().count(), 0);
}

#[test]
fn the_gate_decides_which_commitments_become_contributions_and_a_dissenter_loses_its_stake() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    let stake = PRICE * 30 / 100;
    for (worker, result) in [(WORKERS[0], 7), (WORKERS[1], 7), (WORKERS[2], 9)] {
        world.commit(worker, deal, 0, result);
    }
    assert_eq!(world.free(WORKERS[2]), 1_000_000, "what is held locks nothing");
    world.authorize(WORKERS[2], deal, 0).unwrap();
    assert_eq!(world.free(WORKERS[2]), 1_000_000 - stake);
    world.authorize(WORKERS[0], deal, 0).unwrap();
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().status, TaskStatus::Active);
    world.authorize(WORKERS[1], deal, 0).unwrap();
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().status, TaskStatus::Active, "4 × 3 is not above 7 × 2");
    world.commit(WORKERS[3], deal, 0, 7);
    world.authorize(WORKERS[3], deal, 0).unwrap();
    assert_eq!(world.exchange.task(task(deal, 0)).unwrap().status, TaskStatus::Revealing);

    for worker in [WORKERS[0], WORKERS[1], WORKERS[3]] {
        assert_eq!(refused_item(&world.reveal(worker, deal, 0, 7)), None);
    }
    assert_eq!(world.exchange.held(task(deal, 0)).unwrap().shown.len(), 3);
    world.finalize(deal, 0).unwrap();
    assert_eq!(world.free(WORKERS[2]), 1_000_000 - stake);
    let pot = PRICE + stake;
    assert_eq!(world.free(WORKERS[0]), 1_000_000 + pot * 90 / 100 / 3);
    assert_eq!(world.exchange.score(WORKERS[0]), U256::ONE);
}

#[test]
fn nobody_hands_in_twice_even_after_being_dropped() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 3);
    world.commit(WORKERS[0], deal, 0, 7);
    assert_eq!(refused_item(&world.commit(WORKERS[0], deal, 0, 8)), Some(&ItemRejection::Twice));
    world.enter(Command::Discard { task: task(deal, 0), worker: WORKERS[0] });
    assert_eq!(refused_item(&world.commit(WORKERS[0], deal, 0, 8)), Some(&ItemRejection::Twice));
    let gone = Rejection::NothingHeld { task: task(deal, 0), worker: WORKERS[0] };
    assert_eq!(world.authorize(WORKERS[0], deal, 0), Err(gone));
}

#[test]
fn an_item_that_is_not_taken_says_why_and_spoils_no_other() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 3);
    assert_eq!(refused_item(&world.complete(WORKERS[0], deal, 0, 7)), Some(&ItemRejection::NotTrustOne));
    let events = world.reveal(WORKERS[0], deal, 0, 7);
    assert_eq!(refused_item(&events), Some(&ItemRejection::UnknownTask), "nobody opened it");
    assert_eq!(refused_item(&world.commit(WORKERS[0], deal, 5, 7)), Some(&ItemRejection::UnknownTask), "no such index");
    world.commit(WORKERS[0], deal, 0, 7);
    world.authorize(WORKERS[0], deal, 0).unwrap();
    let silent = ItemRejection::Refused(Refusal::Silent);
    assert_eq!(refused_item(&world.reveal(WORKERS[0], deal, 0, 7)), Some(&silent), "there is no consensus yet");
    world.wait(7 * 60);
    assert_eq!(refused_item(&world.commit(WORKERS[1], deal, 0, 7)), Some(&ItemRejection::TooLate));
}

#[test]
fn a_batch_counts_once_and_only_with_its_workers_signature() {
    let mut world = World::new();
    let batch = WorkerBatch { worker: WORKERS[0], sequence: 3, ..WorkerBatch::default() };
    let again = world.batch(batch, &[]);
    world.enter(again.clone());
    let stale = Rejection::StaleBatch { worker: WORKERS[0], last: 3, given: 3 };
    assert_eq!(world.try_enter(again.clone()), Err(stale));
    let Command::Batch { mut batch, places } = again else { unreachable!("made above") };
    batch.signed.order.sequence = 4;
    batch.signer = Recovered::By(STRANGER);
    let forged = world.try_enter(Command::Batch { batch, places });
    assert_eq!(forged, Err(Rejection::BatchNotSigned(WORKERS[0])));
}

#[test]
fn an_authorization_that_poco_refuses_opens_nothing() {
    let mut world = World::new();
    let deal = world.deal(true, 1, 3);
    world.commit(STRANGER, deal, 0, 7);
    let refused = world.authorize(STRANGER, deal, 0).unwrap_err();
    let needed = credits(PRICE * 30 / 100);
    let penniless = Refusal::TransferExceedsBalance { account: STRANGER, available: Amount::ZERO, needed };
    assert_eq!(refused, Rejection::Refused(penniless));
    assert!(world.exchange.task(task(deal, 0)).is_none());
}

#[test]
fn a_pool_elsewhere_is_not_the_exchanges_to_decide_for() {
    let mut world = World::new();
    let pool = world.foreign_pool();
    let offer = WorkerpoolOrder {
        workerpool: pool,
        volume: U256::ONE,
        category: U256::from(crate::world::MINUTE),
        trust: U256::from(3u64),
        ..WorkerpoolOrder::default()
    };
    let offer = world.by(offer, STRANGER);
    let (app, request) = (world.app_order(1), world.request(1, 3));
    let deal = ids::deal_id(request.hash, U256::ZERO);
    let (app, workerpool, request) = (
        world.place(AnyOrder::App(app)),
        world.place(AnyOrder::Workerpool(offer)),
        world.place(AnyOrder::Request(request)),
    );
    world.enter(Command::Match { app, dataset: None, workerpool, request });
    assert_eq!(refused_item(&world.commit(WORKERS[0], deal, 0, 7)), Some(&ItemRejection::NotHosted));
    world.enter(Command::Initialize { deal, index: U256::ZERO });
    assert_eq!(world.finalize(deal, 0), Err(Rejection::NotHosted(pool)));
    assert_eq!(world.try_enter(Command::Reopen { task: task(deal, 0) }), Err(Rejection::NotHosted(pool)));
    let why = PayReason::Hedge;
    let pay = Command::Pay { pool, worker: WORKERS[0], amount: credits(1), task: task(deal, 0), why };
    assert_eq!(world.try_enter(pay), Err(Rejection::NotHosted(pool)));
    assert_eq!(world.exchange.next_deadline(), None, "its tasks are claimed by whoever wants to");
}

#[test]
fn a_hosted_pools_owner_can_pay_a_worker_beside_poco() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 1);
    let before = world.free(OPERATOR);
    let pool = world.pool(false);
    let why = PayReason::SecondWitness;
    world.enter(Command::Pay { pool, worker: WORKERS[0], amount: credits(55), task: task(deal, 0), why });
    assert_eq!((world.free(WORKERS[0]), world.free(OPERATOR)), (1_000_055, before - 55));
}

#[test]
fn overdue_tasks_are_claimed_by_a_tick_and_a_finished_deal_is_forgotten_later() {
    let mut world = World::new();
    for account in [REQUESTER, OPERATOR] {
        world.ok(OPERATOR, world.hub(), &Call::Issue { account, amount: credits(15_000_000) });
    }
    let before = world.free(REQUESTER);
    let deal = world.deal(false, 15_000, 1);
    world.complete(WORKERS[0], deal, 1, 7);
    world.enter(Command::Accept { task: task(deal, 1), worker: WORKERS[0], results: Bytes::new() });
    world.commit(WORKERS[1], deal, 2, 7);
    world.authorize(WORKERS[1], deal, 2).unwrap();

    world.enter(Command::Tick);
    assert_eq!(world.exchange.unfinished(deal), U256::from(14_999u64), "nothing is overdue yet");
    world.wait(600);
    assert_eq!(world.exchange.next_deadline(), Some(world.now));
    world.enter(Command::Tick);
    let left = world.exchange.unfinished(deal);
    assert!(!left.is_zero() && left < U256::from(6_000u64), "a tick does a bounded amount, and did {left}");
    assert!(world.exchange.next_deadline().unwrap() <= world.now, "and wants to go on");
    assert!(finished(&world.enter(Command::Tick)));
    assert_eq!(world.free(REQUESTER), before - PRICE, "all but the task that was done");
    assert_eq!(world.exchange.kitty(), credits(14_999 * (PRICE * 30 / 100)));
    assert_eq!(world.exchange.all_held().count(), 0);

    let gone = world.exchange.next_deadline().unwrap();
    assert_eq!(gone, world.now.saturating_add(std::time::Duration::from_secs(5)));
    world.enter(Command::Tick);
    assert!(world.exchange.task(task(deal, 1)).is_some(), "for whoever asks at once");
    world.now = gone;
    while world.exchange.next_deadline().is_some() {
        world.enter(Command::Tick);
    }
    assert!(world.exchange.deal(deal).is_none() && world.exchange.task(task(deal, 1)).is_none());
    let again = Command::Initialize { deal, index: U256::ONE };
    assert_eq!(world.try_enter(again), Err(Rejection::UnknownDeal(deal)));
}

/// Statements of a task that is gone are of a task that nobody knows: it is never opened again.
#[test]
fn a_task_that_is_gone_takes_no_late_result() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 1);
    world.complete(WORKERS[0], deal, 0, 7);
    world.enter(Command::Accept { task: task(deal, 0), worker: WORKERS[0], results: Bytes::new() });
    assert_eq!(refused_item(&world.complete(WORKERS[1], deal, 0, 7)), Some(&ItemRejection::TooLate));
    world.wait(5);
    world.enter(Command::Tick);
    assert!(world.exchange.deal(deal).is_none());
    assert_eq!(refused_item(&world.complete(WORKERS[1], deal, 0, 7)), Some(&ItemRejection::UnknownTask));
}

#[test]
fn what_ended_is_kept_as_long_as_the_rules_of_an_exchanges_founding_say() {
    for (version, seconds) in [(1, 900), (2, 900), (3, 5)] {
        let mut genesis = Genesis::new(OPERATOR, false);
        genesis.rules_version = version;
        let mut world = World::founded(genesis);
        let deal = world.proven(&[WORKERS[0], WORKERS[1]], 3, 7);
        world.wait(seconds - 1);
        world.enter(Command::Tick);
        assert!(world.exchange.deal(deal).is_some(), "version {version}");
        world.wait(1);
        world.enter(Command::Tick);
        assert!(world.exchange.deal(deal).is_none(), "version {version}");
    }
}

#[test]
fn what_is_held_says_in_which_of_its_workers_batches_it_came() {
    for (version, expected) in [(2, [0, 0]), (3, [1, 2])] {
        let mut genesis = Genesis::new(OPERATOR, false);
        genesis.rules_version = version;
        let mut world = World::founded(genesis);
        let deal = world.deal(false, 3, 1);
        for index in [2, 1, 0] {
            world.complete(WORKERS[0], deal, index, 7);
        }
        let number = |index| world.exchange.held(task(deal, index)).unwrap().offers[0].sequence;
        assert_eq!([number(1), number(0)], expected, "version {version}");
    }
}

#[test]
fn held_items_tell_where_they_are() {
    let mut world = World::new();
    let deal = world.deal(false, 3, 3);
    let events = world.commit(WORKERS[0], deal, 2, 7);
    let held = Event::Held {
        deal,
        index: U256::from(2u64),
        task: task(deal, 2),
        worker: WORKERS[0],
        item: Item::Commit,
        failed: false,
    };
    assert_eq!(events, [held]);
}

#[test]
fn a_task_that_nobody_showed_is_reopened_for_others() {
    let mut world = World::new();
    let deal = world.deal(false, 1, 2);
    world.commit(WORKERS[0], deal, 0, 7);
    world.authorize(WORKERS[0], deal, 0).unwrap();
    let early = world.try_enter(Command::Reopen { task: task(deal, 0) });
    assert_eq!(early, Err(Rejection::Refused(Refusal::Silent)));
    world.wait(120);
    world.enter(Command::Reopen { task: task(deal, 0) });
    assert_eq!(refused_item(&world.commit(WORKERS[0], deal, 0, 7)), Some(&ItemRejection::Twice));
    assert_eq!(refused_item(&world.commit(WORKERS[1], deal, 0, 7)), None);
    world.authorize(WORKERS[1], deal, 0).unwrap();
    world.reveal(WORKERS[1], deal, 0, 7);
    world.finalize(deal, 0).unwrap();
    assert_eq!(world.exchange.score(WORKERS[0]), U256::ZERO);
}
