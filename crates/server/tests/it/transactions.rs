//! Transactions over JSON-RPC: none is good twice, none is good elsewhere, and what PoCo refuses is told.

use crate::house::{House, key};
use crate::wire::Wire;
use abi::{Call, Transaction};
use alloy_sol_types::SolCall as _;
use reqwest::Method;
use serde_json::{Value, json};
use units::{Address, Amount, Bytes};

async fn rpc(wire: &Wire, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let (status, answer) = wire.send(Method::POST, "/rpc", Some(body)).await;
    assert_eq!((status.as_u16(), &answer["id"]), (200, &json!(7)), "{answer}");
    answer
}

/// A transfer in the hub, signed.
fn transfer(exchange: &Value, number: u8, nonce: u64, amount: u64) -> Bytes {
    let hub: Address = serde_json::from_value(exchange["hub"].clone()).unwrap();
    let call = Call::HubToken(abi::Erc20::Transfer { to: Address::repeat_byte(9), amount: Amount::nanos(amount) });
    Transaction::call(exchange["chain_id"].as_u64().unwrap(), nonce, hub, call.encode()).sign(&key(number))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_transaction_changes_nothing() {
    let house = House::open().await;
    house.operator().await.issue(key(1).address(), Amount::nanos(10)).await.unwrap();
    let wire = Wire::signed_in(&house, 1).await;
    let (_, exchange) = wire.get("/v1/exchange").await;
    let raw = transfer(&exchange, 1, 0, 3);
    let sent = rpc(&wire, "eth_sendRawTransaction", json!([raw])).await;
    assert!(sent["receipt"]["sequence"].as_u64().unwrap() > 0, "{sent}");
    let again = rpc(&wire, "eth_sendRawTransaction", json!([raw])).await;
    assert!(again["error"]["message"].as_str().unwrap().contains("nonce too low"), "{again}");
    let client = house.client(1).await;
    assert_eq!(client.account(key(1).address()).await.unwrap().free, Amount::nanos(7));
    let receipt = rpc(&wire, "eth_getTransactionReceipt", json!([sent["result"]])).await;
    assert_eq!((&receipt["result"]["status"], receipt["result"]["logs"].as_array().unwrap().len()), (&json!("0x1"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_transaction_uses_its_nonce_and_says_why() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let (_, exchange) = wire.get("/v1/exchange").await;
    let sent = rpc(&wire, "eth_sendRawTransaction", json!([transfer(&exchange, 1, 0, 3)])).await;
    let receipt = rpc(&wire, "eth_getTransactionReceipt", json!([sent["result"]])).await;
    assert_eq!(receipt["result"]["status"], json!("0x0"));
    let reason = receipt["result"]["revertReason"].as_str().unwrap();
    assert!(reason.contains("exceeds balance"), "{reason}");
    let count = rpc(&wire, "eth_getTransactionCount", json!([key(1).address(), "latest"])).await;
    assert_eq!(count["result"], json!("0x1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_for_another_chain_is_refused() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let (_, mut exchange) = wire.get("/v1/exchange").await;
    exchange["chain_id"] = json!(exchange["chain_id"].as_u64().unwrap() + 1);
    let sent = rpc(&wire, "eth_sendRawTransaction", json!([transfer(&exchange, 1, 0, 0)])).await;
    assert!(sent["error"]["message"].as_str().unwrap().contains("invalid chain id"), "{sent}");
    for garbage in [json!("0x"), json!("0xdeadbeef"), json!("hello"), json!(7)] {
        let sent = rpc(&wire, "eth_sendRawTransaction", json!([garbage])).await;
        assert!(sent["error"]["code"].is_i64(), "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_are_told_what_they_ask() {
    let house = House::open().await;
    let wire = Wire::signed_in(&house, 1).await;
    let (_, exchange) = wire.get("/v1/exchange").await;
    let chain = rpc(&wire, "eth_chainId", json!([])).await;
    assert_eq!(chain["result"], json!(format!("{:#x}", exchange["chain_id"].as_u64().unwrap())));
    let block = rpc(&wire, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert!(block["result"]["timestamp"].is_string());
    assert_eq!(rpc(&wire, "eth_getLogs", json!([{}])).await["error"]["code"], json!(-32601));
    // countCategory(): PoCo's five and ours.
    let data = Bytes::from(abi::contracts::Hub::countCategoryCall {}.abi_encode());
    let call = json!([{ "to": exchange["hub"], "data": data }, "latest"]);
    let count = rpc(&wire, "eth_call", call).await;
    assert_eq!(count["result"], json!(format!("0x{:064x}", exchange["categories"].as_array().unwrap().len())));
    let nobody = rpc(&wire, "eth_call", json!([{ "to": Address::repeat_byte(3), "data": "0x" }, "latest"])).await;
    assert_eq!(nobody["result"], json!("0x"));
}
