//! `hands`: the one binary of Manyhands. It only composes the other crates and prints.
fn main() {}
