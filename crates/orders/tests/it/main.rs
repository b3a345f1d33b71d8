//! The orders, their signatures and what else is signed off chain, against iExec's own and as properties.
#![expect(clippy::unwrap_used, reason = "in a test, a value that is not there is the failure")]

mod batches;
mod json;
mod reference;
mod signatures;

use orders::SigningKey;
use units::{Address, B256};

/// The exchange's folder of reference vectors.
fn vectors() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../exchange/tests/vectors/eip712.json");
    serde_json::from_slice(&std::fs::read(path).expect("the reference vectors are in the repository")).unwrap()
}

/// A text in the vectors, read as whatever it should be.
fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &serde_json::Value) -> T {
    value.as_str().unwrap_or_else(|| panic!("{value} is a text")).parse().unwrap()
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}
