//! Which apps there are: those that `hands` brings along, and those published from here, each a folder below `apps/` of the home.

use crate::files::{read_json, write_json};
use crate::home::Home;
use anyhow::{Context as _, bail};
use manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use units::Address;

/// What a WebAssembly module begins with.
const MAGIC: &[u8] = b"\0asm";

/// Where an app is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `hands` brings it along.
    Bundled,
    /// It was published from here.
    Published,
    /// Somebody else published it: what only workers run of it is not here.
    Others(Address),
    /// A folder that somebody works on.
    Folder,
}

/// An app: its manifest, and the files that names.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) manifest: Manifest,
    /// The manifest as it is written.
    pub(crate) text: String,
    pub(crate) files: BTreeMap<String, Arc<[u8]>>,
    /// The folder that it was read from, which has its images' archives too.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) origin: Origin,
}

/// The file in an app's folder that says whose it is, where it is somebody else's.
const OWNER: &str = "owner.json";

/// What is remembered of a published app: the addresses of its programs, by exchange (its hub), then by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Published(pub(crate) BTreeMap<String, BTreeMap<String, Address>>);

/// All apps that are known here, by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog(BTreeMap<String, Known>);

/// The bytes of a file, which are a module's.
pub(super) fn module(name: &str, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    match bytes.starts_with(MAGIC) {
        true => Ok(bytes),
        false => bail!("{name} is not a WebAssembly module; build the program for wasm32-wasip1"),
    }
}

impl Catalog {
    /// All apps; one whose folder is damaged is left out and told, for the others are none the worse.
    pub(crate) fn open(home: Option<&Home>) -> (Self, Vec<String>) {
        let mut apps = BTreeMap::new();
        let mut complaints = Vec::new();
        for app in bundle::APPS {
            let known = Known::bundled(app);
            apps.insert(known.manifest.name.clone(), known);
        }
        let folders = home.and_then(|home| fs::read_dir(home.apps_folder()).ok());
        for folder in folders.into_iter().flatten().flatten() {
            match Known::read(&folder.path(), Origin::Published) {
                Ok(known) => drop(apps.insert(known.manifest.name.clone(), known)),
                Err(error) => complaints.push(format!("an app is left out: {error:#}")),
            }
        }
        (Self(apps), complaints)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known> {
        self.0.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Known> {
        self.0.values()
    }
}

impl Known {
    fn bundled(app: &bundle::App) -> Self {
        let manifest = Manifest::parse(app.manifest).expect("a bundled manifest is good, as a test says");
        let files = app.files.iter().map(|(name, bytes)| ((*name).to_owned(), Arc::from(*bytes)));
        Self { manifest, text: app.manifest.to_owned(), files: files.collect(), folder: None, origin: Origin::Bundled }
    }

    /// The app in a folder, checked.
    pub(crate) fn read(folder: &Path, origin: Origin) -> anyhow::Result<Self> {
        let path = folder.join(manifest::FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest = Manifest::parse(&text).with_context(|| format!("{} has mistakes", path.display()))?;
        let owner: Option<Address> = read_json(&folder.join(OWNER))?;
        let origin = owner.map_or(origin, Origin::Others);
        let wanted = if owner.is_some() { manifest.own_files() } else { manifest.files() };
        let mut files = BTreeMap::new();
        for name in wanted {
            let path = folder.join(name);
            let bytes = fs::read(&path)
                .with_context(|| format!("cannot read {}, which {} names", path.display(), manifest::FILE))?;
            files.insert(name.to_owned(), Arc::from(module(&path.display().to_string(), bytes)?));
        }
        Ok(Self { manifest, text, files, folder: Some(folder.to_owned()), origin })
    }

    /// Keeps the app in a folder, as [`Known::read`] reads it.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let write = || {
            fs::create_dir_all(folder)?;
            for (name, bytes) in &self.files {
                fs::write(folder.join(name), bytes)?;
            }
            let owner = folder.join(OWNER);
            match self.origin {
                Origin::Others(address) => fs::write(owner, serde_json::to_vec(&address)?)?,
                Origin::Bundled | Origin::Published | Origin::Folder if owner.exists() => fs::remove_file(owner)?,
                Origin::Bundled | Origin::Published | Origin::Folder => {}
            }
            fs::write(folder.join(manifest::FILE), &self.text)
        };
        write().with_context(|| format!("cannot write {}", folder.display()))
    }

    /// A file that the manifest names.
    pub(crate) fn file(&self, name: &str) -> Arc<[u8]> {
        Arc::clone(self.files.get(name).expect("an app has the files that its manifest names"))
    }

    /// A file that the manifest names, if it is here: of somebody else's app what only workers run is not.
    pub(crate) fn file_here(&self, name: &str) -> Option<Arc<[u8]>> {
        self.files.get(name).cloned()
    }

    /// An archive of an image that the manifest names.
    pub(crate) fn archive(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.as_deref().unwrap_or(Path::new("")).join(name);
        match path.is_file() {
            true => Ok(path),
            false => {
                bail!("{} is not there, which the manifest of the app {} names", path.display(), self.manifest.name)
            }
        }
    }

    /// Puts the archives of its images into a folder that it was written to.
    pub(crate) fn copy_archives(&self, folder: &Path) -> anyhow::Result<()> {
        for name in self.manifest.archives() {
            let (from, to) = (self.archive(name)?, folder.join(name));
            let part = folder.join(format!(".{name}.part"));
            std::fs::copy(&from, &part)
                .and_then(|_| std::fs::rename(&part, &to))
                .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        }
        Ok(())
    }

    /// Remembers the addresses of its programs at an exchange.
    pub(crate) fn remember(
        &self,
        home: &Home,
        hub: Address,
        addresses: BTreeMap<String, Address>,
    ) -> anyhow::Result<()> {
        let file = home.apps_folder().join(&self.manifest.name).join("published.json");
        let mut published: Published = read_json(&file)?.unwrap_or_default();
        published.0.insert(hub.to_string(), addresses);
        write_json(&file, &published)
    }

    /// The addresses of its programs, by exchange.
    pub(crate) fn published(&self, home: &Home) -> anyhow::Result<Published> {
        let file = home.apps_folder().join(&self.manifest.name).join("published.json");
        Ok(read_json(&file)?.unwrap_or_default())
    }
}
