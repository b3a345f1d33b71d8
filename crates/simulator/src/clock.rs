//! Virtual time: what is to happen, in order; of one moment in the order in which it was arranged. And who reads it how.
//!
//! True time is nobody's: the operator's clock and each machine's are ahead of it or behind, and jump.

use crate::transition::Step;
use std::collections::BTreeMap;
use units::Timestamp;

/// When the world begins.
const DAWN: Timestamp = Timestamp(1_700_000_000_000);

/// True time. It moves from one arranged step to the next.
#[derive(Debug)]
pub(crate) struct Clock {
    now: Timestamp,
    arranged: u64,
    agenda: BTreeMap<(Timestamp, u64), Step>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { now: DAWN, arranged: 0, agenda: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Milliseconds since the beginning.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.now.0 - DAWN.0
    }

    /// Arranges a step; what would lie in the past comes next.
    pub(crate) fn at(&mut self, when: Timestamp, step: Step) {
        self.arranged += 1;
        self.agenda.insert((when.max(self.now), self.arranged), step);
    }

    pub(crate) fn after(&mut self, ms: u64, step: Step) {
        self.at(Timestamp(self.now.0 + ms), step);
    }

    /// The next step, whose time it is then.
    pub(crate) fn next(&mut self) -> Option<Step> {
        let ((when, _), step) = self.agenda.pop_first()?;
        self.now = when;
        Some(step)
    }
}

/// A time, so much later.
pub(crate) fn later(at: Timestamp, by_ms: i64) -> Timestamp {
    Timestamp(at.0.saturating_add_signed(by_ms))
}

/// The operator's clock as the exchange reads it: it never goes back, for a step back is waited out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    ahead_ms: i64,
    last: Timestamp,
}

impl Reading {
    /// What it shows.
    pub(crate) fn of(&mut self, now: Timestamp) -> Timestamp {
        self.last = self.last.max(later(now, self.ahead_ms));
        self.last
    }

    /// When it will show this.
    pub(crate) fn when(&self, shown: Timestamp) -> Timestamp {
        later(shown, -self.ahead_ms)
    }

    pub(crate) fn jump(&mut self, by_ms: i64) {
        self.ahead_ms += by_ms;
    }

    /// A new process goes on from the last entry's time.
    pub(crate) fn restart(&mut self, last: Timestamp) {
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_of_the_operators_clock_is_waited_out() {
        let mut reading = Reading::default();
        assert_eq!(reading.of(Timestamp(1_000)), Timestamp(1_000));
        reading.jump(-600);
        assert_eq!(reading.of(Timestamp(1_100)), Timestamp(1_000));
        assert_eq!(reading.when(Timestamp(1_001)), Timestamp(1_601));
        assert_eq!(reading.of(Timestamp(1_601)), Timestamp(1_001));
        reading.jump(5_000);
        assert_eq!(reading.of(Timestamp(1_601)), Timestamp(6_001));
    }
}
