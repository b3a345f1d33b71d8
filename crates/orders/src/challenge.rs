//! Signing in as iExec's gateway asks for it: a text of the server's, signed as typed data, sent back in a header.
//!
//! The domain has a name, a version and a chain id, but no contract. Source: iExec's market gateway, `GET /challenge`.

use crate::domain::{digest, dynamic, hash_struct, uint};
use crate::signature::{Recovered, SigningKey, recover};
use alloy_primitives::keccak256;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use units::{Address, B256, Bytes, U256};

/// The version of every sign-in domain.
const VERSION: &str = "1";
/// What the gateway puts before its random text.
const GREETING: &str = "Sign this message to log into iExec Gateway: ";
/// The longest header: hash, 65-byte signature and address, each with `0x`, and two underscores.
const MAX_HEADER_BYTES: usize = 66 + 1 + 132 + 1 + 42;

/// A text to sign, and for which kind of server on which chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The domain's name: `iExec Gateway`, or `iExec Core` for a pool's own server.
    pub service: &'static str,
    /// The exchange's chain id.
    pub chain_id: u64,
    /// The whole text to sign.
    pub text: String,
}

impl Challenge {
    /// The market gateway's challenge with this random text.
    #[must_use]
    pub fn gateway(chain_id: u64, random: &str) -> Self {
        Self { service: "iExec Gateway", chain_id, text: format!("{GREETING}{random}") }
    }

    /// A pool server's challenge with this random text.
    #[must_use]
    pub fn core(chain_id: u64, random: &str) -> Self {
        Self { service: "iExec Core", chain_id, text: random.to_owned() }
    }

    /// The EIP-712 digest: what is signed.
    #[must_use]
    pub fn hash(&self) -> B256 {
        let separator = hash_struct(&[
            keccak256("EIP712Domain(string name,string version,uint256 chainId)").0,
            dynamic(self.service),
            dynamic(VERSION),
            uint(U256::from(self.chain_id)),
        ]);
        digest(separator, hash_struct(&[keccak256("Challenge(string challenge)").0, dynamic(&self.text)]))
    }

    /// Answers the challenge with this key.
    #[must_use]
    pub fn answer(&self, key: &SigningKey) -> Authorization {
        let hash = self.hash();
        Authorization { hash, signature: key.sign(hash), address: key.address() }
    }
}

/// A field of an EIP-712 type, as JSON has it.
#[derive(Serialize)]
struct Field {
    name: &'static str,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Types {
    #[serde(rename = "EIP712Domain")]
    domain: [Field; 3],
    #[serde(rename = "Challenge")]
    challenge: [Field; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DomainJson<'a> {
    name: &'a str,
    version: &'static str,
    chain_id: u64,
}

#[derive(Serialize)]
struct Message<'a> {
    challenge: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypedData<'a> {
    types: Types,
    domain: DomainJson<'a>,
    primary_type: &'static str,
    message: Message<'a>,
}

impl Serialize for Challenge {
    /// The typed data that `eth_signTypedData_v4` takes, as the gateway answers it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TypedData {
            types: Types {
                domain: [
                    Field { name: "name", r#type: "string" },
                    Field { name: "version", r#type: "string" },
                    Field { name: "chainId", r#type: "uint256" },
                ],
                challenge: [Field { name: "challenge", r#type: "string" }],
            },
            domain: DomainJson { name: self.service, version: VERSION, chain_id: self.chain_id },
            primary_type: "Challenge",
            message: Message { challenge: &self.text },
        }
        .serialize(serializer)
    }
}

/// The answer to a challenge: the header `<hash>_<signature>_<address>`, each in hexadecimal with `0x`.
///
/// It proves nothing by itself: whoever issued the challenge must compare the hash with its own, and use it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The challenge's hash.
    pub hash: B256,
    /// The signature over it.
    pub signature: Bytes,
    /// Who says to have signed.
    pub address: Address,
}

impl Authorization {
    /// Whether the signature is by the address over this challenge.
    #[must_use]
    pub fn answers(&self, challenge: &Challenge) -> bool {
        self.hash == challenge.hash() && recover(self.hash, &self.signature) == Recovered::By(self.address)
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.hash, self.signature, self.address)
    }
}

/// The header is not `<hash>_<signature>_<address>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an authorization is <hash>_<signature>_<address>, each in hexadecimal with 0x")]
pub struct ParseAuthorizationError;

impl FromStr for Authorization {
    type Err = ParseAuthorizationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Option<[&str; 3]> = (text.len() <= MAX_HEADER_BYTES)
            .then(|| text.split('_').collect::<Vec<_>>())
            .and_then(|parts| parts.try_into().ok());
        let [hash, signature, address] = parts.ok_or(ParseAuthorizationError)?;
        if ![hash, signature, address].iter().all(|part| part.starts_with("0x")) {
            return Err(ParseAuthorizationError);
        }
        Ok(Self {
            hash: hash.parse().map_err(|_| ParseAuthorizationError)?,
            signature: signature.parse().map_err(|_| ParseAuthorizationError)?,
            address: address.parse().map_err(|_| ParseAuthorizationError)?,
        })
    }
}
