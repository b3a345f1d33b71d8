//! The exchange as one deterministic state machine: an [`Entry`] in, [`Event`]s out.
//!
//! The shell stamps each request and calls [`Exchange::apply`]; it answers only once the entry is durable. Nothing here
//! reads a clock, draws a random number or touches a file: replaying the journal rebuilds the same state. What is
//! inadmissible is a [`Rejection`] and leaves no trace; a signed transaction that PoCo refuses is an accepted entry whose
//! only effect is its nonce, and [`Event::Refused`] says why.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

mod agenda;
mod audit;
mod book;
mod command;
mod digest;
mod event;
mod genesis;
mod hosting;
mod keep;
mod log;
mod machine;
mod money;
mod publish;
mod rating;
mod recover;
mod rejection;
mod standing;
mod token;
mod transact;
mod verdict;
mod views;
mod work;

pub use audit::audit_draw;
pub use command::{AnyOrder, Command, Entry, Evidence, PayReason, Place, Transaction};
pub use event::{Event, Item, RemovalReason};
pub use genesis::{Audits, Genesis, HostedPool, RULES_VERSION, World};
pub use machine::Exchange;
pub use publish::{app_address, dataset_address, group_address, workerpool_address};
pub use rejection::{ItemRejection, Rejection};
pub use standing::Standing;
pub use verdict::{First, Judged, Judgement, Verdict};
pub use work::{Held, Holding, Offer, Shown};
