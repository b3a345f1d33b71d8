//! A turn of the loop: take what has gathered, apply, decide, make durable, publish.

use super::opened::OpenedResult;
use super::placing::{ToPlace, Waiting};
use super::publish::Published;
use super::state::{Line, State};
use super::{Reading, Request, Said, Stated, Welcomed};
use crate::clock::Clock;
use crate::convert;
use crate::history::Recorder;
use crate::package;
use crate::worker::{Arrival, Out};
use api::receipt::Receipt;
use blobs::Store;
use exchange::{AnyOrder, Command, Event, Rejection};
use journal::{Journal, JournalError};
use market::Output;
use orders::{Checked, Domain, Signed, SigningKey};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use units::{Address, B256, TaskId, Timestamp};

/// Most requests taken in one turn, in weights: a record stays of a size that replays well, and what came of a turn leaves
/// while the next one works.
const GROUP: usize = 2_048;
/// What a statement of a batch weighs: all that a task goes through follows from it. An order, and any other request, weighs one.
const STATEMENT: usize = 4;
/// How often policy may ask for new offers in one turn.
const OFFER_ROUNDS: usize = 8;
/// The longest wait without a turn.
const IDLE: Duration = Duration::from_secs(5);
/// State digests take at most one part in this many of the time.
const DIGEST_SHARE: u32 = 50;
/// A snapshot is saved after this many entries, and at the end.
const SNAPSHOT_ENTRIES: u64 = 1_000_000;

/// Why the loop ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The journal cannot write. What was not acknowledged did not happen.
    #[error("the exchange has stopped because its journal cannot write")]
    Journal(#[from] JournalError),
    /// The rules or the policy failed. A command that made the rules fail is noted, and left out after the next start.
    #[error(
        "the exchange has stopped because of a fault of its own: {reason}; start it again: nothing acknowledged is lost"
    )]
    Fault {
        /// What they said.
        reason: String,
    },
}

/// The thread that owns market and journal.
pub(crate) struct Loop {
    pub(crate) state: State,
    pub(crate) journal: Journal,
    pub(crate) key: SigningKey,
    pub(crate) secrets: super::Secrets,
    pub(crate) opened: super::OpenedResults,
    pub(crate) domain: Domain,
    pub(crate) clock: Arc<Clock>,
    pub(crate) recorder: Recorder,
    pub(crate) judges: crate::judges::Judges,
    /// The last durable record, for whoever must not read older history.
    pub(crate) durable: Arc<AtomicU64>,
    pub(crate) asked: super::Asked,
    /// Entries since the last snapshot.
    pub(crate) unsaved: u64,
    /// No state digest is taken before.
    pub(crate) digest_from: Instant,
}

/// Who waits for a command, and what came of it.
pub(super) type Reply = (oneshot::Sender<Result<Receipt, Rejection>>, Result<(), Rejection>);

/// What a turn owes once it is durable.
#[derive(Default)]
pub(super) struct Owed {
    pub(super) answers: Vec<Reply>,
    pub(super) placed: Vec<Waiting>,
    pub(super) receipts: Vec<oneshot::Sender<Receipt>>,
    pub(super) welcomes: Vec<(oneshot::Sender<Welcomed>, Welcomed)>,
    pub(super) reads: Vec<Reading>,
    pub(super) replies: Vec<(Address, Out)>,
    /// Whose packages of which tasks have come.
    pub(super) delivered: Vec<(TaskId, Address)>,
    /// Packages that came beside sealed words.
    pub(super) opened: Vec<OpenedResult>,
    /// Names of jobs that were placed.
    pub(super) titles: Vec<(units::OrderHash, String)>,
    /// Where each transaction's events begin.
    pub(super) spans: BTreeMap<B256, usize>,
    pub(super) stop: bool,
}

impl Loop {
    /// Runs until it is told to stop, or cannot go on. A panic is an end like any other: whoever waits is told.
    pub(crate) fn run_guarded(self, blobs: &Store, runtime: &Handle) -> Result<(), LoopError> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(blobs, runtime)));
        ran.unwrap_or_else(|panic| Err(LoopError::Fault { reason: words_of(panic.as_ref()) }))
    }

    fn run(mut self, blobs: &Store, runtime: &Handle) -> Result<(), LoopError> {
        self.take_up(blobs)?;
        let mut gathered = Vec::with_capacity(GROUP);
        let mut reads = Vec::new();
        loop {
            if gathered.is_empty() && !runtime.block_on(self.gather(&mut gathered, &mut reads)) {
                return self.finish();
            }
            while let Ok(read) = self.asked.looks.try_recv() {
                reads.push(read);
            }
            if self.turn(&mut gathered, std::mem::take(&mut reads))? {
                return self.finish();
            }
        }
    }

    /// After a restart: tells policy of the results that were shown, and whose packages are here.
    fn take_up(&mut self, blobs: &Store) -> Result<(), LoopError> {
        let (at, mut out) = (self.clock.now(), Output::default());
        let (mut found, mut owed) = (Vec::new(), Owed::default());
        self.take_up_secrets(at, &mut out);
        for (task, holding) in self.state.market.exchange().all_held() {
            let shown = holding.shown.iter().map(|shown| shown.worker);
            for worker in holding.offers.iter().map(|held| held.worker).chain(shown) {
                let Some((digest, blob, callback)) = self.state.shown(task, worker) else { continue };
                let open = || File::open(blobs.pin(&blob).ok_or(ErrorKind::NotFound)?.path());
                if package::survey(package::limits(), &callback, open).is_ok_and(|it| it.digest == digest) {
                    found.push((task, market::Package { digest, blob, callback }));
                    owed.delivered.push((task, worker));
                }
            }
        }
        for OpenedResult { task, digest, blob, callback } in self.take_up_opened() {
            let open = || File::open(blobs.pin(&blob).ok_or(ErrorKind::NotFound)?.path());
            if package::survey(package::limits(), &callback, open).is_ok_and(|it| it.digest == digest) {
                found.push((task, market::Package { digest, blob, callback }));
            }
        }
        self.take_up_judged(blobs, &mut found);
        for (task, package) in found {
            self.state.market.package(at, task, package, &mut out);
        }
        self.commit(at, out, owed).map(drop)
    }

    /// Waits for requests, somebody who looks, or a deadline; false when nobody can ask any more.
    async fn gather(&mut self, gathered: &mut Vec<Request>, reads: &mut Vec<Reading>) -> bool {
        let now = self.clock.now();
        let wait = self.state.market.next_deadline().map_or(IDLE, |at| at.saturating_since(now).min(IDLE));
        let super::Asked { requests, looks } = &mut self.asked;
        let asked = async {
            tokio::select! {
                count = requests.recv_many(gathered, GROUP) => count > 0,
                Some(read) = looks.recv() => {
                    reads.push(read);
                    true
                }
            }
        };
        timeout(wait, asked).await.unwrap_or(true)
    }

    fn finish(self) -> Result<(), LoopError> {
        if let Err(error) = self.journal.save_snapshot(self.state.market.exchange()) {
            tracing::warn!(%error, "no snapshot was saved; the next start replays more");
        }
        Ok(())
    }

    /// One turn; whether it was the last.
    fn turn(&mut self, gathered: &mut Vec<Request>, reads: Vec<Reading>) -> Result<bool, LoopError> {
        let _way = tracing::trace_span!(target: "way", "turn");
        let at = self.clock.now();
        let (mut out, mut owed) = (Output::default(), Owed { reads, ..Owed::default() });
        for request in gathered.drain(..fitting(gathered)) {
            self.take(at, request, &mut out, &mut owed)?;
        }
        self.guarded(|this| this.decide(at, &mut out))?;
        self.commit(at, out, owed)
    }

    /// Policy, and the offers that it wants signed.
    fn decide(&mut self, at: Timestamp, out: &mut Output) {
        self.draw_secret(at, out);
        self.state.market.decide(at, out);
        for _ in 0..OFFER_ROUNDS {
            let offers = std::mem::take(&mut out.offers);
            if offers.is_empty() {
                return;
            }
            for offer in offers {
                let own = self.state.market.exchange().genesis().hosted(offer.workerpool).is_some();
                if !own {
                    self.offer_for_others(at, offer, out);
                    continue;
                }
                let signed = Signed::with(offer, &self.domain, &self.key);
                let by = orders::Recovered::By(self.key.address());
                let order = AnyOrder::Workerpool(Checked::trust(signed, &self.domain, by));
                if let Err(rejection) = self.state.market.command(at, Command::PlaceOrder(Box::new(order)), out) {
                    tracing::warn!(%rejection, "a hosted pool's offer was not taken");
                }
            }
            self.state.market.decide(at, out);
        }
    }

    /// Sells for a pool of somebody's who lets the exchange: nobody signs but the rules, in the owner's name.
    fn offer_for_others(&mut self, at: Timestamp, offer: orders::WorkerpoolOrder, out: &mut Output) {
        let pool = offer.workerpool;
        if let Err(rejection) = self.state.market.command(at, Command::Offer { order: Box::new(offer) }, out) {
            tracing::warn!(%pool, %rejection, "a pool's offer was not taken");
        }
    }

    fn take(&mut self, at: Timestamp, request: Request, out: &mut Output, owed: &mut Owed) -> Result<(), LoopError> {
        match request {
            Request::Command { command, answer } => {
                if let Some(reason) = self.journal.suspicion(&command) {
                    tracing::error!(reason, "a command that made the rules fail came again; it is left out");
                    return Ok(());
                }
                if let Command::Transact(transaction) = &*command {
                    owed.spans.insert(transaction.hash, out.events.len());
                }
                let taken = self.command(at, *command, out)?;
                if taken.is_err() {
                    self.state.counts.rejections += 1;
                }
                owed.answers.push((answer, taken));
            }
            Request::Place { orders, answer } => {
                let ToPlace { orders, mut title } = *orders;
                let mut taken = Vec::with_capacity(orders.len());
                for order in orders {
                    let (job, known) = (order.hash(), out.entries.len());
                    let placed = self.place(at, order, out)?;
                    // A job that rests already keeps its name.
                    let new = placed.is_ok() && out.entries.len() > known;
                    owed.titles.extend(title.take().filter(|_| new).map(|title| (job, title)));
                    taken.push(placed);
                }
                owed.placed.push((answer, taken));
            }
            Request::Receipt(answer) => owed.receipts.push(answer),
            Request::Join { arrival, answer } => {
                let welcomed = self.join(at, *arrival, out, owed);
                owed.welcomes.push((answer, welcomed));
            }
            Request::Left { worker, session } => self.leave(at, worker, session),
            Request::Said { worker, session, said } => {
                if self.state.lines.get(&worker).is_some_and(|line| line.session == session) {
                    self.hear(at, worker, said, out, owed)?;
                }
            }
            Request::Judged { case, word } => self.state.market.answered(at, &case, word, out),
            Request::Read(read) => owed.reads.push(read),
            Request::LimitJournal(pages) => self.journal.limit_growth(pages)?,
            Request::Stop => owed.stop = true,
        }
        Ok(())
    }

    /// Applies a stranger's command. If the rules panic on it, that is noted before the loop ends.
    pub(super) fn command(
        &mut self,
        at: Timestamp,
        command: Command,
        out: &mut Output,
    ) -> Result<Result<(), Rejection>, LoopError> {
        let (mut taken, place) = (Ok(()), out.entries.len());
        let fault = self.guarded(|this| taken = this.state.market.command(at, command, out));
        let Err(LoopError::Fault { reason }) = &fault else { return Ok(taken) };
        if let Some(entry) = out.entries.get(place) {
            self.journal.suspect(entry, reason)?;
        }
        fault.map(|()| taken)
    }

    /// Does it; a panic is a fault of the exchange's own.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) -> Result<(), LoopError> {
        let worked = catch_unwind(AssertUnwindSafe(|| work(self)));
        worked.map_err(|panic| LoopError::Fault { reason: words_of(panic.as_ref()) })
    }

    fn join(&mut self, at: Timestamp, arrival: Arrival, out: &mut Output, owed: &mut Owed) -> Welcomed {
        let worker = arrival.seat.worker;
        let line = Line { session: arrival.seat.session, outbox: arrival.outbox };
        if let Some(before) = self.state.lines.insert(worker, line) {
            let bye =
                Out::Bye { code: "superseded", reason: "another connection of this worker is newer", reconnect: false };
            drop(before.outbox.send(vec![bye]));
        }
        let cached = self.state.assets.of(&arrival.cached);
        let said = market::Worker { cached, ..arrival.worker };
        let holding: Vec<market::Held> = arrival.holding.into_iter().map(convert::held).collect();
        if let Err(rejection) = self.state.market.enlist(at, &said, arrival.owner_signature, out) {
            tracing::info!(%worker, %rejection, "a worker is not enlisted");
        }
        let joined = self.state.market.worker_joined(at, said, &holding, out);
        let exchange = self.state.market.exchange();
        let deals: BTreeMap<TaskId, units::DealId> = holding.iter().map(|held| (held.task, held.deal)).collect();
        let mut adopted = Vec::with_capacity(joined.adopted.len());
        for task in joined.adopted {
            let brief = deals.get(&task).and_then(|deal| self.state.briefs.of(exchange, *deal));
            if let Some(brief) = brief {
                adopted.push((task, brief));
            }
        }
        owed.replies.retain(|(to, _)| *to != worker);
        Welcomed { adopted, dropped: joined.dropped, sequence: exchange.sequence(worker).unwrap_or_default() }
    }

    fn leave(&mut self, at: Timestamp, worker: Address, session: u64) {
        if self.state.lines.get(&worker).is_some_and(|line| line.session == session) {
            self.state.lines.remove(&worker);
            self.state.market.worker_left(at, worker);
        }
    }

    fn hear(
        &mut self,
        at: Timestamp,
        worker: Address,
        said: Said,
        out: &mut Output,
        owed: &mut Owed,
    ) -> Result<(), LoopError> {
        match said {
            Said::Ready(slots) => self.state.market.worker_ready(worker, slots),
            Said::Floors { floors, heat } => self.state.market.worker_asks(worker, floors, heat),
            Said::Phase(tasks, phase) => {
                for task in tasks {
                    self.state.market.worker_phase(at, worker, task, convert::phase(phase));
                }
            }
            Said::Declined(task, reason) => {
                self.state.market.worker_declined(worker, task, convert::decline(reason));
            }
            Said::Batch { batch, stated, ran } => {
                let first = out.events.len();
                let command = Command::Batch { batch, places: Vec::new() };
                if let Err(rejection) = self.command(at, command, out)? {
                    self.state.counts.rejections += 1;
                    let task = stated.first().map(|stated| stated.task).unwrap_or_default();
                    owed.replies.push((worker, Out::Refused { task, code: "batch", reason: rejection.to_string() }));
                    return Ok(());
                }
                for (task, ran_ms) in ran {
                    if self.state.market.exchange().held(task).is_some() {
                        self.state.ran.entry(task).or_default().push((worker, ran_ms));
                    }
                    self.state.market.ran(worker, task, ran_ms);
                }
                let refused = refusals(worker, out.events.get(first..).unwrap_or_default(), owed);
                let state = &self.state;
                let taken = |it: &Stated| !refused.contains(&it.task) || state.has_stated(worker, it);
                let stated = stated.into_iter().filter(taken).collect();
                self.packages(at, worker, stated, out, owed);
            }
            Said::Uploaded(stated) => self.packages(at, worker, stated, out, owed),
        }
        Ok(())
    }

    /// Keeps what was stated of tasks that are not final, and tells policy of the packages that are here.
    fn packages(&mut self, at: Timestamp, worker: Address, stated: Vec<Stated>, out: &mut Output, owed: &mut Owed) {
        for stated in stated {
            let exchange = self.state.market.exchange();
            // Open or not yet opened; what has ended may be gone already.
            let open = exchange.held(stated.task).is_some()
                || exchange.hub().task(stated.task).is_some_and(|task| !task.status.is_final());
            if !open {
                continue;
            }
            let task = stated.task;
            let package = stated.held.then(|| market::Package {
                digest: stated.digest,
                blob: stated.blob,
                callback: stated.callback.clone(),
            });
            let sealed = stated.held && self.state.shown(task, worker).is_none();
            owed.opened.extend(sealed.then(|| OpenedResult::of(&stated)));
            self.state.state_result(worker, stated);
            if let Some(package) = package {
                owed.delivered.push((task, worker));
                self.state.market.package(at, task, package, out);
            }
        }
    }

    /// The state's digest where the journal wants it. It is a walk over the whole state: however large that grows, walks take
    /// no more than their share of the loop's time.
    fn state_digest(&mut self) -> Option<B256> {
        let began = Instant::now();
        if !self.journal.state_due() || began < self.digest_from {
            return None;
        }
        let digest = self.state.market.exchange().state_digest();
        self.digest_from = began + began.elapsed() * DIGEST_SHARE;
        Some(digest)
    }

    /// Makes the turn durable; then everything that is owed leaves. Whether it was the last turn.
    fn commit(&mut self, at: Timestamp, out: Output, owed: Owed) -> Result<bool, LoopError> {
        let digest = self.state_digest();
        self.keep_opened(&owed.opened);
        let way = tracing::trace_span!(target: "way", "journal");
        let record = self.journal.append(&out.entries, digest)?;
        drop(way);
        let advanced = record.sequence != self.state.last.sequence;
        self.state.last = record;
        self.durable.store(record.sequence, Ordering::Release);
        let entries = u64::try_from(out.entries.len()).unwrap_or(u64::MAX);
        self.state.counts.entries += entries;
        self.state.counts.records += u64::from(advanced);
        self.unsaved += entries;
        let stop = owed.stop;
        Published { at, record, advanced, out, owed }.leave(self);
        if self.unsaved >= SNAPSHOT_ENTRIES {
            self.unsaved = 0;
            self.journal.save_snapshot(self.state.market.exchange())?;
        }
        Ok(stop)
    }
}

/// What a panic said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}

/// How many of what has gathered a turn takes: one at least, and no more than make a record of good size.
fn fitting(gathered: &[Request]) -> usize {
    let mut sum = 0_usize;
    let fits = |request: &&Request| {
        let fits = sum < GROUP;
        sum += weight(request);
        fits
    };
    gathered.iter().take_while(fits).count()
}

fn weight(request: &Request) -> usize {
    if let Request::Place { orders, .. } = request {
        return orders.orders.len();
    }
    if let Request::Said { said: Said::Batch { stated, .. } | Said::Uploaded(stated), .. } = request {
        return STATEMENT * stated.len();
    }
    1
}

/// Tells a worker which of its statements were not taken; the tasks they are about.
fn refusals(worker: Address, events: &[Event], owed: &mut Owed) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    for event in events {
        if let Event::ItemRefused { task, worker: by, why, .. } = event
            && *by == worker
        {
            tasks.push(*task);
            let code = convert::refusal_code(why);
            owed.replies.push((worker, Out::Refused { task: *task, code, reason: why.to_string() }));
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    fn uploaded(statements: usize) -> Request {
        let stated = vec![Stated::default(); statements];
        Request::Said { worker: Address::default(), session: 0, said: Said::Uploaded(stated) }
    }

    fn other() -> Request {
        Request::Receipt(oneshot::channel().0)
    }

    #[test]
    fn a_turn_takes_some_hundreds_of_statements_or_thousands_of_others_and_one_request_at_least() {
        let many = |make: fn() -> Request, count: usize| (0..count).map(|_| make()).collect::<Vec<_>>();
        assert_eq!(fitting(&many(other, 3_000)), GROUP);
        assert_eq!(fitting(&many(|| uploaded(100), 20)), 6, "512 statements and what is left of a batch");
        assert_eq!(fitting(&[uploaded(4_000), other()]), 1);
        assert_eq!(fitting(&[]), 0);
    }
}
