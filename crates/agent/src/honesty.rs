//! A worker that lies, or whose sums round otherwise, for demonstrations and tests of verification.

use crate::runner::{Kept, KeptBody};
use api::worker::Package;
use results::{Decoder, Event, Limits};
use std::collections::BTreeMap;
use units::Bytes;

/// A wrong result in place of the right one: a package that is as well made as any, so that nothing but a second opinion
/// can tell. The same for the same task's result, however often it is asked.
pub(crate) fn forge(truth: &Package) -> (Package, Kept) {
    let words = format!("not {}", truth.blob);
    let files = BTreeMap::from([("result".to_owned(), words.into_bytes())]);
    packed(truth, b"", &files)
}

/// The right result as another machine may make it: the last digit that its program said is another by so many. A result that
/// is no small tree of files is as it was.
pub(crate) fn noisy(truth: &Package, by: u8) -> Option<(Package, Kept)> {
    let (mut said, mut files, mut name) = (Vec::new(), BTreeMap::<String, Vec<u8>>::new(), None);
    let mut decoder = Decoder::new(Limits { entries: 1_000, content_bytes: 1 << 20 });
    let bytes = truth.inline.clone()?;
    let mut rest = &bytes[..];
    while let Some(event) = decoder.push(&mut rest).ok()? {
        match event {
            Event::Stdout { .. } => name = None,
            Event::File { path, .. } => name = Some(path),
            Event::Content(piece) => match &name {
                None => said.extend_from_slice(piece),
                Some(name) => files.entry(name.clone()).or_default().extend_from_slice(piece),
            },
            Event::End => {}
        }
    }
    decoder.finish().ok()?;
    let digit = said.iter_mut().rev().find(|byte| byte.is_ascii_digit())?;
    *digit = b'0' + (*digit - b'0' + by) % 10;
    Some(packed(truth, &said, &files))
}

fn packed(truth: &Package, said: &[u8], files: &BTreeMap<String, Vec<u8>>) -> (Package, Kept) {
    let (encoding, encoded) = results::encode(said, files).expect("plain names and short files can be encoded");
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
