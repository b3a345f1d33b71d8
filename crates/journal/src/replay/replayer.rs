//! The rules, fed with recorded entries: what they say, and that the state is what was recorded.

use super::Trouble;
use crate::error::Corruption;
use crate::record::{Frame, Place};
use exchange::{Entry, Event, Exchange};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why an entry could not be replayed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The rules refuse it.
    Refused(String),
    /// The rules panicked; the state is of no more use.
    Panicked(String),
}

/// Which of the recorded state digests are held against the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digests {
    /// All.
    Each,
    /// As many as cost little beside the rules. A digest is of the whole state, so one that is met speaks for those before.
    Affordable,
}

/// A digest is affordable after so many entries for each task that is alive.
const ENTRIES_PER_TASK: usize = 16;

/// The rules, fed with recorded entries.
pub(crate) struct Replayer {
    pub(crate) exchange: Exchange,
    digests: Digests,
    /// Entries applied since a digest was held against the state.
    unchecked: usize,
    /// What to leave out.
    pub(crate) set_aside: BTreeMap<Place, String>,
    /// Entries left out that no replayed record has told of yet: until one does, recorded digests are of another state.
    untold: usize,
    pub(crate) events: Vec<Event>,
}

impl Replayer {
    pub(crate) fn new(exchange: Exchange, set_aside: BTreeMap<Place, String>, digests: Digests) -> Self {
        Self { exchange, digests, unchecked: 0, set_aside, untold: 0, events: Vec::new() }
    }

    /// Applies a recorded entry; what happened is in [`Replayer::events`], nothing where the entry is set aside.
    pub(crate) fn apply(&mut self, place: Place, entry: &Entry) -> Result<(), Stop> {
        self.events.clear();
        self.unchecked += 1;
        if self.set_aside.contains_key(&place) {
            self.untold += 1;
            return Ok(());
        }
        let (exchange, events) = (&mut self.exchange, &mut self.events);
        let apply = || {
            #[cfg(test)]
            super::tests::panic_if_told(entry);
            exchange.apply(entry, events)
        };
        match catch_unwind(AssertUnwindSafe(apply)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(rejection)) => Err(Stop::Refused(rejection.to_string())),
            Err(panic) => Err(Stop::Panicked(words(panic.as_ref()))),
        }
    }

    /// Whether the state lacks an entry that the later entries so far were made with: they may hang on it.
    pub(crate) fn has_untold(&self) -> bool {
        self.untold > 0
    }

    /// Holds the state against the digest of a record, if it has one and that is to be done.
    pub(crate) fn finish(&mut self, frame: &Frame) -> Result<(), Trouble> {
        self.untold = self.untold.saturating_sub(frame.set_aside.len());
        let due = match self.digests {
            Digests::Each => true,
            Digests::Affordable => self.unchecked / ENTRIES_PER_TASK >= self.exchange.live_tasks(),
        };
        match frame.state {
            Some(state) if self.untold == 0 && due => {
                self.unchecked = 0;
                if self.exchange.state_digest() == state {
                    return Ok(());
                }
                Err(Trouble::Corrupt(Place::record(frame.sequence), Corruption::StateMismatch))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}
