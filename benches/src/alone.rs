//! Each bench in a process of its own: one that hangs is stopped at its limit and takes no other's figures along.

use crate::report::Report;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The word that has the bench's program measure one bench itself.
pub(crate) const ALONE: &str = "alone";
/// How often it is looked whether a bench has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Runs one bench with these words, no longer than `limit`; its figures, also those it had when it failed, are the report's then.
pub(crate) fn run(report: &mut Report, words: &[String], figures: &Path, limit: Duration) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ALONE).args(words).arg("--json").arg(figures);
    let ended = within(command, limit);
    match fs::read_to_string(figures) {
        Ok(text) => report.extend(serde_json::from_str(&text).context("a bench writes a JSON object")?),
        // It had none yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    match ended? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("it ended with {status}"),
        None => bail!("stopped: it took more than its limit of {} s", limit.as_secs()),
    }
}

/// Waits for a program until its time is over; then it and all that it started are killed, and there is no status.
fn within(mut command: Command, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn().context("the bench's own program starts")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            let ids: Vec<String> = family(child.id()).iter().map(u32::to_string).collect();
            // Some may have ended by themselves meanwhile.
            drop(Command::new("kill").arg("-KILL").args(ids).stderr(Stdio::null()).status());
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// A process and all that it and its children have started.
fn family(first: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> =
        fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|it| parent(&it.path())).collect();
    let mut family = vec![first];
    let mut next = 0;
    while let Some(of) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(id, _)| *id));
        next += 1;
    }
    family
}

/// A process in `/proc`, and its parent.
fn parent(process: &Path) -> Option<(u32, u32)> {
    let id = process.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // After the name in brackets, which may hold spaces, come the state and the parent.
    let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some((id, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_than_its_limit_is_stopped_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let word = folder.path().join("child");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("sleep 600 & echo $! > {}; wait", word.display()));
        let ended = within(command, Duration::from_secs(1)).expect("sh is there");
        assert_eq!(ended, None);
        let child = fs::read_to_string(&word).expect("it started its child");
        let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        // Killed already, it takes its moment to end.
        while !(state().is_empty() || state().contains(") Z")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_ends_in_time_says_how() {
        let ended = within(Command::new("true"), Duration::from_secs(60)).expect("true is there");
        assert!(ended.is_some_and(|status| status.success()));
    }
}
