//! What became of workers' parts in tasks that ended lately, for whoever asks why. Soft state: a restart forgets it.

use dispatch::Attempt;
use std::collections::{BTreeMap, VecDeque};
use units::TaskId;

/// Ended tasks that are remembered.
const REMEMBERED: usize = 10_000;

/// The attempts at tasks that ended, of the last so many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    attempts: BTreeMap<TaskId, Vec<Attempt>>,
    order: VecDeque<TaskId>,
}

impl Past {
    pub(crate) fn attempts(&self, task: TaskId) -> &[Attempt] {
        self.attempts.get(&task).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn ended(&mut self, task: TaskId, attempts: Vec<Attempt>) {
        if attempts.is_empty() || self.attempts.insert(task, attempts).is_some() {
            return;
        }
        self.order.push_back(task);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch::Role;
    use units::{Address, B256, Timestamp, U256};

    #[test]
    fn only_the_last_ended_tasks_are_remembered() {
        let mut past = Past::default();
        let granted = Timestamp(1);
        let attempt =
            Attempt { worker: Address::ZERO, role: Role::Replica, granted, running: None, stated: None, ended: None };
        let task = |number: usize| TaskId(B256::from(U256::from(number)));
        for number in 0..=REMEMBERED {
            past.ended(task(number), vec![attempt]);
        }
        assert_eq!(past.attempts(task(0)), []);
        assert_eq!(past.attempts(task(REMEMBERED)).len(), 1);
        assert_eq!(past.order.len(), past.attempts.len());
    }
}
