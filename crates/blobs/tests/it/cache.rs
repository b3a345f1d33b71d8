//! A store with a cap makes room by itself.

use blobs::{Digest, PutError, Store};

fn put(store: &Store, content: &[u8]) -> Digest {
    store.put(content).unwrap().digest
}

#[test]
fn what_was_used_longest_ago_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Some(10)).unwrap();
    let (a, b) = (put(&store, b"aaaa"), put(&store, b"bbbb"));
    store.bytes(&a, 9).unwrap();
    let c = put(&store, b"cccc");
    assert_eq!((store.has(&a), store.has(&b), store.has(&c)), (true, false, true));
    assert_eq!(store.total(), 8);
}

#[test]
fn a_pinned_blob_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Some(10)).unwrap();
    let (a, b) = (put(&store, b"aaaa"), put(&store, b"bbbb"));
    let pin = store.pin(&a).unwrap();
    let twice = store.pin(&a).unwrap();
    drop(twice);
    store.bytes(&b, 9).unwrap();
    put(&store, b"cccc");
    assert_eq!((store.has(&a), store.has(&b)), (true, false), "not the one used longest ago, for it is pinned");
    assert_eq!(std::fs::read(pin.path()).unwrap(), b"aaaa");
    assert_eq!((pin.digest(), pin.size()), (a, 4));
    drop(pin);
    put(&store, b"dddd");
    put(&store, b"eeee");
    assert!(!store.has(&a), "a pin let go of is none");
    assert!(store.pin(&b).is_none(), "what is not here cannot be pinned");
}

#[test]
fn what_can_never_fit_is_refused_and_nothing_goes_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Some(4)).unwrap();
    let a = put(&store, b"aaaa");
    assert!(matches!(store.put(b"bbbbb"), Err(PutError::TooLarge { limit: 4 })));
    assert!(store.has(&a));
}
