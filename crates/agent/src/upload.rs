//! A result's package, from this machine to the exchange.

use crate::http::Http;
use crate::link::chain;
use crate::runner::{Kept, KeptBody};
use reqwest::{Body, header};
use std::time::Duration;
use tokio_util::io::ReaderStream;

/// Tries before an upload is given up; the exchange may ask for it again.
const TRIES: u32 = 5;
/// The pause after the first; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Uploads a package; whether the exchange has it.
pub(crate) async fn put(http: &Http, kept: &Kept) -> bool {
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE * (1 << attempt)).await;
        }
        match try_put(http, kept).await {
            Ok(status) if status.is_success() => return true,
            Ok(status) => {
                tracing::warn!(blob = %kept.blob, %status, "the exchange did not take a result's package");
                if !http.is_passing(status) {
                    return false;
                }
            }
            Err(words) => tracing::warn!(blob = %kept.blob, words, "an upload broke off"),
        }
    }
    false
}

async fn try_put(http: &Http, kept: &Kept) -> Result<reqwest::StatusCode, String> {
    let body = match &kept.body {
        KeptBody::Memory(bytes) => Body::from(bytes.0.clone()),
        KeptBody::File(path) => {
            let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
            Body::wrap_stream(ReaderStream::with_capacity(file, 1 << 16))
        }
    };
    let request = http.client.put(http.blob(&kept.blob)).bearer_auth(http.token());
    let request = request.header(header::CONTENT_LENGTH, kept.size).body(body);
    let answer = request.send().await.map_err(|error| chain(&error.without_url()))?;
    Ok(answer.status())
}
