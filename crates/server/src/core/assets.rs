//! Which apps and datasets are of which file, so that a worker's files say what it can start at once.

use super::briefs::blob_named;
use exchange::Exchange;
use poco::{Asset, AssetKind};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Digest};

/// The apps and datasets of the exchange by their files.
#[derive(Debug, Default)]
pub(crate) struct Assets {
    by_file: BTreeMap<Digest, BTreeSet<Address>>,
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

    fn add(&mut self, address: Address, asset: &Asset) {
        let file = match &asset.kind {
            AssetKind::App { multiaddr, .. } | AssetKind::Dataset { multiaddr, .. } => blob_named(multiaddr),
            AssetKind::Workerpool { .. } => None,
        };
        if let Some(file) = file {
            self.by_file.entry(file).or_default().insert(address);
        }
    }
}
