//! `hands transcode` from end to end, with an image whose `ffmpeg` copies what it is given: what is held is the way of the pieces,
//! split here, carried out in containers by several workers, joined here. `cargo xtask e2e transcode` does it with Debian's ffmpeg.
//! Where a machine cannot run containers, the test says so and ends.
#![cfg(target_os = "linux")]

use crate::hands::Home;
use crate::images::{Lab, Layout};
use serde_json::{Value, json};
use std::path::Path;

/// In the place of ffmpeg's programs: copies the file behind `-i` to the last word; plays what is not empty.
const COPIES: &str = r#"case "$1" in
ffprobe) for it; do :; done; busybox test -s "$it" && echo "played $it" ;;
ffmpeg) while [ $# -gt 1 ]; do if [ "$1" = -i ]; then from=$2; fi; shift; done; busybox cp "$from" "$1" ;;
esac"#;

/// An image that stands for ffmpeg's, in a folder's file.
fn image(file: &Path) {
    let config = json!({ "Entrypoint": ["/bin/sh", "-c", COPIES, "image"], "Env": ["PATH=/bin"] });
    Layout::busybox(&config).archive(file);
}

fn film(lab: &Lab) {
    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/transcode/tests/films/film.mp4");
    lab.home.file("film.mp4", std::fs::read(film).unwrap());
}

#[test]
fn what_was_joined_is_played_by_the_operators_image_where_the_person_has_none() {
    let (Some(office), Some(person)) = (Lab::new(), Lab::new()) else { return };
    let mut up = office.start("up --listen 127.0.0.1:0");
    let (url, token) = (up.value("exchange"), up.value("join token"));
    let at = format!("--exchange {url} --join {token}");
    let operator = Home::new();
    std::fs::create_dir_all(operator.path()).unwrap();
    std::fs::copy(office.home.path().join("exchange/operator.key"), operator.path().join("key")).unwrap();
    image(&operator.work().join("ffmpeg-5.1.tar"));
    operator.hands(&format!("app publish --image ffmpeg-5.1.tar --price 0 {at}")).ok();
    film(&person);
    let fetches = "fetching the image ffmpeg-5.1 from the exchange";
    let first = person.hands(&format!("transcode film.mp4 --piece 2 --out far {at}")).ok();
    for words in [fetches, "has passed its check", "played /iexec_in/film.mp4"] {
        assert!(first.stderr.contains(words), "{words:?} is not said in {first:#?}");
    }
    let again = person.hands(&format!("transcode film.mp4 --piece 3 --out again {at}")).ok();
    assert!(again.stderr.contains("has passed its check") && !again.stderr.contains(fetches), "{again:#?}");
    up.signal("INT");
    up.end();
}

#[test]
fn a_film_goes_out_in_pieces_and_comes_back_whole() {
    let Some(lab) = Lab::new() else { return };
    film(&lab);
    image(&lab.home.work().join("ffmpeg-5.1.tar"));
    lab.hands("transcode film.mp4 --local").fails(1, &["no image is called ffmpeg-5.1 here", "hands app use"]);
    lab.hands("app use ffmpeg-5.1.tar").ok();

    // Six seconds with a keyframe each: three pieces, and the sound.
    let far = lab.hands("transcode film.mp4 --piece 2 --out far").ok();
    for words in [
        "3 pieces cut at keyframes, 1 stream of sound",
        "2 tasks first",
        "has passed its check",
        "played /iexec_in/film.mp4",
    ] {
        assert!(far.stderr.contains(words), "{words:?} is not said in {far:#?}");
    }
    assert_eq!(far.stdout, "film.mp4: 60 pictures of 3 pieces, 1 of sound\n");
    let receipt: Value = serde_json::from_str(&lab.home.read("far/receipt.json")).unwrap();
    assert_eq!(receipt["receipt"]["tasks"].as_array().unwrap().len(), 4);

    let near = lab.hands("transcode film.mp4 --piece 2 --local --out near").ok();
    assert!(near.stderr.contains("has passed its check"), "{near:#?}");
    let bytes = |name: &str| std::fs::read(lab.home.work().join(name)).unwrap();
    assert!(!bytes("far/film.mp4").is_empty());
    assert_eq!(bytes("far/film.mp4"), bytes("near/film.mp4"));

    lab.hands("transcode film.mp4 --piece 2 --to hls --stretch 2 --local --out stream").ok();
    let list = lab.home.read("stream/film.m3u8");
    assert!(list.contains("stretch-00003.m4s\n#EXT-X-ENDLIST"), "{list}");
    lab.home.file("no.mp4", "not a film at all");
    lab.hands("transcode no.mp4").fails(1, &["no.mp4 cannot be split"]);
}
