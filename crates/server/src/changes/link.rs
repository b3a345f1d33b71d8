//! Where a task's `results` say that its result is.

use serde::Deserialize;
use std::borrow::Cow;

/// What a task's `results` say, as the market writes them.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Link<'a> {
    #[serde(borrow)]
    pub(super) location: Cow<'a, str>,
    /// Whether the result is the program's failure.
    #[serde(default)]
    pub(super) failed: bool,
}

impl<'a> Link<'a> {
    /// The market's own words are known, and there is a set of them for every task; what others finalized with is read as JSON.
    pub(super) fn read(results: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(results).ok()?;
        let own = text.strip_prefix(r#"{"storage":"manyhands","location":""#).and_then(|rest| rest.split_once('"'));
        match own {
            Some((location, "}")) if !location.contains('\\') => {
                Some(Self { location: location.into(), failed: false })
            }
            _ => serde_json::from_str(text).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markets_own_words_are_read_as_json_would_be() {
        for text in [
            r#"{"storage":"manyhands","location":"/v1/blobs/sha256:00"}"#,
            r#"{"storage":"manyhands","location":"/v1/blobs/sha256:00","failed":true}"#,
            r#"{"storage":"manyhands","location":"a\\"}"#,
            r#"{"storage":"manyhands","location":"a\"b"}"#,
            r#"{"storage":"ipfs","location":"/ipfs/Qm"}"#,
            r#"{"storage":"manyhands","location":"a"} more"#,
            "no JSON",
            "",
        ] {
            assert_eq!(Link::read(text.as_bytes()), serde_json::from_str(text).ok(), "{text}");
        }
    }
}
