//! Does nothing, successfully: what a task costs when the work itself is free.

fn main() {}
