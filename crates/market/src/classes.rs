//! Judged results: questions to judges, and what follows from their words.

use crate::Market;
use crate::output::{Case, Output, Package};
use dispatch::{Check, Word};
use exchange::{Command, First, Judgement, Verdict};
use units::{Address, B256, Bytes, DealId, TaskId, Timestamp};

impl Market {
    pub(crate) fn check_of(&self, deal: DealId) -> Check {
        self.dispatch.bag(deal).map(|bag| bag.terms.check).unwrap_or_default()
    }

    /// A judge has answered. It is entered as evidence, and then counts.
    pub fn answered(&mut self, at: Timestamp, case: &Case, word: Word, out: &mut Output) {
        let verdict = match (word, case.other) {
            (Word::Good, Some(_)) => Verdict::Equal,
            (Word::Bad, Some(_)) => Verdict::Different,
            (Word::Undecided, Some(_)) => Verdict::Undecided,
            (Word::Good, None) => Verdict::Proved,
            (Word::Bad, None) => Verdict::Wrong,
            // That a prover cannot tell changes nothing.
            (Word::Undecided, None) => return self.heed(at, case, word, out),
        };
        let other = case.other.map(|(digest, blob)| First { digest, blob });
        let judgement = Judgement { task: case.task, worker: case.worker, digest: case.result.0, other, verdict };
        let taken = self.command(at, Command::Judge(judgement), out);
        // What it is about, or was held against, may be gone meanwhile: then nobody is better or worse for it.
        self.heed(at, case, if taken.is_ok() { word } else { Word::Undecided }, out);
    }

    fn heed(&mut self, at: Timestamp, case: &Case, word: Word, out: &mut Output) {
        let mut decisions = Vec::new();
        let other = case.other.map(|(digest, _)| digest);
        self.dispatch.judged(at, (case.task, case.worker), other, word, &mut decisions);
        self.carry_out(at, decisions, out);
    }

    /// Puts a question to the shell.
    pub(crate) fn ask(&self, (task, worker): (TaskId, Address), digest: B256, other: Option<B256>, out: &mut Output) {
        let Some((deal, index)) = self.dispatch.place(task) else { return };
        let blob = |digest: B256| self.package_of(task, digest).map(|package| (digest, package.blob));
        let Some(result) = blob(digest) else { return };
        let against = other.map(blob);
        if against == Some(None) {
            return;
        }
        out.cases.push(Case { task, deal, index, worker, result, other: against.flatten() });
    }

    /// Its checker can tell of no two results of a task: one is taken for another.
    pub(crate) fn concede(
        &mut self,
        at: Timestamp,
        (task, worker): (TaskId, Address),
        digest: B256,
        other: B256,
        out: &mut Output,
    ) {
        let blob = self.package_of(task, other).map(|package| package.blob);
        let other = Some(First { digest: other, blob: blob.unwrap_or_default() });
        let judgement = Judgement { task, worker, digest, other, verdict: Verdict::Conceded };
        // Refused where the statement is gone meanwhile.
        let taken = self.command(at, Command::Judge(judgement), out).is_ok();
        if let Some(request) = self.dispatch.place(task).and_then(|(deal, _)| self.deals.get(&deal)).filter(|_| taken) {
            self.jobs.conceded(*request, task);
        }
    }

    /// What a worker is to reveal in place of its own result.
    pub(crate) fn instead(&self, task: TaskId, worker: Address) -> Option<Package> {
        let First { digest, blob } = self.exchange.held(task)?.judged.get(&worker)?.first;
        let known = self.package_of(task, digest).cloned();
        Some(known.unwrap_or(Package { digest, blob, callback: Bytes::new() }))
    }
}

/// Whether right results are equal to the byte on every machine: only then is one known from another task.
pub(crate) fn is_exact(check: Check) -> bool {
    match check {
        Check::Exact | Check::SelfProving => true,
        Check::SameClass | Check::Checker => false,
    }
}
