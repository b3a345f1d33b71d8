//! The command line as a person meets it: the binary is run, and what it prints and leaves behind is read.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod apps;
mod by_hand;
mod demo;
mod hands;
mod help;
mod iexec_sdk;
mod images;
mod jobs;
mod killed;
mod market;
mod offline;
mod processes;
mod third_party;
mod transcode;
mod wallet;
