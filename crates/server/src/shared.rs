//! What all handlers share.

use crate::access::Access;
use crate::blob_access::Parties;
use crate::clock::Clock;
use crate::core::Core;
use crate::history::{Reads, Recorder};
use crate::http::{Limiter, Repeats};
use crate::storage::Storage;
use crate::worker::Seats;
use blobs::Store;
use exchange::Genesis;
use orders::Domain;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tokio_util::sync::CancellationToken;

/// One for the whole server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) genesis: Genesis,
    pub(crate) domain: Domain,
    pub(crate) access: Access,
    pub(crate) clock: Arc<Clock>,
    pub(crate) core: Core,
    pub(crate) blobs: Store,
    pub(crate) storage: Arc<Storage>,
    pub(crate) parties: Parties,
    pub(crate) reads: Arc<Reads>,
    pub(crate) recorder: Recorder,
    pub(crate) folder: PathBuf,
    pub(crate) seats: Seats,
    /// Numbers workers' connections.
    pub(crate) sessions: AtomicU64,
    /// Event streams that are open.
    pub(crate) streams: AtomicUsize,
    pub(crate) limiter: Limiter,
    pub(crate) repeats: Repeats,
    /// The registries that images may come from; `None`: any.
    pub(crate) registries: Option<BTreeSet<String>>,
    /// Cancelled when the server stops.
    pub(crate) stopping: CancellationToken,
}
