//! The store's face for asynchronous callers: bodies in, ranges out, the disk's work on blocking threads.

use crate::error::{PutError, ReadError};
use crate::parts::Part;
use crate::store::Store;
use crate::upload::{Stored, Upload};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::pin;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, Take};
use tokio::task::JoinHandle;
use units::Digest;

/// How much is gathered before a blocking thread writes it.
const BATCH_BYTES: usize = 1 << 20;

/// A part of a blob, to be read.
#[derive(Debug)]
pub struct Reading {
    /// The whole blob's size in bytes.
    pub size: u64,
    /// Which part follows.
    pub range: Range<u64>,
    /// The part.
    pub content: Take<tokio::fs::File>,
}

impl Store {
    /// Takes in a stream of at most `limit` bytes; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`PutError`]: `Mismatch` where `expected` is given and is not the content's digest, `Source` where the stream broke.
    pub async fn put_stream<E>(
        &self,
        expected: Option<Digest>,
        limit: u64,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Stored, PutError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut stream = pin!(stream);
        let store = self.clone();
        // While one batch is hashed and written, the next comes in.
        let mut upload = tokio::task::spawn_blocking(move || store.upload(limit));
        let mut batch = Vec::new();
        let mut length = 0;
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    // Nothing is left when this returns.
                    drop(joined(upload).await?);
                    return Err(PutError::Source(error.into()));
                }
            };
            length += piece.len();
            batch.push(piece);
            if length >= BATCH_BYTES {
                upload = push(joined(upload).await?, std::mem::take(&mut batch));
                length = 0;
            }
        }
        let upload = joined(push(joined(upload).await?, batch)).await?;
        blocking(move || upload.finish(expected)).await
    }

    /// Takes in a part of a content as a stream; with the last of all parts the content is durable and given back. Of a part
    /// that is here already, or on its way, nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`Store::part`] and [`PartUpload::finish`](crate::PartUpload::finish); [`PutError::Source`] where the stream broke: then the part can be sent again.
    pub async fn put_part<E>(
        &self,
        part: Part,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<Option<Stored>, PutError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut stream = pin!(stream);
        let store = self.clone();
        let Some(mut upload) = blocking(move || store.part(part)).await? else {
            // Whoever sends it hears the answer after all of it.
            while let Some(piece) = stream.next().await {
                piece.map_err(|error| PutError::Source(error.into()))?;
            }
            return Ok(None);
        };
        let mut batch = BytesMut::new();
        loop {
            let piece = stream.next().await.transpose().map_err(|error| PutError::Source(error.into()))?;
            let ended = piece.is_none();
            batch.extend_from_slice(&piece.unwrap_or_default());
            if ended || batch.len() >= BATCH_BYTES {
                let piece = batch.split().freeze();
                upload = blocking(move || upload.push(&piece).map(|()| upload)).await?;
            }
            if ended {
                return blocking(move || upload.finish()).await;
            }
        }
    }

    /// Takes in bytes; durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`Store::put`].
    pub async fn put_bytes(&self, bytes: Bytes) -> Result<Stored, PutError> {
        let store = self.clone();
        blocking(move || store.put(&bytes)).await
    }

    /// Opens a part of a blob, or all of it.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: `Missing`, `Range` where the range is not within the blob, `Io`.
    pub async fn read(&self, digest: &Digest, range: Option<Range<u64>>) -> Result<Reading, ReadError> {
        let size = self.touch(digest).ok_or(ReadError::Missing { digest: *digest })?;
        let range = range.unwrap_or(0..size);
        if range.start > range.end || range.end > size {
            return Err(ReadError::Range { size });
        }
        let mut file = match tokio::fs::File::open(self.inner.path(digest)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ReadError::Missing { digest: *digest });
            }
            Err(error) => return Err(error.into()),
        };
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).await?;
        }
        let content = file.take(range.end - range.start);
        Ok(Reading { size, range, content })
    }

    /// As [`Store::bytes`], on a blocking thread.
    ///
    /// # Errors
    ///
    /// As [`Store::bytes`].
    pub async fn read_bytes(&self, digest: &Digest, limit: u64) -> Result<Bytes, ReadError> {
        let (store, digest) = (self.clone(), *digest);
        blocking(move || store.bytes(&digest, limit)).await.map(Bytes::from)
    }
}

fn push(mut upload: Upload, batch: Vec<Bytes>) -> JoinHandle<Result<Upload, PutError>> {
    tokio::task::spawn_blocking(move || {
        batch.iter().try_for_each(|piece| upload.push(piece))?;
        Ok(upload)
    })
}

/// Runs disk work where it may block.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    joined(tokio::task::spawn_blocking(work)).await
}

/// What blocking work came to.
async fn joined<T, E: From<io::Error>>(work: JoinHandle<Result<T, E>>) -> Result<T, E> {
    match work.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
        },
    }
}
