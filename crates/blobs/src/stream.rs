//! The store's face for asynchronous callers: bodies in, ranges out, the disk's work on blocking threads.

use crate::error::{PutError, ReadError};
use crate::parts::{Part, PartUpload};
use crate::store::Store;
use crate::upload::{Stored, Upload};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};
use units::{Address, Digest};

/// How much is gathered before a blocking thread writes it.
const BATCH_BYTES: usize = 1 << 20;
/// How much of a blob is read at once.
const PIECE_BYTES: u64 = 1 << 19;

/// A part of a blob, to be read.
#[derive(Debug)]
pub struct Reading {
    /// The whole blob's size in bytes.
    pub size: u64,
    /// Which part follows.
    pub range: Range<u64>,
    /// The part.
    pub content: Pieces,
}

/// A part of a blob, piece by piece: while one is on its way, the next is read.
#[derive(Debug)]
pub struct Pieces {
    next: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    /// Bytes behind the next piece.
    left: u64,
}

impl Pieces {
    /// The next `length` bytes of a file.
    fn of(file: File, length: u64) -> Self {
        let most = length.min(PIECE_BYTES);
        let next = (length > 0).then(|| spawn_blocking(move || piece_of(file, most)));
        Self { next, left: length.saturating_sub(most) }
    }
}

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let read = ready!(Pin::new(next).poll(context)).unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()));
        self.next = None;
        Poll::Ready(Some(read.map(|(file, piece)| {
            *self = Self::of(file, self.left);
            piece
        })))
    }
}

/// So many bytes of a file from where it stands.
fn piece_of(mut file: File, length: u64) -> io::Result<(File, Bytes)> {
    let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    (&mut file).take(length).read_to_end(&mut piece)?;
    if u64::try_from(piece.len()).is_ok_and(|read| read == length) {
        Ok((file, piece.into()))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
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
        let mut upload = spawn_blocking(move || store.upload(limit));
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

    /// Takes in a part of a content as a stream. Of a part that is here already, or on its way, nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`Store::part`] and [`PartUpload::finish`](crate::PartUpload::finish); [`PutError::Source`] where the stream broke: then
    /// the part can be sent again.
    pub async fn put_part<E>(
        &self,
        part: Part,
        stream: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), PutError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut stream = pin!(stream);
        let store = self.clone();
        let Some(upload) = blocking(move || store.part(part)).await? else {
            // Whoever sends it hears the answer after all of it.
            while let Some(piece) = stream.next().await {
                piece.map_err(|error| PutError::Source(error.into()))?;
            }
            return Ok(());
        };
        // While one batch is hashed and written, the next comes in.
        let mut writing = write(upload, Vec::new());
        let (mut batch, mut length) = (Vec::new(), 0);
        loop {
            let piece = stream.next().await.transpose().map_err(|error| PutError::Source(error.into()));
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    // The part can be sent again when this returns.
                    drop(joined(writing).await?);
                    return Err(error);
                }
            };
            let ended = piece.is_none();
            length += piece.as_ref().map_or(0, Bytes::len);
            batch.extend(piece);
            if ended || length >= BATCH_BYTES {
                let upload = joined(writing).await?;
                if let Some(sync) = upload.due() {
                    drop(spawn_blocking(sync));
                }
                writing = write(upload, std::mem::take(&mut batch));
                length = 0;
            }
            if ended {
                let upload = joined(writing).await?;
                return blocking(move || upload.finish()).await;
            }
        }
    }

    /// As [`Store::finish_parts`], on a blocking thread.
    ///
    /// # Errors
    ///
    /// As [`Store::finish_parts`].
    pub async fn end_parts(&self, from: Address, upload: u128, expected: Digest) -> Result<Option<Stored>, PutError> {
        let store = self.clone();
        blocking(move || store.finish_parts(from, upload, expected)).await
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
        let (store, digest, start) = (self.clone(), *digest, range.start);
        let opened = blocking(move || {
            let mut file = match File::open(store.inner.path(&digest)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(store.vanished(digest)),
                Err(error) => return Err(error.into()),
            };
            file.seek(SeekFrom::Start(start))?;
            Ok(file)
        });
        let content = Pieces::of(opened.await?, range.end - range.start);
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

fn write(mut upload: PartUpload, batch: Vec<Bytes>) -> JoinHandle<Result<PartUpload, PutError>> {
    spawn_blocking(move || {
        batch.iter().try_for_each(|piece| upload.push(piece))?;
        Ok(upload)
    })
}

fn push(mut upload: Upload, batch: Vec<Bytes>) -> JoinHandle<Result<Upload, PutError>> {
    spawn_blocking(move || {
        batch.iter().try_for_each(|piece| upload.push(piece))?;
        Ok(upload)
    })
}

/// Runs disk work where it may block.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    joined(spawn_blocking(work)).await
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
