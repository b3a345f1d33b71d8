//! The recorded vectors that lie beside the tests, plain or compressed.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use units::{Address, Amount, B256, Bytes, U256};

/// Every vector file of the tests' folder whose name begins with `prefix`, by name, parsed.
pub(crate) fn load(prefix: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_vector(path, prefix))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| (name(&path), serde_json::from_str(&read(&path)).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn is_vector(path: &Path, prefix: &str) -> bool {
    let name = name(path);
    name.starts_with(prefix) && (name.ends_with(".json") || name.ends_with(".json.gz"))
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text
}

/// A number as the vectors write it: JSON number or decimal string.
pub(crate) fn number(value: &Value) -> U256 {
    let small = value.as_u64().map(U256::from);
    let decimal = || U256::from_str_radix(value.as_str()?, 10).ok();
    small.or_else(decimal).unwrap_or_else(|| panic!("{value} is no number"))
}

pub(crate) fn amount(value: &Value) -> Amount {
    Amount(number(value))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

pub(crate) fn address(value: &Value) -> Address {
    text(value).parse().unwrap()
}

pub(crate) fn word(value: &Value) -> B256 {
    text(value).parse().unwrap()
}

pub(crate) fn bytes(value: &Value) -> Bytes {
    text(value).parse().unwrap()
}

pub(crate) fn seconds(value: &Value) -> u64 {
    u64::try_from(number(value)).unwrap()
}
