//! Random deals that the real contracts settled, played into the hub directly: no signatures, only tasks and money.

use crate::files::{amount, load, number, seconds, text};
use ledger::Account;
use orders::{AppOrder, Checked, DatasetOrder, Recovered, RequestOrder, Signed, WorkerpoolOrder, ids};
use poco::{
    Asset, AssetKind, Authorization, Backing, Category, Hub, Orders, Outcome, Payer, Policy, Refusal, Scheduler, Sealed,
};
use serde_json::Value;
use units::{Address, Amount, B256, Bytes, DealId, OrderHash, TaskId, Timestamp, U256};

const HUB: Address = Address::repeat_byte(0xbb);
const NAMES: [&str; 9] =
    ["requester", "scheduler", "appProvider", "datasetProvider", "worker1", "worker2", "worker3", "worker4", "worker5"];
/// Category XS.
const CATEGORY_SECONDS: u64 = 300;
/// When the deal of a vector is matched.
const MATCHED: u64 = 1_000_000;
/// When the deal was matched whose failure filled the kitty.
const BEFORE: u64 = 1_000;

fn account(name: &str) -> Address {
    let index = NAMES.iter().position(|known| *known == name).unwrap();
    Address::repeat_byte(u8::try_from(index).unwrap() + 1)
}

fn asset(name: &str) -> Address {
    Address::repeat_byte(0xa0 + u8::try_from(name.len()).unwrap())
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn signed<O: orders::Order>(order: O, salt: u8, owner: &str) -> Checked<O> {
    let hash = OrderHash(ids::result_hash(TaskId(order.struct_hash()), B256::repeat_byte(salt)));
    Checked { signed: Signed { order, sign: Bytes::new() }, hash, signer: Recovered::By(account(owner)) }
}

struct Stage {
    hub: Hub,
    deal: DealId,
}

/// Matches one deal of these prices.
fn match_deal(hub: &mut Hub, params: &Value, salt: u8, when: u64) -> DealId {
    let volume = number(&params["volume"]);
    let trust = number(&params["trust"]);
    let app = AppOrder { app: asset("app"), appprice: amount(&params["app"]), volume, ..AppOrder::default() };
    let dataset = DatasetOrder {
        dataset: asset("dataset"),
        datasetprice: amount(&params["dataset"]),
        volume,
        ..DatasetOrder::default()
    };
    let workerpool = WorkerpoolOrder {
        workerpool: asset("workerpool"),
        workerpoolprice: amount(&params["wp"]),
        volume,
        trust,
        ..WorkerpoolOrder::default()
    };
    let request = RequestOrder {
        app: asset("app"),
        appmaxprice: Amount(U256::MAX),
        dataset: asset("dataset"),
        datasetmaxprice: Amount(U256::MAX),
        workerpoolmaxprice: Amount(U256::MAX),
        requester: account("requester"),
        volume,
        trust,
        ..RequestOrder::default()
    };
    let (app, dataset) = (signed(app, salt, "appProvider"), signed(dataset, salt, "datasetProvider"));
    let (workerpool, request) = (signed(workerpool, salt, "scheduler"), signed(request, salt, "requester"));
    let orders = Orders { app: &app, dataset: &dataset, workerpool: &workerpool, request: &request };
    hub.match_orders(&orders, Payer::Requester, at(when), &mut Vec::new()).unwrap()
}

/// Lets a deal fail whose pool stake is what the kitty is to have.
fn fill_kitty(hub: &mut Hub, kitty: Amount) {
    // The least price of which 30 percent, rounded down, are the kitty.
    let price = (kitty.0 * U256::from(10u64)).div_ceil(U256::from(3u64));
    let params = serde_json::json!({
        "app": "0", "dataset": "0", "wp": price.to_string(), "trust": "1", "volume": "1",
    });
    let deal = match_deal(hub, &params, 0xff, BEFORE);
    hub.initialize_and_claim_array(&[(deal, U256::ZERO)], at(MATCHED), &mut Vec::new()).unwrap();
    assert_eq!(hub.kitty(), kitty);
}

fn stage(deal: &Value) -> (Stage, Vec<Account>) {
    let params = &deal["params"];
    let xs = Category { name: "XS".to_owned(), description: String::new(), seconds: CATEGORY_SECONDS };
    let mut hub = Hub::new(HUB, Address::repeat_byte(0xcc), vec![xs]);
    let policy = Policy {
        worker_stake_ratio: number(&params["stakeRatio"]),
        scheduler_reward_ratio: number(&params["rewardRatio"]),
    };
    let app = AssetKind::App {
        name: String::new(),
        runtime: String::new(),
        multiaddr: Bytes::new(),
        checksum: B256::ZERO,
        mrenclave: Bytes::new(),
    };
    let dataset = AssetKind::Dataset { name: String::new(), multiaddr: Bytes::new(), checksum: B256::ZERO };
    let workerpool = AssetKind::Workerpool { description: String::new(), policy };
    for (name, owner, kind) in
        [("app", "appProvider", app), ("dataset", "datasetProvider", dataset), ("workerpool", "scheduler", workerpool)]
    {
        assert!(hub.add_asset(asset(name), Asset { owner: account(owner), kind }));
    }
    for name in NAMES {
        hub.deposit(account(name), Amount::credits(1_000_000), &mut Vec::new()).unwrap();
    }
    for (worker, score) in deal["scores"].as_object().unwrap() {
        hub.import_score(account(worker), number(score));
    }
    let kitty = amount(&deal["kittyBefore"]);
    if !kitty.is_zero() {
        fill_kitty(&mut hub, kitty);
    }
    let before = NAMES.iter().map(|name| hub.account(account(name))).collect();
    let deal = match_deal(&mut hub, params, 1, MATCHED);
    (Stage { hub, deal }, before)
}

fn play(stage: &mut Stage, step: &Value) -> Result<(), Refusal> {
    let now = at(MATCHED + seconds(&step["t"]));
    let index = number(&step["task"]);
    let task = ids::task_id(stage.deal, index);
    let worker = step.get("worker").map_or(Address::ZERO, |worker| account(text(worker)));
    let digest = |result: u64| B256::from(U256::from(result + 1));
    let backing = Backing {
        authorization: Authorization::Signed(Recovered::By(account("scheduler"))),
        enclave: Address::ZERO,
        enclave_signer: Recovered::Misshapen,
    };
    let (hub, told) = (&mut stage.hub, &mut Vec::new());
    let by = Scheduler::Sender(account("scheduler"));
    match text(&step["op"]) {
        "initialize" => hub.initialize(stage.deal, index, told).map(drop),
        "contribute" => {
            let sealed = Sealed::new(worker, task, digest(seconds(&step["result"])));
            hub.contribute(task, worker, sealed, backing, now, told)
        }
        "reveal" => {
            // A worker keeps to the result that it contributed.
            let kept = (0..3).map(digest).find(|digest| {
                let sealed = Sealed::new(worker, task, *digest);
                let contributed = hub.task(task).and_then(|task| task.contribution(worker));
                contributed.is_some_and(|contribution| contribution.seal == sealed.seal)
            });
            hub.reveal(task, worker, kept.unwrap_or_else(|| digest(0)), now, told)
        }
        "reopen" => hub.reopen(task, by, now, told),
        "finalize" => hub.finalize(task, by, Bytes::new(), Bytes::new(), now, told),
        "claim" => hub.claim(task, now, told),
        "contributeAndFinalize" => {
            let outcome = Outcome { digest: digest(0), results: Bytes::new(), callback: Bytes::new() };
            hub.contribute_and_finalize(task, worker, outcome, backing, now, told)
        }
        other => panic!("{other} is no operation"),
    }
}

/// What an account gained or lost, as the vectors write it.
fn delta(before: Amount, after: Amount) -> String {
    match after.checked_sub(before) {
        Some(gain) => gain.0.to_string(),
        None => format!("-{}", before.0 - after.0),
    }
}

#[test]
fn random_deals_settle_as_the_contracts_settled_them() {
    let files = load("deals");
    assert!(!files.is_empty(), "no deals*.json to play");
    let (mut deals, mut steps) = (0, 0);
    for (file, content) in &files {
        for (number_of, deal) in content.as_array().unwrap().iter().enumerate() {
            let (mut stage, before) = stage(deal);
            for (position, step) in deal["trace"].as_array().unwrap().iter().enumerate() {
                let unchanged = stage.hub.clone();
                let outcome = play(&mut stage, step);
                assert_eq!(outcome.is_ok(), step["ok"], "{file} deal {number_of} step {position}: {outcome:?}");
                if outcome.is_err() {
                    assert!(
                        stage.hub == unchanged,
                        "{file} deal {number_of} step {position}: a refusal changed something"
                    );
                }
                steps += 1;
            }
            for (name, before) in NAMES.iter().zip(before) {
                let after = stage.hub.account(account(name));
                let change = [delta(before.free, after.free), delta(before.locked, after.locked)];
                assert_eq!(deal["deltas"][name], serde_json::json!(change), "{file} deal {number_of}: {name}");
            }
            for (worker, score) in deal["scoresAfter"].as_object().unwrap() {
                assert_eq!(stage.hub.score(account(worker)), number(score), "{file} deal {number_of}: {worker}");
            }
            assert_eq!(stage.hub.kitty(), amount(&deal["kittyAfter"]), "{file} deal {number_of}");
            assert!(stage.hub.ledger().is_sound());
            deals += 1;
        }
    }
    #[expect(clippy::print_stderr, reason = "how much was played belongs to the test's report")]
    {
        eprintln!("played {deals} deals, {steps} steps of {} files", files.len());
    }
    assert!(deals > 0 && steps > 0, "the files hold no deals");
}
