//! What can be read of the exchange.

use crate::{AnyOrder, Exchange, Genesis, Holding};
use ledger::Account;
use orders::ids;
use poco::{Asset, Category, Contribution, Deal, Hub, Task};
use units::{Address, Amount, DealId, OrderHash, TaskId, Timestamp, U256};

impl Exchange {
    /// What the exchange started from.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The time of the last entry.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// PoCo's state: deals, tasks, scores, consumed volumes, categories, assets and the kitty.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// What an address holds in the hub.
    #[must_use]
    pub fn account(&self, address: Address) -> Account {
        self.hub.account(address)
    }

    /// The nonce of an address's next transaction.
    #[must_use]
    pub fn nonce(&self, address: Address) -> u64 {
        self.nonces.get(&address).copied().unwrap_or(0)
    }

    /// The sequence number of a worker's last batch.
    #[must_use]
    pub fn sequence(&self, worker: Address) -> Option<u64> {
        self.sequences.get(&worker).copied()
    }

    /// How many tasks there are records of: about how large the state is.
    #[must_use]
    pub fn live_tasks(&self) -> usize {
        self.hub.task_count()
    }

    /// A live deal.
    #[must_use]
    pub fn deal(&self, deal: DealId) -> Option<&Deal> {
        self.hub.deal(deal)
    }

    /// A live task, if somebody opened it.
    #[must_use]
    pub fn task(&self, task: TaskId) -> Option<&Task> {
        self.hub.task(task)
    }

    /// A task's contributions in the order they came.
    #[must_use]
    pub fn contributions(&self, task: TaskId) -> &[Contribution] {
        self.hub.task(task).map_or(&[], |task| &task.contributions)
    }

    /// A worker's score.
    #[must_use]
    pub fn score(&self, worker: Address) -> U256 {
        self.hub.score(worker)
    }

    /// How much of an order's volume is taken.
    #[must_use]
    pub fn consumed(&self, order: OrderHash) -> U256 {
        self.hub.consumed(order)
    }

    /// Orders at rest, in the order in which they came.
    pub fn resting(&self) -> impl Iterator<Item = &AnyOrder> + '_ {
        self.resting.iter()
    }

    /// An order at rest.
    #[must_use]
    pub fn resting_order(&self, order: OrderHash) -> Option<&AnyOrder> {
        self.resting.find(order)
    }

    /// How many tasks an order at rest is still good for.
    #[must_use]
    pub fn remaining_volume(&self, order: &AnyOrder) -> U256 {
        self.remaining(order)
    }

    /// The orders at rest that offer this asset, or are of this requester.
    pub fn resting_of(&self, subject: Address) -> impl Iterator<Item = &AnyOrder> + '_ {
        self.resting.of_subject(subject).into_iter().filter_map(|hash| self.resting.find(hash))
    }

    /// A published thing.
    #[must_use]
    pub fn asset(&self, asset: Address) -> Option<&Asset> {
        self.hub.asset(asset)
    }

    /// All published things by address.
    pub fn assets(&self) -> impl Iterator<Item = (Address, &Asset)> + '_ {
        self.hub.assets()
    }

    /// Time classes by index.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        self.hub.categories()
    }

    /// What was seized from pools and not yet drawn.
    #[must_use]
    pub fn kitty(&self) -> Amount {
        self.hub.kitty()
    }

    /// All credits and tokens there are, in the hub and outside: what the operator issued and has not redeemed.
    #[must_use]
    pub fn outstanding(&self) -> Amount {
        self.token.supply()
    }

    /// Tokens that an address has outside the hub. The hub's own back everything in it.
    #[must_use]
    pub fn token_balance(&self, address: Address) -> Amount {
        self.token.balance(address)
    }

    /// How many of the owner's tokens the spender may move.
    #[must_use]
    pub fn token_allowance(&self, owner: Address, spender: Address) -> Amount {
        self.token.allowance(owner, spender)
    }

    /// What is held of a task: commitments and completions that the gate has not decided on, and what was revealed.
    #[must_use]
    pub fn held(&self, task: TaskId) -> Option<&Holding> {
        self.held.get(&task)
    }

    /// Everything that is held, by task.
    pub fn all_held(&self) -> impl Iterator<Item = (TaskId, &Holding)> + '_ {
        self.held.iter().map(|(task, holding)| (*task, holding))
    }

    /// Deals that have unfinished tasks, by id.
    pub fn active_deals(&self) -> impl Iterator<Item = (DealId, &Deal)> + '_ {
        self.agenda.active().filter_map(|id| Some((id, self.hub.deal(id)?)))
    }

    /// The request order that a live deal serves.
    #[must_use]
    pub fn request_of(&self, deal: DealId) -> Option<OrderHash> {
        self.agenda.request(deal)
    }

    /// How many tasks of a deal are neither done nor failed.
    #[must_use]
    pub fn unfinished(&self, deal: DealId) -> U256 {
        self.agenda.left(deal)
    }

    /// The tasks of a deal that are neither done nor failed, by index; lazily, for there may be many. A task that nobody
    /// opened yet has no record.
    pub fn unfinished_tasks(&self, deal: DealId) -> impl Iterator<Item = (U256, TaskId, Option<&Task>)> + '_ {
        let (first, size) = self.hub.deal(deal).map_or_else(Default::default, |deal| (deal.bot_first, deal.bot_size));
        let size = if self.agenda.left(deal).is_zero() { U256::ZERO } else { size };
        let end = first.saturating_add(size);
        std::iter::successors(Some(first), |index| index.checked_add(U256::ONE))
            .take_while(move |index| *index < end)
            .map(move |index| (index, ids::task_id(deal, index)))
            .map(|(index, id)| (index, id, self.hub.task(id)))
            .filter(|(_, _, task)| task.is_none_or(|task| !task.status.is_final()))
    }
}
