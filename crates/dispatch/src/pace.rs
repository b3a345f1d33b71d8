//! How long things take: running means and deviations, in integers.

/// Share of a new sample in the mean: one part in this many.
const MEAN_WINDOW: u64 = 8;
/// Share of a new distance from the mean in the deviation.
const DEVIATION_WINDOW: u64 = 4;
/// What takes less than this is never called late: frames and queues take as long, milliseconds.
const LEAST_MS: u64 = 250;

/// More than any time class: a month.
const UNKNOWN_MS: u64 = 2_592_000_000;

/// A mean and a mean deviation that follow the samples, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    mean: Option<u64>,
    deviation: u64,
}

impl Measure {
    pub(crate) fn learn(&mut self, sample: u64) {
        let Some(mean) = self.mean else {
            *self = Self { mean: Some(sample), deviation: share(sample, 2) };
            return;
        };
        self.deviation = blend(self.deviation, mean.abs_diff(sample), DEVIATION_WINDOW);
        self.mean = Some(blend(mean, sample, MEAN_WINDOW));
    }

    pub(crate) fn mean(&self) -> Option<u64> {
        self.mean
    }

    /// What takes longer than this is not likely to be what was measured: twice the mean, or the mean and three deviations.
    pub(crate) fn limit(&self) -> Option<u64> {
        let mean = self.mean?;
        let far = mean.saturating_add(self.deviation.saturating_mul(3));
        Some(mean.saturating_mul(2).max(far).max(LEAST_MS))
    }
}

/// How a job's tasks, or those of an app in a pool, go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// From the grant to a worker that held nothing else until it runs.
    pub(crate) fetch: Measure,
    /// From then until a result is stated.
    pub(crate) run: Measure,
}

impl Pace {
    /// How long a task may take from its grant; what is not known may take very long.
    pub(crate) fn expects(&self) -> u64 {
        let limit = |measure: Measure| measure.limit().unwrap_or(UNKNOWN_MS);
        limit(self.fetch).saturating_add(limit(self.run))
    }
}

fn blend(old: u64, new: u64, window: u64) -> u64 {
    let kept = old.saturating_mul(window.saturating_sub(1));
    share(kept.saturating_add(new), window)
}

fn share(amount: u64, parts: u64) -> u64 {
    amount.checked_div(parts).expect("a window is not zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_twice_the_mean_is_late_and_what_varies_has_longer() {
        let mut even = Measure::default();
        let mut uneven = Measure::default();
        for sample in [1_000; 64] {
            even.learn(sample);
        }
        for sample in [200, 1_800].repeat(64) {
            uneven.learn(sample);
        }
        assert_eq!(even.limit(), Some(2_000));
        assert!(uneven.limit().unwrap() > 2_500, "{:?}", uneven.limit());
        assert_eq!(Measure::default().limit(), None);
    }

    #[test]
    fn tiny_tasks_are_not_called_late_for_a_slow_frame() {
        let mut measure = Measure::default();
        measure.learn(1);
        assert_eq!(measure.limit(), Some(LEAST_MS));
    }
}
