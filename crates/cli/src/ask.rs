//! Questions to the person at the terminal. Where nobody can answer, the caller says which option answers beforehand.

use crate::terminal::can_ask;
use anyhow::Context as _;
use std::io::{BufRead as _, Write as _};

/// Asks a question that is answered by yes or no; no is the default. None where nobody can answer.
pub(crate) fn yes_or_no(question: &str) -> Option<bool> {
    if !can_ask() {
        return None;
    }
    let mut error = std::io::stderr().lock();
    let _ = write!(error, "{question} [y/N] ");
    let _ = error.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// A passphrase: of the environment, or typed without being shown.
pub(crate) fn passphrase(prompt: &str) -> anyhow::Result<String> {
    if let Ok(passphrase) = std::env::var("MANYHANDS_PASSPHRASE") {
        return Ok(passphrase);
    }
    if !can_ask() {
        return Err(crate::exit::hinted("a passphrase is needed and nobody can type it", "set MANYHANDS_PASSPHRASE"));
    }
    rpassword::prompt_password(prompt).context("the passphrase could not be read")
}

/// A passphrase for something new, typed twice.
pub(crate) fn new_passphrase() -> anyhow::Result<String> {
    let first = passphrase("New passphrase: ")?;
    if std::env::var_os("MANYHANDS_PASSPHRASE").is_none() && passphrase("Once more: ")? != first {
        anyhow::bail!("the two passphrases differ; nothing was changed");
    }
    if first.is_empty() {
        anyhow::bail!("an empty passphrase protects nothing; nothing was changed");
    }
    Ok(first)
}
