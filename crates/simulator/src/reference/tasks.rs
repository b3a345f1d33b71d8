//! Tasks: who contributed what, when enough agree, and who gets what in the end.

use super::Reference;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, DealId, TaskId, Timestamp};

/// What a finalized task draws from the kitty at least.
const KITTY_LEAST: u128 = 1_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Deal {
    pub(crate) requester: Address,
    pub(crate) app_owner: Address,
    pub(crate) app_price: u128,
    pub(crate) data_owner: Address,
    pub(crate) data_price: u128,
    pub(crate) pool_price: u128,
    pub(crate) pool: Address,
    pub(crate) pool_owner: Address,
    pub(crate) worker_stake: u128,
    pub(crate) pool_share: u128,
    pub(crate) trust: u64,
    pub(crate) first: u64,
    pub(crate) size: u64,
    /// When it was matched, in whole seconds.
    pub(crate) began: u64,
    /// The category's seconds.
    pub(crate) unit: u64,
    /// Whether the live state need not know it any more.
    pub(crate) forgotten: bool,
}

impl Deal {
    /// What a worker has for a task of it at the least, when no more take part than must.
    pub(crate) fn least_pay(&self) -> u64 {
        let owners = if self.trust > 2 { 2 } else { 1 };
        u64::try_from(self.pool_price * (100 - self.pool_share) / 100 / owners).unwrap_or(u64::MAX)
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nobody opened it.
    Unset,
    Active,
    /// Enough agree on this hash; it must be shown within so many seconds of time.
    Revealing {
        hash: B256,
        until: u64,
    },
    Completed,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) worker: Address,
    pub(crate) hash: B256,
    pub(crate) proved: bool,
    /// Agreed once, and nobody showed it in time.
    rejected: bool,
    weight: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) deal: DealId,
    pub(crate) status: Status,
    pub(crate) parts: Vec<Part>,
    /// What was paid to whom for it.
    pub(crate) paid: BTreeMap<Address, u128>,
}

impl Task {
    pub(super) fn new(deal: DealId) -> Self {
        Self { deal, status: Status::Unset, parts: Vec::new(), paid: BTreeMap::new() }
    }

    /// Whether nothing more can happen to it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.status, Status::Completed | Status::Failed)
    }

    fn winners(&self) -> impl Iterator<Item = &Part> {
        let agreed = if let Status::Revealing { hash, .. } = self.status { Some(hash) } else { None };
        self.parts.iter().filter(move |part| Some(part.hash) == agreed && !part.rejected)
    }

    /// Whether those who say `hash` outweigh all others as much as this trust asks: the weights of who say the same are
    /// multiplied, those products and one are the whole, and the part must be over (trust − 1) / trust of it.
    fn suffices(&self, hash: B256, trust: u64) -> bool {
        let counted = || self.parts.iter().filter(|part| !part.rejected);
        let product = |hash| counted().filter(|part| part.hash == hash).map(|part| part.weight).product::<u128>();
        let hashes: BTreeSet<B256> = counted().map(|part| part.hash).collect();
        let whole = 1 + hashes.into_iter().map(product).sum::<u128>();
        product(hash) * u128::from(trust) > whole * u128::from(trust - 1)
    }
}

impl Reference {
    fn deal_of(&self, id: TaskId) -> Result<&Deal, String> {
        let task = self.tasks.get(&id).ok_or_else(|| format!("task {id} is of no deal"))?;
        Ok(&self.deals[&task.deal])
    }

    pub(super) fn opened(&mut self, id: TaskId) -> Result<(), String> {
        let task = self.task(id)?;
        if task.status != Status::Unset {
            return Err(format!("task {id} was opened, and it was {:?}", task.status));
        }
        task.status = Status::Active;
        Ok(())
    }

    pub(super) fn contributed(&mut self, at: Timestamp, id: TaskId, worker: Address, hash: B256) -> Result<(), String> {
        let score = self.scores.get(&worker).copied().unwrap_or(0);
        let deal = self.deal_of(id)?.clone();
        let task = self.task(id)?;
        if task.status != Status::Active || task.parts.iter().any(|part| part.worker == worker) {
            return Err(format!("{worker} contributed twice, or to a task that was {:?}", task.status));
        }
        if at.seconds() >= deal.began + 7 * deal.unit {
            return Err(format!("{worker} contributed to task {id} too late"));
        }
        let weight = u128::from((score / 3).max(3) - 1);
        task.parts.push(Part { worker, hash, proved: false, rejected: false, weight });
        if task.suffices(hash, deal.trust) {
            task.status = Status::Revealing { hash, until: at.seconds() + 2 * deal.unit };
        }
        self.lock(worker, deal.worker_stake)
    }

    /// The exchange says that enough agree: it was reckoned just before.
    pub(super) fn agreed(&mut self, id: TaskId, consensus: B256) -> Result<(), String> {
        match self.task(id)?.status {
            Status::Revealing { hash, .. } if hash == consensus => Ok(()),
            status => Err(format!("enough were found to agree on task {id}, which should be {status:?}")),
        }
    }

    pub(super) fn revealed(&mut self, at: Timestamp, id: TaskId, worker: Address) -> Result<(), String> {
        let task = self.task(id)?;
        let Status::Revealing { hash, until } = task.status else {
            return Err(format!("{worker} revealed a task that was {:?}", task.status));
        };
        let part = task.parts.iter_mut().find(|part| part.worker == worker);
        let part = part.filter(|part| part.hash == hash && !part.proved && !part.rejected && at.seconds() < until);
        part.ok_or("somebody revealed what was not agreed on, or twice, or too late")?.proved = true;
        Ok(())
    }

    pub(super) fn reopened(&mut self, at: Timestamp, id: TaskId) -> Result<(), String> {
        let task = self.task(id)?;
        let Status::Revealing { hash, until } = task.status else {
            return Err(format!("task {id} was reopened, and it was {:?}", task.status));
        };
        if task.parts.iter().any(|part| part.proved) || at.seconds() < until {
            return Err("a task was reopened whose result was shown, or might yet be".to_owned());
        }
        for part in task.parts.iter_mut().filter(|part| part.hash == hash) {
            part.rejected = true;
        }
        task.status = Status::Active;
        Ok(())
    }

    /// What both ways of being done have in common; the workers' and the pool's pots are what is left.
    fn done(&mut self, at: Timestamp, id: TaskId) -> Result<Deal, String> {
        let deal = self.deal_of(id)?.clone();
        let task = self.task(id)?;
        if task.is_final() {
            return Err(format!("task {id} ended twice"));
        }
        if at.seconds() >= deal.began + 10 * deal.unit {
            return Err(format!("task {id} was finished after its time"));
        }
        task.status = Status::Completed;
        self.strike(deal.requester, deal.app_price + deal.data_price + deal.pool_price)?;
        self.purse(deal.app_owner).free += deal.app_price;
        if deal.data_price > 0 {
            self.purse(deal.data_owner).free += deal.data_price;
        }
        self.unlock(deal.pool_owner, deal.pool_price * 30 / 100)?;
        let draw = (self.kitty / 10).max(KITTY_LEAST).min(self.kitty);
        self.kitty -= draw;
        self.purse(deal.pool_owner).free += draw;
        Ok(deal)
    }

    /// One word was enough.
    pub(super) fn accepted(&mut self, at: Timestamp, id: TaskId, worker: Address) -> Result<(), String> {
        let deal = self.done(at, id)?;
        let reward = deal.pool_price * (100 - deal.pool_share) / 100;
        self.purse(worker).free += reward;
        self.purse(deal.pool_owner).free += deal.pool_price - reward;
        let task = self.task(id)?;
        if !task.parts.is_empty() || deal.trust != 1 || at.seconds() >= deal.began + 7 * deal.unit {
            return Err(format!("task {id} was accepted on one word, but its trust is {}, or it was late", deal.trust));
        }
        task.parts.push(Part { worker, hash: B256::ZERO, proved: true, rejected: false, weight: 1 });
        *task.paid.entry(worker).or_default() += reward;
        self.covered(at, id, worker, &deal)?;
        self.credit(&deal, &[(worker, reward)])
    }

    pub(super) fn finalized(&mut self, at: Timestamp, id: TaskId) -> Result<(), String> {
        let task = self.task(id)?;
        let Status::Revealing { until, .. } = task.status else {
            return Err(format!("task {id} was finalized, and it was {:?}", task.status));
        };
        let all = task.winners().all(|part| part.proved);
        let some = task.winners().any(|part| part.proved) && at.seconds() >= until;
        if !(all || some) {
            return Err(format!("task {id} was finalized, and winners might yet reveal"));
        }
        let deal = self.done(at, id)?;
        let parts = self.tasks[&id].parts.clone();
        let wrong = parts.iter().filter(|part| !part.proved).count() as u128;
        let share = |part: &Part| u128::from(part.weight.ilog2());
        let shares: u128 = parts.iter().filter(|part| part.proved).map(share).sum();
        let pot = deal.pool_price + wrong * deal.worker_stake;
        let for_workers = pot * (100 - deal.pool_share) / 100;
        let (mut left, mut proved) = (pot, Vec::new());
        for part in &parts {
            let score = self.scores.entry(part.worker).or_default();
            if part.proved {
                *score += u64::from(parts.len() > 1);
                let reward = for_workers * share(part) / shares;
                left -= reward;
                self.unlock(part.worker, deal.worker_stake)?;
                self.purse(part.worker).free += reward;
                *self.task(id)?.paid.entry(part.worker).or_default() += reward;
                proved.push((part.worker, reward));
            } else {
                *score = *score * 2 / 3;
                self.strike(part.worker, deal.worker_stake)?;
            }
        }
        self.purse(deal.pool_owner).free += left;
        self.credit(&deal, &proved)
    }

    pub(super) fn claimed(&mut self, at: Timestamp, id: TaskId) -> Result<(), String> {
        let deal = self.deal_of(id)?.clone();
        let task = self.task(id)?;
        if task.is_final() {
            return Err(format!("task {id} ended twice"));
        }
        if at.seconds() < deal.began + 10 * deal.unit {
            return Err(format!("task {id} was claimed before its time was over"));
        }
        task.status = Status::Failed;
        let parts = task.parts.clone();
        self.unlock(deal.requester, deal.app_price + deal.data_price + deal.pool_price)?;
        self.strike(deal.pool_owner, deal.pool_price * 30 / 100)?;
        self.kitty += deal.pool_price * 30 / 100;
        for part in parts {
            self.unlock(part.worker, deal.worker_stake)?;
        }
        Ok(())
    }

    /// A deal left the live state: all of its tasks must have ended.
    pub(super) fn forgotten(&mut self, id: DealId) -> Result<(), String> {
        let deal = self.deals.get_mut(&id).ok_or("a deal was forgotten that never was")?;
        deal.forgotten = true;
        let mut indices = deal.first..deal.first + deal.size;
        let ended = |index| self.tasks[&orders::ids::task_id(id, units::U256::from(index))].is_final();
        if indices.all(ended) {
            Ok(())
        } else {
            Err(format!("deal {id} was forgotten before all of its tasks had ended"))
        }
    }
}
