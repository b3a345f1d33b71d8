//! The four orders of the market and everything else that is signed off chain: hashes, signatures, batches.
//!
//! The structs, their EIP-712 types and the domain are those of iExec PoCo 5.0.0, so that existing wallets and SDKs can
//! make them. Field names are PoCo's. Nothing here does I/O; recovering a signer is a pure function of its input.
//!
//! Invariants: a digest is always bound to a [`Domain`], so that nothing signed for one exchange is good on another;
//! a [`Recovered::By`] is only ever made by a signature that PoCo's contracts would accept too.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub mod batch;
pub mod challenge;
mod checked;
mod domain;
pub mod hello;
pub mod ids;
mod order;
mod rating;
pub mod secret;
pub mod signature;
mod typed;

pub use batch::{CheckedBatch, Commit, Complete, Reveal, WorkerBatch};
pub use challenge::{Authorization, Challenge};
pub use checked::Checked;
pub use domain::Domain;
pub use hello::{Ownership, WorkerHello};
pub use order::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
pub use rating::{CheckedRating, Rating, SignedRating};
pub use signature::{InvalidKey, Recovered, SigningKey, recover};
pub use typed::{Operation, Order, OrderKind};
