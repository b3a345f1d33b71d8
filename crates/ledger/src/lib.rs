//! Accounts with free and locked balances: lock, unlock, seize, reward.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
