//! The state, and how an entry changes it.
//!
//! What later rules added to the state is left out of its digest while it is empty: an old journal's digests stay what they were.

use crate::agenda::Agenda;
use crate::audit::{Answers, Secrets};
use crate::book::Resting;
use crate::genesis::{Genesis, HostedPool};
use crate::hosting::Hosting;
use crate::rating::Ratings;
use crate::standing::Standings;
use crate::token::Token;
use crate::work::Holding;
use crate::{Command, Entry, Event, Rejection};
use poco::{Asset, AssetKind, Contract, Hub, Policy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use units::{Address, TaskId, Timestamp, U256};

/// Everything the exchange knows. Two equal journals make two equal exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub(crate) genesis: Genesis,
    pub(crate) now: Timestamp,
    pub(crate) hub: Hub,
    pub(crate) token: Token,
    pub(crate) nonces: BTreeMap<Address, u64>,
    pub(crate) sequences: BTreeMap<Address, u64>,
    pub(crate) resting: Resting,
    pub(crate) held: BTreeMap<TaskId, Holding>,
    pub(crate) agenda: Agenda,
    #[serde(default, skip_serializing_if = "Standings::is_empty")]
    pub(crate) standings: Standings,
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub(crate) secrets: Secrets,
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub(crate) answers: Answers,
    #[serde(default, skip_serializing_if = "Ratings::is_empty")]
    pub(crate) ratings: Ratings,
    #[serde(default, skip_serializing_if = "Hosting::is_empty")]
    pub(crate) hosting: Hosting,
}

impl Exchange {
    /// The exchange before its first entry.
    ///
    /// # Panics
    /// If the genesis puts two things at one address: it is the operator's own, and checked when it is made.
    #[must_use]
    pub fn new(genesis: Genesis) -> Self {
        let mut hub = Hub::new(genesis.hub, genesis.operator, genesis.categories.clone());
        let houses = [genesis.token, genesis.app_registry, genesis.dataset_registry, genesis.workerpool_registry];
        let houses = houses.into_iter().map(|address| (address, Contract::House));
        for (address, contract) in houses.chain(genesis.world.contracts.iter().cloned()) {
            assert!(hub.add_contract(address, contract), "every contract of the genesis has an address of its own");
        }
        let pools = genesis.pools.iter().map(|pool| (pool.address, hosted_asset(pool)));
        for (address, asset) in pools.chain(genesis.world.assets.iter().cloned()) {
            assert!(hub.add_asset(address, asset), "every asset of the genesis has an address of its own");
        }
        for (worker, score) in &genesis.world.scores {
            hub.import_score(*worker, *score);
        }
        let mut token = Token::default();
        token.mint(genesis.operator, genesis.world.token_supply).expect("the first tokens fit");
        Self {
            genesis,
            now: Timestamp::default(),
            hub,
            token,
            nonces: BTreeMap::new(),
            sequences: BTreeMap::new(),
            resting: Resting::default(),
            held: BTreeMap::new(),
            agenda: Agenda::default(),
            standings: Standings::new(),
            secrets: Secrets::default(),
            answers: Answers::default(),
            ratings: Ratings::default(),
            hosting: Hosting::default(),
        }
    }

    /// Applies one entry and reports what happened, in order; on a rejection nothing has changed.
    ///
    /// # Errors
    /// [`Rejection`] says why the entry is inadmissible. A transaction that PoCo's rules refuse is none: it is
    /// accepted, and [`Event::Refused`] says why.
    pub fn apply(&mut self, entry: &Entry, events: &mut Vec<Event>) -> Result<(), Rejection> {
        if entry.at < self.now {
            return Err(Rejection::ClockWentBack { last: self.now, at: entry.at });
        }
        let told = events.len();
        let before = std::mem::replace(&mut self.now, entry.at);
        let outcome = self.obey(&entry.command, events);
        if outcome.is_err() {
            self.now = before;
            events.truncate(told);
        }
        outcome
    }

    /// When the shell should next enter a [`Command::Tick`], where anything waits on time. It may lie in the past:
    /// then a tick left something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    fn obey(&mut self, command: &Command, events: &mut Vec<Event>) -> Result<(), Rejection> {
        match command {
            Command::Transact(transaction) => self.transact(transaction, events),
            Command::PlaceOrder(order) => self.place_order(order, events),
            Command::RemoveOrder { order, by } => self.remove_order(*order, *by, events),
            Command::Match { app, dataset, workerpool, request } => {
                self.match_resting(*app, *dataset, *workerpool, *request, events)
            }
            Command::Batch { batch, places } => self.take_batch(batch, places, events),
            Command::Authorize { task, worker } => self.authorize(*task, *worker, events),
            Command::Accept { task, worker, results } => self.accept(*task, *worker, results, events),
            Command::Discard { task, worker } => self.discard(*task, *worker, events),
            Command::Initialize { deal, index } => self.initialize(*deal, *index, events),
            Command::Finalize { task, results, callback } => self.finalize(*task, results, callback, events),
            Command::Reopen { task } => self.reopen(*task, events),
            Command::Claim { task } => self.claim(*task, events),
            Command::Pay { pool, worker, amount, task, why } => {
                let paid = Event::Paid { pool: *pool, worker: *worker, amount: *amount, task: *task, why: *why };
                self.pay(*pool, *worker, *amount, paid, events)
            }
            Command::Enlist { pool, worker, owner, evidence } => self.enlist(*pool, *worker, *owner, evidence, events),
            Command::AuditCommit { commitment } => self.audit_commit(*commitment, events),
            Command::AuditOpen { secret } => self.audit_open(*secret, events),
            Command::Check { task, worker, evidence } => self.check(*task, *worker, evidence, events),
            Command::Know { task } => self.know(*task, events),
            Command::Judge(judgement) => self.judge_held(judgement, events),
            Command::Halt { request } => self.halt(*request, events),
            Command::Rate { rating } => self.rate(rating, events),
            Command::Offer { order } => self.offer(order, events),
            Command::Withdraw { order } => self.withdraw_own(*order, events),
            Command::Tick => {
                self.tick(events);
                Ok(())
            }
        }
    }

    /// Passes on what happened in the hub, and keeps account of deals that thereby end.
    pub(crate) fn tell(&mut self, told: Vec<poco::Event>, events: &mut Vec<Event>) {
        let (mut finished, first) = (Vec::new(), events.len());
        for event in told {
            match &event {
                poco::Event::TaskFinalize { task, .. } | poco::Event::TaskClaimed { task } => finished.push(*task),
                poco::Event::OrdersMatched { deal, request, .. } => self.begin(*deal, *request),
                poco::Event::Transfer { .. }
                | poco::Event::Approval { .. }
                | poco::Event::Lock { .. }
                | poco::Event::Unlock { .. }
                | poco::Event::Reward { .. }
                | poco::Event::Seize { .. }
                | poco::Event::SchedulerNotice { .. }
                | poco::Event::DealSponsored { .. }
                | poco::Event::SignedOrder { .. }
                | poco::Event::ClosedOrder { .. }
                | poco::Event::TaskInitialize { .. }
                | poco::Event::TaskContribute { .. }
                | poco::Event::TaskConsensus { .. }
                | poco::Event::TaskReveal { .. }
                | poco::Event::TaskReopen { .. }
                | poco::Event::AccurateContribution { .. }
                | poco::Event::FaultyContribution { .. }
                | poco::Event::CreateCategory { .. } => {}
            }
            events.push(Event::Hub(event));
        }
        for task in finished {
            self.held.remove(&task);
            self.credit(task, first, events);
            self.note_workers(task);
            self.note_finished(task, events);
        }
    }
}

/// A hosted pool as the asset that it is.
fn hosted_asset(pool: &HostedPool) -> Asset {
    let policy = Policy {
        worker_stake_ratio: U256::from(pool.worker_stake_ratio),
        scheduler_reward_ratio: U256::from(pool.scheduler_reward_ratio),
    };
    Asset { owner: pool.owner, kind: AssetKind::Workerpool { description: pool.name.clone(), policy } }
}
