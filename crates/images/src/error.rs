//! What can go wrong with an image, by what is to be done about it.

use std::io;
use units::Digest;

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image itself is at fault, wherever it is fetched: every machine would say so.
    #[error("the image is refused: {0}")]
    Refused(#[from] Fault),
    /// The registry says that it has no such thing, or none for us: it will say so to others like us.
    #[error("{registry} does not give {what}: {why}")]
    NotThere {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What it said.
        why: String,
    },
    /// The registry cannot be reached or breaks off: another time or machine may fare better.
    #[error("{registry} does not give {what}: {why}")]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What it or the network said.
        why: String,
    },
    /// The registry is not among those that this machine's owner allows.
    #[error("{registry} is not among the registries this machine fetches from ({allowed})")]
    NotAllowed {
        /// The registry's host.
        registry: String,
        /// Those that are allowed, separated by commas.
        allowed: String,
    },
    /// This machine's disk.
    #[error("cannot keep the image here: {0}")]
    Here(#[source] io::Error),
}

/// What is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is no reference of the form `[HOST/]NAME[:TAG]@sha256:DIGEST`.
    #[error("`{text}` is no image reference: {why}")]
    Reference {
        /// The text.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// Bytes that are not of the digest that names them.
    #[error("the bytes given for {expected} hash to {found}")]
    Digest {
        /// The name.
        expected: Digest,
        /// What they are.
        found: Digest,
    },
    /// A blob that is longer or shorter than its descriptor says.
    #[error("{digest} is said to have {said} bytes and has {found}")]
    Size {
        /// Which.
        digest: Digest,
        /// What the descriptor says.
        said: u64,
        /// What came; where it is more, at least this much.
        found: u64,
    },
    /// More than a machine takes on.
    #[error("{what} pass the limit of {limit}")]
    TooMuch {
        /// Of what: a plural.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// Something that is not understood, or never could be run here.
    #[error("{0}")]
    Unsupported(String),
    /// Bytes that are no manifest, config or layer.
    #[error("the {what} cannot be read: {why}")]
    Malformed {
        /// What they should be.
        what: &'static str,
        /// Why they are not.
        why: String,
    },
    /// An entry of a layer that would leave the image's own tree.
    #[error("the layer's entry `{entry}` {why}")]
    Escape {
        /// Its name, printable.
        entry: String,
        /// What it does.
        why: &'static str,
    },
    /// An archive without the blob that its manifest names.
    #[error("the archive lacks {0}")]
    Missing(Digest),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Here(error)
    }
}

impl From<rustix::io::Errno> for Error {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Here(error.into())
    }
}
