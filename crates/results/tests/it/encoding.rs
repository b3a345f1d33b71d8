//! Equal trees have equal encodings, and nothing else decodes.

use proptest::prelude::*;
use results::{BadPath, Decoder, EncodeError, Encoder, Event, Limits, Malformed, encode, sha256};
use std::collections::BTreeMap;

const NO_LIMITS: Limits = Limits { entries: u64::MAX, content_bytes: u64::MAX };

type Files = BTreeMap<String, Vec<u8>>;

fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect()
}

/// Decodes in pieces of a given length.
fn decode(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Files), Malformed> {
    let mut decoder = Decoder::new(NO_LIMITS);
    let (mut stdout, mut files) = (Vec::new(), Files::new());
    let mut current: Option<String> = None;
    for mut piece in bytes.chunks(piece) {
        while let Some(event) = decoder.push(&mut piece)? {
            match event {
                Event::Stdout { .. } => current = None,
                Event::File { path, .. } => {
                    files.insert(path.clone(), Vec::new());
                    current = Some(path);
                }
                Event::Content(content) => match &current {
                    Some(path) => files.get_mut(path).unwrap().extend_from_slice(content),
                    None => stdout.extend_from_slice(content),
                },
                Event::End => {}
            }
        }
    }
    assert_eq!(decoder.finish()?, sha256(bytes), "the decoder's digest is the bytes'");
    Ok((stdout, files))
}

fn malformed(bytes: &[u8]) -> Malformed {
    let whole = decode(bytes, bytes.len().max(1)).unwrap_err();
    assert_eq!(decode(bytes, 1).unwrap_err(), whole, "pieces make no difference");
    whole
}

/// One entry's bytes, whatever they say.
fn entry(tag: u8, path: &str, content: &str) -> Vec<u8> {
    let path_length = u16::try_from(path.len()).unwrap().to_be_bytes();
    let length = u64::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag], path_length.as_slice(), path.as_bytes(), &length, content.as_bytes()].concat()
}

fn tree(entries: &[Vec<u8>]) -> Vec<u8> {
    [b"MHTREE\0\x01".as_slice(), &entries.concat(), &[0xff]].concat()
}

fn trees() -> impl Strategy<Value = (Vec<u8>, Files)> {
    let name = prop_oneof![Just("a"), Just("b"), Just("a-"), Just("ü"), Just("0")];
    let path = prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    let content = prop::collection::vec(any::<u8>(), 0..40);
    let files = prop::collection::btree_map(path, content.clone(), 0..8).prop_map(|mut files: Files| {
        let paths: Vec<String> = files.keys().cloned().collect();
        files.retain(|path, _| !paths.iter().any(|other| other.starts_with(&format!("{path}/"))));
        files
    });
    (content, files)
}

proptest! {
    #[test]
    fn a_tree_comes_back_from_pieces_of_any_length((stdout, files) in trees(), piece in 1_usize..50) {
        let (bytes, encoded) = encode(&stdout, &files).unwrap();
        prop_assert_eq!(sha256(&bytes), encoded.digest);
        prop_assert_eq!(bytes.len() as u64, encoded.size);
        prop_assert_eq!(decode(&bytes, piece).unwrap(), (stdout, files));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes((stdout, files) in trees(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (mut bytes, _) = encode(&stdout, &files).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok((stdout, files)) = decode(&bytes, 7) {
            prop_assert_eq!(encode(&stdout, &files).unwrap().0, bytes);
        }
    }

    #[test]
    fn no_beginning_of_an_encoding_is_one((stdout, files) in trees(), cut in any::<prop::sample::Index>()) {
        let (bytes, _) = encode(&stdout, &files).unwrap();
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())], 9), Err(Malformed::Truncated));
    }

    #[test]
    fn garbage_never_decodes_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&bytes, 13).is_err());
        let behind_magic = [b"MHTREE\0\x01".as_slice(), &bytes].concat();
        drop(decode(&behind_magic, 13));
    }
}

#[test]
fn what_is_not_canonical_is_refused() {
    let (a, b) = (entry(0, "a", "1"), entry(0, "b", "2"));
    let said = entry(1, "", "hello");
    assert!(decode(&tree(&[said.clone(), a.clone(), b.clone()]), 4).is_ok());
    for (bytes, why) in [
        (tree(&[b.clone(), a.clone()]), Malformed::Unsorted),
        (tree(&[a.clone(), a.clone()]), Malformed::Unsorted),
        (tree(&[a.clone(), said.clone()]), Malformed::Unsorted),
        (tree(&[said.clone(), said]), Malformed::Unsorted),
        (tree(&[entry(1, "", "")]), Malformed::Stdout),
        (tree(&[entry(1, "x", "1")]), Malformed::Stdout),
        (tree(&[entry(2, "x", "1")]), Malformed::Tag { tag: 2 }),
        (tree(&[a.clone(), entry(0, "a!", ""), entry(0, "a/b", "")]), Malformed::FileIsFolder),
        (tree(&[entry(0, "/a", "")]), Malformed::Path(BadPath::Absolute)),
        (tree(&[entry(0, "../a", "")]), Malformed::Path(BadPath::Component)),
        (tree(&[entry(0, "a/./b", "")]), Malformed::Path(BadPath::Component)),
        (tree(&[entry(0, "a//b", "")]), Malformed::Path(BadPath::Component)),
        (tree(&[entry(0, "", "")]), Malformed::Path(BadPath::Empty)),
        (tree(&[entry(0, "a\\b", "")]), Malformed::Path(BadPath::Forbidden)),
        (tree(&[entry(0, "a\0b", "")]), Malformed::Path(BadPath::Forbidden)),
        (tree(&[entry(0, &"a".repeat(5000), "")]), Malformed::Path(BadPath::TooLong)),
        ([tree(&[a]), vec![0]].concat(), Malformed::Trailing),
        (b"MHTREE\0\x02\xff".to_vec(), Malformed::Magic),
        (b"PK\x03\x04....".to_vec(), Malformed::Magic),
    ] {
        assert_eq!(malformed(&bytes), why);
    }
    let mut not_utf8 = tree(&[b]);
    not_utf8[11] = 0xff;
    assert_eq!(malformed(&not_utf8), Malformed::PathNotUtf8);
}

#[test]
fn nothing_is_believed_before_it_is_within_the_readers_limits() {
    let (bytes, _) = encode(b"12", &files(&[("a", "34"), ("b", "5")])).unwrap();
    let with = |entries, content_bytes| Decoder::decode(Limits { entries, content_bytes }, &bytes, |_| {});
    assert!(with(3, 5).is_ok());
    assert_eq!(with(2, 5), Err(Malformed::TooLarge));
    assert_eq!(with(3, 4), Err(Malformed::TooLarge));
    let mut huge = tree(&[entry(0, "a", "")]);
    huge[12..20].copy_from_slice(&u64::MAX.to_be_bytes());
    let limits = Limits { entries: 9, content_bytes: 1 << 40 };
    assert_eq!(Decoder::decode(limits, &huge, |_| {}), Err(Malformed::TooLarge));
    let mut overflowing = tree(&[entry(0, "a", ""), entry(0, "b", "")]);
    overflowing[12..20].copy_from_slice(&1_u64.to_be_bytes());
    assert!(Decoder::decode(NO_LIMITS, &overflowing, |_| {}).is_err());
}

#[test]
fn the_encoder_keeps_entries_in_order_and_to_their_lengths() {
    let new = || Encoder::new(|_: &[u8]| Ok::<(), ()>(()));
    let mut encoder = new();
    encoder.file("b", 1).unwrap();
    assert_eq!(encoder.file("c", 0), Err(EncodeError::Length), "the entry before is not complete");
    let mut encoder = new();
    encoder.file("b", 1).unwrap();
    assert_eq!(encoder.content(b"12"), Err(EncodeError::Length));
    let mut encoder = new();
    encoder.file("b", 0).unwrap();
    assert_eq!(encoder.file("a", 0), Err(EncodeError::Misplaced));
    assert_eq!(encoder.stdout(1), Err(EncodeError::Misplaced));
    assert_eq!(encoder.file("b/c", 0), Err(EncodeError::Misplaced));
    assert_eq!(encoder.file("../x", 0), Err(EncodeError::Path(BadPath::Component)));
    let mut encoder = new();
    encoder.file("b", 1).unwrap();
    assert_eq!(encoder.finish(), Err(EncodeError::Length));
    let mut encoder = Encoder::new(|_: &[u8]| Err("full"));
    assert_eq!(encoder.file("a", 0), Err(EncodeError::Sink("full")));
}
