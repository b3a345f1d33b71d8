//! How many tasks to have in hand, so that cores never wait and nobody else's work is hoarded.

use api::limits::CREDIT_WINDOW;
use std::time::Duration;

/// The most work to have in hand for each core beyond what it runs: what one machine holds at a job's end, others wait for.
const MOST_AHEAD: Duration = Duration::from_millis(200);
/// Work to have in hand beyond what is run while a word goes there and back: it is asked for more when a quarter is done.
const SPARE: Duration = Duration::from_millis(30);
/// Tasks longer than this are not taken ahead: one waiting for a core would be better off on another machine.
const LONG: Duration = Duration::from_secs(30);
/// How much of an estimate the newest run is where it took longer: one part in this many. A run may be long because others had
/// the processor, never short.
const MEMORY: u32 = 8;
/// The same where it took less.
const MEMORY_DOWN: u32 = 2;
/// How much of the way there and back the newest is, where it was shorter. One that was longer counts at once.
const MEMORY_OF_WAYS: u32 = 4;
/// A run that lasts no longer than this says nothing of how long it will: others may have had the processor.
const HELD_UP: Duration = Duration::from_millis(20);

/// How long this machine's tasks take, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    cores: u32,
    /// A moving average of running times; `None` until one task has run.
    estimate: Option<Duration>,
    /// What a word takes to the exchange and back; `None` until it is known.
    way: Option<Duration>,
}

impl Window {
    pub(super) fn new(cores: u32) -> Self {
        Self { cores, estimate: None, way: None }
    }

    /// A task took this long.
    pub(super) fn ran(&mut self, took: Duration) {
        self.estimate = Some(match self.estimate {
            None => took,
            Some(before) if took < before => (before * (MEMORY_DOWN - 1) + took) / MEMORY_DOWN,
            Some(before) => (before * (MEMORY - 1) + took) / MEMORY,
        });
    }

    /// A word went to the exchange and back in this time.
    pub(super) fn went(&mut self, way: Duration) {
        self.way = Some(self.way.map_or(way, |known| way.max((known * (MEMORY_OF_WAYS - 1) + way) / MEMORY_OF_WAYS)));
    }

    /// Work that was asked for came after this time: the exchange may have much to do. A longer wait is for a job.
    pub(super) fn answered(&mut self, took: Duration) {
        if self.way.is_some() && took < MOST_AHEAD {
            self.went(took);
        }
    }

    /// A task has been running for this long and has not ended.
    pub(super) fn still_running(&mut self, since: Duration) {
        if let Some(estimate) = &mut self.estimate
            && since > HELD_UP
        {
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
        let time = self.way.map_or(MOST_AHEAD, |way| (way * 2 + SPARE).min(MOST_AHEAD));
        self.ahead(time).saturating_add(self.cores).min(CREDIT_WINDOW)
    }

    /// So many free slots are worth a frame: a quarter of what is in hand beyond the running ones.
    pub(super) fn worth(&self) -> u32 {
        (self.tasks().saturating_sub(self.cores) / 4).max(1)
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
    fn one_run_among_many_that_others_held_up_costs_little_work_in_hand() {
        let mut window = Window::new(1);
        window.ran(Duration::from_millis(1));
        window.still_running(Duration::from_millis(20));
        assert_eq!(window.tasks(), 201);
        window.ran(Duration::from_millis(17));
        assert_eq!(window.tasks(), 67);
        (0..4).for_each(|_| window.ran(Duration::from_millis(1)));
        assert!(window.tasks() > 150, "{}", window.tasks());
    }

    #[test]
    fn the_nearer_the_exchange_is_the_less_is_taken_ahead() {
        let mut window = Window::new(1);
        window.ran(Duration::from_millis(1));
        assert_eq!(window.tasks(), 201, "how far it is is not known");
        window.went(Duration::from_millis(1));
        assert_eq!(window.tasks(), 33);
        window.went(Duration::from_millis(41));
        assert_eq!(window.tasks(), 113, "a longer way counts at once");
        window.went(Duration::from_millis(1));
        assert_eq!(window.tasks(), 93, "a shorter one by and by");
        window.answered(Duration::from_millis(51));
        assert_eq!(window.tasks(), 133, "an exchange that has much to do is as good as far");
        window.answered(Duration::from_secs(1));
        assert_eq!(window.tasks(), 133, "who waits that long waits for a job");
        window.went(Duration::from_secs(9));
        assert_eq!(window.tasks(), 201);
    }

    #[test]
    fn the_window_never_passes_what_a_worker_may_hold() {
        let mut window = Window::new(64);
        window.ran(Duration::ZERO);
        assert_eq!(window.tasks(), CREDIT_WINDOW);
    }
}
