//! The history's writer, its readers, and who waits for news of a job.
//!
//! Rows are written by a thread of their own, behind the journal. A read that follows an answer must see what was answered:
//! readers wait until the history has everything up to the last durable record.

use crate::problem::{Answer, Problem};
use axum::http::StatusCode;
use blobs::Store;
use journal::JournalError;
use journal::history::{Change, History, HistoryWriter, Outcome};
use results::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use units::{Address, Digest, OrderHash};

/// Turns that may wait to be written; then the loop waits.
const BACKLOG: usize = 256;
/// Most changes in one transaction of the history.
const GROUP: usize = 50_000;
/// The longest that a reader waits for rows that are on their way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Idle connections kept.
const CONNECTIONS: usize = 8;

/// Where the loop puts rows.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    sender: SyncSender<Rows>,
}

#[derive(Debug)]
enum Rows {
    Turn(Vec<Change>, u64),
    /// Something of a blob and whoever sent it; answered when it is written.
    Blob {
        change: Change,
        written: oneshot::Sender<()>,
    },
    End,
}

impl Recorder {
    /// Hands a turn's rows over.
    pub(crate) fn record(&self, changes: Vec<Change>, through: u64) {
        // The writer ends before the loop only when it cannot write; the journal has everything.
        drop(self.sender.send(Rows::Turn(changes, through)));
    }

    /// Notes who sent a blob; whether it is written.
    pub(crate) async fn uploaded(&self, blob: Digest, uploader: Address) -> bool {
        self.blob(Change::Upload { blob, uploader }).await
    }

    /// Notes that a blob is no longer its sender's; whether it is written.
    pub(crate) async fn forgotten(&self, blob: Digest, uploader: Address) -> bool {
        self.blob(Change::Forgotten { blob, uploader }).await
    }

    async fn blob(&self, change: Change) -> bool {
        let (telling, written) = oneshot::channel();
        let sender = self.sender.clone();
        let note = Rows::Blob { change, written: telling };
        let sent = tokio::task::spawn_blocking(move || sender.send(note).is_ok()).await;
        sent.unwrap_or(false) && written.await.is_ok()
    }

    /// Lets the writer finish.
    pub(crate) fn close(&self) {
        drop(self.sender.send(Rows::End));
    }
}

/// What was written of a job since somebody first listened; it only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Tasks that had a result where they had none, or another than before.
    pub(crate) results: u64,
    /// How often it ended: once.
    pub(crate) ends: u64,
    /// Anything else.
    pub(crate) other: u64,
}

/// News of jobs.
#[derive(Debug, Default)]
pub(crate) struct News {
    watchers: Mutex<BTreeMap<OrderHash, watch::Sender<Told>>>,
}

impl News {
    /// Hears of a job.
    pub(crate) fn of(&self, job: OrderHash) -> watch::Receiver<Told> {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|_, sender| sender.receiver_count() > 0);
        watchers.entry(job).or_insert_with(|| watch::channel(Told::default()).0).subscribe()
    }

    fn tell(&self, changes: &[Change]) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        for change in changes {
            let other = Told { other: 1, ..Told::default() };
            let (job, more) = match change {
                Change::Job(job) => (job.id, other),
                Change::Title { job, .. } | Change::Voided { job, .. } => (*job, other),
                Change::JobClosed { job, .. } | Change::JobHalted { job, .. } => {
                    (*job, Told { ends: 1, ..Told::default() })
                }
                Change::Deal(deal) => (deal.request_order, other),
                Change::Result(result) => (result.job, Told { results: 1, ..Told::default() }),
                Change::Transaction(_)
                | Change::Order(_)
                | Change::OrderChanged { .. }
                | Change::Upload { .. }
                | Change::Forgotten { .. }
                | Change::Part(_)
                | Change::Standing(_)
                | Change::Rating(_) => continue,
            };
            if let Some(sender) = watchers.get(&job) {
                sender.send_modify(|told| {
                    told.results += more.results;
                    told.ends += more.ends;
                    told.other += more.other;
                });
            }
        }
    }
}

/// Reads of the history.
#[derive(Debug)]
pub(crate) struct Reads {
    folder: PathBuf,
    idle: Mutex<Vec<History>>,
    /// The last record that is written.
    written: watch::Receiver<u64>,
    /// The last record that is durable.
    durable: Arc<AtomicU64>,
    pub(crate) news: Arc<News>,
}

impl Reads {
    /// Reads, once everything that is durable is written.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&History) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<T> {
        let wanted = self.durable.load(Ordering::Acquire);
        let mut written = self.written.clone();
        let waiting = written.wait_for(|through| *through >= wanted);
        if !matches!(tokio::time::timeout(PATIENCE, waiting).await, Ok(Ok(_))) {
            let words = "the history lags behind the journal; try again";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "history_lags", words));
        }
        self.read_written(read).await
    }

    /// Reads what is written by now, for whoever was told that something is.
    pub(crate) async fn read_written<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&History) -> Result<T, JournalError> + Send + 'static,
    ) -> Answer<T> {
        let this = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let history = this.connection()?;
            let found = read(&history);
            this.give_back(history);
            found
        });
        match reading.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }

    fn connection(&self) -> Result<History, JournalError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| History::open(&self.folder), Ok)
    }

    fn give_back(&self, history: History) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS {
            idle.push(history);
        }
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "the history could not be read");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the history could not be read")
}

/// Starts the writer's thread.
pub(crate) fn start(
    folder: &Path,
    mut writer: HistoryWriter,
    blobs: Store,
    durable: Arc<AtomicU64>,
) -> Result<(Recorder, Arc<Reads>, std::thread::JoinHandle<()>), std::io::Error> {
    let (sender, rows) = sync_channel(BACKLOG);
    let (telling, written) = watch::channel(durable.load(Ordering::Acquire));
    let news = Arc::new(News::default());
    let reads = Reads { folder: folder.to_owned(), idle: Mutex::default(), written, durable, news: Arc::clone(&news) };
    let work = move || write(&mut writer, &rows, &blobs, &telling, &news);
    let thread = std::thread::Builder::new().name("history".to_owned()).spawn(work)?;
    Ok((Recorder { sender }, Arc::new(reads), thread))
}

fn write(writer: &mut HistoryWriter, rows: &Receiver<Rows>, blobs: &Store, written: &watch::Sender<u64>, news: &News) {
    let mut open = true;
    while open {
        let Ok(first) = rows.recv() else { return };
        let (mut changes, mut through) = (Vec::new(), *written.borrow());
        let mut uploads = Vec::new();
        let mut next = Some(first);
        while let Some(turn) = next.take() {
            match turn {
                Rows::Turn(more, record) => {
                    changes.extend(more);
                    through = record;
                }
                Rows::Blob { change, written } => {
                    changes.push(change);
                    uploads.push(written);
                }
                Rows::End => {
                    open = false;
                    break;
                }
            }
            if changes.len() < GROUP {
                next = rows.try_recv().ok();
            }
        }
        explain_failures(&mut changes, blobs);
        let way = tracing::trace_span!(target: "way", "history");
        // What cannot be written now is observed again at the next start.
        if let Err(error) = writer.write(&changes, through) {
            tracing::error!(%error, "the history could not be written; it catches up at the next start");
            return;
        }
        drop(way);
        written.send_replace(through);
        for upload in uploads {
            // Whoever sent the blob may be gone.
            let _gone = upload.send(());
        }
        news.tell(&changes);
    }
}

/// Puts the failures' words in, from their packages.
pub(crate) fn explain_failures(changes: &mut [Change], blobs: &Store) {
    for change in changes {
        if let Change::Result(result) = change
            && let Outcome::Failed(words) = &mut result.outcome
            && words.is_empty()
        {
            let bytes = result.blob.and_then(|blob| blobs.bytes(&blob, 64).ok());
            let failure = bytes.and_then(|bytes| Failure::decode(&bytes).ok());
            *words = failure.map_or_else(|| "the program failed".to_owned(), |failure| failure.to_string());
        }
    }
}
