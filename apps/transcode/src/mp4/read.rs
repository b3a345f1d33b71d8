//! The table of samples.

use super::boxes::{Fields, Inner, find, inner, need};
use super::gather::Gatherer;
use crate::source::Kind;
use crate::{Fault, Moment};
use std::io::{Read, Seek, SeekFrom};

/// The largest table of a film that is read, bytes.
const MOST_TABLE: u64 = 512 << 20;
/// The most samples of a track: a day of pictures, and more.
pub(super) const MOST_SAMPLES: usize = 20_000_000;

/// A file's tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movie {
    /// Ticks of the whole in a second.
    pub timescale: u32,
    /// Its tracks, in order.
    pub tracks: Vec<Track>,
}

/// A track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// By which fragments name it.
    pub(super) id: u32,
    /// What it holds.
    pub kind: Kind,
    /// Ticks in a second.
    pub timescale: u32,
    /// Ticks before its first sample is shown, of the whole's.
    pub delay: u64,
    /// Where within its own time it begins to be shown, if that is said.
    pub from: Option<i64>,
    /// How long it is shown from there, in ticks of the whole's, if that is said.
    pub lasts: Option<u64>,
    /// When its last sample ends, in ticks of its own time.
    pub end: u64,
    /// The body of `tkhd` behind its duration: among others how pictures are turned.
    pub(super) place: Vec<u8>,
    /// The language, as `mdhd` packs it.
    pub(super) language: [u8; 2],
    /// `hdlr`.
    pub(super) handler: Vec<u8>,
    /// `vmhd`, `smhd` or what it has in their stead.
    pub(super) header: Vec<u8>,
    /// What decoders need to know: the entries of `stsd`.
    pub descriptions: Vec<Vec<u8>>,
    /// Its samples, in the order in which they are decoded.
    pub samples: Vec<Sample>,
}

/// A sample: a picture, or a stretch of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where in the file it is.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// When it is decoded, in ticks.
    pub decoded: u64,
    /// How much later it is shown.
    pub later: i32,
    /// Whether it can be decoded by itself.
    pub key: bool,
    /// Which of the descriptions it needs, from 0.
    pub description: u32,
}

impl Sample {
    /// When it is shown.
    #[must_use]
    pub fn shown(&self) -> i64 {
        i64::try_from(self.decoded).unwrap_or(i64::MAX).saturating_add(i64::from(self.later))
    }
}

impl Track {
    /// What cuts look at.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.samples.iter().map(|sample| Moment { shown: sample.shown(), key: sample.key }).collect()
    }

    /// What the first sample that is shown is shown at.
    #[must_use]
    pub fn first_shown(&self) -> i64 {
        self.from.unwrap_or_else(|| self.samples.iter().map(Sample::shown).min().unwrap_or(0))
    }
}

/// Reads a file's tracks, and leaves its samples where they are.
///
/// # Errors
/// [`Fault`].
pub fn read(file: &mut (impl Read + Seek)) -> Result<Movie, Fault> {
    let end = file.seek(SeekFrom::End(0))?;
    let (mut at, mut tables) = (0, 0_u64);
    let mut film: Option<(Movie, Gatherer)> = None;
    while at < end {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let mut fields = Fields(&head);
        let (short, name) = (fields.u32()?, fields.name()?);
        let (begin, length) = match short {
            0 => (8, end - at),
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long)?;
                (16, u64::from_be_bytes(long))
            }
            short => (8, u64::from(short)),
        };
        if length < begin {
            return Err(Fault::Damaged("a box is shorter than its head"));
        }
        if name == *b"moov" || name == *b"moof" && film.is_some() {
            tables = tables.saturating_add(length);
            if tables > MOST_TABLE {
                return Err(Fault::Unsupported("a table of more than 512 MiB"));
            }
            let mut body = Vec::new();
            file.take(length - begin).read_to_end(&mut body)?;
            match (&mut film, Gatherer::of(&body)?) {
                (Some((movie, gatherer)), _) if name == *b"moof" => gatherer.add(&body, at, end, &mut movie.tracks)?,
                (Some(_), _) => {}
                (None, None) => return movie(&body, end),
                (None, Some(gatherer)) => film = Some((movie(&body, end)?, gatherer)),
            }
        }
        at = at.checked_add(length).ok_or(Fault::Damaged("a box ends nowhere"))?;
    }
    let (mut movie, _) = film.ok_or(Fault::Damaged("there is no table of its samples (moov)"))?;
    // How long it is shown nobody knew when its table was written.
    movie.tracks.iter_mut().for_each(|track| track.lasts = track.lasts.filter(|lasts| *lasts > 0));
    Ok(movie)
}

/// The tracks of a file of so many bytes.
fn movie(body: &[u8], bytes: u64) -> Result<Movie, Fault> {
    let boxes = inner(body)?;
    let mut header = Fields(need(body, b"mvhd")?);
    let version = header.version()?;
    header.by_version(version)?;
    header.by_version(version)?;
    let timescale = header.u32()?;
    let tracks = boxes.iter().filter(|inner| inner.name == *b"trak").map(|inner| track(inner.body, bytes));
    Ok(Movie { timescale, tracks: tracks.collect::<Result<_, _>>()? })
}

fn track(body: &[u8], bytes: u64) -> Result<Track, Fault> {
    let mut place = Fields(need(body, b"tkhd")?);
    let version = place.version()?;
    place.by_version(version)?;
    place.by_version(version)?;
    let id = place.u32()?;
    place.take(4)?;
    place.by_version(version)?;
    let media = need(body, b"mdia")?;
    let mut header = Fields(need(media, b"mdhd")?);
    let version = header.version()?;
    header.by_version(version)?;
    header.by_version(version)?;
    let timescale = header.u32()?;
    header.by_version(version)?;
    let mut language = [0; 2];
    language.copy_from_slice(header.take(2)?);
    if timescale == 0 {
        return Err(Fault::Damaged("a track's time stands still"));
    }
    let handler = find(media, b"hdlr")?.ok_or(Fault::Damaged("a track does not say what it holds"))?;
    let kind = match handler.body.get(8..12) {
        Some(b"vide") => Kind::Video,
        Some(b"soun") => Kind::Audio,
        _ => Kind::Other,
    };
    let information = need(media, b"minf")?;
    let is_header = |inner: &Inner<'_>| ![*b"dinf", *b"stbl", *b"hdlr"].contains(&inner.name);
    let own = inner(information)?.into_iter().find(is_header).map_or_else(Vec::new, |inner| inner.whole.to_vec());
    let table = need(information, b"stbl")?;
    let mut described = Fields(need(table, b"stsd")?);
    described.version()?;
    described.u32()?;
    let descriptions = inner(described.0)?.into_iter().map(|inner| inner.whole.to_vec()).collect();
    let Edits { delay, from, lasts } = edits(body)?;
    let (samples, end) = samples(table, bytes)?;
    Ok(Track {
        id,
        kind,
        timescale,
        delay,
        from,
        lasts,
        end,
        place: place.0.to_vec(),
        language,
        handler: handler.whole.to_vec(),
        header: own,
        descriptions,
        samples,
    })
}

/// When a track is shown.
#[derive(Default)]
struct Edits {
    delay: u64,
    from: Option<i64>,
    lasts: Option<u64>,
}

/// How long nothing is shown first, and where it begins then. Of several parts only the first counts.
fn edits(track: &[u8]) -> Result<Edits, Fault> {
    let Some(edits) = find(track, b"edts")? else { return Ok(Edits::default()) };
    let Some(list) = find(edits.body, b"elst")? else { return Ok(Edits::default()) };
    let mut fields = Fields(list.body);
    let version = fields.version()?;
    let mut delay = 0_u64;
    for _ in 0..fields.count(if version == 0 { 12 } else { 20 })? {
        let duration = fields.by_version(version)?;
        let from = if version == 0 { i64::from(fields.i32()?) } else { fields.u64()?.cast_signed() };
        fields.u32()?;
        if from >= 0 {
            return Ok(Edits { delay, from: Some(from), lasts: Some(duration) });
        }
        delay = delay.saturating_add(duration);
    }
    Ok(Edits { delay, from: None, lasts: None })
}

fn samples(table: &[u8], bytes: u64) -> Result<(Vec<Sample>, u64), Fault> {
    let sizes = sizes(table, bytes)?;
    let blank = |size: &u32| Sample { offset: 0, size: *size, decoded: 0, later: 0, key: true, description: 0 };
    let mut samples: Vec<Sample> = sizes.iter().map(blank).collect();
    let end = times(table, &mut samples)?;
    places(table, &mut samples)?;
    if let Some(keys) = find(table, b"stss")? {
        samples.iter_mut().for_each(|sample| sample.key = false);
        let mut fields = Fields(keys.body);
        fields.version()?;
        for _ in 0..fields.count(4)? {
            let number = usize::try_from(fields.u32()?).unwrap_or(0);
            if let Some(sample) = number.checked_sub(1).and_then(|index| samples.get_mut(index)) {
                sample.key = true;
            }
        }
    }
    Ok((samples, end))
}

fn sizes(table: &[u8], bytes: u64) -> Result<Vec<u32>, Fault> {
    let Some(sizes) = find(table, b"stsz")? else { return Err(Fault::Unsupported("sizes of samples in short (stz2)")) };
    let mut fields = Fields(sizes.body);
    fields.version()?;
    let all = fields.u32()?;
    let sizes = if all == 0 {
        let count = fields.count(4)?;
        (0..count).map(|_| fields.u32()).collect::<Result<Vec<_>, _>>()?
    } else {
        let count = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
        if u64::from(all).saturating_mul(u64::try_from(count).unwrap_or(u64::MAX)) > bytes {
            return Err(Fault::Damaged("its samples are larger than it"));
        }
        vec![all; count]
    };
    match sizes.len() > MOST_SAMPLES {
        true => Err(Fault::Unsupported("more than twenty million samples")),
        false => Ok(sizes),
    }
}

/// When each is decoded and shown; when the last one ends.
fn times(table: &[u8], samples: &mut [Sample]) -> Result<u64, Fault> {
    let mut fields = Fields(need(table, b"stts")?);
    fields.version()?;
    let mut rows =
        (0..fields.count(8)?).map(|_| Ok((fields.u32()?, fields.u32()?))).collect::<Result<Vec<_>, Fault>>()?;
    rows.reverse();
    let (mut left, mut lasts, mut now) = (0, 0, 0_u64);
    for sample in &mut *samples {
        while left == 0 {
            (left, lasts) = rows.pop().ok_or(Fault::Damaged("a sample has no time"))?;
        }
        left -= 1;
        sample.decoded = now;
        now = now.checked_add(u64::from(lasts)).ok_or(Fault::Damaged("a film lasts for ever"))?;
    }
    let Some(later) = find(table, b"ctts")? else { return Ok(now) };
    let mut fields = Fields(later.body);
    fields.version()?;
    let mut rest = samples.iter_mut();
    for _ in 0..fields.count(8)? {
        let (count, later) = (fields.u32()?, fields.i32()?);
        rest.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)).for_each(|sample| sample.later = later);
    }
    Ok(now)
}

/// Where each is.
fn places(table: &[u8], samples: &mut [Sample]) -> Result<(), Fault> {
    let (mut fields, wide) = match find(table, b"co64")? {
        Some(chunks) => (Fields(chunks.body), true),
        None => (Fields(need(table, b"stco")?), false),
    };
    fields.version()?;
    let chunks = fields.count(if wide { 8 } else { 4 })?;
    let mut rows = Fields(need(table, b"stsc")?);
    rows.version()?;
    let count = rows.count(12)?;
    let mut runs =
        (0..count).map(|_| Ok((rows.u32()?, rows.u32()?, rows.u32()?))).collect::<Result<Vec<_>, Fault>>()?;
    runs.reverse();
    let (mut each, mut description) = (0, 0);
    let mut rest = samples.iter_mut();
    for chunk in 1..=chunks {
        let mut at = if wide { fields.u64()? } else { u64::from(fields.u32()?) };
        while let Some((_, many, which)) =
            runs.pop_if(|(first, _, _)| usize::try_from(*first).is_ok_and(|first| first <= chunk))
        {
            (each, description) = (usize::try_from(many).unwrap_or(usize::MAX), which.saturating_sub(1));
        }
        for sample in rest.by_ref().take(each) {
            (sample.offset, sample.description) = (at, description);
            at = at.saturating_add(u64::from(sample.size));
        }
    }
    match rest.next() {
        Some(_) => Err(Fault::Damaged("a sample is nowhere")),
        None => Ok(()),
    }
}
