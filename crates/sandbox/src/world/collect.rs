//! From what a program left to its result.

use super::{Content, Stop, Tree};
use crate::control::Control;
use crate::run::Package;
use results::{BadComputed, ComputedFile, EncodeError, Encoded, Encoder, Failure, OutputLimit, Success};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use units::Digest;

/// Results up to this size are handed over in memory.
const MEMORY_PACKAGE_BYTES: u64 = 1 << 20;
/// Entries' headers are shorter than this, their paths not counted.
const HEADER_BYTES: u64 = 16;

/// A program's tree, encoded.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) success: Success,
    pub(crate) package: Package,
}

/// Encodes the output and works out its digest.
///
/// `callback` says whether the deal asks for one, so that `computed.json` must name its data.
pub(crate) fn collect(
    (callback, control): (bool, &Control),
    tree: &mut Tree,
    stdout: &mut Content,
    scratch: &Path,
) -> Result<Collected, Stop> {
    let files = tree.output_files();
    if files.keys().any(|path| results::check_path(path).is_err()) {
        return Err(Stop::Fail(Failure::OutputLimit(OutputLimit::Path)));
    }
    let computed = computed_file(tree, &files)?;
    let mut digests = (computed.is_some() && !callback).then(BTreeMap::new);
    let size = files.iter().fold(stdout.length() + HEADER_BYTES, |size, (path, ino)| {
        size + HEADER_BYTES + path.len() as u64 + tree.stat(*ino).size
    });
    let mut sink = Sink::new(size, scratch).map_err(Stop::Scratch)?;
    let encoded = encode(tree, &files, stdout, &mut sink, digests.as_mut(), control)?;
    let (digest, callback) = match (&computed, callback) {
        (None, false) => (Ok(encoded.digest.0), None),
        (None, true) => (Err(BadComputed::NoRule), None),
        (Some(computed), true) => (computed.callback_digest(), computed.callback().cloned()),
        (Some(computed), false) => (computed.output_digest(&digests.unwrap_or_default()), None),
    };
    let digest = digest.map_err(|_| Stop::Fail(Failure::Computed))?;
    let package = sink.finish().map_err(Stop::Scratch)?;
    let success = Success { blob: encoded.digest, size: encoded.size, digest, callback };
    Ok(Collected { success, package })
}

fn encode(
    tree: &mut Tree,
    files: &BTreeMap<String, u64>,
    stdout: &mut Content,
    sink: &mut Sink,
    mut digests: Option<&mut BTreeMap<String, Digest>>,
    control: &Control,
) -> Result<Encoded, Stop> {
    let mut encoder = Encoder::new(|bytes: &[u8]| sink.write(bytes));
    encoder.stdout(stdout.length()).map_err(written)?;
    stdout.pieces(|piece| encoder.content(piece).map_err(written))?;
    for (path, ino) in files {
        if control.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let (content, _) = tree.content(*ino).map_err(|_| Stop::Scratch(io::ErrorKind::IsADirectory.into()))?;
        encoder.file(path, content.length()).map_err(written)?;
        let mut hash = digests.is_some().then(Sha256::new);
        content.pieces(|piece| {
            if let Some(hash) = &mut hash {
                hash.update(piece);
            }
            encoder.content(piece).map_err(written)
        })?;
        if let (Some(digests), Some(hash)) = (&mut digests, hash) {
            let hash: [u8; 32] = hash.finalize().into();
            digests.insert(path.clone(), Digest::from(hash));
        }
    }
    encoder.finish().map_err(written)
}

/// Reads `computed.json`, where there is one.
fn computed_file(tree: &mut Tree, files: &BTreeMap<String, u64>) -> Result<Option<ComputedFile>, Stop> {
    let Some(ino) = files.get(ComputedFile::PATH) else { return Ok(None) };
    let wrong = Stop::Fail(Failure::Computed);
    let length = tree.stat(*ino).size;
    if length > ComputedFile::MAX_BYTES {
        return Err(wrong);
    }
    let mut bytes = Vec::new();
    if let Ok((content, _)) = tree.content(*ino) {
        content.pieces(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), Stop>(())
        })?;
    }
    ComputedFile::parse(&bytes).map(Some).map_err(|_| wrong)
}

/// The tree's paths are sorted and checked, so that only the disk is left to go wrong.
fn written(error: EncodeError<io::Error>) -> Stop {
    match error {
        EncodeError::Sink(error) => Stop::Scratch(error),
        EncodeError::Path(_) | EncodeError::Misplaced | EncodeError::Length => {
            Stop::Scratch(io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

enum Sink {
    Memory(Vec<u8>),
    File(BufWriter<std::fs::File>, tempfile::TempPath),
}

impl Sink {
    fn new(size: u64, scratch: &Path) -> io::Result<Self> {
        if size <= MEMORY_PACKAGE_BYTES {
            return Ok(Self::Memory(Vec::new()));
        }
        let (file, path) = tempfile::Builder::new().prefix("result-").tempfile_in(scratch)?.into_parts();
        Ok(Self::File(BufWriter::new(file), path))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
            Self::File(file, _) => file.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<Package> {
        match self {
            Self::Memory(bytes) => Ok(Package::Memory(bytes)),
            Self::File(file, path) => {
                file.into_inner()?;
                Ok(Package::File(path))
            }
        }
    }
}
