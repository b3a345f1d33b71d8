//! Providers: their pages, what is said of them, and pools of their own.

use crate::house::{House, PATIENCE, finish, job_of, key, publish};
use agent::{AgentError, Honesty};
use client::{Error, NewPool};
use orders::Rating;
use tokio::time::timeout;
use units::Amount;

#[tokio::test(flavor = "multi_thread")]
async fn each_side_of_a_deal_rates_the_other_once_and_the_page_shows_it_beside_what_was_done() {
    let house = House::private().await;
    let _worker = house.agent(10, "commons", Honesty::Honest);
    let (client, worker) = (house.client(1).await, house.client(10).await);
    let app = publish(&client).await;
    let submitted = client.submit(&job_of(&app, 2, 1)).await.unwrap();
    let (job, results) = finish(&client, submitted.job.id).await;
    assert!(results.iter().all(|result| result.ran_ms.is_some() && !result.provisional));
    let deal = client.deal(job.deals[0]).await.unwrap();
    let (pool, provider) = (deal.workerpool.address, key(10).address());
    let say = |subject, performance, safety| Rating { deal: deal.id, subject, performance, safety };
    client.rate(say(pool, 4, 5)).await.unwrap();
    client.rate(say(provider, 5, 5)).await.unwrap();
    worker.rate(say(key(1).address(), 3, 5)).await.unwrap();
    for (who, rating) in [(&client, say(pool, 1, 1)), (&worker, say(pool, 5, 5)), (&client, say(pool, 6, 1))] {
        assert!(matches!(who.rate(rating).await, Err(Error::Refused { .. })), "{rating:?}");
    }
    assert!(matches!(house.client(3).await.rate(say(pool, 1, 1)).await, Err(Error::Refused { .. })), "a stranger");
    let page = client.provider(provider).await.unwrap();
    let done: u64 = results.len() as u64;
    assert_eq!((page.delivered, page.late, page.wrong, page.barred), (done, 0, 0, false));
    assert_eq!((page.performance.count, page.performance.mean_hundredths), (1, 500));
    let page = client.provider(pool).await.unwrap();
    assert_eq!((page.pool.as_deref(), page.delivered), (Some("commons"), done));
    assert_eq!((page.performance.mean_hundredths, page.safety.mean_hundredths), (400, 500));
    assert_eq!((page.ratings[0].rater, page.ratings[0].deal), (key(1).address(), deal.id));
    let page = client.provider(key(1).address()).await.unwrap();
    assert_eq!((page.performance.mean_hundredths, page.delivered), (300, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_by_invitation_is_hosted_here_and_takes_only_whom_its_owner_invites() {
    let house = House::open().await;
    let owner = house.client(2).await;
    let beside = Amount::nanos(1_000_000);
    let new = NewPool { name: "ours".to_owned(), worker_stake_ratio: 0, commission: 10, open: false, beside };
    let pool = owner.open_pool(&new).await.unwrap();
    assert!(matches!(owner.open_pool(&new).await, Err(Error::Reverted { .. })), "a name is had once");
    let exchange = client::Client::ask_exchange(&house.url(), PATIENCE).await.unwrap();
    let listed = exchange.pools.iter().find(|listed| listed.address == pool).unwrap();
    let terms = (listed.worker_stake_ratio, listed.scheduler_reward_ratio, listed.by_invitation, listed.owner);
    assert_eq!(terms, (0, 10, true, key(2).address()));
    let mut stranger = house.agent(10, "ours", Honesty::Honest);
    let ended = timeout(PATIENCE, stranger.ended()).await.expect("it is refused");
    assert!(matches!(&ended, Err(AgentError::Refused { reason }) if reason.contains("invite")), "{ended:?}");
    let worker = key(10).address();
    assert!(matches!(house.client(3).await.invite(pool, worker, true).await, Err(Error::Reverted { .. })));
    owner.invite(pool, worker, true).await.unwrap();
    let _invited = house.agent(10, "ours", Honesty::Honest);
    let there = async {
        while !owner.workers().await.unwrap().iter().any(|row| row.address == worker && row.pool == pool) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, there).await.expect("the invited worker comes in");
    owner.close_pool(pool).await.unwrap();
}
