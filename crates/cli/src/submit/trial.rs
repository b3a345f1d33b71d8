//! Trying one task, to see which time class the others are to be bought in.

use super::{Prepared, Terms};
use crate::attach::Attached;
use crate::commands::Context;
use crate::describe::{self, count};
use crate::exit::Exit;
use crate::follow::{How, Until, follow_on, say_left};
use crate::host::Interrupt;
use crate::job_record::JobRecord;
use crate::terminal::note;
use anyhow::Context as _;
use api::exchange::Category;
use api::job::{Outcome, TaskResult};
use client::Tasks;
use orders::SigningKey;
use results::Failure;
use serde::Serialize;
use std::time::Duration;
use units::OrderHash;

/// The others may take this many times as long as the one that was tried.
const MARGIN: u32 = 5;

/// A task that was tried, and what is made of it.
pub(super) struct Tried {
    pub(super) record: JobRecord,
    /// How it went.
    pub(super) exit: Exit,
    ran: Option<Duration>,
    /// The time class for the others.
    pub(super) class: Category,
}

/// A trial as `--json` shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    job: OrderHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    ran_ms: Option<u64>,
    class: &'a str,
}

impl Tried {
    pub(super) fn shown(&self) -> Shown<'_> {
        let ran_ms = self.ran.map(|ran| u64::try_from(ran.as_millis()).unwrap_or(u64::MAX));
        Shown { job: self.record.id, ran_ms, class: &self.class.name }
    }
}

/// Buys the first task alone in this class, at the trust of all, and waits for it. None where the person interrupted.
pub(super) async fn run(
    context: &Context,
    terms: &Terms,
    prepared: &Prepared,
    class: &Category,
    attached: &mut Attached,
    key: &SigningKey,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<Tried>> {
    note(format_args!("one task is tried first, to see how long they take; `--time-limit` says it instead"));
    let Tasks::Rows(rows) = &prepared.spec.tasks else {
        unreachable!("only many tasks are tried, and those have rows")
    };
    let one = Tasks::Rows(rows.iter().take(1).cloned().collect());
    let record = prepared.place_tasks(context, terms, attached, class, one, 0, None).await?;
    let embedded = attached.hosted.is_some();
    let how = How { until: Until::Delivered, prints: false };
    let followed = follow_on(context, attached, key, &record, interrupt.clone(), how).await?;
    let left = prepared.volume.saturating_sub(1);
    let Some(followed) = followed else {
        say_left(&record, embedded);
        note(format_args!("the other {} were not submitted", count(left, "task")));
        return Ok(None);
    };
    let (results, _) = attached.client.results(record.id, 0).await?;
    let result = results.first();
    let ran = result.and_then(|result| result.ran_ms).map(Duration::from_millis);
    let next = next_class(&attached.client.exchange().categories, class, result, ran);
    let took = ran.map_or_else(String::new, |ran| format!("it ran {}; ", describe::short_time(ran)));
    let limit = describe::duration(Duration::from_secs(next.seconds));
    note(format_args!("{took}the other {} are bought in time class {} ({limit})", count(left, "task"), next.name));
    Ok(Some(Tried { record, exit: followed.exit, ran, class: next }))
}

/// The class for the others: the smallest that holds the time measured with a margin. One that ran out of its time wants the
/// longest; of one that never ran nothing is known.
pub(crate) fn next_class(
    classes: &[Category],
    tried: &Category,
    result: Option<&TaskResult>,
    ran: Option<Duration>,
) -> Category {
    let longest = || classes.iter().max_by_key(|class| class.seconds).unwrap_or(tried).clone();
    let out_of_time = Failure::TimeLimit.digest().0;
    match (result, ran) {
        (Some(result), _) if result.digest == out_of_time => longest(),
        (Some(TaskResult { outcome: Outcome::Claimed, .. }) | None, _) | (Some(_), None) => tried.clone(),
        (Some(_), Some(ran)) => smallest(classes, ran.saturating_mul(MARGIN)).unwrap_or_else(longest),
    }
}

/// The smallest time class that holds the limit.
pub(crate) fn smallest(classes: &[Category], limit: Duration) -> Option<Category> {
    let fitting = classes.iter().filter(|class| Duration::from_secs(class.seconds) >= limit);
    fitting.min_by_key(|class| class.seconds).cloned()
}

/// The time class in the middle: long enough for most, and not much dearer than needed.
pub(crate) fn middling(classes: &[Category]) -> anyhow::Result<Category> {
    let mut sorted: Vec<&Category> = classes.iter().collect();
    sorted.sort_by_key(|class| class.seconds);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().cloned().context("this exchange has no time classes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{Amount, B256, DealId, TaskId, Timestamp};

    fn classes() -> Vec<Category> {
        let seconds = [300, 1_200, 3_600, 10_800, 36_000, 60];
        (0..).zip(seconds).map(|(id, seconds)| Category { id, name: format!("{seconds} s"), seconds }).collect()
    }

    fn result(digest: B256, outcome: Outcome) -> TaskResult {
        TaskResult {
            ordinal: 0,
            index: 0,
            task: TaskId::default(),
            deal: DealId::default(),
            outcome,
            digest,
            blob: None,
            stderr: String::new(),
            stdout: String::new(),
            cost: Amount::ZERO,
            agreed: 1,
            dissented: 0,
            ended: Timestamp(0),
            provisional: false,
            voided: false,
            ran_ms: None,
        }
    }

    #[test]
    fn the_measured_time_with_a_margin_picks_the_smallest_class_that_holds_it() {
        let (classes, good) = (classes(), result(B256::ZERO, Outcome::Completed));
        let tried = middling(&classes).unwrap();
        assert_eq!(tried.seconds, 1_200);
        for (ran_ms, seconds) in [(1, 60), (12_000, 60), (12_001, 300), (700_000, 3_600), (9_000_000, 36_000)] {
            let ran = Some(Duration::from_millis(ran_ms));
            assert_eq!(next_class(&classes, &tried, Some(&good), ran).seconds, seconds, "{ran_ms} ms");
        }
    }

    #[test]
    fn a_trial_that_ran_out_of_time_wants_the_longest_and_one_that_never_ran_says_nothing() {
        let classes = classes();
        let tried = middling(&classes).unwrap();
        let out_of_time = result(Failure::TimeLimit.digest().0, Outcome::Failed { reason: String::new() });
        let ran = Some(Duration::from_secs(1_200));
        assert_eq!(next_class(&classes, &tried, Some(&out_of_time), ran).seconds, 36_000);
        let claimed = result(B256::ZERO, Outcome::Claimed);
        assert_eq!(next_class(&classes, &tried, Some(&claimed), None), tried);
        assert_eq!(next_class(&classes, &tried, None, None), tried);
    }

    #[test]
    fn a_time_limit_picks_the_smallest_class_that_holds_it() {
        for (seconds, class) in [(1, 60), (60, 60), (61, 300), (36_000, 36_000)] {
            assert_eq!(smallest(&classes(), Duration::from_secs(seconds)).unwrap().seconds, class, "{seconds} s");
        }
        assert_eq!(smallest(&classes(), Duration::from_secs(36_001)), None);
    }
}
