//! SHA-256 digests that name blobs.

use crate::B256;
use std::fmt;
use std::str::FromStr;

/// The text form's prefix.
const PREFIX: &str = "sha256:";

/// A SHA-256 digest, the name of a blob. Its text form is `sha256:` and 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub B256);

/// The text is not `sha256:` and 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseDigestError;

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest is `sha256:` and 64 lowercase hexadecimal digits")
    }
}

impl std::error::Error for ParseDigestError {}

impl Digest {
    /// The 64 hexadecimal digits without the prefix: a safe file name.
    #[must_use]
    pub fn hex(&self) -> String {
        alloy_primitives::hex::encode(self.0)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix(PREFIX).ok_or(ParseDigestError)?;
        let lowercase = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() != 64 || !lowercase {
            return Err(ParseDigestError);
        }
        hex.parse().map(Self).map_err(|_| ParseDigestError)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_text_form_only() {
        let digest = Digest(B256::repeat_byte(0xab));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in
            [digest.hex(), digest.to_string().to_uppercase(), format!("sha256:{}", "a".repeat(63)), String::new()]
        {
            assert_eq!(bad.parse::<Digest>(), Err(ParseDigestError), "{bad}");
        }
    }
}
