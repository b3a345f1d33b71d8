//! Saying things: results to standard output, everything else to standard error. A reader that went away is no error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

/// A line of what the command is for, to standard output.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line said on the way, to standard error.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Whether a person sees standard error.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether a person can answer questions.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && is_watched()
}
