//! What need not be written because something later in the same batch takes its place.

use super::rows::{Change, ResultState};
use std::collections::HashSet;
use units::TaskId;

/// The tasks whose result is provisional in these changes and final before it is void.
pub(super) fn ending(changes: &[Change]) -> HashSet<TaskId> {
    let (mut provisional, mut ending) = (HashSet::new(), HashSet::new());
    for change in changes {
        if let Change::Voided { task, .. } = change {
            provisional.remove(task);
        } else if let Change::Result(result) = change {
            if result.state == ResultState::Provisional {
                provisional.insert(result.task);
            } else if provisional.contains(&result.task) {
                ending.insert(result.task);
            }
        }
    }
    ending
}
