//! Starting and stopping.

use crate::access::Access;
use crate::blob_access::Parties;
use crate::clock::Clock;
use crate::core::{Core, Loop, LoopError, OpenedResults, Secrets, State};
use crate::folder::{Endpoint, Folder, FolderError};
use crate::http::{self, Limiter, Repeats};
use crate::judges::Judges;
use crate::shared::Shared;
use crate::storage::{Storage, StorageLimits};
use crate::worker::Seats;
use crate::{changes, convert, history};
use api::limits;
use axum::serve::ListenerExt as _;
use exchange::{Command, Entry, Event, Exchange, Genesis};
use journal::history::{DealFilter, History, HistoryWriter, Page};
use journal::{Journal, JournalError};
use market::{JobView, Market};
use orders::SigningKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use units::{Address, OrderHash, Timestamp};

/// How long open connections have to end when the server stops.
const GRACE: Duration = Duration::from_secs(3);

/// How long results that are being written have to be on the disk when the server stops.
const WRITES: Duration = Duration::from_secs(30);

/// Rows gathered in one transaction while the history catches up.
const CATCH_UP: usize = 20_000;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The data folder; made where it is not there.
    pub data_dir: PathBuf,
    /// Whether a new exchange keeps strangers out. An exchange that is there already stays as it was founded.
    pub private: bool,
    /// What workers and requesters of a private exchange must show; made of the operator's key if not given.
    pub join_token: Option<String>,
    /// The registries that apps' images may come from, as `HOST[:PORT]`; `None`: any.
    pub registries: Option<BTreeSet<String>>,
    /// How much may be stored here.
    pub storage: StorageLimits,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "{address} is taken by another program; choose another with --listen ADDRESS:PORT (port 0 takes a free one)"
    )]
    PortTaken {
        /// Where.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another with --listen ADDRESS:PORT")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The journal in it cannot.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its blobs cannot.
    #[error(transparent)]
    Blobs(#[from] blobs::OpenError),
    /// The data folder's exchange has another operator than the key beside it.
    #[error("the journal in {} is of operator {founded}, and operator.key is of {key}; put the right key there", folder.display())]
    OtherOperator {
        /// The data folder.
        folder: PathBuf,
        /// Whose exchange it is.
        founded: Address,
        /// Whose key is there.
        key: Address,
    },
    /// The system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// The operator's server.
#[derive(Clone, Copy, Debug)]
pub struct Server;

/// A running server; dropped, it goes on until the runtime ends.
#[derive(Debug)]
pub struct ServerHandle {
    addr: SocketAddr,
    operator: Address,
    join_token: Option<String>,
    stop: CancellationToken,
    core: Core,
    ended: watch::Receiver<bool>,
    outcome: oneshot::Receiver<Result<(), LoopError>>,
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, for clients on this machine or, where it listens on one address, on others.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.addr)
    }

    /// What workers and requesters of a private exchange must show.
    #[must_use]
    pub fn join_token(&self) -> Option<&str> {
        self.join_token.as_deref()
    }

    /// Who runs the exchange.
    #[must_use]
    pub fn operator(&self) -> Address {
        self.operator
    }

    /// Stops: no new requests, what is under way is made durable and answered, workers are told to come back.
    ///
    /// # Errors
    /// [`LoopError`] if it has ended badly before.
    pub async fn stop(self) -> Result<(), LoopError> {
        self.stop.cancel();
        self.join().await
    }

    /// Lets the journal grow by this many pages of 4 KiB at most: how tests meet a full disk.
    #[doc(hidden)]
    pub async fn limit_journal(&self, pages: u64) {
        self.core.limit_journal(pages).await;
    }

    /// A way to stop it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`LoopError`] says why it could not go on.
    pub async fn join(mut self) -> Result<(), LoopError> {
        let outcome = (&mut self.outcome).await.unwrap_or(Ok(()));
        // The sender is dropped or says so; either way it has ended.
        drop(self.ended.wait_for(|ended| *ended).await);
        outcome
    }
}

fn url_of(addr: SocketAddr) -> String {
    if addr.ip().is_unspecified() { format!("http://127.0.0.1:{}", addr.port()) } else { format!("http://{addr}") }
}

/// An opened data folder.
struct Opened {
    folder: Folder,
    key: SigningKey,
    journal: Journal,
    exchange: Exchange,
    writer: HistoryWriter,
    blobs: blobs::Store,
    /// Since when orders rest, as far as the history knows.
    since: BTreeMap<OrderHash, Timestamp>,
}

impl Server {
    /// Opens the data folder, founds the exchange on the first start, replays, and listens. To be called in a tokio runtime
    /// with more than one thread.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn start(config: Config) -> Result<ServerHandle, StartError> {
        // The port first: nothing is made where another server of the same address runs.
        let listener = listen(config.listen).await?;
        let addr = listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?;
        let private = config.private;
        let data_dir = config.data_dir.clone();
        let opening = tokio::task::spawn_blocking(move || open(&data_dir, private));
        let opened = opening.await.map_err(|error| StartError::Thread(io::Error::other(error)))??;
        run(config, listener, addr, opened)
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            StartError::PortTaken { address }
        } else {
            StartError::Listen { address, source }
        }
    })
}

/// Everything that blocks: key, blobs, history, journal and its replay.
fn open(data_dir: &std::path::Path, private: bool) -> Result<Opened, StartError> {
    let folder = Folder::open(data_dir)?;
    let founded = journal::exists(folder.path());
    if founded {
        // A newer or foreign journal is refused before anything beside it is touched.
        drop(journal::Reader::open(folder.path())?);
    }
    let key = folder.operator_key()?;
    if !founded {
        drop(Journal::create(folder.path(), &Genesis::new(key.address(), private))?);
    }
    let blobs = blobs::Store::open(folder.blobs(), None)?;
    let mut writer = HistoryWriter::open(folder.path())?;
    let through = writer.through()?;
    let mut caught_up = CatchUp { writer: &mut writer, blobs: &blobs, pending: Vec::new(), through, failed: None };
    let opened = Journal::open(folder.path(), Some(through), |record, entry, events, exchange| {
        caught_up.observe(record.sequence, entry, events, exchange);
    })?;
    let last = opened.journal.last().sequence;
    caught_up.finish(last)?;
    for set_aside in &opened.set_aside {
        tracing::error!(place = ?set_aside.place, reason = set_aside.reason, "an entry is set aside: it makes the rules fail");
    }
    let genesis = opened.exchange.genesis();
    if genesis.operator != key.address() {
        let folder = folder.path().to_owned();
        return Err(StartError::OtherOperator { folder, founded: genesis.operator, key: key.address() });
    }
    let since = published(folder.path(), &opened.exchange)?;
    Ok(Opened { folder, key, journal: opened.journal, exchange: opened.exchange, writer, blobs, since })
}

/// Tells the market what its jobs' deals that have ended came to: it finds only those that live.
fn recall(folder: &std::path::Path, market: &mut Market) -> Result<(), JournalError> {
    let history = History::open(folder)?;
    let jobs: Vec<OrderHash> = market.known_jobs().collect();
    for job in jobs {
        let Some(row) = history.job(job)? else { continue };
        let filter = DealFilter { request_order: Some(job), ..DealFilter::default() };
        let deals = history.deals(&filter, Page { skip: 0, most: limits::JOB_DEALS })?;
        let whole = JobView {
            matched: row.matched,
            finished: row.finished,
            failed: row.failed,
            claimed: row.claimed,
            spent: row.spent,
            deals: deals.into_iter().rev().map(|deal| deal.id).collect(),
            ..JobView::default()
        };
        market.recall(job, &whole);
    }
    Ok(())
}

/// When the orders that rest were published. The hosted pools' own are not in the history: they count from now.
fn published(folder: &std::path::Path, exchange: &Exchange) -> Result<BTreeMap<OrderHash, Timestamp>, JournalError> {
    let history = History::open(folder)?;
    let mut since = BTreeMap::new();
    for order in exchange.resting() {
        let row = history.order(order.hash())?;
        since.insert(order.hash(), row.map_or(exchange.now(), |row| row.published));
    }
    Ok(since)
}

/// Writes what the history lacks while the journal is replayed.
struct CatchUp<'a> {
    writer: &'a mut HistoryWriter,
    blobs: &'a blobs::Store,
    pending: Vec<journal::history::Change>,
    /// The last record whose entries are all pending or written.
    through: u64,
    failed: Option<JournalError>,
}

impl CatchUp<'_> {
    fn observe(&mut self, record: u64, entry: &Entry, events: &[Event], exchange: &Exchange) {
        if record > self.through.saturating_add(1) {
            self.through = record.saturating_sub(1);
            if self.pending.len() >= CATCH_UP {
                self.write();
            }
        }
        let mut spans = BTreeMap::new();
        if let Command::Transact(transaction) = &entry.command {
            spans.insert(transaction.hash, 0);
        }
        let (statements, ran) = (&BTreeMap::new(), &BTreeMap::new());
        let turn = changes::Turn {
            at: entry.at,
            record,
            entries: std::slice::from_ref(entry),
            events,
            exchange,
            statements,
            ran,
            delivered: &[],
            spans: &spans,
        };
        self.pending.extend(turn.changes());
    }

    fn write(&mut self) {
        history::explain_failures(&mut self.pending, self.blobs);
        if let Err(error) = self.writer.write(&self.pending, self.through) {
            self.failed.get_or_insert(error);
        }
        self.pending.clear();
    }

    fn finish(mut self, last: u64) -> Result<(), JournalError> {
        self.through = last;
        self.write();
        self.failed.map_or(Ok(()), Err)
    }
}

fn run(config: Config, listener: TcpListener, addr: SocketAddr, opened: Opened) -> Result<ServerHandle, StartError> {
    let Opened { folder, key, journal, exchange, writer, blobs, since } = opened;
    let genesis = exchange.genesis().clone();
    let clock = Arc::new(Clock::after(exchange.now()));
    let durable = Arc::new(AtomicU64::new(journal.last().sequence));
    let (recorder, reads, history) =
        history::start(folder.path(), writer, blobs.clone(), Arc::clone(&durable)).map_err(StartError::Thread)?;
    let (core, asked) = Core::new();
    let judges = Judges::new(blobs.clone(), folder.path().join("judges"), core.weak());
    let mut market = Market::reading(exchange, convert::wishes);
    recall(folder.path(), &mut market)?;
    let mut state = State::new(market, journal.last());
    state.since = since;
    let turns = Loop {
        state,
        journal,
        key: key.clone(),
        secrets: Secrets::new(folder.clone()),
        opened: OpenedResults::new(folder.clone()),
        domain: genesis.domain(),
        clock: Arc::clone(&clock),
        recorder: recorder.clone(),
        judges,
        durable,
        asked,
        unsaved: 0,
        digest_from: std::time::Instant::now(),
    };
    let store = blobs.clone();
    let storage = Storage::open(folder.path(), &blobs, config.storage, genesis.operator)?;
    let access = Access::new(&key, genesis.chain_id, genesis.private, config.join_token);
    let join_token = access.join_token().map(str::to_owned);
    let stop = CancellationToken::new();
    let shared = Arc::new(Shared {
        domain: genesis.domain(),
        access,
        clock,
        core: core.clone(),
        blobs,
        storage: Arc::new(storage),
        parties: Parties::default(),
        reads,
        recorder,
        folder: folder.path().to_owned(),
        seats: Seats::default(),
        sessions: AtomicU64::new(1),
        streams: AtomicUsize::new(0),
        limiter: Limiter::default(),
        repeats: Repeats::default(),
        registries: config.registries,
        stopping: stop.clone(),
        genesis,
    });
    folder.write_endpoint(&Endpoint { url: url_of(addr), pid: std::process::id(), join_token: join_token.clone() })?;
    let (ending, outcome) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let ended_by_itself = stop.clone();
    let spawned = std::thread::Builder::new().name("exchange".to_owned()).spawn(move || {
        let (recorder, judges) = (turns.recorder.clone(), turns.judges.clone());
        let result = turns.run_guarded(&store, &runtime);
        if let Err(error) = &result {
            tracing::error!(error = error as &dyn std::error::Error, "the exchange has stopped");
        }
        // Rows on their way are written before the folder is free for another server.
        recorder.close();
        judges.close();
        drop(judges);
        drop(history.join());
        drop(store);
        drop(ending.send(result));
        ended_by_itself.cancel();
    });
    spawned.map_err(StartError::Thread)?;
    let (telling, ended) = watch::channel(false);
    let operator = key.address();
    tokio::spawn(async move {
        serve(listener, Arc::clone(&shared)).await;
        shared.core.stop().await;
        // Connections let go of the data folder before it is said to be free, and what they left writing blobs ends.
        let began = Instant::now();
        let connected = || Arc::strong_count(&shared) > 1 && began.elapsed() < GRACE;
        let writing = || shared.blobs.holders() > 1 && began.elapsed() < WRITES;
        while connected() || writing() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(shared);
        folder.remove_endpoint();
        telling.send_replace(true);
    });
    tracing::info!(%addr, %operator, "the exchange is open");
    Ok(ServerHandle { addr, operator, join_token, stop, core, ended, outcome })
}

/// Serves until told to stop; then lets connections end, but not for ever.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let stopping = shared.stopping.clone();
    let app = http::router(Arc::clone(&shared)).into_make_service_with_connect_info::<SocketAddr>();
    let until = stopping.clone();
    // What is written is to leave at once: a worker's next task must not wait until it has acknowledged the last.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let serving = axum::serve(listener, app).with_graceful_shutdown(until.cancelled_owned()).into_future();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        served = &mut serving => {
            if let Err(error) = served {
                tracing::error!(%error, "the server ended");
            }
            return;
        }
        () = stopping.cancelled() => {}
    }
    drop(tokio::time::timeout(GRACE, serving).await);
}
