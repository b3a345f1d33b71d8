//! Reading requests: bodies, queries and ids, each with a typed no.

use crate::problem::{Answer, Problem};
use api::limits::JSON_BODY_BYTES;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// A JSON body of at most [`JSON_BODY_BYTES`].
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = axum::body::to_bytes(request.into_body(), JSON_BODY_BYTES).await.map_err(|_| too_large())?;
        if bytes.is_empty() {
            return Err(Problem::bad("empty_body", "the request has no body; JSON is expected"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::bad("bad_json", error.to_string()))
    }
}

/// What a body over the limit gets.
pub(crate) fn too_large() -> Problem {
    let words = format!("the body broke off or is longer than {JSON_BODY_BYTES} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words)
}

/// The query string.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|error| Problem::bad("bad_query", error.body_text()))
    }
}

/// Reads an id out of a path or a query.
pub(crate) fn id<T: FromStr>(what: &str, text: &str) -> Answer<T>
where
    T::Err: Display,
{
    text.parse().map_err(|error| Problem::bad("bad_id", format!("`{text}` is not {what}: {error}")))
}
