//! The samples of a film in fragments (ISO/IEC 14496-12, 8.8), as recorders and streams have it: each fragment (`moof`) says what it
//! adds to which track.

use super::boxes::{Fields, find, inner, need};
use super::read::{MOST_SAMPLES, Sample, Track};
use crate::Fault;
use std::collections::BTreeMap;

/// A sample's flag: it cannot be decoded by itself.
const NO_KEY: u32 = 0x1_0000;

/// What a track's samples are where a fragment says nothing else.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    /// Counted from 1.
    description: u32,
    lasts: u32,
    size: u32,
    flags: u32,
}

/// A film whose samples come in fragments, by what `mvex` says of its tracks.
#[derive(Clone, Debug)]
pub(super) struct Gatherer(BTreeMap<u32, Usual>);

/// Where runs of samples lie.
struct Place {
    /// What offsets are counted from.
    base: u64,
    /// Where the run before ended.
    next: u64,
    /// Bytes of the file.
    bytes: u64,
}

impl Gatherer {
    /// Of a film's table; none where its samples are all in it.
    pub(super) fn of(table: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(extends) = find(table, b"mvex")? else { return Ok(None) };
        let mut usual = BTreeMap::new();
        for own in inner(extends.body)?.into_iter().filter(|inner| inner.name == *b"trex") {
            let mut fields = Fields(own.body);
            fields.version()?;
            let track = fields.u32()?;
            let (description, lasts, size, flags) = (fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?);
            usual.insert(track, Usual { description, lasts, size, flags });
        }
        Ok(Some(Self(usual)))
    }

    /// Adds the samples of the fragment that begins `at` a place of a file of so many bytes.
    pub(super) fn add(&self, fragment: &[u8], at: u64, bytes: u64, tracks: &mut [Track]) -> Result<(), Fault> {
        let mut place = Place { base: at, next: at, bytes };
        for (number, own) in inner(fragment)?.iter().filter(|inner| inner.name == *b"traf").enumerate() {
            let mut head = Fields(need(own.body, b"tfhd")?);
            let (flags, track) = (head.u32()?, head.u32()?);
            let mut usual = self.0.get(&track).copied().unwrap_or_default();
            // Without a word on it the first begins with its fragment, the others behind the one before.
            place.base = if flags & 1 != 0 {
                head.u64()?
            } else if flags & 0x2_0000 != 0 || number == 0 {
                at
            } else {
                place.next
            };
            place.next = place.base;
            let told =
                [(2, &mut usual.description), (8, &mut usual.lasts), (0x10, &mut usual.size), (0x20, &mut usual.flags)];
            for (flag, field) in told {
                if flags & flag != 0 {
                    *field = head.u32()?;
                }
            }
            let Some(track) = tracks.iter_mut().find(|it| it.id == track) else { continue };
            if let Some(begins) = find(own.body, b"tfdt")? {
                let mut fields = Fields(begins.body);
                let version = fields.version()?;
                track.end = fields.by_version(version)?;
            }
            for run in inner(own.body)?.iter().filter(|inner| inner.name == *b"trun") {
                add(run.body, usual, &mut place, track)?;
            }
        }
        Ok(())
    }
}

/// Adds a run of samples to a track, behind where that ends.
fn add(run: &[u8], usual: Usual, place: &mut Place, track: &mut Track) -> Result<(), Fault> {
    let mut fields = Fields(run);
    let (told, count) = (fields.u32()?, fields.u32()?);
    if told & 1 != 0 {
        let offset = i64::from(fields.i32()?);
        place.next = place.base.checked_add_signed(offset).ok_or(Fault::Damaged("a sample lies before its film"))?;
    }
    let first = if told & 4 != 0 { Some(fields.u32()?) } else { None };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if track.samples.len().saturating_add(count) > MOST_SAMPLES {
        return Err(Fault::Unsupported("more than twenty million samples"));
    }
    for number in 0..count {
        let mut own = |flag: u32, usual: u32| if told & flag != 0 { fields.u32() } else { Ok(usual) };
        let (lasts, size) = (own(0x100, usual.lasts)?, own(0x200, usual.size)?);
        let flags = own(0x400, first.filter(|_| number == 0).unwrap_or(usual.flags))?;
        let later = own(0x800, 0)?.cast_signed();
        let (offset, key) = (place.next, flags & NO_KEY == 0);
        place.next = offset.saturating_add(u64::from(size));
        if place.next > place.bytes {
            return Err(Fault::Damaged("a sample lies behind its end"));
        }
        let description = usual.description.saturating_sub(1);
        track.samples.push(Sample { offset, size, decoded: track.end, later, key, description });
        track.end = track.end.checked_add(u64::from(lasts)).ok_or(Fault::Damaged("a film lasts for ever"))?;
    }
    Ok(())
}
