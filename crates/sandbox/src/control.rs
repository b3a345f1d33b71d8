//! The owner's hand on a run: end it, hold it, let it go on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Ends, pauses and resumes one run from another thread; clones act on the same run.
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    cancelled: bool,
    paused: bool,
    /// Whether the run stands still.
    held: bool,
}

impl Control {
    /// A hand on a run that may go on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run soon, with [`RunError::Cancelled`](crate::RunError::Cancelled). There is no way back.
    pub fn cancel(&self) {
        self.wish().cancelled = true;
        self.shared.changed.notify_all();
    }

    /// Holds the run soon; its time limit stands still.
    pub fn pause(&self) {
        self.wish().paused = true;
    }

    /// Lets a held run go on.
    pub fn resume(&self) {
        self.wish().paused = false;
        self.shared.changed.notify_all();
    }

    /// Whether the run was called off.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.wish().cancelled
    }

    /// Whether the run stands still now: it takes a moment after [`pause`](Self::pause).
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.wish().held
    }

    /// Waits while the run is to be held.
    pub(crate) fn wait(&self) {
        let mut wish = self.wish();
        wish.held = wish.paused && !wish.cancelled;
        let waiting = self.shared.changed.wait_while(wish, |wish| wish.paused && !wish.cancelled);
        waiting.unwrap_or_else(PoisonError::into_inner).held = false;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.wish().paused
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.shared.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
