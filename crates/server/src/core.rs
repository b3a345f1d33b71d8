//! The loop: one thread owns the market and the journal.
//!
//! Everybody else sends typed requests over a bounded channel. The loop takes what has gathered, stamps it, applies it, lets
//! policy decide, signs and enters the hosted pools' offers, and appends all accepted entries to the journal as one record.
//! Only then does anything leave: answers with their receipts, messages to workers, the history's rows, reads. If the
//! journal cannot write, nothing leaves any more and the loop ends with the journal's error.
//!
//! Whoever only looks has a way of his own: a look waits for the turn under way, and not for what is queued before it. It sees
//! whatever its asker was told of before, since that was durable then.

mod assets;
mod briefs;
mod judging;
mod opened;
mod placing;
mod publish;
mod secrets;
mod state;
mod turn;

pub(crate) use briefs::blob_named;
pub(crate) use opened::OpenedResults;
pub(crate) use placing::{Placed, Refusal, ToPlace};
pub(crate) use secrets::Secrets;
pub(crate) use state::{Counts, State, Stated};
pub(crate) use turn::Loop;
pub use turn::LoopError;

use crate::problem::{Answer, Problem};
use crate::worker::{Arrival, Brief, Seat};
use api::receipt::Receipt;
use api::worker::{DeclineReason, Phase};
use exchange::{AnyOrder, Command, Rejection};
use orders::CheckedBatch;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use units::{Address, Amount, TaskId};

/// Requests that may wait for the loop; a sender waits beyond it.
pub(crate) const QUEUE: usize = 8_192;

/// A read of the state.
pub(crate) type Reading = Box<dyn FnOnce(&State) + Send>;

/// What is asked of the loop.
pub(crate) enum Request {
    /// Somebody's command.
    Command { command: Box<Command>, answer: oneshot::Sender<Result<Receipt, Rejection>> },
    /// Somebody's orders.
    Place { orders: Box<ToPlace>, answer: oneshot::Sender<Placed> },
    /// A receipt for what is durable already.
    Receipt(oneshot::Sender<Receipt>),
    /// A worker said hello.
    Join { arrival: Box<Arrival>, answer: oneshot::Sender<Welcomed> },
    /// A worker's connection ended.
    Left { worker: Address, session: u64 },
    /// Something a worker said.
    Said { worker: Address, session: u64, said: Said },
    /// A judge has answered.
    Judged { case: market::Case, word: market::Word },
    /// Something to be read after all that was asked before it; done once the turn's entries are durable.
    Read(Reading),
    /// Let the journal grow by so many pages at most: how tests meet a full disk.
    LimitJournal(u64),
    /// Finish and stop.
    Stop,
}

/// Something a worker said, checked.
pub(crate) enum Said {
    Ready(u32),
    Floors { floors: BTreeMap<u64, Amount>, heat: u8 },
    Phase(Vec<TaskId>, Phase),
    Declined(TaskId, DeclineReason),
    Batch { batch: Box<CheckedBatch>, stated: Vec<Stated>, ran: Vec<(TaskId, u64)> },
    Uploaded(Vec<Stated>),
}

/// What a worker that joined is told.
#[derive(Debug)]
pub(crate) struct Welcomed {
    /// Tasks it goes on with, and what each is of.
    pub(crate) adopted: Vec<(TaskId, Arc<Brief>)>,
    pub(crate) dropped: Vec<TaskId>,
    /// Its next batch's number must exceed this.
    pub(crate) sequence: u64,
}

/// The way to the loop.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    sender: mpsc::Sender<Request>,
    looks: mpsc::Sender<Reading>,
}

/// What is asked of the loop, in order, and who only looks.
#[derive(Debug)]
pub(crate) struct Asked {
    requests: mpsc::Receiver<Request>,
    looks: mpsc::Receiver<Reading>,
}

impl Core {
    pub(crate) fn new() -> (Self, Asked) {
        let ((sender, requests), (look, looks)) = (mpsc::channel(QUEUE), mpsc::channel(QUEUE));
        (Self { sender, looks: look }, Asked { requests, looks })
    }

    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(make(answer)).await.ok()?;
        answered.await.ok()
    }

    /// Enters a command; answered once it is durable.
    pub(crate) async fn command(&self, command: Command) -> Answer<Result<Receipt, Rejection>> {
        let command = Box::new(command);
        self.ask(|answer| Request::Command { command, answer }).await.ok_or_else(Problem::stopping)
    }

    /// Places orders, each by itself; answered once those that are taken are durable.
    pub(crate) async fn place_each(&self, orders: Vec<AnyOrder>) -> Answer<Placed> {
        let orders = Box::new(ToPlace { orders, title: None });
        self.ask(|answer| Request::Place { orders, answer }).await.ok_or_else(Problem::stopping)
    }

    /// Places an order, which may be a job that has a title. The same order again gets the same answer.
    pub(crate) async fn place(&self, order: AnyOrder, title: Option<String>) -> Answer<Receipt> {
        let orders = Box::new(ToPlace { orders: vec![order], title });
        let placed = self.ask(|answer| Request::Place { orders, answer }).await.ok_or_else(Problem::stopping)?;
        let taken: Result<(), Refusal> = placed.taken.into_iter().collect();
        taken?;
        Ok(placed.receipt)
    }

    /// A receipt for all that is durable.
    pub(crate) async fn receipt(&self) -> Answer<Receipt> {
        self.ask(Request::Receipt).await.ok_or_else(Problem::stopping)
    }

    /// Reads the state as it is durable after the turn under way.
    pub(crate) async fn read<T: Send + 'static>(&self, read: impl FnOnce(&State) -> T + Send + 'static) -> Answer<T> {
        let (reading, answered) = reading(read);
        self.looks.send(reading).await.map_err(|_| Problem::stopping())?;
        answered.await.map_err(|_| Problem::stopping())
    }

    /// Joins a worker.
    pub(crate) async fn join(&self, arrival: Arrival) -> Option<Welcomed> {
        self.ask(|answer| Request::Join { arrival: Box::new(arrival), answer }).await
    }

    /// A worker's connection ended.
    pub(crate) async fn left(&self, seat: &Seat) {
        drop(self.sender.send(Request::Left { worker: seat.worker, session: seat.session }).await);
    }

    /// Passes on what a worker said.
    pub(crate) async fn said(&self, seat: &Seat, said: Said) {
        drop(self.sender.send(Request::Said { worker: seat.worker, session: seat.session, said }).await);
    }

    /// What the worker stated about these tasks, in all that it has said until now.
    pub(crate) async fn stated(&self, worker: Address, tasks: Vec<TaskId>) -> Option<Vec<(TaskId, Option<Stated>)>> {
        let (reading, answered) = reading(move |state: &State| {
            tasks.into_iter().map(|task| (task, state.stated(task, worker))).collect::<Vec<_>>()
        });
        self.sender.send(Request::Read(reading)).await.ok()?;
        answered.await.ok()
    }

    /// A way to the loop that does not keep it.
    pub(crate) fn weak(&self) -> mpsc::WeakSender<Request> {
        self.sender.downgrade()
    }

    /// See [`Request::LimitJournal`].
    pub(crate) async fn limit_journal(&self, pages: u64) {
        drop(self.sender.send(Request::LimitJournal(pages)).await);
    }

    /// Lets the loop finish what it has and stop.
    pub(crate) async fn stop(&self) {
        drop(self.sender.send(Request::Stop).await);
    }
}

/// A read, and where what it found comes.
fn reading<T: Send + 'static>(read: impl FnOnce(&State) -> T + Send + 'static) -> (Reading, oneshot::Receiver<T>) {
    let (answer, answered) = oneshot::channel();
    // Whoever asked may be gone.
    (Box::new(move |state: &State| drop(answer.send(read(state)))), answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_passes_all_that_is_queued_and_what_must_come_after_it_does_not() {
        let (core, mut asked) = Core::new();
        for _ in 0..QUEUE {
            let (answer, _) = oneshot::channel();
            core.sender.try_send(Request::Receipt(answer)).unwrap();
        }
        let looking = core.clone();
        let look = tokio::spawn(async move { looking.read(|state| state.last.sequence).await.is_ok() });
        assert!(asked.looks.recv().await.is_some());
        // The loop ended without it.
        assert!(!look.await.unwrap());
        let stated = tokio::spawn(async move { core.stated(Address::default(), Vec::new()).await });
        for _ in 0..QUEUE {
            assert!(matches!(asked.requests.recv().await, Some(Request::Receipt(_))));
        }
        assert!(matches!(asked.requests.recv().await, Some(Request::Read(_))));
        assert_eq!(stated.await.unwrap().map(|found| found.len()), None);
    }
}
