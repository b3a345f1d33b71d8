//! Pools of others that the exchange runs: what their owners let it do, and no more.

use crate::world::{OPERATOR, PRICE, REQUESTER, STRANGER, WORKERS, World, credits, task};
use abi::call::{NewWorkerpool, OrderSet};
use abi::{Call, Erc20, Erc721};
use exchange::{AnyOrder, Command, Event, ItemRejection, PayReason, Rejection, workerpool_address};
use orders::{Checked, Recovered, Signed, WorkerpoolOrder, ids};
use poco::Refusal;
use units::{Address, Bytes, DealId, U256};

const HOST: Address = STRANGER;

/// A pool of a stranger's, opened here.
fn opened(world: &mut World, open: bool) -> Address {
    let call = Call::OpenPool {
        description: "cellar".to_owned(),
        worker_stake_ratio: U256::ZERO,
        scheduler_reward_ratio: U256::from(5_u64),
        open,
    };
    world.ok(HOST, world.hub(), &call);
    world.ok(OPERATOR, world.hub(), &Call::Issue { account: HOST, amount: credits(10_000) });
    let pool = NewWorkerpool { owner: HOST, description: "cellar".to_owned() };
    workerpool_address(world.exchange.genesis(), &pool)
}

fn order(pool: Address, salt: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: pool,
        workerpoolprice: credits(PRICE),
        volume: U256::from(2_u64),
        category: U256::from(crate::world::MINUTE),
        trust: U256::ONE,
        salt: U256::from(salt).into(),
        ..WorkerpoolOrder::default()
    }
}

fn offer(world: &mut World, order: &WorkerpoolOrder) -> Result<Vec<Event>, Rejection> {
    world.try_enter(Command::Offer { order: Box::new(order.clone()) })
}

fn deal_with(world: &mut World, order: &WorkerpoolOrder) -> DealId {
    let (app, request) = (world.app_order(1), world.request(1, 1));
    let deal = ids::deal_id(request.hash, U256::ZERO);
    let workerpool = orders::Order::hash(order, &world.exchange.genesis().domain());
    let (app, request) = (world.place(AnyOrder::App(app)), world.place(AnyOrder::Request(request)));
    world.enter(Command::Match { app, dataset: None, workerpool, request });
    deal
}

#[test]
fn anyone_opens_a_pool_on_its_own_terms_and_the_exchange_runs_it() {
    let mut world = World::new();
    let pool = opened(&mut world, true);
    let hosted = world.exchange.hosted(pool).unwrap();
    assert_eq!((hosted.name.as_str(), hosted.owner, hosted.scheduler_reward_ratio), ("cellar", HOST, 5));
    assert_eq!(hosted.audits.unwrap().deposit_tasks, 20, "without worker stake, first earnings are");
    assert_eq!(world.exchange.hosted_pools().count(), 3);
    offer(&mut world, &order(pool, 1)).unwrap();
    let deal = deal_with(&mut world, &order(pool, 1));
    assert_eq!(world.free(HOST), 10_000 - PRICE * 30 / 100, "its owner puts up the stake");
    world.complete(WORKERS[0], deal, 0, 7);
    world.accept(WORKERS[0], deal, 0);
    assert_eq!(world.free(HOST), 10_000 + PRICE * 5 / 100);
}

#[test]
fn no_offer_is_made_for_a_pool_whose_owner_does_not_let_the_exchange() {
    let mut world = World::new();
    let foreign = world.foreign_pool();
    assert_eq!(offer(&mut world, &order(foreign, 1)), Err(Rejection::NotHosted(foreign)));
    let own = world.pool(false);
    assert_eq!(offer(&mut world, &order(own, 1)), Err(Rejection::NotHosted(own)), "its own pools sign for themselves");

    let pool = opened(&mut world, true);
    offer(&mut world, &order(pool, 1)).unwrap();
    let hash = orders::Order::hash(&order(pool, 1), &world.exchange.genesis().domain());
    assert_eq!(offer(&mut world, &order(pool, 1)), Err(Rejection::AlreadyResting(hash)));
    world.ok(HOST, world.hub(), &Call::ClosePool { pool });
    assert!(world.exchange.resting_order(hash).is_none(), "closing takes its offers off");
    assert_eq!(world.exchange.hub().presigned(hash), None, "and nobody else can match them");
    assert_eq!(offer(&mut world, &order(pool, 2)), Err(Rejection::NotSelling(pool)));
    world.ok(HOST, world.hub(), &Call::HostPool { pool, open: true });
    offer(&mut world, &order(pool, 3)).unwrap();

    let token = U256::from_be_bytes(pool.into_word().0);
    let registry = world.exchange.genesis().workerpool_registry;
    let gift = Erc721::Transfer { from: HOST, to: REQUESTER, token };
    world.ok(HOST, registry, &Call::Registry(abi::AssetKind::Workerpool, gift));
    assert_eq!(offer(&mut world, &order(pool, 4)), Err(Rejection::NotSelling(pool)), "a new owner was not asked");
    assert_eq!(world.exchange.resting_of(pool).count(), 0);
}

#[test]
fn what_the_exchange_sells_can_be_matched_by_a_transaction_until_it_is_withdrawn() {
    let mut world = World::new();
    let pool = opened(&mut world, true);
    let match_it = |world: &mut World, workerpool: Checked<WorkerpoolOrder>| {
        let (app, request) = (world.app_order(1), world.request(1, 1));
        let signers = [app.signer, Recovered::Misshapen, workerpool.signer, request.signer];
        let (app, request, workerpool) = (app.signed, request.signed, workerpool.signed);
        let set = OrderSet { app, dataset: Signed::default(), workerpool, request };
        let hub = world.hub();
        world.send(REQUESTER, hub, &Call::MatchOrders(Box::new(set)), &signers).map(drop)
    };
    let theirs = |order: &WorkerpoolOrder, world: &World| {
        let signed = Signed { order: order.clone(), sign: Bytes::new() };
        Checked::trust(signed, &world.exchange.genesis().domain(), Recovered::Misshapen)
    };
    for salt in [1, 2] {
        offer(&mut world, &order(pool, salt)).unwrap();
    }
    let kept = theirs(&order(pool, 1), &world);
    assert_eq!(match_it(&mut world, kept), Ok(()));
    let withdrawn = theirs(&order(pool, 2), &world);
    world.enter(Command::RemoveOrder { order: withdrawn.hash, by: HOST });
    assert_eq!(match_it(&mut world, withdrawn), Err(Refusal::InvalidSignatureFormat), "it is signed no more");

    let (kept, withdrawn) = (world.pool_order(false, 1, 1), world.pool_order(false, 1, 1));
    for own in [&kept, &withdrawn] {
        world.place(AnyOrder::Workerpool(own.clone()));
    }
    assert_eq!(match_it(&mut world, kept.clone()), Ok(()));
    world.enter(Command::Withdraw { order: withdrawn.hash });
    assert_eq!(world.try_enter(Command::Withdraw { order: kept.hash }), Err(Rejection::UnknownOrder(kept.hash)));
    assert!(matches!(match_it(&mut world, withdrawn), Err(Refusal::MatchOrders(_))), "nothing is left of it");
    offer(&mut world, &order(pool, 3)).unwrap();
    let foreign = theirs(&order(pool, 3), &world).hash;
    assert_eq!(world.try_enter(Command::Withdraw { order: foreign }), Err(Rejection::NotSelling(pool)));
}

#[test]
fn an_offer_that_cannot_rest_is_not_signed_either() {
    let mut world = World::new();
    let pool = opened(&mut world, true);
    let empty = WorkerpoolOrder { volume: U256::ZERO, ..order(pool, 1) };
    assert_eq!(offer(&mut world, &empty), Err(Rejection::EmptyOrder));
    let unknown = WorkerpoolOrder { category: U256::from(99_u64), ..order(pool, 1) };
    assert_eq!(offer(&mut world, &unknown), Err(Rejection::UnknownCategory));
}

#[test]
fn only_the_owner_hosts_closes_and_invites() {
    let mut world = World::new();
    let pool = opened(&mut world, true);
    let hub = world.hub();
    for call in [
        Call::HostPool { pool, open: false },
        Call::ClosePool { pool },
        Call::Invite { pool, worker: WORKERS[0], invited: true },
    ] {
        assert_eq!(world.send(REQUESTER, hub, &call, &[]), Err(Refusal::NotOwner));
    }
    let commons = world.pool(false);
    let own = world.send(OPERATOR, hub, &Call::HostPool { pool: commons, open: true }, &[]);
    assert_eq!(own, Err(Refusal::Extension("pool-of-the-exchange")));
    let foreign = world.foreign_pool();
    let unhosted = world.send(STRANGER, hub, &Call::ClosePool { pool: foreign }, &[]);
    assert_eq!(unhosted, Err(Refusal::Extension("pool-not-hosted")));
}

#[test]
fn a_pool_has_a_name_of_its_own_and_an_owner_only_so_many() {
    let mut world = World::new();
    let hub = world.hub();
    let open = |world: &mut World, name: &str, share: u64| {
        let call = Call::OpenPool {
            description: name.to_owned(),
            worker_stake_ratio: U256::ZERO,
            scheduler_reward_ratio: U256::from(share),
            open: true,
        };
        world.send(HOST, hub, &call, &[]).map(drop)
    };
    assert_eq!(open(&mut world, "Commons", 1), Err(Refusal::Extension("pool-name-taken")), "no second commons");
    assert_eq!(open(&mut world, "", 1), Err(Refusal::Extension("pool-name-length")));
    assert_eq!(open(&mut world, &"x".repeat(65), 1), Err(Refusal::Extension("pool-name-length")));
    assert_eq!(open(&mut world, "greedy", 101), Err(Refusal::Silent));
    for number in 0..4 {
        assert_eq!(open(&mut world, &format!("pool {number}"), 1), Ok(()));
    }
    assert_eq!(open(&mut world, "pool 4", 1), Err(Refusal::Extension("too-many-pools")));
}

#[test]
fn a_pool_by_invitation_takes_only_whom_its_owner_invited() {
    let mut world = World::new();
    let pool = opened(&mut world, false);
    assert!(world.exchange.hosted(pool).unwrap().by_invitation);
    offer(&mut world, &order(pool, 1)).unwrap();
    let deal = deal_with(&mut world, &order(pool, 1));
    let uninvited = |event: &Event| matches!(event, Event::ItemRefused { why: ItemRejection::NotInvited, .. });
    assert!(world.complete(WORKERS[0], deal, 0, 7).iter().any(uninvited));
    let enlist = Command::Enlist { pool, worker: WORKERS[0], owner: WORKERS[0], evidence: Bytes::new() };
    assert_eq!(world.try_enter(enlist.clone()), Err(Rejection::NotInvited { pool, worker: WORKERS[0] }));
    world.ok(HOST, world.hub(), &Call::Invite { pool, worker: WORKERS[0], invited: true });
    world.enter(enlist);
    assert!(!world.complete(WORKERS[0], deal, 0, 7).iter().any(uninvited));
    world.ok(HOST, world.hub(), &Call::Invite { pool, worker: WORKERS[0], invited: false });
    assert!(!world.exchange.admits(pool, WORKERS[0]));
}

#[test]
fn the_exchange_pays_from_anothers_pool_no_more_than_its_owner_allows() {
    let mut world = World::new();
    let pool = opened(&mut world, true);
    offer(&mut world, &order(pool, 1)).unwrap();
    let deal = deal_with(&mut world, &order(pool, 1));
    let pay = |amount: u64| {
        let (worker, amount, task) = (WORKERS[0], credits(amount), task(deal, 0));
        Command::Pay { pool, worker, amount, task, why: PayReason::Check }
    };
    let refused = |allowed: u64, needed: u64| {
        Err(Rejection::NotAllowed { pool, allowed: credits(allowed), needed: credits(needed) })
    };
    assert_eq!(world.try_enter(pay(1)), refused(0, 1));
    let allow = Call::HubToken(Erc20::Approve { spender: OPERATOR, amount: credits(50) });
    world.ok(HOST, world.hub(), &allow);
    world.enter(pay(30));
    assert_eq!(world.try_enter(pay(30)), refused(20, 30));
    assert_eq!(world.free(WORKERS[0]), 1_000_030);
}
