//! Policy: who runs which task, how many replicas, and what the pool's gate lets through.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
