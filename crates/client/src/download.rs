//! Fetching a blob into a file of its own: in parts, several at once, so that a long line is full; each taken up again where a
//! broken connection left it.

use crate::blobs::blob_path;
use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use api::limits::{BLOB_BYTES, BLOB_PART_BYTES, BLOB_PARTS};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use reqwest::header::{CONTENT_RANGE, HeaderMap, RANGE};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io::{Seek as _, SeekFrom, Write as _};
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use units::Digest;

/// How often in a row a download may break without a byte of progress.
const FRUITLESS: u32 = 8;

impl Client {
    /// Fetches a blob into a temporary file and checks that it is what its name says.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`], [`Error::File`]; [`Error::Blob`] where it is something else.
    pub async fn download(&self, digest: Digest) -> Result<NamedTempFile, Error> {
        let file = NamedTempFile::new().map_err(Error::file(std::env::temp_dir()))?;
        let mut spool = Spool { file, hash: Sha256::new() };
        let first = self.part(digest, 0, BLOB_PART_BYTES).await?;
        if first.total > BLOB_BYTES {
            return Err(Error::Blob { digest });
        }
        let starts =
            (length(&first.bytes)..first.total).step_by(usize::try_from(BLOB_PART_BYTES).expect("a part fits"));
        let mut rest = stream::iter(starts)
            .map(|start| self.part(digest, start, BLOB_PART_BYTES.min(first.total - start)))
            .buffered(BLOB_PARTS);
        // While one part is hashed and written, others come.
        let mut keeping = spool.keep(first.bytes);
        while let Some(part) = rest.next().await {
            spool = kept(keeping).await?;
            keeping = spool.keep(part?.bytes);
        }
        spool = kept(keeping).await?;
        spool.finish(digest)
    }

    /// So many bytes of a blob from a place on, or all that there are.
    async fn part(&self, digest: Digest, start: u64, most: u64) -> Result<Part, Error> {
        let mut part = Part { bytes: Bytes::new(), total: start + most };
        let mut have = BytesMut::new();
        let (mut backoff, mut fruitless) = (Backoff::new(), 0);
        loop {
            let from = start + length(&have);
            let range = format!("bytes={from}-{}", start + most - 1);
            let path = blob_path(digest);
            let mut response = self.request(Method::GET, &path, |request| request.header(RANGE, &range)).await?;
            if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && start == 0 {
                // Of nothing there is no part.
                response = self.request(Method::GET, &path, |request| request).await?;
            }
            if !response.status().is_success() {
                return Err(self.http().refusal(response).await);
            }
            let asked = response.status() == StatusCode::PARTIAL_CONTENT;
            part.total = if asked {
                total(response.headers()).ok_or(Error::Blob { digest })?
            } else {
                response.content_length().unwrap_or(0)
            };
            // Whoever answers with everything is not asked for parts.
            if !asked && (from > 0 || part.total > most) {
                return Err(Error::Blob { digest });
            }
            let before = have.len();
            let broken = self.receive(&mut response, digest, most, &mut have).await?;
            let Some(error) = broken else { break };
            fruitless = if have.len() > before { 0 } else { fruitless + 1 };
            if fruitless == FRUITLESS {
                return Err(error);
            }
            sleep(backoff.next()).await;
        }
        part.bytes = have.freeze();
        if length(&part.bytes) == most.min(part.total.saturating_sub(start)) {
            Ok(part)
        } else {
            Err(Error::Blob { digest })
        }
    }

    /// Takes in an answer's body: whether it ended, or what broke it.
    async fn receive(
        &self,
        response: &mut Response,
        digest: Digest,
        most: u64,
        have: &mut BytesMut,
    ) -> Result<Option<Error>, Error> {
        loop {
            match self.http().chunk(response).await {
                Ok(Some(chunk)) if length(have) + length(&chunk) > most => return Err(Error::Blob { digest }),
                Ok(Some(chunk)) => have.extend_from_slice(&chunk),
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            }
        }
    }
}

/// A part of a blob.
struct Part {
    bytes: Bytes,
    /// Bytes of the whole blob.
    total: u64,
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits 64 bits")
}

/// The whole length in `bytes 0-9/20`.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}

/// What has come so far.
struct Spool {
    file: NamedTempFile,
    hash: Sha256,
}

impl Spool {
    /// Begins to keep the next part.
    fn keep(mut self, part: Bytes) -> JoinHandle<std::io::Result<Self>> {
        spawn_blocking(move || {
            self.hash.update(&part);
            self.file.write_all(&part)?;
            Ok(self)
        })
    }

    fn finish(mut self, digest: Digest) -> Result<NamedTempFile, Error> {
        if Digest::from(<[u8; 32]>::from(self.hash.finalize())) != digest {
            return Err(Error::Blob { digest });
        }
        let path = self.file.path().to_owned();
        self.file.flush().and_then(|()| self.file.seek(SeekFrom::Start(0))).map_err(Error::file(&path))?;
        Ok(self.file)
    }
}

async fn kept(keeping: JoinHandle<std::io::Result<Spool>>) -> Result<Spool, Error> {
    keeping.await.expect("writing a part does not panic").map_err(Error::file(std::env::temp_dir()))
}
