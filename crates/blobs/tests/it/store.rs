//! What a name shows is what it says, whatever happens on the way in.

use blobs::{Digest, OpenError, PutError, ReadError, Store};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn open(folder: &Path) -> Store {
    Store::open(folder, None).unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.retain(|path| path.file_name().unwrap() != "lock");
    found
}

#[test]
fn a_blob_is_named_by_its_content_and_stays_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stored = store.put(b"hello").unwrap();
    assert_eq!(stored.digest.to_string(), HELLO);
    assert_eq!(stored.size, 5);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.bytes(&stored.digest, 5).unwrap(), b"hello");
    assert_eq!((store.size(&stored.digest), store.total(), store.digests()), (Some(5), 5, vec![stored.digest]));
}

#[test]
fn the_same_content_twice_is_one_blob() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.put(b"hello").unwrap(), store.put(b"hello").unwrap());
    let mut upload = store.upload(9).unwrap();
    upload.push(b"hello").unwrap();
    upload.finish(None).unwrap();
    assert_eq!(store.total(), 5);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn two_uploads_of_the_same_content_at_once_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..20_u8 {
                    let mut upload = store.upload(9).unwrap();
                    upload.push(&[number]).unwrap();
                    upload.finish(None).unwrap();
                }
            });
        }
    });
    assert_eq!((store.total(), store.digests().len(), files(folder.path()).len()), (20, 20, 20));
}

#[test]
fn content_that_is_not_what_its_name_says_is_never_visible() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let name: Digest = HELLO.parse().unwrap();
    let mut upload = store.upload(100).unwrap();
    upload.push(b"hell0").unwrap();
    assert!(!store.has(&name), "nothing is visible before the end");
    assert!(matches!(upload.finish(Some(name)), Err(PutError::Mismatch { expected, .. }) if expected == name));
    assert!(!store.has(&name));
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new(), "and nothing is left behind");
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut upload = store.upload(100).unwrap();
    upload.write_all(b"half").unwrap();
    drop(upload);
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    assert_eq!(store.total(), 0);
}

#[test]
fn more_than_the_limit_is_refused_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut upload = store.upload(4).unwrap();
    upload.push(b"1234").unwrap();
    assert!(matches!(upload.push(b"5"), Err(PutError::TooLarge { limit: 4 })));
}

#[test]
fn what_a_crash_left_half_written_is_swept_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stored = store.put(b"hello").unwrap();
    drop(store);
    fs::write(folder.path().join("incoming/7"), b"half of someth").unwrap();
    fs::write(folder.path().join("sha256/2c/not-a-digest"), b"stray").unwrap();
    let store = open(folder.path());
    assert_eq!(store.digests(), [stored.digest]);
    assert!(fs::read_dir(folder.path().join("incoming")).unwrap().next().is_none());
}

#[test]
fn a_blob_damaged_on_disk_is_not_shown_but_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stored = store.put(b"hello").unwrap();
    fs::write(store.pin(&stored.digest).unwrap().path(), b"jello").unwrap();
    assert!(matches!(store.bytes(&stored.digest, 9), Err(ReadError::Damaged { .. })));
    assert!(!store.has(&stored.digest));
    store.put(b"hello").unwrap();
    assert_eq!(store.bytes(&stored.digest, 9).unwrap(), b"hello", "it can be put again");
}

#[test]
fn a_blob_longer_than_asked_for_is_not_read_and_an_unknown_one_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stored = store.put(b"hello").unwrap();
    assert!(matches!(store.bytes(&stored.digest, 4), Err(ReadError::Range { size: 5 })));
    assert!(matches!(store.bytes(&Digest::default(), 4), Err(ReadError::Missing { .. })));
    assert!(store.remove(&stored.digest).unwrap());
    assert!(!store.remove(&stored.digest).unwrap());
    assert!(matches!(store.bytes(&stored.digest, 5), Err(ReadError::Missing { .. })));
    assert_eq!(store.total(), 0);
}

#[test]
fn a_file_is_taken_in_by_copying() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store"));
    let file = folder.path().join("file");
    fs::write(&file, b"hello").unwrap();
    let stored = store.put_file(&file, Some(HELLO.parse().unwrap())).unwrap();
    fs::write(&file, b"changed").unwrap();
    assert_eq!(store.bytes(&stored.digest, 9).unwrap(), b"hello");
    assert!(matches!(store.put_file(&file, Some(stored.digest)), Err(PutError::Mismatch { .. })));
}

#[test]
fn a_folder_serves_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(matches!(Store::open(folder.path(), None), Err(OpenError::InUse { .. })));
    drop(store);
    open(folder.path());
}

#[cfg(unix)]
#[test]
fn the_folder_is_closed_to_other_users() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    drop(open(&store));
    assert_eq!(fs::metadata(store).unwrap().permissions().mode() & 0o777, 0o700);
}
