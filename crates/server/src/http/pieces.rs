//! Files that are mostly what others were: the sender is told what its own files consist of, and sends of a new one only the rest.
//!
//! Nothing is told of a file, and nothing taken from one, that whoever asks may not read as a whole: so neither an answer nor what
//! becomes of an upload says more than a `GET` of the file would. What a part is made of is its sender's word; the whole is held
//! against its digest like any upload.

use super::blobs::{OfSize, permitted};
use super::{Server, Who};
use crate::extract::Query;
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::chunks::{Alike, Chunked, Piece, mark};
use api::limits;
use axum::extract::State;
use axum::{Extension, Json};
use blobs::{Cut, Pieces, Store};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use journal::history::History;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::vec::IntoIter;
use units::Digest;

/// So many blobs of about a size are looked at, at most, for those that somebody may read.
const LOOKED_AT: usize = 1024;

/// `GET /v1/chunks?size=BYTES`: what files of about that size consist of that the caller sent, or whose tasks left them.
pub(crate) async fn alike(
    State(shared): Server,
    Extension(who): Who,
    Query(OfSize { size }): Query<OfSize>,
) -> Answer<Json<Alike>> {
    let who = who.account()?;
    if size <= limits::CHUNKED_FROM {
        return Ok(Json(Alike::default()));
    }
    let about = shared.blobs.about(size, LOOKED_AT);
    let readable = move |history: &History| {
        let mut mine = Vec::new();
        for (size, digest) in about {
            if mine.len() < limits::ALIKE_FILES && history.may_read(digest, who)? {
                mine.push((size, digest));
            }
        }
        Ok(mine)
    };
    let mut left = size.saturating_mul(2).max(limits::ALIKE_BYTES);
    let (least, usual, most) = limits::CHUNK_BYTES;
    let mut files = Vec::new();
    for (size, digest) in shared.reads.read(readable).await? {
        let Some(rest) = left.checked_sub(size) else { break };
        left = rest;
        // What was removed meanwhile is of no use.
        let Ok(chunks) = shared.blobs.chunks(&digest, Cut { least, usual, most }).await else { continue };
        let chunks = chunks.iter().map(|chunk| (chunk.length, mark(&chunk.digest))).collect();
        files.push(Chunked { digest, chunks });
    }
    Ok(Json(Alike { files }))
}

/// The bytes of a part whose body begins with `head` bytes that say, as a list of [`Piece`]s, of what it is made.
pub(super) async fn made_of<S>(
    shared: &Arc<Shared>,
    who: units::Address,
    head: usize,
    body: S,
) -> Answer<impl Stream<Item = io::Result<Bytes>> + Send + use<S>>
where
    S: Stream<Item = io::Result<Bytes>> + Send,
{
    if head > limits::PIECES_BYTES {
        return Err(wrong(format!("they are said in at most {} bytes", limits::PIECES_BYTES)));
    }
    let mut body = Box::pin(body);
    let mut begun = Vec::new();
    while begun.len() < head {
        let Some(Ok(piece)) = body.next().await else { return Err(wrong("the body ends before them")) };
        begun.extend_from_slice(&piece);
    }
    let rest = Bytes::from(begun.split_off(head));
    let pieces: Vec<Piece> = serde_json::from_slice(&begun).map_err(|error| wrong(error.to_string()))?;
    let mut sizes = BTreeMap::new();
    let mut length = 0_u64;
    for piece in &pieces {
        length = length.saturating_add(piece.length);
        let Some(of) = piece.of else { continue };
        let size = match sizes.get(&of) {
            Some(size) => *size,
            None => *sizes.entry(of).or_insert(permitted(shared, who, of).await?),
        };
        if piece.start.saturating_add(piece.length) > size {
            return Err(wrong(format!("{of} has only {size} bytes")));
        }
    }
    if length > limits::BLOB_PART_BYTES {
        return Err(wrong(format!("together they are longer than a part, {} bytes", limits::BLOB_PART_BYTES)));
    }
    let making =
        Making { blobs: shared.blobs.clone(), pieces: pieces.into_iter(), sent: Sent { rest, body }, now: Now::Next };
    Ok(futures::stream::try_unfold(making, |mut making| async move {
        Ok(making.next().await?.map(|bytes| (bytes, making)))
    }))
}

fn wrong(words: impl std::fmt::Display) -> Problem {
    Problem::bad("bad_pieces", format!("a part's pieces are a list of {{of, start, length}}: {words}"))
}

/// A part that is being made.
struct Making<S> {
    blobs: Store,
    pieces: IntoIter<Piece>,
    sent: Sent<S>,
    now: Now,
}

/// What comes next of it.
enum Now {
    /// So many bytes of what is sent.
    Sent(u64),
    /// What is left of a file's stretch.
    Held(Pieces),
    /// The next piece.
    Next,
}

/// What is sent of it.
struct Sent<S> {
    rest: Bytes,
    body: Pin<Box<S>>,
}

impl<S: Stream<Item = io::Result<Bytes>> + Send> Making<S> {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match &mut self.now {
                Now::Sent(0) => self.now = Now::Next,
                Now::Sent(left) => {
                    let Some(bytes) = self.sent.next(*left).await? else { return Ok(None) };
                    *left = left.saturating_sub(u64::try_from(bytes.len()).map_err(io::Error::other)?);
                    return Ok(Some(bytes));
                }
                Now::Held(stretch) => match stretch.next().await.transpose()? {
                    Some(bytes) => return Ok(Some(bytes)),
                    None => self.now = Now::Next,
                },
                Now::Next => match self.pieces.next() {
                    None if self.sent.next(1).await?.is_some() => {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "more was sent than the pieces say"));
                    }
                    None => return Ok(None),
                    Some(Piece { of: None, length, .. }) => self.now = Now::Sent(length),
                    Some(Piece { of: Some(of), start, length }) => {
                        self.now = Now::Held(stretch(&self.blobs, of, start, length).await?);
                    }
                },
            }
        }
    }
}

impl<S: Stream<Item = io::Result<Bytes>> + Send> Sent<S> {
    /// At most so many of the next bytes.
    async fn next(&mut self, most: u64) -> io::Result<Option<Bytes>> {
        while self.rest.is_empty() {
            match self.body.next().await.transpose()? {
                Some(bytes) => self.rest = bytes,
                None => return Ok(None),
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        Ok(Some(self.rest.split_to(most)))
    }
}

async fn stretch(blobs: &Store, of: Digest, start: u64, length: u64) -> io::Result<Pieces> {
    let range = start..start.saturating_add(length);
    Ok(blobs.read(&of, Some(range)).await.map_err(io::Error::other)?.content)
}
