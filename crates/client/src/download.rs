//! Fetching a blob into a file of its own, taken up again where a broken connection left it.

use crate::blobs::blob_path;
use crate::client::Client;
use crate::error::Error;
use crate::http::Backoff;
use api::limits::BLOB_BYTES;
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io::{Seek as _, SeekFrom, Write as _};
use tempfile::NamedTempFile;
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
        let mut file = NamedTempFile::new().map_err(Error::file(std::env::temp_dir()))?;
        let path = file.path().to_owned();
        let mut have = 0_u64;
        let mut hash = Sha256::new();
        let mut backoff = Backoff::new();
        let mut fruitless = 0;
        loop {
            let range = format!("bytes={have}-");
            let mut response = self
                .request(Method::GET, &blob_path(digest), |request| {
                    if have == 0 { request } else { request.header(reqwest::header::RANGE, &range) }
                })
                .await?;
            let status = response.status();
            if !status.is_success() {
                return Err(self.http().refusal(response).await);
            }
            if have > 0 && status != StatusCode::PARTIAL_CONTENT {
                file.as_file().set_len(0).map_err(Error::file(&path))?;
                file.seek(SeekFrom::Start(0)).map_err(Error::file(&path))?;
                (have, hash) = (0, Sha256::new());
            }
            let before = have;
            let broken = self.receive(&mut response, digest, &mut file, &mut hash, &mut have).await?;
            let Some(error) = broken else { break };
            fruitless = if have > before { 0 } else { fruitless + 1 };
            if fruitless == FRUITLESS {
                return Err(error);
            }
            sleep(backoff.next()).await;
        }
        if Digest::from(<[u8; 32]>::from(hash.finalize())) != digest {
            return Err(Error::Blob { digest });
        }
        file.flush().map_err(Error::file(&path))?;
        file.seek(SeekFrom::Start(0)).map_err(Error::file(&path))?;
        Ok(file)
    }

    /// Writes an answer's body into the file: whether it ended, or what broke it.
    async fn receive(
        &self,
        response: &mut Response,
        digest: Digest,
        file: &mut NamedTempFile,
        hash: &mut Sha256,
        have: &mut u64,
    ) -> Result<Option<Error>, Error> {
        loop {
            match self.http().chunk(response).await {
                Ok(Some(chunk)) => {
                    *have = have.saturating_add(u64::try_from(chunk.len()).expect("a length fits 64 bits"));
                    if *have > BLOB_BYTES {
                        return Err(Error::Blob { digest });
                    }
                    hash.update(&chunk);
                    file.write_all(&chunk).map_err(Error::file(file.path()))?;
                }
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            }
        }
    }
}
