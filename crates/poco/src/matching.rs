//! Four orders to one deal: PoCo's checks in their order, then the locks.

use crate::asset::AssetKind;
use crate::deal::{Deal, Part};
use crate::hub::Hub;
use crate::money::{percent, ratio};
use crate::{DatasetMismatch, Event, Refusal, WORKERPOOL_STAKE_RATIO};
use orders::{AppOrder, Checked, DatasetOrder, Order, RequestOrder, WorkerpoolOrder, ids};
use units::{Address, Amount, B256, CategoryId, DealId, OrderHash, Tag, Timestamp, U256};

/// Bits of a dataset's tag that do not count: which framework its TEE uses.
const TEE_FRAMEWORKS: u8 = 0x0e;

/// The four orders of a match. Where the request names no dataset, the dataset order is one of zeros, and its terms
/// count all the same.
#[derive(Clone, Copy, Debug)]
pub struct Orders<'a> {
    /// The app order.
    pub app: &'a Checked<AppOrder>,
    /// The dataset order.
    pub dataset: &'a Checked<DatasetOrder>,
    /// The workerpool order.
    pub workerpool: &'a Checked<WorkerpoolOrder>,
    /// The request order.
    pub request: &'a Checked<RequestOrder>,
}

/// Who pays for a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    /// The requester.
    Requester,
    /// Somebody else, who gets what is not spent.
    Sponsor(Address),
}

/// Whom the parts of a deal belong to.
#[derive(Clone, Copy)]
struct Owners {
    app: Address,
    dataset: Address,
    workerpool: Address,
}

/// What a deal locks.
#[derive(Clone, Copy)]
struct Locks {
    payer: Address,
    price: Option<Amount>,
    stake: Option<Amount>,
}

impl Orders<'_> {
    fn has_dataset(&self) -> bool {
        !self.dataset.order().dataset.is_zero()
    }
}

/// The check of this code, which holds or refuses.
fn check(holds: bool, code: u8) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::MatchOrders(code)) }
}

/// A dataset's tag without the bits that name its TEE's framework.
fn without_framework(tag: Tag) -> Tag {
    let mut bytes = tag.0.0;
    bytes[31] &= !TEE_FRAMEWORKS;
    Tag(B256::from(bytes))
}

/// Codes 00 to 07 except 01: time class, trust, prices, capabilities. Returns the deal's tag.
fn terms(orders: &Orders<'_>, categories: usize) -> Result<Tag, Refusal> {
    let (app, dataset) = (orders.app.order(), orders.dataset.order());
    let (workerpool, request) = (orders.workerpool.order(), orders.request.order());
    check(request.category == workerpool.category, 0x00)?;
    check(request.category < U256::from(categories), 0x01)?;
    check(request.trust <= workerpool.trust, 0x02)?;
    check(request.appmaxprice >= app.appprice, 0x03)?;
    check(request.datasetmaxprice >= dataset.datasetprice, 0x04)?;
    check(request.workerpoolmaxprice >= workerpool.workerpoolprice, 0x05)?;
    let tag = app.tag.union(without_framework(dataset.tag)).union(request.tag);
    check(tag.is_subset_of(workerpool.tag), 0x06)?;
    check(tag.needs_tee() == app.tag.needs_tee(), 0x07)?;
    Ok(tag)
}

impl Hub {
    /// Makes the deal that the four orders describe and locks its price and the pool's stake (`matchOrders`,
    /// `sponsorMatchOrders`). The volume is the least that is left of any of them.
    ///
    /// # Errors
    /// [`Refusal`] of the first check that fails, in PoCo's order.
    pub fn match_orders(
        &mut self,
        orders: &Orders<'_>,
        payer: Payer,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<DealId, Refusal> {
        let tag = terms(orders, self.categories.len())?;
        self.check_restrictions(orders)?;
        let owners = self.check_authenticity(orders)?;
        let volume = self.deal_volume(orders)?;
        check(!volume.is_zero(), 0x60)?;
        let first = self.consumed(orders.request.hash);
        let id = ids::deal_id(orders.request.hash, first);
        let deal = self.draft(orders, owners, payer, tag, volume, now)?;

        let price = [deal.dataset.price, deal.workerpool.price]
            .into_iter()
            .try_fold(deal.app.price, Amount::checked_add)
            .and_then(|price| price.checked_mul(volume));
        let stake = percent(deal.workerpool.price, WORKERPOOL_STAKE_RATIO).and_then(|stake| stake.checked_mul(volume));
        self.lock_both(Locks { payer: deal.sponsor, price, stake }, owners.workerpool, events)?;
        self.consume(orders, volume);
        self.advertise(orders, id, payer, volume, events);
        self.deals.insert(id, deal);
        Ok(id)
    }

    /// How many tasks a deal of these orders would have (`computeDealVolume`).
    ///
    /// # Errors
    /// [`Refusal::Overflow`] if more is consumed than an order's volume.
    pub fn deal_volume(&self, orders: &Orders<'_>) -> Result<U256, Refusal> {
        let mut volume = self.left(orders.app)?;
        if orders.has_dataset() {
            volume = volume.min(self.left(orders.dataset)?);
        }
        volume = volume.min(self.left(orders.workerpool)?);
        Ok(volume.min(self.left(orders.request)?))
    }

    /// Whether a dataset order would fit a deal that has no dataset (`assertDatasetDealCompatibility`).
    ///
    /// # Errors
    /// [`Refusal::IncompatibleDatasetOrder`] with the first mismatch, or another refusal where the signature's form or
    /// the dataset's address is none.
    pub fn check_dataset_order(&self, order: &Checked<DatasetOrder>, deal: DealId) -> Result<(), Refusal> {
        let terms = order.order();
        let require = |holds: bool, mismatch| {
            if holds { Ok(()) } else { Err(Refusal::IncompatibleDatasetOrder(mismatch)) }
        };
        require(self.consumed(order.hash) < terms.volume, DatasetMismatch::Consumed)?;
        let owner = self.owner_of(terms.dataset).ok_or(Refusal::Silent)?;
        require(self.is_order_signed(owner, order.hash, order.signer)?, DatasetMismatch::Signature)?;
        let found = self.deal(deal).filter(|deal| !deal.requester.is_zero());
        let deal = found.ok_or(Refusal::IncompatibleDatasetOrder(DatasetMismatch::NoDeal))?;
        require(deal.dataset.pointer.is_zero(), DatasetMismatch::HasDataset)?;
        require(self.satisfies(terms.apprestrict, deal.app.pointer), DatasetMismatch::App)?;
        require(self.satisfies(terms.workerpoolrestrict, deal.workerpool.pointer), DatasetMismatch::Workerpool)?;
        require(self.satisfies(terms.requesterrestrict, deal.requester), DatasetMismatch::Requester)?;
        require(without_framework(terms.tag).is_subset_of(deal.tag), DatasetMismatch::Tag)
    }

    fn left<O: Order>(&self, order: &Checked<O>) -> Result<U256, Refusal> {
        order.order().volume().checked_sub(self.consumed(order.hash)).ok_or(Refusal::Overflow)
    }

    /// Codes 10 to 1b: who wants to deal with whom.
    fn check_restrictions(&self, orders: &Orders<'_>) -> Result<(), Refusal> {
        let (app, dataset) = (orders.app.order(), orders.dataset.order());
        let (workerpool, request) = (orders.workerpool.order(), orders.request.order());
        check(request.app == app.app, 0x10)?;
        check(request.dataset == dataset.dataset, 0x11)?;
        check(self.satisfies(request.workerpool, workerpool.workerpool), 0x12)?;
        check(self.satisfies(app.datasetrestrict, dataset.dataset), 0x13)?;
        check(self.satisfies(app.workerpoolrestrict, workerpool.workerpool), 0x14)?;
        check(self.satisfies(app.requesterrestrict, request.requester), 0x15)?;
        check(self.satisfies(dataset.apprestrict, app.app), 0x16)?;
        check(self.satisfies(dataset.workerpoolrestrict, workerpool.workerpool), 0x17)?;
        check(self.satisfies(dataset.requesterrestrict, request.requester), 0x18)?;
        check(self.satisfies(workerpool.apprestrict, app.app), 0x19)?;
        check(self.satisfies(workerpool.datasetrestrict, dataset.dataset), 0x1a)?;
        check(self.satisfies(workerpool.requesterrestrict, request.requester), 0x1b)
    }

    /// Codes 20 to 50: what is offered is registered, and offered by its owner.
    fn check_authenticity(&self, orders: &Orders<'_>) -> Result<Owners, Refusal> {
        let app = self.check_offer(orders.app, 0x20, |kind| matches!(kind, AssetKind::App { .. }))?;
        let dataset = if orders.has_dataset() {
            self.check_offer(orders.dataset, 0x30, |kind| matches!(kind, AssetKind::Dataset { .. }))?
        } else {
            Address::ZERO
        };
        let workerpool =
            self.check_offer(orders.workerpool, 0x40, |kind| matches!(kind, AssetKind::Workerpool { .. }))?;
        let requester = orders.request.order().requester;
        check(self.is_order_signed(requester, orders.request.hash, orders.request.signer)?, 0x50)?;
        Ok(Owners { app, dataset, workerpool })
    }

    /// An offer's asset has an owner (asked first, and without words if not), is registered (`code`), and the owner
    /// signed the offer (`code + 1`).
    fn check_offer<O: Order>(
        &self,
        offer: &Checked<O>,
        code: u8,
        is_right: impl Fn(&AssetKind) -> bool,
    ) -> Result<Address, Refusal> {
        let asset = offer.order().subject();
        let owner = self.owner_of(asset).ok_or(Refusal::Silent)?;
        check(self.asset(asset).is_some_and(|asset| is_right(&asset.kind)), code)?;
        check(self.is_order_signed(owner, offer.hash, offer.signer)?, code.saturating_add(1))?;
        Ok(owner)
    }

    fn draft(
        &self,
        orders: &Orders<'_>,
        owners: Owners,
        payer: Payer,
        tag: Tag,
        volume: U256,
        now: Timestamp,
    ) -> Result<Deal, Refusal> {
        let (app, dataset) = (orders.app.order(), orders.dataset.order());
        let (workerpool, request) = (orders.workerpool.order(), orders.request.order());
        let policy = self.policy(workerpool.workerpool).expect("what is registered as a workerpool has a policy");
        let worker_stake = ratio(workerpool.workerpoolprice, policy.worker_stake_ratio).ok_or(Refusal::Overflow)?;
        let dataset_price = if orders.has_dataset() { dataset.datasetprice } else { Amount::ZERO };
        let category = u64::try_from(request.category).expect("there are not so many categories");
        Ok(Deal {
            app: Part { pointer: app.app, owner: owners.app, price: app.appprice },
            dataset: Part { pointer: dataset.dataset, owner: owners.dataset, price: dataset_price },
            workerpool: Part {
                pointer: workerpool.workerpool,
                owner: owners.workerpool,
                price: workerpool.workerpoolprice,
            },
            trust: request.trust.max(U256::ONE),
            category: CategoryId(category),
            tag,
            requester: request.requester,
            beneficiary: request.beneficiary,
            callback: request.callback,
            params: request.params.clone(),
            start_time: Timestamp::from_seconds(now.seconds()),
            bot_first: self.consumed(orders.request.hash),
            bot_size: volume,
            worker_stake,
            scheduler_reward_ratio: policy.scheduler_reward_ratio,
            sponsor: match payer {
                Payer::Requester => request.requester,
                Payer::Sponsor(sponsor) => sponsor,
            },
        })
    }

    /// Locks the price, then the pool's stake, or neither. They may be one person's.
    fn lock_both(&mut self, locks: Locks, pool_owner: Address, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let told = events.len();
        let price = locks.price.ok_or(Refusal::Overflow)?;
        self.lock(locks.payer, price, events)?;
        let staked = locks.stake.ok_or(Refusal::Overflow).and_then(|stake| self.lock(pool_owner, stake, events));
        if staked.is_err() {
            self.undo_lock(locks.payer, price);
            events.truncate(told);
        }
        staked
    }

    fn consume(&mut self, orders: &Orders<'_>, volume: U256) {
        let mut hashes = vec![orders.app.hash, orders.workerpool.hash, orders.request.hash];
        if orders.has_dataset() {
            hashes.push(orders.dataset.hash);
        }
        for hash in hashes {
            let consumed = self.consumed.entry(hash).or_default();
            *consumed = consumed.checked_add(volume).expect("no more is taken than is left");
        }
    }

    fn advertise(&self, orders: &Orders<'_>, deal: DealId, payer: Payer, volume: U256, events: &mut Vec<Event>) {
        events.push(Event::SchedulerNotice { workerpool: orders.workerpool.order().workerpool, deal });
        events.push(Event::OrdersMatched {
            deal,
            app: orders.app.hash,
            dataset: if orders.has_dataset() { orders.dataset.hash } else { OrderHash::default() },
            workerpool: orders.workerpool.hash,
            request: orders.request.hash,
            volume,
        });
        match payer {
            Payer::Requester => {}
            Payer::Sponsor(sponsor) => events.push(Event::DealSponsored { deal, sponsor }),
        }
    }
}
