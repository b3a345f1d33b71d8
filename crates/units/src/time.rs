//! Instants: milliseconds since the Unix epoch.

use std::time::Duration;

/// Milliseconds in a second.
const MILLIS_PER_SECOND: u64 = 1_000;

/// An instant as milliseconds since the Unix epoch. It always comes with an entry; nothing pure reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The instant this many seconds after the epoch; saturates at the end of time.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(MILLIS_PER_SECOND))
    }

    /// Whole seconds since the epoch, rounded down: what PoCo calls the block's time.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.checked_div(MILLIS_PER_SECOND).expect("a second has milliseconds")
    }

    /// The instant this much later; saturates at the end of time.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The instant this much earlier; saturates at the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time passed since `earlier`; zero if that is later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
