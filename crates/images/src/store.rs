//! The folder in which a machine keeps images.
//!
//! ```text
//! blobs/DIGEST            a manifest, config or packed layer; named by its SHA-256, complete
//! trees/DIGEST-USER-GROUP  an image's unpacked files, complete; named by its manifest, and whose they are
//! work/                   what is being made; swept at the start
//! ```

use crate::layer::{self, Budget};
use crate::manifest::{Blob, Document, Image};
use crate::tree::Tree;
use crate::{Config, Error, Fault};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::{NamedTempFile, TempDir};
use units::Digest;

/// Manifests and configs are smaller than this, and cost nothing to keep.
const SMALL_BYTES: u64 = 64 << 10;

/// What a machine takes on for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of a manifest, and of a config.
    pub document_bytes: u64,
    /// Bytes of all layers, packed.
    pub packed_bytes: u64,
    /// Bytes of all layers, unpacked, with the archives' own.
    pub unpacked_bytes: u64,
    /// Entries of all layers.
    pub files: u64,
    /// Layers.
    pub layers: usize,
}

impl Default for Caps {
    fn default() -> Self {
        let gib = 1 << 30;
        Self { document_bytes: 4 << 20, packed_bytes: 8 * gib, unpacked_bytes: 24 * gib, files: 1_000_000, layers: 128 }
    }
}

/// Whose an unpacked tree's files are: a user and group of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// An image ready to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its files.
    pub tree: PathBuf,
    /// How its program is started.
    pub config: Config,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    caps: Caps,
}

impl Store {
    /// Opens the folder, making it if need be, and sweeps what an earlier process left half made. One process at a time.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(folder: impl Into<PathBuf>, caps: Caps) -> io::Result<Self> {
        let folder = folder.into();
        let work = folder.join("work");
        match fs::remove_dir_all(&work) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for name in ["blobs", "trees", "work"] {
            fs::create_dir_all(folder.join(name))?;
        }
        Ok(Self { folder, caps })
    }

    /// What is taken on for an image.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// The image of this manifest, if it is kept whole.
    ///
    /// # Errors
    /// [`Error::Here`], and [`Error::Refused`] for what was kept and is no image.
    pub fn image(&self, digest: Digest) -> Result<Option<Image>, Error> {
        let Some(bytes) = self.document(digest)? else { return Ok(None) };
        let manifest = match Document::read(&bytes)? {
            Document::Index(chosen) => return self.image(chosen.digest),
            Document::Manifest(manifest) => manifest,
        };
        manifest.check(&self.caps)?;
        let Some(config) = self.document(manifest.config.digest)? else { return Ok(None) };
        for blob in manifest.blobs() {
            match fs::metadata(self.blob_path(blob.digest)) {
                Ok(kept) if kept.len() == blob.size => {}
                Ok(kept) => {
                    return Err(Fault::Size { digest: blob.digest, said: blob.size, found: kept.len() }.into());
                }
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(manifest.with_config(digest, &config)?))
    }

    /// The image of this manifest, if it is unpacked for `owner`; its layers need not be kept any more.
    ///
    /// # Errors
    /// [`Error::Here`], and [`Error::Refused`] for what was kept and is no image.
    pub fn prepared(&self, digest: Digest, owner: Option<Owner>) -> Result<Option<Prepared>, Error> {
        let Some(bytes) = self.document(digest)? else { return Ok(None) };
        let manifest = match Document::read(&bytes)? {
            Document::Index(chosen) => return self.prepared(chosen.digest, owner),
            Document::Manifest(manifest) => manifest,
        };
        let Some(config) = self.document(manifest.config.digest)? else { return Ok(None) };
        let tree = self.tree_path(digest, owner);
        if !tree.is_dir() {
            return Ok(None);
        }
        // When it was last used: the oldest leave first.
        File::open(&tree)?.set_modified(SystemTime::now())?;
        let image = manifest.with_config(digest, &config)?;
        Ok(Some(Prepared { digest, tree, config: image.config }))
    }

    fn tree_path(&self, digest: Digest, owner: Option<Owner>) -> PathBuf {
        let whose = owner.map_or_else(String::new, |owner| format!("-{}-{}", owner.user, owner.group));
        self.folder.join("trees").join(format!("{}{whose}", digest.hex()))
    }

    /// The image's files, unpacked for `owner` (`None`: this process's user), made now unless they are there.
    /// Long for a large image: not for a thread that must answer.
    ///
    /// # Errors
    /// [`Error::Refused`] for an image that breaks a rule, [`Error::Here`] for this machine's disk; nothing is left then.
    pub fn unpack(&self, image: &Image, owner: Option<Owner>) -> Result<Prepared, Error> {
        let tree = self.tree_path(image.digest, owner);
        let prepared = Prepared { digest: image.digest, tree, config: image.config.clone() };
        if prepared.tree.is_dir() {
            // When it was last used: the oldest leave first.
            File::open(&prepared.tree)?.set_modified(SystemTime::now())?;
            return Ok(prepared);
        }
        let work = TempDir::new_in(self.folder.join("work"))?;
        let root = work.path().join("tree");
        fs::create_dir(&root)?;
        let made = Tree::open(&root, owner)?;
        let budget = Budget::new(&self.caps);
        for layer in &image.layers {
            layer::lay(layer, &self.blob_path(layer.blob.digest), &made, &budget)?;
        }
        match fs::rename(&root, &prepared.tree) {
            Err(_) if prepared.tree.is_dir() => Ok(prepared),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(prepared),
        }
    }

    /// Frees space: packed layers go (an unpacked tree does not need them), then the trees used longest ago, then what small
    /// documents there are, until what is kept is at most `bytes`. Trees in `used` stay. What is kept then, bytes.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn shrink(&self, bytes: u64, used: &[Digest]) -> io::Result<u64> {
        let mut kept: Vec<(u8, SystemTime, PathBuf, u64)> = Vec::new();
        for name in ["blobs", "trees"] {
            for entry in fs::read_dir(self.folder.join(name))? {
                let path = entry?.path();
                let (modified, size) = (fs::metadata(&path)?.modified()?, size_of(&path)?);
                let turn = match name {
                    "blobs" if size > SMALL_BYTES => 0,
                    "trees" => 1,
                    _ => 2,
                };
                kept.push((turn, modified, path, size));
            }
        }
        kept.sort();
        let mut total = kept.iter().map(|(_, _, _, size)| size).fold(0_u64, |sum, size| sum.saturating_add(*size));
        for (_, _, path, size) in kept {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if total <= bytes || used.iter().any(|digest| name.starts_with(&digest.hex())) {
                continue;
            }
            if path.is_dir() {
                // Taken out of sight first, so that no half removed tree is ever used.
                let gone = TempDir::new_in(self.folder.join("work"))?;
                fs::rename(&path, gone.path().join("tree"))?;
                gone.close()?;
            } else {
                fs::remove_file(&path)?;
            }
            total = total.saturating_sub(size);
        }
        Ok(total)
    }

    /// Whether a blob is kept.
    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// Starts to take a blob in.
    pub(crate) fn intake(&self, blob: Blob) -> io::Result<Intake> {
        let file = NamedTempFile::new_in(self.folder.join("work"))?;
        Ok(Intake { file, hash: Sha256::new(), blob, taken: 0, to: self.blob_path(blob.digest) })
    }

    /// Takes in a document whose bytes are here.
    pub(crate) fn keep_document(&self, blob: Blob, bytes: &[u8]) -> Result<(), Error> {
        let mut intake = self.intake(blob)?;
        intake.write(bytes)?;
        intake.finish()
    }

    /// A kept manifest or config.
    pub(crate) fn document(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        let file = match File::open(self.blob_path(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let limit = self.caps.document_bytes;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
            return Err(Fault::TooMuch { what: "the bytes of a manifest or config", limit }.into());
        }
        Ok(Some(bytes))
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }
}

/// A blob on its way in: it is there once it is whole and what its name says.
#[derive(Debug)]
pub(crate) struct Intake {
    file: NamedTempFile,
    hash: Sha256,
    blob: Blob,
    taken: u64,
    to: PathBuf,
}

impl Intake {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.taken = self.taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let Blob { digest, size } = self.blob;
        if self.taken > size {
            return Err(Fault::Size { digest, said: size, found: self.taken }.into());
        }
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        let Blob { digest, size } = self.blob;
        if self.taken != size {
            return Err(Fault::Size { digest, said: size, found: self.taken }.into());
        }
        let found = Digest::from(<[u8; 32]>::from(self.hash.finalize()));
        if found != digest {
            return Err(Fault::Digest { expected: digest, found }.into());
        }
        self.file.persist(&self.to).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Bytes of a file, or of all files below a folder; links are not followed.
fn size_of(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut sum = 0_u64;
    for entry in fs::read_dir(path)? {
        sum = sum.saturating_add(size_of(&entry?.path())?);
    }
    Ok(sum)
}
