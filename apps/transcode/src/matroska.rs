//! Matroska and WebM (RFC 9559): which blocks there are, and files of some of them. Blocks are copied as they are.

use crate::mp4::Span;
use crate::source::Kind;
use crate::{Fault, Moment, Stream};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

const HEADER: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const SCALE: u32 = 0x2a_d7b1;
const TRACKS: u32 = 0x1654_ae6b;
const ENTRY: u32 = 0xae;
const NUMBER: u32 = 0xd7;
const TYPE: u32 = 0x83;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE: u32 = 0xa3;
const GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const REFERENCE: u32 = 0xfb;
/// A length that is not known.
const UNKNOWN: u64 = u64::MAX;
/// The largest description of tracks, bytes.
const MOST_TRACKS: u64 = 64 << 20;
/// The most blocks: days of pictures and sound.
const MOST_BLOCKS: usize = 20_000_000;

/// What a file has.
#[derive(Debug)]
pub(crate) struct Film {
    header: Vec<u8>,
    /// Nanoseconds of a tick.
    scale: u64,
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    number: u64,
    kind: Kind,
    /// Its description, as it is.
    entry: Vec<u8>,
    blocks: Vec<Block>,
}

/// A block, or a group with one.
#[derive(Clone, Copy, Debug)]
struct Block {
    offset: u64,
    size: u64,
    /// The time that it counts from.
    cluster: u64,
    /// When it is shown.
    shown: i64,
    key: bool,
}

/// A file being read, with its place.
struct Reading<'a, R> {
    from: &'a mut BufReader<R>,
    at: u64,
}

/// An element's head.
#[derive(Clone, Copy)]
struct Head {
    id: u32,
    /// Where it begins.
    start: u64,
    /// Where its content does.
    content: u64,
    size: u64,
}

impl Head {
    fn end(&self) -> u64 {
        self.content.saturating_add(self.size)
    }
}

impl<R: Read + Seek> Reading<'_, R> {
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Fault> {
        if count > MOST_TRACKS {
            return Err(Fault::Unsupported("an element of more than 64 MiB where a small one belongs"));
        }
        let mut bytes = Vec::new();
        self.from.take(count).read_to_end(&mut bytes)?;
        let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.at = self.at.saturating_add(read);
        if read < count { Err(Fault::Damaged("it ends within an element")) } else { Ok(bytes) }
    }

    fn go_to(&mut self, to: u64) -> Result<(), Fault> {
        let by = i64::try_from(to).unwrap_or(i64::MAX).saturating_sub(i64::try_from(self.at).unwrap_or(i64::MAX));
        self.from.seek_relative(by)?;
        self.at = to;
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>, Fault> {
        let next = self.from.fill_buf()?.first().copied();
        if next.is_some() {
            self.from.consume(1);
            self.at = self.at.saturating_add(1);
        }
        Ok(next)
    }

    /// A number of one to eight bytes; `keep` keeps the bit that says how many.
    fn number(&mut self, keep: bool) -> Result<Option<(u64, u32)>, Fault> {
        let Some(first) = self.byte()? else { return Ok(None) };
        let more = first.leading_zeros();
        if more > 7 {
            return Err(Fault::Damaged("an element's length is none"));
        }
        let own = if keep { first } else { first & (0x7f_u8 >> more) };
        let mut number = u64::from(own);
        for _ in 0..more {
            number = number << 8 | u64::from(self.byte()?.ok_or(Fault::Damaged("it ends within a length"))?);
        }
        Ok(Some((number, more + 1)))
    }

    fn head(&mut self) -> Result<Option<Head>, Fault> {
        let start = self.at;
        let Some((id, _)) = self.number(true)? else { return Ok(None) };
        let (size, bytes) = self.number(false)?.ok_or(Fault::Damaged("it ends within a length"))?;
        let all = (1_u64 << (7 * bytes)) - 1;
        let size = if size == all { UNKNOWN } else { size };
        Ok(Some(Head { id: u32::try_from(id).unwrap_or(0), start, content: self.at, size }))
    }
}

/// Reads what a file has; blocks are left where they are.
pub(crate) fn read<R: Read + Seek>(from: &mut BufReader<R>) -> Result<Film, Fault> {
    let mut reading = Reading { from, at: 0 };
    let mut film = Film { header: Vec::new(), scale: 1_000_000, tracks: Vec::new() };
    let mut cluster = 0;
    while let Some(head) = reading.head()? {
        match head.id {
            HEADER => {
                let content = reading.bytes(head.size)?;
                film.header = element(HEADER, &content);
            }
            // What is in them is read as if they were not there.
            SEGMENT | CLUSTER => {}
            INFO => film.info(&reading.bytes(head.size)?)?,
            TRACKS => film.tracks(&reading.bytes(head.size)?)?,
            TIMESTAMP => cluster = unsigned(&reading.bytes(head.size)?),
            SIMPLE | GROUP => film.block(&mut reading, head, cluster)?,
            _ if head.size == UNKNOWN => return Err(Fault::Unsupported("an element without a length")),
            _ => reading.go_to(head.end())?,
        }
    }
    match film.tracks.is_empty() {
        true => Err(Fault::Damaged("it has no tracks")),
        false => Ok(film),
    }
}

impl Film {
    fn info(&mut self, content: &[u8]) -> Result<(), Fault> {
        for element in elements(content)? {
            if element.id == SCALE {
                self.scale = unsigned(element.content).clamp(1, 1_000_000_000);
            }
        }
        Ok(())
    }

    fn tracks(&mut self, content: &[u8]) -> Result<(), Fault> {
        for element in elements(content)? {
            if element.id != ENTRY {
                continue;
            }
            let inner = elements(element.content)?;
            let of = |wanted: u32| Some(unsigned(inner.iter().find(|inner| inner.id == wanted)?.content));
            let kind = match of(TYPE) {
                Some(1) => Kind::Video,
                Some(2) => Kind::Audio,
                _ => Kind::Other,
            };
            let number = of(NUMBER).ok_or(Fault::Damaged("a track has no number"))?;
            self.tracks.push(Track { number, kind, entry: element.whole.to_vec(), blocks: Vec::new() });
        }
        Ok(())
    }

    /// Takes note of a block and passes over it.
    fn block<R: Read + Seek>(&mut self, reading: &mut Reading<'_, R>, head: Head, cluster: u64) -> Result<(), Fault> {
        let mut key = true;
        let mut found = None;
        if head.id == SIMPLE {
            found = Some(block_head(reading)?);
        } else {
            while reading.at < head.end() {
                let inner = reading.head()?.ok_or(Fault::Damaged("it ends within a block"))?;
                match inner.id {
                    BLOCK => found = Some(block_head(reading)?),
                    REFERENCE => key = false,
                    _ => {}
                }
                reading.go_to(inner.end())?;
            }
        }
        reading.go_to(head.end())?;
        let Some((number, relative, flags)) = found else { return Ok(()) };
        let Some(track) = self.tracks.iter_mut().find(|track| track.number == number) else { return Ok(()) };
        if track.blocks.len() >= MOST_BLOCKS {
            return Err(Fault::Unsupported("more than twenty million blocks"));
        }
        let shown = i64::try_from(cluster).unwrap_or(i64::MAX).saturating_add(i64::from(relative));
        let key = if head.id == SIMPLE { flags & 0x80 != 0 } else { key };
        track.blocks.push(Block { offset: head.start, size: head.end() - head.start, cluster, shown, key });
        Ok(())
    }

    pub(crate) fn streams(&self) -> Vec<Stream> {
        let timescale = u32::try_from(1_000_000_000 / self.scale).unwrap_or(1000);
        let stream = |track: &Track| {
            let first = track.blocks.iter().map(|block| block.shown).min().unwrap_or(0);
            Stream {
                kind: track.kind,
                timescale,
                moments: track.blocks.iter().map(|block| Moment { shown: block.shown, key: block.key }).collect(),
                first,
                begins_ms: first.saturating_mul(1000) / i64::from(timescale),
            }
        };
        self.tracks.iter().map(stream).collect()
    }

    pub(crate) fn write(&self, stream: usize, span: Span, from: &mut File, to: &mut impl Write) -> Result<(), Fault> {
        let track = self.tracks.get(stream).ok_or(Fault::Damaged("a stream is not there"))?;
        to.write_all(&self.header)?;
        to.write_all(&[0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])?;
        to.write_all(&element(INFO, &element(SCALE, &self.scale.to_be_bytes())))?;
        to.write_all(&element(TRACKS, &track.entry))?;
        let mut blocks = track.blocks.get(span).unwrap_or_default();
        while let Some(first) = blocks.first() {
            let together = blocks.iter().take_while(|block| block.cluster == first.cluster).count();
            let (own, rest) = blocks.split_at(together);
            let time = element(TIMESTAMP, &first.cluster.to_be_bytes());
            let size = own.iter().map(|block| block.size).sum::<u64>() + u64::try_from(time.len()).unwrap_or(0);
            to.write_all(&head(CLUSTER, size))?;
            to.write_all(&time)?;
            for block in own {
                from.seek(SeekFrom::Start(block.offset))?;
                if std::io::copy(&mut (&mut *from).take(block.size), to)? < block.size {
                    return Err(Fault::Damaged("a block lies behind the file's end"));
                }
            }
            blocks = rest;
        }
        Ok(())
    }
}

/// Track, time and flags at a block's beginning.
fn block_head<R: Read + Seek>(reading: &mut Reading<'_, R>) -> Result<(u64, i16, u8), Fault> {
    let (number, _) = reading.number(false)?.ok_or(Fault::Damaged("it ends within a block"))?;
    let rest: [u8; 3] = reading.bytes(3)?.try_into().map_err(|_| Fault::Damaged("it ends within a block"))?;
    let [high, low, flags] = rest;
    Ok((number, i16::from_be_bytes([high, low]), flags))
}

/// An element of a body.
#[derive(Clone, Copy)]
struct Element<'a> {
    id: u32,
    content: &'a [u8],
    /// With its head.
    whole: &'a [u8],
}

/// The elements of a body.
fn elements(body: &[u8]) -> Result<Vec<Element<'_>>, Fault> {
    let mut buffer = BufReader::new(std::io::Cursor::new(body));
    let mut reading = Reading { from: &mut buffer, at: 0 };
    let mut all = Vec::new();
    while let Some(head) = reading.head()? {
        let range = |from: u64, to: u64| body.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?);
        let (content, whole) = (range(head.content, head.end()), range(head.start, head.end()));
        let (Some(content), Some(whole)) = (content, whole) else {
            return Err(Fault::Damaged("an element is longer than what holds it"));
        };
        all.push(Element { id: head.id, content, whole });
        reading.go_to(head.end())?;
    }
    Ok(all)
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// An element's name, and its length in eight bytes.
fn head(id: u32, size: u64) -> Vec<u8> {
    let name: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let length = (0x0100_0000_0000_0000 | size).to_be_bytes();
    [name.as_slice(), &length].concat()
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    [head(id, u64::try_from(content.len()).unwrap_or(0)), content.to_vec()].concat()
}
