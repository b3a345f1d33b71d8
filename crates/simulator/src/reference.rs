//! Money told naively: plain integers, moved by what people did, after PoCo's rules as a person would write them down.
//!
//! It shares no code with the exchange. It is given each durable entry and the events, from which it takes only who did
//! what (who contributed what, who showed, what ended), and never an amount but what the operator issued.

use exchange::{AnyOrder, Command, Entry, Event};
use poco::Event as Hub;
use std::collections::BTreeMap;
use units::{Address, Amount, B256, DealId, OrderHash, TaskId, U256};

/// What a finalized task draws from the kitty at least.
const KITTY_LEAST: u128 = 1_000_000_000;

/// What an account should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) free: u128,
    pub(crate) locked: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct Deal {
    requester: Address,
    app_owner: Address,
    app_price: u128,
    pub(crate) pool_price: u128,
    pool: Address,
    pool_owner: Address,
    worker_stake: u128,
    pool_share: u128,
    pub(crate) trust: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) worker: Address,
    pub(crate) hash: B256,
    pub(crate) proved: bool,
    log_weight: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) deal: DealId,
    pub(crate) parts: Vec<Part>,
    consensus: Option<B256>,
    /// `Some(true)`: finalized, `Some(false)`: claimed.
    pub(crate) ended: Option<bool>,
    /// What was paid to whom for it.
    pub(crate) paid: BTreeMap<Address, u128>,
}

/// The naive model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    pub(crate) purses: BTreeMap<Address, Purse>,
    pub(crate) kitty: u128,
    pub(crate) issued: u128,
    orders: BTreeMap<OrderHash, AnyOrder>,
    /// Volume matched of each request.
    pub(crate) matched: BTreeMap<OrderHash, u64>,
    pub(crate) deals: BTreeMap<DealId, Deal>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    scores: BTreeMap<Address, u64>,
    /// What each worker has at stake in each pool, of its earnings.
    withheld: BTreeMap<(Address, Address), u128>,
    /// How many tasks' pay that should be, in each pool that withholds.
    deposits: BTreeMap<Address, u128>,
    /// Worker stake and pool share, percent, of each hosted pool; and who owns them.
    pools: BTreeMap<Address, (u64, u64, Address)>,
    app_owner: Address,
}

fn small(amount: Amount) -> u128 {
    u128::from(amount.to_nanos().expect("the simulator's amounts are small"))
}

fn number(value: U256) -> u64 {
    value.saturating_to()
}

impl Reference {
    pub(crate) fn new(genesis: &exchange::Genesis, app_owner: Address) -> Self {
        let pool =
            |it: &exchange::HostedPool| (it.address, (it.worker_stake_ratio, it.scheduler_reward_ratio, it.owner));
        let deposit = |it: &exchange::HostedPool| Some((it.address, u128::from(it.audits?.deposit_tasks)));
        Self {
            pools: genesis.pools.iter().map(pool).collect(),
            deposits: genesis.pools.iter().filter_map(deposit).collect(),
            app_owner,
            ..Self::default()
        }
    }

    /// Follows one entry; a complaint if what happened cannot have.
    pub(crate) fn follow(&mut self, entry: &Entry, events: &[Event]) -> Result<(), String> {
        if let Command::PlaceOrder(order) = &entry.command {
            self.orders.insert(order.hash(), (**order).clone());
        }
        if let Command::Accept { task, worker, .. } = &entry.command {
            return self.accepted(*task, *worker);
        }
        for event in events {
            match event {
                Event::Issued { to, amount } => {
                    self.purse(*to).free += small(*amount);
                    self.issued += small(*amount);
                }
                Event::Paid { pool, worker, amount, task, .. } => {
                    let owner = self.pools[pool].2;
                    self.spend(owner, small(*amount))?;
                    self.purse(*worker).free += small(*amount);
                    let task = self.tasks.get_mut(task).ok_or("somebody was paid for a task that is none")?;
                    *task.paid.entry(*worker).or_default() += small(*amount);
                }
                Event::Barred { pool, worker, .. } => self.barred(*pool, *worker)?,
                Event::Left { pool, worker, .. } => self.left(*pool, *worker)?,
                Event::Hub(event) => self.follow_hub(event)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn follow_hub(&mut self, event: &Hub) -> Result<(), String> {
        match event {
            Hub::OrdersMatched { deal, app, workerpool, request, volume, .. } => {
                self.matched(*deal, [*app, *workerpool, *request], number(*volume))
            }
            Hub::TaskContribute { task, worker, hash } => self.contributed(*task, *worker, *hash),
            Hub::TaskConsensus { task, consensus } => {
                self.task(*task)?.consensus = Some(*consensus);
                Ok(())
            }
            Hub::TaskReveal { task, worker, .. } => {
                let task = self.task(*task)?;
                let consensus = task.consensus;
                let part = task.parts.iter_mut().find(|part| part.worker == *worker);
                let part = part.filter(|part| Some(part.hash) == consensus && !part.proved);
                part.ok_or("somebody revealed what was not agreed on, or twice")?.proved = true;
                Ok(())
            }
            Hub::TaskReopen { task } => {
                let task = self.task(*task)?;
                if task.parts.iter().any(|part| part.proved) {
                    return Err("a task was reopened whose result was shown".to_owned());
                }
                task.consensus = None;
                Ok(())
            }
            Hub::TaskFinalize { task, .. } => self.finalized(*task),
            Hub::TaskClaimed { task } => self.claimed(*task),
            _ => Ok(()),
        }
    }

    fn purse(&mut self, who: Address) -> &mut Purse {
        self.purses.entry(who).or_default()
    }

    fn task(&mut self, task: TaskId) -> Result<&mut Task, String> {
        self.tasks.get_mut(&task).ok_or_else(|| format!("task {task} is of no deal"))
    }

    fn spend(&mut self, who: Address, amount: u128) -> Result<(), String> {
        let purse = self.purse(who);
        purse.free = purse.free.checked_sub(amount).ok_or_else(|| format!("{who} spent {amount} that it had not"))?;
        Ok(())
    }

    fn lock(&mut self, who: Address, amount: u128) -> Result<(), String> {
        self.spend(who, amount)?;
        self.purse(who).locked += amount;
        Ok(())
    }

    fn strike(&mut self, who: Address, amount: u128) -> Result<(), String> {
        let purse = self.purse(who);
        let left = purse.locked.checked_sub(amount);
        purse.locked = left.ok_or_else(|| format!("{who} lost {amount} that it had not locked"))?;
        Ok(())
    }

    fn unlock(&mut self, who: Address, amount: u128) -> Result<(), String> {
        self.strike(who, amount)?;
        self.purse(who).free += amount;
        Ok(())
    }

    fn matched(&mut self, id: DealId, orders: [OrderHash; 3], volume: u64) -> Result<(), String> {
        let [app, pool, request_hash] =
            orders.map(|hash| self.orders.get(&hash).cloned().ok_or((hash, "never placed")));
        let (Ok(AnyOrder::App(app)), Ok(AnyOrder::Workerpool(pool)), Ok(AnyOrder::Request(request))) =
            (app, pool, request_hash)
        else {
            return Err(format!("deal {id} is of orders that were never placed"));
        };
        let (app, pool, request) = (app.order(), pool.order(), request.order());
        let (stake_ratio, share, pool_owner) = self.pools[&pool.workerpool];
        let (app_price, pool_price) = (small(app.appprice), small(pool.workerpoolprice));
        if small(request.appmaxprice) < app_price || small(request.workerpoolmaxprice) < pool_price {
            return Err(format!("deal {id} costs more than its request allows"));
        }
        let trust = number(request.trust).max(1);
        if number(pool.trust) < number(request.trust) {
            return Err(format!("deal {id} has less trust than its request wants"));
        }
        let first = *self.matched.entry(orders[2]).or_default();
        if first + volume > number(request.volume) {
            return Err(format!("deal {id} takes more of its request than there is"));
        }
        self.matched.insert(orders[2], first + volume);
        let deal = Deal {
            requester: request.requester,
            app_owner: self.app_owner,
            app_price,
            pool_price,
            pool: pool.workerpool,
            pool_owner,
            worker_stake: pool_price * u128::from(stake_ratio) / 100,
            pool_share: u128::from(share),
            trust,
        };
        self.lock(deal.requester, (app_price + pool_price) * u128::from(volume))?;
        self.lock(pool_owner, (pool_price * 30 / 100) * u128::from(volume))?;
        self.deals.insert(id, deal);
        for index in first..first + volume {
            let task = orders::ids::task_id(id, U256::from(index));
            let fresh = Task { deal: id, parts: Vec::new(), consensus: None, ended: None, paid: BTreeMap::new() };
            self.tasks.insert(task, fresh);
        }
        Ok(())
    }

    fn contributed(&mut self, id: TaskId, worker: Address, hash: B256) -> Result<(), String> {
        let score = self.scores.get(&worker).copied().unwrap_or(0);
        let weight = (score / 3).max(3) - 1;
        let task = self.task(id)?;
        if task.ended.is_some() || task.parts.iter().any(|part| part.worker == worker) {
            return Err(format!("{worker} contributed twice, or to a task that had ended"));
        }
        let deal = task.deal;
        task.parts.push(Part { worker, hash, proved: false, log_weight: u128::from(weight.ilog2()) });
        let stake = self.deals[&deal].worker_stake;
        self.lock(worker, stake)
    }

    /// What both ways of being done have in common; the workers' and the pool's pots are what is left.
    fn done(&mut self, id: TaskId) -> Result<Deal, String> {
        let task = self.task(id)?;
        if task.ended.replace(true).is_some() {
            return Err(format!("task {id} ended twice"));
        }
        let deal = self.deals[&self.tasks[&id].deal].clone();
        self.strike(deal.requester, deal.app_price + deal.pool_price)?;
        self.purse(deal.app_owner).free += deal.app_price;
        self.unlock(deal.pool_owner, deal.pool_price * 30 / 100)?;
        let draw = (self.kitty / 10).max(KITTY_LEAST).min(self.kitty);
        self.kitty -= draw;
        self.purse(deal.pool_owner).free += draw;
        Ok(deal)
    }

    fn accepted(&mut self, id: TaskId, worker: Address) -> Result<(), String> {
        let deal = self.done(id)?;
        let reward = deal.pool_price * (100 - deal.pool_share) / 100;
        self.purse(worker).free += reward;
        self.purse(deal.pool_owner).free += deal.pool_price - reward;
        self.withhold(&deal, worker, reward)?;
        let task = self.task(id)?;
        if !task.parts.is_empty() || deal.trust != 1 {
            return Err(format!("task {id} was accepted on one word, but its trust is {}", deal.trust));
        }
        task.parts.push(Part { worker, hash: B256::ZERO, proved: true, log_weight: 0 });
        *task.paid.entry(worker).or_default() += reward;
        Ok(())
    }

    fn finalized(&mut self, id: TaskId) -> Result<(), String> {
        let deal = self.done(id)?;
        let parts = self.tasks[&id].parts.clone();
        let wrong = parts.iter().filter(|part| !part.proved).count() as u128;
        let weights: u128 = parts.iter().filter(|part| part.proved).map(|part| part.log_weight).sum();
        let pot = deal.pool_price + wrong * deal.worker_stake;
        let for_workers = pot * (100 - deal.pool_share) / 100;
        let mut left = pot;
        for part in &parts {
            let score = self.scores.entry(part.worker).or_default();
            if part.proved {
                *score += u64::from(parts.len() > 1);
                let reward = for_workers * part.log_weight / weights;
                left -= reward;
                self.unlock(part.worker, deal.worker_stake)?;
                self.purse(part.worker).free += reward;
                *self.task(id)?.paid.entry(part.worker).or_default() += reward;
                self.withhold(&deal, part.worker, reward)?;
            } else {
                *score = *score * 2 / 3;
                self.strike(part.worker, deal.worker_stake)?;
            }
        }
        self.purse(deal.pool_owner).free += left;
        Ok(())
    }

    /// Keeps back what a worker was just paid, until it has so many tasks' pay at stake.
    fn withhold(&mut self, deal: &Deal, worker: Address, reward: u128) -> Result<(), String> {
        let most = self.deposits.get(&deal.pool).copied().unwrap_or(0) * reward;
        if worker == deal.pool_owner {
            return Ok(());
        }
        let stake = self.withheld.entry((deal.pool, worker)).or_default();
        let more = reward.min(most.saturating_sub(*stake));
        *stake += more;
        self.lock(worker, more)
    }

    /// A liar's stake is the pool owner's.
    fn barred(&mut self, pool: Address, worker: Address) -> Result<(), String> {
        let stake = self.withheld.remove(&(pool, worker)).unwrap_or(0);
        self.strike(worker, stake)?;
        let owner = self.pools[&pool].2;
        self.purse(owner).free += stake;
        Ok(())
    }

    /// A worker's stake is its own again.
    fn left(&mut self, pool: Address, worker: Address) -> Result<(), String> {
        let stake = self.withheld.remove(&(pool, worker)).unwrap_or(0);
        self.unlock(worker, stake)
    }

    fn claimed(&mut self, id: TaskId) -> Result<(), String> {
        let task = self.task(id)?;
        if task.ended.replace(false).is_some() {
            return Err(format!("task {id} ended twice"));
        }
        let parts = task.parts.clone();
        let deal = self.deals[&self.tasks[&id].deal].clone();
        self.unlock(deal.requester, deal.app_price + deal.pool_price)?;
        self.strike(deal.pool_owner, deal.pool_price * 30 / 100)?;
        self.kitty += deal.pool_price * 30 / 100;
        for part in parts {
            self.unlock(part.worker, deal.worker_stake)?;
        }
        Ok(())
    }
}
