//! Fetching a blob into a file of its own: in parts, several at once, so that a long line is full; each taken up again where a
//! broken connection left it.

use crate::blobs::{at_once, blob_path};
use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use api::limits::{BLOB_BYTES, BLOB_PART_BYTES, BLOB_PARTS};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use reqwest::header::{CONTENT_RANGE, HeaderMap, RANGE};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep};
use units::Digest;

/// How often in a row a download may break without a byte of progress.
const FRUITLESS: u32 = 8;
/// How much is asked for first: how soon it comes says how much to ask for at once.
const FIRST_BYTES: u64 = 1 << 20;
/// A part's bytes from who is near: while it is hashed and written, it is still in the processor's cache.
const NEAR_PART_BYTES: u64 = 2 << 20;

impl Client {
    /// Fetches a blob into a temporary file and checks that it is what its name says.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Refused`], [`Error::File`]; [`Error::Blob`] where it is something else.
    pub async fn download(&self, digest: Digest) -> Result<NamedTempFile, Error> {
        let file = NamedTempFile::new().map_err(Error::file(std::env::temp_dir()))?;
        let spool = Spool { file, hash: Sha256::new() };
        let asked = Instant::now();
        let first = self.part(digest, 0, FIRST_BYTES).await?;
        if first.total > BLOB_BYTES {
            return Err(Error::Blob { digest });
        }
        let at_once = at_once(first.answered.duration_since(asked));
        let size = if at_once == BLOB_PARTS { BLOB_PART_BYTES } else { NEAR_PART_BYTES };
        let starts = (first.length..first.total).step_by(usize::try_from(size).expect("a part fits"));
        let mut rest =
            stream::iter(starts).map(|start| self.part(digest, start, size.min(first.total - start))).buffered(at_once);
        // While one part is hashed and written, others come.
        let mut keeping = spool.keep(first.pieces);
        while let Some(part) = rest.next().await {
            keeping = keeping.kept().await?.keep(part?.pieces);
        }
        keeping.kept().await?.finish(digest)
    }

    /// So many bytes of a blob from a place on, or all that there are.
    async fn part(&self, digest: Digest, start: u64, most: u64) -> Result<Part, Error> {
        let mut part = Part { pieces: Vec::new(), length: 0, total: start + most, answered: Instant::now() };
        let (mut backoff, mut fruitless) = (Backoff::new(), 0);
        loop {
            let from = start + part.length;
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
            part.answered = Instant::now();
            let before = part.length;
            let broken = self.receive(&mut response, digest, most, &mut part).await?;
            let Some(error) = broken else { break };
            fruitless = if part.length > before { 0 } else { fruitless + 1 };
            if fruitless == FRUITLESS {
                return Err(error);
            }
            sleep(backoff.next()).await;
        }
        let whole = part.length == most.min(part.total.saturating_sub(start));
        if whole { Ok(part) } else { Err(Error::Blob { digest }) }
    }

    /// Takes in an answer's body: whether it ended, or what broke it.
    async fn receive(
        &self,
        response: &mut Response,
        digest: Digest,
        most: u64,
        part: &mut Part,
    ) -> Result<Option<Error>, Error> {
        loop {
            match self.http().chunk(response).await {
                Ok(Some(chunk)) => {
                    part.length += length(&chunk);
                    if part.length > most {
                        return Err(Error::Blob { digest });
                    }
                    part.pieces.push(chunk);
                }
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            }
        }
    }
}

/// A part of a blob, as it came.
struct Part {
    pieces: Vec<Bytes>,
    /// Bytes of them.
    length: u64,
    /// Bytes of the whole blob.
    total: u64,
    /// When the last answer's head came.
    answered: Instant,
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

/// A part that is being hashed and written.
struct Keeping {
    hash: JoinHandle<Sha256>,
    file: JoinHandle<std::io::Result<NamedTempFile>>,
}

impl Spool {
    /// Begins to keep the next part: one thread hashes, another writes.
    fn keep(self, pieces: Vec<Bytes>) -> Keeping {
        let Self { mut file, mut hash } = self;
        let pieces = Arc::new(pieces);
        let theirs = Arc::clone(&pieces);
        let hash = spawn_blocking(move || {
            theirs.iter().for_each(|piece| hash.update(piece));
            hash
        });
        let file = spawn_blocking(move || {
            pieces.iter().try_for_each(|piece| file.as_file_mut().write_all(piece))?;
            Ok(file)
        });
        Keeping { hash, file }
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

impl Keeping {
    async fn kept(self) -> Result<Spool, Error> {
        let hash = self.hash.await.expect("hashing does not panic");
        let file = self.file.await.expect("writing a part does not panic");
        Ok(Spool { file: file.map_err(Error::file(std::env::temp_dir()))?, hash })
    }
}
