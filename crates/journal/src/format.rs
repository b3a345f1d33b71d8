//! What entries and the genesis look like on disk: CBOR with numbered fields and numbered enum variants.
//!
//! These types are the journal's own. A number, once given, keeps its meaning for ever; a new field gets a new number and
//! may be missing; a new command gets a new number and makes older software say that it is too old. Zero numbers, zero
//! addresses, zero hashes and empty texts are left out. The golden files of the tests hold all of this still.
//!
//! Orders, batches and transactions keep their makers' signatures and whom these were found to be by. Reading believes
//! that; the audit recovers every signer again.

mod commands;
mod conduct;
mod founding;
mod signed;
mod values;

use crate::record::{to_vec, whole};
use abi::{Call, Target};
use commands::EntryRecord;
use exchange::{Command, Entry, Genesis};
use founding::GenesisRecord;
use minicbor::{Decode, Decoder, Encode};
use orders::Domain;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use units::{Address, B256, Bytes, TaskId};

/// What names a function in calldata.
const SELECTOR_BYTES: usize = 4;

/// The selectors of the calls that tell a worker's part in a task: only these are worth decoding.
static SEALED_CALLS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let (task, hash, nobody, none) = (TaskId::default(), B256::ZERO, Address::ZERO, Bytes::new());
    let contribute = Call::Contribute {
        task,
        result_hash: hash,
        result_seal: hash,
        enclave: nobody,
        enclave_sign: none.clone(),
        authorization_sign: none.clone(),
    };
    let contribute_and_finalize = Call::ContributeAndFinalize {
        task,
        digest: hash,
        results: none.clone(),
        results_callback: none.clone(),
        enclave: nobody,
        enclave_sign: none.clone(),
        authorization_sign: none,
    };
    let reveal = Call::Reveal { task, digest: hash };
    [contribute, contribute_and_finalize, reveal].map(|call| call.encode()[..SELECTOR_BYTES].to_vec())
});

/// Why bytes are no entry and no genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A command, or another choice, with a number that is not known yet.
    #[error("of a newer version")]
    Newer,
    /// Not well-formed, from this byte on.
    #[error("not well-formed at byte {0}")]
    Malformed(usize),
}

/// An entry's bytes.
#[must_use]
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    let record = EntryRecord::from(entry);
    to_vec(|to| record.encode(to, &mut ()))
}

/// Reads an entry, believing whom its signatures are said to be by.
///
/// # Errors
/// [`FormatError`] if the bytes are no entry that this software knows.
pub fn decode_entry(bytes: &[u8], domain: &Domain) -> Result<Entry, FormatError> {
    read::<EntryRecord>(bytes)?.into_entry(domain).ok_or(FormatError::Malformed(0))
}

/// A genesis's bytes.
#[must_use]
pub fn encode_genesis(genesis: &Genesis) -> Vec<u8> {
    let record = GenesisRecord::from(genesis);
    to_vec(|to| record.encode(to, &mut ()))
}

/// Reads a genesis.
///
/// # Errors
/// [`FormatError`] if the bytes are none that this software knows.
pub fn decode_genesis(bytes: &[u8]) -> Result<Genesis, FormatError> {
    read::<GenesisRecord>(bytes)?.into_genesis().ok_or(FormatError::Malformed(0))
}

fn read<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, FormatError> {
    let mut newer = false;
    whole(bytes, |from: &mut Decoder<'_>| {
        from.decode().inspect_err(|error: &minicbor::decode::Error| newer = error.is_unknown_variant())
    })
    .map_err(|offset| if newer { FormatError::Newer } else { FormatError::Malformed(offset) })
}

/// The tasks in which the command tells somebody's part. It is sealed in the chain until all of them are final; with none it is open.
#[must_use]
pub fn sealed_until(command: &Command, genesis: &Genesis) -> BTreeSet<TaskId> {
    match command {
        Command::Batch { batch, .. } => {
            let batch = batch.batch();
            let commits = batch.commits.iter().map(|item| item.task);
            let completes = batch.completes.iter().map(|item| item.task);
            let reveals = batch.reveals.iter().map(|item| item.task);
            commits.chain(completes).chain(reveals).collect()
        }
        Command::Authorize { task, .. }
        | Command::Discard { task, .. }
        | Command::Pay { task, .. }
        | Command::Check { task, .. } => [*task].into(),
        Command::Judge(judgement) => [judgement.task].into(),
        Command::Transact(transaction) if transaction.to == genesis.hub => {
            contributed_to(&transaction.input).into_iter().collect()
        }
        Command::Transact(_)
        | Command::PlaceOrder(_)
        | Command::RemoveOrder { .. }
        | Command::Match { .. }
        | Command::Accept { .. }
        | Command::Initialize { .. }
        | Command::Finalize { .. }
        | Command::Reopen { .. }
        | Command::Claim { .. }
        | Command::Enlist { .. }
        | Command::AuditCommit { .. }
        | Command::AuditOpen { .. }
        | Command::Know { .. }
        | Command::Halt { .. }
        | Command::Rate { .. }
        | Command::Offer { .. }
        | Command::Withdraw { .. }
        | Command::Tick => BTreeSet::new(),
    }
}

/// The task that a call to the hub contributes to or reveals of.
fn contributed_to(calldata: &[u8]) -> Option<TaskId> {
    let selector = calldata.get(..SELECTOR_BYTES)?;
    if !SEALED_CALLS.iter().any(|sealed| sealed == selector) {
        return None;
    }
    match Call::decode(Target::Hub, calldata) {
        Ok(Call::Contribute { task, .. } | Call::ContributeAndFinalize { task, .. } | Call::Reveal { task, .. }) => {
            Some(task)
        }
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::Transaction;

    #[test]
    fn a_transaction_that_tells_a_part_in_a_task_is_sealed_and_others_are_open() {
        let genesis = Genesis::new(Address::repeat_byte(1), false);
        let task = TaskId(B256::repeat_byte(7));
        let sealed = |call: &Call, to| {
            let transaction = Transaction {
                from: Address::ZERO,
                nonce: 0,
                chain_id: 0,
                to,
                input: call.encode(),
                signers: Vec::new(),
                hash: B256::ZERO,
                raw: Bytes::new(),
            };
            sealed_until(&Command::Transact(Box::new(transaction)), &genesis)
        };
        let reveal = Call::Reveal { task, digest: B256::ZERO };
        assert_eq!(sealed(&reveal, genesis.hub), [task].into());
        assert!(sealed(&reveal, genesis.token).is_empty());
        assert!(sealed(&Call::Claim { task }, genesis.hub).is_empty());
    }
}
