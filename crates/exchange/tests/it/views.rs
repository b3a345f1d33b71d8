//! What the vectors' views show, read from the exchange.

use crate::files::text;
use crate::traces::Stage;
use abi::{Call, Target};
use orders::{Checked, Order, Recovered, Signed};
use poco::{Deal, Orders, Part, Task};
use serde_json::{Value, json};
use units::{Amount, OrderHash, Timestamp};

fn part(part: &Part) -> Value {
    json!({
        "pointer": lower(part.pointer), "owner": lower(part.owner), "price": decimal(part.price),
    })
}

fn lower(value: impl ToString) -> String {
    value.to_string().to_lowercase()
}

fn decimal(amount: Amount) -> String {
    amount.0.to_string()
}

fn seconds(at: Timestamp) -> String {
    at.seconds().to_string()
}

/// A deal as `viewDeal` gives it.
pub(crate) fn deal(deal: &Deal) -> Value {
    json!({
        "app": part(&deal.app), "dataset": part(&deal.dataset), "workerpool": part(&deal.workerpool),
        "trust": deal.trust.to_string(), "category": deal.category.to_string(), "tag": deal.tag.to_string(),
        "requester": lower(deal.requester), "beneficiary": lower(deal.beneficiary), "callback": lower(deal.callback),
        "params": lower(&deal.params), "starttime": seconds(deal.start_time),
        "botfirst": deal.bot_first.to_string(), "botsize": deal.bot_size.to_string(),
        "workerstake": decimal(deal.worker_stake), "schedulerrewardratio": deal.scheduler_reward_ratio.to_string(),
        "sponsor": lower(deal.sponsor),
    })
}

/// A task as `viewTask` gives it. (The time of its results is always zero there.)
pub(crate) fn task(task: &Task) -> Value {
    let contributors: Vec<String> = task.contributions.iter().map(|contribution| lower(contribution.worker)).collect();
    json!({
        "status": task.status.number().to_string(), "dealid": task.deal.to_string(), "idx": task.index.to_string(),
        "timeref": task.timeref.to_string(), "contributiondeadline": seconds(task.contribution_deadline),
        "revealdeadline": seconds(task.reveal_deadline), "finaldeadline": seconds(task.final_deadline),
        "consensusvalue": lower(task.consensus), "revealcounter": task.reveal_counter.to_string(),
        "winnercounter": task.winner_counter.to_string(), "contributors": contributors,
        "resultdigest": lower(task.result_digest), "results": lower(&task.results), "resultstimestamp": "0",
        "resultscallback": lower(&task.results_callback),
    })
}

/// Compares a view with what was recorded; whether it is one that the exchange has.
pub(crate) fn check(stage: &Stage<'_>, step: &Value, next: Option<&Value>) -> bool {
    let Some(shown) = show(stage, text(&step["step"]), next) else {
        return false;
    };
    assert_eq!(shown, text(&step["value"]).to_lowercase(), "{}: {}", stage.place, text(&step["step"]));
    true
}

fn show(stage: &Stage<'_>, name: &str, next: Option<&Value>) -> Option<String> {
    let account = |name: &str| stage.exchange.account(stage.cast.account(name));
    let last_task = || stage.tasks().last().copied().unwrap();
    let since_match = |at: Timestamp| (at.seconds() - stage.last_deal().start_time.seconds()).to_string();
    Some(match name {
        "deal.trust" => stage.last_deal().trust.to_string(),
        "deal.workerStake" | "workerStake" => decimal(stage.last_deal().worker_stake),
        "deal.schedulerRewardRatio" | "schedulerRewardRatio" => stage.last_deal().scheduler_reward_ratio.to_string(),
        "bot" => format!("{}+{}", stage.last_deal().bot_first, stage.last_deal().bot_size),
        "contributionDeadline-start" => since_match(last_task().contribution_deadline),
        "finalDeadline-start" => since_match(last_task().final_deadline),
        "reveal deadlines" => {
            let deadlines: Vec<String> = stage.tasks().iter().map(|task| seconds(task.reveal_deadline)).collect();
            deadlines.join(",")
        }
        "worker1 contribution status" => {
            let contribution = last_task().contribution(stage.cast.account("worker1")).unwrap();
            contribution.status.number().to_string()
        }
        "worker score unchanged, no stake needed" => stage.exchange.score(stage.cast.account("worker1")).to_string(),
        "resultFor" | "TestClient.store" => lower(&last_task().results_callback),
        "scheduler locked" => decimal(account("scheduler").locked),
        "requester" => format!("{},{}", decimal(account("requester").free), decimal(account("requester").locked)),
        "events" => {
            let names: Vec<&str> = stage.last.iter().map(|(name, _)| name.as_str()).collect();
            lower(names.join(","))
        }
        "rewards" => rewards(stage),
        "computeDealVolume" => deal_volume(stage, next?),
        "consumed" => {
            // Of the scenario's first orders.
            let (_, args) = stage.told.iter().find(|(name, _)| name == "OrdersMatched")?;
            let hashes = ["appHash", "datasetHash", "workerpoolHash", "requestHash"].map(|kind| &args[kind]);
            hashes.map(|hash| consumed(stage, hash)).join(",")
        }
        "consumed app" => {
            let (_, args) = stage.told.iter().rev().find(|(name, _)| name == "ClosedAppOrder")?;
            consumed(stage, &args["appHash"])
        }
        "viewPresigned" => {
            let (_, args) = stage.told.iter().rev().find(|(name, _)| name.starts_with("Signed"))?;
            let order: OrderHash = args.values().next()?.parse().unwrap();
            lower(stage.cast.name(stage.exchange.hub().presigned(order)?))
        }
        kitty if kitty.starts_with("kitty") => decimal(stage.exchange.kitty()),
        _ => return None,
    })
}

fn consumed(stage: &Stage<'_>, hash: &str) -> String {
    stage.exchange.consumed(hash.parse().unwrap()).to_string()
}

/// The rewards of the last transaction by name, workers before the scheduler.
fn rewards(stage: &Stage<'_>) -> String {
    let rewards = stage.last.iter().filter(|(name, _)| name == "Reward").filter_map(|(_, args)| {
        let name = stage.cast.name(args["owner"].parse().unwrap());
        (name.starts_with("worker") || name == "scheduler").then(|| format!("{name}={}", args["amount"]))
    });
    rewards.collect::<Vec<_>>().join(",")
}

/// The volume that the orders of the next transaction would make.
fn deal_volume(stage: &Stage<'_>, next: &Value) -> String {
    let calldata = crate::files::bytes(&next["calldata"]);
    let Ok(Call::MatchOrders(set)) = Call::decode(Target::Hub, &calldata) else {
        panic!("{}: the next step is no match", stage.place);
    };
    fn unsigned<O: Order>(order: &Signed<O>, stage: &Stage<'_>) -> Checked<O> {
        Checked::trust(order.clone(), &stage.exchange.genesis().domain(), Recovered::Misshapen)
    }
    let (app, dataset) = (unsigned(&set.app, stage), unsigned(&set.dataset, stage));
    let (workerpool, request) = (unsigned(&set.workerpool, stage), unsigned(&set.request, stage));
    let orders = Orders { app: &app, dataset: &dataset, workerpool: &workerpool, request: &request };
    stage.exchange.hub().deal_volume(&orders).unwrap().to_string()
}
