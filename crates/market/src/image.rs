//! Apps that are container images, and what of a machine they ask.

use exchange::Exchange;
use poco::AssetKind;
use units::{Address, Tag};

/// iExec's name for apps that are images.
const TYPE: &str = "DOCKER";
/// How the address of a file of this exchange begins: an app of that type that has such a one is a module.
const FILE: &str = "blob:";

/// Where an app's image is, as its owner wrote it; `None` for an app that is none.
#[must_use]
pub fn image(exchange: &Exchange, app: Address) -> Option<&str> {
    match &exchange.hub().asset(app)?.kind {
        AssetKind::App { runtime, multiaddr, .. } if runtime == TYPE => {
            std::str::from_utf8(multiaddr).ok().filter(|address| !address.starts_with(FILE))
        }
        AssetKind::App { .. } | AssetKind::Dataset { .. } | AssetKind::Workerpool { .. } => None,
    }
}

/// What an app asks of a machine, whatever its order says.
#[must_use]
pub fn capability(exchange: &Exchange, app: Address) -> Tag {
    if image(exchange, app).is_some() { Tag::CONTAINERS } else { Tag::NONE }
}
