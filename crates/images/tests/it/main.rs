//! Images from strangers: what they may be, and what they may not do.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod hostile;
mod layout;
mod registry;
mod unpacking;
