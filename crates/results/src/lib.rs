//! What a task's result is: one canonical encoding of its files, the digest rule, failures as results.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
