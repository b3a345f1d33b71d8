//! The world that ordinary programs expect, found by one that rustc compiles for WASI.

use crate::guest::*;
use sandbox::{Input, Program, Run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a program of `tests/guests`.
fn compiled(name: &str, place: &Place) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name);
    let module = place.folder.path().join("guest.wasm");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--target", "wasm32-wasip1", "--edition", "2024", "-C", "opt-level=1", "-o"])
        .args([&module, &source])
        .output()
        .expect("rustc is there, as this test was built by it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    module
}

#[test]
fn an_ordinary_program_finds_files_arguments_time_and_randomness_as_it_expects_them() {
    let place = Place::new();
    let module = std::fs::read(compiled("tour.rs", &place)).unwrap();
    let inputs = vec![
        Input { name: "sub/in.txt".to_owned(), file: place.host_file("one", b"given") },
        Input { name: "a".to_owned(), file: place.host_file("two", b"abc") },
    ];
    let run = Run {
        args: vec!["one".to_owned(), "two words".to_owned()],
        env: vec![("IEXEC_OUT".to_owned(), "/iexec_out".to_owned())],
        inputs,
        ..Run::new(Program::from_bytes(module))
    };
    let finished = place.run(&run);
    assert!(finished.outcome.failure().is_none(), "{:?}\n{}", finished.detail, finished.stderr);
    let (stdout, files) = tree(&finished);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["copied.txt", "deep/er/rel.txt", "deep/moved.txt", "large", "seek"]);
    assert_eq!(files["seek"], b"012x\0\0!+");
    assert_eq!(finished.stderr.to_string(), "the end\n");
    assert_eq!(tree(&place.run(&run)).0, stdout, "even the order of a hash map is the task's own");
    let other = Run { seed: [9; 32], ..run };
    assert_ne!(tree(&place.run(&other)).0, stdout, "and another task's differs");
}

#[test]
fn arguments_and_environment_are_what_the_run_says_and_nothing_of_the_hosts() {
    let program = started(
        "(drop (call $args_sizes (i32.const 64) (i32.const 68)))
         (drop (call $args (i32.const 512) (i32.const 1024)))
         (drop (call $put (i32.const 1) (i32.const 1024) (i32.load (i32.const 68))))
         (drop (call $env_sizes (i32.const 64) (i32.const 68)))
         (drop (call $env (i32.const 512) (i32.const 2048)))
         (drop (call $put (i32.const 1) (i32.const 2048) (i32.load (i32.const 68))))",
    );
    let run = Run {
        args: vec!["x".to_owned(), String::new()],
        env: vec![("IEXEC_TASK_ID".to_owned(), "0x1".to_owned())],
        ..Run::new(program)
    };
    assert_eq!(tree(&Place::new().run(&run)).0, b"app\0x\0\0IEXEC_TASK_ID=0x1\0");
}
