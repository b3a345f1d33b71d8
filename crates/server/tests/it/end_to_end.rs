//! A job bought, run by strangers, verified and paid.

use crate::house::{House, finish, free, job_of, publish};
use agent::Honesty;
use api::job::{Outcome, State};
use client::{Fetched, JobSpec, Tasks};
use units::Amount;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_is_bought_run_by_a_stranger_and_its_results_come() {
    let house = House::open().await;
    // At trust 1 a stranger's first jobs are checked by another.
    let _workers = [10, 11].map(|number| house.agent(number, "commons", Honesty::Honest));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let submitted = client.submit(&job_of(&app, 5, 1)).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished, job.failed, job.tasks), (State::Completed, 5, 0, 5));
    assert_eq!(results.len(), 5);
    for result in &results {
        assert_eq!(result.outcome, Outcome::Completed);
        let Fetched::Tree(tree) = client.fetch(result).await.unwrap() else { panic!("a result is a tree") };
        let mut said = Vec::new();
        tree.write_stdout(&mut said).unwrap();
        assert!(String::from_utf8(said).unwrap().contains(&format!("row {}", result.index)));
    }
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_trust_three_a_liar_in_the_bonded_pool_loses_its_stake_and_the_others_are_paid() {
    let house = House::open().await;
    let operator = house.operator().await;
    for account in [1, 10, 11, 12, 13] {
        operator.issue(crate::house::key(account).address(), Amount::credits(100)).await.unwrap();
    }
    operator.issue(operator.address(), Amount::credits(1_000)).await.unwrap();
    let _liar = house.agent(10, "bonded", Honesty::Liar);
    let _honest = [11, 12, 13].map(|number| house.agent(number, "bonded", Honesty::Honest));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let pool = client.exchange().pools.iter().find(|pool| pool.name == "bonded").unwrap().address;
    let spec = JobSpec { max_price: Amount::credits(1), pool: Some(pool), ..job_of(&app, 4, 3) };
    let submitted = client.submit(&spec).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished), (State::Completed, 4));
    assert!(results.iter().all(|result| result.agreed >= 2), "{results:?}");
    let spent = Amount::credits(100).checked_sub(free(&client, 1).await).unwrap();
    assert_eq!(spent, job.spent);
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_programs_failure_is_agreed_on_by_two_and_says_its_last_words() {
    let house = House::open().await;
    let _workers = [10, 11].map(|number| house.agent(number, "commons", Honesty::Honest));
    let client = house.client(1).await;
    let app = publish(&client).await;
    let tasks = Tasks::each_with_args([vec!["fail".to_owned()]]);
    let submitted = client.submit(&JobSpec { tasks, ..JobSpec::of(app.address) }).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert_eq!((job.state, job.finished, job.failed), (State::Failed, 1, 1));
    let Outcome::Failed { reason } = &results[0].outcome else { panic!("{results:?}") };
    assert!(reason.contains("exit code 3"), "{reason}");
    assert!(results[0].stderr.starts_with("said\n"), "{results:?}");
    house.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_loses_nothing_and_the_worker_comes_back() {
    let house = House::open().await;
    let worker = house.agent(10, "commons", Honesty::Honest);
    let client = house.client(1).await;
    let app = publish(&client).await;
    let first = client.submit(&job_of(&app, 3, 2)).await.unwrap();
    let (done, _) = finish(&client, first.job.id).await;
    assert_eq!(done.state, State::Completed);
    let house = house.restart().await;
    let (again, results) = finish(&client, first.job.id).await;
    assert_eq!((again.finished, again.title, results.len()), (3, "words".to_owned(), 3));
    let second = client.submit(&job_of(&app, 3, 2)).await.unwrap();
    let (job, _) = finish(&client, second.job.id).await;
    assert_eq!(job.state, State::Completed);
    drop(worker);
    house.server.stop().await.unwrap();
}
