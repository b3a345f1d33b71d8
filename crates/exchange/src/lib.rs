//! The rules of the market as one deterministic state machine: entries in, events out.
