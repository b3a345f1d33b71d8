//! The operator's clock, which never goes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use units::Timestamp;

/// Milliseconds since the Unix epoch; a step back of the system's clock is waited out.
#[derive(Debug)]
pub(crate) struct Clock {
    last: AtomicU64,
}

impl Clock {
    /// A clock that goes on from the last entry's time.
    pub(crate) fn after(last: Timestamp) -> Self {
        Self { last: AtomicU64::new(last.0) }
    }

    /// Now, never earlier than it has said before.
    pub(crate) fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.last.fetch_max(now, Ordering::Relaxed).max(now))
    }
}
