//! Manifests as people write them, with their mistakes.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use insta::assert_snapshot;
use manifest::{Check, ImageSource, Kind, Manifest, Source, Value};

const GOOD: &str = r#"name = "resize"
version = "0.1.0"
about = "Make pictures smaller"

[[program]]
name = "main"
wasm = "resize.wasm"

[[argument]]
name = "picture"
kind = "file"
word = true
help = "The picture."

[[argument]]
name = "width"
kind = "integer"
least = 1
most = 4096
default = "640"
help = "Pixels across."

[split]
wasm = "resize.wasm"
"#;

fn mistakes(text: &str) -> String {
    Manifest::parse(text).unwrap_err().to_string()
}

#[test]
fn a_manifest_says_what_an_app_is() {
    let app = Manifest::parse(GOOD).unwrap();
    assert_eq!((app.name.as_str(), app.split.as_str(), app.probes), ("resize", "resize.wasm", 1));
    assert_eq!(app.programs[0].source, Source::Wasm("resize.wasm".to_owned()));
    assert_eq!(app.check, Check::Exact);
    assert_eq!((app.arguments[0].required, app.arguments[1].required), (true, false));
    assert_eq!(app.files(), ["resize.wasm"]);
}

#[test]
fn the_bundled_apps_manifests_are_good_and_their_files_are_there() {
    for app in bundle::APPS {
        let manifest = Manifest::parse(app.manifest).unwrap_or_else(|mistakes| panic!("{}: {mistakes}", app.name));
        assert_eq!(manifest.name, app.name);
        for file in manifest.files() {
            assert!(app.files.iter().any(|(name, _)| *name == file), "{file} of {}", app.name);
        }
    }
}

#[test]
fn every_mistake_is_named_with_its_line_and_what_would_be_right() {
    let text = r#"name = "Resize it"
version = "1"
abuot = "Make pictures smaller"

[[program]]
name = "main"
image = "registry/resize:latest"

[[argument]]
name = "out"
kind = "number"
help = "Pixels across."

[[argument]]
name = "size"
kind = "integer"
least = 5
most = 2
default = "many"
help = 3

[probe]
most = 9

[check]
how = "trust me"
"#;
    assert_snapshot!(mistakes(text), @r#"
    manyhands.toml:1: `Resize it` is no name: small letters, digits and `-`, a letter first, at most 32
    manyhands.toml:1: the manifest has no `about`; write about = "Render the frames of a scene"
    manyhands.toml:1: there is no [split]: name the program that makes tasks of a job
    manyhands.toml:2: `1` is no version: three numbers, as in "0.1.0"
    manyhands.toml:3: `abuot` is no key of the manifest; it has name, version, about, details, examples, program, argument, split, probe, check, join, preview
    manyhands.toml:7: an image is "registry/name@sha256:…" (by its digest, or tasks would differ), an archive beside the manifest ("tool.tar"), or a name that an exchange publishes ("tool-2.1")
    manyhands.toml:11: `number` is no kind; there are file, text, integer, range, choice, flag
    manyhands.toml:17: `least` is 5 and `most` 2: nothing is in between
    manyhands.toml:20: `help` is text in quotes, not integer
    manyhands.toml:23: `most` is from 1 to 3: these tasks are paid before anything is quoted
    manyhands.toml:26: `trust me` is no way to check; there are exact, homogeneous, checker, self-proving
    "#);
}

#[test]
fn what_is_no_toml_says_where() {
    let said = mistakes("name = \"resize\"\nversion = 0.1.0\n");
    assert_snapshot!(said, @"manyhands.toml:2: this is no TOML: invalid float, expected nothing");
}

#[test]
fn what_checks_a_result_fits_how_it_is_checked() {
    let with = |check: &str| Manifest::parse(&format!("{GOOD}\n[check]\n{check}\n")).map(|app| app.check);
    assert_eq!(with("how = \"homogeneous\""), Ok(Check::Homogeneous));
    let proving = Check::SelfProving { wasm: "p.wasm".to_owned(), args: Vec::new(), first_is_enough: true };
    assert_eq!(with("how = \"self-proving\"\nwasm = \"p.wasm\"\nstop = \"first-proof\""), Ok(proving));
    let checker = Check::Checker { wasm: "c.wasm".to_owned(), args: vec!["picture".to_owned()] };
    assert_eq!(with("how = \"checker\"\nwasm = \"c.wasm\"\nargs = [\"picture\"]"), Ok(checker));
    assert!(with("how = \"exact\"\nargs = [\"x\"]").unwrap_err().to_string().contains("leave `args` out"));
    assert!(with("how = \"checker\"").unwrap_err().to_string().contains("no `wasm`"));
    assert!(with("how = \"exact\"\nwasm = \"p.wasm\"").unwrap_err().to_string().contains("needs no program"));
    assert!(with("how = \"exact\"\nstop = \"first-proof\"").unwrap_err().to_string().contains("self-proving"));
}

#[test]
fn an_image_is_one_of_a_registry_by_its_digest_an_archive_beside_the_manifest_or_a_name() {
    let of = |image: &str| {
        let text = GOOD.replacen("wasm = \"resize.wasm\"", &format!("image = \"{image}\""), 1);
        Manifest::parse(&text)
    };
    let pinned = format!("r.example/blender@sha256:{}", "ab".repeat(32));
    let source = |image: &str| of(image).unwrap().programs.remove(0).source;
    assert_eq!(source(&pinned), Source::Image(ImageSource::Pinned(pinned.clone())));
    assert_eq!(source("tool.tar"), Source::Image(ImageSource::Archive("tool.tar".to_owned())));
    assert_eq!(source("blender-4.2"), Source::Image(ImageSource::Named("blender-4.2".to_owned())));
    let app = of("tool.tar").unwrap();
    assert_eq!((app.files(), app.archives()), (vec!["resize.wasm"], vec!["tool.tar"]));
    for bad in ["r.example/blender:latest", "blender:4", "../tool.tar", "x@sha256:00", "", "Tool.tar"] {
        assert!(of(bad).unwrap_err().to_string().contains("by its digest"), "{bad}");
    }
}

#[test]
fn words_are_taken_as_their_kind_says() {
    let range = Kind::Range { least: 1, most: 500 };
    for (word, from, to) in [("1-240", 1, 240), ("3..9", 3, 9), ("7", 7, 7), ("1-500", 1, 500)] {
        assert_eq!(range.value(word), Ok(Value::Range(from, to)), "{word}");
    }
    for word in ["0-3", "9-3", "1-501", "", "-", "a-b", "1-2-3"] {
        assert!(range.value(word).is_err(), "{word}");
    }
    let whole = Kind::Integer { least: 2, most: 3 };
    assert_eq!((whole.value("2"), whole.value("4").is_err()), (Ok(Value::Integer(2)), true));
    let choice = Kind::Choice(vec!["fast".to_owned(), "good".to_owned()]);
    assert_eq!(choice.value("good"), Ok(Value::Text("good".to_owned())));
    assert_eq!(choice.value("bad").unwrap_err().to_string(), "`bad` is none of fast, good");
}
