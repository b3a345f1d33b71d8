//! Files by digest, from the exchange into the cache.

use crate::cache::Cache;
use crate::http::Http;
use crate::link::chain;
use api::limits::{BLOB_PART_BYTES, BLOB_PARTS};
use api::worker::DeclineReason;
use blobs::{Pin, PutError, Upload};
use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt as _, StreamExt as _, stream};
use reqwest::StatusCode;
use reqwest::header;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
    moved: Moved,
}

/// How many bytes have come, of files and of images; it only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved(Arc<AtomicU64>);

impl Moved {
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Fetcher {
    pub(crate) fn new(http: Arc<Http>, cache: Cache) -> Self {
        Self { http, cache, going: Arc::default(), slots: Arc::new(Semaphore::new(PARALLEL)), moved: Moved::default() }
    }

    /// What has come since the start.
    pub(crate) fn moved(&self) -> &Moved {
        &self.moved
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
        let mut part = Part { upload: None, size: 0, total: None, limit };
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

    /// Asks for what is missing, several parts at once, and takes it in until it ends or breaks off.
    async fn more(&self, digest: Digest, part: &mut Part) -> Result<(), Trouble> {
        if part.upload.is_none() {
            let store = self.cache.store.clone();
            let limit = part.limit;
            part.upload = Some(blocking(move || store.upload(limit)).await?);
        }
        let total = match part.total {
            Some(total) => total,
            None => {
                let first = self.piece(digest, part.size, BLOB_PART_BYTES).await;
                let total = first.total;
                part.push(first.bytes.freeze()).await?;
                first.broken.map_or(Ok(()), Err)?;
                part.total = total;
                total.ok_or(Trouble::Final(FetchError::Wrong))?
            }
        };
        if total > part.limit {
            return Err(Trouble::Final(FetchError::Wrong));
        }
        let step = usize::try_from(BLOB_PART_BYTES).unwrap_or(usize::MAX);
        let starts = stream::iter((part.size..total).step_by(step));
        let pieces = starts.map(|start| self.piece(digest, start, BLOB_PART_BYTES.min(total - start)));
        let mut pieces = pieces.buffered(BLOB_PARTS);
        // In their order: what came before a break is kept, so that the next try asks only for the rest.
        while let Some(piece) = pieces.next().await {
            part.push(piece.bytes.freeze()).await?;
            piece.broken.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// So many bytes from a place on, or all that there are.
    async fn piece(&self, digest: Digest, start: u64, most: u64) -> Piece {
        let mut piece = Piece { bytes: BytesMut::new(), total: None, broken: None };
        piece.broken = self.fill(digest, start, most, &mut piece).await.err();
        piece
    }

    async fn fill(&self, digest: Digest, start: u64, most: u64, piece: &mut Piece) -> Result<(), Trouble> {
        let request = self.http.client.get(self.http.blob(&digest)).bearer_auth(self.http.token());
        let range = format!("bytes={start}-{}", start.saturating_add(most).saturating_sub(1));
        let mut answer = request.header(header::RANGE, range).send().await.map_err(passing)?;
        let status = answer.status();
        match status {
            StatusCode::PARTIAL_CONTENT => {
                let (begins, total) = range_of(answer.headers()).ok_or(Trouble::Final(FetchError::Wrong))?;
                if begins != start {
                    return Err(Trouble::Final(FetchError::Wrong));
                }
                piece.total = Some(total);
            }
            // All of it, where that is no more than was asked for.
            StatusCode::OK if start == 0 => piece.total = answer.content_length().filter(|total| *total <= most),
            // Of nothing there is no part.
            StatusCode::RANGE_NOT_SATISFIABLE if start == 0 => {
                piece.total = Some(0);
                return Ok(());
            }
            StatusCode::OK => return Err(Trouble::Final(FetchError::Wrong)),
            _ if self.http.is_passing(status) => return Err(Trouble::Passing(status.to_string())),
            _ => return Err(Trouble::Final(FetchError::Refused(status))),
        }
        while let Some(chunk) = answer.chunk().await.map_err(passing)? {
            self.moved.add(u64::try_from(chunk.len()).unwrap_or(0));
            piece.bytes.extend_from_slice(&chunk);
            if u64::try_from(piece.bytes.len()).is_ok_and(|length| length > most) {
                return Err(Trouble::Final(FetchError::Wrong));
            }
        }
        let end = start.saturating_add(u64::try_from(piece.bytes.len()).unwrap_or(u64::MAX));
        piece.total.get_or_insert(end);
        Ok(())
    }
}

/// A stretch of a file: what came of it, how long the file is where that was said, and what broke it off.
struct Piece {
    bytes: BytesMut,
    total: Option<u64>,
    broken: Option<Trouble>,
}

/// A file on its way in.
struct Part {
    upload: Option<Upload>,
    size: u64,
    /// How long the file is, once that is known.
    total: Option<u64>,
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
        PutError::BadPart | PutError::Source(_) => FetchError::Broken,
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

/// Where an answer to a range begins, and how long the whole is: `bytes 10-19/20`.
fn range_of(headers: &header::HeaderMap) -> Option<(u64, u64)> {
    let (range, total) = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split('-').next()?.parse().ok()?, total.parse().ok()?))
}
