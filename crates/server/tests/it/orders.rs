//! Bad orders and bad jobs: each ends in an error that says what to do.

use crate::house::{House, job_of, key, publish};
use crate::wire::{Wire, code};
use api::order::AnyOrder;
use client::{Client, Error, JobSpec};
use orders::{AppOrder, Domain, RequestOrder, Signed};
use reqwest::Method;
use serde_json::json;
use units::{Address, Amount, B256, Bytes, Tag, U256};

/// The stable code that a call was refused with.
fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    answer.unwrap_err().code().expect("a refusal has a code").to_owned()
}

fn app_order(app: Address, salt: u8) -> AppOrder {
    AppOrder {
        app,
        appprice: Amount::ZERO,
        volume: U256::from(5),
        tag: Tag::NONE,
        datasetrestrict: Address::ZERO,
        workerpoolrestrict: Address::ZERO,
        requesterrestrict: Address::ZERO,
        salt: B256::repeat_byte(salt),
    }
}

async fn request(client: &Client, app: Address, change: impl FnOnce(&mut RequestOrder)) -> Signed<RequestOrder> {
    let mut order = client.request_order(&JobSpec::of(app)).await.unwrap();
    change(&mut order);
    client.sign(order)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_order_is_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let unsigned = Signed { order: app_order(app, 1), sign: Bytes::new() };
    assert_eq!(refusal(client.place(&AnyOrder::App(unsigned)).await), "not_signed_by_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctored_order_is_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let mut doctored = client.sign(app_order(app, 1));
    doctored.order.appprice = Amount::nanos(1);
    assert_eq!(refusal(client.place(&AnyOrder::App(doctored)).await), "not_signed_by_owner");
    let mut job = request(&client, app, |_| ()).await;
    job.order.volume = U256::from(9);
    assert_eq!(refusal(client.resubmit(&job, "").await), "not_signed_by_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_for_another_exchange_is_refused_here() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let exchange = client.exchange();
    let elsewhere = Domain::new(exchange.chain_id + 1, exchange.hub);
    let order = Signed::with(app_order(app, 1), &elsewhere, &key(1));
    assert_eq!(refusal(client.place(&AnyOrder::App(order)).await), "not_signed_by_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reused_order_gets_the_same_answer_and_is_there_once() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let order = AnyOrder::App(client.sign(app_order(app, 1)));
    let first = client.place(&order).await.unwrap();
    assert_eq!(client.place(&order).await.unwrap(), first);
    let resting = client.book(client::BookFilter::default()).await.unwrap();
    assert_eq!(resting.iter().filter(|row| row.order == first).count(), 1);
    let job = request(&client, app, |_| ()).await;
    let submitted = client.resubmit(&job, "one").await.unwrap();
    assert_eq!(client.resubmit(&job, "another name").await.unwrap().title, submitted.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_order_is_refused_for_ever() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let order = AnyOrder::App(client.sign(app_order(app, 1)));
    client.place(&order).await.unwrap();
    client.close(&order).await.unwrap();
    assert_eq!(refusal(client.place(&order).await), "consumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_beyond_counting_is_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let most = |order: &mut RequestOrder| order.workerpoolmaxprice = Amount(U256::MAX);
    assert_eq!(refusal(client.resubmit(&request(&client, app, most).await, "").await), "price_overflow");
    let many = |order: &mut RequestOrder| order.volume = U256::MAX;
    assert_eq!(refusal(client.resubmit(&request(&client, app, many).await, "").await), "too_many_tasks");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_funds_a_job_is_refused_and_told_how_to_get_them() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let spec = JobSpec { max_price: Amount::credits(2), ..job_of(&app, 3, 1) };
    let refused = client.submit(&spec).await.unwrap_err();
    assert_eq!(refused.code(), Some("insufficient_funds"));
    let words = refused.to_string();
    let advice = format!("hands operator credit {} 6.00", key(1).address());
    assert!(words.contains(&advice), "{words}");
    let operator = house.operator().await;
    operator.issue(key(1).address(), Amount::credits(6)).await.unwrap();
    client.submit(&spec).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_job_id_is_named() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let unknown = B256::repeat_byte(7);
    for path in ["", "/events", "/results"] {
        let answer = wire.get(&format!("/v1/jobs/{unknown}{path}")).await;
        assert_eq!(code(&answer), (404, "unknown_job"), "{path}");
        assert!(answer.1["error"].as_str().unwrap().contains(&unknown.to_string()));
    }
    assert_eq!(code(&wire.get(&format!("/v1/jobs/{unknown}/explain")).await), (404, "unknown_order"));
    assert_eq!(code(&wire.get("/v1/jobs/soon").await), (400, "bad_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_job_is_as_unknown_as_none() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 1, 1)).await.unwrap().job;
    let stranger = house.client(2).await;
    assert_eq!(refusal(stranger.job(job.id).await), "unknown_job");
    assert_eq!(refusal(stranger.results(job.id, 0).await), "unknown_job");
    assert!(stranger.jobs().await.unwrap().is_empty());
    assert_eq!(client.jobs().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_workers_a_job_waits_and_explain_says_why() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let job = client.submit(&job_of(&app, 2, 1)).await.unwrap().job;
    assert_eq!(job.state, api::job::State::Waiting);
    let explained = client.explain(job.id).await.unwrap();
    assert_eq!((explained.matched, explained.waiting), (0, 2));
    assert!(explained.summary.contains("no workers are connected"), "{explained:?}");
    assert!(explained.causes.iter().any(|cause| cause.code == "no_workers"));
    assert!(explained.advice.unwrap().contains("hands work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_files_are_missing_or_whose_table_is_short_is_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await;
    let mut spec = job_of(&app, 2, 1);
    spec.inputs = vec![api::params::Input { name: "x".into(), digest: units::Digest(B256::repeat_byte(3)), size: 1 }];
    assert_eq!(refusal(client.submit(&spec).await), "blob_missing");
    let mut order = client.request_order(&job_of(&app, 2, 1)).await.unwrap();
    order.volume = U256::from(3);
    assert_eq!(refusal(client.resubmit(&client.sign(order), "").await), "table_too_short");
    let garbage = request(&client, app.address, |order| order.params = "{".into()).await;
    assert_eq!(refusal(client.resubmit(&garbage, "").await), "bad_params");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_a_client_made_id_gets_the_first_answer() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let sign_in = |authorization: String| {
        let body = json!({ "authorization": authorization });
        wire.request(Method::POST, "/v1/session").header("idempotency-key", "once").json(&body)
    };
    let authorization = wire.authorization(&key(1)).await;
    let (_, first) = Wire::answer(sign_in(authorization.clone())).await;
    let (_, again) = Wire::answer(sign_in(authorization)).await;
    // A challenge is good once; the repeat is answered all the same, by the first answer.
    assert_eq!(first, again);
    assert!(first["token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_orders_at_once_each_is_taken_or_refused_by_itself() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let good = AnyOrder::App(client.sign(app_order(app, 1)));
    let mut doctored = client.sign(app_order(app, 2));
    doctored.order.appprice = Amount::nanos(1);
    let dear = client.sign(AppOrder { appprice: Amount(U256::MAX), ..app_order(app, 3) });
    let bid = AnyOrder::Request(request(&client, app, |_| ()).await);
    let sent = vec![good.clone(), AnyOrder::App(doctored), AnyOrder::App(dear), bid.clone(), good.clone()];
    let placed = client.place_each(sent).await.unwrap();
    let codes: Vec<_> = placed.iter().map(|it| it.refused.as_ref().map(|it| it.code.as_str())).collect();
    assert_eq!(codes, [None, Some("not_signed_by_owner"), Some("price_overflow"), None, None]);
    let (hash, wanted) = (client.order_hash(&good), client.order_hash(&bid));
    assert_eq!([placed[0].order, placed[3].order, placed[4].order], [Some(hash), Some(wanted), Some(hash)]);
    let resting = client.book(client::BookFilter::default()).await.unwrap();
    let ours = resting.iter().filter(|row| row.maker == key(1).address() && [hash, wanted].contains(&row.order));
    assert_eq!(ours.count(), 2, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maker_has_so_many_open_orders_of_a_kind_however_they_come() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let most = api::limits::OPEN_ORDERS;
    let mut bids = Vec::new();
    for _ in 0..most + 2 {
        bids.push(AnyOrder::Request(request(&client, app, |_| ()).await));
    }
    let placed = client.place_each(bids.clone()).await.unwrap();
    let taken = placed.iter().filter(|it| it.refused.is_none()).count();
    let refused: Vec<_> = placed.iter().skip(most).map(|it| it.refused.as_ref().map(|it| it.code.as_str())).collect();
    assert_eq!((taken, refused), (most, vec![Some("too_many_orders"); 2]));
    assert_eq!(refusal(client.place(&bids[most]).await), "too_many_orders");
    client.place(&bids[0]).await.expect("one that rests already gets the same answer");
    client.place(&AnyOrder::App(client.sign(app_order(app, 9)))).await.expect("another kind has its own number");
    client.close(&bids[0]).await.unwrap();
    client.place(&bids[most]).await.expect("one that was closed makes room");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_orders_at_once_than_a_request_may_have_are_refused() {
    let house = House::open().await;
    let client = house.client(1).await;
    let app = publish(&client).await.address;
    let order = AnyOrder::App(client.sign(app_order(app, 1)));
    let wire = Wire::new(&house);
    for orders in [vec![order; api::limits::ORDERS_AT_ONCE + 1], Vec::new()] {
        let answer = wire.send(Method::POST, "/v1/orders/batch", Some(json!({ "orders": orders }))).await;
        assert_eq!(code(&answer), (400, "orders_at_once"));
    }
}
