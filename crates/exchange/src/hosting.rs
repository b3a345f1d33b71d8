//! Pools that the exchange runs: its own from the genesis, and those whose owners let it.
//!
//! The owner of a workerpool may have it run here: then the exchange decides there as in its own pools, and sells for it by
//! orders that it signs beforehand in the owner's name, until the owner closes it or gives it away. It stakes the owner's
//! free money, as PoCo has it, and pays from it beside PoCo only as far as the owner's allowance to the operator goes.

use crate::genesis::{Audits, HostedPool};
use crate::{AnyOrder, Event, Exchange, Rejection};
use abi::call::NewWorkerpool;
use orders::{Checked, Operation, Recovered, Signed, WorkerpoolOrder};
use poco::{AssetKind, Policy, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, Bytes, OrderHash, U256};

/// How many pools of others are hosted at most.
const POOLS: usize = 1_000;
/// How many of one owner's.
const POOLS_OF_OWNER: usize = 4;
/// How many workers a pool's owner may invite.
const MEMBERS: usize = 10_000;
/// How long a hosted pool's name may be, bytes.
const NAME: usize = 64;

/// A pool whose owner lets the exchange run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Opened {
    /// Who lets it. A new owner has not.
    host: Address,
    open: bool,
    members: BTreeSet<Address>,
    selling: bool,
}

/// Pools of others by address, and the orders at rest that were signed in their owners' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hosting {
    pools: BTreeMap<Address, Opened>,
    offered: BTreeSet<OrderHash>,
}

impl Hosting {
    pub(crate) fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }
}

impl Exchange {
    /// A pool that the exchange runs, on its terms of now.
    #[must_use]
    pub fn hosted(&self, pool: Address) -> Option<HostedPool> {
        let asset = self.hub.asset(pool)?;
        let AssetKind::Workerpool { description, policy } = &asset.kind else { return None };
        let (own, opened) = (self.genesis.hosted(pool), self.hosting.pools.get(&pool));
        if own.is_none() && opened.is_none() {
            return None;
        }
        Some(HostedPool {
            name: own.map_or(description, |own| &own.name).clone(),
            address: pool,
            owner: asset.owner,
            worker_stake_ratio: policy.worker_stake_ratio.saturating_to(),
            scheduler_reward_ratio: policy.scheduler_reward_ratio.saturating_to(),
            audits: self.audits(pool),
            by_invitation: own.is_some_and(|own| own.by_invitation) || opened.is_some_and(|opened| !opened.open),
        })
    }

    /// All pools that the exchange runs: its own, then others' by address.
    pub fn hosted_pools(&self) -> impl Iterator<Item = HostedPool> + '_ {
        let own = self.genesis.pools.iter().map(|pool| pool.address);
        own.chain(self.hosting.pools.keys().copied()).filter_map(|pool| self.hosted(pool))
    }

    /// Whether the exchange decides for the pool.
    #[must_use]
    pub fn is_hosted(&self, pool: Address) -> bool {
        self.genesis.hosted(pool).is_some() || self.hosting.pools.contains_key(&pool)
    }

    /// Whether the exchange may sell for the pool: its own while it is its own, or one whose owner of now lets it.
    #[must_use]
    pub fn sells_for(&self, pool: Address) -> bool {
        self.keeps(pool).is_some() || self.check_selling(pool).is_ok()
    }

    /// Who owns a pool of the exchange's own, if it has not been given away.
    fn keeps(&self, pool: Address) -> Option<Address> {
        let owner = self.genesis.hosted(pool)?.owner;
        (self.hub.owner_of(pool) == Some(owner)).then_some(owner)
    }

    /// How much the exchange may pay beside PoCo for a pool: what its owner has, and for a pool of others no more than its
    /// owner allows the operator.
    #[must_use]
    pub fn may_pay(&self, pool: Address) -> Amount {
        let Some(owner) = self.hub.owner_of(pool) else { return Amount::ZERO };
        let free = self.account(owner).free;
        let own = self.genesis.hosted(pool).is_some() || owner == self.genesis.operator;
        if own { free } else { free.min(self.hub.allowance(owner, self.genesis.operator)) }
    }

    /// How single words are audited in a pool. Others' pools are audited as the exchange's own are; a deposit is for those
    /// without worker stake.
    #[must_use]
    pub fn audits(&self, pool: Address) -> Option<Audits> {
        if let Some(own) = self.genesis.hosted(pool) {
            return own.audits;
        }
        self.hosting.pools.get(&pool)?;
        let own = self.genesis.pools.iter().filter_map(|own| own.audits);
        let strictest = own.max_by_key(|audits| audits.deposit_tasks)?;
        let staked = self.hub.policy(pool).is_some_and(|policy| !policy.worker_stake_ratio.is_zero());
        let deposit_tasks = if staked { 0 } else { strictest.deposit_tasks };
        Some(Audits { deposit_tasks, ..strictest })
    }

    /// Whether a worker may work in a hosted pool: it is open, or the worker is invited.
    #[must_use]
    pub fn admits(&self, pool: Address, worker: Address) -> bool {
        match self.hosting.pools.get(&pool) {
            Some(opened) => opened.open || opened.members.contains(&worker),
            None => self.genesis.hosted(pool).is_some_and(|own| !own.by_invitation),
        }
    }

    pub(crate) fn check_hosted(&self, pool: Address) -> Result<(), Rejection> {
        if self.is_hosted(pool) { Ok(()) } else { Err(Rejection::NotHosted(pool)) }
    }

    fn check_selling(&self, pool: Address) -> Result<Address, Rejection> {
        let opened = self.hosting.pools.get(&pool).ok_or(Rejection::NotHosted(pool))?;
        let willing = opened.selling && self.hub.owner_of(pool) == Some(opened.host);
        if willing { Ok(opened.host) } else { Err(Rejection::NotSelling(pool)) }
    }

    /// Publishes a pool of the sender's on these terms and hosts it.
    pub(crate) fn open_pool(
        &mut self,
        owner: Address,
        description: &str,
        policy: Policy,
        open: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        if policy.scheduler_reward_ratio > U256::from(100_u64) {
            return Err(Refusal::Silent);
        }
        self.check_room(owner, description)?;
        let pool = NewWorkerpool { owner, description: description.to_owned() };
        let address = crate::workerpool_address(&self.genesis, &pool);
        self.create_workerpool(&pool, events)?;
        let old = self.hub.change_policy(owner, address, policy).expect("the pool was just made, with this owner");
        events.push(Event::PolicyUpdate { pool: address, old, new: policy });
        self.host(owner, address, open, events);
        Ok(())
    }

    /// A pool's owner lets the exchange run it, or changes whether it is open.
    pub(crate) fn host_pool(
        &mut self,
        by: Address,
        pool: Address,
        open: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let asset = self.hub.asset(pool).ok_or(Refusal::Silent)?;
        let AssetKind::Workerpool { description, .. } = &asset.kind else { return Err(Refusal::Silent) };
        if asset.owner != by {
            return Err(Refusal::NotOwner);
        }
        if self.genesis.hosted(pool).is_some() {
            return Err(Refusal::Extension("pool-of-the-exchange"));
        }
        if !self.hosting.pools.contains_key(&pool) {
            self.check_room(by, &description.clone())?;
        }
        self.host(by, pool, open, events);
        Ok(())
    }

    /// Whether one more pool can be hosted under this name: no two have one name, or people would join the wrong one.
    fn check_room(&self, owner: Address, name: &str) -> Result<(), Refusal> {
        if name.is_empty() || name.len() > NAME {
            return Err(Refusal::Extension("pool-name-length"));
        }
        if self.hosted_pools().any(|pool| pool.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::Extension("pool-name-taken"));
        }
        let own = self.hosting.pools.values().filter(|opened| opened.host == owner).count();
        if self.hosting.pools.len() >= POOLS || own >= POOLS_OF_OWNER {
            return Err(Refusal::Extension("too-many-pools"));
        }
        Ok(())
    }

    fn host(&mut self, host: Address, pool: Address, open: bool, events: &mut Vec<Event>) {
        let fresh = || Opened { host, open, members: BTreeSet::new(), selling: true };
        let opened = self.hosting.pools.entry(pool).or_insert_with(fresh);
        if opened.host != host {
            // A new owner's guests are not the old one's.
            opened.members.clear();
        }
        (opened.host, opened.open, opened.selling) = (host, open, true);
        events.push(Event::PoolHosted { pool, open });
    }

    /// A pool's owner has the exchange sell no more for it.
    pub(crate) fn close_pool(&mut self, by: Address, pool: Address, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.check_pool_owner(by, pool)?;
        self.hosting.pools.get_mut(&pool).expect("checked above").selling = false;
        self.withdraw_offers(pool, events);
        events.push(Event::PoolClosed { pool });
        Ok(())
    }

    /// A pool's owner invites a worker, or takes the invitation back.
    pub(crate) fn invite(
        &mut self,
        by: Address,
        pool: Address,
        worker: Address,
        invited: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_pool_owner(by, pool)?;
        let opened = self.hosting.pools.get_mut(&pool).expect("checked above");
        if invited && opened.members.len() >= MEMBERS && !opened.members.contains(&worker) {
            return Err(Refusal::Extension("too-many-members"));
        }
        let _ = if invited { opened.members.insert(worker) } else { opened.members.remove(&worker) };
        events.push(Event::Invited { pool, worker, invited });
        Ok(())
    }

    fn check_pool_owner(&self, by: Address, pool: Address) -> Result<(), Refusal> {
        if !self.hosting.pools.contains_key(&pool) {
            return Err(Refusal::Extension("pool-not-hosted"));
        }
        if self.hub.owner_of(pool) == Some(by) { Ok(()) } else { Err(Refusal::NotOwner) }
    }

    /// The exchange sells for a pool: signs the order beforehand in the owner's name, and lets it rest.
    pub(crate) fn offer(&mut self, order: &WorkerpoolOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let owner = self.check_selling(order.workerpool)?;
        let signed = Signed { order: order.clone(), sign: Bytes::new() };
        let checked = Checked::trust(signed, &self.genesis.domain(), Recovered::Misshapen);
        let hash = checked.hash;
        if self.hub.presigned(hash).is_some() {
            return Err(Rejection::AlreadyResting(hash));
        }
        let mut told = Vec::new();
        self.hub.manage_order(owner, &checked, Operation::Sign, Recovered::Misshapen, &mut told)?;
        events.extend(told.into_iter().map(Event::Hub));
        let placed = self.place_order(&AnyOrder::Workerpool(checked), events);
        if placed.is_ok() {
            self.hosting.offered.insert(hash);
        } else {
            self.hub.retract(hash);
        }
        placed
    }

    /// An offer of a pool of the exchange's own leaves the book, and is closed: whoever kept it has no use of it.
    pub(crate) fn withdraw_own(&mut self, hash: OrderHash, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let Some(AnyOrder::Workerpool(order)) = self.resting_order(hash).cloned() else {
            return Err(Rejection::UnknownOrder(hash));
        };
        let pool = order.order().workerpool;
        let owner = self.keeps(pool).ok_or(Rejection::NotSelling(pool))?;
        let mut told = Vec::new();
        self.hub.manage_order(owner, &order, Operation::Close, Recovered::Misshapen, &mut told)?;
        events.extend(told.into_iter().map(Event::Hub));
        self.follow_close(hash, events);
        Ok(())
    }

    /// An order left the book: if the exchange had signed it in somebody's name, it is good no more.
    pub(crate) fn retract_offer(&mut self, hash: OrderHash) {
        if self.hosting.offered.remove(&hash) {
            self.hub.retract(hash);
        }
    }

    pub(crate) fn is_offered(&self, hash: OrderHash) -> bool {
        self.hosting.offered.contains(&hash)
    }

    /// Pays for a pool beside PoCo: from the owner's money if it is the exchange's own pool, else within the owner's
    /// allowance to the operator.
    pub(crate) fn pay(
        &mut self,
        pool: Address,
        worker: Address,
        amount: Amount,
        paid: Event,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        self.check_hosted(pool)?;
        let owner = self.hub.owner_of(pool).expect("a hosted pool has an owner");
        let mut told = Vec::new();
        if self.genesis.hosted(pool).is_some() {
            self.hub.transfer(owner, worker, amount, &mut told)?;
        } else {
            let operator = self.genesis.operator;
            let allowed = if owner == operator { amount } else { self.hub.allowance(owner, operator) };
            if allowed < amount {
                return Err(Rejection::NotAllowed { pool, allowed, needed: amount });
            }
            if owner == operator {
                self.hub.transfer(owner, worker, amount, &mut told)?;
            } else {
                self.hub.transfer_from(operator, owner, worker, amount, &mut told)?;
            }
        }
        self.tell(told, events);
        events.push(paid);
        Ok(())
    }
}
