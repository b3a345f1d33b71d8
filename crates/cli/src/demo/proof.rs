//! What should have become of everybody's money, by plain arithmetic over what happened; and whether it did.

use super::facts::{Contribution, Facts, TaskFacts};
use super::render::Rendered;
use super::stage::{Part, Party};
use crate::describe::count;
use api::account::Account;
use api::exchange::Pool;
use api::job::{Deal, State};
use serde::Serialize;
use std::collections::BTreeMap;
use units::{Address, Amount, TaskId, U256};

/// Something that was claimed, and whether it held.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) claim: String,
    pub(super) holds: bool,
    /// The figures.
    pub(super) detail: String,
}

/// Everything that the claims are held against.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) asked: u64,
    pub(super) rendered: Rendered,
    pub(super) deals: Vec<Deal>,
    pub(super) pool: Pool,
    pub(super) parties: Vec<Party>,
    pub(super) before: BTreeMap<Address, Account>,
    pub(super) after: BTreeMap<Address, Account>,
    pub(super) outstanding: Amount,
}

/// What a task of a deal moves, nano-credits.
#[derive(Clone, Copy, Debug)]
struct Terms {
    app: i128,
    pool: i128,
    /// What each contributor has at stake.
    stake: i128,
    /// The pool's share, percent.
    share: i128,
}

/// What everybody should have gained or lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Reckoning {
    pub(super) moves: BTreeMap<Address, i128>,
    /// Tasks in which somebody was not with the agreed result, and what it lost.
    lost: BTreeMap<Address, Vec<i128>>,
    /// Finished tasks that somebody contributed to.
    parts: BTreeMap<Address, usize>,
    /// Those of them that somebody was paid otherwise for than it should have been.
    mispaid: BTreeMap<Address, usize>,
    finished: i128,
}

/// An amount as a plain number; what does not fit is nothing that a demo pays.
pub(super) fn nanos(amount: Amount) -> i128 {
    amount.to_nanos().map_or(i128::MAX >> 32, i128::from)
}

fn total(account: &Account) -> i128 {
    nanos(account.free) + nanos(account.locked)
}

/// An amount with its sign.
pub(super) fn signed(nanos: i128) -> String {
    let amount = Amount(U256::from(nanos.unsigned_abs()));
    match nanos {
        0 => amount.to_string(),
        1.. => format!("+{amount}"),
        _ => format!("-{amount}"),
    }
}

fn plain(nanos: i128) -> String {
    Amount(U256::from(nanos.unsigned_abs())).to_string()
}

impl Reckoning {
    /// Reckons every finished task of the deals, and what was paid beside.
    pub(super) fn new(deals: &[Deal], pool: &Pool, facts: &Facts) -> Self {
        let mut reckoning = Self::default();
        let nothing = TaskFacts::default();
        for deal in deals {
            let price = nanos(deal.workerpool.price);
            let terms = Terms {
                app: nanos(deal.app.price),
                pool: price,
                stake: price * i128::from(pool.worker_stake_ratio) / 100,
                share: i128::from(pool.scheduler_reward_ratio),
            };
            for index in deal.first..deal.first + deal.volume {
                let task: TaskId = orders::ids::task_id(deal.id, U256::from(index));
                let task = facts.tasks.get(&task).unwrap_or(&nothing);
                if task.finalized {
                    reckoning.settle(deal, terms, task);
                }
            }
        }
        for beside in &facts.beside {
            let owner = if beside.pool == pool.address { pool.owner } else { Address::ZERO };
            reckoning.add(owner, -nanos(beside.amount));
            reckoning.add(beside.worker, nanos(beside.amount));
        }
        reckoning
    }

    fn add(&mut self, who: Address, nanos: i128) {
        *self.moves.entry(who).or_default() += nanos;
    }

    /// Somebody should have been paid this for a task.
    fn pay(&mut self, task: &TaskFacts, worker: Address, reward: i128) {
        self.add(worker, reward);
        let paid = task.rewards.get(&worker).copied().unwrap_or_default();
        if nanos(paid) != reward {
            *self.mispaid.entry(worker).or_default() += 1;
        }
    }

    /// PoCo's split: the pot is the pool's price and what the losers had at stake; of what the pool's share leaves, each who
    /// was right gets by its log weight; the rest, with what rounding left, is the pool's.
    fn settle(&mut self, deal: &Deal, terms: Terms, task: &TaskFacts) {
        self.finished += 1;
        self.add(deal.requester, -(terms.app + terms.pool));
        self.add(deal.app.owner, terms.app);
        let (right, wrong): (Vec<&Contribution>, Vec<&Contribution>) =
            task.contributions.iter().partition(|part| task.is_proved(part));
        let pot = terms.pool + terms.stake * wrong.len() as i128;
        let for_workers = pot * (100 - terms.share) / 100;
        let weights: i128 = right.iter().map(|part| i128::from(part.log_weight)).sum();
        let mut rest = pot;
        for part in right {
            let reward = for_workers * i128::from(part.log_weight) / weights.max(1);
            self.pay(task, part.worker, reward);
            rest -= reward;
        }
        for part in wrong {
            self.pay(task, part.worker, 0);
            self.add(part.worker, -terms.stake);
            self.lost.entry(part.worker).or_default().push(terms.stake);
        }
        self.add(deal.workerpool.owner, rest);
        for part in &task.contributions {
            *self.parts.entry(part.worker).or_default() += 1;
        }
    }
}

impl Evidence {
    /// Checks every claim.
    pub(super) fn check(&self, facts: &Facts, reckoning: &Reckoning) -> Vec<Check> {
        let mut checks = vec![self.frames()];
        for party in &self.parties {
            match party.part {
                Part::Liar => checks.push(self.liar(party, facts, reckoning)),
                Part::Worker => checks.push(self.worker(party, facts, reckoning)),
                Part::Requester => checks.push(self.requester(party, reckoning)),
                Part::AppOwner => {
                    let claim = "the app's owner was paid its price for every frame";
                    checks.push(self.paid(party, claim, reckoning));
                }
                Part::Operator => {
                    let claim = "the pool's owner has its stakes back and the pool's share of every frame";
                    checks.push(self.paid(party, claim, reckoning));
                }
                Part::Kitty => checks.push(self.paid(party, "no stake of the pool's was seized", reckoning)),
            }
        }
        checks.extend([self.unlocked(), self.books(facts), self.journal(facts)]);
        checks
    }

    fn frames(&self) -> Check {
        let job = &self.rendered.job;
        let there = self.rendered.frames.len() as u64;
        Check {
            claim: "every frame is there, agreed on and checked against what was agreed".to_owned(),
            holds: there == self.asked && job.finished == self.asked && job.state == State::Completed,
            detail: format!("{there} of {}", self.asked),
        }
    }

    fn change(&self, who: Address) -> Option<i128> {
        Some(total(self.after.get(&who)?) - total(self.before.get(&who)?))
    }

    /// Whether somebody has gained or lost what it should.
    fn is_as_reckoned(&self, who: Address, reckoning: &Reckoning) -> bool {
        self.change(who) == Some(reckoning.moves.get(&who).copied().unwrap_or(0))
    }

    fn figures(&self, who: Address, reckoning: &Reckoning) -> String {
        let should = signed(reckoning.moves.get(&who).copied().unwrap_or(0));
        let is = self.change(who).map_or_else(|| "unknown".to_owned(), signed);
        if is == should { is } else { format!("{is}, and should be {should}") }
    }

    fn paid(&self, party: &Party, claim: &str, reckoning: &Reckoning) -> Check {
        Check {
            claim: claim.to_owned(),
            holds: self.is_as_reckoned(party.address, reckoning),
            detail: self.figures(party.address, reckoning),
        }
    }

    fn has_score(&self, party: &Party, facts: &Facts) -> bool {
        let counted = facts.scores.get(&party.address).copied().unwrap_or(0);
        self.after.get(&party.address).is_some_and(|account| account.score == counted)
    }

    fn liar(&self, party: &Party, facts: &Facts, reckoning: &Reckoning) -> Check {
        let parts = reckoning.parts.get(&party.address).copied().unwrap_or(0);
        let lost = reckoning.lost.get(&party.address).map_or(&[][..], Vec::as_slice);
        let no_score = self.after.get(&party.address).is_some_and(|account| account.score == 0);
        let stakes: i128 = lost.iter().sum();
        let claim = match parts {
            0 => format!("{} was caught", party.role),
            _ => format!("{} lost its stake in every task that it lied in, and has no score", party.role),
        };
        Check {
            claim,
            holds: parts > 0
                && lost.len() == parts
                && no_score
                && !reckoning.mispaid.contains_key(&party.address)
                && self.has_score(party, facts)
                && self.change(party.address) == Some(-stakes)
                && self.is_as_reckoned(party.address, reckoning),
            detail: match parts {
                0 => "it was given no task before the others had done them all; try more --frames".to_owned(),
                _ => format!(
                    "in {} of {}: {}",
                    lost.len(),
                    count(parts as u64, "task"),
                    self.figures(party.address, reckoning)
                ),
            },
        }
    }

    fn worker(&self, party: &Party, facts: &Facts, reckoning: &Reckoning) -> Check {
        let parts = reckoning.parts.get(&party.address).copied().unwrap_or(0);
        let mispaid = reckoning.mispaid.get(&party.address).copied().unwrap_or(0);
        let amiss = if mispaid > 0 { format!(", {mispaid} of them otherwise") } else { String::new() };
        Check {
            claim: format!("{} was paid by PoCo's split to the last nano-credit", party.role),
            holds: mispaid == 0 && self.is_as_reckoned(party.address, reckoning) && self.has_score(party, facts),
            detail: format!("{} for {}{amiss}", self.figures(party.address, reckoning), count(parts as u64, "task")),
        }
    }

    fn requester(&self, party: &Party, reckoning: &Reckoning) -> Check {
        let results = self.rendered.results.values();
        let costs: i128 = results.map(|result| nanos(result.cost)).sum();
        let finished = reckoning.finished;
        let mut prices: Vec<i128> =
            self.deals.iter().map(|deal| nanos(deal.app.price) + nanos(deal.workerpool.price)).collect();
        prices.sort_unstable();
        prices.dedup();
        let prices: Vec<String> = prices.into_iter().map(plain).collect();
        Check {
            claim: "the requester paid the price of each finished task, and no more".to_owned(),
            holds: self.is_as_reckoned(party.address, reckoning)
                && self.change(party.address) == Some(-costs)
                && finished == i128::from(self.rendered.job.finished)
                && nanos(self.rendered.job.spent) == costs,
            detail: format!("{finished} × {}: {}", prices.join(" or "), self.figures(party.address, reckoning)),
        }
    }

    fn unlocked(&self) -> Check {
        let locked: i128 = self.after.values().map(|account| nanos(account.locked)).sum();
        Check { claim: "nothing is left locked".to_owned(), holds: locked == 0, detail: plain(locked) }
    }

    fn books(&self, facts: &Facts) -> Check {
        let before: i128 = self.before.values().map(total).sum();
        let after: i128 = self.after.values().map(total).sum();
        let outstanding = nanos(self.outstanding);
        let issued = nanos(Amount(facts.issued));
        Check {
            claim: "the books balance: all accounts together have what was issued, before and after".to_owned(),
            holds: before == after && after == outstanding && outstanding == issued,
            detail: format!("{}, {}, {} issued", plain(before), plain(after), plain(issued)),
        }
    }

    fn journal(&self, facts: &Facts) -> Check {
        let differs = |party: &&Party| {
            let replayed = facts.balances.get(&party.address).copied().unwrap_or_default();
            self.after.get(&party.address).map(total) != Some(nanos(replayed))
        };
        let differing: Vec<&str> = self.parties.iter().filter(differs).map(|party| party.role.as_str()).collect();
        let detail = match differing.as_slice() {
            [] => format!("{} accounts", self.parties.len()),
            roles => format!("not that of {}", roles.join(", ")),
        };
        Check {
            claim: "every balance that the exchange told is what a replay of its journal comes to".to_owned(),
            holds: differing.is_empty(),
            detail,
        }
    }
}

#[cfg(test)]
mod tests;
