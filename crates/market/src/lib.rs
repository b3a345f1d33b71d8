//! Rules and policy together: what the server and the simulator drive.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]
