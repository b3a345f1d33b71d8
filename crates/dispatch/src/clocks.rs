//! How long each phase of an assignment may take.

use std::time::Duration;

/// The clocks of an assignment; each phase has its own, and none counts another's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// To fetch app and inputs, and to wait for a free core behind the worker's other tasks: per task already held, added
    /// to the category's time.
    pub fetch: Duration,
    /// To upload a result; no more than the category's time.
    pub upload: Duration,
    /// How long a worker whose connection broke may take to come back before its tasks go to others.
    pub grace: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { fetch: Duration::from_secs(120), upload: Duration::from_secs(300), grace: Duration::from_secs(20) }
    }
}
