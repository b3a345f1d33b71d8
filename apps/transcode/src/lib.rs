//! Films in pieces: MP4, MOV, Matroska and WebM split at keyframes without a byte of their pictures or sound changed, and the MP4
//! files that the pieces became joined again, as one file or as HLS.
//!
//! No codec is known here: what is between two keyframes is copied. Invariants: a piece begins with a keyframe that nothing after
//! it looks back across; a film's length is never held in memory, only its table of samples; a damaged file is a [`Fault`].

mod cut;
mod fault;
pub mod hls;
pub mod join;
mod matroska;
pub mod mp4;
mod source;

pub use cut::{Moment, cuts};
pub use fault::Fault;
pub use source::{Kind, Piece, Source, Stream};
