//! A worker that lies, for demonstrations and tests of verification.

use crate::runner::{Kept, KeptBody};
use api::worker::Package;
use std::collections::BTreeMap;
use units::Bytes;

/// A wrong result in place of the right one: a package that is as well made as any, so that nothing but a second opinion
/// can tell. The same for the same task's result, however often it is asked.
pub(crate) fn forge(truth: &Package) -> (Package, Kept) {
    let words = format!("not {}", truth.blob);
    let files = BTreeMap::from([("result".to_owned(), words.into_bytes())]);
    let (encoding, encoded) = results::encode(b"", &files).expect("a plain name and a short file can be encoded");
    let (blob, size) = (encoded.digest, encoded.size);
    let bytes = Bytes::from(encoding);
    let package = Package {
        blob,
        size,
        inline: Some(bytes.clone()),
        callback: None,
        stderr: truth.stderr.clone(),
        stdout: truth.stdout.clone(),
    };
    (package, Kept { blob, size, body: KeptBody::Memory(bytes) })
}
