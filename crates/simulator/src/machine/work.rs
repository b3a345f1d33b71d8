//! A machine's work: what it makes of what the policy hands out, by its nature.

use super::{Around, Link, Machine, Run, TaskKind, truth, word};
use crate::clock::later;
use crate::network::Up;
use crate::scenario::Nature;
use crate::transition::Step;
use abi::Call;
use agent::policy::{Action, Finished};
use api::worker::{Batch, DeclineReason, FromWorker, Package};
use std::time::Duration;
use units::{Address, Bytes, Digest, TaskId, Timestamp};

impl Machine {
    fn kind(&self, task: TaskId, around: &Around<'_>) -> TaskKind {
        let deal = self.work.get(&task).expect("what runs was assigned");
        *around.deals.get(deal).expect("what was assigned is of a deal that was made")
    }

    pub(super) fn result(&self, task: TaskId, around: &mut Around<'_>) -> Result<Finished, DeclineReason> {
        if !self.work.contains_key(&task) {
            return Err(DeclineReason::Broken);
        }
        let kind = self.kind(task, around);
        let lie = (word(task, self.address().as_slice()), false);
        let honestly = (truth(task, kind.fails), kind.fails);
        let (digest, failed) = match self.profile.nature {
            Nature::Liar { per_mille } => {
                if around.dice.below(1_000) < per_mille {
                    lie
                } else {
                    honestly
                }
            }
            Nature::Turncoat { after } => {
                if self.done >= after {
                    lie
                } else {
                    honestly
                }
            }
            Nature::Returner | Nature::Farmer => lie,
            Nature::Colluder => (word(task, b"colluders"), false),
            Nature::Naysayer => (truth(task, true), true),
            Nature::Honest
            | Nature::Slow
            | Nature::Copycat
            | Nature::Silent
            | Nature::Hung
            | Nature::Shy
            | Nature::Withholder
            | Nature::Unable
            | Nature::Revealer
            | Nature::Vanisher => honestly,
        };
        let inline = (!kind.big && self.profile.nature != Nature::Withholder).then(Bytes::new);
        let package = Package {
            blob: Digest(digest),
            size: 1,
            inline,
            callback: None,
            stderr: String::new(),
            stdout: String::new(),
        };
        Ok(Finished { digest, failed, ran: Duration::from_millis(kind.run_ms), package })
    }

    /// Does what the policy hands out, and arranges to be told of time.
    pub(super) fn act(&mut self, around: &mut Around<'_>) {
        while let Some(action) = self.policy.poll() {
            self.perform(action, around);
        }
        if let Some(at) = self.policy.next_deadline() {
            // At least a moment later, as a timer would be.
            let at = later(at, -self.ahead_ms).max(Timestamp(around.clock.now().0 + 1));
            if self.tick_at.is_none_or(|before| at < before) {
                self.tick_at = Some(at);
                around.clock.at(at, Step::Tick { machine: self.name, life: self.life, at });
            }
        }
    }

    /// Whether a tick that comes is the one that is waited for.
    pub(crate) fn awaits_tick(&self, at: Timestamp) -> bool {
        self.tick_at == Some(at)
    }

    fn perform(&mut self, action: Action, around: &mut Around<'_>) {
        let (machine, life) = (self.name, self.life);
        match action {
            Action::Prepare(task) => {
                if self.profile.nature == Nature::Unable {
                    return self.policy.declined(task, DeclineReason::Runtime, self.reads(around));
                }
                let there = !(around.rough && around.dice.chance(2));
                let takes = if around.dice.chance(5) { around.dice.between(100, 8_000) } else { around.dice.below(20) };
                around.clock.after(takes, Step::Prepared { machine, life, task, there });
            }
            Action::Run(task) => {
                self.next_run += 1;
                self.runs.insert(self.next_run, Run { task, started: false, aborted: false });
                self.queue.push_back(self.next_run);
            }
            Action::Abort(task) => {
                for (number, run) in &mut self.runs {
                    if run.task == task && !run.aborted {
                        run.aborted = true;
                        let takes = if run.started { 5 } else { 1 };
                        around.clock.after(takes, Step::RunEnded { machine, life, run: *number });
                    }
                }
                self.queue.retain(|number| self.runs.get(number).is_some_and(|run| !run.aborted));
            }
            Action::Hold(hold) => {
                self.paused = hold;
                if !hold {
                    for run in std::mem::take(&mut self.held_back) {
                        around.clock.after(50, Step::RunEnded { machine, life, run });
                    }
                }
            }
            Action::Say(frame) => self.say(frame, around),
            Action::Sign(batch) => {
                self.sign(*batch, around);
                self.policy.batch_sent(self.reads(around));
            }
            Action::Upload(task) => {
                if self.profile.nature != Nature::Withholder {
                    let takes = around.dice.between(20, 3_000);
                    around.clock.after(takes, Step::Uploaded { machine, life, task });
                }
            }
            Action::Forget(task) => {
                self.work.remove(&task);
                self.results.remove(&task);
            }
        }
        self.start_runs(around);
    }

    fn start_runs(&mut self, around: &mut Around<'_>) {
        let cores = usize::try_from(self.profile.cores).expect("cores are few");
        while self.runs.values().filter(|run| run.started).count() < cores {
            let Some(number) = self.queue.pop_front() else { return };
            let Some(run) = self.runs.get_mut(&number) else { continue };
            run.started = true;
            let task = run.task;
            if self.profile.nature == Nature::Hung {
                continue;
            }
            let slow = if self.profile.nature == Nature::Slow { 20 } else { 1 };
            let kind = self.kind(task, around);
            let spread = around.dice.between(80, 140);
            let takes = if kind.endless { kind.run_ms } else { kind.run_ms * slow * spread / 100 };
            around.clock.after(takes, Step::RunEnded { machine: self.name, life: self.life, run: number });
        }
    }

    fn say(&self, frame: FromWorker, around: &mut Around<'_>) {
        let Link::On(connection) = self.link else { return };
        let silent = self.profile.nature == Nature::Silent && !matches!(frame, FromWorker::Ready { .. });
        if !silent {
            around.network.up(around.clock, around.dice, connection, Up::Frame(frame));
        }
    }

    /// Sends a batch, as its nature is.
    fn sign(&mut self, mut batch: Batch, around: &mut Around<'_>) {
        match self.profile.nature {
            Nature::Shy => batch.reveals.clear(),
            Nature::Copycat => {
                for commit in &mut batch.commits {
                    if let Some(leaked) = around.leaks.get(&commit.task) {
                        commit.result_hash = *leaked;
                    }
                }
            }
            Nature::Revealer => {
                let zero = Address::ZERO;
                let none = Bytes::new;
                self.aside.extend(batch.commits.iter().map(|it| Call::Contribute {
                    task: it.task,
                    result_hash: it.result_hash,
                    result_seal: it.result_seal,
                    enclave: zero,
                    enclave_sign: none(),
                    authorization_sign: none(),
                }));
                self.aside.extend(batch.reveals.iter().map(|it| Call::Reveal { task: it.task, digest: it.digest }));
                batch.reveals.retain(|_| around.dice.chance(50));
            }
            Nature::Honest
            | Nature::Slow
            | Nature::Liar { .. }
            | Nature::Turncoat { .. }
            | Nature::Returner
            | Nature::Farmer
            | Nature::Colluder
            | Nature::Naysayer
            | Nature::Silent
            | Nature::Hung
            | Nature::Withholder
            | Nature::Unable
            | Nature::Vanisher => {}
        }
        for commit in &batch.commits {
            around.leaks.entry(commit.task).or_insert(commit.result_hash);
        }
        let twice = around.rough && around.dice.chance(2);
        let frame = FromWorker::Batch(Box::new(batch));
        if twice {
            self.say(frame.clone(), around);
        }
        self.say(frame, around);
    }
}
