//! What a worker says to the exchange about its tasks: many things under one signature.
//!
//! EIP-712 typed data in the exchange's [`Domain`], with the types that [`WorkerBatch::TYPE`] spells out.

use crate::domain::{Domain, address, array, boolean, dynamic, hash_struct, uint};
use crate::order::Signed;
use crate::signature::{Recovered, SigningKey, recover};
use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use units::{Address, B256, Bytes, Digest, TaskId, U256};

macro_rules! commit_type {
    () => {
        "Commit(bytes32 task,bytes32 resultHash,bytes32 resultSeal,bool failed)"
    };
}
macro_rules! complete_type {
    () => {
        "Complete(bytes32 task,bytes32 digest,bool failed,bytes32 blob,bytes callback)"
    };
}
macro_rules! reveal_type {
    () => {
        "Reveal(bytes32 task,bytes32 digest,bytes32 blob,bytes callback)"
    };
}

/// A result sealed: nobody can copy it, and its maker can no longer change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The task.
    pub task: TaskId,
    /// [`ids::result_hash`](crate::ids::result_hash) of the result's digest.
    pub result_hash: B256,
    /// [`ids::result_seal`](crate::ids::result_seal) of the result's digest.
    pub result_seal: B256,
    /// Whether the result is the program's failure, which wants a second witness.
    pub failed: bool,
}

/// A result in the clear, for tasks of trust 1, where there is nobody to copy it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    /// The task.
    pub task: TaskId,
    /// The result's digest.
    pub digest: B256,
    /// Whether the result is the program's failure, which wants a second witness.
    pub failed: bool,
    /// Under which name the result itself is, or will be, among the blobs.
    pub blob: Digest,
    /// The data for the deal's callback; empty for none.
    pub callback: Bytes,
}

/// A committed result opened after consensus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The task.
    pub task: TaskId,
    /// The result's digest.
    pub digest: B256,
    /// Under which name the result itself is, or will be, among the blobs.
    pub blob: Digest,
    /// The data for the deal's callback; empty for none.
    pub callback: Bytes,
}

/// What a worker says at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerBatch {
    /// The worker, who signs.
    pub worker: Address,
    /// Strictly greater than in the worker's batch before, so that none is good twice.
    pub sequence: u64,
    /// Results sealed.
    pub commits: Vec<Commit>,
    /// Results in the clear.
    pub completes: Vec<Complete>,
    /// Committed results opened.
    pub reveals: Vec<Reveal>,
}

impl Commit {
    /// The EIP-712 type.
    pub const TYPE: &'static str = commit_type!();

    fn struct_hash(&self) -> B256 {
        static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(Commit::TYPE));
        hash_struct(&[TYPE_HASH.0, self.task.0.0, self.result_hash.0, self.result_seal.0, boolean(self.failed)])
    }
}

impl Complete {
    /// The EIP-712 type.
    pub const TYPE: &'static str = complete_type!();

    fn struct_hash(&self) -> B256 {
        static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(Complete::TYPE));
        hash_struct(&[
            TYPE_HASH.0,
            self.task.0.0,
            self.digest.0,
            boolean(self.failed),
            self.blob.0.0,
            dynamic(&self.callback),
        ])
    }
}

impl Reveal {
    /// The EIP-712 type.
    pub const TYPE: &'static str = reveal_type!();

    fn struct_hash(&self) -> B256 {
        static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(Reveal::TYPE));
        hash_struct(&[TYPE_HASH.0, self.task.0.0, self.digest.0, self.blob.0.0, dynamic(&self.callback)])
    }
}

impl WorkerBatch {
    /// The EIP-712 type with the types it refers to, as `encodeType` writes it.
    pub const TYPE: &'static str = concat!(
        "WorkerBatch(address worker,uint64 sequence,Commit[] commits,Complete[] completes,Reveal[] reveals)",
        commit_type!(),
        complete_type!(),
        reveal_type!(),
    );

    /// What the worker signs.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> B256 {
        static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(WorkerBatch::TYPE));
        domain.digest(hash_struct(&[
            TYPE_HASH.0,
            address(self.worker),
            uint(U256::from(self.sequence)),
            array(self.commits.iter().map(Commit::struct_hash)),
            array(self.completes.iter().map(Complete::struct_hash)),
            array(self.reveals.iter().map(Reveal::struct_hash)),
        ]))
    }

    /// The batch with this key's signature over it.
    #[must_use]
    pub fn sign(self, domain: &Domain, key: &SigningKey) -> Signed<Self> {
        let sign = key.sign(self.digest(domain));
        Signed { order: self, sign }
    }
}

/// A signed batch and whom its signature is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBatch {
    /// The batch and its signature.
    pub signed: Signed<WorkerBatch>,
    /// Whom the signature is by.
    pub signer: Recovered,
}

impl CheckedBatch {
    /// Hashes the batch and recovers the signer.
    #[must_use]
    pub fn recover(signed: Signed<WorkerBatch>, domain: &Domain) -> Self {
        let signer = recover(signed.order.digest(domain), &signed.sign);
        Self { signed, signer }
    }

    /// Believes who is said to have signed the batch, and hashes nothing: for replay of what was recovered before.
    #[must_use]
    pub fn trust(signed: Signed<WorkerBatch>, signer: Recovered) -> Self {
        Self { signed, signer }
    }

    /// The batch itself.
    #[must_use]
    pub fn batch(&self) -> &WorkerBatch {
        &self.signed.order
    }

    /// Whether the worker that the batch names has signed it.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        self.signer.is_by(self.signed.order.worker)
    }
}
