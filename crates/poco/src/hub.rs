//! The hub's state, what can be read of it, and who counts as whom.

use crate::asset::{Asset, AssetKind, Category, Contract, Policy};
use crate::deal::{Deal, Task, TaskStatus};
use crate::refusal::Refusal;
use crate::{Event, KITTY_ADDRESS};
use ledger::{Account, Ledger};
use orders::Recovered;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use units::{Address, Amount, CategoryId, DealId, OrderHash, TaskId, U256};

/// Everything PoCo knows. Two hubs that were told the same are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hub {
    pub(crate) address: Address,
    pub(crate) operator: Address,
    pub(crate) teebroker: Address,
    pub(crate) ledger: Ledger,
    pub(crate) allowances: BTreeMap<Address, BTreeMap<Address, Amount>>,
    pub(crate) contracts: BTreeMap<Address, Contract>,
    pub(crate) assets: BTreeMap<Address, Asset>,
    pub(crate) categories: Vec<Category>,
    pub(crate) consumed: BTreeMap<OrderHash, U256>,
    pub(crate) presigned: BTreeMap<OrderHash, Address>,
    pub(crate) deals: BTreeMap<DealId, Deal>,
    /// Boxed, so that a new one does not move its neighbours.
    pub(crate) tasks: BTreeMap<TaskId, Box<Task>>,
    pub(crate) scores: BTreeMap<Address, U256>,
}

impl Hub {
    /// An empty hub at an address, which keeps what is locked. The operator is its owner.
    #[must_use]
    pub fn new(address: Address, operator: Address, categories: Vec<Category>) -> Self {
        Self {
            address,
            operator,
            teebroker: Address::ZERO,
            ledger: Ledger::new(address),
            allowances: BTreeMap::new(),
            contracts: BTreeMap::from([(address, Contract::House)]),
            assets: BTreeMap::new(),
            categories,
            consumed: BTreeMap::new(),
            presigned: BTreeMap::new(),
            deals: BTreeMap::new(),
            tasks: BTreeMap::new(),
            scores: BTreeMap::new(),
        }
    }

    /// The hub's own address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// The hub's owner.
    #[must_use]
    pub fn operator(&self) -> Address {
        self.operator
    }

    /// Who authorizes contributions made in an enclave; zero: the pool's owner.
    #[must_use]
    pub fn teebroker(&self) -> Address {
        self.teebroker
    }

    /// All accounts.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What an address holds. The hub's own free balance is all that is locked.
    #[must_use]
    pub fn account(&self, address: Address) -> Account {
        self.ledger.account(address)
    }

    /// What was seized from pools and not yet drawn.
    #[must_use]
    pub fn kitty(&self) -> Amount {
        self.ledger.account(KITTY_ADDRESS).locked
    }

    /// How much of the owner's free money the spender may move.
    #[must_use]
    pub fn allowance(&self, owner: Address, spender: Address) -> Amount {
        self.allowances.get(&owner).and_then(|spenders| spenders.get(&spender)).copied().unwrap_or_default()
    }

    /// How much of an order's volume is taken.
    #[must_use]
    pub fn consumed(&self, order: OrderHash) -> U256 {
        self.consumed.get(&order).copied().unwrap_or_default()
    }

    /// Who signed the order beforehand.
    #[must_use]
    pub fn presigned(&self, order: OrderHash) -> Option<Address> {
        self.presigned.get(&order).copied()
    }

    /// A worker's score.
    #[must_use]
    pub fn score(&self, worker: Address) -> U256 {
        self.scores.get(&worker).copied().unwrap_or_default()
    }

    /// A live deal.
    #[must_use]
    pub fn deal(&self, deal: DealId) -> Option<&Deal> {
        self.deals.get(&deal)
    }

    /// All live deals by id.
    pub fn deals(&self) -> impl Iterator<Item = (DealId, &Deal)> + '_ {
        self.deals.iter().map(|(id, deal)| (*id, deal))
    }

    /// A live task, if somebody opened it.
    #[must_use]
    pub fn task(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(&task).map(Box::as_ref)
    }

    /// How many live tasks somebody opened.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// Time classes by index.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The time class of this index.
    #[must_use]
    pub fn category(&self, category: CategoryId) -> Option<&Category> {
        self.categories.get(usize::try_from(category.0).ok()?)
    }

    /// A published thing.
    #[must_use]
    pub fn asset(&self, asset: Address) -> Option<&Asset> {
        self.assets.get(&asset)
    }

    /// All published things by address.
    pub fn assets(&self) -> impl Iterator<Item = (Address, &Asset)> + '_ {
        self.assets.iter().map(|(address, asset)| (*address, asset))
    }

    /// A pool's terms for deals to come.
    #[must_use]
    pub fn policy(&self, pool: Address) -> Option<Policy> {
        match self.assets.get(&pool)?.kind {
            AssetKind::Workerpool { policy, .. } => Some(policy),
            AssetKind::App { .. } | AssetKind::Dataset { .. } => None,
        }
    }

    /// A contract-like account.
    #[must_use]
    pub fn contract(&self, address: Address) -> Option<&Contract> {
        self.contracts.get(&address)
    }

    /// Whether the address is a program's rather than a key's.
    #[must_use]
    pub fn is_contract(&self, address: Address) -> bool {
        self.contracts.contains_key(&address) || self.assets.contains_key(&address)
    }

    /// What the address answers when asked for its `owner()`; nothing if it has none to tell.
    #[must_use]
    pub fn owner_of(&self, address: Address) -> Option<Address> {
        match self.contracts.get(&address) {
            Some(Contract::House) => Some(self.operator),
            Some(Contract::Group { .. } | Contract::Program) => None,
            None => self.assets.get(&address).map(|asset| asset.owner),
        }
    }

    /// Whether `account` may stand where an order says `restriction`: anybody, that very address, or a member of that group.
    #[must_use]
    pub fn satisfies(&self, restriction: Address, account: Address) -> bool {
        if restriction.is_zero() || restriction == account {
            return true;
        }
        match self.contracts.get(&restriction) {
            Some(Contract::Group { members, .. }) => members.contains(&account),
            Some(Contract::House | Contract::Program) | None => false,
        }
    }

    /// Whether a signature is the account's (`verifySignature`). A contract-like account accepts none.
    ///
    /// # Errors
    /// [`Refusal::InvalidSignatureFormat`] if it is neither 65 nor 64 bytes long.
    pub fn is_signed(&self, account: Address, signer: Recovered) -> Result<bool, Refusal> {
        if self.is_contract(account) {
            return Ok(false);
        }
        match signer {
            Recovered::By(address) => Ok(address == account),
            // A signature by nobody recovers to the zero address in the contracts, which compare no further.
            Recovered::Nobody => Ok(account.is_zero()),
            Recovered::Misshapen => Err(Refusal::InvalidSignatureFormat),
        }
    }

    /// Whether an order is signed by the account, beforehand or on itself (`verifyPresignatureOrSignature`).
    ///
    /// # Errors
    /// [`Refusal::InvalidSignatureFormat`] if its signature counts and is neither 65 nor 64 bytes long.
    pub fn is_order_signed(&self, account: Address, order: OrderHash, signer: Recovered) -> Result<bool, Refusal> {
        let beforehand = !account.is_zero() && self.presigned(order) == Some(account);
        if beforehand { Ok(true) } else { self.is_signed(account, signer) }
    }

    /// Takes back a signature given beforehand, by whoever gave it in the owner's name. What was matched stays.
    pub fn retract(&mut self, order: OrderHash) {
        self.presigned.remove(&order);
    }

    /// Puts a contract-like account at an address that is free; whether it was.
    #[must_use]
    pub fn add_contract(&mut self, address: Address, contract: Contract) -> bool {
        let free = !self.is_contract(address);
        if free {
            self.contracts.insert(address, contract);
        }
        free
    }

    /// Puts an asset at an address that is free; whether it was.
    #[must_use]
    pub fn add_asset(&mut self, address: Address, asset: Asset) -> bool {
        let free = !self.is_contract(address);
        if free {
            self.assets.insert(address, asset);
        }
        free
    }

    /// Gives a worker a score that it did not earn here: for a world that begins with scores.
    pub fn import_score(&mut self, worker: Address, score: U256) {
        self.set_score(worker, score);
    }

    /// Gives an asset another owner. Deals keep the owner they were matched with.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`] unless `by` owns it; [`Refusal::TransferToNobody`]; [`Refusal::Silent`] if there is no such asset.
    pub fn transfer_asset(&mut self, by: Address, asset: Address, to: Address) -> Result<(), Refusal> {
        let asset = self.assets.get_mut(&asset).ok_or(Refusal::Silent)?;
        if asset.owner != by {
            return Err(Refusal::NotOwner);
        }
        if to.is_zero() {
            return Err(Refusal::TransferToNobody);
        }
        asset.owner = to;
        Ok(())
    }

    /// Changes a pool's terms for deals to come (`changePolicy`) and returns those before.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`]; [`Refusal::Silent`] if there is no such pool or the owner's share exceeds 100 percent.
    pub fn change_policy(&mut self, by: Address, pool: Address, new: Policy) -> Result<Policy, Refusal> {
        let asset = self.assets.get_mut(&pool).ok_or(Refusal::Silent)?;
        let AssetKind::Workerpool { policy, .. } = &mut asset.kind else {
            return Err(Refusal::Silent);
        };
        if asset.owner != by {
            return Err(Refusal::NotOwner);
        }
        if new.scheduler_reward_ratio > U256::from(100u64) {
            return Err(Refusal::Silent);
        }
        Ok(std::mem::replace(policy, new))
    }

    /// Puts an account into a group or takes it out; whether that changed anything.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`] unless `by` owns the group; [`Refusal::Silent`] if there is no such group.
    pub fn set_member(
        &mut self,
        by: Address,
        group: Address,
        member: Address,
        is_member: bool,
    ) -> Result<bool, Refusal> {
        match self.contracts.get_mut(&group) {
            Some(Contract::Group { owner, members }) if *owner == by => {
                Ok(if is_member { members.insert(member) } else { members.remove(&member) })
            }
            Some(Contract::Group { .. }) => Err(Refusal::NotOwner),
            Some(Contract::House | Contract::Program) | None => Err(Refusal::Silent),
        }
    }

    /// Names who authorizes contributions made in an enclave (`setTeeBroker`).
    ///
    /// # Errors
    /// [`Refusal::NotOperator`] unless `by` is the operator.
    pub fn set_teebroker(&mut self, by: Address, broker: Address) -> Result<(), Refusal> {
        if by != self.operator {
            return Err(Refusal::NotOperator);
        }
        self.teebroker = broker;
        Ok(())
    }

    /// Adds a time class (`createCategory`).
    ///
    /// # Errors
    /// [`Refusal::NotOperator`] unless `by` is the operator.
    pub fn create_category(&mut self, by: Address, category: Category, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if by != self.operator {
            return Err(Refusal::NotOperator);
        }
        events.push(Event::CreateCategory {
            category: U256::from(self.categories.len()),
            name: category.name.clone(),
            description: category.description.clone(),
            seconds: U256::from(category.seconds),
        });
        self.categories.push(category);
        Ok(())
    }

    /// Takes back that a task was opened, to which nothing happened since.
    ///
    /// # Panics
    /// If something happened to it.
    pub fn undo_initialize(&mut self, task: TaskId) {
        let undone = self.tasks.remove(&task);
        let untouched = |task: Box<Task>| task.status == TaskStatus::Active && task.contributions.is_empty();
        assert!(undone.is_none_or(untouched), "only an untouched task is closed again");
    }

    /// Forgets finished tasks.
    ///
    /// # Panics
    /// If one is not finished: its money is still locked.
    pub fn forget_tasks(&mut self, tasks: impl IntoIterator<Item = TaskId>) {
        for task in tasks {
            let forgotten = self.tasks.remove(&task);
            assert!(forgotten.is_none_or(|task| task.status.is_final()), "only finished tasks are forgotten");
        }
    }

    /// Forgets a deal whose tasks were all finished and forgotten. What its orders consumed stays, so that it can never
    /// be matched or opened again.
    pub fn forget_deal(&mut self, deal: DealId) {
        self.deals.remove(&deal);
    }

    pub(crate) fn set_score(&mut self, worker: Address, score: U256) {
        if score.is_zero() {
            self.scores.remove(&worker);
        } else {
            self.scores.insert(worker, score);
        }
    }
}
