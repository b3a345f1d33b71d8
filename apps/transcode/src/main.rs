//! The planner and the joiner of `hands transcode`; its tasks are ffmpeg's.

mod tasks;

use kit::{FILES, Plan, RESULTS, Request, check, ended, refuse};
use serde_json::{Value, json};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use tasks::Wanted;
use transcode::join::{Part, Sound, join};
use transcode::{Kind, Source, Stream, hls, mp4};

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("plan") => plan(),
        Some("join") => join_all(),
        _ => Err("usage: transcode plan | join".into()),
    };
    ended(done)
}

/// Cuts the film's pictures at keyframes, and takes each stream of sound out of it whole: sound has no seams.
fn plan() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let name = request.text("video").ok_or("no film was given")?.to_owned();
    let mut source = match Source::open(File::open(format!("{FILES}/{name}"))?) {
        Ok(source) => source,
        Err(fault) => return Ok(refuse(&[format!("{name} cannot be split: {fault}")])?),
    };
    let wanted = Wanted::read(&request);
    let streams = source.streams();
    // A cover is a stream of one picture: the film has more.
    let films = streams.iter().enumerate().filter(|(_, stream)| stream.kind == Kind::Video);
    let pictures = films.max_by_key(|(_, stream)| stream.moments.len()).map(|(index, _)| index);
    let pieces =
        pictures.and_then(|index| Some((index, streams.get(index)?, streams.get(index)?.pieces(wanted.piece))));
    let Some((index, pictures, pieces)) = pieces.filter(|(_, _, pieces)| !pieces.is_empty()) else {
        return Ok(refuse(&[format!("{name} has no pictures that can be decoded by themselves (keyframes)")])?);
    };
    let mut plan = Plan { program: "ffmpeg".to_owned(), ..Plan::default() };
    for (number, piece) in (1_u32..).zip(&pieces) {
        let file = format!("video-{number:04}.{}", source.extension());
        source.write(index, piece.span.clone(), File::create(&file)?)?;
        plan.tasks.push(wanted.pictures(number, file));
    }
    let last = plan.tasks.len() - 1;
    plan.probe = vec![last / 2, 0, last];
    let mut delays = Vec::new();
    let sounds =
        streams.iter().enumerate().filter(|(_, stream)| stream.kind == Kind::Audio && !stream.moments.is_empty());
    for (number, (index, stream)) in (1_u32..).zip(sounds.filter(|_| wanted.has_sound())) {
        let file = format!("audio-{number}.{}", source.extension());
        source.write(index, 0..stream.moments.len(), File::create(&file)?)?;
        plan.tasks.push(wanted.sound(number, file));
        delays.push(stream.begins_ms);
    }
    let first = delays.iter().copied().chain([pictures.begins_ms]).min().unwrap_or(0);
    let begins: Vec<u64> = pieces.iter().map(|piece| piece.begins).collect();
    plan.memo = json!({
        "begins": begins,
        "timescale": pictures.timescale,
        "delay": pictures.begins_ms - first,
        "sounds": delays.iter().map(|delay| delay - first).collect::<Vec<_>>(),
    });
    plan.say = said(&name, &streams, &begins, delays.len());
    Ok(plan.write()?)
}

/// What a person is told of a plan.
fn said(name: &str, streams: &[Stream], begins: &[u64], sounds: usize) -> Vec<String> {
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut lines = vec![format!(
        "{name}: {} cut at keyframes, {}",
        many(begins.len(), "piece"),
        if sounds == 0 { "no sound".to_owned() } else { many(sounds, "stream") + " of sound" }
    )];
    let left = streams.len().saturating_sub(sounds + 1);
    if left > 0 {
        lines.push(format!(
            "{} of the film {} left out",
            many(left, "other stream"),
            if left == 1 { "is" } else { "are" }
        ));
    }
    lines
}

/// Puts what became of the pieces together.
fn join_all() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let memo = request.memo().clone();
    let results = request.results();
    let open = |name: &str| -> Result<(File, mp4::Movie), Box<dyn Error>> {
        let result = results.iter().find(|result| result.name == name).ok_or(format!("{name} is not there"))?;
        let file = result.files.iter().find(|file| file.ends_with(".mp4")).ok_or(format!("{name} left no film"))?;
        let mut file = File::open(format!("{RESULTS}/{file}"))?;
        let movie = mp4::read(&mut file).map_err(|fault| format!("{name}: {fault}"))?;
        Ok((file, movie))
    };
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let list = |key: &str| memo[key].as_array().into_iter().flatten().map(number).collect::<Vec<u64>>();
    let timescale = u32::try_from(number(&memo["timescale"]))?;
    let mut parts = Vec::new();
    for (number, begins) in (1_u32..).zip(list("begins")) {
        let (file, movie) = open(&tasks::pictures_name(number))?;
        parts.push(Part { file, movie, begins, timescale });
    }
    let mut sounds = Vec::new();
    for (number, delay) in (1_u32..).zip(list("sounds")) {
        let (file, movie) = open(&tasks::sound_name(number))?;
        sounds.push((Sound { file, movie }, delay));
    }
    let video = request.text("video").unwrap_or("video");
    let stem = video.rsplit_once('.').map_or(video, |(stem, _)| stem);
    let mut joined = join(&parts, number(&memo["delay"]), &sounds)?;
    let name = if request.text("to") == Some("hls") {
        let name = format!("{stem}.m3u8");
        hls::write(&mut joined, Path::new(""), &name, request.integer("stretch").unwrap_or(6))?;
        name
    } else {
        let name = format!("{stem}.mp4");
        joined.write(File::create(&name)?)?;
        name
    };
    let pictures: usize = parts.iter().filter_map(|part| part.movie.video()).map(|track| track.samples.len()).sum();
    check(&[format!("/iexec_in/{name}")])?;
    println!("{name}: {pictures} pictures of {} pieces, {} of sound", parts.len(), sounds.len());
    Ok(())
}
