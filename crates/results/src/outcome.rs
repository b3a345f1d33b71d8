//! How a run ended: with a result (a success or the program's own failure), or with a worker's refusal.

use crate::failure::Failure;
use alloy_primitives::Bytes;
use units::{B256, Digest};

/// A result: what workers state and agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program ended well and left a tree.
    Success(Success),
    /// The program failed by its own doing.
    Failure(Failure),
}

/// A tree that a program left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The blob: SHA-256 of the tree's encoding.
    pub blob: Digest,
    /// The encoding's length in bytes.
    pub size: u64,
    /// PoCo's `resultDigest`: the blob's digest, or what `computed.json` makes of the tree.
    pub digest: B256,
    /// Data for the deal's callback, where it asks for one.
    pub callback: Option<Bytes>,
}

impl Outcome {
    /// PoCo's `resultDigest`.
    #[must_use]
    pub fn digest(&self) -> B256 {
        match self {
            Self::Success(success) => success.digest,
            Self::Failure(failure) => failure.digest().0,
        }
    }

    /// The blob that holds the result.
    #[must_use]
    pub fn blob(&self) -> Digest {
        match self {
            Self::Success(success) => success.blob,
            Self::Failure(failure) => failure.digest(),
        }
    }

    /// The program's failure, where it failed.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Success(_) => None,
            Self::Failure(failure) => Some(*failure),
        }
    }
}

/// Why a worker gives a task back. Never held against it, and never a statement about the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// The exchange or the worker's owner called the task off.
    #[error("the task was called off")]
    Cancelled,
    /// This machine is too slow, or too busy, for the task's deadline.
    #[error("it takes too long on this machine")]
    TooSlow,
    /// This machine's disk is full.
    #[error("this machine's disk is full")]
    DiskFull,
    /// This machine has too little memory to spare.
    #[error("this machine has too little memory to spare")]
    MemoryShort,
    /// The app, the dataset or an input could not be fetched, or what came was not what its digest says.
    #[error("the task's files could not be fetched")]
    Fetch,
    /// The task needs what this worker does not have: another runtime, a GPU, a TEE.
    #[error("this machine cannot run this kind of task")]
    Unsupported,
    /// Something is wrong with this machine or with this worker's own code.
    #[error("something went wrong on this machine")]
    Fault,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::TooSlow,
        Self::DiskFull,
        Self::MemoryShort,
        Self::Fetch,
        Self::Unsupported,
        Self::Fault,
    ];

    /// The reason's stable name on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TooSlow => "too-slow",
            Self::DiskFull => "disk-full",
            Self::MemoryShort => "memory-short",
            Self::Fetch => "fetch",
            Self::Unsupported => "unsupported",
            Self::Fault => "fault",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}
