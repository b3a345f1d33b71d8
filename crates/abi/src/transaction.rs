//! Signed Ethereum transactions: legacy (EIP-155), with access list (EIP-2930) and with dynamic fee (EIP-1559).
//!
//! What cannot be bound to one chain (a legacy transaction without EIP-155), makes a blob or sets code is refused. An
//! encoding is read strictly: one transaction has one form of bytes, and so one hash.

mod rlp;

use alloy_primitives::keccak256;
use orders::{Recovered, SigningKey, signature};
use rlp::{Fields, List};
use units::{Address, B256, Bytes, U256};

/// The longest transaction that is read, bytes; what Ethereum's nodes pass on at most.
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

/// The form of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionKind {
    /// The oldest, with a chain id by EIP-155.
    Legacy,
    /// EIP-2930, type 1.
    AccessList,
    /// EIP-1559, type 2.
    DynamicFee,
}

impl TransactionKind {
    /// The number that receipts name it by: 0, 1 or 2.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Legacy => 0,
            Self::AccessList => 1,
            Self::DynamicFee => 2,
        }
    }
}

/// A transaction and its signature. Fees and access list are read, held to their form and dropped: work costs no gas here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    /// Its form.
    pub kind: TransactionKind,
    /// For which chain.
    pub chain_id: u64,
    /// The sender's count of transactions before.
    pub nonce: u64,
    /// To whom; nobody: would create a contract.
    pub to: Option<Address>,
    /// How much of the chain's own coin it sends.
    pub value: U256,
    /// The calldata.
    pub input: Bytes,
    /// The hash it goes by.
    pub hash: B256,
    signing_hash: B256,
    scalars: [u8; 64],
    odd: bool,
}

/// Why bytes are no transaction that could be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Longer than [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction of {length} bytes; at most {MAX_TRANSACTION_BYTES} are accepted")]
    TooLong {
        /// How long.
        length: usize,
    },
    /// Of no kind that is accepted.
    #[error("a transaction of type {0}; send a legacy transaction, or one of type 1 or 2")]
    UnsupportedType(u8),
    /// Legacy, with a signature that is good on every chain.
    #[error("the transaction names no chain (EIP-155); sign it for this exchange's chain id")]
    NoChain,
    /// Not the bytes of a transaction.
    #[error("not a transaction's encoding")]
    Malformed,
}

impl SignedTransaction {
    /// Reads the bytes that `eth_sendRawTransaction` takes. Recovering the sender is left to [`Self::recover`].
    ///
    /// # Errors
    /// [`TransactionError`] says why the bytes are no transaction that could be accepted.
    pub fn decode(raw: &[u8]) -> Result<Self, TransactionError> {
        if raw.len() > MAX_TRANSACTION_BYTES {
            return Err(TransactionError::TooLong { length: raw.len() });
        }
        let hash = keccak256(raw);
        match raw.split_first() {
            None => Err(TransactionError::Malformed),
            Some((0xc0..=0xff, _)) => Self::legacy(raw, hash),
            Some((1, rest)) => Self::typed(TransactionKind::AccessList, rest, hash),
            Some((2, rest)) => Self::typed(TransactionKind::DynamicFee, rest, hash),
            Some((&kind, _)) => Err(TransactionError::UnsupportedType(kind)),
        }
    }

    fn legacy(raw: &[u8], hash: B256) -> Result<Self, TransactionError> {
        let mut fields = Fields::whole(raw)?;
        let nonce = nonce(&mut fields)?;
        let _gas_price = fields.uint()?;
        let _gas_limit = fields.uint64()?;
        let (to, value, input) = (recipient(&mut fields)?, fields.uint()?, Bytes::copy_from_slice(fields.string()?));
        let signed = fields.consumed();
        let v = fields.uint64()?;
        let scalars = scalars(&mut fields)?;
        fields.end()?;
        // EIP-155: v = 35 + 2 × chain id + parity.
        let (chain_id, odd) = match v {
            27 | 28 => return Err(TransactionError::NoChain),
            _ => {
                let above = v.checked_sub(35).ok_or(TransactionError::Malformed)?;
                (above >> 1, above & 1 == 1)
            }
        };
        let mut unsigned = List::default();
        unsigned.raw(signed).uint64(chain_id).uint64(0).uint64(0);
        let signing_hash = keccak256(unsigned.encode(None));
        Ok(Self { kind: TransactionKind::Legacy, chain_id, nonce, to, value, input, hash, signing_hash, scalars, odd })
    }

    fn typed(kind: TransactionKind, raw: &[u8], hash: B256) -> Result<Self, TransactionError> {
        let mut fields = Fields::whole(raw)?;
        let chain_id = fields.uint64()?;
        let nonce = nonce(&mut fields)?;
        // The gas price; by EIP-1559 the priority fee, which must not exceed the whole fee.
        let fee = fields.uint()?;
        if kind == TransactionKind::DynamicFee && fields.uint()? < fee {
            return Err(TransactionError::Malformed);
        }
        let _gas_limit = fields.uint64()?;
        let (to, value, input) = (recipient(&mut fields)?, fields.uint()?, Bytes::copy_from_slice(fields.string()?));
        access_list(fields.list()?)?;
        let signed = fields.consumed();
        let odd = match fields.uint64()? {
            0 => false,
            1 => true,
            _ => return Err(TransactionError::Malformed),
        };
        let scalars = scalars(&mut fields)?;
        fields.end()?;
        let mut unsigned = List::default();
        unsigned.raw(signed);
        let signing_hash = keccak256(unsigned.encode(Some(kind.number())));
        Ok(Self { kind, chain_id, nonce, to, value, input, hash, signing_hash, scalars, odd })
    }

    /// What was signed.
    #[must_use]
    pub fn signing_hash(&self) -> B256 {
        self.signing_hash
    }

    /// Whom the transaction is from: [`Recovered::By`], or [`Recovered::Nobody`] (also when `s` is in the upper half).
    #[must_use]
    pub fn recover(&self) -> Recovered {
        signature::recover_parts(self.signing_hash, &self.scalars, self.odd).map_or(Recovered::Nobody, Recovered::By)
    }
}

/// A sender's count; EIP-2681 leaves the greatest number out.
fn nonce(fields: &mut Fields<'_>) -> Result<u64, TransactionError> {
    fields.uint64().and_then(|nonce| if nonce == u64::MAX { Err(TransactionError::Malformed) } else { Ok(nonce) })
}

fn recipient(fields: &mut Fields<'_>) -> Result<Option<Address>, TransactionError> {
    let bytes = fields.string()?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Address::try_from(bytes).map(Some).map_err(|_| TransactionError::Malformed)
}

fn scalars(fields: &mut Fields<'_>) -> Result<[u8; 64], TransactionError> {
    let mut scalars = [0; 64];
    scalars[..32].copy_from_slice(&fields.uint()?.to_be_bytes::<32>());
    scalars[32..].copy_from_slice(&fields.uint()?.to_be_bytes::<32>());
    Ok(scalars)
}

/// Holds an access list to its form: a list of addresses, each with a list of 32-byte keys.
fn access_list(mut list: Fields<'_>) -> Result<(), TransactionError> {
    while !list.is_empty() {
        let mut entry = list.list()?;
        if entry.string()?.len() != 20 {
            return Err(TransactionError::Malformed);
        }
        let mut keys = entry.list()?;
        while !keys.is_empty() {
            if keys.string()?.len() != 32 {
                return Err(TransactionError::Malformed);
            }
        }
        entry.end()?;
    }
    Ok(())
}

/// A transaction to be signed, by EIP-1559. An exchange of ours asks no fees; on a chain they are the sender's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// For which chain.
    pub chain_id: u64,
    /// The sender's count of transactions before.
    pub nonce: u64,
    /// The most for the block's maker, per gas.
    pub max_priority_fee: U256,
    /// The most in all, per gas.
    pub max_fee: U256,
    /// The most gas.
    pub gas_limit: u64,
    /// To whom; nobody: creates a contract.
    pub to: Option<Address>,
    /// How much of the chain's own coin it sends.
    pub value: U256,
    /// The calldata.
    pub input: Bytes,
}

impl Transaction {
    /// A call without fees, for an exchange of ours.
    #[must_use]
    pub fn call(chain_id: u64, nonce: u64, to: Address, input: Bytes) -> Self {
        Self { chain_id, nonce, to: Some(to), input, ..Self::default() }
    }

    fn fields(&self) -> List {
        let mut fields = List::default();
        fields
            .uint64(self.chain_id)
            .uint64(self.nonce)
            .uint(self.max_priority_fee)
            .uint(self.max_fee)
            .uint64(self.gas_limit)
            .string(self.to.as_ref().map_or(&[], |to| to.as_slice()))
            .uint(self.value)
            .string(&self.input)
            .empty_list();
        fields
    }

    /// What is signed.
    #[must_use]
    pub fn signing_hash(&self) -> B256 {
        keccak256(self.fields().encode(Some(TransactionKind::DynamicFee.number())))
    }

    /// The bytes that `eth_sendRawTransaction` takes.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Bytes {
        let (scalars, odd) = key.sign_parts(self.signing_hash());
        let mut fields = self.fields();
        fields
            .uint64(u64::from(odd))
            .uint(U256::from_be_slice(&scalars[..32]))
            .uint(U256::from_be_slice(&scalars[32..]));
        fields.encode(Some(TransactionKind::DynamicFee.number())).into()
    }
}
