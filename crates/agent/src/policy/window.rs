//! How many tasks to have in hand, so that cores never wait and nobody else's work is hoarded.

use api::limits::CREDIT_WINDOW;
use std::time::Duration;

/// Work to have in hand for each core beyond what it runs.
const AHEAD: Duration = Duration::from_millis(200);
/// Tasks longer than this are not taken ahead: one waiting for a core would be better off on another machine.
const LONG: Duration = Duration::from_secs(30);
/// How much of an estimate the newest run is: one part in this many.
const MEMORY: u32 = 8;

/// How long this machine's tasks take, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    cores: u32,
    /// A moving average of running times; `None` until one task has run.
    estimate: Option<Duration>,
}

impl Window {
    pub(super) fn new(cores: u32) -> Self {
        Self { cores, estimate: None }
    }

    /// A task took this long.
    pub(super) fn ran(&mut self, took: Duration) {
        self.estimate = Some(match self.estimate {
            None => took,
            Some(before) => (before * (MEMORY - 1) + took) / MEMORY,
        });
    }

    /// A task has been running for this long and has not ended.
    pub(super) fn still_running(&mut self, since: Duration) {
        if let Some(estimate) = &mut self.estimate {
            *estimate = since.max(*estimate);
        }
    }

    /// Begins anew: what comes after a pause may be quite another job.
    pub(super) fn forget(&mut self) {
        self.estimate = None;
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.estimate.is_none()
    }

    /// Tasks in hand that are not done, running ones and those waiting for a core.
    pub(super) fn tasks(&self) -> u32 {
        self.ahead(AHEAD).saturating_add(self.cores).min(CREDIT_WINDOW)
    }

    /// Tasks beyond the running ones that fill every core for `time`.
    pub(super) fn ahead(&self, time: Duration) -> u32 {
        let Some(estimate) = self.estimate else { return self.cores };
        if estimate > LONG {
            return 0;
        }
        let each = time.as_micros() / estimate.as_micros().max(1);
        u32::try_from(each).unwrap_or(CREDIT_WINDOW).saturating_mul(self.cores).clamp(1, CREDIT_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_when_tasks_are_short_and_shrinks_when_they_are_long() {
        let mut window = Window::new(2);
        assert_eq!(window.tasks(), 4, "a fresh worker asks for little");
        window.ran(Duration::from_millis(1));
        assert_eq!(window.tasks(), 402, "200 ms of work for each of two cores");
        window.ran(Duration::from_secs(8));
        assert_eq!(window.tasks(), 3, "one ahead, so that files come while another runs");
        window.still_running(Duration::from_secs(60));
        assert_eq!(window.tasks(), 2, "nothing waits behind a long task");
        window.forget();
        assert_eq!(window.tasks(), 4);
    }

    #[test]
    fn the_window_never_passes_what_a_worker_may_hold() {
        let mut window = Window::new(64);
        window.ran(Duration::ZERO);
        assert_eq!(window.tasks(), CREDIT_WINDOW);
    }
}
