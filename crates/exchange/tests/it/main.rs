//! The exchange's behaviour, held to what the real contracts did and to its own promises.
#![expect(clippy::arithmetic_side_effects, reason = "tests may stop on overflow")]

mod book;
mod deals;
mod events;
mod files;
mod ledger;
mod properties;
mod traces;
mod views;
mod work;
mod world;
