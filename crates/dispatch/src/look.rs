//! What others may look at, for explanations.

use crate::Dispatch;
use units::{DealId, TaskId};

impl Dispatch {
    /// The tasks of a live deal that have been begun and have not ended.
    pub fn begun(&self, deal: DealId) -> impl Iterator<Item = TaskId> {
        self.bags.get(&deal).into_iter().flat_map(|bag| bag.open.iter().copied())
    }

    /// Whether some worker has a lease on a task.
    #[must_use]
    pub fn is_leased(&self, task: TaskId) -> bool {
        self.open.get(&task).is_some_and(|open| !open.leases.is_empty())
    }
}
