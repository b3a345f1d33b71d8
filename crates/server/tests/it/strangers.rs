//! What strangers may not: join a private exchange, read others' things, send too much.

use crate::house::{House, config, key, publish};
use crate::wire::{Wire, code};
use client::{Client, Options};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_without_the_join_token_does_not_get_into_a_private_exchange() {
    let house = House::private().await;
    let stranger = Wire::new(&house);
    for path in
        ["/v1/book", "/v1/jobs", "/v1/journal?from=0", "/v1/workers", "/metrics", "/apporders?app=any", "/deals"]
    {
        assert_eq!(code(&stranger.get(path).await), (401, "unauthorized"), "{path}");
    }
    for path in ["/healthz", "/v1/exchange"] {
        assert_eq!(stranger.get(path).await.0, StatusCode::OK, "{path}");
    }
    for (join_token, refused) in [(None, "join_token_missing"), (Some("guess".to_owned()), "wrong_join_token")] {
        let options = Options { join_token, patience: Duration::from_secs(5), ..Options::default() };
        let answer = Client::connect(&house.url(), key(1), options).await;
        assert_eq!(answer.unwrap_err().code(), Some(refused));
    }
    house.client(1).await.jobs().await.unwrap();
    let guest = Wire::new(&house).bearing(house.server.join_token().unwrap());
    assert_eq!(guest.get("/v1/book").await.0, StatusCode::OK);
    assert_eq!(code(&guest.get("/v1/jobs").await), (401, "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_join_token_is_the_same_after_a_restart() {
    let house = House::private().await;
    let token = house.server.join_token().map(str::to_owned);
    let house = house.restart().await;
    assert_eq!(house.server.join_token().map(str::to_owned), token);
    let note = server::Endpoint::read(&config(house.folder.path(), true).data_dir).unwrap();
    assert_eq!((note.url, note.join_token), (house.url(), token));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_body_is_refused_unread() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let body = vec![b' '; api::limits::JSON_BODY_BYTES + 1];
    for path in ["/v1/jobs", "/v1/orders", "/rpc", "/apporders"] {
        // The server may hang up while the rest is on its way; where it answers, it says why.
        match wire.request(Method::POST, path).body(body.clone()).send().await {
            Ok(response) => assert!([413, 403].contains(&response.status().as_u16()), "{path} {}", response.status()),
            Err(error) => assert!(error.is_request() || error.is_body(), "{path}: {error}"),
        }
    }
    assert_eq!(wire.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_wrong_places_get_typed_errors() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let garbage = wire.request(Method::POST, "/v1/jobs").body("{not json");
    assert_eq!(code(&Wire::answer(garbage).await), (400, "bad_json"));
    assert_eq!(code(&wire.send(Method::POST, "/v1/orders", None).await), (400, "empty_body"));
    let half = json!({ "kind": "app", "order": { "app": "0x00" } });
    assert_eq!(code(&wire.send(Method::POST, "/v1/orders", Some(half)).await), (400, "bad_json"));
    assert_eq!(code(&wire.get("/v1/nothing").await), (404, "no_such_route"));
    assert_eq!(code(&wire.send(Method::DELETE, "/v1/book", None).await), (405, "method_not_allowed"));
    assert_eq!(code(&wire.get("/v1/book?limit=many").await), (400, "bad_query"));
    let forged = Wire::new(&house).bearing(&"00".repeat(60));
    assert_eq!(code(&forged.get("/v1/jobs").await), (401, "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_exchange_says_of_itself_can_be_watched() {
    let house = House::open().await;
    let client = house.client(1).await;
    publish(&client).await;
    let wire = Wire::new(&house);
    let (status, health) = wire.get("/healthz").await;
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("ok")));
    let text = wire.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(text.contains("# TYPE manyhands_orders_resting gauge\nmanyhands_orders_resting 1\n"), "{text}");
    let page = wire.request(Method::GET, "/").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Manyhands"));
    let records = journal::decode_range(&client.journal(0).await.unwrap()).unwrap();
    assert!(records.len() >= 3);
    let last = records.last().unwrap().sequence;
    assert!(client.journal(last + 1).await.unwrap().is_empty());
}
