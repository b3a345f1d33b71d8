//! Deals as workers need them, made once a deal.

use crate::worker::Brief;
use api::limits;
use api::params::Input;
use api::worker::{DealBrief, TaskLimits};
use exchange::Exchange;
use poco::AssetKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use units::{Address, DealId, Digest, U256};

/// The name that a dataset's file has for tasks.
const DATASET_NAME: &str = "dataset";

/// The type of every app that iExec's SDK deploys: it can write no other.
const IEXECS_TYPE: &str = "DOCKER";
/// What an app of that type is here where it names a blob: an image is named otherwise, so the blob is a module.
const MODULE_TYPE: &str = "WASM";

/// Briefs of live deals.
#[derive(Debug, Default)]
pub(crate) struct Briefs {
    by_deal: BTreeMap<DealId, Arc<Brief>>,
}

impl Briefs {
    /// The brief of a live deal.
    pub(crate) fn of(&mut self, exchange: &Exchange, deal: DealId) -> Option<Arc<Brief>> {
        if let Some(brief) = self.by_deal.get(&deal) {
            return Some(Arc::clone(brief));
        }
        let brief = Arc::new(make(exchange, deal)?);
        self.by_deal.insert(deal, Arc::clone(&brief));
        Some(brief)
    }

    pub(crate) fn forget(&mut self, deal: DealId) {
        self.by_deal.remove(&deal);
    }
}

fn make(exchange: &Exchange, id: DealId) -> Option<Brief> {
    let deal = exchange.hub().deal(id)?;
    let job = exchange.request_of(id)?;
    let category = exchange.hub().category(deal.category)?;
    let (app, app_type, image) = app(exchange, deal.app.pointer);
    let brief = DealBrief {
        deal: id,
        app,
        app_type,
        image,
        dataset: dataset(exchange, deal.dataset.pointer),
        params: deal.params.clone(),
        first: number(deal.bot_first),
        size: number(deal.bot_size),
        direct: deal.trust <= U256::from(1),
        limits: TaskLimits {
            run_ms: category.seconds.saturating_mul(1_000),
            memory_mib: limits::TASK_MEMORY_MIB,
            output_mib: limits::OUTPUT_MIB,
            output_files: limits::OUTPUT_FILES,
        },
    };
    let (requester, app_owner, dataset_owner) = (deal.requester, deal.app.owner, deal.dataset.owner);
    Some(Brief { job, requester, app_owner, dataset_owner, deal: brief })
}

fn number(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// An app's module or image, its type, and where an image is. One that names neither has the zero digest, which no worker can
/// fetch.
fn app(exchange: &Exchange, address: Address) -> (Digest, String, Option<String>) {
    match exchange.hub().asset(address).map(|asset| &asset.kind) {
        Some(AssetKind::App { runtime, multiaddr, checksum, .. }) => {
            match (blob_named(multiaddr), market::image(exchange, address)) {
                (Some(module), _) if runtime == IEXECS_TYPE => (module, MODULE_TYPE.to_owned(), None),
                (None, Some(image)) => (Digest(*checksum), runtime.clone(), Some(image.to_owned())),
                (named, _) => (named.unwrap_or_default(), runtime.clone(), None),
            }
        }
        Some(AssetKind::Dataset { .. } | AssetKind::Workerpool { .. }) | None => {
            (Digest::default(), String::new(), None)
        }
    }
}

/// A dataset's file. One that names no blob has the zero digest: tasks are not run without what was paid for.
fn dataset(exchange: &Exchange, address: Address) -> Option<Input> {
    match exchange.hub().asset(address).map(|asset| &asset.kind)? {
        AssetKind::Dataset { multiaddr, .. } => {
            let digest = blob_named(multiaddr).unwrap_or_default();
            Some(Input { name: DATASET_NAME.to_owned(), digest, size: 0 })
        }
        AssetKind::App { .. } | AssetKind::Workerpool { .. } => None,
    }
}

/// The blob that an asset's address `blob:sha256:…` names.
pub(crate) fn blob_named(multiaddr: &[u8]) -> Option<Digest> {
    std::str::from_utf8(multiaddr).ok()?.strip_prefix("blob:")?.parse().ok()
}
