//! What is no program, and programs kept compiled.

use crate::guest::*;
use results::{Failure, InvalidModule, sha256};
use sandbox::{OpenError, Program, Run, RunError, Sandbox, Source};

fn invalid(bytes: &[u8]) -> InvalidModule {
    match failure(Run::new(Program::from_bytes(bytes))) {
        Failure::InvalidModule(why) => why,
        other @ (Failure::Trap
        | Failure::Exit { .. }
        | Failure::TimeLimit
        | Failure::MemoryLimit
        | Failure::OutputLimit(_)
        | Failure::ProcessLimit
        | Failure::Computed
        | Failure::Unusable(_)) => panic!("{other:?}"),
    }
}

#[test]
fn garbage_is_no_program() {
    assert_eq!(invalid(b""), InvalidModule::NotWasm);
    assert_eq!(invalid(b"\x7fELF\x02\x01\x01\0"), InvalidModule::NotWasm);
    assert_eq!(invalid(b"#!/bin/sh\nrm -rf /\n"), InvalidModule::NotWasm);
    assert_eq!(invalid(b"\0asm\x01\0\0\0garbage"), InvalidModule::Malformed);
    assert_eq!(invalid(b"\0asm\x09\0\0\0"), InvalidModule::NotWasm);
}

#[test]
fn a_component_is_told_from_a_module() {
    let component = wat::parse_str("(component)").unwrap();
    assert_eq!(invalid(&component), InvalidModule::Component);
    let finished = run(Program::from_bytes(component));
    assert!(finished.detail.unwrap().contains("wasm32-wasip1"));
}

#[test]
fn a_module_that_imports_what_it_may_not_is_refused_by_that_name() {
    for (import, named) in [
        (r#"(import "env" "system" (func (param i32) (result i32)))"#, "`system` from `env`"),
        (r#"(import "wasi_snapshot_preview1" "sock_connect" (func))"#, "`sock_connect`"),
        (r#"(import "wasi_unstable" "fd_write" (func))"#, "wasm32-wasip1"),
        (r#"(import "env" "memory" (memory 1))"#, "`memory` from `env`"),
    ] {
        let finished = run(program(&format!(r#"{import} (func (export "_start"))"#)));
        assert_eq!(finished.outcome.failure(), Some(Failure::InvalidModule(InvalidModule::Import)), "{import}");
        assert!(finished.detail.unwrap().contains(named), "{import}");
    }
}

#[test]
fn a_known_import_of_the_wrong_type_is_refused() {
    let wrong = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i64))) (func (export "_start"))"#;
    assert_eq!(failure(Run::new(program(wrong))), Failure::InvalidModule(InvalidModule::Import));
}

#[test]
fn a_library_is_no_command() {
    for body in ["", r#"(func (export "run"))"#, r#"(func (export "_start") (param i32))"#] {
        let why = failure(Run::new(program(body)));
        assert_eq!(why, Failure::InvalidModule(InvalidModule::NoStart), "{body}");
    }
}

#[test]
fn a_program_without_memory_can_run_and_its_calls_fail_cleanly() {
    let module = program(
        r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
           (func (export "_start")
             (if (i32.ne (call $random (i32.const 0) (i32.const 1)) (i32.const 21)) (then unreachable)))"#,
    );
    assert!(tree(&run(module)).1.is_empty());
}

#[test]
fn a_trap_is_a_crash_and_says_where() {
    let module = program(
        r#"(func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
           (func (export "_start") (drop (call $divide (i32.const 0))))"#,
    );
    let finished = run(module);
    assert_eq!(finished.outcome.failure(), Some(Failure::Trap));
    let detail = finished.detail.unwrap();
    assert!(detail.contains("divide by zero") && detail.contains("in divide"), "{detail}");
}

#[test]
fn an_exit_code_is_a_failure_and_the_last_words_are_kept() {
    let finished = run(Guest::new()
        .file("half", "done")
        .say(1, "progress")
        .say(2, "cannot find the thing")
        .code("(call $exit (i32.const 3))")
        .quiet());
    assert_eq!(finished.outcome.failure(), Some(Failure::Exit { code: 3 }));
    assert_eq!(finished.stderr.to_string(), "cannot find the thing");
    assert_eq!(finished.stdout.to_string(), "progress");
    assert_eq!(finished.outcome.blob(), Failure::Exit { code: 3 }.digest());
}

#[test]
fn exit_code_zero_is_a_success() {
    let finished = run(Guest::new().file("a", "1").code("(call $exit (i32.const 0)) unreachable").quiet());
    assert_eq!(tree(&finished).1, [("a".to_owned(), b"1".to_vec())].into());
}

#[test]
fn a_program_that_is_not_what_its_digest_says_is_never_run() {
    let place = Place::new();
    let other = Program { digest: sha256(b"something else"), ..started("unreachable") };
    assert!(matches!(error(&place, &Run::new(other)), RunError::WrongProgram { .. }));
}

#[test]
fn a_program_compiled_once_needs_no_source_again() {
    let place = Place::new();
    let mut run = Run::new(Guest::new().say(1, "hello").quiet());
    assert_eq!(tree(&place.run(&run)).0, b"hello");
    run.program.source = Source::File(place.folder.path().join("gone"));
    assert_eq!(tree(&place.run(&run)).0, b"hello", "from memory");
    drop(place.sandbox);
    let cache = place.folder.path().join("cache");
    let again = Sandbox::open(&cache, &place.folder.path().join("scratch")).unwrap();
    assert_eq!(tree(&again.run(&run).unwrap()).0, b"hello", "from disk");
}

#[test]
fn a_cached_program_that_was_tampered_with_is_never_run() {
    let place = Place::new();
    let mut run = Run::new(Guest::new().say(1, "hello").quiet());
    let mut other = Run::new(Guest::new().say(1, "other").quiet());
    place.run(&run);
    place.run(&other);
    drop(place.sandbox);
    let cache = place.folder.path().join("cache");
    let mut files: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 2);
    // One program's code under the other's name, and one flipped bit.
    let first = std::fs::read(&files[0]).unwrap();
    let mut second = std::fs::read(&files[1]).unwrap();
    *second.last_mut().unwrap() ^= 1;
    std::fs::write(&files[1], first).unwrap();
    std::fs::write(&files[0], second).unwrap();
    let again = Sandbox::open(&cache, &place.folder.path().join("scratch")).unwrap();
    for run in [&mut run, &mut other] {
        run.program.source = Source::File(place.folder.path().join("gone"));
        assert!(matches!(again.run(run), Err(RunError::Program(_))), "compiling anew needs the source");
    }
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Sandbox::open(&cache, folder.path()), Err(OpenError::NotPrivate { .. })));
}

#[test]
fn a_program_can_be_looked_at_before_it_is_run() {
    let place = Place::new();
    assert_eq!(place.sandbox.prepare(&started(""), false).unwrap(), Ok(()));
    let garbage = place.sandbox.prepare(&Program::from_bytes(*b"garbage."), false).unwrap();
    assert_eq!(garbage, Err(Failure::InvalidModule(InvalidModule::NotWasm)));
}
