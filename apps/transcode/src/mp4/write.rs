//! A file of samples that lie in others, their table first.

use super::boxes::Writer;
use super::read::{Movie, Sample, Track};
use crate::Fault;
use crate::source::Kind;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// Ticks of a whole file that is written, in a second.
pub(super) const TIMESCALE: u32 = 1000;
/// Identity, as a matrix.
const STRAIGHT: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// A track to be written.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Whose kind, handler and place it takes.
    pub like: &'a Track,
    /// Ticks in a second.
    pub timescale: u32,
    /// What decoders need to know.
    pub descriptions: Vec<Vec<u8>>,
    /// Its samples, in the order in which they are decoded.
    pub samples: Vec<Placed>,
    /// When it is shown.
    pub edit: Edit,
    /// When its last sample ends, in ticks.
    pub end: u64,
}

/// A sample of one of several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which file.
    pub file: usize,
    /// Where in it, and when; its description is one of the line's.
    pub sample: Sample,
}

/// When a track is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Milliseconds before it begins.
    pub delay_ms: u64,
    /// Where within its own time it begins, in its ticks.
    pub from: u64,
}

/// Part of a track's samples.
pub type Span = Range<usize>;

impl<'a> Line<'a> {
    /// A piece of a track of one file.
    #[must_use]
    pub fn piece(track: &'a Track, span: Span) -> Self {
        let own = track.samples.get(span.clone()).unwrap_or_default();
        let begin = own.first().map_or(0, |sample| sample.decoded);
        let end = track.samples.get(span.end).map_or(track.end, |next| next.decoded);
        let shift = |sample: &Sample| Sample { decoded: sample.decoded.saturating_sub(begin), ..*sample };
        let samples: Vec<Placed> = own.iter().map(|sample| Placed { file: 0, sample: shift(sample) }).collect();
        // Samples are shown from the first on; those that the film itself passes over at its beginning stay passed over.
        let first = own.iter().map(Sample::shown).min().unwrap_or(0);
        let first = if span.start == 0 { track.from.unwrap_or(first) } else { first };
        let from = first.saturating_sub(i64::try_from(begin).unwrap_or(i64::MAX));
        let edit = Edit { delay_ms: 0, from: u64::try_from(from).unwrap_or(0) };
        let (descriptions, end) = (track.descriptions.clone(), end.saturating_sub(begin));
        Self { like: track, timescale: track.timescale, descriptions, samples, edit, end }
    }

    /// How long it is shown, in ticks of its own: to where the sample that is shown last ends.
    pub(super) fn shown(&self) -> u64 {
        let ends = |(index, placed): (usize, &Placed)| {
            placed.sample.shown().saturating_add(i64::try_from(self.lasts(index)).unwrap_or(i64::MAX))
        };
        let last = self.samples.iter().enumerate().map(ends).max().unwrap_or(0);
        u64::try_from(last).unwrap_or(0).saturating_sub(self.edit.from)
    }

    pub(super) fn in_whole(&self, ticks: u64) -> u64 {
        scaled(ticks, self.timescale, TIMESCALE)
    }

    /// How long the sample with this index lasts.
    pub(super) fn lasts(&self, index: usize) -> u64 {
        let at = |index: usize| self.samples.get(index).map_or(self.end, |placed| placed.sample.decoded);
        at(index + 1).saturating_sub(at(index))
    }
}

/// Ticks of one scale in another's.
#[must_use]
pub fn scaled(ticks: u64, from: u32, to: u32) -> u64 {
    let wide = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// Samples of one line that lie together.
struct Chunk {
    line: usize,
    span: Span,
    begins_ms: u64,
    bytes: u64,
}

/// Writes a file of these lines, whose samples lie in `files`.
///
/// # Errors
/// What cannot be read or written.
pub fn write<F: Read + Seek>(to: &mut impl Write, lines: &[Line<'_>], files: &mut [F]) -> Result<(), Fault> {
    let mut chunks: Vec<Chunk> = lines.iter().enumerate().flat_map(|(number, line)| chunks_of(number, line)).collect();
    chunks.sort_by_key(|chunk| (chunk.begins_ms, chunk.line));
    let mut kind = Writer::default();
    kind.nest(b"ftyp", |own| {
        own.bytes(b"isom").u32(512).bytes(b"isomiso2mp41");
    });
    let length = table(lines, &chunks, 0).len();
    let begin = u64::try_from(kind.0.len() + length + 16).unwrap_or(u64::MAX);
    to.write_all(&kind.0)?;
    to.write_all(&table(lines, &chunks, begin))?;
    let bytes: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    let mut head = Writer::default();
    head.u32(1).bytes(b"mdat").u64(bytes.saturating_add(16));
    to.write_all(&head.0)?;
    for chunk in &chunks {
        let own = lines.get(chunk.line).and_then(|line| line.samples.get(chunk.span.clone())).unwrap_or_default();
        copy(to, own, files)?;
    }
    Ok(())
}

/// Copies samples; those that lie side by side at once.
pub(super) fn copy<F: Read + Seek>(to: &mut impl Write, samples: &[Placed], files: &mut [F]) -> Result<(), Fault> {
    let mut samples = samples.iter().peekable();
    while let Some(first) = samples.next() {
        let mut bytes = u64::from(first.sample.size);
        let follows = |next: &&Placed, bytes: u64| {
            next.file == first.file && Some(next.sample.offset) == first.sample.offset.checked_add(bytes)
        };
        while let Some(next) = samples.next_if(|next| follows(next, bytes)) {
            bytes = bytes.saturating_add(u64::from(next.sample.size));
        }
        let file = files.get_mut(first.file).ok_or(Fault::Damaged("a sample is of no file"))?;
        file.seek(SeekFrom::Start(first.sample.offset))?;
        if std::io::copy(&mut file.take(bytes), to)? < bytes {
            return Err(Fault::Damaged("a sample lies behind the file's end"));
        }
    }
    Ok(())
}

/// About a second each, so that sound and pictures lie side by side; one description each.
fn chunks_of(number: usize, line: &Line<'_>) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut before = None;
    for (index, placed) in line.samples.iter().enumerate() {
        let now = line.in_whole(placed.sample.decoded);
        let bytes = u64::from(placed.sample.size);
        match chunks.last_mut() {
            Some(chunk) if now < chunk.begins_ms + 1000 && before == Some(placed.sample.description) => {
                chunk.span.end = index + 1;
                chunk.bytes += bytes;
            }
            _ => chunks.push(Chunk { line: number, span: index..index + 1, begins_ms: now, bytes }),
        }
        before = Some(placed.sample.description);
    }
    chunks
}

fn table(lines: &[Line<'_>], chunks: &[Chunk], begin: u64) -> Vec<u8> {
    let mut moov = Writer::default();
    moov.nest(b"moov", |own| {
        header(own, lines);
        for (number, line) in lines.iter().enumerate() {
            let mut at = begin;
            let mut places = Vec::new();
            for chunk in chunks {
                if chunk.line == number {
                    places.push((at, chunk.span.clone()));
                }
                at = at.saturating_add(chunk.bytes);
            }
            track(own, number, line, |own| samples(own, line, &places));
        }
    });
    moov.0
}

pub(super) fn header(to: &mut Writer, lines: &[Line<'_>]) {
    let whole = lines.iter().map(|line| line.edit.delay_ms.saturating_add(line.in_whole(line.shown()))).max();
    to.full(b"mvhd", 0, 0, |own| {
        own.u32(0).u32(0).u32(TIMESCALE).most(whole.unwrap_or(0)).u32(0x1_0000).bytes(&[1, 0]).bytes(&[0; 10]);
        STRAIGHT.iter().for_each(|number| own.u32(*number).end());
        own.bytes(&[0; 24]).length(lines.len() + 1);
    });
}

pub(super) fn track(to: &mut Writer, number: usize, line: &Line<'_>, table: impl FnOnce(&mut Writer)) {
    let shown = line.in_whole(line.shown());
    to.nest(b"trak", |own| {
        own.full(b"tkhd", 0, 3, |own| {
            own.u32(0).u32(0).length(number + 1).u32(0).most(line.edit.delay_ms.saturating_add(shown));
            own.bytes(&line.like.place);
        });
        own.nest(b"edts", |own| {
            own.full(b"elst", 0, 0, |own| {
                own.u32(1 + u32::from(line.edit.delay_ms > 0));
                if line.edit.delay_ms > 0 {
                    own.most(line.edit.delay_ms).i32(-1).u32(0x1_0000);
                }
                own.most(shown).most(line.edit.from).u32(0x1_0000);
            });
        });
        own.nest(b"mdia", |own| {
            own.full(b"mdhd", 1, 0, |own| {
                own.u64(0).u64(0).u32(line.timescale).u64(line.end).bytes(&line.like.language).bytes(&[0; 2]);
            });
            own.bytes(&line.like.handler);
            own.nest(b"minf", |own| {
                own.bytes(&line.like.header);
                own.nest(b"dinf", |own| {
                    own.full(b"dref", 0, 0, |own| own.u32(1).full(b"url ", 0, 1, |_| {}).end());
                });
                own.nest(b"stbl", |own| {
                    own.full(b"stsd", 0, 0, |own| {
                        own.length(line.descriptions.len());
                        line.descriptions.iter().for_each(|described| own.bytes(described).end());
                    });
                    table(own);
                });
            });
        });
    });
}

fn samples(to: &mut Writer, line: &Line<'_>, places: &[(u64, Span)]) {
    let durations = runs((0..line.samples.len()).map(|index| line.lasts(index)));
    to.full(b"stts", 0, 0, |own| {
        own.length(durations.len());
        durations.iter().for_each(|(count, lasts)| own.length(*count).most(*lasts).end());
    });
    let later = runs(line.samples.iter().map(|placed| placed.sample.later));
    if later.iter().any(|(_, later)| *later != 0) {
        to.full(b"ctts", u8::from(later.iter().any(|(_, later)| *later < 0)), 0, |own| {
            own.length(later.len());
            later.iter().for_each(|(count, later)| own.length(*count).i32(*later).end());
        });
    }
    if line.like.kind == Kind::Video || line.samples.iter().any(|placed| !placed.sample.key) {
        let keys: Vec<usize> = (0..line.samples.len())
            .filter(|index| line.samples.get(*index).is_some_and(|own| own.sample.key))
            .collect();
        to.full(b"stss", 0, 0, |own| {
            own.length(keys.len());
            keys.iter().for_each(|index| own.length(index + 1).end());
        });
    }
    to.full(b"stsz", 0, 0, |own| {
        own.u32(0).length(line.samples.len());
        line.samples.iter().for_each(|placed| own.u32(placed.sample.size).end());
    });
    let description = |span: &Span| line.samples.get(span.start).map_or(0, |placed| placed.sample.description);
    let each = runs(places.iter().map(|(_, span)| (span.len(), description(span))));
    to.full(b"stsc", 0, 0, |own| {
        own.length(each.len());
        let mut first = 1;
        for (count, (samples, description)) in &each {
            own.length(first).length(*samples).u32(description + 1);
            first += count;
        }
    });
    to.full(b"co64", 0, 0, |own| {
        own.length(places.len());
        places.iter().for_each(|(at, _)| own.u64(*at).end());
    });
}

/// Equal neighbours, counted.
fn runs<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<(usize, T)> {
    let mut runs: Vec<(usize, T)> = Vec::new();
    for one in all {
        match runs.last_mut() {
            Some((count, last)) if *last == one => *count += 1,
            _ => runs.push((1, one)),
        }
    }
    runs
}

impl Movie {
    /// The first track of pictures.
    #[must_use]
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == Kind::Video)
    }

    /// The first track of sound.
    #[must_use]
    pub fn audio(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == Kind::Audio)
    }
}
