//! A film that is to be split, whatever its container.

use crate::mp4::{self, Line, Movie, Span};
use crate::{Fault, Moment, matroska};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// How Matroska and WebM files begin.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles, data.
    Other,
}

/// A stream of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What it holds.
    pub kind: Kind,
    /// Ticks in a second.
    pub timescale: u32,
    /// Its samples, as cuts look at them.
    pub moments: Vec<Moment>,
    /// What within its own time is shown first, in ticks.
    pub first: i64,
    /// When on the film's clock that is, in milliseconds.
    pub begins_ms: i64,
}

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its samples.
    pub span: Span,
    /// When it begins, in ticks after what of its stream is shown first.
    pub begins: u64,
}

/// A film.
#[derive(Debug)]
pub struct Source {
    file: File,
    container: Container,
}

#[derive(Debug)]
enum Container {
    Mp4(Movie),
    Matroska(matroska::Film),
}

impl Source {
    /// Reads what a film has.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open(mut file: File) -> Result<Self, Fault> {
        let mut head = [0; 4];
        file.read_exact(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        let container = match head {
            EBML => Container::Matroska(matroska::read(&mut BufReader::new(&mut file))?),
            _ => Container::Mp4(mp4::read(&mut file)?),
        };
        Ok(Self { file, container })
    }

    /// How its pieces' files end.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.container {
            Container::Mp4(_) => "mp4",
            Container::Matroska(_) => "mkv",
        }
    }

    /// Its streams, in order.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream> {
        match &self.container {
            Container::Mp4(movie) => movie.tracks.iter().map(|track| of_track(movie, track)).collect(),
            Container::Matroska(film) => film.streams(),
        }
    }

    /// Writes part of a stream as a film of its own.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub fn write(&mut self, stream: usize, span: Span, to: File) -> Result<(), Fault> {
        let mut to = BufWriter::new(to);
        match &self.container {
            Container::Mp4(movie) => {
                let track = movie.tracks.get(stream).ok_or(Fault::Damaged("a stream is not there"))?;
                mp4::write(&mut to, &[Line::piece(track, span)], &mut [&mut self.file])?;
            }
            Container::Matroska(film) => film.write(stream, span, &mut self.file, &mut to)?,
        }
        Ok(to.flush()?)
    }
}

fn of_track(movie: &Movie, track: &mp4::Track) -> Stream {
    // Without an edit a track's time is the film's.
    let own = if track.from.is_some() { 0 } else { track.first_shown() };
    let own = own.saturating_mul(1000) / i64::from(track.timescale);
    let delay = mp4::scaled(track.delay, movie.timescale, 1000);
    Stream {
        kind: track.kind,
        timescale: track.timescale,
        moments: track.moments(),
        first: track.first_shown(),
        begins_ms: own.saturating_add(i64::try_from(delay).unwrap_or(0)),
    }
}

impl Stream {
    /// The stream in pieces of at least `seconds`, but for the last.
    #[must_use]
    pub fn pieces(&self, seconds: u64) -> Vec<Piece> {
        let least = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(i64::from(self.timescale));
        let cuts = crate::cuts(&self.moments, least);
        let piece = |(index, begin): (usize, &usize)| {
            let end = cuts.get(index + 1).copied().unwrap_or(self.moments.len());
            let shown = self.moments.get(*begin).map_or(0, |moment| moment.shown);
            let begins = if index == 0 { 0 } else { shown.saturating_sub(self.first) };
            Piece { span: *begin..end, begins: u64::try_from(begins).unwrap_or(0) }
        };
        cuts.iter().enumerate().map(piece).collect()
    }
}
