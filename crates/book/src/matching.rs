//! The best match of a request.

use crate::compatible::{self, Demands, Misfit, Stake, Wants};
use crate::shelf::Row;
use crate::stack::Place;
use crate::{Book, Facts};
use orders::{AppOrder, DatasetOrder};
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
#[derive(Debug)]
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
        self.propose(request, &Wants::of(&bid.order, bid.remaining), facts)
    }

    /// The best match of a request that asks for this.
    pub(crate) fn propose(&self, request: OrderHash, wants: &Wants, facts: &impl Facts) -> Result<Match, Obstacle> {
        let goods = self.goods(wants, facts)?;
        let (_, _, hash) = self.cheapest_offer(wants, &goods, facts)?;
        let ask = self.workerpools.row(hash).expect("a place in an aisle has its row");
        let volume = goods.volume(wants).min(ask.remaining);
        affords(wants, &goods, ask.order.workerpoolprice, volume, facts)?;
        Ok(Match {
            app: goods.app.hash,
            dataset: goods.dataset.map(|row| row.hash),
            workerpool: hash,
            request,
            pool: ask.order.workerpool,
            volume,
        })
    }

    /// The cheapest app and dataset orders that fit a request.
    pub(crate) fn goods(&self, wants: &Wants, facts: &impl Facts) -> Result<Goods<'_>, Obstacle> {
        let app = first_fit(self.apps.on(&wants.app), |row| compatible::app(facts, wants, &row.order));
        let app = app.map_err(Obstacle::NoAppOrder)?;
        if wants.dataset.is_zero() {
            return Ok(Goods { app, dataset: None });
        }
        let rows = self.datasets.on(&wants.dataset);
        let dataset = first_fit(rows, |row| compatible::dataset(facts, wants, &app.order, &row.order));
        Ok(Goods { app, dataset: Some(dataset.map_err(Obstacle::NoDatasetOrder)?) })
    }

    /// The first offer that fits, by price, then time. Classes that do not fit are passed over whole.
    fn cheapest_offer(&self, wants: &Wants, goods: &Goods<'_>, facts: &impl Facts) -> Result<Place, Obstacle> {
        let mut nearest = None;
        let mut note = |why| nearest = nearest.into_iter().chain([why]).min_by_key(|why| distance(*why));
        let demands = goods.demands();
        let mut walk = self.asks.of(wants.category).map(crate::classes::Aisle::walk);
        while let Some((place, class)) = walk.as_mut().and_then(crate::classes::Walk::next) {
            if place.0 > wants.pool_price {
                note(Misfit::TooDear);
                break;
            }
            if let Some(why) = compatible::class(facts, wants, &demands, &class) {
                note(why);
                continue;
            }
            let stake = goods.stake(class.pool, place.0);
            let left = self.workerpools.row(place.2).map_or(U256::ZERO, |row| row.remaining);
            if stake.is_covered(facts, wants.requester, goods.volume(wants).min(left)) {
                return Ok(place);
            }
            note(Misfit::Unstaked);
            // Later offers of the class ask as much or more: they may be of fewer tasks, but not of less than one.
            if stake.is_covered(facts, wants.requester, U256::ONE) {
                walk.iter_mut().for_each(|walk| walk.go_on(place, class));
            }
        }
        Err(Obstacle::NoWorkerpoolOrder(nearest))
    }
}

impl Goods<'_> {
    /// Tasks for which request, app and dataset orders are enough.
    pub(crate) fn volume(&self, wants: &Wants) -> U256 {
        let volume = wants.waiting.min(self.app.remaining);
        self.dataset.map_or(volume, |row| volume.min(row.remaining))
    }

    /// What they demand of the pool.
    pub(crate) fn demands(&self) -> Demands {
        Demands::of(&self.app.order, self.dataset.map(|row| &row.order))
    }

    /// What an offer of this price would have at stake.
    pub(crate) fn stake(&self, pool: Address, price: Amount) -> Stake {
        Stake { pool, price, each: self.price_with(price) }
    }

    /// What a task costs altogether; `None` where that overflows.
    pub(crate) fn price_with(&self, pool_price: Amount) -> Option<Amount> {
        let data_price = self.dataset.map_or(Amount::ZERO, |row| row.order.datasetprice);
        self.app.order.appprice.checked_add(data_price)?.checked_add(pool_price)
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
    wants: &Wants,
    goods: &Goods<'_>,
    pool_price: Amount,
    volume: U256,
    facts: &impl Facts,
) -> Result<(), Obstacle> {
    let free = facts.free(wants.requester);
    let each = goods.price_with(pool_price);
    let needed = each.and_then(|each| each.checked_mul(volume)).unwrap_or(Amount(U256::MAX));
    if needed <= free {
        return Ok(());
    }
    let affordable = each.and_then(|each| free.0.checked_div(each.0)).unwrap_or(U256::ZERO);
    Err(Obstacle::Funds { needed, free, affordable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AnyOrder;
    use crate::classes::Class;
    use orders::{RequestOrder, WorkerpoolOrder};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use units::{B256, Tag};

    /// Pools 1 to 3: the first is busy, the second's owner is poor, of the third nothing is known.
    struct World;

    impl Facts for World {
        fn is_member(&self, _: Address, _: Address) -> bool {
            false
        }

        fn free(&self, account: Address) -> Amount {
            if account == Address::repeat_byte(2) { Amount::nanos(7) } else { Amount::credits(1) }
        }

        fn room(&self, workerpool: Address) -> Option<u64> {
            (workerpool == Address::repeat_byte(1)).then_some(0)
        }

        fn pool_owner(&self, workerpool: Address) -> Option<Address> {
            Some(workerpool)
        }

        fn machines(&self, _: &WorkerpoolOrder) -> Option<u64> {
            None
        }

        fn seconds(&self, _: U256) -> Option<u64> {
            None
        }
    }

    /// What a plain search over all offers, one after the other, finds.
    fn plainly(book: &Book, wants: &Wants) -> Result<OrderHash, Obstacle> {
        let goods = book.goods(wants, &World)?;
        let misfit = |row: &Row<WorkerpoolOrder>| {
            let (order, volume) = (&row.order, goods.volume(wants).min(row.remaining));
            let stake = goods.stake(order.workerpool, order.workerpoolprice);
            if order.workerpoolprice > wants.pool_price {
                return Some(Misfit::TooDear);
            }
            compatible::class(&World, wants, &goods.demands(), &Class::of(order))
                .or_else(|| (!stake.is_covered(&World, wants.requester, volume)).then_some(Misfit::Unstaked))
        };
        // Of a class that does not fit, price aside, its dearer offers are not named as too dear.
        let mut passed = BTreeSet::new();
        let rows = book.workerpools.on(&wants.category).filter(|row| {
            let class = Class::of(&row.order);
            let known = passed.contains(&class);
            if row.order.workerpoolprice <= wants.pool_price
                && compatible::class(&World, wants, &goods.demands(), &class).is_some()
            {
                passed.insert(class);
            }
            !known
        });
        let found = first_fit(rows, misfit);
        found.map(|row| row.hash).map_err(Obstacle::NoWorkerpoolOrder)
    }

    proptest! {
        /// Passing over classes finds what looking at every offer finds, and names the same misfit.
        #[test]
        fn a_search_by_class_finds_what_a_search_by_offer_finds(
            asks in prop::collection::vec((1_u8..4, 0_u64..9, 1_u64..5, 0_u8..2, 0_u64..3, 0_u8..2), 0..60),
            gone in prop::collection::vec(0_u64..60, 0..20),
            (price, trust, tag, volume) in (0_u64..9, 0_u64..3, 0_u8..2, 1_u64..5),
        ) {
            let mut book = Book::default();
            let app = AppOrder { volume: U256::from(9), ..AppOrder::default() };
            book.insert(OrderHash::default(), AnyOrder::App(app), U256::from(9), 0);
            let name = |number: u64| OrderHash(B256::from(U256::from(number.saturating_add(1))));
            for (number, (pool, price, volume, tag, trust, mine)) in (0_u64..).zip(asks) {
                let order = WorkerpoolOrder {
                    workerpool: Address::repeat_byte(pool),
                    workerpoolprice: Amount::nanos(price),
                    tag: Tag(B256::with_last_byte(tag << 4)),
                    trust: U256::from(trust),
                    requesterrestrict: Address::repeat_byte([0, 9][usize::from(mine)]),
                    ..WorkerpoolOrder::default()
                };
                book.insert(name(number), AnyOrder::Workerpool(order), U256::from(volume), number);
            }
            gone.into_iter().for_each(|number| book.remove(name(number)));
            for requester in [2, 9, 10] {
                let order = RequestOrder {
                    requester: Address::repeat_byte(requester),
                    workerpoolmaxprice: Amount::nanos(price),
                    trust: U256::from(trust),
                    tag: Tag(B256::with_last_byte(tag << 4)),
                    ..RequestOrder::default()
                };
                let wants = Wants::of(&order, U256::from(volume));
                let goods = book.goods(&wants, &World).unwrap();
                let found = book.cheapest_offer(&wants, &goods, &World).map(|place| place.2);
                prop_assert_eq!(found, plainly(&book, &wants));
            }
        }
    }
}
