//! What pools know of their workers: whose they are, what strangers paid them for, which checks they passed, what they have
//! at stake; and what is held of single words until a check covers them.

use super::{Deal, Reference};
use exchange::Evidence;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, TaskId, Timestamp};

/// What a pool knows of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) owner: Address,
    pub(super) accepted: u64,
    pub(super) checks: u64,
    pub(super) barred: bool,
    pub(super) withheld: u128,
    /// When it last passed a check.
    passed_at: Option<Timestamp>,
}

impl Standing {
    fn new(owner: Address) -> Self {
        Self { owner, accepted: 0, checks: 0, barred: false, withheld: 0, passed_at: None }
    }
}

/// A result in the clear that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) digest: B256,
    pub(super) failed: bool,
    pub(super) at: Timestamp,
    /// Whether it was itself held against others and found good.
    pub(super) checked: bool,
}

impl Reference {
    fn standing(&mut self, pool: Address, worker: Address) -> &mut Standing {
        self.touched.standings.insert((pool, worker));
        self.standings.entry((pool, worker)).or_insert_with(|| Standing::new(worker))
    }

    fn owner(&self, pool: Address, worker: Address) -> Address {
        self.standings.get(&(pool, worker)).map_or(worker, |it| it.owner)
    }

    /// A worker is one of a pool's. One that changes hands begins anew, but for its stake.
    pub(super) fn enlisted(&mut self, pool: Address, worker: Address, owner: Address) {
        let standing = self.standing(pool, worker);
        *standing = Standing { withheld: standing.withheld, ..Standing::new(owner) };
    }

    /// Whether a stranger pays for the work.
    fn is_strange(&self, deal: &Deal, worker: Address) -> bool {
        let own = [worker, self.owner(deal.pool, worker), deal.pool_owner];
        !own.contains(&deal.requester) && deal.pool_price > 0
    }

    /// Those who proved a result are credited with it, and some of their pay is kept back.
    pub(super) fn credit(&mut self, deal: &Deal, proved: &[(Address, u128)]) -> Result<(), String> {
        let Some(deposit) = self.pools[&deal.pool].deposit else { return Ok(()) };
        let brought = deal.pool_price * deal.pool_share / 100 / (proved.len().max(1) as u128);
        for (worker, _) in proved {
            self.beside.entry((deal.pool, *worker)).or_default().0 += brought;
        }
        let owners: BTreeSet<Address> = proved.iter().map(|(worker, _)| self.owner(deal.pool, *worker)).collect();
        let mutual = deal.trust > 1 && owners.len() > 1;
        for (worker, reward) in proved {
            let strange = self.is_strange(deal, *worker);
            let standing = self.standing(deal.pool, *worker);
            standing.accepted += u64::from(strange);
            standing.checks += u64::from(strange && mutual);
            let missing = (reward * deposit).saturating_sub(standing.withheld);
            let more = if *worker == deal.pool_owner { 0 } else { missing.min(*reward) };
            standing.withheld += more;
            self.lock(*worker, more)?;
        }
        Ok(())
    }

    /// A pool that audits pays a worker beside PoCo no more than its tasks brought.
    pub(super) fn paid_beside(&mut self, pool: Address, worker: Address, amount: u128) -> Result<(), String> {
        if self.pools[&pool].deposit.is_none() {
            return Ok(());
        }
        let (brought, paid) = self.beside.entry((pool, worker)).or_default();
        *paid += amount;
        if paid > brought {
            return Err(format!("{worker} was paid {paid} beside PoCo, and its tasks brought {brought}"));
        }
        Ok(())
    }

    /// A worker's held word is judged by others' or by a known answer.
    pub(super) fn checked(
        &mut self,
        at: Timestamp,
        task: TaskId,
        worker: Address,
        evidence: &Evidence,
        passed: bool,
    ) -> Result<(), String> {
        let deal = self.deals[&self.tasks.get(&task).ok_or("a task was checked that is none")?.deal].clone();
        let words = self.words.get(&task).cloned().unwrap_or_default();
        let own = words.get(&worker).ok_or("a worker was checked of which nothing is held")?;
        let said = |worker: &Address| words.get(worker).map(|it| (it.digest, it.failed));
        if let Evidence::Witnesses(witnesses) = evidence {
            let owners: BTreeSet<Address> = witnesses.iter().map(|it| self.owner(deal.pool, *it)).collect();
            let heard: Option<Vec<(B256, bool)>> = witnesses.iter().map(said).collect();
            let heard = heard.ok_or("a witness was called of which nothing is held")?;
            let for_it = heard.iter().all(|it| *it == (own.digest, own.failed)) && !heard.is_empty();
            let alike = heard.windows(2).all(|pair| pair[0] == pair[1]) && heard.len() > 1;
            let strangers = owners.len() == witnesses.len() && !owners.contains(&self.owner(deal.pool, worker));
            if !strangers || passed != for_it || !passed && !alike {
                return Err(format!("{worker} was judged ({passed}) for task {task} by {heard:?}, and said {own:?}"));
            }
        }
        let strange = self.is_strange(&deal, worker);
        let standing = self.standing(deal.pool, worker);
        if passed {
            standing.checks += u64::from(strange);
            standing.passed_at = Some(at);
            if let Some(word) = self.words.get_mut(&task).and_then(|words| words.get_mut(&worker)) {
                word.checked = true;
            }
        }
        Ok(())
    }

    /// A liar's stake is the pool owner's.
    pub(super) fn barred(&mut self, pool: Address, worker: Address) -> Result<(), String> {
        let standing = self.standing(pool, worker);
        standing.barred = true;
        let stake = std::mem::take(&mut standing.withheld);
        self.strike(worker, stake)?;
        let owner = self.pools[&pool].owner;
        self.purse(owner).free += stake;
        Ok(())
    }

    /// A worker's stake is its own again, and it begins anew.
    pub(super) fn left(&mut self, pool: Address, worker: Address) -> Result<(), String> {
        let standing = self.standing(pool, worker);
        let stake = standing.withheld;
        *standing = Standing::new(standing.owner);
        self.unlock(worker, stake)
    }

    /// A word is held.
    pub(super) fn held(&mut self, at: Timestamp, task: TaskId, worker: Address, digest: B256, failed: bool) {
        let word = Word { digest, failed, at, checked: false };
        self.words.entry(task).or_default().insert(worker, word);
    }

    /// What was held of a worker for a task is dropped.
    pub(super) fn dropped(&mut self, task: TaskId, worker: Address) {
        if let Some(words) = self.words.get_mut(&task) {
            words.remove(&worker);
        }
    }

    /// A word is taken for the result. In an audited pool a check must cover it: its own, or one that its worker passed
    /// since; a failure must be another owner's word too.
    pub(super) fn covered(&mut self, at: Timestamp, task: TaskId, worker: Address, deal: &Deal) -> Result<(), String> {
        let words = self.words.remove(&task).unwrap_or_default();
        let word = words.get(&worker).ok_or("a word was accepted that is not held")?;
        let owner = self.owner(deal.pool, worker);
        let same = |(other, it): (&Address, &Word)| {
            it.digest == word.digest && it.failed == word.failed && self.owner(deal.pool, *other) != owner
        };
        let agreed = words.iter().any(same);
        if !self.draws || self.pools[&deal.pool].deposit.is_none() {
            return Ok(());
        }
        let standing = self.standings.get(&(deal.pool, worker));
        if standing.is_some_and(|it| it.barred) {
            return Err(format!("{worker} is barred, and its word on task {task} was accepted"));
        }
        let since = standing.and_then(|it| it.passed_at).is_some_and(|at| at >= word.at);
        // Where nobody else can do the task for its price, it is accepted unchecked at the last call rather than lost.
        let late = at.seconds() + deal.unit / 5 + 2 >= deal.began + 7 * deal.unit;
        let covered = word.checked || agreed || !word.failed && (since || late);
        if covered {
            return Ok(());
        }
        let price = deal.pool_price;
        Err(format!("task {task} was paid for ({price}) on {worker}'s word {word:?}, which no check covers"))
    }
}

/// What is held, by task and worker.
pub(super) type Words = BTreeMap<TaskId, BTreeMap<Address, Word>>;
