//! iExec's gateway: its shapes, paging, checks and words.

use crate::house::{House, key, publish};
use crate::wire::{Wire, code};
use client::Client;
use orders::{AppOrder, Domain, Signed};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use units::{Address, Amount, B256, Tag, U256};

struct Desk {
    house: House,
    wire: Wire,
    client: Client,
    app: Address,
}

impl Desk {
    async fn open() -> Self {
        let house = House::open().await;
        let (wire, client) = (Wire::new(&house), house.client(1).await);
        let app = publish(&client).await.address;
        Self { house, wire, client, app }
    }

    fn order(&self, salt: u8, price: u64) -> Signed<AppOrder> {
        let exchange = self.client.exchange();
        let order = AppOrder {
            app: self.app,
            appprice: Amount::nanos(price),
            volume: U256::from(5),
            tag: Tag::NONE,
            datasetrestrict: Address::ZERO,
            workerpoolrestrict: Address::ZERO,
            requesterrestrict: Address::ZERO,
            salt: B256::repeat_byte(salt),
        };
        Signed::with(order, &Domain::new(exchange.chain_id, exchange.hub), &key(1))
    }

    fn chain(&self) -> u64 {
        self.client.exchange().chain_id
    }

    async fn send(&self, method: Method, path: &str, by: u8, body: Value) -> (StatusCode, Value) {
        let authorization = self.wire.authorization(&key(by)).await;
        let path = format!("{path}?chainId={}", self.chain());
        Wire::answer(self.wire.request(method, &path).header("authorization", authorization).json(&body)).await
    }

    async fn publish(&self, order: &Signed<AppOrder>, by: u8) -> (StatusCode, Value) {
        self.send(Method::POST, "/apporders", by, json!({ "order": order })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_published_listed_found_and_unpublished() {
    let desk = Desk::open().await;
    let order = desk.order(1, 7);
    let (status, answer) = desk.publish(&order, 1).await;
    assert_eq!((status, &answer["ok"]), (StatusCode::OK, &json!(true)), "{answer}");
    let published = &answer["published"];
    assert_eq!(published["order"]["appprice"], json!(7), "numbers go out as JSON numbers");
    assert_eq!((&published["remaining"], &published["status"]), (&json!(5), &json!("open")));
    assert_eq!(published["signer"].as_str().map(str::to_lowercase), Some(key(1).address().to_string().to_lowercase()));
    let hash = published["orderHash"].as_str().unwrap();
    let (_, found) = desk.wire.get(&format!("/apporders/{hash}?chainId={}", desk.chain())).await;
    assert_eq!((&found["ok"], &found["orderHash"]), (&json!(true), &published["orderHash"]));
    let (_, listed) = desk.wire.get(&format!("/apporders?app={}", desk.app)).await;
    assert_eq!((&listed["count"], listed["orders"].as_array().unwrap().len()), (&json!(1), 1));
    let (_, all) = desk.wire.get("/apporders?app=any&requester=any").await;
    assert_eq!(all["count"], json!(2), "the restricted order that publishing an app leaves is seen with `any`");
    let body = json!({ "orderHash": hash });
    assert_eq!(code(&desk.send(Method::PUT, "/apporders", 2, body.clone()).await), (403, "not_yours"));
    let (_, gone) = desk.send(Method::PUT, "/apporders", 1, body).await;
    assert_eq!(gone, json!({ "ok": true, "unpublished": [hash] }));
    assert_eq!(code(&desk.wire.get(&format!("/apporders/{hash}")).await), (404, "unknown_order"));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_refused_in_iexecs_words() {
    let desk = Desk::open().await;
    let says = |answer: &(StatusCode, Value), words: &str| {
        assert_eq!(answer.0, StatusCode::FORBIDDEN, "{answer:?}");
        assert_eq!((&answer.1["ok"], &answer.1["error"]), (&json!(false), &json!(words)));
    };
    let order = desk.order(1, 7);
    let unasked = desk.wire.request(Method::POST, &format!("/apporders?chainId={}", desk.chain()));
    says(&Wire::answer(unasked.json(&json!({ "order": order }))).await, "invalid authorization");
    let only = format!("only order signer {} can publish an order", key(1).address());
    says(&desk.publish(&order, 2).await, &only);
    let mut unsigned = order.clone();
    unsigned.sign = vec![0; 65].into();
    says(&desk.publish(&unsigned, 1).await, "invalid sign");
    let mut elsewhere = order.clone();
    elsewhere.order.app = Address::repeat_byte(9);
    says(&desk.publish(&elsewhere, 1).await, "Resource not deployed");
    assert_eq!(desk.publish(&order, 1).await.0, StatusCode::OK);
    says(&desk.publish(&order, 1).await, "order already published");
    let closed = desk.order(2, 7);
    desk.client.close(&api::order::AnyOrder::App(closed.clone())).await.unwrap();
    says(&desk.publish(&closed, 1).await, "order already consumed");
    let wrong_chain = desk.wire.request(Method::POST, "/apporders?chainId=1").json(&json!({ "order": order }));
    assert_eq!(code(&Wire::answer(wrong_chain).await), (400, "wrong_chain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_once() {
    let desk = Desk::open().await;
    let authorization = desk.wire.authorization(&key(1)).await;
    let send = || {
        let path = format!("/apporders?chainId={}", desk.chain());
        let request = desk.wire.request(Method::PUT, &path).header("authorization", &authorization);
        Wire::answer(request.json(&json!({ "target": "unpublish_all", "app": desk.app })))
    };
    assert_eq!(send().await.0, StatusCode::OK);
    assert_eq!(code(&send().await), (403, "invalid_authorization"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_the_cheapest_first() {
    let desk = Desk::open().await;
    for salt in 1..=12 {
        desk.client.place(&api::order::AnyOrder::App(desk.order(salt, u64::from(100 - salt)))).await.unwrap();
    }
    let (_, first) = desk.wire.get(&format!("/apporders?app={}&pageSize=10", desk.app)).await;
    assert_eq!((&first["count"], &first["nextPage"]), (&json!(12), &json!(1)));
    let prices: Vec<u64> =
        first["orders"].as_array().unwrap().iter().map(|row| row["order"]["appprice"].as_u64().unwrap()).collect();
    assert_eq!(prices, (88..98).collect::<Vec<_>>());
    let (_, second) = desk.wire.get(&format!("/apporders?app={}&pageSize=10&pageIndex=1", desk.app)).await;
    assert_eq!((second["orders"].as_array().unwrap().len(), &second["nextPage"]), (2, &Value::Null));
    for bad in ["/apporders", "/apporders?app=any&pageSize=9", "/datasetorders", "/apporders?app=none"] {
        assert_eq!(desk.wire.get(bad).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_categories_and_version_are_iexecs() {
    let desk = Desk::open().await;
    let _worker = desk.house.agent(10, "commons", agent::Honesty::Honest);
    let app = publish(&desk.client).await;
    let job = desk.client.submit(&crate::house::job_of(&app, 2, 2)).await.unwrap().job.id;
    crate::house::finish(&desk.client, job).await;
    let (_, deals) = desk.wire.get(&format!("/deals?requester={}", key(1).address())).await;
    let volume: u64 = deals["deals"].as_array().unwrap().iter().map(|deal| deal["volume"].as_u64().unwrap()).sum();
    assert_eq!(volume, 2, "{deals}");
    let deal = &deals["deals"][0];
    for field in
        ["dealid", "app", "workerpool", "requestHash", "startTime", "botFirst", "blockTimestamp", "transactionHash"]
    {
        assert!(!deal[field].is_null(), "{field} in {deal}");
    }
    let (_, one) = desk.wire.get(&format!("/deals/{}", deal["dealid"].as_str().unwrap())).await;
    assert_eq!(&one["volume"], &deal["volume"]);
    assert_eq!(desk.wire.get(&format!("/deals?requester={}", key(3).address())).await.1["count"], json!(0));
    let (_, categories) = desk.wire.get("/categories").await;
    assert_eq!((&categories["count"], &categories["categories"][0]["workClockTimeRef"]), (&json!(6), &json!(300)));
    assert_eq!(code(&desk.wire.get("/categories/99").await), (404, "unknown_category"));
    assert!(desk.wire.get("/version").await.1["version"].is_string());
}
