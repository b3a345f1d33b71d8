//! The store, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod cache;
mod parts;
mod store;
mod streams;
