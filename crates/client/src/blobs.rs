//! Sending files: each is named by its SHA-256, and sent only if the exchange does not have it.

use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use api::params::Input;
use reqwest::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tokio::time::sleep;
use units::Digest;

/// How often a file is sent again after its connection broke.
const ATTEMPTS: u32 = 8;
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
            self.send_file(path, digest, size).await?;
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

    async fn send_file(&self, path: &Path, digest: Digest, size: u64) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let token = self.token(None).await?;
            let file = tokio::fs::File::open(path).await.map_err(Error::file(path))?;
            let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(file, PIECE_BYTES));
            let http = self.http();
            let request = http
                .client()
                .put(http.url(&blob_path(digest)))
                .bearer_auth(&token)
                .header(reqwest::header::CONTENT_LENGTH, size)
                .body(body);
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
            if self.has_blob(digest).await? {
                return Ok(());
            }
        }
    }
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
