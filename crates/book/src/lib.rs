//! Policy: which resting orders to match, and why a request is not matched.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
