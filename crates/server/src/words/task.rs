//! A task: who had it, how far each came, and why each part ended.

use super::count;
use api::explain::{Attempt, ExplainTask};
use market::{Decline, Ended, Phase, Role};
use units::{DealId, TaskId};

/// Who looks at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is final: everybody sees all of it.
    Final,
    /// It is under way, and its requester asks: every part, but names only of those that ended, and not which one is a check.
    Requester,
    /// It is under way, and somebody else asks.
    Nothing,
}

/// Puts it into words.
pub(crate) fn task(
    (task, deal, index): (TaskId, DealId, u64),
    status: &str,
    attempts: &[market::Attempt],
    sight: Sight,
) -> ExplainTask {
    let seen = if sight == Sight::Nothing { &[] } else { attempts };
    let parts: Vec<Attempt> = seen.iter().map(|attempt| part(attempt, sight)).collect();
    let summary = summary(status, &parts, sight);
    ExplainTask { task, deal, index, status: status.to_owned(), summary, attempts: parts }
}

fn summary(status: &str, parts: &[Attempt], sight: Sight) -> String {
    let is = |state: &str| parts.iter().filter(|part| part.state == state).count();
    let accepted = parts.iter().filter(|part| part.why.as_deref() == Some("accepted")).count();
    let had = count(parts.len(), "machine");
    match (sight, status) {
        (Sight::Nothing, _) => "under way; before it is final only its requester sees its parts".to_owned(),
        (Sight::Final, _) if parts.is_empty() => "ended; what became of its parts is not known any more".to_owned(),
        (Sight::Final, "failed") => format!("not done in time: {had} had it; its price went back"),
        (Sight::Final, _) => format!("done: {had} had it, the result is that of {accepted}"),
        (Sight::Requester, "revealing") => "agreed on; a machine is to show the result".to_owned(),
        (Sight::Requester, _) if parts.is_empty() => {
            "no machine has begun it since the exchange last started".to_owned()
        }
        (Sight::Requester, _) => {
            let (works, stated, ended) = (is("fetching") + is("running"), is("stated"), is("ended"));
            let wants = if works == 0 && stated == 0 { "; it waits for another" } else { "" };
            format!("{had} had it: {works} at work, {stated} with a result stated, {ended} out of it{wants}")
        }
    }
}

fn part(attempt: &market::Attempt, sight: Sight) -> Attempt {
    let shown = sight == Sight::Final || attempt.ended.is_some();
    let (state, words) = match (attempt.ended, attempt.stated, attempt.running) {
        (Some((_, how)), _, _) => ("ended", ended_words(how).1),
        (None, Some(_), _) => ("stated", "its result is stated, and waits to be judged"),
        (None, None, Some(_)) => ("running", "it runs the program"),
        (None, None, None) => ("fetching", "it fetches app and inputs, or waits for a free core"),
    };
    Attempt {
        role: role(attempt.role, sight).to_owned(),
        state: state.to_owned(),
        worker: shown.then_some(attempt.worker),
        granted: attempt.granted,
        running: attempt.running,
        stated: attempt.stated,
        ended: attempt.ended.map(|(at, _)| at),
        why: attempt.ended.map(|(_, how)| ended_words(how).0.to_owned()),
        words: words.to_owned(),
    }
}

/// Whether a result is being checked is nobody's to know before the task is final.
fn role(role: Role, sight: Sight) -> &'static str {
    match (role, sight) {
        (Role::Replica, _) | (Role::Check | Role::Witness, Sight::Requester | Sight::Nothing) => "replica",
        (Role::Hedge, _) => "hedge",
        (Role::Check, Sight::Final) => "check",
        (Role::Witness, Sight::Final) => "witness",
    }
}

fn ended_words(how: Ended) -> (&'static str, &'static str) {
    match how {
        Ended::Accepted => ("accepted", "its result is the result"),
        Ended::Dissented => ("dissented", "another result was agreed on"),
        Ended::NotNeeded => ("not_needed", "others were sooner, or agreed without it"),
        Ended::TooLate(Phase::Fetch) => ("too_late_fetch", "its time to fetch app and inputs ran out"),
        Ended::TooLate(Phase::Run) => ("too_late_run", "its time to run the program ran out"),
        Ended::TooLate(Phase::Stated) => ("too_late", "its time ran out"),
        Ended::TooLate(Phase::Upload) => ("too_late_upload", "its time to upload the result ran out"),
        Ended::Declined(Decline::Owner) => ("declined_owner", "given back: its owner needed the machine"),
        Ended::Declined(Decline::Trouble) => ("declined_trouble", "given back: something went wrong there this time"),
        Ended::Declined(Decline::Unable) => ("declined_unable", "given back: it cannot run this job's tasks"),
        Ended::Declined(Decline::TooSlow) => ("declined_too_slow", "given back: it is too slow for it"),
        Ended::Left => ("left", "its connection broke, and it did not come back in time"),
        Ended::Dropped => ("dropped", "it came back without the task"),
        Ended::NotBrought => ("not_brought", "it did not bring the result that it stated"),
        Ended::Refused => ("refused", "its statement was refused: it could not stake, or enough had agreed"),
        Ended::Barred => ("barred", "it was barred from the pool"),
        Ended::Claimed => ("claimed", "nobody did the task in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{Address, Timestamp};

    fn attempt(role: Role, ended: Option<Ended>) -> market::Attempt {
        let ended = ended.map(|how| (Timestamp(9), how));
        let stated = Some(Timestamp(7));
        market::Attempt {
            worker: Address::repeat_byte(7),
            role,
            granted: Timestamp(1),
            running: Some(Timestamp(2)),
            stated,
            ended,
        }
    }

    fn seen(status: &str, sight: Sight) -> ExplainTask {
        let attempts = [
            attempt(Role::Replica, Some(Ended::TooLate(Phase::Run))),
            attempt(Role::Check, None),
            attempt(Role::Hedge, Some(Ended::Accepted)),
        ];
        task((TaskId::default(), DealId::default(), 3), status, &attempts, sight)
    }

    #[test]
    fn before_a_task_is_final_strangers_see_none_of_its_parts() {
        let found = seen("active", Sight::Nothing);
        assert!(found.attempts.is_empty());
        assert!(found.summary.contains("only its requester"), "{}", found.summary);
    }

    #[test]
    fn its_requester_sees_who_is_out_but_neither_who_is_at_work_nor_that_it_is_a_check() {
        let found = seen("active", Sight::Requester);
        let named: Vec<bool> = found.attempts.iter().map(|part| part.worker.is_some()).collect();
        assert_eq!(named, [true, false, true]);
        assert_eq!(found.attempts[1].role, "replica");
        assert_eq!(found.summary, "3 machines had it: 0 at work, 1 with a result stated, 2 out of it");
    }

    #[test]
    fn when_it_is_final_everybody_sees_each_part_its_clocks_and_why_it_ended() {
        let found = seen("completed", Sight::Final);
        assert!(found.attempts.iter().all(|part| part.worker.is_some()));
        assert_eq!(found.attempts[1].role, "check");
        assert_eq!(found.attempts[0].why.as_deref(), Some("too_late_run"));
        assert_eq!(found.attempts[0].words, "its time to run the program ran out");
        assert_eq!(found.summary, "done: 3 machines had it, the result is that of 1");
    }
}
