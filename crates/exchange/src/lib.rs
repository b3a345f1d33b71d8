//! The rules of the market as one deterministic state machine: entries in, events out.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
