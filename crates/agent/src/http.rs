//! The exchange's HTTP face, as far as a worker needs it.

use crate::handle::StartError;
use reqwest::{StatusCode, Url};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use units::Digest;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a transfer may stand still.
const STILL: Duration = Duration::from_secs(30);

/// One exchange, and the token that opens its blobs to this worker.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    base: Url,
    token: RwLock<String>,
    /// The exchange no longer takes the token; a new connection brings a new one.
    pub(crate) stale: Notify,
}

impl Http {
    pub(crate) fn new(url: &str) -> Result<Self, StartError> {
        let bad = || StartError::Url { url: url.to_owned() };
        let mut base: Url = url.trim_end_matches('/').parse().map_err(|_| bad())?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad());
        }
        base.set_query(None);
        base.set_fragment(None);
        // Whoever embeds the agent may have chosen a provider; then this changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder();
        // Without encryption no root certificates are needed, which not every machine has.
        let builder = if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let client = builder
            .connect_timeout(CONNECT)
            .read_timeout(STILL)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(crate::link::SOFTWARE)
            .build()
            .map_err(StartError::Http)?;
        Ok(Self { client, base, token: RwLock::default(), stale: Notify::new() })
    }

    /// An address below the exchange's.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The worker protocol's address.
    pub(crate) fn socket(&self) -> String {
        let url = self.url("v1/worker").to_string();
        // `http://` becomes `ws://`, `https://` becomes `wss://`.
        url.replacen("http", "ws", 1)
    }

    pub(crate) fn blob(&self, digest: &Digest) -> Url {
        self.url(&format!("v1/blobs/{digest}"))
    }

    pub(crate) fn welcome(&self, token: String) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// The last welcome's token.
    pub(crate) fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an answer says that asking again may help.
    pub(crate) fn is_passing(&self, status: StatusCode) -> bool {
        if status == StatusCode::UNAUTHORIZED {
            self.stale.notify_one();
        }
        status.is_server_error() || matches!(status.as_u16(), 401 | 408 | 425 | 429)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_made_below_the_exchanges() {
        let http = Http::new("https://exchange.example/market/").unwrap();
        assert_eq!(http.socket(), "wss://exchange.example/market/v1/worker");
        let digest = Digest::default();
        assert_eq!(http.blob(&digest).as_str(), format!("https://exchange.example/market/v1/blobs/{digest}"));
        assert_eq!(Http::new("http://127.0.0.1:7370").unwrap().socket(), "ws://127.0.0.1:7370/v1/worker");
        for bad in ["", "exchange", "ftp://exchange.example", "unix:/x"] {
            assert!(matches!(Http::new(bad), Err(StartError::Url { .. })), "{bad}");
        }
    }
}
