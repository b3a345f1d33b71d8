//! What is signed, by `personal_sign`, to put a secret into iExec's secret management service.

use alloy_primitives::{Keccak256, keccak256};
use units::{Address, B256};

/// `keccak256(keccak256("IEXEC_SMS_DOMAIN") ‖ target ‖ keccak256(name) ‖ keccak256(value))`; a dataset's key has no name.
///
/// `target` is the dataset, the app (whose only secret is named `1`), or the secret's owner.
#[must_use]
pub fn secret_digest(target: Address, name: Option<&str>, value: &[u8]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(keccak256("IEXEC_SMS_DOMAIN"));
    hasher.update(target);
    if let Some(name) = name {
        hasher.update(keccak256(name));
    }
    hasher.update(keccak256(value));
    hasher.finalize()
}
