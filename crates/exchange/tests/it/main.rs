//! The exchange's behaviour, held to what the real contracts did and to its own promises.
#![expect(clippy::unwrap_used, reason = "in a test, a value that is not there is the failure")]

mod audits;
mod book;
mod deals;
mod events;
mod files;
mod hosting;
mod ledger;
mod properties;
mod ratings;
mod standing;
mod traces;
mod verdicts;
mod views;
mod work;
mod world;
