//! Judges beside the loop: one thread runs checkers and provers in the sandbox, and hands their words back.
//!
//! Requesters are served in turn, so that one whose judge is slow keeps only its own waiting. A word that was said of the same
//! results is not asked for again. Invariants: whatever goes wrong, every question is answered (`undecided` decides nothing);
//! a judge that passed its time so often is not run again; with the loop the thread ends, a run under way included.

mod again;
mod question;

pub use again::Retrial;

use crate::core::Request;
use blobs::Store;
use market::{Case, Word};
use question::{Bench, Question};
use sandbox::Control;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc::WeakSender;
use units::Address;

/// What the sandbox asks for.
const STACK_BYTES: usize = 4 << 20;

/// The way to the judges. Their thread begins with the first question.
#[derive(Clone, Debug)]
pub(crate) struct Judges {
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    docket: Mutex<Docket>,
    wake: Condvar,
    blobs: Store,
    folder: PathBuf,
    /// Weak: the loop that is asked for nothing by anybody ends.
    answers: WeakSender<Request>,
}

/// What waits to be judged.
#[derive(Debug, Default)]
struct Docket {
    by_requester: BTreeMap<Address, VecDeque<Question>>,
    /// Who was served last.
    last: Address,
    /// The run under way.
    running: Option<Control>,
    thread: Option<JoinHandle<()>>,
    closed: bool,
}

impl Docket {
    /// The next question of the next requester.
    fn next(&mut self) -> Option<Question> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        let turn = self.by_requester.range(after).next().or_else(|| self.by_requester.iter().next());
        let requester = *turn?.0;
        let queue = self.by_requester.get_mut(&requester)?;
        let question = queue.pop_front();
        if queue.is_empty() {
            self.by_requester.remove(&requester);
        }
        self.last = requester;
        question
    }
}

impl Judges {
    /// Judges that keep compiled modules in `folder`, which is made with the first question.
    pub(crate) fn new(blobs: Store, folder: PathBuf, answers: WeakSender<Request>) -> Self {
        let (docket, wake) = (Mutex::default(), Condvar::new());
        Self { room: Arc::new(Room { docket, wake, blobs, folder, answers }) }
    }

    /// Puts a question; the answer comes as [`Request::Judged`].
    pub(crate) fn ask(&self, case: Case, requester: Address, params: String) {
        let mut docket = self.room.docket();
        if docket.closed {
            return;
        }
        docket.by_requester.entry(requester).or_default().push_back(Question { case, params });
        if docket.thread.is_none() {
            match self.begin() {
                Ok(thread) => docket.thread = Some(thread),
                Err(error) => tracing::error!(%error, "no thread for judges; results wait to be compared"),
            }
        }
        drop(docket);
        self.room.wake.notify_one();
    }

    fn begin(&self) -> io::Result<JoinHandle<()>> {
        let room = Arc::clone(&self.room);
        let thread = std::thread::Builder::new().name("judge".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || room.work())
    }

    /// Ends the thread, and with it its hold on the data folder.
    pub(crate) fn close(&self) {
        let mut docket = self.room.docket();
        docket.closed = true;
        docket.by_requester.clear();
        if let Some(running) = &docket.running {
            running.cancel();
        }
        let thread = docket.thread.take();
        drop(docket);
        self.room.wake.notify_all();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }
}

impl Room {
    fn docket(&self) -> MutexGuard<'_, Docket> {
        self.docket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut bench = Bench::new(self.blobs.clone(), self.folder.clone());
        while let Some((question, control)) = self.wait() {
            let word = bench.answer(&question, &control);
            if self.docket().closed || !self.tell(question.case, word) {
                return;
            }
        }
    }

    /// The next question, with a hand on its run; none when all is over.
    fn wait(&self) -> Option<(Question, Control)> {
        let mut docket = self.docket();
        docket.running = None;
        loop {
            if docket.closed {
                return None;
            }
            if let Some(question) = docket.next() {
                let control = Control::new();
                docket.running = Some(control.clone());
                return Some((question, control));
            }
            docket = self.wake.wait(docket).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn tell(&self, case: Case, word: Word) -> bool {
        let Some(answers) = self.answers.upgrade() else { return false };
        answers.blocking_send(Request::Judged { case, word }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{B256, DealId, Digest, TaskId};

    fn question(index: u64) -> Question {
        let (task, deal) = (TaskId(B256::ZERO), DealId(B256::ZERO));
        let result = (B256::ZERO, Digest::default());
        let case = Case { task, deal, index, worker: Address::ZERO, result, other: None };
        Question { case, params: String::new() }
    }

    #[test]
    fn requesters_are_served_in_turn_however_many_questions_one_has() {
        let mut docket = Docket::default();
        let [one, other] = [1, 2].map(Address::repeat_byte);
        docket.by_requester.insert(one, (1..=3).map(question).collect());
        docket.by_requester.insert(other, (4..=5).map(question).collect());
        let served: Vec<u64> = std::iter::from_fn(|| docket.next()).map(|it| it.case.index).collect();
        assert_eq!(served, [1, 4, 2, 5, 3]);
    }
}
