//! RLP lists, read field by field and strictly, and written.

use super::TransactionError;
use alloy_rlp::{Encodable, Header};
use units::U256;

/// What is left to read of a list.
pub(super) struct Fields<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The list that these bytes are, all of them.
    pub(super) fn whole(mut bytes: &'a [u8]) -> Result<Self, TransactionError> {
        let payload = payload(&mut bytes, true)?;
        if bytes.is_empty() { Ok(Self { whole: payload, rest: payload }) } else { Err(TransactionError::Malformed) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The encoding of what was read so far.
    pub(super) fn consumed(&self) -> &'a [u8] {
        &self.whole[..self.whole.len().saturating_sub(self.rest.len())]
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), TransactionError> {
        if self.is_empty() { Ok(()) } else { Err(TransactionError::Malformed) }
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], TransactionError> {
        payload(&mut self.rest, false)
    }

    pub(super) fn list(&mut self) -> Result<Self, TransactionError> {
        let payload = payload(&mut self.rest, true)?;
        Ok(Self { whole: payload, rest: payload })
    }

    /// An unsigned integer: big-endian, without leading zeros.
    pub(super) fn uint(&mut self) -> Result<U256, TransactionError> {
        let bytes = self.string()?;
        if bytes.first() == Some(&0) {
            return Err(TransactionError::Malformed);
        }
        U256::try_from_be_slice(bytes).ok_or(TransactionError::Malformed)
    }

    pub(super) fn uint64(&mut self) -> Result<u64, TransactionError> {
        u64::try_from(self.uint()?).map_err(|_| TransactionError::Malformed)
    }
}

fn payload<'a>(bytes: &mut &'a [u8], list: bool) -> Result<&'a [u8], TransactionError> {
    Header::decode_bytes(bytes, list).map_err(|_| TransactionError::Malformed)
}

/// A list being written.
#[derive(Default)]
pub(super) struct List {
    payload: Vec<u8>,
}

impl List {
    /// Fields that are encoded already.
    pub(super) fn raw(&mut self, fields: &[u8]) -> &mut Self {
        self.payload.extend_from_slice(fields);
        self
    }

    pub(super) fn string(&mut self, bytes: &[u8]) -> &mut Self {
        bytes.encode(&mut self.payload);
        self
    }

    pub(super) fn uint(&mut self, value: U256) -> &mut Self {
        self.string(&value.to_be_bytes_trimmed_vec())
    }

    pub(super) fn uint64(&mut self, value: u64) -> &mut Self {
        value.encode(&mut self.payload);
        self
    }

    pub(super) fn empty_list(&mut self) -> &mut Self {
        self.raw(&[alloy_rlp::EMPTY_LIST_CODE])
    }

    /// The whole list, after the number of a typed transaction.
    pub(super) fn encode(&self, kind: Option<u8>) -> Vec<u8> {
        let header = Header { list: true, payload_length: self.payload.len() };
        let mut out = Vec::with_capacity(self.payload.len().saturating_add(10));
        out.extend(kind);
        header.encode(&mut out);
        out.extend_from_slice(&self.payload);
        out
    }
}
