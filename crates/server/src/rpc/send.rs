//! A signed transaction: read, its signers recovered, entered. One that PoCo refuses is taken all the same; its receipt says so.

use super::{RpcError, param};
use crate::shared::Shared;
use abi::SignedTransaction;
use api::receipt::Receipt;
use exchange::{Command, Rejection, Transaction};
use orders::Recovered;
use serde_json::Value;
use std::sync::Arc;
use units::{B256, Bytes};

/// `eth_sendRawTransaction`.
pub(super) async fn raw(shared: &Arc<Shared>, params: &[Value]) -> Result<(B256, Receipt), RpcError> {
    let raw: Bytes = param(params, 0)?;
    let genesis = shared.genesis.clone();
    let reading = tokio::task::spawn_blocking(move || read(&raw, &genesis));
    let transaction = reading.await.map_err(|_| RpcError::new(-32000, "the transaction could not be read"))??;
    let hash = transaction.hash;
    let taken = shared.core.command(Command::Transact(Box::new(transaction))).await?;
    match taken {
        Ok(receipt) => Ok((hash, receipt)),
        Err(rejection) => Err(RpcError::new(-32000, words(&rejection))),
    }
}

fn read(raw: &Bytes, genesis: &exchange::Genesis) -> Result<Transaction, RpcError> {
    let signed = SignedTransaction::decode(raw).map_err(|error| RpcError::params(error.to_string()))?;
    let Recovered::By(from) = signed.recover() else {
        return Err(RpcError::new(-32000, "the transaction's signature is nobody's"));
    };
    let to = signed.to.ok_or_else(|| RpcError::new(-32000, "no contracts are created here; call the exchange's"))?;
    if !signed.value.is_zero() {
        return Err(RpcError::new(-32000, "there is no coin here to send; credits move by calls"));
    }
    let transaction = Transaction {
        from,
        nonce: signed.nonce,
        chain_id: signed.chain_id,
        to,
        input: signed.input.clone(),
        signers: Vec::new(),
        hash: signed.hash,
        raw: raw.clone(),
    };
    Ok(transaction.recover(genesis))
}

/// As wallets know it.
fn words(rejection: &Rejection) -> String {
    if let Rejection::WrongNonce { expected, given, .. } = rejection {
        let which = if given < expected { "low" } else { "high" };
        return format!("nonce too {which}: next nonce {expected}, tx nonce {given}");
    }
    if let Rejection::WrongChain { signed, here } = rejection {
        return format!("invalid chain id for signer: have {signed} want {here}");
    }
    rejection.to_string()
}
