//! Receipts: the operator's signatures under what it has made durable, checked as they come and kept as evidence.

use crate::error::Error;
use api::receipt::Receipt;
use orders::signature::recover_personal;
use sha2::{Digest as _, Sha256};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use units::{Address, B256};

/// Where the receipts of one exchange go.
#[derive(Debug)]
pub(crate) struct Receipts {
    operator: Address,
    chain_id: u64,
    /// A line of JSON a receipt; appended to, never rewritten.
    file: Option<Mutex<PathBuf>>,
}

impl Receipts {
    pub(crate) fn new(operator: Address, chain_id: u64, file: Option<PathBuf>) -> Self {
        Self { operator, chain_id, file: file.map(Mutex::new) }
    }

    /// Checks a receipt and keeps it.
    pub(crate) fn take(&self, receipt: &Receipt) -> Result<(), Error> {
        if !recover_personal(digest(receipt, self.chain_id), &receipt.signature).is_by(self.operator) {
            return Err(Error::Receipt { sequence: receipt.sequence, operator: self.operator });
        }
        let Some(file) = &self.file else { return Ok(()) };
        let path = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let line = line(receipt);
        let append = || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            OpenOptions::new().create(true).append(true).open(&*path)?.write_all(&line)
        };
        append().map_err(Error::file(path.clone()))
    }
}

fn line(receipt: &Receipt) -> Vec<u8> {
    let mut line = serde_json::to_vec(receipt).expect("a receipt is plain JSON");
    line.push(b'\n');
    line
}

/// What the operator signs: SHA-256 over `manyhands receipt`, the chain id and the sequence (8 bytes each, big-endian) and the
/// record's hash.
fn digest(receipt: &Receipt, chain_id: u64) -> B256 {
    let hash = Sha256::new()
        .chain_update(b"manyhands receipt")
        .chain_update(chain_id.to_be_bytes())
        .chain_update(receipt.sequence.to_be_bytes())
        .chain_update(receipt.head);
    B256::from(<[u8; 32]>::from(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use orders::SigningKey;
    use units::Bytes;

    fn receipt(key: &SigningKey, sequence: u64) -> Receipt {
        let mut receipt = Receipt { sequence, head: B256::repeat_byte(9), signature: Bytes::new() };
        receipt.signature = key.sign_personal(digest(&receipt, 7));
        receipt
    }

    #[test]
    fn a_receipt_of_the_operators_is_appended_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/receipts.jsonl");
        let key = SigningKey::from_bytes(&[1; 32]).unwrap();
        let receipts = Receipts::new(key.address(), 7, Some(file.clone()));
        for sequence in [1, 2] {
            receipts.take(&receipt(&key, sequence)).unwrap();
        }
        let text = std::fs::read_to_string(file).unwrap();
        let kept: Vec<Receipt> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(kept, [receipt(&key, 1), receipt(&key, 2)]);
    }

    #[test]
    fn a_receipt_that_is_anothers_or_doctored_is_refused_and_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("receipts.jsonl");
        let key = SigningKey::from_bytes(&[1; 32]).unwrap();
        let other = SigningKey::from_bytes(&[2; 32]).unwrap();
        let receipts = Receipts::new(key.address(), 7, Some(file.clone()));
        let doctored = Receipt { sequence: 5, ..receipt(&key, 4) };
        for bad in [receipt(&other, 4), doctored] {
            let refused = receipts.take(&bad);
            assert!(matches!(refused, Err(Error::Receipt { operator, .. }) if operator == key.address()));
        }
        assert!(!file.exists());
    }
}
