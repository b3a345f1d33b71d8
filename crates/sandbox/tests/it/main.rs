//! The sandbox, seen from outside: each threat and each promise by its name.

mod computed;
mod control;
mod determinism;
mod escape;
mod guest;
mod limits;
mod modules;
mod world;
