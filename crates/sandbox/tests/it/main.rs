//! The sandbox, seen from outside: each threat and each promise by its name.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod computed;
mod containers;
mod control;
mod determinism;
mod escape;
mod guest;
mod judge;
mod limits;
mod modules;
mod world;
