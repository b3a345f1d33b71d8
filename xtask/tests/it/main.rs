//! Tidy tests: what keeps the house in the shape that ARCHITECTURE.md tells. The tables are in `house.rs`.

mod arrows;
mod checkout;
mod house;
mod papers;
mod tree;
