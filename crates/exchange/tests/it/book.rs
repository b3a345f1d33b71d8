//! Orders at rest: admitted once and from whom it behoves, in step with what is taken of them.

use crate::world::{APP_OWNER, OPERATOR, PRICE, REQUESTER, STRANGER, World, credits};
use abi::call::NewWorkerpool;
use abi::{AssetKind, Call, Erc721, Managed};
use exchange::{AnyOrder, Command, Event, Rejection, RemovalReason, group_address};
use orders::{Operation, OrderKind, Recovered, Signed};
use poco::Refusal;
use units::{Address, B256, Bytes, OrderHash, U256};

fn try_place(world: &mut World, order: AnyOrder) -> Result<Vec<Event>, Rejection> {
    world.try_enter(Command::PlaceOrder(Box::new(order)))
}

fn removal(events: &[Event]) -> Option<RemovalReason> {
    events.iter().find_map(|event| if let Event::OrderRemoved { why, .. } = event { Some(*why) } else { None })
}

#[test]
fn an_order_rests_once_and_only_with_its_makers_signature() {
    let mut world = World::new();
    let order = world.app_order(3);
    let placed = try_place(&mut world, AnyOrder::App(order.clone())).unwrap();
    let remaining = U256::from(3u64);
    assert_eq!(placed, [Event::OrderPlaced { kind: OrderKind::App, order: order.hash, remaining }]);
    let again = try_place(&mut world, AnyOrder::App(order.clone()));
    assert_eq!(again, Err(Rejection::AlreadyResting(order.hash)));

    let unsigned = Rejection::NotSignedByOwner { owner: APP_OWNER };
    for signer in [Recovered::By(STRANGER), Recovered::Nobody, Recovered::Misshapen] {
        let mut forged = world.app_order(3);
        forged.signer = signer;
        assert_eq!(try_place(&mut world, AnyOrder::App(forged)), Err(unsigned.clone()));
    }
    let empty = world.app_order(0);
    assert_eq!(try_place(&mut world, AnyOrder::App(empty)), Err(Rejection::EmptyOrder));
    let mut unknown = world.app_order(1).signed.order;
    unknown.app = world.pool(false);
    let unknown = world.by(unknown, OPERATOR);
    let pool = world.pool(false);
    assert_eq!(try_place(&mut world, AnyOrder::App(unknown)), Err(Rejection::UnknownAsset(pool)), "a pool is no app");
    let mut strange = world.request(1, 1).signed.order;
    strange.category = U256::from(77u64);
    let strange = world.by(strange, REQUESTER);
    assert_eq!(try_place(&mut world, AnyOrder::Request(strange)), Err(Rejection::UnknownCategory));
}

#[test]
fn an_order_signed_beforehand_needs_no_signature() {
    let mut world = World::new();
    let mut order = world.app_order(1);
    order.signer = Recovered::Misshapen;
    let managed = Managed {
        order: Signed { order: order.order().clone(), sign: Bytes::new() },
        operation: Operation::Sign,
        sign: Bytes::new(),
    };
    let call = Call::ManageAppOrder(Box::new(managed));
    world.send(APP_OWNER, world.hub(), &call, &[Recovered::Misshapen]).unwrap();
    assert!(try_place(&mut world, AnyOrder::App(order)).is_ok());
}

#[test]
fn what_is_taken_of_an_order_is_told_and_a_consumed_one_leaves() {
    let mut world = World::new();
    let (app, pool, request) = (world.app_order(5), world.pool_order(false, 2, 1), world.request(3, 1));
    let (app, workerpool, request) = (
        world.place(AnyOrder::App(app)),
        world.place(AnyOrder::Workerpool(pool.clone())),
        world.place(AnyOrder::Request(request)),
    );
    let events = world.enter(Command::Match { app, dataset: None, workerpool, request });
    let filled: Vec<(OrderHash, U256)> = events
        .iter()
        .filter_map(|event| {
            if let Event::OrderFilled { order, remaining, .. } = event { Some((*order, *remaining)) } else { None }
        })
        .collect();
    assert_eq!(filled, [(app, U256::from(3u64)), (workerpool, U256::ZERO), (request, U256::ONE)]);
    assert_eq!(removal(&events), Some(RemovalReason::Filled));
    assert!(world.exchange.resting_order(workerpool).is_none());
    let again = world.try_enter(Command::Match { app, dataset: None, workerpool, request });
    assert_eq!(again, Err(Rejection::UnknownOrder(workerpool)));
    assert_eq!(try_place(&mut world, AnyOrder::Workerpool(pool)), Err(Rejection::Consumed(workerpool)));
}

#[test]
fn the_clerk_cannot_match_what_poco_refuses() {
    let mut world = World::new();
    let (app, pool) = (world.app_order(1), world.pool_order(false, 1, 1));
    let mut cheap = world.request(1, 1).signed.order;
    cheap.workerpoolmaxprice = credits(PRICE - 1);
    let cheap = world.by(cheap, REQUESTER);
    let (app, workerpool, request) = (
        world.place(AnyOrder::App(app)),
        world.place(AnyOrder::Workerpool(pool)),
        world.place(AnyOrder::Request(cheap)),
    );
    let refused = world.try_enter(Command::Match { app, dataset: None, workerpool, request });
    assert_eq!(refused, Err(Rejection::Refused(Refusal::MatchOrders(0x05))));
    let crossed = world.try_enter(Command::Match { app: workerpool, dataset: None, workerpool: app, request });
    assert_eq!(crossed, Err(Rejection::UnknownOrder(workerpool)), "each order in its own place");
}

#[test]
fn a_deal_with_a_dataset_takes_of_its_order_too() {
    let mut world = World::new();
    let dataset = world.dataset();
    let mut request = world.request(2, 1).signed.order;
    request.dataset = dataset.order().dataset;
    let request = world.by(request, REQUESTER);
    let (app, pool) = (world.app_order(2), world.pool_order(false, 2, 1));
    let (app, dataset, workerpool, request) = (
        world.place(AnyOrder::App(app)),
        world.place(AnyOrder::Dataset(dataset)),
        world.place(AnyOrder::Workerpool(pool)),
        world.place(AnyOrder::Request(request)),
    );
    world.enter(Command::Match { app, dataset: Some(dataset), workerpool, request });
    assert_eq!(world.exchange.consumed(dataset), U256::from(2u64));
}

#[test]
fn makers_take_their_orders_off_the_book_or_close_them_for_good() {
    let mut world = World::new();
    let order = world.app_order(3);
    let hash = world.place(AnyOrder::App(order.clone()));
    let stolen = world.try_enter(Command::RemoveOrder { order: hash, by: STRANGER });
    assert_eq!(stolen, Err(Rejection::NotYours { order: hash, by: STRANGER }));
    let events = world.enter(Command::RemoveOrder { order: hash, by: APP_OWNER });
    assert_eq!(removal(&events), Some(RemovalReason::Withdrawn));
    world.place(AnyOrder::App(order.clone()));

    let managed = Managed { order: order.signed.clone(), operation: Operation::Close, sign: Bytes::new() };
    let close = Call::ManageAppOrder(Box::new(managed));
    let hub = world.hub();
    let stranger = world.send(STRANGER, hub, &close, &[Recovered::By(STRANGER)]);
    assert_eq!(stranger, Err(Refusal::InvalidSenderOrSignature));
    assert_eq!(world.send(STRANGER, hub, &close, &[Recovered::Misshapen]), Err(Refusal::InvalidSignatureFormat));
    let events = world.send(STRANGER, hub, &close, &[Recovered::By(APP_OWNER)]).unwrap();
    assert_eq!(removal(&events), Some(RemovalReason::Closed));
    assert_eq!(try_place(&mut world, AnyOrder::App(order)), Err(Rejection::Consumed(hash)));
}

#[test]
fn an_assets_new_owner_is_not_bound_by_the_orders_of_the_one_before() {
    let mut world = World::new();
    let order = world.app_order(3);
    world.place(AnyOrder::App(order));
    let registry = world.exchange.genesis().app_registry;
    let token = U256::from_be_bytes(world.app().into_word().0);
    let give = Call::Registry(AssetKind::App, Erc721::Transfer { from: APP_OWNER, to: STRANGER, token });
    assert_eq!(world.send(STRANGER, registry, &give, &[]), Err(Refusal::NotOwner));
    let events = world.ok(APP_OWNER, registry, &give);
    assert_eq!(removal(&events), Some(RemovalReason::OwnerChanged));
    assert_eq!(world.exchange.asset(world.app()).unwrap().owner, STRANGER);
    assert_eq!(world.exchange.resting().count(), 0);
}

#[test]
fn an_order_may_be_for_members_of_a_group_only() {
    let mut world = World::new();
    let hub = world.hub();
    let group = group_address(world.exchange.genesis(), APP_OWNER, B256::ZERO);
    world.ok(APP_OWNER, hub, &Call::CreateGroup { salt: B256::ZERO });
    let twice = world.send(APP_OWNER, hub, &Call::CreateGroup { salt: B256::ZERO }, &[]);
    assert_eq!(twice, Err(Refusal::Silent));
    let mut app = world.app_order(1).signed.order;
    app.requesterrestrict = group;
    let app = world.by(app, APP_OWNER);
    let (pool, request) = (world.pool_order(false, 1, 1), world.request(1, 1));
    let (app, workerpool, request) = (
        world.place(AnyOrder::App(app)),
        world.place(AnyOrder::Workerpool(pool)),
        world.place(AnyOrder::Request(request)),
    );
    let made = Command::Match { app, dataset: None, workerpool, request };
    assert_eq!(world.try_enter(made.clone()), Err(Rejection::Refused(Refusal::MatchOrders(0x15))));
    let join = |member: Address| Call::SetGroupMember { group, member, is_member: true };
    assert_eq!(world.send(STRANGER, hub, &join(REQUESTER), &[]), Err(Refusal::NotOwner));
    world.ok(APP_OWNER, hub, &join(REQUESTER));
    world.enter(made);
}

#[test]
fn the_same_thing_is_published_once() {
    let mut world = World::new();
    let registry = world.exchange.genesis().app_registry;
    let again = Call::CreateApp(Box::new(crate::world::new_app()));
    assert_eq!(world.send(STRANGER, registry, &again, &[]), Err(Refusal::Silent));
    let nobodys = Call::CreateWorkerpool(NewWorkerpool { owner: Address::ZERO, description: String::new() });
    let registry = world.exchange.genesis().workerpool_registry;
    assert_eq!(world.send(STRANGER, registry, &nobodys, &[]), Err(Refusal::TransferToNobody));
}
