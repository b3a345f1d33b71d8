//! Signatures over 32-byte digests: secp256k1 as Ethereum uses it, as strict as PoCo's contracts.
//!
//! A signature is 65 bytes `r ‖ s ‖ v` with `v` 27 or 28, or EIP-2098's 64 bytes, `s` in the lower half of the order.

use alloy_primitives::keccak256;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey};
use std::fmt;
use std::sync::LazyLock;
use units::{Address, B256, Bytes};

/// Half the group's order: the greatest `s` that is accepted (EIP-2).
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// The library's tables, made on first use and shared by all threads.
static CURVE: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// Whom a signature is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recovered {
    /// By the key of this address.
    By(Address),
    /// Of the right length, but by nobody: `s` in the upper half, `v` neither 27 nor 28, `r` or `s` zero or too large.
    Nobody,
    /// Neither 65 nor 64 bytes long. PoCo refuses this in other words (`invalid-signature-format`).
    Misshapen,
}

impl Recovered {
    /// Whether it is by this address.
    #[must_use]
    pub fn is_by(self, address: Address) -> bool {
        self == Self::By(address)
    }

    /// The signer, if there is one.
    #[must_use]
    pub fn address(self) -> Option<Address> {
        match self {
            Self::By(address) => Some(address),
            Self::Nobody | Self::Misshapen => None,
        }
    }
}

/// Whom a signature over a digest is by. Takes 65 bytes or EIP-2098's 64; never panics.
#[must_use]
pub fn recover(digest: B256, signature: &[u8]) -> Recovered {
    let Some((scalars, odd)) = parse(signature) else {
        return match signature.len() {
            64 | 65 => Recovered::Nobody,
            _ => Recovered::Misshapen,
        };
    };
    recover_parts(digest, &scalars, odd).map_or(Recovered::Nobody, Recovered::By)
}

/// Whom `r ‖ s` with the parity of the curve point's `y` is by; nobody when `s` is in the upper half. The form of
/// signature that a typed Ethereum transaction carries.
#[must_use]
pub fn recover_parts(digest: B256, scalars: &[u8; 64], odd: bool) -> Option<Address> {
    if scalars[32..] > HALF_ORDER[..] {
        return None;
    }
    let parity = if odd { RecoveryId::One } else { RecoveryId::Zero };
    let signature = RecoverableSignature::from_compact(scalars, parity).ok()?;
    CURVE.recover_ecdsa(Message::from_digest(digest.0), &signature).ok().map(|key| address_of(&key))
}

/// Splits a signature into `r ‖ s` and the parity of the curve point's `y`.
fn parse(signature: &[u8]) -> Option<([u8; 64], bool)> {
    match signature.len() {
        65 => {
            let odd = match signature[64] {
                27 => false,
                28 => true,
                _ => return None,
            };
            signature[..64].try_into().ok().map(|scalars| (scalars, odd))
        }
        64 => {
            let mut scalars: [u8; 64] = signature.try_into().ok()?;
            let odd = scalars[32] & 0x80 != 0;
            scalars[32] &= 0x7f;
            Some((scalars, odd))
        }
        _ => None,
    }
}

/// An Ethereum address: the last 20 bytes of the public key's hash.
fn address_of(key: &PublicKey) -> Address {
    Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..])
}

/// The hash that `personal_sign` signs for a 32-byte message (EIP-191).
#[must_use]
pub fn personal_hash(message: B256) -> B256 {
    let mut bytes = [0; 60];
    bytes[..28].copy_from_slice(b"\x19Ethereum Signed Message:\n32");
    bytes[28..].copy_from_slice(message.as_slice());
    keccak256(bytes)
}

/// Whom a `personal_sign` signature over a 32-byte message is by.
#[must_use]
pub fn recover_personal(message: B256, signature: &[u8]) -> Recovered {
    recover(personal_hash(message), signature)
}

/// EIP-2098's 64-byte form of a 65-byte signature; `None` for anything else.
#[must_use]
pub fn compact(signature: &[u8]) -> Option<Bytes> {
    if signature.len() != 65 {
        return None;
    }
    let (mut scalars, odd) = parse(signature)?;
    if scalars[32] & 0x80 != 0 {
        return None;
    }
    scalars[32] |= u8::from(odd) << 7;
    Some(Bytes::copy_from_slice(&scalars))
}

/// The bytes are no private key: zero, or not below the group's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a private key: 32 bytes that are zero or too large")]
pub struct InvalidKey;

/// A private key. Its `Debug` shows the address alone, and its memory is overwritten when dropped.
#[derive(Clone)]
pub struct SigningKey {
    secret: SecretKey,
    address: Address,
}

impl SigningKey {
    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// [`InvalidKey`] for zero and for what is not below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        let secret = SecretKey::from_byte_array(*bytes).map_err(|_| InvalidKey)?;
        let address = address_of(&secret.public_key(&CURVE));
        Ok(Self { secret, address })
    }

    /// The 32 bytes of the key, for whoever stores it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.secret.secret_bytes()
    }

    /// The key's Ethereum address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest: 65 bytes, `s` low, `v` 27 or 28. Deterministic (RFC 6979).
    #[must_use]
    pub fn sign(&self, digest: B256) -> Bytes {
        let (scalars, odd) = self.sign_parts(digest);
        let mut signature = [0; 65];
        signature[..64].copy_from_slice(&scalars);
        signature[64] = if odd { 28 } else { 27 };
        Bytes::copy_from_slice(&signature)
    }

    /// Signs a digest as `r ‖ s` and the parity of the curve point's `y`, as typed Ethereum transactions have it.
    #[must_use]
    pub fn sign_parts(&self, digest: B256) -> ([u8; 64], bool) {
        let signature = CURVE.sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.secret);
        let (parity, scalars) = signature.serialize_compact();
        (scalars, parity == RecoveryId::One)
    }

    /// Signs a 32-byte message as `personal_sign` does (EIP-191).
    #[must_use]
    pub fn sign_personal(&self, message: B256) -> Bytes {
        self.sign(personal_hash(message))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.address).finish()
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.secret.non_secure_erase();
    }
}
