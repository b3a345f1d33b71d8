//! Virtual time: what is to happen, in order; of one moment in the order in which it was arranged.

use crate::transition::Step;
use std::collections::BTreeMap;
use units::Timestamp;

/// When the world begins.
const DAWN: Timestamp = Timestamp(1_700_000_000_000);

/// The only clock there is. It moves from one arranged step to the next.
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
