//! What can go wrong between a client and an exchange, told apart by what the caller should do.

use api::error::ErrorBody;
use std::path::PathBuf;
use units::{Address, B256, Digest, TaskId};

/// Why an operation of the [`Client`](crate::Client) did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no URL of an exchange: give one such as `http://127.0.0.1:7370`.
    #[error("`{url}` is not the address of an exchange; one looks like http://host:7370")]
    Url {
        /// What was given.
        url: String,
    },
    /// No connection, after retries: see whether the exchange runs and can be reached, and try again.
    #[error("the exchange at {url} cannot be reached")]
    Unreachable {
        /// The exchange.
        url: String,
        /// What the network said.
        #[source]
        source: reqwest::Error,
    },
    /// The exchange said nothing for too long: try again.
    #[error("the exchange at {url} does not answer")]
    Silent {
        /// The exchange.
        url: String,
    },
    /// The exchange speaks another version of the protocol: update the older side.
    #[error(
        "the exchange speaks version {theirs} of the protocol and this program version {ours}; update the older one"
    )]
    Version {
        /// The exchange's.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// The exchange said no, and why.
    #[error("{}", body.error)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason, with its stable code.
        body: ErrorBody,
    },
    /// The exchange's answer is not what the protocol says: it is broken, or no exchange at all.
    #[error("the answer to {request} is not what an exchange answers: {detail}")]
    Answer {
        /// What was asked.
        request: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The exchange carried the transaction out and the rules refused it; nothing but the nonce moved.
    #[error("the exchange's rules refused the transaction: {reason}")]
    Reverted {
        /// The transaction.
        transaction: B256,
        /// PoCo's words.
        reason: String,
    },
    /// A receipt that the operator did not sign. The answer it came with is worth nothing as evidence: trust this exchange no
    /// further.
    #[error("the receipt for record {sequence} is not signed by the exchange's operator {operator}")]
    Receipt {
        /// The record it names.
        sequence: u64,
        /// Who should have signed.
        operator: Address,
    },
    /// What came as a blob is not what its name says.
    #[error("what the exchange sent as {digest} is something else")]
    Blob {
        /// The blob's name.
        digest: Digest,
    },
    /// What came as a task's result is not what the workers agreed on.
    #[error("what the exchange sent for task {task} is not the result that was agreed on")]
    Tampered {
        /// The task.
        task: TaskId,
    },
    /// A file here could not be read or written.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The job's description breaks a limit or names two inputs alike.
    #[error(transparent)]
    Params(#[from] api::params::ParamsError),
    /// No randomness to be had from the system.
    #[error("the system gives no random numbers")]
    Randomness,
}

impl Error {
    /// A file error, to be made with `map_err`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// An answer that is not what the protocol says.
    pub(crate) fn answer(request: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Answer { request: request.into(), detail: detail.to_string() }
    }

    /// The stable code of a refusal, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { body, .. } => Some(&body.code),
            Self::Url { .. }
            | Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Version { .. }
            | Self::Answer { .. }
            | Self::Reverted { .. }
            | Self::Receipt { .. }
            | Self::Blob { .. }
            | Self::Tampered { .. }
            | Self::File { .. }
            | Self::Params(_)
            | Self::Randomness => None,
        }
    }

    /// Whether the exchange could not be reached or did not answer, so that trying again later may help.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Silent { .. })
    }
}
