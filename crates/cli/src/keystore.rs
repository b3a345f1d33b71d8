//! The standard encrypted key file: Web3 Secret Storage, version 3, as other wallets read and write it.
//!
//! Format: <https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage/>. Written with
//! scrypt; scrypt and PBKDF2 are read. The cipher is AES-128-CTR, checked by a Keccak-256 over half the derived key.

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use alloy_primitives::{Keccak256, hex};
use orders::SigningKey;
use serde::{Deserialize, Serialize};

/// scrypt's cost for new files, as geth's: 256 MiB and about a second.
const LOG_N: u8 = 18;
/// The most memory that a file may make us use, bytes.
const MEMORY_BYTES: u64 = 2 << 30;
/// The most rounds of PBKDF2 that a file may make us do.
const ROUNDS: u32 = 50_000_000;

/// Why a keystore gives no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeystoreError {
    /// Not the JSON described, or not of version 3.
    #[error("this is no web3 keystore of version 3")]
    Malformed,
    /// A cipher or key derivation that is not read here.
    #[error("the keystore uses {0}, which is not read here")]
    Unsupported(String),
    /// Its key derivation would take more memory or time than is reasonable.
    #[error("the keystore asks for too much memory or time")]
    TooCostly,
    /// The passphrase is another one, or the file was changed.
    #[error("the passphrase is wrong, or the keystore is damaged")]
    Passphrase,
    /// No randomness to be had from the system.
    #[error("the system gives no random numbers")]
    Randomness,
}

#[derive(Serialize, Deserialize)]
struct Keystore {
    #[serde(default)]
    address: String,
    crypto: Crypto,
    #[serde(default)]
    id: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    #[serde(flatten)]
    derivation: Derivation,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
enum Derivation {
    Scrypt { dklen: usize, n: u64, p: u32, r: u32, salt: String },
    Pbkdf2 { dklen: usize, c: u32, prf: String, salt: String },
}

impl Derivation {
    /// The 32-byte key of a passphrase.
    fn derive(&self, passphrase: &str) -> Result<[u8; 32], KeystoreError> {
        let mut derived = [0; 32];
        let (Self::Scrypt { dklen, salt, .. } | Self::Pbkdf2 { dklen, salt, .. }) = self;
        if *dklen != derived.len() {
            return Err(KeystoreError::Unsupported(format!("a derived key of {dklen} bytes")));
        }
        let salt = bytes(salt)?;
        match self {
            Self::Scrypt { n, p, r, .. } => {
                let memory = n.checked_mul(u64::from(*r)).and_then(|blocks| blocks.checked_mul(128));
                if memory.is_none_or(|memory| memory > MEMORY_BYTES) || *p > 64 {
                    return Err(KeystoreError::TooCostly);
                }
                if !n.is_power_of_two() {
                    return Err(KeystoreError::Malformed);
                }
                let log_n = u8::try_from(n.ilog2()).map_err(|_| KeystoreError::TooCostly)?;
                let params = scrypt::Params::new(log_n, *r, *p).map_err(|_| KeystoreError::Malformed)?;
                scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut derived)
                    .map_err(|_| KeystoreError::Malformed)?;
            }
            Self::Pbkdf2 { c, prf, .. } => {
                if prf != "hmac-sha256" {
                    return Err(KeystoreError::Unsupported(prf.clone()));
                }
                if *c > ROUNDS {
                    return Err(KeystoreError::TooCostly);
                }
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase.as_bytes(), &salt, *c, &mut derived);
            }
        }
        Ok(derived)
    }
}

/// Encrypts a key under a passphrase.
pub(crate) fn encrypt(key: &SigningKey, passphrase: &str) -> Result<String, KeystoreError> {
    encrypt_with_cost(key, passphrase, LOG_N)
}

fn encrypt_with_cost(key: &SigningKey, passphrase: &str, log_n: u8) -> Result<String, KeystoreError> {
    let (salt, iv, id): ([u8; 32], [u8; 16], [u8; 16]) = (random()?, random()?, random()?);
    let derivation = Derivation::Scrypt { dklen: 32, n: 1 << log_n, p: 1, r: 8, salt: hex::encode(salt) };
    let derived = derivation.derive(passphrase)?;
    let mut text = key.to_bytes();
    apply_cipher(&derived, &iv, &mut text);
    let keystore = Keystore {
        address: hex::encode(key.address()),
        crypto: Crypto {
            cipher: "aes-128-ctr".to_owned(),
            cipherparams: CipherParams { iv: hex::encode(iv) },
            ciphertext: hex::encode(text),
            derivation,
            mac: hex::encode(mac(&derived, &text)),
        },
        id: uuid(id),
        version: 3,
    };
    serde_json::to_string_pretty(&keystore).map_err(|_| KeystoreError::Malformed)
}

/// Decrypts the key of a keystore.
pub(crate) fn decrypt(text: &str, passphrase: &str) -> Result<SigningKey, KeystoreError> {
    let keystore: Keystore = serde_json::from_str(text).map_err(|_| KeystoreError::Malformed)?;
    let Crypto { cipher, cipherparams, ciphertext, derivation, mac: expected } = keystore.crypto;
    if keystore.version != 3 {
        return Err(KeystoreError::Malformed);
    }
    if cipher != "aes-128-ctr" {
        return Err(KeystoreError::Unsupported(cipher));
    }
    let iv: [u8; 16] = bytes(&cipherparams.iv)?.try_into().map_err(|_| KeystoreError::Malformed)?;
    let mut secret: [u8; 32] = bytes(&ciphertext)?.try_into().map_err(|_| KeystoreError::Malformed)?;
    let derived = derivation.derive(passphrase)?;
    if bytes(&expected)? != mac(&derived, &secret) {
        return Err(KeystoreError::Passphrase);
    }
    apply_cipher(&derived, &iv, &mut secret);
    SigningKey::from_bytes(&secret).map_err(|_| KeystoreError::Malformed)
}

/// Whom a keystore says it is for, without its passphrase.
pub(crate) fn address(text: &str) -> Option<units::Address> {
    let keystore: Keystore = serde_json::from_str(text).ok()?;
    keystore.address.parse().ok()
}

fn apply_cipher(derived: &[u8; 32], iv: &[u8; 16], text: &mut [u8]) {
    let key: [u8; 16] = std::array::from_fn(|at| derived[at]);
    let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new(&key.into(), &(*iv).into());
    cipher.apply_keystream(text);
}

fn mac(derived: &[u8; 32], ciphertext: &[u8]) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(&derived[16..]);
    hash.update(ciphertext);
    hash.finalize().0
}

fn bytes(text: &str) -> Result<Vec<u8>, KeystoreError> {
    hex::decode(text).map_err(|_| KeystoreError::Malformed)
}

fn random<const N: usize>() -> Result<[u8; N], KeystoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeystoreError::Randomness)?;
    Ok(bytes)
}

/// A random UUID of version 4.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the format's published test vectors; its passphrase is `testpassword`.
    const SECRET: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    const PBKDF2: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":
        {"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
    const SCRYPT: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt","kdfparams":
        {"dklen":32,"n":262144,"p":8,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
        "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    #[test]
    fn the_formats_published_vectors_are_read() {
        for vector in [PBKDF2, SCRYPT] {
            let key = decrypt(vector, "testpassword").unwrap();
            assert_eq!(hex::encode(key.to_bytes()), SECRET);
        }
    }

    #[test]
    fn what_is_encrypted_is_read_back_with_its_passphrase_alone() {
        let key = SigningKey::from_bytes(&[9; 32]).unwrap();
        let keystore = encrypt_with_cost(&key, "open sesame", 4).unwrap();
        assert_eq!(decrypt(&keystore, "open sesame").unwrap().to_bytes(), key.to_bytes());
        assert_eq!(address(&keystore), Some(key.address()));
        assert_eq!(decrypt(&keystore, "sesame").unwrap_err(), KeystoreError::Passphrase);
    }

    #[test]
    fn a_keystore_that_would_eat_the_machine_or_is_none_is_refused() {
        let greedy = SCRYPT.replace("\"n\":262144", "\"n\":1099511627776");
        assert_eq!(decrypt(&greedy, "x").unwrap_err(), KeystoreError::TooCostly);
        for bad in ["", "{}", &SCRYPT.replace("\"version\":3", "\"version\":4")] {
            assert_eq!(decrypt(bad, "x").unwrap_err(), KeystoreError::Malformed, "{bad}");
        }
        let other = SCRYPT.replace("aes-128-ctr", "rot13");
        assert!(matches!(decrypt(&other, "x"), Err(KeystoreError::Unsupported(_))));
    }
}
