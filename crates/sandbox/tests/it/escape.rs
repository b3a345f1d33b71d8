//! A task reads or changes the provider's machine.

use crate::guest::*;
use sandbox::{Input, Run};

#[test]
fn a_path_with_dots_leads_nowhere_above_its_folder() {
    let program = Guest::new()
        .open(OUT, "../etc/passwd", 0, READ)
        .open(OUT, "a/../../x", CREATE, WRITE)
        .on_path("$mkdir", OUT, "sub")
        .open(OUT, "sub/../../etc/passwd", 0, READ)
        .open(OUT, "sub/../../../x", CREATE, WRITE)
        .open(OUT, "..", FOLDER, 0)
        .on_path("$mkdir", OUT, "../x")
        .on_path("$unlink", IN, "../x")
        .on_path("$rmdir", OUT, "..")
        .rename((OUT, "sub"), (OUT, "../sub"))
        .open(HERE, "./../iexec_in", FOLDER, 0)
        .noting();
    assert_eq!(notes(&run(program)), [PERM, NOENT, OK, PERM, PERM, PERM, PERM, PERM, PERM, PERM, PERM]);
}

#[test]
fn dots_from_an_opened_folder_do_not_lead_out_of_it() {
    let program = Guest::new().on_path("$mkdir", OUT, "sub").file("secret", "s").open(OUT, "sub", FOLDER, 0);
    let mut program = program;
    let up = program.text("../secret");
    let program = program
        .note(&format!(
            "(call $open {OPENED} (i32.const 0) {up} (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64))"
        ))
        .noting();
    assert_eq!(notes(&run(program)).last(), Some(&PERM));
}

#[test]
fn an_absolute_path_is_refused_even_where_the_host_has_the_file() {
    let place = Place::new();
    let secret = place.host_file("secret", b"the host's");
    let absolute = secret.to_str().unwrap();
    let program = Guest::new()
        .open(OUT, absolute, 0, READ)
        .open(HERE, absolute, CREATE, WRITE)
        .open(IN, "/iexec_in", FOLDER, 0)
        .on_path("$unlink", OUT, absolute)
        .rename((OUT, absolute), (OUT, "mine"))
        .noting();
    assert_eq!(notes(&place.run(&Run::new(program))), [PERM; 5]);
    assert_eq!(std::fs::read(&secret).unwrap(), b"the host's");
}

#[test]
fn links_of_either_kind_are_refused_and_leave_nothing() {
    let mut guest = Guest::new().file("a", "1");
    let (outside, name, a) = (guest.text("/etc/passwd"), guest.text("link"), guest.text("a"));
    let program = guest
        .note(&format!("(call $symlink {outside} (i32.const {OUT}) {name})"))
        .note(&format!("(call $symlink {a} (i32.const {OUT}) {name})"))
        .note(&format!("(call $link (i32.const {OUT}) (i32.const 0) {a} (i32.const {OUT}) {name})"))
        .open(OUT, "link", 0, READ)
        .noting();
    let finished = run(program);
    assert_eq!(notes(&finished), [OK, OK, OK, NOTSUP, NOTSUP, NOTSUP, NOENT]);
    assert_eq!(tree(&finished).1.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn inputs_can_be_read_and_neither_changed_nor_moved_nor_removed() {
    let place = Place::new();
    let file = place.host_file("host-name", b"input");
    let program = Guest::new()
        .open(IN, "deep/data.txt", 0, READ)
        .note(&format!(
            "(call $read (block (result i32) (i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) \
             (i32.const 8)) {OPENED}) (i32.const 16) (i32.const 1) (i32.const 24))"
        ))
        .note("(i32.load (i32.const 24))")
        .note("(i32.load8_u (i32.const 32))")
        .note(&format!("(call $put {OPENED} (i32.const 32) (i32.const 1))"))
        .note(&format!("(call $resize {OPENED} (i64.const 0))"))
        .open(IN, "deep/data.txt", 0, READ | WRITE)
        .open(IN, "deep/data.txt", TRUNCATE, READ)
        .open(IN, "new", CREATE, WRITE)
        .on_path("$mkdir", IN, "new")
        .on_path("$unlink", IN, "deep/data.txt")
        .on_path("$rmdir", IN, "deep")
        .file("mine", "x")
        .rename((IN, "deep/data.txt"), (OUT, "stolen"))
        .rename((OUT, "mine"), (IN, "deep/data.txt"))
        .rename((OUT, "mine"), (IN, "planted"))
        .noting();
    let inputs = vec![Input { name: "deep/data.txt".to_owned(), file: file.clone() }];
    let finished = place.run(&Run { inputs, ..Run::new(program) });
    let expected = [OK, OK, 5, b'i', BADF, BADF, ROFS, ROFS, ROFS, ROFS, ROFS, 55, OK, OK, OK, ROFS, ROFS, ROFS];
    assert_eq!(notes(&finished), expected);
    assert_eq!(std::fs::read(&file).unwrap(), b"input");
    assert_eq!(tree(&finished).1, [("mine".to_owned(), b"x".to_vec())].into());
}

#[test]
fn there_are_three_folders_no_sockets_and_no_further_descriptors() {
    let program = Guest::new()
        .note("(call $accept (i32.const 3) (i32.const 0) (i32.const 64))")
        .note("(call $accept (i32.const 6) (i32.const 0) (i32.const 64))")
        .note("(call $close (i32.const 6))")
        .note("(call $put (i32.const 0) (i32.const 0) (i32.const 1))")
        .noting();
    assert_eq!(notes(&run(program)), [57, BADF, BADF, BADF]);
}

#[test]
fn standard_input_is_empty() {
    let program = Guest::new()
        .code("(i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 8))")
        .note("(call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24))")
        .note("(i32.load (i32.const 24))")
        .noting();
    assert_eq!(notes(&run(program)), [OK, 0]);
}

#[test]
fn names_that_mean_something_elsewhere_are_refused_or_mean_nothing() {
    let program = Guest::new()
        .open(OUT, "a\\b", CREATE, WRITE)
        .open(OUT, "a\0b", CREATE, WRITE)
        .on_path("$mkdir", OUT, "x\\y")
        .open(OUT, "", CREATE, WRITE)
        .open(OUT, "a:b", CREATE, WRITE)
        .noting();
    assert_eq!(notes(&run(program)), [INVAL, 25, INVAL, NOENT, OK]);
}

#[test]
fn pointers_outside_of_memory_are_the_programs_own_trouble() {
    let program = Guest::new()
        .note("(call $random (i32.const 262140) (i32.const 5))")
        .note("(call $random (i32.const -1) (i32.const -1))")
        .note("(call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 24))")
        .note("(call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 24))")
        .note("(call $clock (i32.const 0) (i64.const 0) (i32.const 262137))")
        .note("(call $poll (i32.const 262100) (i32.const 0) (i32.const 1) (i32.const 64))")
        .note(
            "(call $open (i32.const 3) (i32.const 0) (i32.const 262144) (i32.const 1) (i32.const 0) (i64.const 0) \
               (i64.const 0) (i32.const 0) (i32.const 8))",
        )
        .noting();
    assert_eq!(notes(&run(program)), [21, 21, 21, INVAL, 21, 21, 21]);
}

#[test]
fn a_file_is_no_folder_on_the_way() {
    let program = Guest::new()
        .file("f", "")
        .open(OUT, "f/x", CREATE, WRITE)
        .open(OUT, "f/", 0, READ)
        .open(OUT, "f", FOLDER, 0)
        .on_path("$mkdir", OUT, "d")
        .rename((OUT, "d"), (OUT, "d/e"))
        .rename((OUT, "f"), (OUT, "d"))
        .rename((OUT, "d"), (OUT, "f"))
        .noting();
    assert_eq!(notes(&run(program))[3..], [NOTDIR, NOTDIR, NOTDIR, OK, INVAL, 31, NOTDIR]);
}
