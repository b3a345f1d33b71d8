//! The exchange told naively: orders, deals, tasks, scores and money, after PoCo's rules as a person would write them down.
//!
//! It shares no code with the exchange. It is given each durable entry and the events, from which it takes only who did
//! what (which orders met, who contributed what, who showed, what ended), never an amount but what the operator issued, and
//! never that something was right: whether orders fit, how much is left of them, when enough agree, what is too late and who
//! gets what it reckons for itself, in plain integers. [`Reference::compare`] then holds the exchange against it.

mod compare;
mod money;
mod orders;
mod standing;
mod tasks;

pub(crate) use tasks::{Deal, Status, Task};

use self::orders::Resting;
use crate::system::Published;
use ::orders::{Checked, Recovered, Signed};
use exchange::{AnyOrder, Command, Entry, Event, Item};
use money::Purse;
use poco::Event as Hub;
use standing::{Standing, Words};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, DealId, OrderHash, TaskId, Timestamp, U256};

/// A hosted pool's terms.
#[derive(Clone, Copy, Debug)]
struct Pool {
    /// Percent of the pool's price that a worker stakes.
    stake: u128,
    /// Percent that the owner keeps.
    share: u128,
    owner: Address,
    /// How many tasks' pay its workers have at stake, if it audits single words.
    deposit: Option<u128>,
}

/// What may have changed.
#[derive(Clone, Debug, Default)]
struct Touched {
    orders: BTreeSet<OrderHash>,
    tasks: BTreeSet<TaskId>,
    people: BTreeSet<Address>,
    standings: BTreeSet<(Address, Address)>,
}

/// The naive model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    purses: BTreeMap<Address, Purse>,
    kitty: u128,
    issued: u128,
    orders: BTreeMap<OrderHash, Resting>,
    pub(crate) deals: BTreeMap<DealId, Deal>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    scores: BTreeMap<Address, u64>,
    nonces: BTreeMap<Address, u64>,
    sequences: BTreeMap<Address, u64>,
    pools: BTreeMap<Address, Pool>,
    standings: BTreeMap<(Address, Address), Standing>,
    words: Words,
    /// Whether a secret was committed to: from then on single words are audited.
    pub(crate) draws: bool,
    /// Seconds of each category.
    categories: Vec<u64>,
    app_owner: Address,
    data_owner: Address,
    /// Whom alone the data are for.
    data_for: Option<Address>,
    /// What each worker's tasks brought its pool, in what audits, and what the pool paid it beside PoCo.
    beside: BTreeMap<(Address, Address), (u128, u128)>,
    /// What was touched since it was last compared.
    touched: Touched,
}

fn small(amount: Amount) -> u128 {
    u128::from(amount.to_nanos().expect("the simulator's amounts are small"))
}

fn number(value: U256) -> u64 {
    value.saturating_to()
}

impl Reference {
    pub(crate) fn new(genesis: &exchange::Genesis) -> Self {
        let pool = |it: &exchange::HostedPool| {
            let (stake, share) = (it.worker_stake_ratio.into(), it.scheduler_reward_ratio.into());
            let deposit = it.audits.map(|audits| audits.deposit_tasks.into());
            (it.address, Pool { stake, share, owner: it.owner, deposit })
        };
        Self {
            pools: genesis.pools.iter().map(pool).collect(),
            categories: genesis.categories.iter().map(|it| it.seconds).collect(),
            scores: genesis.world.scores.iter().map(|(worker, score)| (*worker, number(*score))).collect(),
            ..Self::default()
        }
    }

    /// Who publishes what, and on which terms.
    pub(crate) fn learn(&mut self, published: &Published) {
        (self.app_owner, self.data_owner) = (published.app_owner, published.data_owner);
        self.data_for = published.data_for;
        if let Some((pool, owner, terms)) = published.guest {
            // A deposit is for pools without stake: as many tasks' pay as in the strictest of the exchange's own.
            let strictest = self.pools.values().filter_map(|it| it.deposit).max();
            let deposit = strictest.map(|most| if terms.stake == 0 { most } else { 0 });
            let (stake, share) = (terms.stake.into(), terms.share.into());
            self.pools.insert(pool, Pool { stake, share, owner, deposit });
        }
    }

    /// Follows one entry; a complaint if what happened cannot have.
    pub(crate) fn follow(&mut self, entry: &Entry, events: &[Event]) -> Result<(), String> {
        self.obey(entry, events)?;
        events.iter().try_for_each(|event| self.follow_event(entry, event))
    }

    /// What a command comes to by itself.
    fn obey(&mut self, entry: &Entry, events: &[Event]) -> Result<(), String> {
        match &entry.command {
            Command::PlaceOrder(order) => self.placed(order)?,
            Command::RemoveOrder { order, by } => self.removed(*order, *by)?,
            Command::Transact(transaction) => {
                let next = self.nonces.entry(transaction.from).or_default();
                if *next != transaction.nonce {
                    return Err(format!("nonce {} was taken, {next} was due", transaction.nonce));
                }
                *next += 1;
            }
            Command::Batch { batch, .. } => {
                let said = batch.batch();
                let before = self.sequences.insert(said.worker, said.sequence);
                if before.is_some_and(|before| before >= said.sequence) {
                    return Err(format!("batch {} of {} was taken after a later one", said.sequence, said.worker));
                }
            }
            Command::Accept { task, worker, .. } => self.accepted(entry.at, *task, *worker)?,
            Command::Halt { request } => self.halted(*request)?,
            Command::Withdraw { order } => self.withdrawn(*order)?,
            Command::Offer { order } => {
                let named = events.iter().find_map(|it| match it {
                    Event::OrderPlaced { order, .. } => Some(*order),
                    _ => None,
                });
                let hash = named.ok_or("an offer was taken and does not rest")?;
                let signed = Signed { order: order.as_ref().clone(), ..Signed::default() };
                self.placed(&AnyOrder::Workerpool(Checked { signed, hash, signer: Recovered::Misshapen }))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// One of the events of an entry.
    fn follow_event(&mut self, entry: &Entry, event: &Event) -> Result<(), String> {
        let accepts = matches!(entry.command, Command::Accept { .. });
        match event {
            Event::Issued { to, amount } => {
                self.purse(*to).free += small(*amount);
                self.issued += small(*amount);
            }
            Event::OrderRemoved { order, .. } if matches!(entry.command, Command::Transact(_)) => {
                self.taken_off(*order);
            }
            Event::Paid { pool, worker, amount, task, why } => {
                let owner = self.pools[pool].owner;
                if *why != exchange::PayReason::TopUp {
                    self.paid_beside(*pool, *worker, small(*amount))?;
                }
                self.spend(owner, small(*amount))?;
                self.purse(*worker).free += small(*amount);
                let task = self.tasks.get_mut(task).ok_or("somebody was paid for a task that is none")?;
                *task.paid.entry(*worker).or_default() += small(*amount);
            }
            Event::Enlisted { pool, worker, owner } => self.enlisted(*pool, *worker, *owner),
            Event::Checked { task, worker, passed } => {
                let Command::Check { evidence, .. } = &entry.command else {
                    return Err("somebody was checked by no check".to_owned());
                };
                self.checked(entry.at, *task, *worker, evidence, *passed)?;
            }
            Event::AuditCommitted { .. } => self.draws = true,
            Event::Barred { pool, worker, .. } => self.barred(*pool, *worker)?,
            Event::Left { pool, worker, .. } => self.left(*pool, *worker)?,
            Event::Held { task, worker, item: Item::Complete, failed, .. } => {
                let Command::Batch { batch, .. } = &entry.command else {
                    return Err("something is held that nobody said".to_owned());
                };
                let said = batch.batch().completes.iter().find(|it| it.task == *task);
                let digest = said.ok_or("something is held that was not said")?.digest;
                self.held(entry.at, *task, *worker, digest, *failed);
            }
            Event::Discarded { task, worker } => self.dropped(*task, *worker),
            Event::DealForgotten { deal } => self.forgotten(*deal)?,
            // What an acceptance comes to was reckoned from the command.
            Event::Hub(event) if !accepts => self.follow_hub(entry.at, event)?,
            _ => {}
        }
        Ok(())
    }

    fn follow_hub(&mut self, at: Timestamp, event: &Hub) -> Result<(), String> {
        match event {
            Hub::OrdersMatched { deal, app, dataset, workerpool, request, volume } => {
                self.matched(at, *deal, [*app, *workerpool, *request], *dataset, number(*volume))
            }
            Hub::TaskInitialize { task, .. } => self.opened(*task),
            Hub::TaskContribute { task, worker, hash } => self.contributed(at, *task, *worker, *hash),
            Hub::TaskConsensus { task, consensus } => self.agreed(*task, *consensus),
            Hub::TaskReveal { task, worker, .. } => self.revealed(at, *task, *worker),
            Hub::TaskReopen { task } => self.reopened(at, *task),
            Hub::TaskFinalize { task, .. } => self.finalized(at, *task),
            Hub::TaskClaimed { task } => self.claimed(at, *task),
            _ => Ok(()),
        }
    }

    fn task(&mut self, task: TaskId) -> Result<&mut Task, String> {
        self.touched.tasks.insert(task);
        self.tasks.get_mut(&task).ok_or_else(|| format!("task {task} is of no deal"))
    }
}
