//! What result a package is: the digest that its bytes have by the rules of `results`, found by reading them.

use results::{ComputedFile, Decoder, Event, Failure, Limits};
use std::collections::BTreeMap;
use std::io::{self, Read};
use units::{B256, Bytes, Digest};

/// Longest `computed.json` that is kept while reading.
const COMPUTED_BYTES: u64 = ComputedFile::MAX_BYTES;
/// The name of iExec's file in a tree.
const COMPUTED: &str = "computed.json";

/// The most that is read of a package.
pub(crate) fn limits() -> Limits {
    Limits { entries: api::limits::OUTPUT_FILES, content_bytes: api::limits::BLOB_BYTES }
}

/// Why bytes are no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    /// They are neither a failure's nor a tree's encoding.
    #[error("these bytes are no result's encoding")]
    Malformed,
    /// Its `computed.json` names no result.
    #[error("the result's computed.json names no result")]
    Computed,
    /// They could not be read.
    #[error("the result could not be read")]
    Io(#[from] io::Error),
}

/// What was found out about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// PoCo's result digest.
    pub(crate) digest: B256,
    /// The failure that it states, if it does.
    pub(crate) failure: Option<Failure>,
}

/// Reads a package. `open` is called again where a `computed.json` makes a second reading necessary; `callback` is what the
/// worker gave for the deal's callback, empty where there is none.
pub(crate) fn survey<R: Read>(
    limits: Limits,
    callback: &Bytes,
    mut open: impl FnMut() -> io::Result<R>,
) -> Result<Found, Unsound> {
    let mut first = Vec::new();
    open()?.take(64).read_to_end(&mut first)?;
    if Failure::is_failure(&first) {
        let failure = Failure::decode(&first).map_err(|_| Unsound::Malformed)?;
        return Ok(Found { digest: failure.digest().0, failure: Some(failure) });
    }
    let mut computed: Option<Vec<u8>> = None;
    let mut inside = false;
    let whole = decode(limits, open()?, |event| match event {
        Event::File { path, .. } => {
            inside = path == COMPUTED;
            if inside {
                computed = Some(Vec::new());
            }
        }
        Event::Content(piece) => {
            if inside
                && let Some(content) = &mut computed
                && (content.len() as u64) <= COMPUTED_BYTES
            {
                content.extend_from_slice(piece);
            }
        }
        Event::Stdout { .. } | Event::End => inside = false,
    })?;
    let Some(computed) = computed else { return Ok(Found { digest: whole.0, failure: None }) };
    let computed = ComputedFile::parse(&computed).map_err(|_| Unsound::Computed)?;
    let digest = if callback.is_empty() {
        computed.output_digest(&files(limits, open()?)?)
    } else if computed.callback() == Some(callback) {
        computed.callback_digest()
    } else {
        return Err(Unsound::Computed);
    };
    digest.map(|digest| Found { digest, failure: None }).map_err(|_| Unsound::Computed)
}

/// The digests of all files' contents.
fn files(limits: Limits, from: impl Read) -> Result<BTreeMap<String, Digest>, Unsound> {
    use sha2::Digest as _;
    let mut files = BTreeMap::new();
    let mut current: Option<(String, sha2::Sha256)> = None;
    decode(limits, from, |event| match event {
        Event::Content(piece) => {
            if let Some((_, hash)) = &mut current {
                hash.update(piece);
            }
        }
        Event::Stdout { .. } => close(&mut current, &mut files),
        Event::File { path, .. } => {
            close(&mut current, &mut files);
            current = Some((path, sha2::Sha256::new()));
        }
        Event::End => close(&mut current, &mut files),
    })?;
    Ok(files)
}

fn close(current: &mut Option<(String, sha2::Sha256)>, files: &mut BTreeMap<String, Digest>) {
    use sha2::Digest as _;
    if let Some((path, hash)) = current.take() {
        let hash: [u8; 32] = hash.finalize().into();
        files.insert(path, Digest::from(hash));
    }
}

/// Decodes all that is read; the SHA-256 of it.
fn decode(limits: Limits, mut from: impl Read, mut on: impl FnMut(Event<'_>)) -> Result<Digest, Unsound> {
    let mut decoder = Decoder::new(limits);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return decoder.finish().map_err(|_| Unsound::Malformed);
        }
        let mut input = &buffer[..read];
        while let Some(event) = decoder.push(&mut input).map_err(|_| Unsound::Malformed)? {
            on(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { entries: 100, content_bytes: 1 << 20 };

    fn survey_bytes(bytes: &[u8], callback: &Bytes) -> Result<Found, Unsound> {
        survey(LIMITS, callback, || Ok(bytes))
    }

    #[test]
    fn a_plain_trees_digest_is_that_of_its_bytes() {
        let bytes = encoding(&[("a.txt", b"hello")]);
        assert_eq!(survey_bytes(&bytes, &Bytes::new()).unwrap().digest, results::sha256(&bytes).0);
    }

    #[test]
    fn a_failures_digest_is_that_of_its_encoding() {
        let found = survey_bytes(&Failure::Trap.encode(), &Bytes::new()).unwrap();
        assert_eq!(found, Found { digest: Failure::Trap.digest().0, failure: Some(Failure::Trap) });
    }

    #[test]
    fn a_computed_file_makes_the_digest_by_iexecs_rule() {
        let named = br#"{"deterministic-output-path":"/iexec_out/a.txt"}"#;
        let bytes = encoding(&[("a.txt", b"hello"), (COMPUTED, named)]);
        assert_eq!(survey_bytes(&bytes, &Bytes::new()).unwrap().digest, results::sha256(b"hello").0);
        let bytes = encoding(&[(COMPUTED, br#"{"callback-data":"0x0102"}"#)]);
        let callback = Bytes::from_static(&[1, 2]);
        assert!(survey_bytes(&bytes, &callback).is_ok());
        assert!(survey_bytes(&bytes, &Bytes::from_static(&[3])).is_err());
    }

    #[test]
    fn other_bytes_are_no_result() {
        assert!(survey_bytes(b"garbage", &Bytes::new()).is_err());
        let bytes = encoding(&[("a.txt", b"hello")]);
        assert!(survey_bytes(&bytes[..bytes.len() - 1], &Bytes::new()).is_err());
    }

    fn encoding(files: &[(&str, &[u8])]) -> Vec<u8> {
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect();
        results::encode(&[], &files).unwrap().0
    }
}
