//! A signed-in connection to one exchange.

use crate::error::Error;
use crate::http::Http;
use crate::receipts::Receipts;
use api::account::Account;
use api::exchange::{Exchange, Outstanding, Session, SignIn, WorkerRow};
use api::limits::PROTOCOL_VERSION;
use api::receipt::{Receipt, Receipted};
use orders::challenge::Challenge;
use orders::{Domain, SigningKey};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use units::{Address, B256};

/// How often in a row an answer may break off before that is an error.
const BROKEN_ANSWERS: u32 = 4;

/// How a [`Client`] connects.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a private exchange printed when it started.
    pub join_token: Option<String>,
    /// Where the operator's receipts are kept, a line of JSON each; none: they are checked and dropped.
    pub receipts: Option<PathBuf>,
    /// How long to go on trying when the exchange cannot be reached.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { join_token: None, receipts: None, patience: Duration::from_secs(20) }
    }
}

/// A connection to one exchange under one key. Clones share the session.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: Http,
    key: SigningKey,
    exchange: Exchange,
    domain: Domain,
    join_token: Option<String>,
    receipts: Receipts,
    session: Mutex<Option<String>>,
    /// Held while a transaction is on its way, so that two do not take one nonce.
    sending: Mutex<()>,
}

/// The gateway's answer to a request for a challenge.
#[derive(serde::Deserialize)]
struct ChallengeAnswer {
    data: TypedData,
}

#[derive(serde::Deserialize)]
struct TypedData {
    message: ChallengeMessage,
}

#[derive(serde::Deserialize)]
struct ChallengeMessage {
    challenge: String,
}

impl Client {
    /// Asks the exchange at `url` who it is and signs in.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Unreachable`], [`Error::Version`]; [`Error::Refused`] where the exchange is private and the join
    /// token is not its.
    pub async fn connect(url: &str, key: SigningKey, options: Options) -> Result<Self, Error> {
        let http = Http::new(url, options.patience)?;
        let exchange = ask(&http).await?;
        let inner = Inner {
            domain: Domain::new(exchange.chain_id, exchange.hub),
            receipts: Receipts::new(exchange.operator, exchange.chain_id, options.receipts),
            join_token: options.join_token,
            session: Mutex::default(),
            sending: Mutex::default(),
            http,
            key,
            exchange,
        };
        let client = Self { inner: Arc::new(inner) };
        client.token(None).await?;
        Ok(client)
    }

    /// What the exchange at `url` says of itself to anybody.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Unreachable`], [`Error::Version`].
    pub async fn ask_exchange(url: &str, patience: Duration) -> Result<Exchange, Error> {
        ask(&Http::new(url, patience)?).await
    }

    /// What the exchange says of itself, as it was when the client connected.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.inner.exchange
    }

    /// What the exchange says of itself now.
    ///
    /// # Errors
    /// As of [`Client::connect`].
    pub async fn exchange_now(&self) -> Result<Exchange, Error> {
        self.read("/v1/exchange").await
    }

    /// The exchange's address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.http.base()
    }

    /// Whose client it is.
    #[must_use]
    pub fn address(&self) -> Address {
        self.inner.key.address()
    }

    /// The domain that the exchange's orders are signed in.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.inner.domain
    }

    /// An account's money, score and nonce.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn account(&self, address: Address) -> Result<Account, Error> {
        self.read(&format!("/v1/accounts/{address}")).await
    }

    /// The workers that the exchange knows.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        #[derive(serde::Deserialize)]
        struct Answer {
            workers: Vec<WorkerRow>,
        }
        let answer: Answer = self.read("/v1/workers").await?;
        Ok(answer.workers)
    }

    /// Credits issued by the operator and not redeemed.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn outstanding(&self) -> Result<Outstanding, Error> {
        self.read("/v1/outstanding").await
    }

    /// The journal from a record on: the bytes as they come, in ranges of at most
    /// [`JOURNAL_RANGE_BYTES`](api::limits::JOURNAL_RANGE_BYTES); empty at its end.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn journal(&self, from: u64) -> Result<bytes::Bytes, Error> {
        let response = self.request(Method::GET, &format!("/v1/journal?from={from}"), |request| request).await?;
        self.http().body(response).await
    }

    pub(crate) fn http(&self) -> &Http {
        &self.inner.http
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.inner.key
    }

    pub(crate) fn sending(&self) -> &Mutex<()> {
        &self.inner.sending
    }

    pub(crate) fn keep(&self, receipt: &Receipt) -> Result<(), Error> {
        self.inner.receipts.take(receipt)
    }

    /// Reads JSON.
    pub(crate) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.answer(Method::GET, path, |request| request).await
    }

    /// Sends JSON and reads JSON, without a receipt.
    pub(crate) async fn ask<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Error> {
        self.answer(Method::POST, path, |request| request.json(body)).await
    }

    /// Reads JSON; an answer that breaks off is asked for again. Only for what may come twice.
    async fn answer<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, Error> {
        let mut broken = 0;
        loop {
            let response = self.request(method.clone(), path, &finish).await?;
            match self.http().json(response).await {
                Err(error) if error.is_connection() && broken < BROKEN_ANSWERS => broken += 1,
                answer => return answer,
            }
        }
    }

    /// Sends a command; its receipt is checked and kept.
    pub(crate) async fn command<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Error> {
        let answer: Receipted<T> = self.ask(path, body).await?;
        self.keep(&answer.receipt)?;
        Ok(answer.answer)
    }

    /// Sends a request under the session, which is renewed when it has ended. Only for what may come twice.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let http = self.http();
        let url = http.url(path);
        let mut token = self.token(None).await?;
        for renewed in [false, true] {
            let make = || finish(http.client().request(method.clone(), &url).bearer_auth(&token));
            let response = http.send(make).await?;
            if response.status() != StatusCode::UNAUTHORIZED || renewed {
                return Ok(response);
            }
            token = self.token(Some(&token)).await?;
        }
        unreachable!("the second answer is returned whatever it is")
    }

    /// The session's token; a new one where there is none, or where the one there is `ended`.
    pub(crate) async fn token(&self, ended: Option<&str>) -> Result<String, Error> {
        let mut session = self.inner.session.lock().await;
        if let Some(token) = &*session
            && ended != Some(token.as_str())
        {
            return Ok(token.clone());
        }
        let token = self.sign_in().await?;
        *session = Some(token.clone());
        Ok(token)
    }

    async fn sign_in(&self) -> Result<String, Error> {
        let Inner { http, key, exchange, .. } = &*self.inner;
        let path = format!("/challenge?chainId={}&address={}", exchange.chain_id, key.address());
        let url = http.url(&path);
        let answer: ChallengeAnswer = http.json(http.send(|| http.client().get(&url)).await?).await?;
        // Only the text is the server's: domain and type are ours, so that nothing else can be had signed.
        let text = answer.data.message.challenge;
        let challenge = Challenge { service: "iExec Gateway", chain_id: exchange.chain_id, text };
        let body =
            SignIn { authorization: challenge.answer(key).to_string(), join_token: self.inner.join_token.clone() };
        let url = http.url("/v1/session");
        let session: Session = http.json(http.send(|| http.client().post(&url).json(&body)).await?).await?;
        Ok(session.token)
    }
}

/// What an exchange says of itself, if it speaks this version of the protocol.
async fn ask(http: &Http) -> Result<Exchange, Error> {
    let exchange: Exchange = http.json(http.send(|| http.client().get(http.url("/v1/exchange"))).await?).await?;
    if exchange.version == PROTOCOL_VERSION {
        Ok(exchange)
    } else {
        Err(Error::Version { theirs: exchange.version, ours: PROTOCOL_VERSION })
    }
}

/// A random 32-byte salt.
pub(crate) fn salt() -> Result<B256, Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes.into())
}
