//! Names and seals made by hashing, each packed as PoCo packs it.

use alloy_primitives::{Keccak256, keccak256};
use units::{Address, B256, DealId, OrderHash, TaskId, U256};

/// A deal: `keccak256(request order's hash ‖ volume consumed before)`.
#[must_use]
pub fn deal_id(request: OrderHash, consumed_before: U256) -> DealId {
    DealId(indexed(request.0, consumed_before))
}

/// A task: `keccak256(deal ‖ index)`.
#[must_use]
pub fn task_id(deal: DealId, index: U256) -> TaskId {
    TaskId(indexed(deal.0, index))
}

/// What a worker says of its result before it shows it: `keccak256(task ‖ digest)`.
#[must_use]
pub fn result_hash(task: TaskId, digest: B256) -> B256 {
    pair(task.0, digest)
}

/// What makes that saying the worker's own: `keccak256(worker ‖ task ‖ digest)`.
#[must_use]
pub fn result_seal(worker: Address, task: TaskId, digest: B256) -> B256 {
    let mut bytes = [0; 84];
    bytes[..20].copy_from_slice(worker.as_slice());
    bytes[20..52].copy_from_slice(task.0.as_slice());
    bytes[52..].copy_from_slice(digest.as_slice());
    keccak256(bytes)
}

/// What a pool's owner (or the TEE broker) signs, by `personal_sign`, to authorize a worker for a task:
/// `keccak256(worker ‖ task ‖ enclave)`.
#[must_use]
pub fn authorization_digest(worker: Address, task: TaskId, enclave: Address) -> B256 {
    let mut bytes = [0; 72];
    bytes[..20].copy_from_slice(worker.as_slice());
    bytes[20..52].copy_from_slice(task.0.as_slice());
    bytes[52..].copy_from_slice(enclave.as_slice());
    keccak256(bytes)
}

/// What an enclave signs, by `personal_sign`, for a result: `keccak256(result hash ‖ result seal)`.
#[must_use]
pub fn enclave_digest(result_hash: B256, result_seal: B256) -> B256 {
    pair(result_hash, result_seal)
}

/// The lot that decides whether a task's result is audited: `keccak256(secret ‖ task)`.
#[must_use]
pub fn audit_lot(secret: B256, task: TaskId) -> B256 {
    pair(secret, task.0)
}

fn indexed(hash: B256, index: U256) -> B256 {
    pair(hash, B256::from(index))
}

fn pair(first: B256, second: B256) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(first);
    hasher.update(second);
    hasher.finalize()
}
