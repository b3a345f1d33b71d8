//! Wire types in words for people.

use api::job::{Job, State};
use std::time::Duration;
use units::Timestamp;

/// A job's state in a word.
pub(crate) fn state(job: &Job) -> &'static str {
    word(job.state, (job.finished, job.failed))
}

/// Of a job that was halted not all of whose finished tasks failed, it is the checker that was of no use.
fn word(state: State, (finished, failed): (u64, u64)) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Running => "running",
        State::Completed => "completed",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
        State::Halted if failed < finished => "halted: its checker never tells",
        State::Halted => "halted: its program always fails",
    }
}

/// A duration as people say it: `45 s`, `3 min`, `2 h 5 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => format!("{} min {} s", seconds / 60, seconds % 60),
        600..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A short time to the millisecond, a longer one as people say it.
pub(crate) fn short_time(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        millis @ 1_000..60_000 => format!("{}.{} s", millis / 1_000, millis / 100 % 10),
        _ => self::duration(duration),
    }
}

/// How long ago something was.
pub(crate) fn ago(then: Timestamp) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    format!("{} ago", duration(now.saturating_since(then)))
}

/// The beginning of a hash or address, enough to tell it from others in a list.
pub(crate) fn short(text: impl ToString) -> String {
    text.to_string().chars().take(10).collect()
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Bytes as people say them: `17 bytes`, `300 MiB`, `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..0x400 => count(bytes, "byte"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, (bytes >> 20) % 1024 * 10 / 1024),
    }
}

/// How a job stands, in one line.
pub(crate) fn progress(job: &Job) -> String {
    let good = job.finished.saturating_sub(job.failed);
    let mut parts = match job.provisional {
        0 => vec![format!("{good} of {} done", count(job.tasks, "task"))],
        provisional => vec![format!("{good} of {} verified, {provisional} provisional", count(job.tasks, "task"))],
    };
    if job.failed + job.claimed > 0 {
        parts.push(format!("{} failed", job.failed + job.claimed));
    }
    if job.running > 0 {
        parts.push(match job.replicas {
            replicas if replicas > job.running => {
                format!("{} running ({})", job.running, count(replicas, "replica"))
            }
            _ => format!("{} running", job.running),
        });
    }
    if !job.spent.is_zero() || !job.locked.is_zero() {
        parts.push(format!("{} credits so far", job.spent));
    }
    if let Some(eta) = job.eta_ms
        && !job.state.is_final()
    {
        parts.push(format!("about {} left", duration(Duration::from_millis(eta))));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halted_job_says_whether_its_program_or_its_checker_is_to_blame() {
        assert_eq!(word(State::Halted, (3, 3)), "halted: its program always fails");
        assert_eq!(word(State::Halted, (3, 0)), "halted: its checker never tells");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (seconds, said) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (1_800, "30 min"), (7_500, "2 h 5 min")] {
            assert_eq!(duration(Duration::from_secs(seconds)), said);
        }
    }
}
