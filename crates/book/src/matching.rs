//! The best match of a request.

use crate::compatible::{self, Misfit};
use crate::shelf::Row;
use crate::{Book, Facts};
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use units::{Address, Amount, OrderHash, U256};

/// A proposal: four orders (three without a dataset) that fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The app order.
    pub app: OrderHash,
    /// The dataset order, if the request wants a dataset.
    pub dataset: Option<OrderHash>,
    /// The pool's order.
    pub workerpool: OrderHash,
    /// The request order.
    pub request: OrderHash,
    /// The pool.
    pub pool: Address,
    /// Tasks: the least of what is left of each.
    pub volume: U256,
}

/// Why a request has no match just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is not on the book.
    NotResting,
    /// Nobody sells the app to this requester for this price.
    NoAppOrder(Option<Misfit>),
    /// Nobody sells the dataset to this requester for this price.
    NoDatasetOrder(Option<Misfit>),
    /// No pool's offer fits; the nearest misfit, if there are offers in the category at all.
    NoWorkerpoolOrder(Option<Misfit>),
    /// The requester cannot pay for the tasks that would be matched.
    Funds {
        /// What they cost together, nano-credits.
        needed: Amount,
        /// What the requester can spend.
        free: Amount,
        /// For how many tasks that is enough.
        affordable: U256,
    },
}

/// The sell orders of app and dataset that serve a request.
pub(crate) struct Goods<'a> {
    pub(crate) app: &'a Row<AppOrder>,
    pub(crate) dataset: Option<&'a Row<DatasetOrder>>,
}

impl Book {
    /// The best match of a resting request: cheapest app order, cheapest dataset order, then the cheapest pool's order that
    /// fits them, the earlier of equals.
    ///
    /// # Errors
    /// The [`Obstacle`] that stands before all others.
    pub fn best(&self, request: OrderHash, facts: &impl Facts) -> Result<Match, Obstacle> {
        let bid = self.requests.row(request).ok_or(Obstacle::NotResting)?;
        let goods = self.goods(&bid.order, facts)?;
        let pool = self.cheapest_pool(bid, &goods, facts)?;
        let volume = goods.volume(bid).min(pool.remaining);
        affords(&bid.order, &goods, &pool.order, volume, facts)?;
        Ok(Match {
            app: goods.app.hash,
            dataset: goods.dataset.map(|row| row.hash),
            workerpool: pool.hash,
            request,
            pool: pool.order.workerpool,
            volume,
        })
    }

    /// The cheapest app and dataset orders that fit a request.
    pub(crate) fn goods(&self, bid: &RequestOrder, facts: &impl Facts) -> Result<Goods<'_>, Obstacle> {
        let app = first_fit(self.apps.on(&bid.app), |row| compatible::app(facts, bid, &row.order));
        let app = app.map_err(Obstacle::NoAppOrder)?;
        let dataset = if bid.dataset.is_zero() {
            None
        } else {
            let row = first_fit(self.datasets.on(&bid.dataset), |row| {
                let restricted = !compatible::passes(facts, app.order.datasetrestrict, bid.dataset);
                compatible::dataset(facts, bid, &row.order).or(restricted.then_some(Misfit::Restricted))
            });
            Some(row.map_err(Obstacle::NoDatasetOrder)?)
        };
        Ok(Goods { app, dataset })
    }

    fn cheapest_pool(
        &self,
        bid: &Row<RequestOrder>,
        goods: &Goods<'_>,
        facts: &impl Facts,
    ) -> Result<&Row<WorkerpoolOrder>, Obstacle> {
        let asks = self.workerpools.on(&bid.order.category);
        first_fit(asks, |row| goods.misfit(bid, row, facts)).map_err(Obstacle::NoWorkerpoolOrder)
    }
}

impl Goods<'_> {
    /// Tasks for which request, app and dataset orders are enough.
    fn volume(&self, bid: &Row<RequestOrder>) -> U256 {
        let volume = bid.remaining.min(self.app.remaining);
        self.dataset.map_or(volume, |row| volume.min(row.remaining))
    }

    /// What a task costs altogether; `None` where that overflows.
    fn price_with(&self, pool: &WorkerpoolOrder) -> Option<Amount> {
        let data_price = self.dataset.map_or(Amount::ZERO, |row| row.order.datasetprice);
        self.app.order.appprice.checked_add(data_price)?.checked_add(pool.workerpoolprice)
    }

    /// Why a pool's order does not fit a request for these goods, if it does not.
    pub(crate) fn misfit(
        &self,
        bid: &Row<RequestOrder>,
        ask: &Row<WorkerpoolOrder>,
        facts: &impl Facts,
    ) -> Option<Misfit> {
        let dataset = self.dataset.map(|row| &row.order);
        let volume = self.volume(bid).min(ask.remaining);
        let unstaked = || {
            let staked = compatible::is_staked(facts, &bid.order, &ask.order, self.price_with(&ask.order), volume);
            (!staked).then_some(Misfit::Unstaked)
        };
        compatible::workerpool(facts, &bid.order, &self.app.order, dataset, &ask.order).or_else(unstaked)
    }
}

/// The first row that fits; else the misfit that is nearest to fitting. Rows come cheapest first, so the search ends at the
/// first too dear.
fn first_fit<'a, O>(
    rows: impl Iterator<Item = &'a Row<O>>,
    misfit: impl Fn(&Row<O>) -> Option<Misfit>,
) -> Result<&'a Row<O>, Option<Misfit>> {
    let mut nearest = None;
    for row in rows {
        let Some(why) = misfit(row) else { return Ok(row) };
        nearest = nearest.into_iter().chain([why]).min_by_key(|why| distance(*why));
        if why == Misfit::TooDear {
            break;
        }
    }
    Err(nearest)
}

/// How far an offer is from fitting: time mends a busy pool, money a price; trust, capability and restriction take another
/// offer.
fn distance(why: Misfit) -> u8 {
    match why {
        Misfit::Busy => 0,
        Misfit::Unstaked => 1,
        Misfit::TooDear => 2,
        Misfit::TrustTooLow => 3,
        Misfit::Tag => 4,
        Misfit::Restricted => 5,
    }
}

/// Whether the requester can pay for a match.
fn affords(
    bid: &RequestOrder,
    goods: &Goods<'_>,
    pool: &WorkerpoolOrder,
    volume: U256,
    facts: &impl Facts,
) -> Result<(), Obstacle> {
    let free = facts.free(bid.requester);
    let each = goods.price_with(pool);
    let needed = each.and_then(|each| each.checked_mul(volume)).unwrap_or(Amount(U256::MAX));
    if needed <= free {
        return Ok(());
    }
    let affordable = each.and_then(|each| free.0.checked_div(each.0)).unwrap_or(U256::ZERO);
    Err(Obstacle::Funds { needed, free, affordable })
}
