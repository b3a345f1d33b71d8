//! The journal as its users meet it: written, killed, copied, damaged, forged, served and audited.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod audit;
mod audits;
mod conduct;
mod damage;
mod durable;
mod golden;
mod history;
mod market;
mod serve;
