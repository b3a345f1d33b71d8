//! The program's memory as its calls use it: every access checked, little-endian.

use crate::world::{Errno, Fault};
use std::ops::Range;

/// The most stretches that one call reads or writes; as Linux has it.
const MAX_VECTORS: usize = 1024;

/// A program's linear memory.
pub(super) struct Memory<'m>(pub(super) &'m mut [u8]);

/// A stretch of the program's memory, checked to lie within it.
pub(super) type Stretch = Range<usize>;

impl Memory<'_> {
    pub(super) fn stretch(&self, start: u32, length: u32) -> Result<Stretch, Fault> {
        let start = start as usize;
        let end = start.checked_add(length as usize).filter(|end| *end <= self.0.len());
        end.map(|end| start..end).ok_or(Fault::Errno(Errno::Fault))
    }

    pub(super) fn read<const N: usize>(&self, start: u32) -> Result<[u8; N], Fault> {
        let here = self.0.get(start as usize..).and_then(|rest| rest.first_chunk::<N>());
        here.copied().ok_or(Fault::Errno(Errno::Fault))
    }

    pub(super) fn write(&mut self, start: u32, bytes: &[u8]) -> Result<(), Fault> {
        let end = (start as usize).checked_add(bytes.len()).ok_or(Errno::Fault)?;
        self.0.get_mut(start as usize..end).ok_or(Errno::Fault)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, start: u32, value: u32) -> Result<(), Fault> {
        self.write(start, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, start: u32, value: u64) -> Result<(), Fault> {
        self.write(start, &value.to_le_bytes())
    }

    /// A size in the program's own width.
    pub(super) fn write_size(&mut self, start: u32, size: usize) -> Result<(), Fault> {
        self.write_u32(start, u32::try_from(size).map_err(|_| Errno::Overflow)?)
    }

    /// A path or name: UTF-8, without NUL.
    pub(super) fn text(&self, start: u32, length: u32) -> Result<&str, Fault> {
        let text = std::str::from_utf8(&self.0[self.stretch(start, length)?]).map_err(|_| Errno::Ilseq)?;
        if text.contains('\0') { Err(Errno::Ilseq.into()) } else { Ok(text) }
    }

    /// The stretches that an array of `count` (start, length) pairs names; the first [`MAX_VECTORS`] of them, for a call may
    /// read or write less than asked.
    pub(super) fn vectors(&self, start: u32, count: u32) -> Result<Vec<Stretch>, Fault> {
        let bytes = count.checked_mul(8).ok_or(Errno::Inval)?;
        let pairs = &self.0[self.stretch(start, bytes)?];
        let (pairs, _) = pairs.as_chunks::<8>();
        pairs
            .iter()
            .take(MAX_VECTORS)
            .map(|[a, b, c, d, e, f, g, h]| {
                self.stretch(u32::from_le_bytes([*a, *b, *c, *d]), u32::from_le_bytes([*e, *f, *g, *h]))
            })
            .collect()
    }
}
