//! The SDK without an exchange: what it puts on disk, and what it says of one that is not there.

mod connect;
mod placement;
