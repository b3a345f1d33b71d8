//! Replicas agree bit for bit: nothing of the host shows through.

use crate::guest::*;
use sandbox::{Input, Run};

/// Prints 64 bytes of randomness, the real and the monotonic clock twice each.
fn looking() -> sandbox::Program {
    started(
        "(drop (call $random (i32.const 512) (i32.const 64)))
         (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 576)))
         (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 584)))
         (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 592)))
         (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 600)))
         (drop (call $put (i32.const 1) (i32.const 512) (i32.const 96)))",
    )
}

#[test]
fn clock_and_randomness_are_the_tasks_own() {
    let of = |seed: u8| tree(&Place::new().run(&Run { seed: [seed; 32], ..Run::new(looking()) })).0;
    let first = of(1);
    assert_eq!(first, of(1), "the same task sees the same twice");
    assert_ne!(first[..64], of(2)[..64], "another task draws other numbers");
    assert_eq!(first[64..], of(2)[64..], "every task begins at the same moment");
    let clock = |from: usize| u64::from_le_bytes(first[from..from + 8].try_into().unwrap());
    assert_eq!(
        [clock(64), clock(72), clock(80), clock(88)],
        [1_577_836_800_000_001_000, 2_000, 1_577_836_800_000_003_000, 4_000]
    );
}

#[test]
fn randomness_is_what_is_written_down() {
    let drawn = tree(&Place::new().run(&Run { seed: [7; 32], ..Run::new(looking()) })).0;
    let block = |number: u64| {
        let text = [b"manyhands task randomness 1".as_slice(), &[7; 32], &number.to_le_bytes()].concat();
        results::sha256(&text).0
    };
    assert_eq!(drawn[..64], [block(0).0, block(1).0].concat());
}

#[test]
fn sleeping_moves_the_clock_by_what_was_slept() {
    let program = started(
        "(i32.store (i32.const 528) (i32.const 1)) (i64.store (i32.const 536) (i64.const 5000000000))
         (drop (call $poll (i32.const 512) (i32.const 640) (i32.const 1) (i32.const 64)))
         (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 600)))
         (drop (call $put (i32.const 1) (i32.const 600) (i32.const 8)))",
    );
    let now = u64::from_le_bytes(tree(&run(program)).0.try_into().unwrap());
    assert_eq!(now, 5_000_000_000 + 2 * 1_000);
}

/// Lists a folder and prints the bytes of the listing, then those of a file's facts.
fn listing(guest: Guest, folder: u32, file: &str) -> sandbox::Program {
    let mut guest = guest;
    let path = guest.text(file);
    guest
        .code(&format!(
            "(drop (call $readdir (i32.const {folder}) (i32.const 65536) (i32.const 4096) (i64.const 0) (i32.const 64)))
             (drop (call $put (i32.const 1) (i32.const 65536) (i32.load (i32.const 64))))
             (drop (call $stat (i32.const {folder}) (i32.const 0) {path} (i32.const 512)))
             (drop (call $put (i32.const 1) (i32.const 512) (i32.const 64)))"
        ))
        .quiet()
}

fn names(listing: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = &listing[..listing.len() - 64];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
        names.push(String::from_utf8(rest[24..24 + length].to_vec()).unwrap());
        rest = &rest[24 + length..];
    }
    names
}

#[test]
fn inputs_look_alike_in_whatever_order_and_whenever_the_host_made_them() {
    let look = |order: [&str; 4]| {
        let place = Place::new();
        let inputs = order
            .iter()
            .map(|name| Input {
                name: (*name).to_owned(),
                file: place.host_file(&name.replace('/', "-"), name.as_bytes()),
            })
            .collect();
        tree(&place.run(&Run { inputs, ..Run::new(listing(Guest::new(), IN, "b")) })).0
    };
    let one = look(["b", "a", "z/x", "B"]);
    let other = look(["z/x", "B", "b", "a"]);
    assert_eq!(names(&one), [".", "..", "B", "a", "b", "z"]);
    assert_eq!(one, other, "order, numbers and times are the same");
    assert_eq!(one[one.len() - 24..], [0; 24], "file times are zero");
}

#[test]
fn folders_of_the_output_are_listed_by_name_whatever_was_made_first() {
    let listed = |first: &str, second: &str| {
        let guest = Guest::new().file(first, "1").file(second, "1");
        names(&tree(&run(listing(guest, OUT, "a"))).0)
    };
    assert_eq!(listed("c", "a"), [".", "..", "a", "c"]);
    assert_eq!(listed("c", "a"), listed("a", "c"));
}

#[test]
fn a_listing_goes_on_where_it_was_while_files_are_removed() {
    let guest = Guest::new().file("a", "").file("b", "").file("c", "");
    // Room for `.`, `..` and `a`; then `a` is removed; then the rest is asked for.
    let program = guest
        .code("(drop (call $readdir (i32.const 3) (i32.const 65536) (i32.const 76) (i64.const 0) (i32.const 64)))")
        .on_path("$unlink", OUT, "a")
        .code(
            "(drop (call $readdir (i32.const 3) (i32.const 65536) (i32.const 4096) (i64.const 3) (i32.const 64)))
             (drop (call $put (i32.const 1) (i32.const 65536) (i32.load (i32.const 64))))
             (drop (call $put (i32.const 1) (i32.const 512) (i32.const 64)))",
        )
        .quiet();
    assert_eq!(names(&tree(&run(program)).0), ["b", "c"]);
}

#[test]
fn relaxed_simd_and_threads_are_off() {
    use results::{Failure, InvalidModule};
    let relaxed = "(func (export \"_start\") (drop (f32x4.relaxed_madd (v128.const i64x2 0 0) (v128.const i64x2 0 0) \
                   (v128.const i64x2 0 0))))";
    let threads = "(memory 1 1 shared) (func (export \"_start\"))";
    for body in [relaxed, threads] {
        assert_eq!(failure(Run::new(program(body))), Failure::InvalidModule(InvalidModule::Malformed), "{body}");
    }
    let simd = "(func (export \"_start\") (drop (f32x4.add (v128.const i64x2 0 0) (v128.const i64x2 0 0))))";
    assert!(tree(&run(program(simd))).1.is_empty(), "plain SIMD is on");
}

#[test]
fn nans_are_canonical_where_the_app_asks_for_it() {
    // A NaN with a payload of its own, through an addition: its payload shows unless NaNs are made canonical.
    let nan = "(i32.store (i32.const 512) (i32.reinterpret_f32 (f32.add (f32.load (i32.const 516)) (f32.const 1))))";
    let program = started(&format!(
        "(i32.store (i32.const 516) (i32.const 0x7fc12345)) {nan}
         (drop (call $put (i32.const 1) (i32.const 512) (i32.const 4)))"
    ));
    let run = Run { canonical_nans: true, ..Run::new(program) };
    assert_eq!(tree(&Place::new().run(&run)).0, 0x7fc0_0000_u32.to_le_bytes());
}
