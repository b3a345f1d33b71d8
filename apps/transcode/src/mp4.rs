//! MP4 and MOV (ISO/IEC 14496-12): the table of samples read, and files written of samples of others.

mod boxes;
mod fragments;
mod gather;
mod read;
mod write;

pub(crate) use boxes::without_rates;
pub use fragments::{Fragment, fragment, initial};
pub use read::{Movie, Sample, Track, read};
pub use write::{Edit, Line, Placed, Span, scaled, write};
