//! Exit codes, and what is said when a command fails: the reason, then the command to try next.

use crate::terminal::note;
use std::process::ExitCode;

/// What `--help` says of exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    something else went wrong; the message says what
  2    the command line could not be understood
  3    a task failed, or was not done in time
  4    the exchange cannot be reached
  5    the exchange said no
  6    something is not what it should be: a result, a receipt, a journal
  130  interrupted; the job goes on, and the message says how to come back to it";

/// How a command ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Done,
    /// A task failed, or was not done in time.
    TaskFailed,
    /// A check that the command is for found something wrong.
    NotProven,
    /// The person interrupted it.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::TaskFailed => 3,
            Exit::NotProven => 6,
            Exit::Interrupted => 130,
        })
    }
}

/// A failure with the command that may help.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Hinted {
    message: String,
    hint: String,
}

/// A failure of this message, and what to try next.
pub(crate) fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted { message: message.into(), hint: hint.into() }.into()
}

/// Says why a command failed and what to try, and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if causes.last().is_none_or(|last| !last.contains(&cause)) {
            causes.push(cause);
        }
    }
    note(format_args!("error: {}", causes.join(": ")));
    if let Some(hint) = hint(error) {
        note(format_args!("  try: {hint}"));
    }
    ExitCode::from(code(error))
}

fn client_error(error: &anyhow::Error) -> Option<&client::Error> {
    error.chain().find_map(|cause| cause.downcast_ref::<client::Error>())
}

fn code(error: &anyhow::Error) -> u8 {
    use client::Error;
    match client_error(error) {
        Some(Error::Unreachable { .. } | Error::Silent { .. }) => 4,
        Some(Error::Refused { .. } | Error::Reverted { .. } | Error::Version { .. } | Error::Params(_)) => 5,
        Some(Error::Receipt { .. } | Error::Blob { .. } | Error::Tampered { .. }) => 6,
        Some(Error::Url { .. }) => 2,
        Some(Error::Answer { .. } | Error::File { .. } | Error::Randomness) | None => 1,
    }
}

fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(hinted) = error.chain().find_map(|cause| cause.downcast_ref::<Hinted>()) {
        return Some(hinted.hint.clone());
    }
    let hint = match client_error(error)? {
        client::Error::Unreachable { .. } | client::Error::Silent { .. } => {
            "`hands up` starts an exchange here; `--exchange URL` names another"
        }
        client::Error::Refused { status, body } => refusal_hint(*status, &body.code)?,
        client::Error::Reverted { reason, .. } => reverted_hint(reason),
        client::Error::Receipt { .. } | client::Error::Tampered { .. } => {
            "trust this exchange no further; `hands audit URL` looks for more"
        }
        client::Error::Url { .. }
        | client::Error::Version { .. }
        | client::Error::Answer { .. }
        | client::Error::Blob { .. }
        | client::Error::File { .. }
        | client::Error::Params(_)
        | client::Error::Randomness => return None,
    };
    Some(hint.to_owned())
}

/// What to try where the rules refused a transaction; `reason` has their own words.
fn reverted_hint(reason: &str) -> &'static str {
    let hints = [
        (
            "worker-not-proven",
            "its deposit answers for results that nobody has checked: let it work until it is proven; `hands wallet balance` counts its checks",
        ),
        ("results-unchecked", "results of its are being checked; stop the worker, and try again when they are final"),
        (
            "worker-barred",
            "it was found to have lied, and its deposit is the pool owner's; `hands provider WORKER` shows it",
        ),
        ("no-standing", "it never worked in that pool; `hands provider WORKER` shows where it did"),
    ];
    let found = hints.iter().find(|(word, _)| reason.contains(word)).map(|(_, hint)| *hint);
    found.unwrap_or("`hands wallet balance` shows what is free and what is locked")
}

fn refusal_hint(status: u16, code: &str) -> Option<&'static str> {
    match (status, code) {
        (_, "wrong_join_token" | "join_token_missing") | (401, _) => {
            Some("`--join TOKEN` with the token that `hands up` or `hands serve --private` printed")
        }
        (_, "insufficient_funds") => Some("`hands wallet balance` shows what is free and what is locked"),
        (_, "too_many_orders") => Some("`hands order list`, then `hands order close HASH`"),
        (404, _) => Some("`hands job list` shows your jobs, `hands book` the orders"),
        _ => None,
    }
}
