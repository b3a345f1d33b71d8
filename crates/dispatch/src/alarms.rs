//! When something waits on time, and for which task. What a task waits for is forgotten with the task.

use std::collections::BTreeSet;
use units::{TaskId, Timestamp};

/// The alarms of open tasks. Invariant: both sets hold the same pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alarms {
    by_time: BTreeSet<(Timestamp, TaskId)>,
    by_task: BTreeSet<(TaskId, Timestamp)>,
}

impl Alarms {
    pub(crate) fn insert(&mut self, (at, task): (Timestamp, TaskId)) {
        if self.by_time.insert((at, task)) {
            self.by_task.insert((task, at));
        }
    }

    pub(crate) fn extend(&mut self, alarms: impl IntoIterator<Item = (Timestamp, TaskId)>) {
        for alarm in alarms {
            self.insert(alarm);
        }
    }

    pub(crate) fn first(&self) -> Option<&(Timestamp, TaskId)> {
        self.by_time.first()
    }

    pub(crate) fn pop_first(&mut self) -> Option<(Timestamp, TaskId)> {
        let (at, task) = self.by_time.pop_first()?;
        self.by_task.remove(&(task, at));
        Some((at, task))
    }

    pub(crate) fn forget(&mut self, task: TaskId) {
        while let Some((_, at)) = self.by_task.range((task, Timestamp(0))..=(task, Timestamp(u64::MAX))).next().copied()
        {
            self.by_task.remove(&(task, at));
            self.by_time.remove(&(at, task));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}
