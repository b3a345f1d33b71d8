//! A task eats the machine: time, memory, output.

use crate::guest::*;
use results::{Failure, OutputLimit};
use sandbox::{Limits, Run};
use std::time::Duration;

fn limited(program: sandbox::Program, limits: Limits) -> Run {
    Run { limits, ..Run::new(program) }
}

#[test]
fn an_endless_loop_ends_at_the_time_limit() {
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    assert_eq!(failure(limited(started("(loop $on (br $on))"), limits)), Failure::TimeLimit);
}

#[test]
fn an_endless_loop_of_calls_ends_at_the_time_limit() {
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let yielding = started("(loop $on (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 64))) (br $on))");
    assert_eq!(failure(limited(yielding, limits)), Failure::TimeLimit);
}

#[test]
fn an_endless_start_function_ends_at_the_time_limit() {
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let module = program(r#"(func $spin (loop $on (br $on))) (start $spin) (func (export "_start"))"#);
    assert_eq!(failure(limited(module, limits)), Failure::TimeLimit);
}

#[test]
fn a_long_sleep_takes_no_time() {
    // A clock subscription: monotonic, relative, a thousand years.
    let sleeping = Guest::new()
        .code("(i32.store (i32.const 528) (i32.const 1)) (i64.store (i32.const 536) (i64.const 9000000000000000000))")
        .note("(call $poll (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 64))")
        .note("(i32.load (i32.const 64))")
        .noting();
    let limits = Limits { time: Duration::from_secs(60), ..Limits::default() };
    assert_eq!(notes(&Place::new().run(&limited(sleeping, limits))), [OK, 1]);
}

#[test]
fn a_memory_bomb_is_refused_memory_and_its_crash_is_the_memory_limit() {
    let bomb = "(loop $on (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $on))";
    let limits = Limits { memory_bytes: 8 << 20, ..Limits::default() };
    let run = limited(started(bomb), limits);
    let finished = Place::new().run(&run);
    assert_eq!(finished.outcome.failure(), Some(Failure::MemoryLimit));
    assert!(finished.peak_memory_bytes <= 8 << 20);
}

#[test]
fn a_program_that_gets_over_refused_memory_succeeds() {
    let modest = Guest::new().note("(memory.grow (i32.const 60000))").noting();
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(notes(&Place::new().run(&limited(modest, limits))), [255]);
}

#[test]
fn growing_past_a_memorys_own_maximum_is_no_fault_of_the_machine() {
    let module = program(
        r#"(memory (export "memory") 1 2)
           (func (export "_start") (if (i32.ne (memory.grow (i32.const 5)) (i32.const -1)) (then unreachable)))"#,
    );
    assert!(tree(&run(module)).1.is_empty());
}

#[test]
fn a_module_that_begins_with_too_much_memory_or_too_large_a_table_passes_the_memory_limit() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    for body in ["(memory 17)", "(table 200000 funcref)"] {
        let module = program(&format!(r#"{body} (func (export "_start"))"#));
        assert_eq!(failure(limited(module, limits)), Failure::MemoryLimit, "{body}");
    }
}

#[test]
fn a_growing_table_counts_as_memory() {
    let module = program(
        r#"(table 0 funcref)
           (func (export "_start")
             (if (i32.eq (table.grow 0 (ref.null func) (i32.const 10000000)) (i32.const -1)) (then unreachable)))"#,
    );
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(failure(limited(module, limits)), Failure::MemoryLimit);
}

#[test]
fn a_flood_of_standard_output_passes_its_limit() {
    let flood = started("(loop $on (drop (call $put (i32.const 1) (i32.const 0) (i32.const 65536))) (br $on))");
    let limits = Limits { stdout_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(failure(limited(flood, limits)), Failure::OutputLimit(OutputLimit::Stdout));
}

#[test]
fn a_flood_into_one_file_passes_the_output_limit() {
    let flood = Guest::new()
        .open(OUT, "big", CREATE, WRITE)
        .code(&format!("(loop $on (drop (call $put {OPENED} (i32.const 0) (i32.const 65536))) (br $on))"))
        .quiet();
    let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
    assert_eq!(failure(limited(flood, limits)), Failure::OutputLimit(OutputLimit::Bytes));
}

#[test]
fn a_file_made_large_without_writing_passes_the_output_limit() {
    let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
    for call in [
        format!("(call $resize {OPENED} (i64.const 1048577))"),
        format!("(call $allocate {OPENED} (i64.const 1048576) (i64.const 1))"),
        format!("(call $pwrite {OPENED} (i32.const 16) (i32.const 1) (i64.const 0x7fffffffffffffff) (i32.const 64))"),
    ] {
        let code = "(i32.store (i32.const 20) (i32.const 1))";
        let program = Guest::new().open(OUT, "big", CREATE, WRITE).code(code).note(&call).quiet();
        assert_eq!(failure(limited(program, limits)), Failure::OutputLimit(OutputLimit::Bytes), "{call}");
    }
}

#[test]
fn a_file_at_the_output_limit_is_still_a_result_and_removing_makes_room() {
    let limits = Limits { output_bytes: 4, output_files: 1, ..Limits::default() };
    let program = Guest::new().file("a", "1234").on_path("$unlink", OUT, "a").file("b", "5678").quiet();
    let finished = Place::new().run(&limited(program, limits));
    assert_eq!(tree(&finished).1, [("b".to_owned(), b"5678".to_vec())].into());
}

#[test]
fn a_file_removed_while_open_still_counts() {
    let limits = Limits { output_bytes: 6, ..Limits::default() };
    let program =
        Guest::new().open(OUT, "a", CREATE, WRITE).write("1234").on_path("$unlink", OUT, "a").file("b", "567").quiet();
    assert_eq!(failure(limited(program, limits)), Failure::OutputLimit(OutputLimit::Bytes));
}

#[test]
fn a_flood_of_files_or_folders_passes_the_file_limit() {
    let limits = Limits { output_files: 100, ..Limits::default() };
    let mut guest = Guest::new();
    let name = guest.text("0000");
    let place = name.split([' ', ')']).nth(1).unwrap().to_owned();
    let next = format!("(i32.store (i32.const {place}) (i32.add (i32.load (i32.const {place})) (i32.const 1)))");
    let calls = [
        format!("(call $mkdir (i32.const {OUT}) {name})"),
        format!(
            "(call $open (i32.const {OUT}) (i32.const 0) {name} (i32.const 1) (i64.const 0) (i64.const 0) (i32.const 0) \
             (i32.const 8)) (drop (call $close {OPENED}))"
        ),
    ];
    for call in calls {
        let mut guest = Guest::new();
        guest.text("0000");
        let flood = guest.code(&format!("(loop $on (drop {call}) {next} (br_if $on (i32.const 1)))")).quiet();
        assert_eq!(failure(limited(flood, limits)), Failure::OutputLimit(OutputLimit::Files), "{call}");
    }
}

#[test]
fn folders_nested_without_end_pass_a_limit_of_output() {
    let nested = Guest::new().open(OUT, ".", FOLDER, 0);
    let deep = "d".repeat(200);
    let mut guest = nested;
    for _ in 0..30 {
        let name = guest.text(&deep);
        guest = guest.note(&format!("(call $mkdir {OPENED} {name})")).note(&format!(
            "(call $open {OPENED} (i32.const 0) {name} (i32.const 2) (i64.const 0) (i64.const 0) (i32.const 0) \
                 (i32.const 8))"
        ));
    }
    let name = guest.text("f");
    let program = guest
        .note(&format!(
            "(call $open {OPENED} (i32.const 0) {name} (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) \
             (i32.const 8))"
        ))
        .quiet();
    assert_eq!(failure(Run::new(program)), Failure::OutputLimit(OutputLimit::Path));
}

#[test]
fn a_name_that_is_too_long_is_the_programs_to_get_over() {
    let program = Guest::new()
        .on_path("$mkdir", OUT, &"n".repeat(256))
        .open(OUT, &"n".repeat(256), CREATE, WRITE)
        .on_path("$mkdir", OUT, &"n/".repeat(2049))
        .noting();
    assert_eq!(notes(&run(program)), [NAMETOOLONG; 3]);
}

#[test]
fn descriptors_run_out_without_harm() {
    let program = Guest::new()
        .file("a", "")
        .code(
            "(loop $on
               (drop (call $open (i32.const 3) (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 0) (i64.const 2)
                 (i64.const 0) (i32.const 0) (i32.const 8)))
               (global.set $n (i32.add (global.get $n) (i32.const 1)))
               (br_if $on (i32.lt_u (global.get $n) (i32.const 2000))))",
        )
        .open(OUT, "a", 0, READ)
        .noting();
    assert_eq!(notes(&run(program)).last(), Some(&33));
}

#[test]
fn a_stack_used_up_is_a_crash() {
    let module = program(r#"(func $deep (call $deep)) (func (export "_start") (call $deep))"#);
    assert_eq!(failure(Run::new(module)), Failure::Trap);
}

#[test]
fn standard_error_is_kept_in_part_and_never_stops_a_program() {
    let chatty = Guest::new()
        .say(2, "first words")
        .code(
            "(loop $on
               (drop (call $put (i32.const 2) (i32.const 0) (i32.const 65536)))
               (global.set $n (i32.add (global.get $n) (i32.const 1)))
               (br_if $on (i32.lt_u (global.get $n) (i32.const 100))))",
        )
        .say(2, "last words")
        .quiet();
    let finished = run(chatty);
    let text = finished.stderr.to_string();
    assert!(text.starts_with("first words") && text.ends_with("last words"));
    assert!(text.len() < 100_000 && finished.stderr.total() > 6_000_000);
    assert_eq!(tree(&finished).0, b"", "standard error is no part of the result");
}

#[test]
fn listings_left_unread_do_not_pile_up_on_the_host() {
    let mut guest = Guest::new();
    for number in 0..400 {
        guest = guest.on_path("$mkdir", OUT, &format!("{number}"));
    }
    // A thousand descriptors, each with a listing of which only the beginning is read, time and again.
    let here = guest.text(".");
    let program = guest
        .code(&format!(
            "(loop $on
               (drop (call $open (i32.const {OUT}) (i32.const 0) {here} (i32.const 2) (i64.const 0) (i64.const 0)
                 (i32.const 0) (i32.const 8)))
               (call $note (call $readdir {OPENED} (i32.const 65536) (i32.const 30) (i64.const 0) (i32.const 64)))
               (global.set $n (i32.add (global.get $n) (i32.const 1)))
               (br_if $on (i32.lt_u (global.get $n) (i32.const 1010))))"
        ))
        .noting();
    let finished = run(program);
    let notes = &notes(&finished)[400..];
    let within = 200_000 / 402;
    assert!(notes[..within].iter().all(|note| *note == OK));
    assert!(notes[within..].iter().all(|note| *note == 48), "no memory");
}

#[test]
fn a_great_deal_of_randomness_can_still_be_cut_short() {
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let drawing = Guest::new()
        .note("(memory.grow (i32.const 8000))")
        .note("(call $random (i32.const 0) (i32.const 524288000))")
        .quiet();
    assert_eq!(failure(limited(drawing, limits)), Failure::TimeLimit);
}

#[test]
fn a_call_takes_no_more_stretches_than_it_may() {
    // 2,000 stretches of one byte each.
    let program = Guest::new()
        .code(
            "(loop $on
               (i32.store (i32.add (i32.const 65536) (i32.mul (global.get $n) (i32.const 8))) (i32.const 0))
               (i32.store (i32.add (i32.const 65540) (i32.mul (global.get $n) (i32.const 8))) (i32.const 1))
               (global.set $n (i32.add (global.get $n) (i32.const 1)))
               (br_if $on (i32.lt_u (global.get $n) (i32.const 2000))))
             (drop (call $write (i32.const 1) (i32.const 65536) (i32.const 2000) (i32.const 64)))
             (if (i32.ne (i32.load (i32.const 64)) (i32.const 1024)) (then unreachable))",
        )
        .quiet();
    assert_eq!(tree(&run(program)).0.len(), 1024);
}

#[test]
fn a_run_finds_nothing_that_another_left_in_its_memory() {
    let place = Place::new();
    // Within the memory at the start, and in what it is grown by.
    let marks = [4096, 100_000, 5 * 65_536, 40 * 65_536];
    let guest = |text: &str| {
        let mut guest = Guest::new().code("(drop (memory.grow (i32.const 60)))");
        guest.text(text);
        let mark = |guest: Guest, at| {
            let looked = guest.note(&format!("(i32.load8_u (i32.const {at}))"));
            looked.code(&format!("(i32.store8 (i32.const {at}) (i32.const 7))"))
        };
        marks.into_iter().fold(guest, mark).noting()
    };
    let (one, other) = (guest("a"), guest("b"));
    for _ in 0..3 {
        assert_eq!(notes(&place.run(&Run::new(one.clone()))), [b'a', 0, 0, 0]);
        assert_eq!(notes(&place.run(&Run::new(other.clone()))), [b'b', 0, 0, 0]);
    }
    let beyond = Run::new(started("(drop (i32.load8_u (i32.const 327680)))"));
    assert_eq!(place.run(&beyond).outcome.failure(), Some(Failure::Trap), "nor is memory there that it has not");
}

#[test]
fn programs_of_several_memories_or_tables_or_of_a_large_memory_run_like_others() {
    for parts in [
        r#"(memory 1) (memory (export "memory") 1)"#,
        r#"(memory (export "memory") i64 1)"#,
        r#"(memory 1) (table 2 funcref) (table 3 funcref)"#,
        "",
    ] {
        let program = program(&format!(r#"{parts} (func (export "_start"))"#));
        assert_eq!(Place::new().run(&Run::new(program)).outcome.failure(), None, "{parts}");
    }
}
