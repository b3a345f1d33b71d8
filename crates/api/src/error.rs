//! What an HTTP error looks like.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success; `ok` and `error` are what iExec's clients read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Always false.
    pub ok: bool,
    /// What is wrong, for a person, and what to do about it.
    pub error: String,
    /// A stable word for programs, such as `insufficient_funds`.
    pub code: String,
}

impl ErrorBody {
    /// An error with its stable code and its words.
    #[must_use]
    pub fn new(code: &str, error: impl Into<String>) -> Self {
        Self { ok: false, error: error.into(), code: code.to_owned() }
    }
}
