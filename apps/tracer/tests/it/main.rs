//! The command as a user meets it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCENE: &str = "mtllib paint.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl red\nf 1 2 3\n";

/// A folder of its own for each test, with a scene in it.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("scenes")).expect("the target folder can be written");
    fs::write(folder.join("scenes/a.obj"), SCENE).expect("a new file");
    fs::write(folder.join("scenes/paint.mtl"), "newmtl red\nKd 1 0 0\n").expect("a new file");
    folder
}

fn tracer(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracer"));
    command.current_dir(folder).args(line.split_whitespace());
    command.output().expect("the command was built")
}

fn last_words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_frame_lands_in_the_current_folder_and_repeats_to_the_byte() {
    let folder = folder("frame");
    for out in ["one.png", "two.png"] {
        let output = tracer(
            &folder,
            &format!("scenes/a.obj --frame 2 --frames 8 --width 20 --height 10 --samples 2 --out {out}"),
        );
        assert!(output.status.success() && output.stderr.is_empty(), "{}", last_words(&output));
    }
    let file = fs::read(folder.join("one.png")).unwrap();
    assert_eq!(file, fs::read(folder.join("two.png")).unwrap());
    let reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (20, 10));
    let output = tracer(&folder, "scenes/a.obj --frame 3 --width 20 --height 10 --samples 2");
    assert!(output.status.success());
    assert_ne!(fs::read(folder.join("frame-0003.png")).unwrap(), fs::read(folder.join("one.png")).unwrap());
}

#[test]
fn files_whose_folders_were_flattened_are_found_beside_the_scene() {
    let folder = folder("flattened");
    fs::write(folder.join("scenes/a.obj"), SCENE.replace("paint", "textures\\old\\paint")).unwrap();
    let output = tracer(&folder, "scenes/a.obj --width 4 --height 4 --samples 1");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", last_words(&output));
}

#[test]
fn a_bad_scene_is_exit_code_2_and_named_in_the_last_line() {
    let folder = folder("bad");
    fs::write(folder.join("b.obj"), format!("{SCENE}f 1 2 99\n")).unwrap();
    for (line, words) in [
        ("b.obj", "b.obj:7: face names vertex 99 but there are 3"),
        ("c.obj", "c.obj: cannot be read: No such file or directory (os error 2)"),
        ("scenes/paint.mtl", "paint.mtl: is neither .obj, .gltf nor .glb"),
        ("scenes/a.obj --frame 30", "frame 30 is not one of 24: they count from 0"),
    ] {
        let output = tracer(&folder, line);
        assert_eq!((output.status.code(), last_words(&output)), (Some(2), words.to_owned()));
    }
    let output = tracer(&folder, "scenes/a.obj --width 4 --height 4 --samples 1 --out gone/a.png");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_is_not_an_error() {
    let output = tracer(Path::new("."), "--help");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("usage: tracer SCENE"));
}
