//! A program's failure, as a result that workers can agree on.
//!
//! The encoding covers the kind only, never words or places that another engine would put differently. It begins with a
//! magic of its own, so that no failure has the digest of a success.

use crate::sha256;
use std::fmt;
use units::Digest;

/// The first bytes of every encoded failure; the last of them is the version.
const MAGIC: [u8; 8] = *b"MHFAIL\0\x01";
/// Magic, kind and detail.
const LENGTH: usize = 13;

/// How a program failed, by its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// It did what its machine forbids: unreachable code, memory out of bounds, stack used up, division by zero.
    Trap,
    /// It ended with an exit code other than 0.
    Exit {
        /// The code.
        code: u32,
    },
    /// It ran longer than its time class allows.
    TimeLimit,
    /// It asked for more memory than the task allows, and did not get over the refusal.
    MemoryLimit,
    /// It put out more than the task allows.
    OutputLimit(OutputLimit),
    /// It started more processes than the task allows.
    ProcessLimit,
    /// It is not a program that can be run here.
    InvalidModule(InvalidModule),
    /// It wrote a `computed.json` that names no result.
    Computed,
    /// What was bought is nothing that any worker could run, so none need try.
    Unusable(Unusable),
}

/// What of a deal no worker can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unusable {
    /// The app is of a kind that is not run here.
    Kind,
    /// The app's address names no file of this exchange.
    App,
    /// The dataset's address names no file of this exchange.
    Dataset,
    /// The request's params, or the task's row of its table, cannot be read.
    Params,
    /// The inputs have names that clash or cannot be files'.
    Inputs,
}

/// Which limit on output was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputLimit {
    /// Bytes in all files together.
    Bytes,
    /// Number of files and folders.
    Files,
    /// Bytes on standard output.
    Stdout,
    /// The length of a path.
    Path,
}

/// Why a module cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvalidModule {
    /// The bytes are not WebAssembly at all.
    NotWasm,
    /// It is a component; modules are run here.
    Component,
    /// It is WebAssembly that does not validate, or needs a feature that is off.
    Malformed,
    /// It imports what is not WASI preview 1.
    Import,
    /// It is a library and not a command: there is no `_start`.
    NoStart,
    /// It is larger than modules may be.
    TooLarge,
}

/// Bytes that are no failure's encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the encoding of a failure known here")]
pub struct BadFailure;

impl Failure {
    /// Every kind but [`Failure::Exit`], with the numbers that the encoding gives it.
    const KINDS: [(Self, u8, u32); 21] = [
        (Self::Trap, 1, 0),
        (Self::TimeLimit, 3, 0),
        (Self::MemoryLimit, 4, 0),
        (Self::OutputLimit(OutputLimit::Bytes), 5, 1),
        (Self::OutputLimit(OutputLimit::Files), 5, 2),
        (Self::OutputLimit(OutputLimit::Stdout), 5, 3),
        (Self::OutputLimit(OutputLimit::Path), 5, 4),
        (Self::ProcessLimit, 6, 0),
        (Self::InvalidModule(InvalidModule::NotWasm), 7, 1),
        (Self::InvalidModule(InvalidModule::Component), 7, 2),
        (Self::InvalidModule(InvalidModule::Malformed), 7, 3),
        (Self::InvalidModule(InvalidModule::Import), 7, 4),
        (Self::InvalidModule(InvalidModule::NoStart), 7, 5),
        (Self::InvalidModule(InvalidModule::TooLarge), 7, 6),
        (Self::Computed, 8, 0),
        (Self::Unusable(Unusable::Kind), 9, 1),
        (Self::Unusable(Unusable::App), 9, 2),
        (Self::Unusable(Unusable::Dataset), 9, 3),
        (Self::Unusable(Unusable::Params), 9, 4),
        (Self::Unusable(Unusable::Inputs), 9, 5),
        // Exit code 0 is a success; the row keeps `Exit`'s number in the table that decoding reads.
        (Self::Exit { code: 0 }, 2, 0),
    ];

    /// The failure's bytes: a blob like any result's.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, detail) = match self {
            Self::Exit { code } => (2, *code),
            Self::Trap
            | Self::TimeLimit
            | Self::MemoryLimit
            | Self::OutputLimit(_)
            | Self::ProcessLimit
            | Self::InvalidModule(_)
            | Self::Computed
            | Self::Unusable(_) => Self::KINDS
                .iter()
                .find_map(|(failure, kind, detail)| (failure == self).then_some((*kind, *detail)))
                .expect("the table has every kind"),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(&detail.to_be_bytes());
        bytes
    }

    /// Reads a failure's bytes.
    ///
    /// # Errors
    ///
    /// [`BadFailure`] for anything that [`encode`](Self::encode) does not give.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadFailure> {
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| BadFailure)?;
        let [magic @ .., kind, a, b, c, d] = bytes;
        let detail = u32::from_be_bytes([a, b, c, d]);
        if magic != MAGIC {
            return Err(BadFailure);
        }
        if kind == 2 {
            return if detail == 0 { Err(BadFailure) } else { Ok(Self::Exit { code: detail }) };
        }
        Self::KINDS
            .iter()
            .find_map(|(failure, k, number)| (*k == kind && *number == detail).then_some(*failure))
            .ok_or(BadFailure)
    }

    /// Whether bytes claim to be a failure's, by their magic.
    #[must_use]
    pub fn is_failure(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// SHA-256 of the encoding: the blob's name, and what workers agree on.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&self.encode())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap => f.write_str("the program crashed"),
            Self::Exit { code } => write!(f, "the program ended with exit code {code}"),
            Self::TimeLimit => f.write_str("the program ran longer than its time limit"),
            Self::MemoryLimit => f.write_str("the program needed more memory than its limit"),
            Self::OutputLimit(what) => what.fmt(f),
            Self::ProcessLimit => f.write_str("the program started more processes than its limit"),
            Self::InvalidModule(why) => why.fmt(f),
            Self::Computed => f.write_str("the program's computed.json names no result"),
            Self::Unusable(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for OutputLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "the program wrote more bytes than its output limit",
            Self::Files => "the program made more files than its output limit",
            Self::Stdout => "the program printed more than the limit of standard output",
            Self::Path => "the program made a file whose path is too long",
        })
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "the app is of a kind that is not run here; WebAssembly is",
            Self::App => "the app's address names no file of this exchange",
            Self::Dataset => "the dataset's address names no file of this exchange",
            Self::Params => "the request's params cannot be read",
            Self::Inputs => "the inputs' names clash, or cannot be files' names",
        })
    }
}

impl fmt::Display for InvalidModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWasm => "the app is not a WebAssembly module",
            Self::Component => {
                "the app is a WebAssembly component; build it as a WASI preview 1 module (target wasm32-wasip1)"
            }
            Self::Malformed => "the app is not a valid WebAssembly module, or uses a feature that is off here",
            Self::Import => "the app imports what is not WASI preview 1",
            Self::NoStart => "the app is a library and not a command (it has no `_start`)",
            Self::TooLarge => "the app is larger than a module may be",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> Vec<Failure> {
        Failure::KINDS
            .iter()
            .map(|(failure, ..)| *failure)
            .filter(|failure| *failure != Failure::Exit { code: 0 })
            .chain([Failure::Exit { code: 1 }, Failure::Exit { code: u32::MAX }])
            .collect()
    }

    #[test]
    fn every_failure_has_one_encoding_and_a_digest_of_its_own() {
        let digests: BTreeSet<Digest> = all().iter().map(Failure::digest).collect();
        assert_eq!(digests.len(), all().len());
        for failure in all() {
            assert_eq!(Failure::decode(&failure.encode()), Ok(failure));
            assert!(Failure::is_failure(&failure.encode()));
        }
    }

    #[test]
    fn bytes_that_no_failure_encodes_to_are_refused() {
        let good = Failure::Exit { code: 3 }.encode();
        let mut exit_zero = good.clone();
        exit_zero[12] = 0;
        let mut other_kind = good.clone();
        other_kind[8] = 10;
        let mut trap_with_detail = Failure::Trap.encode();
        trap_with_detail[12] = 1;
        let longer = [good.clone(), vec![0]].concat();
        for bad in [&exit_zero, &other_kind, &trap_with_detail, &longer, &good[..12].to_vec(), &Vec::new()] {
            assert_eq!(Failure::decode(bad), Err(BadFailure), "{bad:?}");
        }
    }
}
