//! Fragments, of which streams are made (ISO/IEC 14496-12, 8.8): a file that only describes the tracks, and stretches of samples.

use super::boxes::Writer;
use super::write::{Line, Span, copy, header, track};
use crate::Fault;
use std::io::{Read, Seek, Write};

/// A sample that can be decoded by itself.
const KEY: u32 = 0x0200_0000;
/// Any other sample.
const OTHER: u32 = 0x0101_0000;

/// A stretch of each line.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Counted from 1.
    pub number: u32,
    /// Of each line, in their order.
    pub spans: Vec<Span>,
}

/// The file that describes the tracks.
#[must_use]
pub fn initial(lines: &[Line<'_>]) -> Vec<u8> {
    let mut to = Writer::default();
    to.nest(b"ftyp", |own| own.bytes(b"iso5").u32(512).bytes(b"iso5iso6mp41").end());
    to.nest(b"moov", |own| {
        header(own, lines);
        for (number, line) in lines.iter().enumerate() {
            track(own, number, line, |own| {
                for name in [b"stts", b"stsc", b"stco"] {
                    own.full(name, 0, 0, |own| own.u32(0).end());
                }
                own.full(b"stsz", 0, 0, |own| own.u32(0).u32(0).end());
            });
        }
        own.nest(b"mvex", |own| {
            for number in 1..=lines.len() {
                own.full(b"trex", 0, 0, |own| own.length(number).u32(1).u32(0).u32(0).u32(0).end());
            }
        });
    });
    to.0
}

/// Writes a fragment.
///
/// # Errors
/// What cannot be read or written.
pub fn fragment<F: Read + Seek>(
    to: &mut impl Write,
    lines: &[Line<'_>],
    fragment: &Fragment,
    files: &mut [F],
) -> Result<(), Fault> {
    let length = described(lines, fragment, 0).len();
    let head = described(lines, fragment, length + 8);
    to.write_all(&head)?;
    let stretches =
        || lines.iter().zip(&fragment.spans).map(|(line, span)| line.samples.get(span.clone()).unwrap_or_default());
    let bytes: u64 = stretches().flatten().map(|placed| u64::from(placed.sample.size)).sum();
    let bytes = u32::try_from(bytes + 8).map_err(|_| Fault::Unsupported("a stretch of more than 4 GiB"))?;
    let mut head = Writer::default();
    head.u32(bytes).bytes(b"mdat");
    to.write_all(&head.0)?;
    for samples in stretches() {
        copy(to, samples, files)?;
    }
    Ok(())
}

fn described(lines: &[Line<'_>], fragment: &Fragment, mut at: usize) -> Vec<u8> {
    let mut to = Writer::default();
    to.nest(b"moof", |own| {
        own.full(b"mfhd", 0, 0, |own| own.u32(fragment.number).end());
        for (number, (line, span)) in lines.iter().zip(&fragment.spans).enumerate() {
            let samples = line.samples.get(span.clone()).unwrap_or_default();
            let Some(first) = samples.first() else { continue };
            own.nest(b"traf", |own| {
                own.full(b"tfhd", 0, 0x02_0002, |own| own.length(number + 1).u32(first.sample.description + 1).end());
                own.full(b"tfdt", 1, 0, |own| own.u64(first.sample.decoded).end());
                own.full(b"trun", 1, 0x0f01, |own| {
                    own.length(samples.len()).length(at);
                    for (index, placed) in span.clone().zip(samples) {
                        own.most(line.lasts(index)).u32(placed.sample.size);
                        own.u32(if placed.sample.key { KEY } else { OTHER }).i32(placed.sample.later);
                    }
                });
            });
            at += samples.iter().map(|placed| usize::try_from(placed.sample.size).unwrap_or(0)).sum::<usize>();
        }
    });
    to.0
}
