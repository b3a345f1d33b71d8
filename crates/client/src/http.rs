//! Requests and answers: retries, time limits, bounded answers. Knows nothing of what is asked.

use crate::error::Error;
use api::error::ErrorBody;
use bytes::BytesMut;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an exchange may say nothing while an answer is due.
pub(crate) const SILENCE: Duration = Duration::from_secs(60);
/// The longest JSON answer that is read, bytes.
const ANSWER_BYTES: usize = 64 << 20;
/// The first wait before trying again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait before trying again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A doubling wait between attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(FIRST_WAIT)
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = wait.saturating_mul(2).min(LONGEST_WAIT);
        wait
    }
}

/// A server to talk to.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    patience: Duration,
}

impl Http {
    /// Makes ready to talk to the exchange at `url`; connects to nothing yet.
    pub(crate) fn new(url: &str, patience: Duration) -> Result<Self, Error> {
        let wrong = || Error::Url { url: url.to_owned() };
        let parsed = Url::parse(url.trim()).map_err(|_| wrong())?;
        let plain = match parsed.scheme() {
            "http" => true,
            "https" => false,
            _ => return Err(wrong()),
        };
        let host = parsed.host_str().ok_or_else(wrong)?;
        // Another room of this process may have installed the same provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("manyhands/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT);
        if plain {
            // A machine without certificate authorities can still talk to an exchange in its own network.
            builder = builder.tls_certs_only([]);
        }
        if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|source| Error::Unreachable { url: url.to_owned(), source })?;
        Ok(Self { client, base: parsed.as_str().trim_end_matches('/').to_owned(), patience })
    }

    /// The exchange's address, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The URL of a path that begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends what `make` makes until an answer comes or patience ends. Only for what may come twice.
    pub(crate) async fn send(&self, make: impl Fn() -> RequestBuilder) -> Result<Response, Error> {
        let until = Instant::now() + self.patience;
        let mut backoff = Backoff::new();
        loop {
            let error = match self.once(make()).await {
                Ok(response) if !is_passing(response.status()) => return Ok(response),
                Ok(response) => self.refusal(response).await,
                Err(error) => error,
            };
            let wait = backoff.next();
            if Instant::now() + wait > until {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Sends a request once and waits for its answer's head.
    pub(crate) async fn once(&self, request: RequestBuilder) -> Result<Response, Error> {
        match timeout(SILENCE, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(source)) => Err(self.unreachable(source)),
            Err(_) => Err(Error::Silent { url: self.base.clone() }),
        }
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> Error {
        Error::Unreachable { url: self.base.clone(), source: source.without_url() }
    }

    /// The body of a success, at most [`ANSWER_BYTES`]; of any other status the error in it.
    pub(crate) async fn body(&self, mut response: Response) -> Result<bytes::Bytes, Error> {
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let path = response.url().path().to_owned();
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            if body.len().saturating_add(chunk.len()) > ANSWER_BYTES {
                return Err(Error::answer(path, "it is longer than any answer may be"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The next piece of an answer.
    pub(crate) async fn chunk(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, Error> {
        match timeout(SILENCE, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|source| self.unreachable(source)),
            Err(_) => Err(Error::Silent { url: self.base.clone() }),
        }
    }

    /// Reads JSON out of a success.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let path = response.url().path().to_owned();
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map_err(|error| Error::answer(path, error))
    }

    /// The refusal that an answer is.
    pub(crate) async fn refusal(&self, mut response: Response) -> Error {
        let status = response.status();
        let mut text = BytesMut::new();
        while let Ok(Some(chunk)) = self.chunk(&mut response).await {
            text.extend_from_slice(&chunk);
            if text.len() > api::limits::JSON_BODY_BYTES {
                break;
            }
        }
        let body = serde_json::from_slice(&text).unwrap_or_else(|_| {
            ErrorBody::new("no_exchange", format!("the server at {} answered {status} and no reason", self.base))
        });
        Error::Refused { status: status.as_u16(), body }
    }
}

/// Whether a status says that the same request may succeed in a moment.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}
