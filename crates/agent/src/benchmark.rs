//! How fast one core of this machine is.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long is measured.
const MEASURED: Duration = Duration::from_millis(50);
/// Steps between two looks at the clock.
const ROUND: u64 = 100_000;
/// What the reference machine, for which categories' times are meant, does: an ordinary core of a few years ago.
pub(crate) const REFERENCE: u64 = 600;

/// Millions of steps a second on one core, a step being a dependent multiplication, rotation and addition of 64 bits.
/// Measured once a process, in about 50 ms, on the calling thread.
pub(crate) fn score() -> u64 {
    static SCORE: OnceLock<u64> = OnceLock::new();
    *SCORE.get_or_init(|| {
        let began = Instant::now();
        let (mut state, mut steps) = (1_u64, 0_u64);
        while began.elapsed() < MEASURED {
            for step in 0..ROUND {
                state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(27).wrapping_add(step);
            }
            steps += ROUND;
        }
        black_box(state);
        let micros = began.elapsed().as_micros().max(1);
        u64::try_from(u128::from(steps) / micros).unwrap_or(u64::MAX).max(1)
    })
}
