//! Images that this person has given a name: what an app's manifest calls by that name is then theirs, at every exchange and
//! with `--local`.

use super::FoundImage;
use crate::files::{read_json, write_json};
use crate::home::Home;
use api::image::ImageAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use units::Digest;

/// An image, as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    digest: Digest,
    /// Its name in a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Or its archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    archive: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
}

impl FoundImage {
    /// Writes it down under its name.
    pub(crate) fn keep(&self, home: &Home) -> anyhow::Result<()> {
        let mut all = all(home)?;
        let reference = match &self.address {
            ImageAddress::Registry(name) => Some(name.clone()),
            ImageAddress::Archive(_) => None,
        };
        let archive = self.archive.as_ref().map(std::path::absolute).transpose()?;
        let kept = Kept { digest: self.digest, reference, archive, registry: self.registry.clone() };
        all.insert(self.name.clone(), kept);
        write_json(&home.images_file(), &all)
    }

    /// The image of this name, if one was written down.
    pub(crate) fn kept(home: &Home, name: &str) -> anyhow::Result<Option<Self>> {
        let Some(kept) = all(home)?.remove(name) else { return Ok(None) };
        let address = kept.reference.clone().map_or(ImageAddress::Archive(Digest::default()), ImageAddress::Registry);
        let full_name = kept.reference.unwrap_or_else(|| name.to_owned());
        let (digest, registry, archive) = (kept.digest, kept.registry, kept.archive);
        Ok(Some(Self { address, digest, name: name.to_owned(), full_name, archive, registry }))
    }
}

fn all(home: &Home) -> anyhow::Result<BTreeMap<String, Kept>> {
    Ok(read_json(&home.images_file())?.unwrap_or_default())
}
