//! The book, driven by orders and read by the matches it proposes and the reasons it gives.

mod explain;
mod market;
mod matching;
mod priority;
mod prospects;
