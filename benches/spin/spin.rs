//! Work of a known size, in every form a system wants it: a WebAssembly command, a native program, a native library.
//!
//! `spin STEPS [FILE]`: so many steps; then, where a file is named, the time is appended to it (16 digits of
//! microseconds and a line feed), since some systems tell only by the second when a job has ended.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Steps that each need the one before: no compiler and no wide processor can shorten them.
#[unsafe(no_mangle)]
pub extern "C" fn spin(steps: u64) -> u64 {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps / 16 {
        // Sixteen to a turn, so that what a sandbox adds to a turn of a loop is small beside it.
        for _ in 0..16 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
    }
    black_box(state)
}

fn main() {
    let mut words = std::env::args().skip(1);
    let steps = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    spin(steps);
    if let Some(file) = words.next() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).expect("the file is there");
        file.write_all(format!("{now:016}\n").as_bytes()).expect("a line is written");
    }
}
