//! Content in parts.

use blobs::{Digest, Part, PutError, Store, Stored};
use proptest::prelude::*;
use units::Address;

const SIZE: u64 = 10;
const UPLOAD: u128 = 7;

fn content() -> Vec<u8> {
    (0..35).collect()
}

fn digest(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::from(<[u8; 32]>::from(sha2::Sha256::digest(bytes)))
}

fn part(from: u8, start: u64) -> Part {
    Part { from: Address::repeat_byte(from), upload: UPLOAD, total: 35, size: SIZE, start }
}

fn send(store: &Store, part: Part, bytes: &[u8]) -> Result<(), PutError> {
    let mut upload = store.part(part)?.unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    upload.push(first)?;
    upload.push(second)?;
    upload.finish()
}

fn finish(store: &Store, from: u8) -> Result<Option<Stored>, PutError> {
    store.finish_parts(Address::repeat_byte(from), UPLOAD, digest(&content()))
}

fn stretch(start: usize) -> Vec<u8> {
    content()[start..(start + 10).min(35)].to_vec()
}

#[test]
fn parts_in_any_order_make_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    for start in [30, 10, 0] {
        send(&store, part(1, start as u64), &stretch(start)).unwrap();
        assert_eq!(finish(&store, 1).unwrap(), None, "a part is missing");
    }
    assert!(!store.has(&digest(&content())));
    send(&store, part(1, 20), &stretch(20)).unwrap();
    assert_eq!(finish(&store, 2).unwrap(), None, "it is somebody else's");
    let stored = finish(&store, 1).unwrap();
    assert_eq!(stored, Some(Stored { digest: digest(&content()), size: 35 }));
    assert_eq!(store.bytes(&digest(&content()), 100).unwrap(), content());
    assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}

#[test]
fn a_part_is_taken_once_and_again_only_if_it_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    let going = store.part(part(1, 0)).unwrap();
    assert!(store.part(part(1, 0)).unwrap().is_none(), "it is on its way");
    drop(going);
    send(&store, part(1, 0), &stretch(0)).unwrap();
    assert!(store.part(part(1, 0)).unwrap().is_none(), "it has come");
}

#[test]
fn parts_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    let bad = |result: Result<_, PutError>| matches!(result, Err(PutError::BadPart));
    assert!(bad(store.part(part(1, 5)).map(drop)), "between two parts");
    assert!(bad(store.part(part(1, 40)).map(drop)), "behind the end");
    assert!(bad(send(&store, part(1, 0), &[0; 11]).map(drop)), "too long");
    assert!(bad(send(&store, part(1, 0), &[0; 9]).map(drop)), "too short");
    assert!(bad(store.part(Part { total: 36, ..part(1, 0) }).map(drop)), "of another length than before");
}

#[test]
fn nobody_spoils_anothers_upload_and_a_wrong_content_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    for start in [0, 10, 20] {
        send(&store, part(1, start as u64), &stretch(start)).unwrap();
        send(&store, part(2, start as u64), &[0; 10]).unwrap();
    }
    send(&store, part(2, 30), &[0; 5]).unwrap();
    assert!(matches!(finish(&store, 2), Err(PutError::Mismatch { .. })));
    assert_eq!(finish(&store, 2).unwrap(), None, "nothing of it is kept");
    assert!(!store.has(&digest(&content())));
    send(&store, part(1, 30), &stretch(30)).unwrap();
    assert!(finish(&store, 1).unwrap().is_some());
    assert!(store.has(&digest(&content())));
    assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}

#[test]
fn blobs_of_a_size_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    let mut three: Vec<_> = [b"abc", b"def"].iter().map(|bytes| store.put(*bytes).unwrap().digest).collect();
    let four = store.put(b"abcd").unwrap().digest;
    three.sort_unstable();
    assert_eq!(store.of_size(3, 9), three);
    assert_eq!(store.of_size(3, 1), three[..1]);
    store.remove(&four).unwrap();
    assert_eq!(store.of_size(4, 9), []);
}

/// What may happen to an upload, a few bytes at a time.
#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Push { start: u64, length: usize, wrong: bool },
    Break(u64),
    Finish(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let start = || (0..4_u64).prop_map(|part| part * SIZE);
    prop_oneof![
        start().prop_map(Step::Open),
        (start(), 1..8_usize, prop::bool::weighted(0.1)).prop_map(|(start, length, wrong)| Step::Push {
            start,
            length,
            wrong
        }),
        (start(), 1..8_usize).prop_map(|(start, length)| Step::Push { start, length, wrong: false }),
        start().prop_map(Step::Break),
        start().prop_map(Step::Finish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Parts that come side by side, break off half way and come again with other bytes.
    #[test]
    fn what_lies_there_is_what_was_hashed(steps in prop::collection::vec(step(), 0..80)) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).unwrap();
        let mut open = std::collections::BTreeMap::new();
        let mut whole = std::collections::BTreeMap::new();
        for step in steps {
            match step {
                Step::Open(start) => {
                    if let Some(upload) = store.part(part(1, start)).unwrap() {
                        open.insert(start, (upload, Vec::new()));
                    }
                }
                Step::Push { start, length, wrong } => {
                    let Some((upload, come)) = open.get_mut(&start) else { continue };
                    let right: Vec<u8> = stretch(usize::try_from(start).unwrap()).into_iter().skip(come.len()).take(length).collect();
                    let bytes: Vec<u8> = right.iter().map(|byte| if wrong { byte ^ 1 } else { *byte }).collect();
                    upload.push(&bytes).unwrap();
                    come.extend(bytes);
                }
                Step::Break(start) => drop(open.remove(&start)),
                Step::Finish(start) => {
                    let Some((upload, come)) = open.remove(&start) else { continue };
                    if upload.finish().is_ok() {
                        whole.insert(start, come);
                    }
                }
            }
        }
        drop(open);
        for start in [0, 10, 20, 30] {
            if let Some(mut upload) = store.part(part(1, start)).unwrap() {
                upload.push(&stretch(usize::try_from(start).unwrap())).unwrap();
                upload.finish().unwrap();
                whole.insert(start, stretch(usize::try_from(start).unwrap()));
            }
        }
        let bytes: Vec<u8> = whole.into_values().flatten().collect();
        let ended = finish(&store, 1);
        if bytes == content() {
            prop_assert_eq!(store.bytes(&ended.unwrap().unwrap().digest, 100).unwrap(), bytes);
        } else {
            let told = matches!(ended, Err(PutError::Mismatch { found, .. }) if found == digest(&bytes));
            prop_assert!(told);
        }
    }
}
