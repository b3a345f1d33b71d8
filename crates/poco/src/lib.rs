//! Proof-of-Contribution: deals, tasks, contributions, consensus, scores and the kitty, exactly as iExec's contracts
//! (PoCo 6.2.0) have them, to the last nano-credit, the order of events and the words of every refusal.
//!
//! Numbers are as wide as the contracts' (256 bits); where Solidity would panic, it is [`Refusal::Overflow`].
//! Signatures come recovered with the orders ([`orders::Checked`]). A refusal has changed nothing: what could be refused
//! is checked before anything is written, so that the state is never copied.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod asset;
mod consensus;
mod deal;
mod event;
mod hub;
mod manage;
mod matching;
mod money;
mod refusal;
mod settle;

pub use asset::{
    Asset, AssetKind, Category, Contract, DEFAULT_SCHEDULER_REWARD_RATIO, DEFAULT_WORKER_STAKE_RATIO, Policy,
};
pub use consensus::{Authorization, Backing, Scheduler, Sealed, is_consensus, log_weight, weight};
pub use deal::{Contribution, ContributionStatus, Deal, Group, Part, Task, TaskStatus};
pub use event::Event;
pub use hub::Hub;
pub use matching::{Orders, Payer};
pub use refusal::{DatasetMismatch, Refusal};
pub use settle::Outcome;

/// Contributions are taken for this many times the category's time after the match.
pub const CONTRIBUTION_DEADLINE_RATIO: u64 = 7;
/// Results are shown for this many times the category's time after consensus.
pub const REVEAL_DEADLINE_RATIO: u64 = 2;
/// A task fails this many times the category's time after the match.
pub const FINAL_DEADLINE_RATIO: u64 = 10;
/// What a pool stakes for a task, percent of its price.
pub const WORKERPOOL_STAKE_RATIO: u64 = 30;
/// What a finalized task draws from the kitty, percent.
pub const KITTY_RATIO: u64 = 10;
/// What a finalized task draws from the kitty at least, if there is as much, nano-credits.
pub const KITTY_MIN: u64 = 1_000_000_000;
/// Where seized pool stakes lie.
pub const KITTY_ADDRESS: units::Address = units::Address::new([
    0x99, 0xc2, 0x26, 0x84, 0x79, 0xb9, 0x3f, 0xde, 0x36, 0x23, 0x23, 0x51, 0x22, 0x98, 0x15, 0xdf, 0x80, 0x83, 0x7e,
    0x23,
]);
