//! Puts a worker's signature on what goes over the wire.

use api::worker::Batch;
use orders::hello::WorkerHello;
use orders::{Commit, Complete, Domain, Reveal, SigningKey, WorkerBatch};
use units::Bytes;

/// Signs a batch in place.
pub(crate) fn batch(batch: &mut Batch, domain: &Domain, key: &SigningKey) {
    let commits = batch.commits.iter().map(|commit| Commit {
        task: commit.task,
        result_hash: commit.result_hash,
        result_seal: commit.result_seal,
        failed: commit.failed,
    });
    let completes = batch.completes.iter().map(|complete| Complete {
        task: complete.task,
        digest: complete.digest,
        failed: complete.failed,
        blob: complete.result.blob,
        callback: complete.result.callback.clone().unwrap_or_default(),
    });
    let reveals = batch.reveals.iter().map(|reveal| Reveal {
        task: reveal.task,
        digest: reveal.digest,
        blob: reveal.result.blob,
        callback: reveal.result.callback.clone().unwrap_or_default(),
    });
    let signed = WorkerBatch {
        worker: key.address(),
        sequence: batch.sequence,
        commits: commits.collect(),
        completes: completes.collect(),
        reveals: reveals.collect(),
    };
    batch.signature = key.sign(signed.digest(domain));
}

/// The signature of a hello.
pub(crate) fn hello(hello: &WorkerHello, domain: &Domain, key: &SigningKey) -> Bytes {
    key.sign(hello.digest(domain))
}
