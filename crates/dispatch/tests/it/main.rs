//! Dispatch, driven by what happens in the world and read by its decisions.

mod attempts;
mod audits;
mod careers;
mod classes;
mod fairness;
mod gate;
mod grants;
mod hedge;
mod idle;
mod leases;
mod locality;
mod quarantine;
mod scale;
mod schemes;
mod world;
