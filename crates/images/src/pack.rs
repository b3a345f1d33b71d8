//! Folders as tar archives and images, the same bytes for the same files: names in order, nobody's, without times.

use crate::manifest::architecture;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tar::{Builder, EntryType, Header};
use units::Digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Writes all below a folder as a tar archive: files, folders and symbolic links.
///
/// # Errors
/// What cannot be read or written; names that are no text.
pub fn pack(folder: &Path, to: impl Write) -> io::Result<()> {
    let mut tar = Builder::new(to);
    tar.follow_symlinks(false);
    pack_below(&mut tar, folder, "")?;
    tar.finish()
}

fn pack_below(tar: &mut Builder<impl Write>, root: &Path, below: &str) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(below))? {
        let name = entry?.file_name().into_string();
        names.push(name.map_err(|name| io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is no text")))?);
    }
    names.sort();
    for name in names {
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let file = root.join(&path);
        let metadata = fs::symlink_metadata(&file)?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let mut header = Header::new_gnu();
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_size(0);
        if metadata.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            tar.append_link(&mut header, &path, fs::read_link(&file)?)?;
        } else if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            tar.append_data(&mut header, &path, io::empty())?;
            pack_below(tar, root, &path)?;
        } else if metadata.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            tar.append_data(&mut header, &path, File::open(&file)?)?;
        }
    }
    Ok(())
}

/// Writes a folder as an image of one layer, an OCI layout in one file, for this machine's kind of processor: its command, its
/// variables (`NAME=value`). The manifest's digest.
///
/// # Errors
/// As of [`pack`].
pub fn pack_image(root: &Path, command: &[&str], environment: &[String], to: &Path) -> io::Result<Digest> {
    let mut layer = tempfile::tempfile()?;
    pack(root, &mut layer)?;
    let (layer_digest, layer_size) = hash(&mut layer)?;
    let config = json!({
        "architecture": architecture(), "os": "linux",
        "config": { "Cmd": command, "Env": environment },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest.to_string()] },
    });
    let config = serde_json::to_vec(&config)?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": digest(&config).to_string(), "size": config.len() },
        "layers": [{ "mediaType": LAYER, "digest": layer_digest.to_string(), "size": layer_size }],
    });
    let manifest = serde_json::to_vec(&manifest)?;
    let name = digest(&manifest);
    let described = json!({ "mediaType": MANIFEST, "digest": name.to_string(), "size": manifest.len() });
    let index = serde_json::to_vec(&json!({ "schemaVersion": 2, "manifests": [described] }))?;
    let mut tar = Builder::new(File::create(to)?);
    let mut put = |name: &str, size: u64, content: &mut dyn Read| {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(size);
        tar.append_data(&mut header, name, content)
    };
    let mut text = |name: &str, bytes: &[u8]| put(name, length(bytes), &mut &*bytes);
    text("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    text("index.json", &index)?;
    for bytes in [&config, &manifest] {
        text(&format!("blobs/sha256/{}", digest(bytes).hex()), bytes)?;
    }
    put(&format!("blobs/sha256/{}", layer_digest.hex()), layer_size, &mut layer)?;
    tar.finish()?;
    Ok(name)
}

/// Digest and size of a file, which is then read from its beginning again.
fn hash(file: &mut File) -> io::Result<(Digest, u64)> {
    use std::io::Seek as _;
    file.rewind()?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        size = size.saturating_add(length(bytes));
    }
    file.rewind()?;
    Ok((Digest::from(<[u8; 32]>::from(hash.finalize())), size))
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caps, Store};

    #[test]
    fn the_same_files_make_the_same_image_and_it_unpacks_to_them() {
        let make = |names: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("bin")).unwrap();
            for name in names {
                fs::write(root.path().join("bin").join(name), *name).unwrap();
            }
            std::os::unix::fs::symlink("one", root.path().join("bin/link")).unwrap();
            fs::set_permissions(root.path().join("bin/one"), fs::Permissions::from_mode(0o711)).unwrap();
            let out = tempfile::NamedTempFile::new().unwrap();
            let digest = pack_image(root.path(), &["/bin/one"], &["A=b".to_owned()], out.path()).unwrap();
            (out, digest)
        };
        let ((first, name), (second, other)) = (make(&["one", "two"]), make(&["two", "one"]));
        assert_eq!(name, other);
        assert_eq!(fs::read(first.path()).unwrap(), fs::read(second.path()).unwrap());
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), Caps::default()).unwrap();
        let image = store.import(first.path()).unwrap();
        assert_eq!((image.digest, image.config.command.as_slice()), (name, ["/bin/one".to_owned()].as_slice()));
        let tree = store.unpack(&image, None).unwrap().tree;
        assert_eq!(fs::read_to_string(tree.join("bin/link")).unwrap(), "one");
    }
}
