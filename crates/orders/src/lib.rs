//! The four orders of the market and everything else that is signed off chain: hashes, signatures, batches.
//!
//! The structs, their EIP-712 types and the domain are those of iExec PoCo 5.0.0, so that existing wallets and SDKs can
//! make them. Field names are PoCo's. Nothing here does I/O; recovering a signer is a pure function of its input.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod order;

pub use order::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
