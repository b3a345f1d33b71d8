//! Loops in which a limit is met at every turn: nowhere do limits cost more.

use std::hint::black_box;

/// Turns of one step each, which needs the one before.
#[unsafe(no_mangle)]
pub extern "C" fn turns(count: u32) -> u64 {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state)
}

/// Turns that each read and write a word of 64 KiB.
#[unsafe(no_mangle)]
pub extern "C" fn stores(count: u32) -> u64 {
    let mut words = black_box(vec![1_u64; 1 << 13]);
    for turn in 0..count as usize {
        let place = turn.wrapping_mul(0x9e37_79b9) & (words.len() - 1);
        words[place] = words[place].wrapping_add(turn as u64);
    }
    black_box(words)[0]
}
