//! What a restart must not change: a job's page, and that a request which comes again is not done again.

use crate::house::{House, PATIENCE, finish, job_of, key, publish};
use agent::Honesty;
use api::job::State;
use api::order::AnyOrder;
use client::{Error, Event};
use futures::StreamExt as _;
use orders::Rating;
use std::pin::pin;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_jobs_page_counts_its_ended_deals_after_a_restart_too() {
    let house = House::open().await;
    let worker = house.agent(10, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 50_000, 2)).await.unwrap().job.id;
    let part = async {
        let mut events = pin!(client.watch(job, None));
        loop {
            let event = events.next().await.expect("the job goes on").unwrap();
            if let Event::Progress(job) = event
                && job.finished >= 20
            {
                return *job;
            }
        }
    };
    timeout(PATIENCE, part).await.expect("a part of it is done");
    worker.stop().await.unwrap();
    // What it stated last may be queued yet, and a look does not wait for that; a publication comes after it.
    let mut before = client.job(job).await.unwrap();
    let settled = async {
        loop {
            publish(&client).await;
            let now = client.job(job).await.unwrap();
            if std::mem::replace(&mut before, now.clone()).finished == now.finished {
                return;
            }
        }
    };
    timeout(PATIENCE, settled).await.expect("all that it stated is taken in");
    assert!(before.deals.len() > 1 && before.finished < before.tasks, "{before:?}");
    let house = house.restart().await;
    let after = client.job(job).await.unwrap();
    let counts = |job: &api::job::Job| (job.matched, job.finished, job.failed, job.claimed, job.spent, job.locked);
    assert_eq!(counts(&after), counts(&before));
    assert_eq!(after.deals, before.deals);
    let explained = client.explain(job).await.unwrap();
    assert_eq!((explained.matched, explained.finished), (before.matched, before.finished));
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_comes_again_after_a_restart_is_not_done_again() {
    let house = House::private().await;
    let worker = house.agent(10, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let submitted = client.submit(&job_of(&app, 3, 1)).await.unwrap();
    let (done, _) = finish(&client, submitted.job.id).await;
    let say = |performance| Rating { deal: done.deals[0], subject: key(10).address(), performance, safety: 5 };
    client.rate(say(4)).await.unwrap();
    let waiting = client.submit(&job_of(&app, 5, 1)).await.unwrap();
    drop(worker);
    let house = house.restart_private().await;
    let client = house.client(1).await;

    // A job that is done, and one that is not: the same order is the same job.
    let again = client.resubmit(&submitted.order, "words").await.unwrap();
    assert_eq!((again.id, again.tasks, again.finished, again.state), (done.id, 3, 3, State::Completed));
    let again = client.resubmit(&waiting.order, "words").await.unwrap();
    assert_eq!((again.id, again.tasks), (waiting.job.id, 5));
    // As a bare order it was filled: it buys nothing more.
    let placed = client.place(&AnyOrder::Request(submitted.order.clone())).await;
    assert!(matches!(placed, Err(Error::Refused { .. })), "{placed:?}");
    // A rating is given once.
    assert!(matches!(client.rate(say(1)).await, Err(Error::Refused { .. })));
    assert_eq!(client.provider(key(10).address()).await.unwrap().performance.count, 1);
    // The app is the same one.
    assert_eq!(publish(&client).await.address, app.address);

    assert_eq!(client.jobs().await.unwrap().len(), 2);
    // Another machine: the first one's folder may be in use for a moment yet.
    let _worker = house.agent(11, "commons", Honesty::Honest);
    let (ended, results) = finish(&client, waiting.job.id).await;
    assert_eq!((ended.state, ended.finished, results.len()), (State::Completed, 5, 5));
    assert_eq!(client.job(done.id).await.unwrap().finished, 3);
    house.server.stop().await.unwrap();
}
