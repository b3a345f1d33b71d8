//! Every answer that is not a success: a status, a stable code, words that say what to do.

use api::error::ErrorBody;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use blobs::{PutError, ReadError};
use exchange::Rejection;
use units::{Address, Amount};

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
}

/// What handlers answer.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, words: impl Into<String>) -> Self {
        Self { status, body: ErrorBody::new(code, words) }
    }

    /// The request itself is wrong.
    pub(crate) fn bad(code: &str, words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, words)
    }

    /// There is no such thing, or none that may be seen.
    pub(crate) fn missing(code: &str, words: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, words)
    }

    /// Not allowed to whoever asks; also what iExec's gateway answers where its checks fail.
    pub(crate) fn forbidden(code: &str, words: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, words)
    }

    /// Who asks has not shown who they are.
    pub(crate) fn unauthorized(words: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", words)
    }

    /// The exchange is stopping, or has stopped because its journal cannot write.
    pub(crate) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the exchange is stopping; try again when it is back")
    }

    /// The account cannot cover what it asks for.
    pub(crate) fn funds(account: Address, free: Amount, needed: Amount) -> Self {
        let short = needed.checked_sub(free).unwrap_or(Amount::ZERO);
        Self::forbidden(
            "insufficient_funds",
            format!(
                "{account} has {free} credits free and this can cost up to {needed}; ask the operator for \
                 `hands operator credit {account} {short}`, lower --max-price, or ask for fewer tasks"
            ),
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (status, code) = match &rejection {
            Rejection::ClockWentBack { .. } | Rejection::SignersMissing => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
            Rejection::WrongChain { .. } => (StatusCode::BAD_REQUEST, "wrong_chain"),
            Rejection::WrongNonce { .. } => (StatusCode::CONFLICT, "wrong_nonce"),
            Rejection::UnknownRecipient(_) => (StatusCode::BAD_REQUEST, "unknown_recipient"),
            Rejection::EmptyOrder => (StatusCode::BAD_REQUEST, "empty_order"),
            Rejection::UnknownAsset(_) => (StatusCode::FORBIDDEN, "unknown_asset"),
            Rejection::NotSignedByOwner { .. } => (StatusCode::FORBIDDEN, "not_signed_by_owner"),
            Rejection::UnknownCategory => (StatusCode::BAD_REQUEST, "unknown_category"),
            Rejection::AlreadyResting(_) => (StatusCode::CONFLICT, "already_resting"),
            Rejection::Consumed(_) => (StatusCode::CONFLICT, "consumed"),
            Rejection::UnknownOrder(_) => (StatusCode::NOT_FOUND, "unknown_order"),
            Rejection::NotYours { .. } => (StatusCode::FORBIDDEN, "not_yours"),
            Rejection::BatchNotSigned(_) => (StatusCode::FORBIDDEN, "batch_not_signed"),
            Rejection::StaleBatch { .. } => (StatusCode::CONFLICT, "stale_batch"),
            Rejection::UnknownDeal(_) => (StatusCode::NOT_FOUND, "unknown_deal"),
            Rejection::UnknownTask(_) => (StatusCode::NOT_FOUND, "unknown_task"),
            Rejection::NotHosted(_) => (StatusCode::FORBIDDEN, "not_hosted"),
            Rejection::NothingHeld { .. } => (StatusCode::CONFLICT, "nothing_held"),
            Rejection::HeldOtherwise { .. } => (StatusCode::CONFLICT, "held_otherwise"),
            Rejection::NotStated { .. } => (StatusCode::CONFLICT, "not_stated"),
            Rejection::AlreadyEnlisted { .. } => (StatusCode::CONFLICT, "already_enlisted"),
            Rejection::NotOwned { .. } => (StatusCode::FORBIDDEN, "not_owned"),
            Rejection::NotInvited { .. } => (StatusCode::FORBIDDEN, "not_invited"),
            Rejection::Barred { .. } => (StatusCode::FORBIDDEN, "barred"),
            Rejection::AlreadyCommitted(_) => (StatusCode::CONFLICT, "already_committed"),
            Rejection::TooManySecrets(_) => (StatusCode::CONFLICT, "too_many_secrets"),
            Rejection::UnknownSecret(_) => (StatusCode::NOT_FOUND, "unknown_secret"),
            Rejection::SecretInUse { .. } => (StatusCode::CONFLICT, "secret_in_use"),
            Rejection::AlreadyChecked { .. } => (StatusCode::CONFLICT, "already_checked"),
            Rejection::SameOwner { .. } => (StatusCode::CONFLICT, "same_owner"),
            Rejection::Undecided { .. } => (StatusCode::CONFLICT, "undecided"),
            Rejection::NoAnswer(_) => (StatusCode::NOT_FOUND, "no_answer"),
            Rejection::AlreadyKnown(_) => (StatusCode::CONFLICT, "already_known"),
            Rejection::NotAgreed(_) => (StatusCode::CONFLICT, "not_agreed"),
            Rejection::NotSigned => (StatusCode::FORBIDDEN, "not_signed"),
            Rejection::BadMark(_) => (StatusCode::BAD_REQUEST, "bad_mark"),
            Rejection::NoPart { .. } => (StatusCode::FORBIDDEN, "no_part"),
            Rejection::RatesItself(_) => (StatusCode::FORBIDDEN, "rates_itself"),
            Rejection::RatedBefore { .. } => (StatusCode::CONFLICT, "rated_before"),
            Rejection::NotRatable(_) => (StatusCode::NOT_FOUND, "not_ratable"),
            Rejection::NotSelling(_) => (StatusCode::FORBIDDEN, "not_selling"),
            Rejection::NotAllowed { .. } => (StatusCode::FORBIDDEN, "not_allowed"),
            Rejection::Refused(_) => (StatusCode::FORBIDDEN, "refused"),
        };
        let mut words = rejection.to_string();
        if let Rejection::NotSignedByOwner { owner } = &rejection {
            words = format!(
                "the order's signature is not by {owner}, or it was altered after signing, or signed for another exchange"
            );
        }
        Self::new(status, code, words)
    }
}

impl From<PutError> for Problem {
    fn from(error: PutError) -> Self {
        let words = error.to_string();
        match error {
            PutError::Mismatch { .. } => Self::bad("digest_mismatch", words),
            PutError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words),
            PutError::BadPart => Self::bad("bad_part", words),
            PutError::Source(_) => Self::bad("broken_off", words),
            PutError::DiskFull(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", words),
            PutError::Io(error) => {
                tracing::error!(%error, "a blob could not be written");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", words)
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let words = error.to_string();
        match error {
            ReadError::Missing { .. } => Self::missing("unknown_blob", words),
            ReadError::Range { .. } => Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", words),
            ReadError::Damaged { .. } => Self::missing("damaged_blob", words),
            ReadError::Io(error) => {
                tracing::error!(%error, "a blob could not be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", words)
            }
        }
    }
}
