//! PoCo's Ethereum face, against what the real contracts were sent and what others encode.
#![expect(clippy::unwrap_used, reason = "in a test, a value that is not there is the failure")]

mod calls;
mod reverts;
mod signatures;
mod traces;
mod transactions;
mod views;

use serde_json::Value;
use units::{Address, B256, Bytes};

/// A text in a vector, read as whatever it should be.
fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().unwrap_or_else(|| panic!("{value} is a text")).parse().unwrap()
}

fn bytes(value: &Value) -> Bytes {
    read(value)
}

/// One of this crate's own vectors, or of the exchange's.
fn vectors(path: &str) -> Value {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{path} is in the repository: {error}"));
    if path.ends_with(".gz") {
        serde_json::from_reader(std::io::BufReader::new(flate2::read::GzDecoder::new(file))).unwrap()
    } else {
        serde_json::from_reader(std::io::BufReader::new(file)).unwrap()
    }
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}
