//! What comes from a worker: each frame checked here, then handed to the loop.

use super::hello;
use super::{Farewell, Heard, MALFORMED_FRAMES, Seat, Wire};
use crate::core::{Said, Stated};
use crate::package::{self, Found, Unsound};
use crate::shared::Shared;
use api::limits;
use api::worker::{Batch, FromWorker, Package, ToWorker};
use orders::{CheckedBatch, Commit, Complete, Reveal, Signed, WorkerBatch, ids};
use std::fs::File;
use tokio::sync::mpsc;
use tokio::time::Instant;
use units::{Bytes, Digest, TaskId};

/// A frame that is not taken: about which task, a stable word, the reason.
type No = (Option<TaskId>, &'static str, String);

/// Reads until the worker is gone (`None`) or has to go.
pub(super) async fn read(
    shared: &Shared,
    seat: &Seat,
    mut wire: Wire,
    replies: mpsc::Sender<ToWorker>,
) -> Option<Farewell> {
    let mut malformed = 0_u32;
    loop {
        let heard = tokio::select! {
            heard = wire.next(Instant::now() + limits::SILENCE) => heard,
            () = shared.stopping.cancelled() => {
                return Some(Farewell::lost("stopping", "the exchange is stopping"));
            }
        };
        let nos = match heard {
            Err(farewell) => return Some(farewell),
            Ok(Heard::Closed) => return None,
            Ok(Heard::Malformed(error)) => {
                malformed += 1;
                if malformed >= MALFORMED_FRAMES {
                    return Some(Farewell::refused("malformed", "too many frames could not be read"));
                }
                vec![(None, "malformed", error)]
            }
            Ok(Heard::Frame(frame)) => take(shared, seat, frame).await,
        };
        for (task, code, reason) in nos {
            let refused = ToWorker::Refused { task, code: code.to_owned(), reason };
            if replies.send(refused).await.is_err() {
                return None;
            }
        }
    }
}

/// Takes one frame; what of it is refused.
async fn take(shared: &Shared, seat: &Seat, frame: FromWorker) -> Vec<No> {
    let many = |what: &str| (None, "too_many", format!("at most {} {what} in a frame", limits::BATCH_ITEMS));
    match frame {
        FromWorker::Hello(_) => vec![(None, "hello_twice", "hello was said before".to_owned())],
        FromWorker::Pong => Vec::new(),
        FromWorker::Ready { slots } => {
            shared.core.said(seat, Said::Ready(slots.min(limits::CREDIT_WINDOW))).await;
            Vec::new()
        }
        FromWorker::Phase { tasks, .. } | FromWorker::Uploaded { tasks } if tasks.len() > limits::BATCH_ITEMS => {
            vec![many("tasks")]
        }
        FromWorker::Phase { tasks, phase } => {
            shared.core.said(seat, Said::Phase(tasks, phase)).await;
            Vec::new()
        }
        FromWorker::Decline { task, reason } => {
            seat.release([&task]);
            shared.core.said(seat, Said::Declined(task, reason)).await;
            Vec::new()
        }
        FromWorker::Floors { floors, heat } if hello::are_sound(&floors, heat) => {
            shared.core.said(seat, Said::Floors { floors, heat }).await;
            Vec::new()
        }
        FromWorker::Floors { .. } => vec![(None, "limits", "the floors or the heat are beyond the limits".to_owned())],
        FromWorker::Uploaded { tasks } => uploaded(shared, seat, tasks).await,
        FromWorker::Batch(batch) => {
            let lists = [batch.commits.len(), batch.completes.len(), batch.reveals.len()];
            if lists.iter().any(|length| *length > limits::BATCH_ITEMS) {
                return vec![many("statements of a kind")];
            }
            statements(shared, seat, *batch).await
        }
    }
}

/// A signed batch with the packages that came beside it.
async fn statements(shared: &Shared, seat: &Seat, batch: Batch) -> Vec<No> {
    let _way = tracing::trace_span!(target: "way", "statement");
    let (batch, ran, mut packages) = split(seat, batch);
    let checked = CheckedBatch::recover(batch, &shared.domain);
    if !checked.is_genuine() {
        return vec![(None, "signature", "the batch is not signed by this connection's worker".to_owned())];
    }
    let mut nos = Vec::new();
    let mut fresh = Vec::new();
    for (stated, inline) in &mut packages {
        let Some(bytes) = inline.take() else { continue };
        match check_inline(stated, &bytes) {
            Ok(()) => fresh.push((stated.task, stated.blob, bytes)),
            Err(reason) => nos.push((Some(stated.task), "package", reason)),
        }
    }
    let kept = keep(shared, fresh).await;
    for (stated, _) in &mut packages {
        stated.held = kept.binary_search(&stated.task).is_ok();
    }
    let stated = packages.into_iter().map(|(stated, _)| stated).collect();
    shared.core.said(seat, Said::Batch { batch: Box::new(checked), stated, ran }).await;
    nos
}

/// Stores packages; the tasks whose package is there now, in order.
async fn keep(shared: &Shared, fresh: Vec<(TaskId, Digest, Bytes)>) -> Vec<TaskId> {
    let (mut kept, missing): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|(_, blob, _)| shared.blobs.has(blob));
    if !missing.is_empty() {
        let store = shared.blobs.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let put = |(_, _, bytes): &(TaskId, Digest, Bytes)| match store.put(bytes) {
                Ok(_) => true,
                Err(error) => {
                    tracing::error!(%error, "a result could not be stored");
                    false
                }
            };
            missing.into_iter().filter(put).collect::<Vec<_>>()
        });
        kept.extend(writing.await.unwrap_or_default());
    }
    let mut tasks: Vec<TaskId> = kept.into_iter().map(|(task, ..)| task).collect();
    tasks.sort_unstable();
    tasks
}

type Split = (Signed<WorkerBatch>, Vec<(TaskId, u64)>, Vec<(Stated, Option<Bytes>)>);

/// Parts a batch into what is signed, running times and packages.
fn split(seat: &Seat, batch: Batch) -> Split {
    let mut packages = Vec::with_capacity(batch.completes.len().saturating_add(batch.reveals.len()));
    let mut ran = Vec::with_capacity(batch.commits.len().saturating_add(batch.completes.len()));
    let mut package = |task, digest, result: Package| {
        let callback = result.callback.unwrap_or_default();
        let stated = Stated {
            task,
            digest,
            blob: result.blob,
            held: false,
            callback: callback.clone(),
            stderr: tail(result.stderr),
            stdout: tail(result.stdout),
        };
        packages.push((stated, result.inline));
        callback
    };
    let mut order = WorkerBatch { worker: seat.worker, sequence: batch.sequence, ..WorkerBatch::default() };
    for commit in batch.commits {
        if !was_not_run(commit.failed, commit.ran_ms) {
            ran.push((commit.task, commit.ran_ms));
        }
        let api::worker::Commit { task, result_hash, result_seal, failed, opened, .. } = commit;
        // A package of something else than was sealed is none of this task.
        if let Some(opened) = opened.filter(|it| ids::result_hash(task, it.digest) == result_hash) {
            package(task, opened.digest, opened.result);
        }
        order.commits.push(Commit { task, result_hash, result_seal, failed });
    }
    for complete in batch.completes {
        if !was_not_run(complete.failed, complete.ran_ms) {
            ran.push((complete.task, complete.ran_ms));
        }
        let api::worker::Complete { task, digest, failed, result, .. } = complete;
        let blob = result.blob;
        let callback = package(task, digest, result);
        order.completes.push(Complete { task, digest, failed, blob, callback });
    }
    for reveal in batch.reveals {
        let api::worker::Reveal { task, digest, result } = reveal;
        let blob = result.blob;
        let callback = package(task, digest, result);
        order.reveals.push(Reveal { task, digest, blob, callback });
    }
    (Signed { order, sign: batch.signature }, ran, packages)
}

/// Whether a failure was stated without a run, which would forecast nothing.
fn was_not_run(failed: bool, ran_ms: u64) -> bool {
    failed && ran_ms == 0
}

/// The last of a text that is too long, cut at a character.
fn tail(mut text: String) -> String {
    let surplus = text.len().saturating_sub(limits::TAIL_BYTES);
    if surplus > 0 {
        let cut = (surplus..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(surplus);
        text.drain(..cut);
    }
    text
}

/// Whether inline bytes are the package that was stated, and the package the result.
fn check_inline(stated: &Stated, bytes: &Bytes) -> Result<(), String> {
    if bytes.len() > limits::INLINE_RESULT_BYTES {
        return Err(format!("a result in a frame may have {} bytes", limits::INLINE_RESULT_BYTES));
    }
    if results::sha256(bytes) != stated.blob {
        return Err(format!("the bytes are not {}", stated.blob));
    }
    let found = package::survey(package::limits(), &stated.callback, || Ok(&bytes[..]));
    same_digest(stated, found)
}

fn same_digest(stated: &Stated, found: Result<Found, Unsound>) -> Result<(), String> {
    match found {
        Ok(found) if found.digest == stated.digest => Ok(()),
        Ok(found) => Err(format!("the package is the result {} and not {}", found.digest, stated.digest)),
        Err(error) => Err(error.to_string()),
    }
}

/// Blobs that a worker says it has uploaded: read and held against what it stated.
async fn uploaded(shared: &Shared, seat: &Seat, tasks: Vec<TaskId>) -> Vec<No> {
    let Some(stated) = shared.core.stated(seat.worker, tasks).await else { return Vec::new() };
    let (mut sound, mut nos) = (Vec::new(), Vec::new());
    for (task, stated) in stated {
        let Some(stated) = stated else {
            nos.push((Some(task), "unknown_task", "no result of yours is waited for in this task".to_owned()));
            continue;
        };
        match check_blob(shared, &stated).await {
            Ok(()) => {
                // From here on it is kept for the task, not for the worker.
                if shared.storage.forget(seat.worker, stated.blob) {
                    shared.recorder.forgotten(stated.blob, seat.worker).await;
                }
                sound.push(Stated { held: true, ..stated });
            }
            Err(reason) => nos.push((Some(task), "package", reason)),
        }
    }
    if !sound.is_empty() {
        shared.core.said(seat, Said::Uploaded(sound)).await;
    }
    nos
}

async fn check_blob(shared: &Shared, stated: &Stated) -> Result<(), String> {
    let Some(pin) = shared.blobs.pin(&stated.blob) else { return Err(format!("{} is not here", stated.blob)) };
    let callback = stated.callback.clone();
    let reading =
        tokio::task::spawn_blocking(move || package::survey(package::limits(), &callback, || File::open(pin.path())));
    match reading.await {
        Ok(found) => same_digest(stated, found),
        Err(_) => Err("the result could not be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tail_keeps_its_end_and_is_cut_at_a_character() {
        let text = format!("{}{}", "é".repeat(limits::TAIL_BYTES), "end");
        let kept = tail(text);
        assert!(kept.len() <= limits::TAIL_BYTES && kept.ends_with("éend"));
        assert_eq!(tail("short".to_owned()), "short");
    }
}
