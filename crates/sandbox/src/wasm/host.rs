//! What stands behind one running program: its world, its descriptors, its limits.

use crate::control::Control;
use crate::run::{HEAD_BYTES, Limits, TAIL_BYTES};
use crate::world::{Clock, Content, Errno, Fault, FileKind, Ino, Random, Stop, Tree};
use results::{Failure, Tail};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wasmtime::{ResourceLimiter, UpdateDeadline};

/// The most descriptors open at a time.
const MAX_DESCRIPTORS: usize = 1024;
/// The most names that all listings together hold.
const MAX_LISTED: usize = 200_000;
/// A table's entry takes so many bytes of the memory limit.
const TABLE_ENTRY_BYTES: u64 = 8;
/// The longest a table may grow, however it is allocated; valid modules begin with no more.
pub(super) const TABLE_ENTRIES: usize = 10_000_000;

/// What wasmtime says where a memory would grow past the maximum that its type declares.
const TYPE_LIMIT: &str = "memory growth exceeds memory type's limits";

/// What a call comes to.
pub(super) type Answer = Result<(), Fault>;

/// One entry of a folder, as the program lists it.
pub(super) type Name = (String, Ino, FileKind);

/// An open descriptor.
#[derive(Debug)]
pub(super) enum Descriptor {
    /// Standard input, always at its end.
    Stdin,
    Stdout,
    Stderr,
    Folder {
        ino: Ino,
        /// The name under which a program finds the folder when it starts.
        preopened: Option<&'static str>,
        /// What was in the folder when its listing began.
        listing: Vec<Name>,
    },
    File {
        ino: Ino,
        position: u64,
        read: bool,
        write: bool,
        append: bool,
    },
}

/// The host's side of one run.
pub(super) struct Host {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) tree: Tree,
    pub(super) descriptors: BTreeMap<u32, Descriptor>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) stdout: Content,
    pub(super) stdout_tail: Tail,
    pub(super) stderr_tail: Tail,
    pub(super) memory: Option<wasmtime::Memory>,
    /// Why the run ended, where a call or a limit ended it.
    pub(super) stop: Option<Stop>,
    pub(super) watch: Watch,
    pub(super) budget: Budget,
    stdout_limit: u64,
}

impl Host {
    pub(super) fn new(
        args: Vec<String>,
        env: Vec<String>,
        mut tree: Tree,
        seed: [u8; 32],
        limits: &Limits,
        control: Control,
    ) -> Self {
        // The output folder comes first: some runtimes take the first folder as their current one.
        let folders = [(3, Tree::OUTPUT, "/iexec_out"), (4, Tree::OUTPUT, "."), (5, Tree::INPUT, "/iexec_in")];
        let mut descriptors =
            BTreeMap::from([(0, Descriptor::Stdin), (1, Descriptor::Stdout), (2, Descriptor::Stderr)]);
        for (number, ino, name) in folders {
            tree.open_root(ino);
            descriptors.insert(number, Descriptor::Folder { ino, preopened: Some(name), listing: Vec::new() });
        }
        Self {
            args,
            env,
            tree,
            descriptors,
            clock: Clock::default(),
            random: Random::new(seed),
            stdout: Content::empty(),
            stdout_tail: Tail::new(HEAD_BYTES, TAIL_BYTES),
            stderr_tail: Tail::new(HEAD_BYTES, TAIL_BYTES),
            memory: None,
            stop: None,
            watch: Watch::new(limits.time, control),
            budget: Budget { limit: limits.memory_bytes, ..Budget::default() },
            stdout_limit: limits.stdout_bytes,
        }
    }

    pub(super) fn descriptor(&mut self, number: u32) -> Result<&mut Descriptor, Fault> {
        self.descriptors.get_mut(&number).ok_or(Fault::Errno(Errno::Badf))
    }

    /// The folder that a path begins at.
    pub(super) fn folder(&mut self, number: u32) -> Result<Ino, Fault> {
        match self.descriptor(number)? {
            Descriptor::Folder { ino, .. } => Ok(*ino),
            Descriptor::File { .. } | Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => {
                Err(Errno::Notdir.into())
            }
        }
    }

    /// The lowest free number, as POSIX has it.
    pub(super) fn free_number(&self) -> Result<u32, Fault> {
        if self.descriptors.len() >= MAX_DESCRIPTORS {
            return Err(Errno::Mfile.into());
        }
        (0..).find(|number| !self.descriptors.contains_key(number)).ok_or(Fault::Errno(Errno::Mfile))
    }

    /// Whether listings may hold so many more names.
    pub(super) fn may_list(&self, more: usize) -> Answer {
        let held = self.descriptors.values().map(|descriptor| match descriptor {
            Descriptor::Folder { listing, .. } => listing.len(),
            Descriptor::File { .. } | Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => 0,
        });
        if held.sum::<usize>().saturating_add(more) > MAX_LISTED { Err(Errno::Nomem.into()) } else { Ok(()) }
    }

    pub(super) fn close(&mut self, number: u32) -> Answer {
        match self.descriptors.remove(&number).ok_or(Errno::Badf)? {
            Descriptor::Folder { ino, .. } | Descriptor::File { ino, .. } => self.tree.close(ino),
            Descriptor::Stdin | Descriptor::Stdout | Descriptor::Stderr => {}
        }
        Ok(())
    }

    pub(super) fn print(&mut self, bytes: &[u8]) -> Answer {
        self.stdout_tail.push(bytes);
        let length = self.stdout.length();
        if length.saturating_add(bytes.len() as u64) > self.stdout_limit {
            return Err(Stop::Fail(Failure::OutputLimit(results::OutputLimit::Stdout)).into());
        }
        Ok(self.stdout.write_at(self.tree.scratch(), length, bytes)?)
    }

    /// Looks at the time limit and the owner's wishes.
    pub(super) fn tick(&mut self) -> UpdateDeadline {
        match self.watch.look() {
            None => UpdateDeadline::Continue(1),
            Some(stop) => {
                self.stop.get_or_insert(stop);
                UpdateDeadline::Interrupt
            }
        }
    }
}

/// The time a run has taken.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    held: Duration,
    limit: Duration,
    control: Control,
}

impl Watch {
    fn new(limit: Duration, control: Control) -> Self {
        Self { began: Instant::now(), held: Duration::ZERO, limit, control }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.held)
    }

    /// Why the run must end now, if it must; waits while it is held.
    pub(super) fn look(&mut self) -> Option<Stop> {
        if self.control.is_paused() {
            let since = Instant::now();
            self.control.wait();
            self.held += since.elapsed();
        }
        if self.control.is_cancelled() {
            Some(Stop::Cancelled)
        } else if self.elapsed() > self.limit {
            Some(Stop::Fail(Failure::TimeLimit))
        } else {
            None
        }
    }
}

/// Memory and tables together.
#[derive(Debug, Default)]
pub(super) struct Budget {
    limit: u64,
    held: u64,
    /// Whether the program was ever refused memory.
    pub(super) denied: bool,
    /// Whether the operating system had none, within the limit.
    pub(super) short: bool,
}

impl Budget {
    /// What is held; memory is never given back, so this is also the most that ever was.
    pub(super) fn peak(&self) -> u64 {
        self.held
    }

    fn take(&mut self, bytes: u64) -> bool {
        let held = self.held.saturating_add(bytes);
        if held > self.limit {
            self.denied = true;
            return false;
        }
        self.held = held;
        true
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.take(more))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Growing past the memory's own maximum is the program's to get over, the same everywhere. Where the operating
        // system has none within the limit, going on would let replicas differ.
        if error.to_string() == TYPE_LIMIT {
            return Ok(());
        }
        self.short = true;
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = (desired.saturating_sub(current) as u64).saturating_mul(TABLE_ENTRY_BYTES);
        let most = maximum.map_or(TABLE_ENTRIES, |maximum| maximum.min(TABLE_ENTRIES));
        Ok(desired <= most && self.take(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_a_run_is_held_does_not_count() {
        let held = Duration::from_millis(5);
        let control = Control::new();
        let mut watch = Watch::new(Duration::from_secs(3600), control.clone());
        control.pause();
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(watch.look().is_none()));
            while !control.is_held() {
                std::thread::yield_now();
            }
            let since = Instant::now();
            while since.elapsed() < held {
                std::thread::yield_now();
            }
            control.resume();
        });
        assert!(watch.elapsed() + held <= watch.began.elapsed());
        assert!(!control.is_held());
    }
}
