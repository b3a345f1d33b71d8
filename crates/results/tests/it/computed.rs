//! iExec's rule for the digest.

use results::{BadComputed, ComputedFile, sha256};
use std::collections::BTreeMap;
use units::{B256, Digest};

fn tree(paths: &[&str]) -> BTreeMap<String, Digest> {
    paths.iter().map(|path| ((*path).to_owned(), sha256(path.as_bytes()))).collect()
}

fn digest(json: &str, paths: &[&str]) -> Result<B256, BadComputed> {
    ComputedFile::parse(json.as_bytes())?.output_digest(&tree(paths))
}

fn output(path: &str) -> String {
    format!(r#"{{"deterministic-output-path":"{path}"}}"#)
}

/// Keccak-256 of these paths' SHA-256s, one after the other.
fn folder(paths: &[&str]) -> B256 {
    let hashes: Vec<u8> = paths.iter().flat_map(|path| sha256(path.as_bytes()).0.0).collect();
    alloy_primitives::keccak256(hashes)
}

#[test]
fn of_a_file_the_digest_is_its_sha_256() {
    for path in ["/iexec_out/a/b.txt", "/iexec_out//a/./b.txt"] {
        assert_eq!(digest(&output(path), &["a/b.txt", "c"]), Ok(sha256(b"a/b.txt").0), "{path}");
    }
}

#[test]
fn of_a_folder_it_is_keccak_of_its_files_hashes_by_name() {
    let paths = ["d/b", "d/a", "d/deeper/x", "e", "d2/a"];
    assert_eq!(digest(&output("/iexec_out/d"), &paths), Ok(folder(&["d/a", "d/b"])));
    assert_eq!(digest(&output("/iexec_out/d/"), &paths), Ok(folder(&["d/a", "d/b"])));
    assert_eq!(digest(&output("/iexec_out"), &["b", "a", "d/c"]), Ok(folder(&["a", "b"])));
    assert_eq!(digest(&output("/iexec_out/d"), &["d/deeper/x"]), Ok(folder(&[])), "folders hash to nothing");
}

#[test]
fn names_are_compared_as_java_compares_them() {
    // U+FFFF comes before U+10000 in UTF-8 and after it in UTF-16.
    let (low, high) = ("d/\u{ffff}", "d/\u{10000}");
    assert!(low.as_bytes() < high.as_bytes());
    assert_eq!(digest(&output("/iexec_out/d"), &[low, high]), Ok(folder(&[high, low])));
}

#[test]
fn a_path_that_leads_elsewhere_or_nowhere_gives_no_digest() {
    for path in ["/etc/passwd", "a", "/iexec_outside", "/iexec_out/../x", "/iexec_out/a/../../x"] {
        assert_eq!(digest(&output(path), &["a"]), Err(BadComputed::Outside), "{path}");
    }
    assert_eq!(digest(&output("/iexec_out/b"), &["a"]), Err(BadComputed::Missing));
    assert_eq!(digest(&output(""), &["a"]), Err(BadComputed::NoRule));
}

#[test]
fn callback_data_is_hashed_with_keccak() {
    let computed = ComputedFile::parse(br#"{"callback-data":"0x","task-id":"0x12"}"#).unwrap();
    assert_eq!(computed.callback_digest(), Ok(alloy_primitives::keccak256([])));
    let computed = ComputedFile::parse(br#"{"callback-data":"0xCAfe"}"#).unwrap();
    assert_eq!(computed.callback().unwrap().to_vec(), [0xca, 0xfe]);
    assert_eq!(computed.callback_digest(), Ok(alloy_primitives::keccak256([0xca, 0xfe])));
    let without = ComputedFile::parse(br#"{"callback-data":""}"#).unwrap();
    assert_eq!(without.callback_digest(), Err(BadComputed::NoRule));
}

#[test]
fn what_is_not_of_the_files_form_is_refused() {
    for json in
        ["", "nothing", "[]", r#"{"callback-data":7}"#, r#"{"callback-data":"cafe"}"#, r#"{"callback-data":"0xg0"}"#]
    {
        assert_eq!(ComputedFile::parse(json.as_bytes()), Err(BadComputed::Malformed), "{json}");
    }
    let long = vec![b' '; usize::try_from(ComputedFile::MAX_BYTES).unwrap() + 1];
    assert_eq!(ComputedFile::parse(&long), Err(BadComputed::TooLarge));
}
