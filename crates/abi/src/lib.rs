//! PoCo's Ethereum face: calldata to calls and back, events to logs, signed transactions.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
