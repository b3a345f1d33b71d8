//! When something waits on time, and for which task. What a task waits for is forgotten with the task.

use std::collections::{BTreeMap, BTreeSet};
use units::{TaskId, Timestamp};

/// The alarms of open tasks. Invariant: both hold the same pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alarms {
    by_time: BTreeSet<(Timestamp, TaskId)>,
    /// A task has a few, in the order in which they were set.
    by_task: BTreeMap<TaskId, Vec<Timestamp>>,
}

impl Alarms {
    pub(crate) fn insert(&mut self, (at, task): (Timestamp, TaskId)) {
        let times = self.by_task.entry(task).or_default();
        if !times.contains(&at) {
            times.push(at);
            self.by_time.insert((at, task));
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
        if let Some(times) = self.by_task.get_mut(&task) {
            times.retain(|it| *it != at);
            if times.is_empty() {
                self.by_task.remove(&task);
            }
        }
        Some((at, task))
    }

    pub(crate) fn forget(&mut self, task: TaskId) {
        for at in self.by_task.remove(&task).unwrap_or_default() {
            self.by_time.remove(&(at, task));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}
