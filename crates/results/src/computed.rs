//! iExec's digest rule: a program may name in `computed.json` what its result digest is made from.
//!
//! Source: iExec's worker (`computeWeb2ResultDigest`, `computeWeb3ResultDigest`). Only where the deal has no callback does
//! `deterministic-output-path` count, and only where it has one does `callback-data`.

use crate::sha256;
use alloy_primitives::{Bytes, keccak256};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use units::{B256, Digest};

/// What a program wrote into `computed.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputedFile {
    /// `deterministic-output-path`, relative to the output folder; empty for the folder itself.
    output: Option<String>,
    /// `callback-data`.
    callback: Option<Bytes>,
}

/// Why a `computed.json` gives no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadComputed {
    /// Longer than [`ComputedFile::MAX_BYTES`].
    #[error("computed.json is too large")]
    TooLarge,
    /// Not a JSON object whose known keys are strings, or callback data that is not `0x` and hexadecimal.
    #[error("computed.json is not of iExec's form")]
    Malformed,
    /// `deterministic-output-path` does not begin with `/iexec_out` or leaves it.
    #[error("computed.json names a path outside /iexec_out")]
    Outside,
    /// Nothing is at `deterministic-output-path`.
    #[error("computed.json names a path at which there is nothing")]
    Missing,
    /// The key that this deal's rule needs is absent or empty.
    #[error("computed.json lacks the key that the deal calls for")]
    NoRule,
}

/// The keys of the file that count; iExec's others may be there.
#[derive(serde::Deserialize)]
struct Keys {
    #[serde(rename = "deterministic-output-path")]
    output: Option<String>,
    #[serde(rename = "callback-data")]
    callback: Option<String>,
}

impl ComputedFile {
    /// Where in the output tree the file lies.
    pub const PATH: &str = "computed.json";
    /// The longest file that is read, in bytes; callback data is bounded by it.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`BadComputed`]: `TooLarge`, `Malformed` or `Outside`.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadComputed> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > Self::MAX_BYTES) {
            return Err(BadComputed::TooLarge);
        }
        let keys: Keys = serde_json::from_slice(bytes).map_err(|_| BadComputed::Malformed)?;
        let output = keys.output.filter(|path| !path.is_empty()).map(|path| relative(&path)).transpose()?;
        let callback = match keys.callback {
            Some(text) if !text.is_empty() => {
                let digits = text.strip_prefix("0x").ok_or(BadComputed::Malformed)?;
                Some(Bytes::from(alloy_primitives::hex::decode(digits).map_err(|_| BadComputed::Malformed)?))
            }
            Some(_) | None => None,
        };
        Ok(Self { output, callback })
    }

    /// The callback data, where the file has any.
    #[must_use]
    pub fn callback(&self) -> Option<&Bytes> {
        self.callback.as_ref()
    }

    /// The digest for a deal that asks for a callback: Keccak-256 of the callback data.
    ///
    /// # Errors
    ///
    /// [`BadComputed::NoRule`] where the file has none.
    pub fn callback_digest(&self) -> Result<B256, BadComputed> {
        self.callback.as_ref().map(keccak256).ok_or(BadComputed::NoRule)
    }

    /// The digest for a deal without a callback: of a file its SHA-256; of a folder the Keccak-256 of the SHA-256s, one after
    /// the other, of the files directly in it, by name. `files` are all of the tree's files and the SHA-256 of their contents.
    ///
    /// # Errors
    ///
    /// [`BadComputed`]: `NoRule` or `Missing`.
    pub fn output_digest(&self, files: &BTreeMap<String, Digest>) -> Result<B256, BadComputed> {
        let output = self.output.as_ref().ok_or(BadComputed::NoRule)?;
        if let Some(digest) = files.get(output) {
            return Ok(digest.0);
        }
        let folder = if output.is_empty() { String::new() } else { format!("{output}/") };
        let below: Vec<(&str, &Digest)> =
            files.iter().filter_map(|(path, digest)| Some((path.strip_prefix(&folder)?, digest))).collect();
        if below.is_empty() {
            return Err(BadComputed::Missing);
        }
        // Folders within the folder hash to nothing in iExec's rule.
        let mut children: Vec<_> = below.into_iter().filter(|(name, _)| !name.contains('/')).collect();
        children.sort_by(|(a, _), (b, _)| as_java(a, b));
        let hashes: Vec<u8> = children.iter().flat_map(|(_, digest)| digest.0.0).collect();
        Ok(keccak256(hashes))
    }

    /// The digest of one file's content, as [`output_digest`](Self::output_digest) wants it.
    #[must_use]
    pub fn file_digest(content: &[u8]) -> Digest {
        sha256(content)
    }
}

/// Java, in which the rule was written, compares names by their UTF-16 units.
fn as_java(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// The path within the output folder of a path as the program sees it.
fn relative(path: &str) -> Result<String, BadComputed> {
    let rest = path.strip_prefix("/iexec_out").ok_or(BadComputed::Outside)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(BadComputed::Outside);
    }
    let components: Vec<&str> = rest.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    if components.contains(&"..") {
        return Err(BadComputed::Outside);
    }
    Ok(components.join("/"))
}
