//! Transactions: what moves money or ownership, signed here and sent over the exchange's Ethereum JSON-RPC.

use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use abi::{AssetKind, Call, Target, Transaction};
use alloy_primitives::keccak256;
use api::error::ErrorBody;
use api::receipt::Receipt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;
use units::{Address, Amount, B256, Bytes, U256};

/// How often a transaction's outcome is asked for before it counts as lost.
const ATTEMPTS: u32 = 12;

/// A transaction that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transacted {
    /// The transaction.
    pub hash: B256,
    /// What its functions told, as `(contract, topics, data)`.
    pub logs: Vec<(Address, Vec<B256>, Bytes)>,
}

/// A JSON-RPC answer; `receipt` is the exchange's own addition.
#[derive(Deserialize)]
struct RpcAnswer {
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error: Option<RpcError>,
    #[serde(default)]
    receipt: Option<Receipt>,
}

#[derive(Deserialize)]
struct RpcError {
    #[serde(default)]
    code: i64,
    message: String,
}

/// A transaction's receipt, as Ethereum has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    status: String,
    #[serde(default)]
    revert_reason: Option<String>,
    #[serde(default)]
    logs: Vec<LogJson>,
}

#[derive(Deserialize)]
struct LogJson {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl Client {
    /// Signs a call with this client's key, sends it and waits for what the rules say to it.
    ///
    /// # Errors
    /// [`Error::Reverted`] where the rules refuse it; [`Error::Refused`] where it is not even taken; [`Error::Unreachable`].
    pub async fn transact(&self, call: &Call) -> Result<Transacted, Error> {
        let _turn = self.sending().lock().await;
        let to = self.address_of(call.target());
        let count: String = self.rpc("eth_getTransactionCount", json!([self.address(), "latest"])).await?;
        let nonce = parse_quantity(&count).ok_or_else(|| Error::answer("eth_getTransactionCount", "no number"))?;
        let raw = Transaction::call(self.exchange().chain_id, nonce, to, call.encode()).sign(self.key());
        let hash = keccak256(&raw);
        let sent: Result<Value, Error> = self.rpc("eth_sendRawTransaction", json!([raw])).await;
        // A repeat after a broken connection is refused, though the first one was taken: its outcome tells.
        let refused = match sent {
            Ok(_) => None,
            Err(error @ Error::Refused { .. }) => Some(error),
            Err(error) => return Err(error),
        };
        self.outcome(hash, refused).await
    }

    async fn outcome(&self, hash: B256, mut refused: Option<Error>) -> Result<Transacted, Error> {
        let mut backoff = Backoff::new();
        for _ in 0..ATTEMPTS {
            let outcome: Option<Outcome> = self.rpc("eth_getTransactionReceipt", json!([hash])).await?;
            match (outcome, refused.take()) {
                (Some(outcome), _) => return settle(hash, outcome),
                (None, Some(error)) => return Err(error),
                (None, None) => sleep(backoff.next()).await,
            }
        }
        Err(Error::answer("eth_getTransactionReceipt", "the exchange took the transaction and does not know it"))
    }

    /// Answers of `eth_call`.
    pub(crate) async fn view(&self, to: Address, calldata: Vec<u8>) -> Result<Bytes, Error> {
        let call = json!({ "to": to, "data": Bytes::from(calldata) });
        self.rpc("eth_call", json!([call, "latest"])).await
    }

    async fn rpc<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, Error> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: RpcAnswer = self.ask("/rpc", &body).await?;
        if let Some(receipt) = &answer.receipt {
            self.keep(receipt)?;
        }
        if let Some(RpcError { code, message }) = answer.error {
            return Err(Error::Refused { status: 200, body: ErrorBody::new(&format!("rpc_{code}"), message) });
        }
        serde_json::from_value(answer.result.unwrap_or_default()).map_err(|error| Error::answer(method, error))
    }

    /// Where calls of a kind are sent on this exchange.
    fn address_of(&self, target: Target) -> Address {
        let exchange = self.exchange();
        match target {
            Target::Hub => exchange.hub,
            Target::Token => exchange.token,
            Target::Registry(AssetKind::App) => exchange.app_registry,
            Target::Registry(AssetKind::Dataset) => exchange.dataset_registry,
            Target::Registry(AssetKind::Workerpool) => exchange.workerpool_registry,
            Target::Asset(_, address) | Target::Group(address) => address,
        }
    }

    /// Gives credits to another account.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn transfer(&self, to: Address, amount: Amount) -> Result<Transacted, Error> {
        self.transact(&Call::HubToken(abi::Erc20::Transfer { to, amount })).await
    }

    /// Issues credits to an account: the operator's alone.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn issue(&self, account: Address, amount: Amount) -> Result<Transacted, Error> {
        self.transact(&Call::Issue { account, amount }).await
    }

    /// Takes credits back from an account, having paid for them elsewhere: the operator's alone.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn redeem(&self, account: Address, amount: Amount) -> Result<Transacted, Error> {
        self.transact(&Call::Redeem { account, amount }).await
    }
}

fn settle(hash: B256, outcome: Outcome) -> Result<Transacted, Error> {
    if parse_quantity(&outcome.status) == Some(1) {
        let logs = outcome.logs.into_iter().map(|log| (log.address, log.topics, log.data)).collect();
        return Ok(Transacted { hash, logs });
    }
    let reason = outcome.revert_reason.filter(|reason| !reason.is_empty());
    Err(Error::Reverted { transaction: hash, reason: reason.unwrap_or_else(|| "it gives no reason".to_owned()) })
}

/// Reads Ethereum's `0x…` numbers.
fn parse_quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    U256::from_str_radix(digits, 16).ok().and_then(|value| u64::try_from(value).ok())
}
