//! The server over real sockets, in a folder of its own, with the real client and the real agent where they are the other end.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod blobs;
mod chunks;
mod end_to_end;
mod explain;
mod gateway;
mod house;
mod images;
mod judged;
mod openapi;
mod orders;
mod packages;
mod providers;
mod provisional;
mod restart;
mod start;
mod storage;
mod strangers;
mod transactions;
mod wire;
mod worker;
