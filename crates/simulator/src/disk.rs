//! The operator's disk: the journal and the results' blobs, each written whole or not at all.
//!
//! A [`Trap`] lets the process die between any two writes: the write that springs it is on disk or is not, and nothing after
//! it happens. A disk that returns an error is the trap whose write is not there, since the process stops then.

use exchange::Entry;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, Digest, TaskId};

/// After so many more writes the process dies.
#[derive(Clone, Copy, Debug)]
struct Trap {
    left: u64,
    /// Whether the write at which it dies is on disk.
    lands: bool,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// It is on disk.
    Done,
    /// The process is dead, and what it wrote is there or not.
    Died { landed: bool },
}

/// What survives the process.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// The journal, record after record.
    pub(crate) log: Vec<Entry>,
    pub(crate) blobs: BTreeSet<Digest>,
    /// The secrets of the audits' draw, in a file of their own.
    pub(crate) secrets: Vec<B256>,
    /// Which result and blob came beside whose sealed word, in a file of their own.
    pub(crate) opened: BTreeMap<TaskId, BTreeMap<Address, (B256, Digest)>>,
    trap: Option<Trap>,
}

impl Disk {
    /// Lets the process die at the write that comes after `writes` others.
    pub(crate) fn set_trap(&mut self, writes: u64, lands: bool) {
        self.trap = Some(Trap { left: writes, lands });
    }

    /// No write springs anything any more.
    pub(crate) fn disarm(&mut self) {
        self.trap = None;
    }

    fn write(&mut self) -> Wrote {
        let Some(trap) = &mut self.trap else { return Wrote::Done };
        if trap.left > 0 {
            trap.left -= 1;
            return Wrote::Done;
        }
        let landed = trap.lands;
        self.trap = None;
        Wrote::Died { landed }
    }

    /// Stores a result.
    pub(crate) fn put(&mut self, blob: Digest) -> Wrote {
        let wrote = self.write();
        if wrote != (Wrote::Died { landed: false }) {
            self.blobs.insert(blob);
        }
        wrote
    }

    /// Writes a record; nothing to write is no write.
    pub(crate) fn append(&mut self, record: &[Entry]) -> Wrote {
        if record.is_empty() {
            return Wrote::Done;
        }
        let wrote = self.write();
        if wrote != (Wrote::Died { landed: false }) {
            self.log.extend_from_slice(record);
        }
        wrote
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_dies_at_the_write_that_was_meant_and_only_there() {
        let blob = |byte: u8| Digest(units::B256::repeat_byte(byte));
        for lands in [false, true] {
            let mut disk = Disk::default();
            disk.set_trap(1, lands);
            assert_eq!(disk.put(blob(1)), Wrote::Done);
            assert_eq!(disk.append(&[]), Wrote::Done, "nothing to write is no write");
            assert_eq!(disk.put(blob(2)), Wrote::Died { landed: lands });
            assert_eq!(disk.blobs.contains(&blob(2)), lands);
            assert_eq!(disk.put(blob(3)), Wrote::Done, "the next process has its own life");
        }
    }
}
