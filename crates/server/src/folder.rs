//! The data folder: the operator's key, the journal's and the blobs' places, the note that says where the server listens.

use orders::SigningKey;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use units::B256;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file in it could not be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key file holds no key.
    #[error("{} does not hold a private key (64 hexadecimal digits)", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
}

/// What the file `endpoint` in the data folder says of a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where it listens.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// What strangers do not have; none on an open exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_token: Option<String>,
}

impl Endpoint {
    /// Reads what a running server of this data folder left; none where none runs, or where it did not end well and another
    /// has not begun.
    #[must_use]
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join("endpoint")).ok()?).ok()
    }
}

/// A data folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder where it is not there; only its owner may look into it.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(|source| FolderError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// The operator's key; made on the first start.
    pub(crate) fn operator_key(&self) -> Result<SigningKey, FolderError> {
        let path = self.path.join("operator.key");
        let failed = |source| FolderError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => read_key(&text).ok_or(FolderError::Key { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = new_key();
                let text = format!("{}\n", hex::encode(key.to_bytes()));
                write_private(&path, text.as_bytes(), true).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The secrets of hidden audits that were not shown yet, oldest first.
    pub(crate) fn audit_secrets(&self) -> Result<Vec<B256>, FolderError> {
        let path = self.path.join("audit.secrets");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }

    /// Keeps the secrets of hidden audits, in place of those kept before.
    pub(crate) fn write_audit_secrets(&self, secrets: &[B256]) -> Result<(), FolderError> {
        let path = self.path.join("audit.secrets");
        let text: String = secrets.iter().map(|secret| format!("{secret}\n")).collect();
        write_private(&path, text.as_bytes(), false).map_err(|source| FolderError::Io { path, source })
    }

    /// Which packages came beside sealed words: a line each.
    pub(crate) fn opened_results(&self) -> Result<String, FolderError> {
        let path = self.path.join("results.opened");
        match fs::read(&path) {
            Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }

    /// Keeps these lines in place of those kept before.
    pub(crate) fn write_opened_results(&self, lines: &str) -> Result<(), FolderError> {
        let path = self.path.join("results.opened");
        write_private(&path, lines.as_bytes(), false).map_err(|source| FolderError::Io { path, source })
    }

    /// Adds lines to those kept before. They outlive the process, if not the machine.
    pub(crate) fn add_opened_results(&self, lines: &str) -> Result<(), FolderError> {
        let path = self.path.join("results.opened");
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let added = options.open(&path).and_then(|mut file| file.write_all(lines.as_bytes()));
        added.map_err(|source| FolderError::Io { path, source })
    }

    pub(crate) fn write_endpoint(&self, endpoint: &Endpoint) -> Result<(), FolderError> {
        let path = self.path.join("endpoint");
        let text = serde_json::to_vec(endpoint).expect("an endpoint is plain JSON");
        write_private(&path, &text, false).map_err(|source| FolderError::Io { path, source })
    }

    pub(crate) fn remove_endpoint(&self) {
        drop(fs::remove_file(self.path.join("endpoint")));
    }
}

fn read_key(text: &str) -> Option<SigningKey> {
    let text = text.trim();
    let bytes: [u8; 32] = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?.try_into().ok()?;
    SigningKey::from_bytes(&bytes).ok()
}

fn new_key() -> SigningKey {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        if let Ok(key) = SigningKey::from_bytes(&bytes) {
            return key;
        }
    }
}

/// Writes a file that only its owner may read, whole or not at all; durable when this returns.
fn write_private(path: &Path, content: &[u8], must_be_new: bool) -> io::Result<()> {
    let parent = path.parent().expect("a file of the data folder lies in it");
    let partial = path.with_extension("partial");
    drop(fs::remove_file(&partial));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    if must_be_new && path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(&partial, path)?;
    #[cfg(unix)]
    fs::File::open(parent)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_key_is_made_once_and_is_nobody_elses_to_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("data")).unwrap();
        let key = folder.operator_key().unwrap();
        assert_eq!(folder.operator_key().unwrap().address(), key.address());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join("operator.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn the_secrets_of_audits_are_kept_in_order() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert!(folder.audit_secrets().unwrap().is_empty());
        let secrets = [B256::repeat_byte(2), B256::repeat_byte(1)];
        folder.write_audit_secrets(&secrets).unwrap();
        assert_eq!(folder.audit_secrets().unwrap(), secrets);
    }

    #[test]
    fn a_key_file_without_a_key_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        fs::write(place.path().join("operator.key"), "hello").unwrap();
        assert!(matches!(folder.operator_key(), Err(FolderError::Key { .. })));
    }
}
