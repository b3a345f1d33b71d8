//! Dispatch, driven by what happens in the world and read by its decisions.

mod audits;
mod gate;
mod grants;
mod leases;
mod world;
