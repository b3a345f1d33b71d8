//! Price–time priority, checked from the orders alone.
//!
//! When policy matches a request with a pool's order, then in the category
//!
//! - no order of the same pool, and none of a pool that the exchange does not host, that fits the request was cheaper, or
//!   as cheap and earlier (another hosted pool may have been busy, which the journal does not tell);
//! - no request that the pool's order fits better than any other bid more, or as much and earlier, and could pay.
//!
//! What a worker takes at least (its floor) is not in the journal, and is not checked.

use super::Fault;
use exchange::{AnyOrder, Command, Entry, Event, Exchange};
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, OrderHash, Tag, U256};

/// Bits of a dataset's tag that PoCo does not demand of the pool: the TEE framework's.
const TEE_FRAMEWORK: B256 = B256::with_last_byte(0x0e);
/// What a pool stakes, percent of its price.
const STAKE_PERCENT: u64 = poco::WORKERPOOL_STAKE_RATIO;

/// When an order came to rest: the number of those before it.
type Arrival = u64;

/// The orders at rest, arranged by price, then time.
#[derive(Debug, Default)]
pub(super) struct Priority {
    arrivals: Arrival,
    resting: BTreeMap<OrderHash, (AnyOrder, Arrival)>,
    apps: BTreeMap<Address, BTreeSet<(Amount, Arrival, OrderHash)>>,
    datasets: BTreeMap<Address, BTreeSet<(Amount, Arrival, OrderHash)>>,
    asks: BTreeMap<U256, BTreeSet<(Amount, Arrival, OrderHash)>>,
    bids: BTreeMap<U256, BTreeSet<(Reverse<Amount>, Arrival, OrderHash)>>,
}

/// What a request would run and read.
struct Goods<'a> {
    app: (OrderHash, &'a AppOrder),
    dataset: Option<(OrderHash, &'a DatasetOrder)>,
}

impl Priority {
    /// Checks the decision in an entry before it is applied; whether there was one.
    pub(super) fn check(&self, exchange: &Exchange, entry: &Entry) -> Result<bool, Fault> {
        let Command::Match { app, dataset, workerpool, request } = &entry.command else { return Ok(false) };
        let (Some(bid), Some(ask), Some(app)) = (self.bid(*request), self.ask(*workerpool), self.app(*app)) else {
            return Ok(false);
        };
        let goods = Goods { app, dataset: dataset.and_then(|hash| self.dataset(hash)) };
        if let Some(better) = self.better_ask(exchange, bid.1, &goods, ask) {
            return Err(Fault::PassedOver { matched: *workerpool, passed_over: better });
        }
        if let Some(better) = self.better_bid(exchange, bid, ask) {
            return Err(Fault::PassedOver { matched: *request, passed_over: better });
        }
        Ok(true)
    }

    /// Keeps in step with what rests.
    pub(super) fn follow(&mut self, exchange: &Exchange, events: &[Event]) {
        for event in events {
            if let Event::OrderRemoved { order, .. } = event {
                self.remove(*order);
            } else if let Event::OrderPlaced { order, .. } = event
                && let Some(placed) = exchange.resting_order(*order)
            {
                self.insert(placed.clone());
            }
        }
    }

    fn insert(&mut self, order: AnyOrder) {
        let (arrival, hash) = (self.arrivals, order.hash());
        self.arrivals += 1;
        match &order {
            AnyOrder::App(checked) => {
                let order = checked.order();
                self.apps.entry(order.app).or_default().insert((order.appprice, arrival, hash));
            }
            AnyOrder::Dataset(checked) => {
                let order = checked.order();
                self.datasets.entry(order.dataset).or_default().insert((order.datasetprice, arrival, hash));
            }
            AnyOrder::Workerpool(checked) => {
                let order = checked.order();
                self.asks.entry(order.category).or_default().insert((order.workerpoolprice, arrival, hash));
            }
            AnyOrder::Request(checked) => {
                let order = checked.order();
                let place = (Reverse(order.workerpoolmaxprice), arrival, hash);
                self.bids.entry(order.category).or_default().insert(place);
            }
        }
        self.resting.insert(hash, (order, arrival));
    }

    fn remove(&mut self, hash: OrderHash) {
        let Some((order, arrival)) = self.resting.remove(&hash) else { return };
        match &order {
            AnyOrder::App(checked) => {
                let order = checked.order();
                take(&mut self.apps, &order.app, &(order.appprice, arrival, hash));
            }
            AnyOrder::Dataset(checked) => {
                let order = checked.order();
                take(&mut self.datasets, &order.dataset, &(order.datasetprice, arrival, hash));
            }
            AnyOrder::Workerpool(checked) => {
                let order = checked.order();
                take(&mut self.asks, &order.category, &(order.workerpoolprice, arrival, hash));
            }
            AnyOrder::Request(checked) => {
                let order = checked.order();
                take(&mut self.bids, &order.category, &(Reverse(order.workerpoolmaxprice), arrival, hash));
            }
        }
    }

    fn app(&self, hash: OrderHash) -> Option<(OrderHash, &AppOrder)> {
        match &self.resting.get(&hash)?.0 {
            AnyOrder::App(order) => Some((hash, order.order())),
            AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) | AnyOrder::Request(_) => None,
        }
    }

    fn dataset(&self, hash: OrderHash) -> Option<(OrderHash, &DatasetOrder)> {
        match &self.resting.get(&hash)?.0 {
            AnyOrder::Dataset(order) => Some((hash, order.order())),
            AnyOrder::App(_) | AnyOrder::Workerpool(_) | AnyOrder::Request(_) => None,
        }
    }

    fn ask(&self, hash: OrderHash) -> Option<(OrderHash, &WorkerpoolOrder)> {
        match &self.resting.get(&hash)?.0 {
            AnyOrder::Workerpool(order) => Some((hash, order.order())),
            AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Request(_) => None,
        }
    }

    fn bid(&self, hash: OrderHash) -> Option<(OrderHash, &RequestOrder)> {
        match &self.resting.get(&hash)?.0 {
            AnyOrder::Request(order) => Some((hash, order.order())),
            AnyOrder::App(_) | AnyOrder::Dataset(_) | AnyOrder::Workerpool(_) => None,
        }
    }

    /// A cheaper or earlier offer that the request should have had.
    fn better_ask(
        &self,
        exchange: &Exchange,
        bid: &RequestOrder,
        goods: &Goods<'_>,
        (matched, taken): (OrderHash, &WorkerpoolOrder),
    ) -> Option<OrderHash> {
        let before = self.asks.get(&taken.category)?.iter().take_while(|place| place.2 != matched);
        let mut offers = before.filter_map(|place| self.ask(place.2));
        let better = offers.find(|(_, ask)| {
            let answerable = ask.workerpool == taken.workerpool || !exchange.is_hosted(ask.workerpool);
            answerable && fits(exchange, bid, goods, ask) && self.is_covered(exchange, bid, goods, ask)
        });
        better.map(|(hash, _)| hash)
    }

    /// A higher or earlier bid that the offer should have served.
    fn better_bid(
        &self,
        exchange: &Exchange,
        (matched, served): (OrderHash, &RequestOrder),
        (offer, ask): (OrderHash, &WorkerpoolOrder),
    ) -> Option<OrderHash> {
        let before = self.bids.get(&served.category)?.iter().take_while(|place| place.2 != matched);
        let mut bids = before.filter_map(|place| self.bid(place.2));
        let better = bids.find(|(_, bid)| {
            self.goods(exchange, bid).is_some_and(|goods| {
                self.first_ask(exchange, bid, &goods) == Some(offer) && self.is_covered(exchange, bid, &goods, ask)
            })
        });
        better.map(|(hash, _)| hash)
    }

    /// The cheapest app and dataset orders that fit a request.
    fn goods(&self, exchange: &Exchange, bid: &RequestOrder) -> Option<Goods<'_>> {
        let satisfies = |restriction, who| exchange.hub().satisfies(restriction, who);
        let apps = self.apps.get(&bid.app)?.iter().filter_map(|place| self.app(place.2));
        let app = { apps }.find(|(_, app)| {
            app.appprice <= bid.appmaxprice
                && satisfies(app.requesterrestrict, bid.requester)
                && satisfies(app.datasetrestrict, bid.dataset)
        })?;
        if bid.dataset.is_zero() {
            return Some(Goods { app, dataset: None });
        }
        let datasets = self.datasets.get(&bid.dataset)?.iter().filter_map(|place| self.dataset(place.2));
        let dataset = { datasets }.find(|(_, dataset)| {
            dataset.datasetprice <= bid.datasetmaxprice
                && satisfies(dataset.requesterrestrict, bid.requester)
                && satisfies(dataset.apprestrict, bid.app)
        })?;
        Some(Goods { app, dataset: Some(dataset) })
    }

    /// The cheapest offer that fits a request, busy or not.
    fn first_ask(&self, exchange: &Exchange, bid: &RequestOrder, goods: &Goods<'_>) -> Option<OrderHash> {
        let asks = self.asks.get(&bid.category)?.iter().filter_map(|place| self.ask(place.2));
        { asks }.find(|(_, ask)| fits(exchange, bid, goods, ask)).map(|(hash, _)| hash)
    }

    /// Whether requester and pool, who may be one, have the money for as many tasks as the four orders would buy.
    fn is_covered(&self, exchange: &Exchange, bid: &RequestOrder, goods: &Goods<'_>, ask: &WorkerpoolOrder) -> bool {
        let volume = self.volume(exchange, bid, goods, ask);
        let Some(owner) = exchange.hub().owner_of(ask.workerpool) else { return false };
        let data_price = goods.dataset.map_or(Amount::ZERO, |(_, order)| order.datasetprice);
        let price = goods.app.1.appprice.checked_add(data_price).and_then(|sum| sum.checked_add(ask.workerpoolprice));
        let price = price.and_then(|price| price.checked_mul(volume));
        let stake = ask.workerpoolprice.checked_mul(U256::from(STAKE_PERCENT));
        let stake = stake.and_then(|stake| stake.checked_div(U256::from(100_u64))?.checked_mul(volume));
        let (Some(price), Some(stake)) = (price, stake) else { return false };
        let free = |account| exchange.hub().account(account).free;
        let covered = if owner == bid.requester {
            price.checked_add(stake).is_some_and(|both| both <= free(owner))
        } else {
            price <= free(bid.requester) && stake <= free(owner)
        };
        covered && !volume.is_zero()
    }

    fn volume(&self, exchange: &Exchange, bid: &RequestOrder, goods: &Goods<'_>, ask: &WorkerpoolOrder) -> U256 {
        let domain = exchange.genesis().domain();
        let left = |volume: U256, hash| volume.saturating_sub(exchange.hub().consumed(hash));
        let sides = [
            left(bid.volume, orders::Order::hash(bid, &domain)),
            left(ask.volume, orders::Order::hash(ask, &domain)),
            left(goods.app.1.volume, goods.app.0),
        ];
        let dataset = goods.dataset.map(|(hash, order)| left(order.volume, hash));
        sides.into_iter().chain(dataset).min().unwrap_or(U256::ZERO)
    }
}

/// Takes a place off a shelf.
fn take<K: Ord, P: Ord>(shelves: &mut BTreeMap<K, BTreeSet<P>>, shelf: &K, place: &P) {
    if let Some(places) = shelves.get_mut(shelf) {
        places.remove(place);
        if places.is_empty() {
            shelves.remove(shelf);
        }
    }
}

/// Whether PoCo would let a pool's order serve a request with its app and dataset.
fn fits(exchange: &Exchange, bid: &RequestOrder, goods: &Goods<'_>, ask: &WorkerpoolOrder) -> bool {
    let satisfies = |restriction, who| exchange.hub().satisfies(restriction, who);
    let (app, dataset) = (goods.app.1, goods.dataset.map(|(_, order)| order));
    let data_tag = dataset.map_or(Tag::NONE, |order| Tag(order.tag.0 & !TEE_FRAMEWORK));
    let demanded = app.tag.union(data_tag).union(bid.tag);
    ask.workerpoolprice <= bid.workerpoolmaxprice
        && ask.trust >= bid.trust
        && demanded.is_subset_of(ask.tag)
        && (!demanded.needs_tee() || app.tag.needs_tee())
        && satisfies(bid.workerpool, ask.workerpool)
        && satisfies(app.workerpoolrestrict, ask.workerpool)
        && dataset.is_none_or(|order| satisfies(order.workerpoolrestrict, ask.workerpool))
        && satisfies(ask.apprestrict, bid.app)
        && satisfies(ask.datasetrestrict, bid.dataset)
        && satisfies(ask.requesterrestrict, bid.requester)
}
