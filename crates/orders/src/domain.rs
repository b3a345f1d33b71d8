//! The EIP-712 domain of one exchange, and how typed data is packed into words.

use alloy_primitives::{Keccak256, keccak256};
use std::sync::LazyLock;
use units::{Address, B256, U256};

/// The domain's name, PoCo's.
const NAME: &str = "iExecODB";
/// The domain's version, PoCo's.
const VERSION: &str = "5.0.0";

static TYPE_HASH: LazyLock<B256> =
    LazyLock::new(|| keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"));

/// One 32-byte word of an EIP-712 encoding.
pub(crate) type Word = [u8; 32];

/// An address, left-padded.
pub(crate) fn address(value: Address) -> Word {
    value.into_word().0
}

/// An unsigned integer, big-endian.
pub(crate) fn uint(value: U256) -> Word {
    value.to_be_bytes()
}

/// A truth value, as the integers 0 and 1.
pub(crate) fn boolean(value: bool) -> Word {
    uint(U256::from(value))
}

/// A `string` or `bytes` field, which stands in an encoding by its hash.
pub(crate) fn dynamic(value: impl AsRef<[u8]>) -> Word {
    keccak256(value).0
}

/// A struct's hash: over its type's hash and its fields' words.
pub(crate) fn hash_struct(words: &[Word]) -> B256 {
    keccak256(words.as_flattened())
}

/// What is signed: `keccak256(0x1901 ‖ domain separator ‖ struct hash)`.
pub(crate) fn digest(separator: B256, struct_hash: B256) -> B256 {
    let mut bytes = [0; 66];
    bytes[..2].copy_from_slice(&[0x19, 0x01]);
    bytes[2..34].copy_from_slice(separator.as_slice());
    bytes[34..].copy_from_slice(struct_hash.as_slice());
    keccak256(bytes)
}

/// The hash of an array of structs, which stands for it in an encoding.
pub(crate) fn array(struct_hashes: impl IntoIterator<Item = B256>) -> Word {
    let mut hasher = Keccak256::new();
    for hash in struct_hashes {
        hasher.update(hash);
    }
    hasher.finalize().0
}

/// Where signatures are good: one exchange, by its chain id and its hub's address. Name and version are PoCo's
/// `iExecODB` and `5.0.0`.
///
/// The separator is computed once, when the domain is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    chain_id: u64,
    verifying_contract: Address,
    separator: B256,
}

impl Domain {
    /// The domain's name: `iExecODB`.
    pub const NAME: &'static str = NAME;
    /// The domain's version: `5.0.0`.
    pub const VERSION: &'static str = VERSION;

    /// The domain of the exchange with this chain id and this hub.
    #[must_use]
    pub fn new(chain_id: u64, verifying_contract: Address) -> Self {
        let separator = hash_struct(&[
            TYPE_HASH.0,
            dynamic(NAME),
            dynamic(VERSION),
            uint(U256::from(chain_id)),
            address(verifying_contract),
        ]);
        Self { chain_id, verifying_contract, separator }
    }

    /// The exchange's chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The hub's address.
    #[must_use]
    pub fn verifying_contract(&self) -> Address {
        self.verifying_contract
    }

    /// The EIP-712 domain separator.
    #[must_use]
    pub fn separator(&self) -> B256 {
        self.separator
    }

    /// What is signed for a struct of this hash: `keccak256(0x1901 ‖ separator ‖ struct hash)`.
    #[must_use]
    pub fn digest(&self, struct_hash: B256) -> B256 {
        digest(self.separator, struct_hash)
    }
}
