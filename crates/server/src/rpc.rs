//! Ethereum's JSON-RPC, as much of it as wallets and iExec's SDK use, answered from the exchange's own state.
//!
//! A record of the journal is a block. There is no gas and no coin: fees are zero, and every address has the same balance
//! of it, so that wallets let their users send.

mod past;
mod send;
mod view;

use crate::extract::Body;
use crate::http::Server;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::limits;
use axum::Json;
use axum::extract::State;
use journal::history::TransactionRow;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use units::{Address, B256, Bytes};

/// Requests in one batch.
const BATCH: usize = 100;
/// What every address is said to have of a coin that nothing costs: one of Ethereum's units.
const BALANCE: &str = "0xde0b6b3a7640000";
/// What every transaction is said to use.
const GAS: &str = "0x5208";

/// How long ethers, which iExec's SDK is built on, keeps an answer. On a chain a transaction takes longer; here it is done
/// sooner, and the next one would be sent with the nonce of the one before. Clients that are about to send ask for the
/// nonce that is `pending`: its answer comes when the client's copy of it has lapsed, and so have older copies of balances.
const CLIENTS_CACHE: Duration = Duration::from_millis(250);

/// An error in JSON-RPC's form.
struct RpcError {
    code: i64,
    message: String,
    data: Option<Bytes>,
}

type RpcAnswer = Result<Value, RpcError>;

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }
}

impl From<Problem> for RpcError {
    fn from(problem: Problem) -> Self {
        Self::new(-32000, problem.body.error)
    }
}

/// `POST /rpc`: a request or a batch of them.
pub(crate) async fn answer(State(shared): Server, Body(body): Body<Value>) -> Answer<Json<Value>> {
    let Value::Array(requests) = body else { return Ok(Json(one(&shared, body).await)) };
    if requests.is_empty() || requests.len() > BATCH {
        return Err(Problem::bad("bad_batch", format!("a batch has 1 to {BATCH} requests")));
    }
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(one(&shared, request).await);
    }
    Ok(Json(Value::Array(answers)))
}

async fn one(shared: &Arc<Shared>, request: Value) -> Value {
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        return failure(id, RpcError::new(-32600, "a request has a method"));
    };
    let params = request.get("params").and_then(Value::as_array).cloned().unwrap_or_default();
    if method == "eth_sendRawTransaction" {
        return match send::raw(shared, &params).await {
            // The operator's receipt is our addition; other clients do not look at it.
            Ok((hash, receipt)) => json!({ "jsonrpc": "2.0", "id": id, "result": hash, "receipt": receipt }),
            Err(error) => failure(id, error),
        };
    }
    match call(shared, method, &params).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => failure(id, error),
    }
}

fn failure(id: Value, error: RpcError) -> Value {
    let RpcError { code, message, data } = error;
    let mut error = json!({ "code": code, "message": message });
    if let (Some(data), Some(fields)) = (data, error.as_object_mut()) {
        fields.insert("data".to_owned(), json!(data));
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

async fn call(shared: &Arc<Shared>, method: &str, params: &[Value]) -> RpcAnswer {
    let chain_id = shared.genesis.chain_id;
    Ok(match method {
        "eth_chainId" => json!(quantity(chain_id)),
        "net_version" => json!(chain_id.to_string()),
        "web3_clientVersion" => json!(crate::http::SOFTWARE),
        "eth_syncing" => json!(false),
        "eth_accounts" => json!([]),
        "eth_blockNumber" => json!(quantity(shared.core.read(|state| state.last.sequence).await?)),
        "eth_gasPrice" | "eth_maxPriorityFeePerGas" => json!("0x0"),
        "eth_feeHistory" => json!({ "oldestBlock": "0x0", "baseFeePerGas": ["0x0", "0x0"], "gasUsedRatio": [0.0] }),
        "eth_estimateGas" => {
            view::estimate(shared, params).await?;
            json!(GAS)
        }
        "eth_getBalance" => {
            let _whose: Address = param(params, 0)?;
            json!(BALANCE)
        }
        "eth_getCode" => {
            let whose: Address = param(params, 0)?;
            let is_contract = move |state: &crate::core::State| {
                let exchange = state.market.exchange();
                exchange.hub().is_contract(whose) || exchange.genesis().hub == whose
            };
            json!(if shared.core.read(is_contract).await? { "0xfe" } else { "0x" })
        }
        "eth_getTransactionCount" => {
            let whose: Address = param(params, 0)?;
            if params.get(1).and_then(Value::as_str) == Some("pending") {
                tokio::time::sleep(CLIENTS_CACHE).await;
            }
            json!(quantity(shared.core.read(move |state| state.market.exchange().nonce(whose)).await?))
        }
        "eth_getBlockByNumber" | "eth_getBlockByHash" => block(shared).await?,
        "eth_call" => json!(view::call(shared, params).await?),
        "eth_getTransactionReceipt" => {
            let hash: B256 = param(params, 0)?;
            let row = shared.reads.read(move |history| history.transaction(hash)).await?;
            row.map_or(Value::Null, |row| receipt(&row))
        }
        "eth_getTransactionByHash" => {
            let hash: B256 = param(params, 0)?;
            let row = shared.reads.read(move |history| history.transaction(hash)).await?;
            row.map_or(Value::Null, |row| transaction(&row, chain_id))
        }
        other => return Err(RpcError::new(-32601, format!("{other} is not answered here"))),
    })
}

/// A parameter by its place.
fn param<T: serde::de::DeserializeOwned>(params: &[Value], place: usize) -> Result<T, RpcError> {
    let value = params.get(place).ok_or_else(|| RpcError::params(format!("parameter {place} is missing")))?;
    serde_json::from_value(value.clone()).map_err(|error| RpcError::params(format!("parameter {place}: {error}")))
}

/// Ethereum's form of a number.
fn quantity(value: u64) -> String {
    format!("{value:#x}")
}

/// What stands for a record's hash where only its number is kept.
fn block_hash(record: u64) -> B256 {
    B256::from(units::U256::from(record))
}

/// The last record as a block: whatever is asked, only the newest state is there.
async fn block(shared: &Arc<Shared>) -> RpcAnswer {
    let (last, now) = shared.core.read(|state| (state.last, state.market.exchange().now())).await?;
    let parent = block_hash(last.sequence.saturating_sub(1));
    Ok(json!({
        "number": quantity(last.sequence),
        "hash": block_hash(last.sequence),
        "parentHash": parent,
        "nonce": "0x0000000000000000",
        "sha3Uncles": B256::ZERO,
        "logsBloom": bloom(),
        "transactionsRoot": last.head,
        "stateRoot": last.head,
        "receiptsRoot": last.head,
        "miner": shared.genesis.operator,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "size": "0x0",
        "gasLimit": quantity(limits::SAFE_INTEGER),
        "gasUsed": "0x0",
        "baseFeePerGas": "0x0",
        "timestamp": quantity(now.seconds()),
        "transactions": [],
        "uncles": [],
        "mixHash": B256::ZERO,
    }))
}

/// An empty filter of logs.
fn bloom() -> Bytes {
    Bytes::from(vec![0; 256])
}

fn receipt(row: &TransactionRow) -> Value {
    let logs: Vec<Value> = (0_u64..)
        .zip(&row.logs)
        .map(|(index, log)| {
            json!({
                "address": log.address,
                "topics": log.topics,
                "data": log.data,
                "blockNumber": quantity(row.record),
                "blockHash": block_hash(row.record),
                "transactionHash": row.hash,
                "transactionIndex": quantity(u64::from(row.position)),
                "logIndex": quantity(index),
                "removed": false,
            })
        })
        .collect();
    let mut receipt = json!({
        "transactionHash": row.hash,
        "transactionIndex": quantity(u64::from(row.position)),
        "blockNumber": quantity(row.record),
        "blockHash": block_hash(row.record),
        "from": row.sender,
        "to": row.target,
        "contractAddress": null,
        "cumulativeGasUsed": GAS,
        "gasUsed": GAS,
        "effectiveGasPrice": "0x0",
        "logs": logs,
        "logsBloom": bloom(),
        "type": quantity(u64::from(row.kind)),
        "status": if row.succeeded { "0x1" } else { "0x0" },
    });
    if let (false, Some(fields)) = (row.succeeded, receipt.as_object_mut()) {
        fields.insert("revertData".to_owned(), json!(row.revert));
        fields.insert("revertReason".to_owned(), json!(reason(&row.revert)));
    }
    receipt
}

/// A revert's data in words.
fn reason(data: &Bytes) -> String {
    use abi::Revert;
    match Revert::decode(data) {
        Some(Revert::Reason(reason)) => reason,
        Some(Revert::Panic(code)) => format!("Panic({code:#x})"),
        Some(Revert::IncompatibleDatasetOrder(reason)) => format!("IncompatibleDatasetOrder({reason})"),
        Some(Revert::CallerIsNotTheRequester) => "CallerIsNotTheRequester()".to_owned(),
        Some(Revert::MathOverflowedMulDiv) => "MathOverflowedMulDiv()".to_owned(),
        Some(Revert::OperationFailed) => "OperationFailed()".to_owned(),
        Some(Revert::UnsupportedOperation(selector)) => {
            selector.iter().fold("UnsupportedOperation(0x".to_owned(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("writing to memory cannot fail");
                text
            }) + ")"
        }
        Some(Revert::Silent) | None => String::new(),
    }
}

fn transaction(row: &TransactionRow, chain_id: u64) -> Value {
    json!({
        "hash": row.hash,
        "nonce": quantity(row.nonce),
        "blockHash": block_hash(row.record),
        "blockNumber": quantity(row.record),
        "transactionIndex": quantity(u64::from(row.position)),
        "from": row.sender,
        "to": row.target,
        "value": "0x0",
        "gas": GAS,
        "gasPrice": "0x0",
        "maxFeePerGas": "0x0",
        "maxPriorityFeePerGas": "0x0",
        "input": "0x",
        "type": quantity(u64::from(row.kind)),
        "chainId": quantity(chain_id),
        "v": "0x0",
        "r": "0x0",
        "s": "0x0",
    })
}
