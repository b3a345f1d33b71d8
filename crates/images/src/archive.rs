//! Images from a file: an OCI image layout, as a folder or as a tar archive of it.

use crate::manifest::{Blob, Document, Image};
use crate::{Error, Fault, Store};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use units::Digest;

/// Where the layout's blobs are.
const BLOBS: &str = "blobs/sha256/";

impl Store {
    /// Takes in the image of an OCI layout: what `skopeo copy … oci-archive:FILE`, `docker save` (25 and later) and
    /// `umoci` write. The first image in it that is for this machine's platform.
    ///
    /// # Errors
    /// [`Error::Refused`] for what is no such layout, or lacks a part; [`Error::Here`] for the file and this machine's disk.
    pub fn import(&self, path: &Path) -> Result<Image, Error> {
        let index = if path.is_dir() { self.import_folder(path)? } else { self.import_tar(path)? };
        let mut document = Document::read(&index)?;
        // The index may name an index of platforms.
        for _ in 0..2 {
            let Document::Index(chosen) = document else { break };
            let bytes = self.document(chosen.digest)?.ok_or(Fault::Missing(chosen.digest))?;
            document = Document::read(&bytes)?;
            if let Document::Manifest(manifest) = document {
                let lacking = std::iter::once(manifest.config).chain(manifest.blobs());
                for blob in lacking {
                    if !self.has(blob.digest) {
                        return Err(Fault::Missing(blob.digest).into());
                    }
                }
                return self.image(chosen.digest)?.ok_or_else(|| Fault::Missing(chosen.digest).into());
            }
        }
        Err(Fault::Unsupported("the layout's index names no image within two steps".to_owned()).into())
    }

    /// Takes the blobs of a layout in; its index.
    fn import_folder(&self, folder: &Path) -> Result<Vec<u8>, Error> {
        let index = self.index(File::open(folder.join("index.json")).map_err(|error| no_layout(&error))?)?;
        let mut budget = self.caps().packed_bytes;
        for entry in fs::read_dir(folder.join(BLOBS))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let size = entry.metadata()?.len();
            self.import_blob(&name, size, &mut File::open(entry.path())?, &mut budget)?;
        }
        Ok(index)
    }

    fn import_tar(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut archive = tar::Archive::new(io::BufReader::new(File::open(path)?));
        let mut budget = self.caps().packed_bytes;
        let mut index = None;
        let malformed = |error: io::Error| Fault::Malformed { what: "archive", why: error.to_string() };
        for entry in archive.entries().map_err(malformed)?.raw(true) {
            let mut entry = entry.map_err(malformed)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
            let name = name.trim_start_matches("./");
            let size = entry.header().entry_size().map_err(malformed)?;
            if name == "index.json" {
                index = Some(self.index(&mut entry)?);
            } else if let Some(hex) = name.strip_prefix(BLOBS) {
                self.import_blob(hex, size, &mut entry, &mut budget)?;
            }
        }
        index.ok_or_else(|| no_layout(&"it has no index.json").into())
    }

    fn index(&self, file: impl Read) -> Result<Vec<u8>, Error> {
        let limit = self.caps().document_bytes;
        let mut bytes = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read > limit) {
            return Err(Fault::TooMuch { what: "the bytes of a manifest or config", limit }.into());
        }
        Ok(bytes)
    }

    fn import_blob(&self, hex: &str, size: u64, content: &mut impl Read, budget: &mut u64) -> Result<(), Error> {
        let digest: Digest = format!("sha256:{hex}").parse().map_err(|error: units::ParseDigestError| {
            Fault::Malformed { what: "archive", why: format!("a blob's name: {error}") }
        })?;
        let limit = self.caps().packed_bytes;
        *budget = budget.checked_sub(size).ok_or(Fault::TooMuch { what: "the image's packed bytes", limit })?;
        if self.has(digest) {
            return Ok(());
        }
        let mut intake = self.intake(Blob { digest, size })?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = content.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            intake.write(bytes)?;
        }
        intake.finish()
    }
}

fn no_layout(why: &dyn std::fmt::Display) -> Fault {
    let text = format!("not an OCI image layout ({why}); `skopeo copy docker-archive:FILE oci-archive:NEW` makes one");
    Fault::Unsupported(text)
}
