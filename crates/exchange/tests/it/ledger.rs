//! Money in and out, and what a transaction costs its sender: a nonce, always.

use crate::world::{OPERATOR, PRICE, REQUESTER, STRANGER, WORKERS, World, credits};
use abi::{Call, Erc20, OrderSet};
use exchange::{Command, Event, Rejection};
use orders::{Recovered, Signed};
use poco::Refusal;
use units::{Address, Amount, B256, Bytes, Timestamp};

fn along(world: &World, amount: u64, data: Bytes) -> Call {
    Call::Token(Erc20::ApproveAndCall { spender: world.hub(), amount: credits(amount), data })
}

#[test]
fn only_the_operator_issues_and_redeems_credits() {
    let mut world = World::new();
    let hub = world.hub();
    let issue = Call::Issue { account: STRANGER, amount: credits(5) };
    assert_eq!(world.send(STRANGER, hub, &issue, &[]), Err(Refusal::NotOperator));
    let before = world.exchange.outstanding();
    world.ok(OPERATOR, hub, &issue);
    assert_eq!(world.exchange.outstanding().checked_sub(before), Some(credits(5)));
    let redeem = |amount| Call::Redeem { account: STRANGER, amount: credits(amount) };
    assert_eq!(world.send(STRANGER, hub, &redeem(1), &[]), Err(Refusal::NotOperator));
    let (available, needed) = (credits(5), credits(6));
    let refused = Refusal::TransferExceedsBalance { account: STRANGER, available, needed };
    assert_eq!(world.send(OPERATOR, hub, &redeem(6), &[]), Err(refused));
    world.ok(OPERATOR, hub, &redeem(5));
    assert_eq!(world.exchange.outstanding(), before);
    let all = Call::Issue { account: STRANGER, amount: Amount(units::U256::MAX) };
    assert_eq!(world.send(OPERATOR, hub, &all, &[]), Err(Refusal::Overflow));
}

#[test]
fn what_is_locked_cannot_be_redeemed() {
    let mut world = World::new();
    world.deal(false, 1, 1);
    let hub = world.hub();
    let redeem = Call::Redeem { account: hub, amount: credits(1) };
    let (available, needed) = (Amount::ZERO, credits(1));
    let refused = Refusal::TransferExceedsBalance { account: hub, available, needed };
    assert_eq!(world.send(OPERATOR, hub, &redeem, &[]), Err(refused));
}

#[test]
fn what_is_withdrawn_can_be_deposited_again_by_allowance() {
    let mut world = World::new();
    let (hub, token) = (world.hub(), world.exchange.genesis().token);
    world.ok(REQUESTER, hub, &Call::Withdraw { amount: credits(100) });
    assert_eq!(world.exchange.token_balance(REQUESTER), credits(100));
    let deposit = Call::Deposit { amount: credits(60) };
    assert_eq!(world.send(REQUESTER, hub, &deposit, &[]), Err(Refusal::Silent), "nothing is allowed yet");
    world.ok(REQUESTER, token, &Call::Token(Erc20::Approve { spender: hub, amount: credits(70) }));
    world.ok(REQUESTER, hub, &deposit);
    assert_eq!(world.exchange.token_allowance(REQUESTER, hub), credits(10));
    let many = Call::DepositForArray(vec![(credits(4), WORKERS[0]), (credits(6), STRANGER)]);
    world.ok(REQUESTER, hub, &many);
    assert_eq!((world.free(WORKERS[0]), world.free(STRANGER)), (1_000_004, 6));
    assert_eq!(world.send(REQUESTER, hub, &many, &[]), Err(Refusal::Silent), "the allowance is used up");
    let all = Call::Withdraw { amount: credits(1_000_001) };
    assert_eq!(world.send(OPERATOR, hub, &all, &[]), Err(Refusal::Silent));
    assert_eq!(world.exchange.token_balance(hub), world.exchange.hub().ledger().total(), "tokens back the hub");
}

#[test]
fn a_deposit_whose_match_fails_is_no_deposit() {
    let mut world = World::new();
    let (hub, token) = (world.hub(), world.exchange.genesis().token);
    world.ok(REQUESTER, hub, &Call::Withdraw { amount: credits(1_000_000) });
    let (app, pool, request) = (world.app_order(1), world.pool_order(false, 1, 1), world.request(1, 1));
    let set = OrderSet {
        app: app.signed.clone(),
        dataset: Signed::default(),
        workerpool: pool.signed.clone(),
        request: request.signed.clone(),
    };
    let signers = [app.signer, Recovered::Misshapen, pool.signer, request.signer];
    let data = Call::MatchOrders(Box::new(set)).encode();
    let state = |world: &World| {
        (
            world.exchange.hub().clone(),
            world.exchange.token_balance(REQUESTER),
            world.exchange.token_allowance(REQUESTER, hub),
        )
    };
    let before = state(&world);

    let unsigned = [Recovered::Nobody, Recovered::Misshapen, pool.signer, request.signer];
    let call = along(&world, PRICE, data.clone());
    assert_eq!(world.send(REQUESTER, token, &call, &unsigned), Err(Refusal::MatchOrders(0x21)));
    assert_eq!(world.send(WORKERS[0], token, &call, &signers), Err(Refusal::Silent), "no tokens");
    world.ok(OPERATOR, hub, &Call::WithdrawTo { amount: credits(PRICE), target: STRANGER });
    assert_eq!(world.send(STRANGER, token, &call, &signers), Err(Refusal::CallerIsNotTheRequester));
    let other = Call::Withdraw { amount: credits(1) }.encode();
    let selector = *other.first_chunk().unwrap();
    let call = along(&world, PRICE, other);
    assert_eq!(world.send(REQUESTER, token, &call, &[]), Err(Refusal::UnsupportedOperation(selector)));
    let short = along(&world, PRICE - 1, data.clone());
    let exceeds = world.send(REQUESTER, token, &short, &signers);
    assert!(matches!(exceeds, Err(Refusal::TransferExceedsBalance { .. })));
    assert_eq!(state(&world).1, before.1);
    assert_eq!(state(&world).2, before.2);

    let call = along(&world, PRICE, data);
    world.send(REQUESTER, token, &call, &signers).unwrap();
    assert_eq!(world.exchange.account(REQUESTER).locked, credits(PRICE));
}

#[test]
fn a_refused_transaction_uses_its_nonce_and_changes_nothing_else() {
    let mut world = World::new();
    let hub = world.hub();
    let before = world.exchange.clone();
    let events = {
        let call = Call::Withdraw { amount: credits(1) };
        let transaction = world.transaction(STRANGER, hub, &call, &[]);
        world.enter(Command::Transact(Box::new(transaction)))
    };
    assert!(matches!(events.as_slice(), [Event::Refused { nonce: 0, refusal: Refusal::Silent, .. }]));
    assert_eq!(world.exchange.nonce(STRANGER), 1);
    assert_eq!(world.exchange.hub(), before.hub());
}

#[test]
fn calldata_that_means_nothing_is_refused_as_the_contracts_refuse_it() {
    let mut world = World::new();
    let hub = world.hub();
    let mut transaction = world.transaction(STRANGER, hub, &Call::Withdraw { amount: credits(1) }, &[]);
    transaction.input = Bytes::from_static(&[1, 2, 3, 4, 5]);
    let events = world.enter(Command::Transact(Box::new(transaction.clone())));
    assert!(matches!(events.as_slice(), [Event::Refused { refusal: Refusal::UnknownFunction, .. }]));
    transaction.nonce = 1;
    transaction.input = Call::Withdraw { amount: credits(1) }.encode().slice(..10);
    let events = world.enter(Command::Transact(Box::new(transaction)));
    assert!(matches!(events.as_slice(), [Event::Refused { refusal: Refusal::Silent, .. }]));
}

#[test]
fn a_transaction_out_of_turn_or_for_elsewhere_is_inadmissible() {
    let mut world = World::new();
    let hub = world.hub();
    let call = Call::Withdraw { amount: credits(1) };
    let good = world.transaction(REQUESTER, hub, &call, &[]);
    let mut early = good.clone();
    early.nonce = 1;
    let wrong = Rejection::WrongNonce { account: REQUESTER, expected: 0, given: 1 };
    assert_eq!(world.try_enter(Command::Transact(Box::new(early))), Err(wrong));
    let mut abroad = good.clone();
    abroad.chain_id = 1;
    let here = world.exchange.genesis().chain_id;
    assert_eq!(world.try_enter(Command::Transact(Box::new(abroad))), Err(Rejection::WrongChain { signed: 1, here }));
    let mut nowhere = good.clone();
    nowhere.to = STRANGER;
    assert_eq!(world.try_enter(Command::Transact(Box::new(nowhere))), Err(Rejection::UnknownRecipient(STRANGER)));
    let mut padded = good.clone();
    padded.signers.push(Recovered::By(STRANGER));
    assert_eq!(world.try_enter(Command::Transact(Box::new(padded))), Err(Rejection::SignersMissing));
    world.enter(Command::Transact(Box::new(good.clone())));
    let again = Rejection::WrongNonce { account: REQUESTER, expected: 1, given: 0 };
    assert_eq!(world.try_enter(Command::Transact(Box::new(good))), Err(again));
}

#[test]
fn the_clock_does_not_go_back() {
    let mut world = World::new();
    let last = world.now;
    world.now = Timestamp(last.0 - 1);
    let back = Rejection::ClockWentBack { last, at: world.now };
    assert_eq!(world.try_enter(Command::Tick), Err(back));
}

#[test]
fn hub_balances_are_transferable_as_a_token() {
    let mut world = World::new();
    let hub = world.hub();
    let send = |call: Erc20| Call::HubToken(call);
    world.ok(REQUESTER, hub, &send(Erc20::Transfer { to: STRANGER, amount: credits(30) }));
    assert_eq!(world.free(STRANGER), 30);
    let take = send(Erc20::TransferFrom { from: REQUESTER, to: STRANGER, amount: credits(7) });
    assert_eq!(world.send(STRANGER, hub, &take, &[]), Err(Refusal::Overflow));
    world.ok(REQUESTER, hub, &send(Erc20::Approve { spender: STRANGER, amount: credits(7) }));
    world.ok(STRANGER, hub, &take);
    assert_eq!((world.free(STRANGER), world.exchange.hub().allowance(REQUESTER, STRANGER)), (37, Amount::ZERO));
    let nowhere = send(Erc20::Transfer { to: Address::ZERO, amount: credits(1) });
    assert_eq!(world.send(STRANGER, hub, &nowhere, &[]), Err(Refusal::TransferToNobody));
}

#[test]
fn the_digest_covers_every_corner_of_the_state() {
    let mut world = World::new();
    let mut seen = vec![world.exchange.state_digest()];
    let mut note = |world: &World| {
        let digest = world.exchange.state_digest();
        assert!(!seen.contains(&digest), "something changed, the digest did not");
        seen.push(digest);
    };
    let hub = world.hub();
    world.send(STRANGER, hub, &Call::Withdraw { amount: credits(1) }, &[]).unwrap_err();
    note(&world);
    let order = world.app_order(1);
    world.place(exchange::AnyOrder::App(order));
    note(&world);
    let deal = world.deal(false, 2, 3);
    note(&world);
    world.commit(WORKERS[0], deal, 0, 7);
    note(&world);
    world.authorize(WORKERS[0], deal, 0).unwrap();
    note(&world);
    world.ok(NEWCOMER, hub, &Call::CreateGroup { salt: B256::ZERO });
    note(&world);
}

/// Somebody who has done nothing before.
const NEWCOMER: Address = Address::repeat_byte(0x77);

#[test]
fn a_snapshot_is_the_state() {
    let mut world = World::new();
    let deal = world.deal(true, 2, 3);
    world.commit(WORKERS[0], deal, 0, 7);
    world.commit(WORKERS[1], deal, 0, 7);
    world.authorize(WORKERS[0], deal, 0).unwrap();
    let order = world.app_order(1);
    world.place(exchange::AnyOrder::App(order));
    let snapshot = serde_json::to_string(&world.exchange).unwrap();
    let restored: exchange::Exchange = serde_json::from_str(&snapshot).unwrap();
    assert!(restored == world.exchange);
    assert_eq!(restored.state_digest(), world.exchange.state_digest());
}
