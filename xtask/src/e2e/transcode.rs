//! A film through a market of several agents: made by the image's own ffmpeg, split, transcoded by two agents who must agree, joined,
//! played through by ffprobe (of the operator's image, then of the person's own); as MP4, from Matroska, from fragments, as HLS; and held
//! against `--local` to the byte.

use super::{Machine, hands};
use crate::image;
use anyhow::{Context as _, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The image that the app names.
const IMAGE: &str = "ffmpeg-5.1";
/// Seconds of the film.
const SECONDS: u32 = 30;

/// Makes the image, unless `--images` has it, and tries it.
pub(super) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let (folder, images) = places(words)?;
    let hands = hands()?.canonicalize()?;
    let archive = archive(&images, &hands)?;
    let lab = folder.join("lab");
    drop(fs::remove_dir_all(&lab));
    let (office, other) = (Machine::new(&hands, lab.join("office"))?, Machine::new(&hands, lab.join("other"))?);
    let mut up = office.starts(&["up", "--listen", "127.0.0.1:0", "--workers", "1", "--cores", "1"])?;
    let (url, token) = (up.value("exchange")?, up.value("join token")?);
    let _work = other.starts(&["work", "--exchange", &url, "--join", &token, "--cores", "1"])?;
    let person = Machine::new(&hands, lab.join("person"))?;
    let joined = ["--exchange", url.as_str(), "--join", &token];
    film(&person, &archive, &joined, SECONDS)?;
    // The operator's image is everybody's: whoever has the operator's key is the operator.
    let operator = Machine::new(&hands, lab.join("operator"))?;
    fs::create_dir_all(operator.home())?;
    fs::copy(office.home().join("exchange/operator.key"), operator.home().join("key"))?;
    operator.shows(&[&["app", "publish", "--image", &archive, "--price", "0"][..], &joined].concat())?;
    let transcode = |words: &[&str], more: &[&str]| -> anyhow::Result<()> {
        let began = Instant::now();
        person.shows(&[&["transcode"][..], words, more].concat())?;
        println!("  ({:.1} s on the clock)", began.elapsed().as_secs_f32());
        Ok(())
    };
    let far = [&["--trust", "3", "--yes"][..], &joined].concat();
    transcode(&["film/film.mp4", "--out", "far"], &far)?;
    person.shows(&["app", "use", &archive])?;
    transcode(&["film/film.mp4", "--out", "near", "--local"], &[])?;
    let read = |path: &str| fs::read(person.work().join(path)).with_context(|| path.to_owned());
    ensure!(read("far/film.mp4")? == read("near/film.mp4")?, "the market's film is another than that of --local");
    transcode(&["film/film.mkv", "--height", "180", "--codec", "hevc", "--out", "small"], &far)?;
    transcode(&["film/parts.mp4", "--out", "parts", "--local"], &[])?;
    transcode(&["film/film.mp4", "--to", "hls", "--out", "stream"], &far)?;
    ensure!(read("stream/film.m3u8")?.starts_with(b"#EXTM3U"), "a stream has a list");
    println!("the market's film is that of --local to the byte, and all play from end to end");
    Ok(true)
}

/// Where all happens, and where images are.
pub(super) fn places(words: &[&str]) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (mut folder, mut images) = (PathBuf::from("target/e2e"), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--in" => folder = words.next().context("--in FOLDER")?.into(),
            "--images" => images = Some(PathBuf::from(words.next().context("--images FOLDER")?)),
            other => anyhow::bail!("{other} is not understood; there are --in FOLDER and --images FOLDER"),
        }
    }
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let images = images.unwrap_or_else(|| folder.join("images"));
    Ok((folder, images))
}

/// The image's archive, made if it is not there.
pub(super) fn archive(images: &Path, hands: &Path) -> anyhow::Result<String> {
    let archive = images.join(format!("{IMAGE}.tar"));
    let archive = if archive.exists() { archive } else { image::make(IMAGE, images, hands)? }.canonicalize()?;
    println!("{IMAGE}: {} MiB", fs::metadata(&archive)?.len() >> 20);
    archive.into_os_string().into_string().ok().context("an archive's name is text")
}

/// Has the image's own ffmpeg make a film of so many seconds, as any task would: moving pictures with a keyframe every two seconds, and
/// a tone; in MP4 and, the same samples, in Matroska and in fragments.
pub(super) fn film(person: &Machine, archive: &str, joined: &[&str], seconds: u32) -> anyhow::Result<()> {
    let run = ["run", "--image", archive, "--reproducible", "--out", "film"];
    let (pictures, sound) =
        (format!("testsrc2=size=640x360:rate=30:duration={seconds}"), format!("sine=f=440:r=48000:d={seconds}"));
    let told = ["--", "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sound];
    let made = ["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-c:a", "aac", "{out}/film.mp4"];
    person.shows(&[&run[..], joined, &told, &made].concat())?;
    let again = ["run", "--image", archive, "--reproducible", "--input", "film/film.mp4", "--out", "film"];
    let told = ["--", "ffmpeg", "-nostdin", "-v", "error", "-i", "/iexec_in/film.mp4"];
    let copied =
        ["-c", "copy", "{out}/film.mkv", "-c", "copy", "-movflags", "frag_keyframe+empty_moov", "{out}/parts.mp4"];
    person.shows(&[&again[..], joined, &told, &copied].concat())?;
    Ok(())
}
