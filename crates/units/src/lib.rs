//! The quantities every other crate speaks in: amounts, addresses, ids, timestamps, tags and digests.
//!
//! Each quantity is a type of its own, so that seconds are never added to credits. Arithmetic is checked: a result that
//! does not fit is `None`, never wrapped. Nothing here does I/O.
#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub use alloy_primitives::{Address, B256, Bytes, U256};

mod amount;
mod digest;
mod time;

pub use amount::{Amount, ParseAmountError};
pub use digest::{Digest, ParseDigestError};
pub use time::Timestamp;

/// Defines a 32-byte identifier with a meaning of its own.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = <B256 as std::str::FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<B256> for $name {
            fn from(bytes: B256) -> Self {
                Self(bytes)
            }
        }
    };
}

id! {
    /// An order's EIP-712 digest (`keccak256(0x1901 ‖ domain separator ‖ struct hash)`), which PoCo calls the order hash.
    OrderHash
}
id! {
    /// A deal: `keccak256(request order hash ‖ volume consumed before)`.
    DealId
}
id! {
    /// A task: `keccak256(deal id ‖ index)`.
    TaskId
}
id! {
    /// 256 bits of required capability; bit 0 is TEE, bits 1–3 name the TEE framework, bit 8 is GPU (iExec's numbering);
    /// bit 9 is ours ([`Tag::CONTAINERS`]).
    Tag
}

impl Tag {
    /// No capability required.
    pub const NONE: Self = Self(B256::ZERO);
    /// Bit 9, ours: a runtime for container images.
    pub const CONTAINERS: Self = {
        let mut bits = [0; 32];
        bits[30] = 2;
        Self(B256::new(bits))
    };

    /// All bits that either tag has.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `offered` has every bit this tag asks for.
    #[must_use]
    pub fn is_subset_of(self, offered: Self) -> bool {
        self.0 & !offered.0 == B256::ZERO
    }

    /// Whether a trusted execution environment is asked for (the lowest bit).
    #[must_use]
    pub fn needs_tee(self) -> bool {
        self.0[31] & 1 == 1
    }
}

/// A time class of the exchange's genesis, by its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CategoryId(pub u64);

impl std::fmt::Display for CategoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
