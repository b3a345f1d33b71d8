//! Why a film cannot be read.

use std::{fmt, io};

/// Why a film cannot be read.
#[derive(Debug)]
pub enum Fault {
    /// The file system's words.
    Io(io::Error),
    /// What of it makes no sense.
    Damaged(&'static str),
    /// What of it is not understood here.
    Unsupported(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => f.write_str("it ends too early"),
            Self::Io(error) => error.fmt(f),
            Self::Damaged(what) => write!(f, "it is damaged: {what}"),
            Self::Unsupported(what) => write!(f, "it has {what}, which is not understood here"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
