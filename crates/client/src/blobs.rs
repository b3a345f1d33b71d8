//! Sending files: each is named by its SHA-256, and sent only if the exchange does not have it.

use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use api::limits::{BLOB_PART_BYTES, BLOB_PARTS};
use api::params::Input;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use tokio::time::sleep;
use units::Digest;

/// How often a file is sent again after its connection broke.
const ATTEMPTS: u32 = 8;
/// A file of no more parts goes in one piece.
const FEW_PARTS: u64 = 2;
/// How much of a file is read at once.
const PIECE_BYTES: usize = 1 << 16;

impl Client {
    /// Makes sure that the exchange has a file, sending it if it must, and names it as a task's input. The input's name is the
    /// file's.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unreachable`]; [`Error::Refused`] where it is too large, or changed while it was sent.
    pub async fn upload(&self, path: &Path) -> Result<Input, Error> {
        let no_name = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is not plain text");
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_name).map_err(Error::file(path))?;
        let (digest, size) = hash_file(path.to_owned()).await?;
        if !self.has_blob(digest).await? {
            if size > FEW_PARTS * BLOB_PART_BYTES {
                self.send_parts(path, digest, size).await?;
            } else {
                self.send_file(path, digest, size).await?;
            }
        }
        Ok(Input { name: name.to_owned(), digest, size })
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

    /// Sends a file in parts, several at once, so that a long line is full.
    async fn send_parts(&self, path: &Path, digest: Digest, size: u64) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        for _ in 0..ATTEMPTS {
            let step = usize::try_from(BLOB_PART_BYTES).expect("a part fits");
            let starts = stream::iter((0..size).step_by(step));
            let sent = starts.map(|start| self.send_part(path, digest, size, start)).buffer_unordered(BLOB_PARTS);
            let whole = sent.try_fold(false, |whole, last| std::future::ready(Ok(whole || last))).await?;
            // A server that was started anew meanwhile has forgotten the parts that came before.
            if whole || self.has_blob(digest).await? {
                return Ok(());
            }
            sleep(backoff.next()).await;
        }
        Err(Error::Silent { url: self.http().base().to_owned() })
    }

    /// Sends a part; whether the blob is whole with it.
    async fn send_part(&self, path: &Path, digest: Digest, size: u64, start: u64) -> Result<bool, Error> {
        let (place, length) = (path.to_owned(), BLOB_PART_BYTES.min(size - start));
        let part = tokio::task::spawn_blocking(move || read_part(&place, start, length));
        let part = part.await.expect("reading a file does not panic").map_err(Error::file(path))?;
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        let body = async || Ok(reqwest::Body::from(part.clone()));
        let status = self.put(digest, Some(&range), length, body).await?;
        Ok(status == StatusCode::CREATED)
    }

    async fn send_file(&self, path: &Path, digest: Digest, size: u64) -> Result<(), Error> {
        let body = async || {
            let file = tokio::fs::File::open(path).await.map_err(Error::file(path))?;
            Ok(reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, PIECE_BYTES)))
        };
        self.put(digest, None, size, body).await.map(drop)
    }

    /// Sends a blob or a range of it until it is taken; with which status.
    async fn put(
        &self,
        digest: Digest,
        range: Option<&str>,
        length: u64,
        body: impl AsyncFn() -> Result<reqwest::Body, Error>,
    ) -> Result<StatusCode, Error> {
        let mut backoff = Backoff::new();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let token = self.token(None).await?;
            let http = self.http();
            let request = http.client().put(http.url(&blob_path(digest))).bearer_auth(&token);
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
                Ok(response) => {
                    let status = response.status();
                    return http.body(response).await.map(|_| status);
                }
                Err(source) => http.unreachable(source),
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            sleep(backoff.next()).await;
            if self.has_blob(digest).await? {
                return Ok(StatusCode::CREATED);
            }
        }
    }
}

fn read_part(path: &Path, start: u64, length: u64) -> std::io::Result<bytes::Bytes> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut part = vec![0; usize::try_from(length).expect("a part fits")];
    file.read_exact(&mut part)?;
    Ok(part.into())
}

pub(crate) fn blob_path(digest: Digest) -> String {
    format!("/v1/blobs/{digest}")
}

/// A file's SHA-256 and size, read piece by piece off the async threads.
async fn hash_file(path: PathBuf) -> Result<(Digest, u64), Error> {
    let task = tokio::task::spawn_blocking(move || {
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
