//! The agent against an exchange that each test scripts, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod connecting;
mod guests;
mod hostile;
mod peer;
mod tasks;
