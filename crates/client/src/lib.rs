//! The Rust SDK: sign orders, submit jobs, fetch verified results.
