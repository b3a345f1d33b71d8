//! The market as a whole: commands and workers in, deals, assignments and money out. Real keys, real signatures, no I/O.

mod audits;
mod explain;
mod jobs;
mod judged;
mod pools;
mod supply;
mod taken_up;
mod world;
