//! Proof-of-Contribution: deals, tasks, contributions, consensus and scores, exactly as iExec's contracts.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
