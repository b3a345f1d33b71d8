//! Why things stand still, asked over HTTP.

use crate::house::{House, finish, job_of, key, publish};
use crate::wire::{Wire, code};
use agent::Honesty;
use units::{Amount, TaskId};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_task_that_is_done_everybody_sees_who_had_it_and_how_each_part_ended() {
    let house = House::private().await;
    let _workers = [house.agent(10, "commons", Honesty::Honest), house.agent(11, "commons", Honesty::Honest)];
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 3)).await.unwrap().job;
    let (_, results) = finish(&client, job.id).await;
    for asker in [client, house.client(2).await] {
        let found = asker.explain_task(results[0].task).await.unwrap();
        assert_eq!((found.status.as_str(), found.index), ("completed", 0));
        let accepted: Vec<_> = found.attempts.iter().filter(|part| part.why.as_deref() == Some("accepted")).collect();
        assert_eq!(accepted.len(), 2, "{found:?}");
        assert!(accepted.iter().all(|part| part.worker.is_some() && part.stated.is_some() && part.state == "ended"));
        assert_eq!(found.summary, "done: 2 machines had it, the result is that of 2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nobody_has_begun_and_a_worker_that_never_came_are_unknown() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let (task, worker) = (TaskId::default(), key(9).address());
    assert_eq!(code(&wire.get(&format!("/v1/tasks/{task}/explain")).await), (404, "unknown_task"));
    assert_eq!(code(&wire.get(&format!("/v1/workers/{worker}/explain")).await), (404, "unknown_worker"));
    assert_eq!(code(&wire.get("/v1/workers/soon/explain").await), (400, "bad_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_without_work_is_told_that_nobody_asks_for_any() {
    let house = House::open().await;
    let client = house.client(1).await;
    let worker = house.agent(10, "commons", Honesty::Honest);
    worker.status().wait_for(|status| status.state == agent::State::Working).await.unwrap();
    let found = client.explain_worker(key(10).address()).await.unwrap();
    assert_eq!((found.code.as_str(), found.holding), ("no_work", 0), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_worker_no_change_of_the_request_is_advised() {
    let house = House::open().await;
    let (client, operator) = (house.client(1).await, house.operator().await);
    operator.issue(key(1).address(), Amount::credits(3)).await.unwrap();
    let app = publish(&client).await;
    let mut spec = job_of(&app, 2, 1);
    spec.max_price = Amount::credits(1);
    let job = client.submit(&spec).await.unwrap().job;
    let found = client.explain(job.id).await.unwrap();
    assert_eq!((found.waiting, found.finished, found.running), (2, 0, 0));
    assert!(found.fixes.is_empty(), "{found:?}");
}
