//! Image layouts made by hand, so that they can lie in any way.

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A layer's entry, as raw as a test wants it.
pub(crate) struct Entry {
    header: tar::Header,
    name: Vec<u8>,
    content: Vec<u8>,
}

/// An entry of any type; the name is written as it is, whatever it holds.
pub(crate) fn entry(kind: tar::EntryType, name: &str, content: &[u8]) -> Entry {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_mtime(1_000_000_000);
    header.set_size(content.len() as u64);
    Entry { header, name: name.as_bytes().to_vec(), content: content.to_vec() }
}

pub(crate) fn file(name: &str, content: &str) -> Entry {
    entry(tar::EntryType::Regular, name, content.as_bytes())
}

pub(crate) fn folder(name: &str) -> Entry {
    let mut made = entry(tar::EntryType::Directory, name, b"");
    made.header.set_mode(0o755);
    made
}

pub(crate) fn link(name: &str, target: &str) -> Entry {
    linked(tar::EntryType::Symlink, name, target)
}

pub(crate) fn second_name(name: &str, target: &str) -> Entry {
    linked(tar::EntryType::Link, name, target)
}

fn linked(kind: tar::EntryType, name: &str, target: &str) -> Entry {
    let mut made = entry(kind, name, b"");
    let field = &mut made.header.as_gnu_mut().unwrap().linkname;
    field[..target.len()].copy_from_slice(target.as_bytes());
    made
}

impl Entry {
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.header.set_mode(mode);
        self
    }

    /// Claims another size than its content has.
    pub(crate) fn claim(mut self, size: u64) -> Self {
        self.header.set_size(size);
        self
    }
}

/// A layer's tar archive.
pub(crate) fn layer(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Entry { mut header, name, content } in entries {
        let field = &mut header.as_gnu_mut().unwrap().name;
        field[..name.len()].copy_from_slice(&name);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1_024, 0);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// An image layout in a folder of its own.
pub(crate) struct Layout {
    pub(crate) folder: TempDir,
    /// Manifest and config, before they are written.
    pub(crate) manifest: Value,
    pub(crate) config: Value,
}

impl Layout {
    /// An image of these layers' tar archives, gzipped.
    pub(crate) fn new(layers: &[Vec<u8>]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let diffs: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
        let config = json!({
            "architecture": architecture, "os": "linux",
            "config": { "Entrypoint": ["/bin/app"], "Cmd": ["--help"], "Env": ["PATH=/bin"], "WorkingDir": "/work" },
            "rootfs": { "type": "layers", "diff_ids": diffs },
        });
        let mut layout = Self { folder, manifest: Value::Null, config };
        let described: Vec<Value> = layers
            .iter()
            .map(|layer| {
                let packed = gzip(layer);
                json!({ "mediaType": GZIP, "digest": layout.put(&packed), "size": packed.len() })
            })
            .collect();
        layout.manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": described });
        layout
    }

    /// Keeps a blob under its own digest, which is returned.
    pub(crate) fn put(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.put_as(&digest, bytes);
        digest
    }

    /// Keeps bytes under any digest.
    pub(crate) fn put_as(&self, digest: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
    }

    /// Writes config, manifest and index; the manifest's digest.
    pub(crate) fn write(&mut self) -> String {
        let config = serde_json::to_vec(&self.config).unwrap();
        if self.manifest.get("config").is_none() {
            let described = json!({ "mediaType": CONFIG, "digest": self.put(&config), "size": config.len() });
            self.manifest["config"] = described;
        }
        let manifest = serde_json::to_vec(&self.manifest).unwrap();
        let digest = self.put(&manifest);
        let described = json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.len() });
        let index = json!({ "schemaVersion": 2, "manifests": [described] });
        fs::write(self.path().join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
        digest
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The layout as one tar archive, beside the folder's content.
    pub(crate) fn archived(&self) -> PathBuf {
        let path = self.path().join("image.tar");
        let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
        for name in ["oci-layout", "index.json"] {
            builder.append_path_with_name(self.path().join(name), name).unwrap();
        }
        builder.append_dir_all("blobs", self.path().join("blobs")).unwrap();
        builder.finish().unwrap();
        path
    }
}
