//! Receipts: the operator's signature under what it has made durable.
//!
//! Whoever keeps a receipt can hold it against any history shown later: record `sequence` must have the hash `head`, so a
//! history that was rewritten, with every hash made right again, is caught.

use crate::record::Record;
use orders::SigningKey;
use orders::signature::{Recovered, recover_personal};
use sha2::{Digest as _, Sha256};
use units::{Address, B256, Bytes};

/// What is hashed first, so that the signature means nothing else.
const CONTEXT: &[u8] = b"manyhands receipt";

/// Proof that the operator has made a record durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The record.
    pub sequence: u64,
    /// Its hash, which covers all before it.
    pub head: B256,
    /// The operator's 65-byte `personal_sign` over [`receipt_digest`].
    pub signature: Bytes,
}

/// What a receipt signs: SHA-256 over `manyhands receipt`, the chain id and the sequence (8 bytes each, big-endian) and the head.
#[must_use]
pub fn receipt_digest(chain_id: u64, record: Record) -> B256 {
    let hash = Sha256::new()
        .chain_update(CONTEXT)
        .chain_update(chain_id.to_be_bytes())
        .chain_update(record.sequence.to_be_bytes())
        .chain_update(record.head);
    B256::from(<[u8; 32]>::from(hash.finalize()))
}

impl Receipt {
    /// Signs a record; one signature serves every answer whose command is in it.
    #[must_use]
    pub fn sign(key: &SigningKey, chain_id: u64, record: Record) -> Self {
        let signature = key.sign_personal(receipt_digest(chain_id, record));
        Self { sequence: record.sequence, head: record.head, signature }
    }

    /// The record it is about.
    #[must_use]
    pub fn record(&self) -> Record {
        Record { sequence: self.sequence, head: self.head }
    }

    /// Who signed it, on the exchange with this chain id.
    #[must_use]
    pub fn signer(&self, chain_id: u64) -> Recovered {
        recover_personal(receipt_digest(chain_id, self.record()), &self.signature)
    }

    /// Whether this operator signed it.
    #[must_use]
    pub fn is_by(&self, operator: Address, chain_id: u64) -> bool {
        self.signer(chain_id).is_by(operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_good_for_its_record_and_its_exchange_only() {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let record = Record { sequence: 3, head: B256::repeat_byte(9) };
        let receipt = Receipt::sign(&key, 1234, record);
        assert!(receipt.is_by(key.address(), 1234));
        assert!(!receipt.is_by(key.address(), 1235));
        assert!(!Receipt { sequence: 4, ..receipt.clone() }.is_by(key.address(), 1234));
        assert!(!Receipt { head: B256::repeat_byte(8), ..receipt }.is_by(key.address(), 1234));
    }
}
