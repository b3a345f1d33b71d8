//! Blobs by digest: streamed in and verified, read in ranges, shown to parties only.

use super::{Server, Who, pieces};
use crate::core::State as LoopState;
use crate::extract::{Query, id};
use crate::problem::{Answer, Problem};
use crate::shared::Shared;
use api::files::Stored;
use api::limits;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use exchange::AnyOrder;
use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use units::{Address, Amount, Digest};

/// So many blobs of one size are looked at, at most, for one that somebody may read.
const LOOKED_AT: usize = 16;

/// Which parts a blob is made of.
#[derive(Debug, Deserialize)]
pub(crate) struct Parts {
    upload: Option<String>,
}

/// How many bytes at the beginning of a body say which pieces a part is made of.
#[derive(Debug, Deserialize)]
pub(crate) struct MadeOf {
    pieces: Option<usize>,
}

/// Whether a file is perhaps here.
#[derive(Debug, Serialize)]
pub(crate) struct PerhapsHere {
    perhaps_here: bool,
}

/// How large a file is that may be here.
#[derive(Debug, Deserialize)]
pub(crate) struct OfSize {
    pub(super) size: u64,
}

/// `PUT /v1/blobs/{digest}`: a blob, or with `upload` and no body the end of the upload of that name.
pub(crate) async fn write(
    State(shared): Server,
    Extension(who): Who,
    Path(digest): Path<String>,
    Query(parts): Query<Parts>,
    request: Request,
) -> Answer<(StatusCode, Json<Stored>)> {
    let who = who.account()?;
    let digest: Digest = id("a blob's digest", &digest)?;
    let stored = if let Some(upload) = parts.upload {
        let upload = upload_name(&upload)?;
        let _ending = shared.storage.ending(who, digest);
        let stored = shared.blobs.end_parts(who, upload, digest).await?.ok_or_else(|| {
            Problem::missing("unknown_upload", "the upload is not known, or parts of it have not come; send them again")
        })?;
        shared.storage.stored(who, Some(upload), digest, stored.size);
        stored
    } else {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(limits::BLOB_BYTES);
        not_too_long(length)?;
        let _on_its_way = match shared.storage.whole(&shared.blobs, who, digest, length) {
            Ok(on_its_way) => on_its_way,
            Err(problem) => return Err(heard_out(request, problem).await),
        };
        let stored = shared.blobs.put_stream(Some(digest), length, timed(request)).await?;
        shared.storage.stored(who, None, digest, stored.size);
        stored
    };
    if !shared.recorder.uploaded(stored.digest, who).await {
        return Err(Problem::stopping());
    }
    Ok((StatusCode::CREATED, Json(Stored { digest: stored.digest, size: stored.size })))
}

/// `PUT /v1/uploads/{upload}`: by its `Content-Range` one of the parts of [`limits::BLOB_PART_BYTES`] that a blob is sent in. The
/// upload's name is its sender's choice; what it is, is said at its end. With `?pieces=BYTES` the body begins with so many bytes that
/// say which pieces of the part are not sent, being in files that are here ([`pieces::made_of`]).
pub(crate) async fn write_part(
    State(shared): Server,
    Extension(who): Who,
    Path(upload): Path<String>,
    Query(made): Query<MadeOf>,
    request: Request,
) -> Answer<StatusCode> {
    let from = who.account()?;
    let upload = upload_name(&upload)?;
    let range = request.headers().get(header::CONTENT_RANGE).and_then(part_of);
    let words = "a part is said as `bytes FIRST-LAST/TOTAL`";
    let (start, total) = range.ok_or_else(|| Problem::bad("bad_part", words))?;
    not_too_long(total)?;
    let _on_its_way = match shared.storage.part(&shared.blobs, from, upload, total) {
        Ok(on_its_way) => on_its_way,
        Err(problem) => return Err(heard_out(request, problem).await),
    };
    let part = blobs::Part { from, upload, total, size: limits::BLOB_PART_BYTES, start };
    match made.pieces {
        None => shared.blobs.put_part(part, timed(request)).await?,
        Some(head) => shared.blobs.put_part(part, pieces::made_of(&shared, from, head, timed(request)).await?).await?,
    }
    Ok(StatusCode::ACCEPTED)
}

/// `GET /v1/uploads?size=BYTES`: whether a file of that size is perhaps here and the caller's to read, so that it is worth asking
/// for its digest before it is sent.
pub(crate) async fn perhaps_here(
    State(shared): Server,
    Extension(who): Who,
    Query(OfSize { size }): Query<OfSize>,
) -> Answer<Json<PerhapsHere>> {
    let who = who.account()?;
    let alike = shared.blobs.of_size(size, LOOKED_AT + 1);
    if alike.len() > LOOKED_AT {
        return Ok(Json(PerhapsHere { perhaps_here: true }));
    }
    for digest in alike {
        if shared.parties.may_read(who, digest, &shared.seats, &shared.blobs, &shared.reads).await? {
            return Ok(Json(PerhapsHere { perhaps_here: true }));
        }
    }
    Ok(Json(PerhapsHere { perhaps_here: false }))
}

fn not_too_long(bytes: u64) -> Answer<()> {
    if bytes <= limits::BLOB_BYTES {
        return Ok(());
    }
    let words = format!("a blob may have {} bytes", limits::BLOB_BYTES);
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words))
}

/// A refusal, after what a part may have of the body was read: whoever is still sending does not hear it.
async fn heard_out(request: Request, problem: Problem) -> Problem {
    let mut body = std::pin::pin!(timed(request));
    let mut left = limits::BLOB_PART_BYTES.saturating_mul(2);
    while let Some(Ok(piece)) = body.next().await {
        match left.checked_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX)) {
            Some(rest) => left = rest,
            None => break,
        }
    }
    problem
}

/// 32 hexadecimal digits.
fn upload_name(text: &str) -> Answer<u128> {
    let digits = Some(text).filter(|text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| Problem::bad("bad_upload", "an upload's name is 32 hexadecimal digits"))
}

/// A request's body. A sender that says nothing for long is given up.
fn timed(request: Request) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let body = request.into_body().into_data_stream();
    futures::stream::unfold(body, |mut body| async {
        match tokio::time::timeout(limits::SILENCE, body.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), body)),
            Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error)), body)),
            Ok(None) => None,
            Err(_) => Some((Err(std::io::ErrorKind::TimedOut.into()), body)),
        }
    })
}

/// `GET` and `HEAD /v1/blobs/{digest}`, with one `Range`.
pub(crate) async fn read(
    State(shared): Server,
    Extension(who): Who,
    Path(digest): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    let digest: Digest = id("a blob's digest", &digest)?;
    let who = who.account()?;
    let size = permitted(&shared, who, digest).await?;
    let range = headers.get(header::RANGE).map(|range| parse_range(range, size)).transpose()?;
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = range.clone().unwrap_or(0..size);
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let reading = shared.blobs.read(&digest, Some(part.clone())).await?;
        Body::from_stream(reading.content)
    };
    let mut response = (status, body).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A digest names its content for ever; but who may read it is checked each time.
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if range.is_some() {
        let said = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
        fields.insert(header::CONTENT_RANGE, HeaderValue::from_str(&said).expect("digits are a header's value"));
    }
    Ok(response)
}

/// The size of a blob that somebody may read. Others are told what they would be told if it were not there.
pub(super) async fn permitted(shared: &Shared, who: Address, digest: Digest) -> Answer<u64> {
    let missing = || Problem::missing("unknown_blob", format!("{digest} is not here, or not yours to read"));
    let size = shared.blobs.size(&digest).ok_or_else(missing)?;
    let may = shared.parties.may_read(who, digest, &shared.seats, &shared.blobs, &shared.reads).await?;
    (may || is_given_away(shared, digest).await?).then_some(size).ok_or_else(missing)
}

/// Whether a blob is an image's archive that the exchange's operator offers to everybody for nothing: then a requester may run it
/// too, to check what was joined of its tasks' results.
async fn is_given_away(shared: &Shared, digest: Digest) -> Answer<bool> {
    let operator = shared.genesis.operator;
    let look = move |state: &LoopState| {
        let exchange = state.market.exchange();
        let mut images = state.assets.made_of_archive(digest);
        images.any(|image| {
            let free = |order: &AnyOrder| match order {
                AnyOrder::App(offer) => {
                    offer.order().appprice == Amount::ZERO && offer.order().requesterrestrict == Address::ZERO
                }
                AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) | AnyOrder::Request(_) => false,
            };
            let own = exchange.asset(image).is_some_and(|asset| asset.owner == operator);
            own && exchange.resting_of(image).any(free)
        })
    };
    shared.core.read(look).await
}

/// Where a part begins and how long the whole is: `bytes a-b/n`.
fn part_of(value: &HeaderValue) -> Option<(u64, u64)> {
    let (range, total) = value.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()?))
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n`.
fn parse_range(value: &HeaderValue, size: u64) -> Answer<Range<u64>> {
    let wrong = || Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", format!("the blob has {size} bytes"));
    let text = value.to_str().ok().and_then(|text| text.strip_prefix("bytes=")).ok_or_else(wrong)?;
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let range = match (first.trim(), last.trim()) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => number(first)?..number(last)?.saturating_add(1).min(size),
    };
    if range.start >= range.end { Err(wrong()) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_within_the_blob_or_refused() {
        let range = |text: &'static str| parse_range(&HeaderValue::from_static(text), 10).ok();
        assert_eq!(range("bytes=2-4"), Some(2..5));
        assert_eq!(range("bytes=2-"), Some(2..10));
        assert_eq!(range("bytes=-3"), Some(7..10));
        assert_eq!(range("bytes=8-99"), Some(8..10));
        for bad in ["bytes=10-", "bytes=5-4", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes=-0"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
