//! Pieces in their places again: what lies where in the joined film.

use crate::Fault;
use crate::mp4::{self, Edit, Line, Movie, Placed, Sample, Track, scaled};
use std::fs::File;
use std::io::{BufWriter, Write};

/// A piece of pictures that is to be joined, and when it begins.
#[derive(Debug)]
pub struct Part {
    /// Its file.
    pub file: File,
    /// Its table.
    pub movie: Movie,
    /// Ticks after the first picture.
    pub begins: u64,
    /// How many of those are in a second.
    pub timescale: u32,
}

/// A stream of sound, whole.
#[derive(Debug)]
pub struct Sound {
    /// Its file.
    pub file: File,
    /// Its table.
    pub movie: Movie,
}

/// Pieces and streams of sound in their places.
#[derive(Debug)]
pub struct Joined<'a> {
    /// The pictures, then each stream of sound.
    pub lines: Vec<Line<'a>>,
    /// The files that their samples lie in.
    pub files: Vec<&'a File>,
}

/// Puts parts, in their order, and streams of sound, each with its delay, in their places. A delay counts from whichever of all
/// begins first.
///
/// # Errors
/// What does not fit together.
pub fn join<'a>(parts: &'a [Part], delay_ms: u64, sounds: &'a [(Sound, u64)]) -> Result<Joined<'a>, Fault> {
    let mut files: Vec<&File> = parts.iter().map(|part| &part.file).collect();
    let mut lines = vec![pictures(parts, delay_ms)?];
    for (sound, delay_ms) in sounds {
        let track = sound.movie.audio().ok_or(Fault::Damaged("a stream of sound has none"))?;
        let place = |sample: &Sample| Placed { file: files.len(), sample: *sample };
        let samples = track.samples.iter().map(place).collect();
        let from = u64::try_from(track.from.unwrap_or(0)).unwrap_or(0);
        lines.push(Line {
            like: track,
            timescale: track.timescale,
            descriptions: track.descriptions.clone(),
            samples,
            edit: Edit { delay_ms: *delay_ms, from },
            end: track.end,
        });
        files.push(&sound.file);
    }
    Ok(Joined { lines, files })
}

/// What a piece holds back before its first picture, because later ones are decoded first.
fn held(track: &Track) -> u64 {
    u64::try_from(track.first_shown()).unwrap_or(0)
}

fn pictures(parts: &[Part], delay_ms: u64) -> Result<Line<'_>, Fault> {
    let tracks = parts.iter().map(|part| part.movie.video().ok_or(Fault::Damaged("a piece has no pictures")));
    let tracks = tracks.collect::<Result<Vec<&Track>, _>>()?;
    let first = *tracks.first().ok_or(Fault::Damaged("there is no piece"))?;
    if tracks.iter().any(|track| track.timescale != first.timescale) {
        return Err(Fault::Damaged("its pieces count time differently"));
    }
    let most = tracks.iter().map(|track| held(track)).max().unwrap_or(0);
    let mut descriptions: Vec<Vec<u8>> = Vec::new();
    let mut samples: Vec<Placed> = Vec::new();
    let mut end = 0;
    for (file, (part, track)) in parts.iter().zip(&tracks).enumerate() {
        let begins = scaled(part.begins, part.timescale, first.timescale);
        if samples.last().is_some_and(|last| last.sample.decoded >= begins) {
            return Err(Fault::Damaged("a piece lasts longer than its place"));
        }
        let number = |description: &Vec<u8>, all: &mut Vec<Vec<u8>>| {
            let description = mp4::without_rates(description);
            let known = all.iter().position(|known| *known == description);
            known.unwrap_or_else(|| {
                all.push(description);
                all.len() - 1
            })
        };
        let own: Vec<usize> = track.descriptions.iter().map(|own| number(own, &mut descriptions)).collect();
        let later = i64::try_from(most - held(track)).unwrap_or(0);
        for sample in &track.samples {
            let later = i32::try_from(i64::from(sample.later) + later);
            let described = usize::try_from(sample.description).ok().and_then(|index| own.get(index));
            let sample = Sample {
                decoded: begins.saturating_add(sample.decoded),
                later: later.map_err(|_| Fault::Damaged("a picture is shown long after it is decoded"))?,
                description: described.and_then(|index| u32::try_from(*index).ok()).unwrap_or(0),
                ..*sample
            };
            samples.push(Placed { file, sample });
        }
        end = begins.saturating_add(track.end);
    }
    Ok(Line {
        like: first,
        timescale: first.timescale,
        descriptions,
        samples,
        edit: Edit { delay_ms, from: most },
        end,
    })
}

impl Joined<'_> {
    /// Writes all as one file.
    ///
    /// # Errors
    /// What cannot be read or written.
    pub fn write(&mut self, to: File) -> Result<(), Fault> {
        let mut to = BufWriter::new(to);
        mp4::write(&mut to, &self.lines, &mut self.files)?;
        Ok(to.flush()?)
    }
}
