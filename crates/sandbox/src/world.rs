//! What a program sees of a world: files, a clock, randomness. All of it depends on the task alone.
//!
//! Written down for other engines in `docs/task-world.md`.

mod collect;
mod content;
mod tree;

pub(crate) use collect::{Collected, collect};
pub(crate) use content::{Content, Scratch};
pub(crate) use tree::{FileKind, Ino, OpenMode, Stat, Tree};

use results::Failure;
use sha2::{Digest as _, Sha256};
use std::io;

/// Why a run ends at once.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The program ended itself.
    Exit(u32),
    /// The program passed a limit.
    Fail(Failure),
    /// The owner ended it.
    Cancelled,
    /// An input could not be read.
    Input(String, io::Error),
    /// The scratch folder failed.
    Scratch(io::Error),
    /// The operating system gave no memory.
    MemoryShort,
}

/// Error numbers of WASI preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    Badf = 8,
    Exist = 20,
    Fault = 21,
    Ilseq = 25,
    Inval = 28,
    Isdir = 31,
    Mfile = 33,
    Nametoolong = 37,
    Noent = 44,
    Nomem = 48,
    Notdir = 54,
    Notempty = 55,
    Notsock = 57,
    Notsup = 58,
    Overflow = 61,
    Perm = 63,
    Rofs = 69,
    Spipe = 70,
}

/// What a call of the program can come to, other than success.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The program is told.
    Errno(Errno),
    /// The run ends.
    Stop(Stop),
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// A clock that only the program's own calls move.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Nanoseconds since the run began.
    now: u64,
}

impl Clock {
    /// When every run begins: 1 January 2020, 00:00 UTC, in nanoseconds since the Unix epoch.
    pub(crate) const EPOCH: u64 = 1_577_836_800_000_000_000;
    /// What one look at the clock takes, and its resolution, in nanoseconds.
    pub(crate) const STEP: u64 = 1_000;

    /// Looks at the clock, which moves it.
    pub(crate) fn read(&mut self) -> u64 {
        self.now = self.now.saturating_add(Self::STEP);
        self.now
    }

    /// Sleeps until a moment; that takes no time of the host.
    pub(crate) fn sleep_until(&mut self, moment: u64) {
        self.now = self.now.max(moment);
    }

    /// The time without a look at it.
    pub(crate) fn now(self) -> u64 {
        self.now
    }
}

/// Randomness made from the task's seed: block `i` is SHA-256 of a label, the seed and `i` as a little-endian u64.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    seed: [u8; 32],
    next_block: u64,
    block: [u8; 32],
    /// Bytes of `block` already given out.
    given: usize,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, next_block: 0, block: [0; 32], given: 32 }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.given == self.block.len() {
                let hash = Sha256::new()
                    .chain_update(b"manyhands task randomness 1")
                    .chain_update(self.seed)
                    .chain_update(self.next_block.to_le_bytes());
                self.block = hash.finalize().into();
                self.next_block = self.next_block.wrapping_add(1);
                self.given = 0;
            }
            *byte = self.block[self.given];
            self.given += 1;
        }
    }
}
