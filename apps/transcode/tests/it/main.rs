//! Six seconds of a film, a keyframe each second, with sound: split, joined, and looked at.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use transcode::join::{Part, Sound, join};
use transcode::mp4::{self, Movie, Track};
use transcode::{Kind, Source};

fn film(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/films").join(name)
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn read(path: &Path) -> Movie {
    mp4::read(&mut File::open(path).unwrap()).unwrap()
}

/// What of each sample must not change: its bytes, when it is shown since the first, whether it stands alone.
fn content(path: &Path, track: &Track) -> Vec<(Vec<u8>, i64, bool)> {
    let mut file = File::open(path).unwrap();
    let mut one = |sample: &mp4::Sample| {
        let mut bytes = vec![0; usize::try_from(sample.size).unwrap()];
        file.seek(SeekFrom::Start(sample.offset)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        (bytes, sample.shown() - track.first_shown(), sample.key)
    };
    track.samples.iter().map(&mut one).collect()
}

/// The film in pieces of at least so many seconds, and its sound.
fn split(name: &str, place: &str, seconds: u64) -> (Vec<Part>, Vec<(Sound, u64)>) {
    let folder = folder(place);
    let mut source = Source::open(File::open(film(name)).unwrap()).unwrap();
    let streams = source.streams();
    let kinds: Vec<Kind> = streams.iter().map(|stream| stream.kind).collect();
    assert_eq!(kinds, [Kind::Video, Kind::Audio]);
    let mut write = |stream: usize, span: mp4::Span, name: String| {
        let path = folder.join(name);
        source.write(stream, span, File::create(&path).unwrap()).unwrap();
        (File::open(&path).unwrap(), read(&path))
    };
    let mut parts = Vec::new();
    for (number, piece) in streams[0].pieces(seconds).into_iter().enumerate() {
        let (file, movie) = write(0, piece.span, format!("video-{number}.mp4"));
        parts.push(Part { file, movie, begins: piece.begins, timescale: streams[0].timescale });
    }
    let (file, movie) = write(1, 0..streams[1].moments.len(), "audio.mp4".to_owned());
    (parts, vec![(Sound { file, movie }, 0)])
}

#[test]
fn a_film_that_is_split_and_joined_is_the_film() {
    for (seconds, pieces) in [(1, 6), (2, 3), (4, 2), (100, 1)] {
        let place = format!("joined-{seconds}");
        let (parts, sounds) = split("film.mp4", &place, seconds);
        assert_eq!(parts.len(), pieces);
        let path = folder(&place).join("whole.mp4");
        join(&parts, 0, &sounds).unwrap().write(File::create(&path).unwrap()).unwrap();
        let (before, after) = (read(&film("film.mp4")), read(&path));
        assert_eq!(after.tracks.len(), 2);
        for (before, after) in before.tracks.iter().zip(&after.tracks) {
            assert_eq!((before.kind, before.timescale), (after.kind, after.timescale));
            assert_eq!(before.descriptions.len(), after.descriptions.len());
            assert_eq!((before.from, before.lasts), (after.from, after.lasts));
            assert_eq!(content(&film("film.mp4"), before), content(&path, after));
            assert_eq!(
                before.end - u64::try_from(before.first_shown()).unwrap(),
                after.end - u64::try_from(after.first_shown()).unwrap()
            );
        }
    }
}

#[test]
fn pieces_that_differ_only_in_how_many_bits_they_take_are_described_once() {
    let (mut parts, sounds) = split("film.mp4", "rates", 2);
    for (part, rate) in parts.iter_mut().zip(1_u32..) {
        for track in &mut part.movie.tracks {
            let entry = &mut track.descriptions[0];
            let rates = [&20_u32.to_be_bytes()[..], b"btrt", &[0; 8], &rate.to_be_bytes()].concat();
            entry.extend(rates);
            let length = u32::try_from(entry.len()).unwrap().to_be_bytes();
            entry[..4].copy_from_slice(&length);
        }
    }
    let joined = join(&parts, 0, &sounds).unwrap();
    assert_eq!(joined.lines[0].descriptions.len(), 1);
}

#[test]
fn a_piece_begins_with_a_keyframe_and_shows_it_at_once() {
    let (parts, _) = split("film.mp4", "pieces", 1);
    for part in &parts {
        let track = part.movie.video().unwrap();
        assert_eq!((track.samples.len(), track.samples[0].key), (10, true));
        let first = track.samples.iter().map(mp4::Sample::shown).min().unwrap();
        assert_eq!((track.from, track.lasts), (Some(first), Some(1000)));
    }
    let begins: Vec<u64> = parts.iter().map(|part| part.begins * 10 / u64::from(part.timescale)).collect();
    assert_eq!(begins, [0, 10, 20, 30, 40, 50]);
}

#[test]
fn streams_of_sound_begin_when_they_do_in_the_film() {
    let (parts, mut sounds) = split("film.mp4", "late", 3);
    sounds[0].1 = 250;
    let path = folder("late").join("whole.mp4");
    join(&parts, 40, &sounds).unwrap().write(File::create(&path).unwrap()).unwrap();
    let delays: Vec<u64> = read(&path).tracks.iter().map(|track| track.delay).collect();
    assert_eq!(delays, [40, 250]);
}

#[test]
fn a_matroska_film_is_cut_where_the_same_film_in_mp4_is() {
    let seconds = |name: &str| {
        let source = Source::open(File::open(film(name)).unwrap()).unwrap();
        let stream = source.streams().remove(0);
        let pieces = stream.pieces(2);
        pieces.iter().map(|piece| (piece.span.clone(), piece.begins / u64::from(stream.timescale))).collect::<Vec<_>>()
    };
    assert_eq!(seconds("film.mkv"), seconds("film.mp4"));
}

#[test]
fn a_matroska_piece_has_the_blocks_of_its_stream_and_no_others() {
    let mut source = Source::open(File::open(film("film.mkv")).unwrap()).unwrap();
    let streams = source.streams();
    let path = folder("matroska").join("piece.mkv");
    let piece = streams[0].pieces(2).remove(1);
    source.write(0, piece.span.clone(), File::create(&path).unwrap()).unwrap();
    let own = Source::open(File::open(&path).unwrap()).unwrap().streams();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].moments, streams[0].moments[piece.span]);
}

#[test]
fn a_stream_for_players_has_every_sample_once_in_order() {
    let (parts, sounds) = split("film.mp4", "hls-pieces", 2);
    let folder = folder("hls");
    let mut joined = join(&parts, 0, &sounds).unwrap();
    transcode::hls::write(&mut joined, &folder, "film.m3u8", 2).unwrap();
    let list = std::fs::read_to_string(folder.join("film.m3u8")).unwrap();
    let stretches: Vec<&str> = list.lines().filter(|line| line.ends_with(".m4s")).collect();
    assert_eq!(stretches, ["stretch-00001.m4s", "stretch-00002.m4s", "stretch-00003.m4s"]);
    assert!(list.contains("#EXT-X-TARGETDURATION:2\n") && list.contains("#EXTINF:2.000,"), "{list}");
    let all = content(&film("film.mp4"), read(&film("film.mp4")).video().unwrap());
    let stretches: Vec<Vec<u8>> = stretches.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    // Each stretch's pictures lie one behind the other.
    for (stretch, pictures) in stretches.iter().zip(all.chunks(20)) {
        let bytes: Vec<u8> = pictures.iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
        assert!(stretch.windows(bytes.len()).any(|window| window == bytes));
    }
}

#[test]
fn a_film_in_fragments_is_split_like_the_whole_one() {
    let (parts, sounds) = split("film.mp4", "fragments", 2);
    let folder = folder("fragments");
    let mut joined = join(&parts, 0, &sounds).unwrap();
    transcode::hls::write(&mut joined, &folder, "film.m3u8", 2).unwrap();
    // A stream's files one behind the other are a film in fragments.
    let names = ["init.mp4", "stretch-00001.m4s", "stretch-00002.m4s", "stretch-00003.m4s"];
    let bytes: Vec<u8> = names.iter().flat_map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    let path = folder.join("fragments.mp4");
    std::fs::write(&path, &bytes).unwrap();
    let (before, after) = (read(&film("film.mp4")), read(&path));
    assert_eq!(after.tracks.len(), 2);
    for (before, after) in before.tracks.iter().zip(&after.tracks) {
        assert_eq!((before.kind, before.timescale), (after.kind, after.timescale));
        assert_eq!(content(&film("film.mp4"), before), content(&path, after));
    }
    let cuts = |path: &Path| {
        let pictures = Source::open(File::open(path).unwrap()).unwrap().streams().remove(0);
        pictures.pieces(2).into_iter().map(|piece| (piece.span, piece.begins)).collect::<Vec<_>>()
    };
    assert_eq!(cuts(&path), cuts(&film("film.mp4")));
    // Cut short or with a byte turned it is refused, or read as far as it makes sense; never a panic.
    for length in (0..bytes.len()).step_by(499) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let _refused_or_read = Source::open(File::open(&path).unwrap()).map(|source| source.streams());
    }
    let head = std::fs::read(folder.join("init.mp4")).unwrap().len();
    for at in (0..head + 600).step_by(7) {
        let mut bad = bytes.clone();
        bad[at] ^= 0xff;
        std::fs::write(&path, &bad).unwrap();
        let _refused_or_read = Source::open(File::open(&path).unwrap()).map(|source| source.streams());
    }
}

#[test]
fn a_damaged_film_is_refused_whatever_of_it_is_damaged() {
    for name in ["film.mp4", "film.mkv"] {
        let whole = std::fs::read(film(name)).unwrap();
        let path = folder("damaged").join(name);
        // Cut short, and with a byte of its tables turned: no panic, and no endless work.
        for length in (0..whole.len()).step_by(997) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let _refused_or_read = Source::open(File::open(&path).unwrap()).map(|source| source.streams());
        }
        let end = whole.len();
        for at in (0..600).chain(end - 3000..end).step_by(61) {
            let mut bad = whole.clone();
            bad[at] ^= 0xff;
            std::fs::write(&path, &bad).unwrap();
            if let Ok(mut source) = Source::open(File::open(&path).unwrap()) {
                for (number, stream) in source.streams().iter().enumerate() {
                    for piece in stream.pieces(2) {
                        let to = File::create(folder("damaged").join("piece")).unwrap();
                        let _refused_or_written = source.write(number, piece.span, to);
                    }
                }
            }
        }
    }
    assert!(mp4::read(&mut Cursor::new(b"no film at all")).is_err());
}
