//! Verdicts of checkers and provers on what is held of a task.
//!
//! PoCo agrees on a digest. Where an app's results are not equal to the byte, its checker says which of them are as good as
//! equal, and those count as one: the first of them stands for all. A verdict is evidence: whoever has the results runs the
//! order's own checker again, and gets the same word. Invariant: nobody's statement changes but by a verdict on it, and then
//! it counts as what somebody else stated of the same task.

use crate::work::Offer;
use crate::{Event, Exchange, Rejection};
use orders::ids;
use serde::{Deserialize, Serialize};
use units::{Address, B256, Digest, TaskId};

/// What a judge found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// As good as equal: the statement counts as the other.
    Equal,
    /// Not equal.
    Different,
    /// The checker cannot tell. That is for nobody and against nobody.
    Undecided,
    /// The checker could tell of no two of a task's results, so the first is taken: the statement counts as the other.
    Conceded,
    /// The result is right by itself.
    Proved,
    /// The result is wrong by itself.
    Wrong,
}

/// The first statement of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Its result's digest.
    pub digest: B256,
    /// The blob of that result.
    pub blob: Digest,
}

/// A result that counts as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The digest of the worker's own result.
    pub own: B256,
    /// What it counts as.
    pub first: First,
}

/// A judge's word about a held statement. The judge, and what it is told beside, are in the params of the deal's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The task.
    pub task: TaskId,
    /// Whose statement.
    pub worker: Address,
    /// The digest of its own result.
    pub digest: B256,
    /// What it was held against; none where a prover saw the result alone.
    pub other: Option<First>,
    /// What was found.
    pub verdict: Verdict,
}

impl Exchange {
    /// Takes a verdict. Where the statement counts as another's from now on, it takes that one's place in its worker's name.
    pub(crate) fn judge_held(&mut self, judgement: &Judgement, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let Judgement { task, worker, digest, other, verdict } = *judgement;
        let holding = self.held.get(&task).ok_or(Rejection::NothingHeld { task, worker })?;
        let held = holding.offers.iter().find(|held| held.worker == worker);
        let held = held.ok_or(Rejection::NothingHeld { task, worker })?;
        let compares = match verdict {
            Verdict::Equal | Verdict::Different | Verdict::Undecided | Verdict::Conceded => true,
            Verdict::Proved | Verdict::Wrong => false,
        };
        // What counts as another already may still be taken, with that one, for a third.
        let before = holding.judged.get(&worker).map(|judged| judged.own);
        if held.failed
            || before.is_some() && verdict != Verdict::Conceded
            || !says(&held.offer, task, digest)
            || compares != other.is_some()
        {
            return Err(Rejection::HeldOtherwise { task, worker });
        }
        if let Some(first) = other {
            let nobody = Rejection::NotStated { task, digest: first.digest };
            let offer = self.stated_as(task, worker, &held.offer, first.digest).ok_or(nobody)?;
            if matches!(verdict, Verdict::Equal | Verdict::Conceded) {
                let holding = self.held.get_mut(&task).expect("found above");
                let held = holding.offers.iter_mut().find(|held| held.worker == worker).expect("found above");
                held.offer = offer;
                holding.judged.insert(worker, Judged { own: before.unwrap_or(digest), first });
            }
        }
        events.push(Event::Judged { judgement: *judgement });
        Ok(())
    }

    /// A worker's offer as it would be with a result that somebody else stated of the task, in the same way.
    fn stated_as(&self, task: TaskId, worker: Address, own: &Offer, digest: B256) -> Option<Offer> {
        let holding = self.held.get(&task)?;
        let others = holding.offers.iter().filter(|held| held.worker != worker && !held.failed);
        match own {
            Offer::Open { .. } => {
                let other = others.map(|held| &held.offer).find(|offer| says(offer, task, digest))?;
                Some(other.clone())
            }
            Offer::Sealed { .. } => {
                let hash = ids::result_hash(task, digest);
                let mut contributions = self.hub.task(task).into_iter().flat_map(|task| &task.contributions);
                let stated = others.map(|held| &held.offer).any(|offer| says(offer, task, digest))
                    || contributions.any(|part| part.worker != worker && part.hash == hash);
                stated.then(|| Offer::Sealed { hash, seal: ids::result_seal(worker, task, digest) })
            }
        }
    }
}

/// Whether an offer is this result.
fn says(offer: &Offer, task: TaskId, digest: B256) -> bool {
    match offer {
        Offer::Sealed { hash, .. } => *hash == ids::result_hash(task, digest),
        Offer::Open { digest: stated, .. } => *stated == digest,
    }
}
