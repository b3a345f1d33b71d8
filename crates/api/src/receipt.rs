//! The operator's signature under what it has made durable.

use serde::{Deserialize, Serialize};
use units::{B256, Bytes};

/// Proof that a command is in the journal: with the journal shown, [`Receipt::head`] must be the hash of record
/// [`Receipt::sequence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The record the command is in, counted from 1.
    pub sequence: u64,
    /// The hash of that record, which covers all before it.
    pub head: B256,
    /// The operator's 65-byte `personal_sign` over the receipt's digest (see the journal crate).
    pub signature: Bytes,
}

/// An answer to a command, with its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipted<T> {
    /// The answer.
    #[serde(flatten)]
    pub answer: T,
    /// Proof of it.
    pub receipt: Receipt,
}
