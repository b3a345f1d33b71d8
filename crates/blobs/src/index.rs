//! Which blobs there are, how large, and in which order they were last used. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use units::Digest;

/// One blob on disk.
#[derive(Clone, Copy, Debug)]
struct Held {
    size: u64,
    /// Its place in the order of use.
    used: u64,
    pins: u32,
}

/// All blobs on disk.
#[derive(Debug, Default)]
pub(crate) struct Index {
    held: BTreeMap<Digest, Held>,
    by_use: BTreeMap<u64, Digest>,
    by_size: BTreeSet<(u64, Digest)>,
    /// Numbers uses, ascending.
    uses: u64,
    total: u64,
}

impl Index {
    pub(crate) fn insert(&mut self, digest: Digest, size: u64) {
        if self.touch(&digest).is_some() {
            return;
        }
        let used = self.next_use();
        self.held.insert(digest, Held { size, used, pins: 0 });
        self.by_use.insert(used, digest);
        self.by_size.insert((size, digest));
        self.total = self.total.saturating_add(size);
    }

    pub(crate) fn remove(&mut self, digest: &Digest) -> Option<u64> {
        let held = self.held.remove(digest)?;
        self.by_use.remove(&held.used);
        self.by_size.remove(&(held.size, *digest));
        self.total = self.total.saturating_sub(held.size);
        Some(held.size)
    }

    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        self.held.get(digest).map(|held| held.size)
    }

    /// Marks a blob as just used; gives its size.
    pub(crate) fn touch(&mut self, digest: &Digest) -> Option<u64> {
        let used = self.next_use();
        let held = self.held.get_mut(digest)?;
        self.by_use.remove(&held.used);
        held.used = used;
        self.by_use.insert(used, *digest);
        Some(held.size)
    }

    pub(crate) fn pin(&mut self, digest: &Digest) -> Option<u64> {
        let size = self.touch(digest)?;
        let held = self.held.get_mut(digest)?;
        held.pins = held.pins.saturating_add(1);
        Some(size)
    }

    pub(crate) fn unpin(&mut self, digest: &Digest) {
        if let Some(held) = self.held.get_mut(digest) {
            held.pins = held.pins.saturating_sub(1);
        }
    }

    /// The blobs to remove so that at most `cap` bytes stay, least recently used first. Pinned ones stay, and `newest`.
    pub(crate) fn surplus(&self, cap: u64, newest: &Digest) -> Vec<Digest> {
        let mut total = self.total;
        let mut surplus = Vec::new();
        for digest in self.by_use.values() {
            if total <= cap {
                break;
            }
            if let Some(held) = self.held.get(digest)
                && held.pins == 0
                && digest != newest
            {
                total = total.saturating_sub(held.size);
                surplus.push(*digest);
            }
        }
        surplus
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn digests(&self) -> Vec<Digest> {
        self.held.keys().copied().collect()
    }

    /// At most so many blobs, the one used last first.
    pub(crate) fn recent(&self, most: usize) -> Vec<Digest> {
        self.by_use.values().rev().take(most).copied().collect()
    }

    /// Blobs of this size, at most so many.
    pub(crate) fn of_size(&self, size: u64, most: usize) -> Vec<Digest> {
        let alike = self.by_size.range((size, Digest::default())..).take_while(|(found, _)| *found == size);
        alike.take(most).map(|(_, digest)| *digest).collect()
    }

    /// Blobs of half to twice this size, the nearest first, at most so many.
    pub(crate) fn about(&self, size: u64, most: usize) -> Vec<(u64, Digest)> {
        let here = (size, Digest::default());
        let (least, largest) = (size / 2, size.saturating_mul(2));
        let smaller = self.by_size.range((least, Digest::default())..here).rev().take(most);
        let larger = self.by_size.range(here..).take_while(|(found, _)| *found <= largest).take(most);
        let mut found: Vec<(u64, Digest)> = smaller.chain(larger).copied().collect();
        found.sort_unstable_by_key(|(found, digest)| (found.abs_diff(size), *digest));
        found.truncate(most);
        found
    }

    fn next_use(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }
}
