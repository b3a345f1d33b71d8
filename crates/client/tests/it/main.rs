//! The SDK without an exchange: what it puts on disk, and what it says of one that is not there.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod connect;
mod placement;
