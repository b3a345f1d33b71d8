//! Content in parts.

use blobs::{Part, PutError, Store, Stored};
use units::{Address, Digest};

const SIZE: u64 = 10;

fn content() -> Vec<u8> {
    (0..35).collect()
}

fn digest(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::from(<[u8; 32]>::from(sha2::Sha256::digest(bytes)))
}

fn part(from: u8, start: u64) -> Part {
    Part { from: Address::repeat_byte(from), digest: digest(&content()), total: 35, size: SIZE, start }
}

fn send(store: &Store, part: Part, bytes: &[u8]) -> Result<Option<Stored>, PutError> {
    let mut upload = store.part(part)?.unwrap();
    let (first, second) = bytes.split_at(bytes.len() / 2);
    upload.push(first)?;
    upload.push(second)?;
    upload.finish()
}

fn stretch(start: usize) -> Vec<u8> {
    content()[start..(start + 10).min(35)].to_vec()
}

#[test]
fn parts_in_any_order_make_the_content() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).unwrap();
    for start in [30, 10, 0] {
        assert_eq!(send(&store, part(1, start as u64), &stretch(start)).unwrap(), None);
    }
    assert!(!store.has(&digest(&content())));
    let stored = send(&store, part(1, 20), &stretch(20)).unwrap();
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
    assert!(matches!(send(&store, part(2, 30), &[0; 5]), Err(PutError::Mismatch { .. })));
    assert!(!store.has(&digest(&content())));
    assert!(send(&store, part(1, 30), &stretch(30)).unwrap().is_some());
    assert!(store.has(&digest(&content())));
    assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}
