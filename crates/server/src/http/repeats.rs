//! Requests that come twice: with a client-made id (`idempotency-key`) a repeat within a day gets the first answer.
//!
//! Transactions and orders need none: a nonce, or the order's hash, makes them one.

use crate::access::Caller;
use crate::problem::Problem;
use crate::shared::Shared;
use api::limits;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use units::{Address, Timestamp};

/// The header.
const HEADER: &str = "idempotency-key";
/// Longest answer that is kept, bytes; longer ones are answered anew.
const ANSWER_BYTES: usize = 1 << 20;

type Key = (Option<Address>, String, String, String);
type Kept = Arc<OnceCell<(StatusCode, Bytes)>>;

/// First answers.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    kept: Mutex<BTreeMap<Key, (Timestamp, Kept)>>,
}

impl Repeats {
    fn cell(&self, key: Key, now: Timestamp) -> Result<Kept, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::REQUEST_IDS {
            kept.retain(|_, (until, _)| *until > now);
        }
        let full = kept.len() >= limits::REQUEST_IDS;
        match kept.get(&key) {
            Some((until, cell)) if *until > now => Ok(Arc::clone(cell)),
            _ if full => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too many answers are kept for repeats; send the request without an idempotency-key",
            )),
            _ => {
                let cell = Kept::default();
                kept.insert(key, (now.saturating_add(limits::REQUEST_ID), Arc::clone(&cell)));
                Ok(cell)
            }
        }
    }
}

/// Answers a repeat with the first answer; two at once are one.
pub(crate) async fn answer_once(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let is_command = matches!(*request.method(), Method::POST | Method::PUT | Method::DELETE);
    let Some(id) = id_of(request.headers()).filter(|_| is_command) else { return next.run(request).await };
    if id.len() > limits::REQUEST_ID_BYTES {
        let words = format!("an idempotency-key may have {} bytes", limits::REQUEST_ID_BYTES);
        return Problem::bad("bad_idempotency_key", words).into_response();
    }
    let who = request.extensions().get::<Caller>().and_then(|caller| caller.account().ok());
    let key = (who, request.method().to_string(), request.uri().path().to_owned(), id);
    let cell = match shared.repeats.cell(key, shared.clock.now()) {
        Ok(cell) => cell,
        Err(problem) => return problem.into_response(),
    };
    // A failure of ours is not kept: a repeat tries again.
    let answered = cell.get_or_try_init(|| async {
        let response = next.run(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_BYTES).await.unwrap_or_default();
        if parts.status.is_server_error() { Err((parts.status, body)) } else { Ok((parts.status, body)) }
    });
    let (status, body) = match answered.await {
        Ok((status, body)) => (*status, body.clone()),
        Err(failed) => failed,
    };
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn id_of(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(HEADER)?.to_str().ok()?.to_owned())
}
