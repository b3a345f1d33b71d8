//! The owner's hand on a run.

use crate::guest::*;
use results::{Failure, Refusal};
use sandbox::{Control, Input, Limits, Run, RunError};
use std::time::Duration;

#[test]
fn a_cancelled_run_ends_without_a_result() {
    let place = Place::new();
    let run = Run::new(started("(loop $on (br $on))"));
    let control = run.control.clone();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| error(&place, &run));
        control.cancel();
        let error = running.join().unwrap();
        assert!(matches!(error, RunError::Cancelled));
        assert_eq!(error.refusal(), Refusal::Cancelled);
    });
}

#[test]
fn a_paused_run_waits_and_a_cancel_ends_it_all_the_same() {
    let place = Place::new();
    let limits = Limits { time: Duration::from_millis(1), ..Limits::default() };
    let run = Run { limits, ..Run::new(started("(loop $on (br $on))")) };
    run.control.pause();
    let control = run.control.clone();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| place.sandbox.run(&run));
        control.cancel();
        assert!(matches!(running.join().unwrap(), Err(RunError::Cancelled)));
    });
}

#[test]
fn a_resumed_run_goes_on_to_its_end() {
    let place = Place::new();
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let run = Run { limits, control: Control::new(), ..Run::new(started("(loop $on (br $on))")) };
    run.control.pause();
    let control = run.control.clone();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| place.run(&run));
        control.resume();
        assert_eq!(running.join().unwrap().outcome.failure(), Some(Failure::TimeLimit));
    });
}

#[test]
fn a_missing_input_is_the_workers_trouble_and_not_the_programs() {
    let place = Place::new();
    let file = place.folder.path().join("gone");
    for name in ["a", "../a"] {
        let inputs = vec![Input { name: name.to_owned(), file: file.clone() }];
        let error = error(&place, &Run { inputs, ..Run::new(started("")) });
        assert!(matches!(&error, RunError::Input { name: named, .. } if named == name), "{error}");
        assert_eq!(error.refusal(), Refusal::Fetch);
    }
}

#[test]
fn a_scratch_folder_that_fails_is_the_workers_trouble_and_not_the_programs() {
    let place = Place::new();
    std::fs::remove_dir(place.folder.path().join("scratch")).unwrap();
    let large = Guest::new()
        .open(OUT, "big", CREATE, WRITE)
        .note(&format!("(call $resize {OPENED} (i64.const 10000000))"))
        .quiet();
    let error = error(&place, &Run::new(large));
    assert!(matches!(error, RunError::Scratch(_)), "{error}");
    assert_eq!(error.refusal(), Refusal::Fault);
}

#[test]
fn a_run_leaves_nothing_in_the_scratch_folder() {
    let place = Place::new();
    let large = Guest::new()
        .open(OUT, "big", CREATE, WRITE)
        .note(&format!("(call $resize {OPENED} (i64.const 10000000))"))
        .quiet();
    let finished = place.run(&Run::new(large));
    assert_eq!(tree(&finished).1["big"].len(), 10_000_000);
    let left = || std::fs::read_dir(place.folder.path().join("scratch")).unwrap().count();
    assert_eq!(left(), 1, "the result alone");
    drop(finished);
    assert_eq!(left(), 0);
}

#[test]
fn runs_at_once_do_not_see_each_other() {
    let place = Place::new();
    let program = Guest::new().file("a", "1").open(OUT, "b", 0, READ).file("b", "2").noting();
    let alone = tree(&place.run(&Run::new(program.clone())));
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| tree(&place.run(&Run::new(program.clone()))))).collect();
        for run in runs {
            assert_eq!(run.join().unwrap(), alone);
        }
    });
}
