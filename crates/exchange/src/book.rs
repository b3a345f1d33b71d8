//! Orders at rest: which may, and when they leave. Which of them to match is policy, and not decided here.

use crate::event::RemovalReason;
use crate::keep::CheckedDef;
use crate::{AnyOrder, Event, Exchange, Rejection};
use orders::{AppOrder, Checked, DatasetOrder, OrderKind, Recovered, RequestOrder, Signed, WorkerpoolOrder};
use poco::{AssetKind, Orders, Payer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, OrderHash, U256};

/// An order as it is kept and written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AnyOrder")]
enum AnyOrderDef {
    App(#[serde(with = "CheckedDef")] Checked<AppOrder>),
    Dataset(#[serde(with = "CheckedDef")] Checked<DatasetOrder>),
    Workerpool(#[serde(with = "CheckedDef")] Checked<WorkerpoolOrder>),
    Request(#[serde(with = "CheckedDef")] Checked<RequestOrder>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(with = "AnyOrderDef")]
    order: AnyOrder,
    /// How many orders came to rest before it.
    arrival: u64,
}

/// Orders at rest, by hash, by what they offer or who asks, and by when they came: of equal prices the earlier is served
/// first, also after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resting {
    orders: BTreeMap<OrderHash, Kept>,
    by_subject: BTreeMap<Address, BTreeSet<OrderHash>>,
    by_time: BTreeMap<u64, OrderHash>,
    arrivals: u64,
}

impl Resting {
    /// In the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AnyOrder> + '_ {
        self.by_time.values().filter_map(|hash| self.find(*hash))
    }

    pub(crate) fn find(&self, hash: OrderHash) -> Option<&AnyOrder> {
        self.orders.get(&hash).map(|kept| &kept.order)
    }

    /// The orders for an asset, or of a requester.
    pub(crate) fn of_subject(&self, subject: Address) -> Vec<OrderHash> {
        self.by_subject.get(&subject).into_iter().flatten().copied().collect()
    }

    fn insert(&mut self, order: AnyOrder) {
        self.by_subject.entry(order.subject()).or_default().insert(order.hash());
        let arrival = self.arrivals;
        self.arrivals = arrival.checked_add(1).expect("nobody places 2⁶⁴ orders");
        self.by_time.insert(arrival, order.hash());
        self.orders.insert(order.hash(), Kept { order, arrival });
    }

    fn remove(&mut self, hash: OrderHash) -> Option<AnyOrder> {
        let Kept { order, arrival } = self.orders.remove(&hash)?;
        self.by_time.remove(&arrival);
        if let Some(hashes) = self.by_subject.get_mut(&order.subject()) {
            hashes.remove(&hash);
            if hashes.is_empty() {
                self.by_subject.remove(&order.subject());
            }
        }
        Some(order)
    }
}

impl Exchange {
    /// A signed order is to rest.
    pub(crate) fn place_order(&mut self, order: &AnyOrder, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let hash = order.hash();
        if order.volume().is_zero() {
            return Err(Rejection::EmptyOrder);
        }
        let owner = self.order_owner(order.kind(), order.subject())?;
        self.check_category(order)?;
        if !self.hub.is_order_signed(owner, hash, order.signer()).unwrap_or(false) {
            return Err(Rejection::NotSignedByOwner { owner });
        }
        if self.resting.find(hash).is_some() {
            return Err(Rejection::AlreadyResting(hash));
        }
        let remaining = self.remaining(order);
        if remaining.is_zero() {
            return Err(Rejection::Consumed(hash));
        }
        self.resting.insert(order.clone());
        events.push(Event::OrderPlaced { kind: order.kind(), order: hash, remaining });
        Ok(())
    }

    /// A maker takes an order off the book.
    pub(crate) fn remove_order(
        &mut self,
        hash: OrderHash,
        by: Address,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let order = self.resting.find(hash).ok_or(Rejection::UnknownOrder(hash))?;
        if self.order_owner(order.kind(), order.subject())? != by {
            return Err(Rejection::NotYours { order: hash, by });
        }
        self.take_off(hash, RemovalReason::Withdrawn, events);
        Ok(())
    }

    /// A request whose program always fails leaves the book. It is not closed: its requester may place it again.
    pub(crate) fn halt(&mut self, request: OrderHash, events: &mut Vec<Event>) -> Result<(), Rejection> {
        let Some(AnyOrder::Request(_)) = self.resting.find(request) else {
            return Err(Rejection::UnknownOrder(request));
        };
        self.take_off(request, RemovalReason::Halted, events);
        Ok(())
    }

    /// What the exchange offered for a pool leaves the book.
    pub(crate) fn withdraw_offers(&mut self, pool: Address, events: &mut Vec<Event>) {
        for hash in self.resting.of_subject(pool) {
            if self.is_offered(hash) {
                self.take_off(hash, RemovalReason::Withdrawn, events);
            }
        }
    }

    /// The clerk's decision: these four make a deal, the requester paying.
    pub(crate) fn match_resting(
        &mut self,
        app: OrderHash,
        dataset: Option<OrderHash>,
        workerpool: OrderHash,
        request: OrderHash,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let unknown = Rejection::UnknownOrder;
        let Some(AnyOrder::App(app)) = self.resting.find(app) else { return Err(unknown(app)) };
        let none = no_dataset();
        let dataset = match dataset {
            None => &none,
            Some(hash) => match self.resting.find(hash) {
                Some(AnyOrder::Dataset(dataset)) => dataset,
                Some(AnyOrder::App(_) | AnyOrder::Workerpool(_) | AnyOrder::Request(_)) | None => {
                    return Err(unknown(hash));
                }
            },
        };
        let Some(AnyOrder::Workerpool(workerpool)) = self.resting.find(workerpool) else {
            return Err(unknown(workerpool));
        };
        let Some(AnyOrder::Request(request)) = self.resting.find(request) else { return Err(unknown(request)) };
        let orders = Orders { app, dataset, workerpool, request };
        let mut told = Vec::new();
        self.hub.match_orders(&orders, Payer::Requester, self.now, &mut told)?;
        self.tell(told.clone(), events);
        self.follow_match(&told, events);
        Ok(())
    }

    /// Keeps the book in step with volumes that matches have taken.
    pub(crate) fn follow_match(&mut self, told: &[poco::Event], events: &mut Vec<Event>) {
        for event in told {
            if let poco::Event::OrdersMatched { app, dataset, workerpool, request, volume, .. } = event {
                for hash in [app, dataset, workerpool, request] {
                    self.follow_fill(*hash, *volume, events);
                }
            }
        }
    }

    /// An order was closed in the hub.
    pub(crate) fn follow_close(&mut self, hash: OrderHash, events: &mut Vec<Event>) {
        self.take_off(hash, RemovalReason::Closed, events);
    }

    /// An asset has another owner: what the one before offered is void.
    pub(crate) fn follow_owner(&mut self, asset: Address, events: &mut Vec<Event>) {
        for hash in self.resting.of_subject(asset) {
            self.take_off(hash, RemovalReason::OwnerChanged, events);
        }
    }

    /// What is left of an order's volume.
    pub(crate) fn remaining(&self, order: &AnyOrder) -> U256 {
        order.volume().saturating_sub(self.hub.consumed(order.hash()))
    }

    fn follow_fill(&mut self, hash: OrderHash, volume: U256, events: &mut Vec<Event>) {
        let Some(order) = self.resting.find(hash) else {
            return;
        };
        let remaining = self.remaining(order);
        events.push(Event::OrderFilled { kind: order.kind(), order: hash, volume, remaining });
        if remaining.is_zero() {
            self.take_off(hash, RemovalReason::Filled, events);
        }
    }

    fn take_off(&mut self, hash: OrderHash, why: RemovalReason, events: &mut Vec<Event>) {
        if let Some(order) = self.resting.remove(hash) {
            self.retract_offer(hash);
            events.push(Event::OrderRemoved { kind: order.kind(), order: hash, why });
        }
    }

    /// Who has to sign an order: the requester, or the owner of what is offered, which has to be of the right kind.
    fn order_owner(&self, kind: OrderKind, subject: Address) -> Result<Address, Rejection> {
        let asset = self.hub.asset(subject);
        let owner = match kind {
            OrderKind::Request => return Ok(subject),
            OrderKind::App => asset.filter(|asset| matches!(asset.kind, AssetKind::App { .. })),
            OrderKind::Dataset => asset.filter(|asset| matches!(asset.kind, AssetKind::Dataset { .. })),
            OrderKind::Workerpool => asset.filter(|asset| matches!(asset.kind, AssetKind::Workerpool { .. })),
        };
        owner.map(|asset| asset.owner).ok_or(Rejection::UnknownAsset(subject))
    }

    fn check_category(&self, order: &AnyOrder) -> Result<(), Rejection> {
        let category = match order {
            AnyOrder::App(_) | AnyOrder::Dataset(_) => return Ok(()),
            AnyOrder::Workerpool(order) => order.order().category,
            AnyOrder::Request(order) => order.order().category,
        };
        if category < U256::from(self.hub.categories().len()) { Ok(()) } else { Err(Rejection::UnknownCategory) }
    }
}

/// The dataset order of a match without a dataset.
pub(crate) fn no_dataset() -> Checked<DatasetOrder> {
    Checked { signed: Signed::default(), hash: OrderHash::default(), signer: Recovered::Misshapen }
}
