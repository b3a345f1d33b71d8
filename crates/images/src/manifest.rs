//! What an image is made of, as its manifest and config say.

use crate::Fault;
use crate::store::Caps;
use serde::Deserialize;
use units::Digest;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The kinds of documents asked of a registry under an image's name.
pub(crate) const MANIFESTS: &[&str] = &[OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A tar archive.
    Tar,
    /// A tar archive, gzipped.
    Gzip,
}

/// A blob, as its descriptor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) blob: Blob,
    pub(crate) kind: LayerKind,
    /// What its decompressed bytes hash to.
    pub(crate) diff: Digest,
}

/// How an image's program is started unless the task says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What is run; the task's arguments, or else [`Config::command`], follow.
    pub entrypoint: Vec<String>,
    /// What follows, where the task has no arguments.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// Where it starts; empty for `/`.
    pub folder: String,
    /// As whom: a name or number of the image's own, and perhaps `:GROUP`; empty for the root user.
    pub user: String,
}

/// An image whose manifest and config were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The manifest's digest: its name for ever.
    pub digest: Digest,
    /// How its program is started.
    pub config: Config,
    pub(crate) layers: Vec<Layer>,
}

impl Image {
    /// Bytes of all layers as they are transferred.
    #[must_use]
    pub fn packed_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.blob.size).fold(0, u64::saturating_add)
    }
}

/// What is found under an image's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// One image a platform: the digest of ours.
    Index(Blob),
    /// One image.
    Manifest(Manifest),
}

/// A manifest, before its config is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) config: Blob,
    layers: Vec<(Blob, LayerKind)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: u32,
    media_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    size: u64,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
struct RawImage {
    architecture: String,
    os: String,
    config: Option<RawConfig>,
    rootfs: RawRootfs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
}

#[derive(Deserialize)]
struct RawRootfs {
    diff_ids: Vec<Digest>,
}

impl From<&RawDescriptor> for Blob {
    fn from(raw: &RawDescriptor) -> Self {
        Self { digest: raw.digest, size: raw.size }
    }
}

/// The name of this machine's processor in images.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Document {
    /// Reads what is found under an image's name.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let raw: RawDocument = serde_json::from_slice(bytes).map_err(|error| malformed("manifest", &error))?;
        if raw.schema_version != 2 {
            let text = format!("manifests of schema version {} are not understood, only 2", raw.schema_version);
            return Err(Fault::Unsupported(text));
        }
        if let Some(kind) = raw.media_type.as_deref().filter(|kind| !MANIFESTS.contains(kind)) {
            return Err(Fault::Unsupported(format!("a manifest of type `{kind}` is not understood")));
        }
        match (raw.manifests, raw.config, raw.layers) {
            (Some(manifests), None, None) => Self::choose(&manifests),
            (None, Some(config), Some(layers)) => {
                let layers = layers.iter().map(|layer| Ok((Blob::from(layer), kind_of(&layer.media_type)?)));
                let layers = layers.collect::<Result<_, Fault>>()?;
                Ok(Self::Manifest(Manifest { config: Blob::from(&config), layers }))
            }
            _ => {
                let why = "it is neither a list of images nor one image".to_owned();
                Err(Fault::Malformed { what: "manifest", why })
            }
        }
    }

    fn choose(manifests: &[RawDescriptor]) -> Result<Self, Fault> {
        let fits = |it: &&RawDescriptor| {
            it.platform.as_ref().is_none_or(|own| own.os == "linux" && own.architecture == architecture())
        };
        let chosen = manifests.iter().find(fits).ok_or_else(|| {
            let have = manifests.iter().filter_map(|it| it.platform.as_ref());
            let have: Vec<String> = have.map(|it| format!("{}/{}", it.os, it.architecture)).collect();
            Fault::Unsupported(format!("there is no image for linux/{}, only for {}", architecture(), have.join(", ")))
        })?;
        Ok(Self::Index(Blob::from(chosen)))
    }
}

impl Manifest {
    /// Bytes that the image takes to fetch; refused where they pass the caps.
    pub(crate) fn check(&self, caps: &Caps) -> Result<(), Fault> {
        if self.layers.len() > caps.layers {
            let limit = u64::try_from(caps.layers).unwrap_or(u64::MAX);
            return Err(Fault::TooMuch { what: "the image's layers", limit });
        }
        let bytes = self.layers.iter().map(|(blob, _)| blob.size).fold(self.config.size, u64::saturating_add);
        if bytes > caps.packed_bytes {
            return Err(Fault::TooMuch { what: "the image's packed bytes", limit: caps.packed_bytes });
        }
        Ok(())
    }

    /// The blobs of its layers.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = Blob> {
        self.layers.iter().map(|(blob, _)| *blob)
    }

    /// The image, now that its config's bytes are there.
    pub(crate) fn with_config(self, digest: Digest, bytes: &[u8]) -> Result<Image, Fault> {
        let raw: RawImage = serde_json::from_slice(bytes).map_err(|error| malformed("config", &error))?;
        if raw.os != "linux" || raw.architecture != architecture() {
            let (os, own) = (raw.os, architecture());
            let text = format!("the image is for {os}/{}, this machine is linux/{own}", raw.architecture);
            return Err(Fault::Unsupported(text));
        }
        if raw.rootfs.diff_ids.len() != self.layers.len() {
            let (ids, layers) = (raw.rootfs.diff_ids.len(), self.layers.len());
            let why = format!("it names {ids} layers where the manifest has {layers}");
            return Err(Fault::Malformed { what: "config", why });
        }
        let layers = self.layers.iter().zip(raw.rootfs.diff_ids);
        let layers = layers.map(|((blob, kind), diff)| Layer { blob: *blob, kind: *kind, diff }).collect();
        let config = raw.config.unwrap_or_default();
        let config = Config {
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            environment: config.env.unwrap_or_default(),
            folder: config.working_dir.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
        };
        Ok(Image { digest, config, layers })
    }
}

fn kind_of(media_type: &str) -> Result<LayerKind, Fault> {
    match media_type {
        "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => Ok(LayerKind::Tar),
        "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            Ok(LayerKind::Gzip)
        }
        other => {
            Err(Fault::Unsupported(format!("a layer of type `{other}` is not understood (tar, or tar with gzip)")))
        }
    }
}

fn malformed(what: &'static str, error: &serde_json::Error) -> Fault {
    Fault::Malformed { what, why: error.to_string() }
}
