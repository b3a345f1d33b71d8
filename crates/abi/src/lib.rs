//! PoCo's Ethereum face: calldata to calls and back, views and their answers, events to logs, reverts, signed transactions.
//!
//! Types and names are those of iExec PoCo 6.2.0, so that existing wallets and SDKs can speak to the exchange, and so that
//! the same client can address the real contracts on a chain. What an address *is* ([`Target`]) the caller has to say:
//! this crate knows no state. Nothing here does I/O; what does not decode is refused as a contract would, without words.
//!
//! Invariants: bytes of strangers never make it panic, and never allocate more than a small multiple of their own length;
//! what [`Call::encode`] writes, [`Call::decode`] reads back as it was.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub mod call;
pub mod contracts;
mod convert;
mod decode;
mod log;
pub mod returns;
mod revert;
mod target;
pub mod transaction;
pub mod view;

pub use call::{Call, Erc20, Erc721, Managed, OrderSet};
pub use decode::DecodeError;
pub use log::Log;
pub use revert::Revert;
pub use target::{AssetKind, Target};
pub use transaction::{SignedTransaction, Transaction, TransactionError, TransactionKind};
pub use view::View;
