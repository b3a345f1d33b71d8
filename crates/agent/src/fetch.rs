//! Files by digest, from the exchange into the cache.

use crate::cache::Cache;
use crate::http::Http;
use crate::link::chain;
use api::worker::DeclineReason;
use blobs::{Pin, PutError, Upload};
use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use reqwest::StatusCode;
use reqwest::header;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use units::Digest;

/// Files fetched at once.
const PARALLEL: usize = 8;
/// Tries that bring nothing before a file is given up.
const TRIES: u32 = 5;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// A try that brings this much counts as none.
const PROGRESS: u64 = 1 << 20;
/// What is gathered before a blocking thread writes it.
const BATCH_BYTES: usize = 1 << 20;

/// Why a file could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The exchange will not give it.
    #[error("the exchange answered {0}")]
    Refused(StatusCode),
    /// What came was not what its digest says, or longer than stated.
    #[error("what came is not what was asked for")]
    Wrong,
    /// Every try broke off.
    #[error("it could not be fetched whole")]
    Broken,
    /// It does not fit on this machine's disk, or in its cache.
    #[error("there is no room for it")]
    Disk,
}

impl From<FetchError> for DeclineReason {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Refused(_) | FetchError::Wrong | FetchError::Broken => Self::Fetch,
            FetchError::Disk => Self::Disk,
        }
    }
}

type Going = Shared<BoxFuture<'static, Result<(), FetchError>>>;

/// Fetches files, each once at a time.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    http: Arc<Http>,
    cache: Cache,
    going: Arc<Mutex<BTreeMap<Digest, Going>>>,
    slots: Arc<Semaphore>,
}

impl Fetcher {
    pub(crate) fn new(http: Arc<Http>, cache: Cache) -> Self {
        Self { http, cache, going: Arc::default(), slots: Arc::new(Semaphore::new(PARALLEL)) }
    }

    /// The file, if it is in the cache.
    pub(crate) fn cached(&self, digest: &Digest) -> Option<Pin> {
        self.cache.store.pin(digest)
    }

    pub(crate) fn forget(&self, digest: &Digest) {
        if let Err(error) = self.cache.store.remove(digest) {
            tracing::warn!(%digest, %error, "a damaged file could not be removed from the cache");
        }
    }

    /// The file, at most `limit` bytes, fetched where it is not in the cache.
    pub(crate) async fn get(&self, digest: Digest, limit: u64) -> Result<Pin, FetchError> {
        if let Some(pin) = self.cached(&digest) {
            return if pin.size() <= limit { Ok(pin) } else { Err(FetchError::Wrong) };
        }
        let going = {
            let mut all = self.going.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(digest).or_insert_with(|| self.begin(digest, limit)).clone()
        };
        let result = going.await;
        self.going.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        if let Err(error) = result {
            tracing::warn!(%digest, %error, "a file could not be fetched");
            return Err(error);
        }
        // A cache so small that the file had to make room at once cannot hold it.
        self.cached(&digest).ok_or(FetchError::Disk)
    }

    /// Begins a fetch that goes on whoever waits for it.
    fn begin(&self, digest: Digest, limit: u64) -> Going {
        let this = self.clone();
        let task = tokio::spawn(async move {
            let _alone = this.cache.alone(digest).await;
            if this.cache.store.has(&digest) {
                return Ok(());
            }
            let _slot = this.slots.acquire().await;
            this.download(digest, limit).await
        });
        task.map(|ended| ended.unwrap_or(Err(FetchError::Broken))).boxed().shared()
    }

    async fn download(&self, digest: Digest, limit: u64) -> Result<(), FetchError> {
        let mut part = Part { upload: None, size: 0, limit };
        let mut tries = 0;
        loop {
            let before = part.size;
            match self.more(digest, &mut part).await {
                Ok(()) => break,
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(words)) => tracing::debug!(%digest, words, "a fetch broke off"),
            }
            tries = if part.size >= before.saturating_add(PROGRESS) { 0 } else { tries + 1 };
            if tries >= TRIES {
                return Err(FetchError::Broken);
            }
            tokio::time::sleep(PAUSE * (1 << tries)).await;
        }
        let upload = part.upload.take().ok_or(FetchError::Broken)?;
        match tokio::task::spawn_blocking(move || upload.finish(Some(digest))).await {
            Ok(finished) => finished.map(drop).map_err(final_error),
            Err(_) => Err(FetchError::Broken),
        }
    }

    /// Asks for what is missing and takes it in until it ends or breaks off.
    async fn more(&self, digest: Digest, part: &mut Part) -> Result<(), Trouble> {
        let mut request = self.http.client.get(self.http.blob(&digest)).bearer_auth(self.http.token());
        if part.size > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", part.size));
        }
        let mut answer = request.send().await.map_err(passing)?;
        let status = answer.status();
        let begins = match status {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => range_start(answer.headers()).unwrap_or(u64::MAX),
            _ if self.http.is_passing(status) => return Err(Trouble::Passing(status.to_string())),
            _ => return Err(Trouble::Final(FetchError::Refused(status))),
        };
        if part.upload.is_none() || begins != part.size {
            if begins != 0 {
                return Err(Trouble::Final(FetchError::Wrong));
            }
            let store = self.cache.store.clone();
            let limit = part.limit;
            part.upload = Some(blocking(move || store.upload(limit)).await?);
            part.size = 0;
        }
        let mut batch = BytesMut::new();
        loop {
            let piece = answer.chunk().await;
            let ended = !matches!(piece, Ok(Some(_)));
            if let Ok(Some(piece)) = &piece {
                batch.extend_from_slice(piece);
            }
            // What came before a break is kept, so that the next try asks only for the rest.
            if batch.len() >= BATCH_BYTES || ended {
                part.push(batch.split().freeze()).await?;
            }
            match piece {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(passing(error)),
            }
        }
    }
}

/// A file on its way in.
struct Part {
    upload: Option<Upload>,
    size: u64,
    limit: u64,
}

impl Part {
    async fn push(&mut self, piece: Bytes) -> Result<(), Trouble> {
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.upload = Some(blocking(move || upload.push(&piece).map(|()| upload)).await?);
        self.size = self.size.saturating_add(length);
        Ok(())
    }
}

/// What to do about a try that failed.
enum Trouble {
    Final(FetchError),
    Passing(String),
}

fn passing(error: reqwest::Error) -> Trouble {
    Trouble::Passing(chain(&error.without_url()))
}

fn final_error(error: PutError) -> FetchError {
    match error {
        PutError::Mismatch { .. } | PutError::TooLarge { .. } => FetchError::Wrong,
        PutError::Source(_) => FetchError::Broken,
        PutError::DiskFull(_) | PutError::Io(_) => FetchError::Disk,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PutError> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| Trouble::Final(final_error(error))),
        Err(_) => Err(Trouble::Final(FetchError::Broken)),
    }
}

/// Where an answer to a range begins: `bytes 10-19/20`.
fn range_start(headers: &header::HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
