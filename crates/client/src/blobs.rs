//! Sending files: each is named by its SHA-256, and sent only if the exchange does not have it.

use crate::chunks::{Held, Part, shorter};
use crate::client::{Client, salt};
use crate::error::Error;
use crate::http::Backoff;
use api::chunks::Alike;
use api::files::{Files, Forget, Forgotten};
use api::limits::{BLOB_PART_BYTES, BLOB_PARTS, CHUNKED_FROM};
use api::params::Input;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use units::Digest;

/// How often a file is sent again after its connection broke.
const ATTEMPTS: u32 = 8;
/// A file of no more parts goes in one piece.
const FEW_PARTS: u64 = 2;
/// How much of a file is read at once.
const PIECE_BYTES: usize = 1 << 18;
/// Whoever answers sooner is near: a few connections fill the line, and more would only be in each other's way.
const NEAR: Duration = Duration::from_millis(15);
/// Parts on their way at once to and from who is near.
const NEAR_PARTS: usize = 2;

/// A file that the exchange has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The file as a task's input.
    pub input: Input,
    /// How many of its bytes had to be sent; none if the exchange had the file.
    pub bytes: Option<u64>,
}

/// Whether a file is perhaps with the exchange.
#[derive(Deserialize)]
struct PerhapsHere {
    perhaps_here: bool,
}

impl Client {
    /// Makes sure that the exchange has a file, sending it if it must, and names it as a task's input. The input's name is the
    /// file's.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unreachable`]; [`Error::Refused`] where it is too large, or changed while it was sent.
    pub async fn upload(&self, path: &Path) -> Result<Input, Error> {
        Ok(self.send(path).await?.input)
    }

    /// As [`Client::upload`], and says what of the file was sent: a large one that has stretches in common with others that this
    /// client sent before costs only the rest.
    ///
    /// # Errors
    /// As [`Client::upload`].
    pub async fn send(&self, path: &Path) -> Result<Sent, Error> {
        let no_name = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is not plain text");
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_name).map_err(Error::file(path))?;
        let size = std::fs::metadata(path).map_err(Error::file(path))?.len();
        let (digest, size, sent) = if size > FEW_PARTS * BLOB_PART_BYTES {
            let (digest, sent) = self.send_large(path, size).await?;
            (digest, size, sent)
        } else {
            self.send_small(path).await?
        };
        Ok(Sent { input: Input { name: name.to_owned(), digest, size }, bytes: sent })
    }

    /// Makes sure that the exchange has these bytes, and names them as an input with this name.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`].
    pub async fn upload_bytes(&self, name: &str, content: impl Into<bytes::Bytes>) -> Result<Input, Error> {
        let content: bytes::Bytes = content.into();
        let digest = results::sha256(&content);
        let size = u64::try_from(content.len()).expect("a length fits 64 bits");
        if !self.has_blob(digest).await? {
            let response =
                self.request(Method::PUT, &blob_path(digest), |request| request.body(content.clone())).await?;
            self.http().body(response).await?;
        }
        Ok(Input { name: name.to_owned(), digest, size })
    }

    /// A file's SHA-256 and size.
    ///
    /// # Errors
    /// [`Error::File`].
    pub async fn digest_of(path: &Path) -> Result<(Digest, u64), Error> {
        hash_file(path.to_owned()).await
    }

    /// Whether the exchange has a blob that this client may read.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        let response = self.request(Method::HEAD, &blob_path(digest), |request| request).await?;
        Ok(response.status().is_success())
    }

    /// The files that this client has stored, the largest first.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn files(&self) -> Result<Files, Error> {
        self.read("/v1/blobs").await
    }

    /// Says that this client needs files no more that it stored; what became of them.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn forget(&self, digests: Vec<Digest>) -> Result<Forgotten, Error> {
        self.ask("/v1/blobs/forget", &Forget { digests }).await
    }

    /// A file that goes in one piece, unless much of it is there: its digest and size, and how much was sent.
    async fn send_small(&self, path: &Path) -> Result<(Digest, u64, Option<u64>), Error> {
        let (digest, size) = hash_file(path.to_owned()).await?;
        if self.has_blob(digest).await? {
            return Ok((digest, size, None));
        }
        let held = self.alike(size).await;
        if held.is_empty() {
            self.send_file(path, digest, size).await?;
            return Ok((digest, size, Some(size)));
        }
        let (digest, sent) = self.send_in_parts(path, size, NEAR_PARTS, held).await?;
        Ok((digest, size, Some(sent)))
    }

    /// A file that goes in parts; what no file that is there has the size of is sent while it is hashed.
    async fn send_large(&self, path: &Path, size: u64) -> Result<(Digest, Option<u64>), Error> {
        let asked = Instant::now();
        let PerhapsHere { perhaps_here } = self.read(&format!("/v1/uploads?size={size}")).await?;
        let at_once = at_once(asked.elapsed());
        if perhaps_here {
            let (digest, _) = hash_file(path.to_owned()).await?;
            if self.has_blob(digest).await? {
                return Ok((digest, None));
            }
        }
        let held = self.alike(size).await;
        let (digest, sent) = self.send_in_parts(path, size, at_once, held).await?;
        Ok((digest, Some(sent)))
    }

    /// What the exchange has of files of this size that are this client's.
    async fn alike(&self, size: u64) -> Held {
        if size <= CHUNKED_FROM {
            return Held::default();
        }
        // Whatever is wrong with the question (an older exchange does not know it): then all of the file is sent.
        self.read::<Alike>(&format!("/v1/chunks?size={size}")).await.map(Held::from).unwrap_or_default()
    }

    /// Sends a file in parts, of each what is not held; what it is, and how much was sent.
    async fn send_in_parts(&self, path: &Path, size: u64, at_once: usize, held: Held) -> Result<(Digest, u64), Error> {
        let mut held = Arc::new(held);
        let mut sent = 0_u64;
        let mut backoff = Backoff::new();
        for _ in 0..ATTEMPTS {
            let upload = u128::from_be_bytes(*salt()?.0.first_chunk().expect("a salt is long enough"));
            let digest = match self.send_parts(path, size, upload, at_once, &held).await {
                Ok((digest, bytes)) => {
                    sent = sent.saturating_add(bytes);
                    digest
                }
                // What was to be taken from another file is no longer there.
                Err(Error::Refused { .. }) if !held.is_empty() => {
                    held = Arc::default();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let whole = format!("{}?upload={upload:032x}", blob_path(digest));
            match self.put(&whole, None, 0, async || Ok(reqwest::Body::default())).await {
                Ok(()) => return Ok((digest, sent)),
                // A server that was started anew meanwhile has forgotten what came before, or has it with its name.
                Err(Error::Refused { status: 404, .. }) if self.has_blob(digest).await? => return Ok((digest, sent)),
                Err(Error::Refused { status: 404, .. }) => sleep(backoff.next()).await,
                // Two stretches had one length and one mark.
                Err(Error::Refused { .. }) if !held.is_empty() => held = Arc::default(),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Silent { url: self.http().base().to_owned() })
    }

    /// Sends a file's parts, several at once, so that a long line is full; what they are together, and how much was sent.
    async fn send_parts(
        &self,
        path: &Path,
        size: u64,
        upload: u128,
        at_once: usize,
        held: &Arc<Held>,
    ) -> Result<(Digest, u64), Error> {
        // One part waits while another is hashed.
        let (give, mut take) = mpsc::channel(1);
        let (file, held) = (path.to_owned(), Arc::clone(held));
        let reading = spawn_blocking(move || {
            let read =
                if held.is_empty() { read_parts(&file, size, &give) } else { held.read_parts(&file, size, &give) };
            read.map_err(Error::file(&file))
        });
        let parts = stream::poll_fn(|context| take.poll_recv(context)).map(Ok);
        let sent = parts.try_for_each_concurrent(at_once, |part| self.send_part(upload, size, part));
        sent.await?;
        reading.await.expect("reading a file does not panic")
    }

    async fn send_part(&self, upload: u128, size: u64, part: Part) -> Result<(), Error> {
        let range = format!("bytes {}-{}/{size}", part.start, part.start + part.length - 1);
        let body = async || Ok(reqwest::Body::from(part.body.clone()));
        let length = u64::try_from(part.body.len()).expect("a length fits 64 bits");
        let made = if part.head == 0 { String::new() } else { format!("?pieces={}", part.head) };
        self.put(&format!("/v1/uploads/{upload:032x}{made}"), Some(&range), length, body).await
    }

    async fn send_file(&self, path: &Path, digest: Digest, size: u64) -> Result<(), Error> {
        let body = async || {
            let file = tokio::fs::File::open(path).await.map_err(Error::file(path))?;
            Ok(reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, PIECE_BYTES)))
        };
        self.put(&blob_path(digest), None, size, body).await
    }

    /// Sends a blob or a range of one until it is taken.
    async fn put(
        &self,
        path: &str,
        range: Option<&str>,
        length: u64,
        body: impl AsyncFn() -> Result<reqwest::Body, Error>,
    ) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let token = self.token(None).await?;
            let http = self.http();
            let request = http.client().put(http.url(path)).bearer_auth(&token);
            let request = request.header(CONTENT_LENGTH, length).body(body().await?);
            let request = if let Some(range) = range { request.header(CONTENT_RANGE, range) } else { request };
            // No limit on the whole: a large file on a slow line takes as long as it takes.
            let error = match request.send().await {
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                    self.token(Some(&token)).await?;
                    http.refusal(response).await
                }
                Ok(response)
                    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS =>
                {
                    http.refusal(response).await
                }
                Ok(response) => return http.body(response).await.map(drop),
                Err(source) => http.unreachable(source),
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            sleep(backoff.next()).await;
        }
    }
}

/// How many parts to have on their way at once on a line that takes so long there and back.
pub(crate) fn at_once(there_and_back: Duration) -> usize {
    if there_and_back < NEAR { NEAR_PARTS } else { BLOB_PARTS }
}

/// Reads a file's parts, gives each away and hashes it; what they are together, and how long.
fn read_parts(path: &Path, size: u64, give: &mpsc::Sender<Part>) -> std::io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let step = usize::try_from(BLOB_PART_BYTES).expect("a part fits");
    for start in (0..size).step_by(step) {
        let length = BLOB_PART_BYTES.min(size - start);
        let mut part = Vec::with_capacity(usize::try_from(length).expect("a part fits"));
        if u64::try_from((&mut file).take(length).read_to_end(&mut part)?) != Ok(length) {
            return Err(shorter());
        }
        let part = Bytes::from(part);
        // Whoever takes no more has its own reason, which it says.
        if give.blocking_send(Part { start, length, head: 0, body: part.clone() }).is_err() {
            break;
        }
        hash.update(&part);
    }
    Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), size))
}

pub(crate) fn blob_path(digest: Digest) -> String {
    format!("/v1/blobs/{digest}")
}

/// A file's SHA-256 and size, read piece by piece off the async threads.
async fn hash_file(path: PathBuf) -> Result<(Digest, u64), Error> {
    let task = spawn_blocking(move || {
        let mut file = std::fs::File::open(&path).map_err(Error::file(&path))?;
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = file.read(&mut piece).map_err(Error::file(&path))?;
            if read == 0 {
                return Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), size));
            }
            hash.update(&piece[..read]);
            size = size.saturating_add(u64::try_from(read).expect("a length fits 64 bits"));
        }
    });
    task.await.expect("hashing a file does not panic")
}
