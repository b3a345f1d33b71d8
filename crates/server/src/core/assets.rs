//! Which apps and datasets are of which file, so that a worker's files say what it can start at once.

use super::briefs::blob_named;
use api::image::ImageAddress;
use exchange::Exchange;
use poco::{Asset, AssetKind};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Digest};

/// The apps and datasets of the exchange by their files.
#[derive(Debug, Default)]
pub(crate) struct Assets {
    by_file: BTreeMap<Digest, BTreeSet<Address>>,
    /// Images by the archive that they are in.
    by_archive: BTreeMap<Digest, BTreeSet<Address>>,
}

impl Assets {
    /// Those there are.
    pub(crate) fn all(exchange: &Exchange) -> Self {
        let mut assets = Self::default();
        for (address, asset) in exchange.hub().assets() {
            assets.add(address, asset);
        }
        assets
    }

    /// An asset was created.
    pub(crate) fn created(&mut self, exchange: &Exchange, address: Address) {
        if let Some(asset) = exchange.hub().asset(address) {
            self.add(address, asset);
        }
    }

    /// The apps and datasets of these files.
    pub(crate) fn of(&self, files: &[Digest]) -> BTreeSet<Address> {
        files.iter().filter_map(|file| self.by_file.get(file)).flatten().copied().collect()
    }

    /// What is made of a file: an app, a dataset, or the image in it.
    pub(crate) fn made_of(&self, file: Digest) -> impl Iterator<Item = Address> + '_ {
        [&self.by_file, &self.by_archive].into_iter().filter_map(move |by| by.get(&file)).flatten().copied()
    }

    /// Images that are in this archive.
    pub(crate) fn made_of_archive(&self, archive: Digest) -> impl Iterator<Item = Address> + '_ {
        self.by_archive.get(&archive).into_iter().flatten().copied()
    }

    fn add(&mut self, address: Address, asset: &Asset) {
        let multiaddr = match &asset.kind {
            AssetKind::App { multiaddr, .. } | AssetKind::Dataset { multiaddr, .. } => multiaddr,
            AssetKind::Workerpool { .. } => return,
        };
        if let Some(file) = blob_named(multiaddr) {
            self.by_file.entry(file).or_default().insert(address);
        }
        if let Some(archive) = std::str::from_utf8(multiaddr).ok().and_then(ImageAddress::archive) {
            self.by_archive.entry(archive).or_default().insert(address);
        }
    }
}
