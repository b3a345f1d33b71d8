//! Judges' words in a journal, put to the judges again by whoever has the results.
//!
//! A judge's word follows from module, arguments and results alone, so whoever runs it again gets the same. What was decided, for or
//! against somebody, and comes out otherwise is forged. That a judge could not tell then and can now is no fault: it may have passed
//! its time on the operator's machine, or have lacked a file.

use super::Fault;
use exchange::{Command, Entry, Exchange, First, Verdict};
use units::{Address, B256, DealId, Digest, TaskId};

/// A judge's word, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The task.
    pub task: TaskId,
    /// Its deal.
    pub deal: DealId,
    /// Its index in the request's bag.
    pub index: u64,
    /// Whose result.
    pub worker: Address,
    /// The params of the request: they name the judge, and say what the task was to do.
    pub params: String,
    /// The digest of the result that was judged.
    pub digest: B256,
    /// The blob that it is, where the journal says more than its digest.
    pub blob: Digest,
    /// What it was held against; none where a prover saw it alone.
    pub other: Option<First>,
    /// What the operator says that the judge said.
    pub verdict: Verdict,
}

/// What a judge says when it is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Equal, or proved.
    Good,
    /// Different, or wrong.
    Wrong,
    /// It ended, and cannot tell.
    Open,
    /// It could not be asked: a file is not here, or it did not end in time.
    NotAsked,
}

/// What became of judges' words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Words in the journal.
    pub heard: u64,
    /// Those that the judge said again.
    pub confirmed: u64,
    /// Those of which it could not be asked again.
    pub not_asked: u64,
    /// Those that left open what the judge decides now.
    pub decided_only_now: u64,
    /// Results that were taken for others because no judge could tell: no judge's word.
    pub conceded: u64,
}

/// What an entry says of a judge, before it is applied.
pub(super) fn heard(exchange: &Exchange, entry: &Entry) -> Option<Heard> {
    let Command::Judge(judgement) = &entry.command else { return None };
    let holding = exchange.held(judgement.task)?;
    let deal = exchange.deal(holding.deal)?;
    let offers = holding.offers.iter().filter(|held| held.worker == judgement.worker);
    let shown = offers.filter_map(|held| match &held.offer {
        exchange::Offer::Open { blob, .. } => Some(*blob),
        exchange::Offer::Sealed { .. } => None,
    });
    Some(Heard {
        task: judgement.task,
        deal: holding.deal,
        index: u64::try_from(holding.index).unwrap_or(u64::MAX),
        worker: judgement.worker,
        params: deal.params.clone(),
        digest: judgement.digest,
        // A result's address is its digest, but where the program itself says what of it counts.
        blob: shown.last().unwrap_or(Digest(judgement.digest)),
        other: judgement.other,
        verdict: judgement.verdict,
    })
}

impl Verdicts {
    /// Holds a word against what the judge says now.
    pub(super) fn hold(&mut self, heard: &Heard, ask: impl FnOnce(&Heard) -> Again) -> Result<(), Fault> {
        self.heard += 1;
        let said = match heard.verdict {
            Verdict::Equal | Verdict::Proved => Again::Good,
            Verdict::Different | Verdict::Wrong => Again::Wrong,
            Verdict::Undecided => Again::Open,
            Verdict::Conceded => {
                self.heard -= 1;
                self.conceded += 1;
                return Ok(());
            }
        };
        let found = ask(heard);
        match (said, found) {
            (_, Again::NotAsked) => self.not_asked += 1,
            (said, found) if said == found => self.confirmed += 1,
            (Again::Open, _) => self.decided_only_now += 1,
            (Again::Good | Again::Wrong | Again::NotAsked, found) => {
                let (task, worker) = (heard.task, heard.worker);
                return Err(Fault::Verdict { task, worker, said: heard.verdict, found });
            }
        }
        Ok(())
    }
}
