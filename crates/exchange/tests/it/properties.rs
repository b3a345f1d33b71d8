//! What holds for every history: money is conserved, a no changes nothing, and replay rebuilds the same.

use crate::world::{APP_OWNER, OPERATOR, REQUESTER, STRANGER, WORKERS, World, credits, digest, task};
use abi::{Call, Erc20};
use exchange::{AnyOrder, Command, Event, Evidence, Exchange, Offer, PayReason};
use ledger::Account;
use orders::{CheckedRating, Commit, Complete, Rating, Recovered, Reveal, SignedRating, WorkerBatch, ids};
use poco::TaskStatus;
use proptest::prelude::*;
use units::{Address, Amount, Bytes, DealId, Digest, TaskId, U256};

/// One random step; the numbers choose among the few things there are, so that they collide.
type Step = (u8, u8, u8, u8);

fn people() -> Vec<Address> {
    [vec![OPERATOR, REQUESTER, APP_OWNER, STRANGER], WORKERS.to_vec()].concat()
}

/// Some deal that was made, or one that was not.
fn some_deal(world: &World, choice: u8) -> DealId {
    let deals: Vec<DealId> = world.exchange.hub().deals().map(|(id, _)| id).collect();
    deals.get(usize::from(choice) % (deals.len() + 1)).copied().unwrap_or_default()
}

fn some_task(world: &World, choice: u8) -> (DealId, u64, TaskId) {
    let deal = some_deal(world, choice);
    let index = u64::from(choice / 16 % 4);
    (deal, index, task(deal, index))
}

/// A random amount: small, or as large as can be.
fn some_amount(choice: u8) -> Amount {
    match choice {
        0..=200 => credits(u64::from(choice) * 7),
        201..=240 => credits(1_000_000),
        _ => Amount(U256::MAX),
    }
}

/// A worker hands something in: mostly the right thing, mostly the result that most have.
fn batch(world: &World, worker: Address, choice: u8, mood: u8) -> Command {
    let (deal, index, task) = some_task(world, choice);
    let digest = digest(u8::from(mood.is_multiple_of(8)));
    let mut batch = WorkerBatch { worker, sequence: world.next_sequence(worker), ..WorkerBatch::default() };
    let clear = world.exchange.deal(deal).is_some_and(|deal| deal.trust == U256::ONE);
    let failed = mood > 200;
    if clear == (mood % 16 != 1) {
        let blob = Digest(digest);
        batch.completes.push(Complete { task, digest, failed, blob, callback: Bytes::new() });
    } else {
        let (result_hash, result_seal) = (ids::result_hash(task, digest), ids::result_seal(worker, task, digest));
        batch.commits.push(Commit { task, result_hash, result_seal, failed });
    }
    world.batch(batch, &[(deal, index)])
}

/// Something that is held, as often as there is something.
fn some_held(world: &World, choice: u8, open: bool) -> (TaskId, Address) {
    let held: Vec<(TaskId, Address)> = world
        .exchange
        .all_held()
        .flat_map(|(task, holding)| holding.offers.iter().map(move |held| (task, held)))
        .filter(|(_, held)| matches!(held.offer, Offer::Open { .. }) == open)
        .map(|(task, held)| (task, held.worker))
        .collect();
    held.get(usize::from(choice) % (held.len() + 1)).copied().unwrap_or_default()
}

/// A task on whose result workers agree, and its contributors.
fn some_agreed(world: &World, choice: u8) -> (TaskId, Vec<Address>) {
    let agreed: Vec<(TaskId, Vec<Address>)> = world
        .exchange
        .active_deals()
        .flat_map(|(deal, _)| world.exchange.unfinished_tasks(deal))
        .filter_map(|(_, id, task)| Some((id, task?)))
        .filter(|(_, task)| task.status == TaskStatus::Revealing)
        .map(|(id, task)| (id, task.contributions.iter().map(|contribution| contribution.worker).collect()))
        .collect();
    agreed.get(usize::from(choice) % (agreed.len() + 1)).cloned().unwrap_or_default()
}

/// A worker shows the result that most have.
fn reveal(world: &World, choice: u8, mood: u8) -> Command {
    let (task, workers) = some_agreed(world, choice);
    let worker = workers.get(usize::from(mood) % workers.len().max(1)).copied().unwrap_or(STRANGER);
    let digest = digest(u8::from(mood.is_multiple_of(8)));
    let mut batch = WorkerBatch { worker, sequence: world.next_sequence(worker), ..WorkerBatch::default() };
    batch.reveals.push(Reveal { task, digest, blob: Digest(digest), callback: Bytes::new() });
    world.batch(batch, &[])
}

fn transact(world: &mut World, from: Address, call: &Call) -> Command {
    let to = if matches!(call, Call::Token(_)) { world.exchange.genesis().token } else { world.hub() };
    Command::Transact(Box::new(world.transaction(from, to, call, &[])))
}

fn money(world: &mut World, from: Address, a: u8, b: u8) -> Command {
    let amount = some_amount(b);
    let hub = world.hub();
    let to = people().get(usize::from(a % 16)).copied().unwrap_or(hub);
    let call = match a / 16 % 8 {
        0 => Call::Issue { account: to, amount },
        1 => Call::Redeem { account: to, amount },
        2 => Call::Withdraw { amount },
        3 => Call::Deposit { amount },
        4 => Call::Token(Erc20::Approve { spender: hub, amount }),
        5 => Call::Token(Erc20::ApproveAndCall { spender: hub, amount, data: Bytes::new() }),
        6 => Call::HubToken(Erc20::Transfer { to, amount }),
        _ => Call::Token(Erc20::Transfer { to, amount }),
    };
    transact(world, from, &call)
}

fn place(world: &mut World, a: u8, b: u8) -> Command {
    let (volume, trust) = (u64::from(a % 4), u64::from(b % 5));
    let order = match a / 4 % 3 {
        0 => AnyOrder::App(world.app_order(volume)),
        1 => AnyOrder::Workerpool(world.pool_order(b > 128, volume, trust)),
        _ => AnyOrder::Request(world.request(volume, trust)),
    };
    Command::PlaceOrder(Box::new(order))
}

/// The first resting orders of each kind that the numbers choose.
fn match_some(world: &World, a: u8, b: u8) -> Command {
    let resting: Vec<AnyOrder> = world.exchange.resting().cloned().collect();
    let pick = |kind: orders::OrderKind, choice: u8| {
        let of_kind: Vec<_> = resting.iter().filter(|order| order.kind() == kind).map(AnyOrder::hash).collect();
        of_kind.get(usize::from(choice) % of_kind.len().max(1)).copied().unwrap_or_default()
    };
    Command::Match {
        app: pick(orders::OrderKind::App, a),
        dataset: None,
        workerpool: pick(orders::OrderKind::Workerpool, b),
        request: pick(orders::OrderKind::Request, a ^ b),
    }
}

/// What is said and found about workers, and the secrets of audits.
fn conduct(world: &mut World, worker: Address, a: u8, b: u8) -> Command {
    let (pool, (deal, _, _)) = (world.pool(b > 200), some_task(world, a));
    let (checked, holder) = some_held(world, b, true);
    let holding = world.exchange.held(checked).map_or(&[][..], |holding| &holding.offers);
    // Mostly such that agree with each other.
    let mut others: Vec<_> = holding.iter().filter(|held| held.worker != holder).collect();
    let first = others.first().map(|held| held.offer.clone());
    others.retain(|held| b.is_multiple_of(8) || Some(&held.offer) == first.as_ref());
    let witnesses = others.into_iter().map(|held| held.worker).collect();
    let evidence = if b > 220 { Evidence::Known } else { Evidence::Witnesses(witnesses) };
    let request = world.exchange.resting().find(|order| order.kind() == orders::OrderKind::Request).map(AnyOrder::hash);
    match a % 9 {
        0 => Command::Enlist { pool, worker, owner: worker, evidence: Bytes::new() },
        1 => Command::AuditCommit { commitment: alloy_primitives::keccak256(digest(b % 4)) },
        2 => Command::AuditOpen { secret: digest(b % 4) },
        3..=5 => Command::Check { task: checked, worker: holder, evidence },
        6 => Command::Know { task: some_task(world, b).2 },
        7 if b.is_multiple_of(4) => Command::Halt { request: request.unwrap_or_default() },
        7 => transact(world, worker, &Call::LeavePool { pool, worker }),
        _ => {
            let subject = if b.is_multiple_of(2) { pool } else { REQUESTER };
            let rating = Rating { deal, subject, performance: b % 7, safety: 3 };
            let signed = SignedRating { rating, sign: Bytes::new() };
            let rater = Recovered::By(if b.is_multiple_of(2) { REQUESTER } else { OPERATOR });
            Command::Rate { rating: Box::new(CheckedRating { signed, rater }) }
        }
    }
}

/// The command of a step. Most are meant well, so that histories get somewhere.
fn command(world: &mut World, (kind, who, a, b): Step) -> Command {
    let from = people()[usize::from(who) % people().len()];
    let worker = WORKERS[usize::from(who) % WORKERS.len()];
    let (deal, index, task) = some_task(world, a);
    match kind % 24 {
        0 | 1 => place(world, a, b),
        2 => match_some(world, a, b),
        3..=7 => batch(world, worker, a, b),
        8..=10 => {
            let (task, worker) = some_held(world, a, b == 0);
            Command::Authorize { task, worker }
        }
        11 => {
            let (task, worker) = some_held(world, a, b != 0);
            Command::Accept { task, worker, results: Bytes::new() }
        }
        12..=14 => reveal(world, a, b),
        15 => {
            let (task, _) = some_agreed(world, a);
            Command::Finalize { task, results: Bytes::new(), callback: Bytes::new() }
        }
        16 => match b % 5 {
            0 | 1 => Command::Reopen { task: some_agreed(world, a).0 },
            2 => {
                let (task, worker) = some_held(world, a, b > 128);
                Command::Discard { task, worker }
            }
            3 => Command::Initialize { deal, index: U256::from(index) },
            _ => {
                let pool = world.pool(b > 128);
                Command::Pay { pool, worker, amount: some_amount(a), task, why: PayReason::TopUp }
            }
        },
        17 => money(world, from, a, b),
        20..=22 => conduct(world, worker, a, b),
        18 => match b % 3 {
            0 => Command::Claim { task },
            1 => transact(world, from, &Call::Claim { task }),
            _ => {
                let places = vec![(deal, U256::from(index)), (deal, U256::from(b % 4))];
                transact(world, from, &Call::InitializeAndClaimArray(places))
            }
        },
        _ => Command::Tick,
    }
}

/// A deal that anybody can see to the end, so that random steps find work.
fn seeded() -> World {
    let mut world = World::new();
    for (bonded, volume, trust) in [(false, 3, 1), (true, 2, 3), (true, 1, 2), (true, 1, 4)] {
        world.deal(bonded, volume, trust);
    }
    let disputed = world.deal(false, 1, 1);
    for (worker, result) in WORKERS.into_iter().zip([1, 1, 0]) {
        world.complete(worker, disputed, 0, result);
    }
    world
}

/// Everybody's money in the hub and outside is all there is, and the hub's tokens back what is in it.
fn check_money(exchange: &Exchange) -> Result<(), TestCaseError> {
    prop_assert!(exchange.hub().ledger().is_sound());
    let hub = exchange.genesis().hub;
    prop_assert!(exchange.token_balance(hub) >= exchange.hub().ledger().total());
    let outside = people()
        .iter()
        .chain([&hub])
        .try_fold(Amount::ZERO, |sum, person| sum.checked_add(exchange.token_balance(*person)));
    prop_assert_eq!(outside, Some(exchange.outstanding()));
    Ok(())
}

/// What is locked is what unfinished tasks are owed, what is withheld, and the kitty.
fn check_locks(exchange: &Exchange) -> Result<(), TestCaseError> {
    let mut owed = exchange.kitty();
    let mut add = |amount: Amount| owed = owed.checked_add(amount).unwrap();
    for (id, deal) in exchange.active_deals() {
        let mut unfinished = U256::ZERO;
        for (_, _, task) in exchange.unfinished_tasks(id) {
            add(deal.task_price());
            add(deal.pool_stake());
            for _ in task.map_or(&[][..], |task| &task.contributions) {
                add(deal.worker_stake);
            }
            unfinished += U256::ONE;
        }
        prop_assert_eq!(unfinished, exchange.unfinished(id));
    }
    exchange.standings().for_each(|(_, _, standing)| add(standing.withheld));
    let mut locked = exchange.hub().ledger().accounts().map(|(_, account)| account.locked);
    let locked = locked.try_fold(Amount::ZERO, Amount::checked_add);
    prop_assert_eq!(locked, Some(owed));
    let hub: Account = exchange.account(exchange.genesis().hub);
    prop_assert!(hub.free >= owed);
    Ok(())
}

/// All that a refused transaction must leave as it was: everything that can be read but nonces.
fn all_but_nonces(exchange: &Exchange) -> impl PartialEq + use<> {
    let genesis = exchange.genesis();
    let tokens: Vec<(Amount, Amount)> = people()
        .iter()
        .chain([&genesis.hub])
        .map(|person| (exchange.token_balance(*person), exchange.token_allowance(*person, genesis.hub)))
        .collect();
    (
        exchange.hub().clone(),
        exchange.resting().cloned().collect::<Vec<_>>(),
        exchange.all_held().map(|(task, held)| (task, held.clone())).collect::<Vec<_>>(),
        exchange.active_deals().map(|(id, _)| (id, exchange.unfinished(id))).collect::<Vec<_>>(),
        (tokens, exchange.outstanding(), exchange.next_deadline()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_a_no_changes_nothing_and_replay_rebuilds_the_same(
        steps in proptest::collection::vec(any::<Step>(), 1..200),
        waits in proptest::collection::vec(prop_oneof![40 => Just(0u64), 5 => 1..60u64, 1 => 100..700u64], 200),
    ) {
        let mut world = seeded();
        for (step, wait) in steps.into_iter().zip(waits) {
            world.wait(wait);
            let command = command(&mut world, step);
            let before = all_but_nonces(&world.exchange);
            // That a rejection leaves no trace, `try_enter` checks itself.
            let refused = world
                .try_enter(command)
                .is_ok_and(|events| events.iter().any(|event| matches!(event, Event::Refused { .. })));
            if refused {
                prop_assert!(all_but_nonces(&world.exchange) == before, "a refused transaction changed something");
            }
            check_money(&world.exchange)?;
            check_locks(&world.exchange)?;
        }
        let mut replayed = Exchange::new(world.exchange.genesis().clone());
        let mut events = Vec::new();
        for entry in &world.entries {
            prop_assert_eq!(replayed.apply(entry, &mut events), Ok(()));
        }
        prop_assert!(replayed == world.exchange);
        prop_assert_eq!(replayed.state_digest(), world.exchange.state_digest());
        prop_assert_eq!(events, world.events);
    }

    #[test]
    fn a_groups_weight_does_not_depend_on_the_order_of_its_contributions(
        scores in proptest::collection::vec(0u64..40, 4),
        results in proptest::collection::vec(0u8..2, 4),
        order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let weigh = |order: &[usize]| {
            let mut genesis = exchange::Genesis::new(OPERATOR, false);
            genesis.world.scores = WORKERS.into_iter().zip(scores.iter().copied().map(U256::from)).collect();
            let mut world = World::founded(genesis);
            // Nobody agrees on so much trust, so that all four get to contribute.
            let deal = world.deal(false, 1, 1 << 40);
            for worker in order {
                world.commit(WORKERS[*worker], deal, 0, results[*worker]);
                world.authorize(WORKERS[*worker], deal, 0).unwrap();
            }
            let task = world.exchange.task(task(deal, 0)).unwrap();
            let weights: Vec<U256> =
                (0..2).map(|result| task.group_weight(ids::result_hash(ids::task_id(deal, U256::ZERO), digest(result)))).collect();
            (weights, task.total_weight())
        };
        prop_assert_eq!(weigh(&order), weigh(&[0, 1, 2, 3]));
        let product = |result: u8| {
            let members = (0..4).filter(|worker| results[*worker] == result);
            members.map(|worker| poco::weight(U256::from(scores[worker]))).reduce(|product, weight| product * weight)
        };
        let weights: Vec<U256> = (0..2).map(|result| product(result).unwrap_or_default()).collect();
        prop_assert_eq!(weigh(&order).0, weights);
    }
}

const OUTCOMES: &[&str] = &[
    "Refused",
    "ItemRefused",
    "OrderFilled",
    "Held",
    "Shown",
    "DealFinished",
    "DealForgotten",
    "TaskFinalize",
    "TaskClaimed",
    "TaskReopen",
    "AccurateContribution",
    "FaultyContribution",
    "Paid",
    "Enlisted",
    "AuditCommitted",
    "AuditOpened",
    "Checked",
    "Barred",
    "Discarded",
    "Known",
    "Withheld",
    "Rated",
];

#[test]
fn random_histories_reach_every_kind_of_outcome() {
    // The properties above are worth as much as the histories get around.
    let mut seen = std::collections::BTreeSet::new();
    let mut state = 1u64;
    for _ in 0..200 {
        if OUTCOMES.iter().all(|outcome| seen.contains(*outcome)) {
            return;
        }
        let mut world = seeded();
        for _ in 0..200 {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            };
            let step = (next(), next(), next(), next());
            match next() {
                0 => world.wait(500),
                1..4 => world.wait(u64::from(next()) / 4),
                4..20 => world.wait(u64::from(next()) / 128),
                _ => {}
            }
            let command = command(&mut world, step);
            let _ = world.try_enter(command);
        }
        for event in &world.events {
            let text = format!("{event:?}");
            seen.insert(text.split([' ', '{', '(']).next().unwrap().to_owned());
            if let Event::Hub(event) = event {
                let text = format!("{event:?}");
                seen.insert(text.split(' ').next().unwrap().to_owned());
            }
        }
    }
    for outcome in OUTCOMES {
        assert!(seen.contains(*outcome), "no history came to {outcome}: {seen:?}");
    }
}
