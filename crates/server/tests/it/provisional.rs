//! Trust 1 among strangers, over sockets: results are delivered at once, and final, or void and replaced, when they are checked.

use crate::house::{House, PATIENCE, finish, job_of, key, publish};
use crate::wire::Wire;
use agent::Honesty;
use api::job::{State, TaskResult};
use client::{Client, Event, Fetched, JobSpec, Tasks};
use futures::{Stream, StreamExt as _};
use reqwest::Method;
use std::collections::BTreeMap;
use std::pin::pin;
use tokio::time::timeout;
use units::OrderHash;

/// The results of a job as they come.
fn results_of(client: &Client, job: OrderHash) -> impl Stream<Item = TaskResult> {
    client.watch(job, None).filter_map(|event| async move {
        match event.unwrap() {
            Event::Result(result) => Some(*result),
            Event::Progress(_) | Event::Lost { .. } => None,
        }
    })
}

async fn figure(wire: &Wire, name: &str) -> u64 {
    let text = wire.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let row = text.lines().find_map(|line| line.strip_prefix(&format!("manyhands_{name} ")));
    row.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
}

async fn said(client: &Client, result: &TaskResult) -> String {
    let Fetched::Tree(tree) = client.fetch(result).await.unwrap() else { panic!("a result is a tree") };
    let mut said = Vec::new();
    tree.write_stdout(&mut said).unwrap();
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_result_comes_as_provisional_and_is_final_once_a_check_covers_it() {
    let house = House::open().await;
    let _workers = [10, 11].map(|number| house.agent(number, "commons", Honesty::Honest));
    let client = house.client(1).await;
    let wire = Wire::signed_in(&house, 1).await;
    let app = publish(&client).await;
    // After their first jobs one word in twenty is checked: among so many some are, and cover what was stated before.
    let job = client.submit(&job_of(&app, 400, 1)).await.unwrap().job.id;
    let (mut provisional, mut confirmed) = (BTreeMap::new(), 0);
    let checked = async {
        let mut results = pin!(results_of(&client, job));
        while let Some(result) = results.next().await {
            if result.provisional {
                assert_eq!((result.cost, result.agreed), (units::Amount::ZERO, 1), "one word, and not paid");
                provisional.insert(result.index, result.digest);
            } else if provisional.get(&result.index) == Some(&result.digest) {
                confirmed += 1;
                // More than the first ten of each: some are covered by a later check.
                if confirmed > 40 {
                    return result;
                }
            }
        }
        panic!("the job ended first");
    };
    let result = timeout(PATIENCE, checked).await.expect("a check covers a result");
    assert!(said(&client, &result).await.contains(&format!("row {}", result.index)));
    assert!(figure(&wire, "checks_passed_total").await >= 2, "who checks and who is checked");
    assert_eq!(figure(&wire, "checks_failed_total").await, 0);
    assert!(figure(&wire, "tasks_under_check").await + figure(&wire, "tasks_provisional").await <= 360);
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_liars_provisional_results_are_void_when_a_check_finds_one_wrong_and_others_take_their_place() {
    let house = House::open().await;
    let client = house.client(1).await;
    let wire = Wire::signed_in(&house, 1).await;
    let app = publish(&client).await;
    let _liar = house.agent(10, "commons", Honesty::Liar);
    let _first = house.agent(11, "commons", Honesty::Honest);
    let job = client.submit(&job_of(&app, 24, 1)).await.unwrap().job.id;
    // One word against another decides nothing: what the liar said first stays delivered, and is not final.
    let lie = async {
        let mut results = pin!(results_of(&client, job));
        while let Some(result) = results.next().await {
            if !said(&client, &result).await.contains(&format!("row {}", result.index)) {
                assert!(result.provisional, "nothing is final on a liar's word: {result:?}");
                return result;
            }
        }
        panic!("the job ended without a lie");
    };
    let lie = timeout(PATIENCE, lie).await.expect("the liar is given a task");
    let _honest = [12, 13, 14].map(|number| house.agent(number, "commons", Honesty::Honest));
    let replaced = async {
        let mut results = pin!(results_of(&client, job));
        while let Some(result) = results.next().await {
            if result.index == lie.index && !result.provisional && !result.voided {
                return result;
            }
        }
        panic!("the job ended without a result in the place of the lie");
    };
    let result = timeout(PATIENCE, replaced).await.expect("a void result is replaced");
    assert_ne!(result.digest, lie.digest);
    assert!(said(&client, &result).await.contains(&format!("row {}", result.index)));
    assert_eq!((figure(&wire, "workers_barred_total").await, figure(&wire, "checks_failed_total").await), (1, 1));
    let liar = client.provider(key(10).address()).await.unwrap();
    assert!(liar.barred && liar.withheld.is_zero() && liar.delivered == 0, "{liar:?}");
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_whose_program_always_fails_is_halted_and_what_was_not_bought_is_not_paid() {
    let house = House::private().await;
    let _workers = [10, 11].map(|number| house.agent(number, "commons", Honesty::Honest));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let tasks = Tasks::each_with_args((0..2_000).map(|_| vec!["fail".to_owned()]));
    let job = client.submit(&JobSpec { tasks, ..JobSpec::of(app.address) }).await.unwrap().job.id;
    let (job, results) = finish(&client, job).await;
    assert_eq!((job.state, job.halted), (State::Halted, true), "{job:?}");
    assert!(job.failed >= 3 && job.failed == job.finished && job.finished < 2_000, "{job:?}");
    assert_eq!(results.len() as u64, job.finished);
    assert!(results.iter().all(|result| result.agreed == 2 || result.agreed == 1), "{results:?}");
    let explained = client.explain(job.id).await.unwrap();
    assert_eq!((explained.matched, explained.finished), (job.matched, job.finished), "{explained:?}");
    house.server.stop().await.unwrap();
}
