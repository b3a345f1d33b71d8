//! Who would buy what, for whoever sells.

use crate::compatible::Wants;
use crate::{Book, Facts};
use orders::RequestOrder;
use units::{Amount, OrderHash, Tag, U256};

/// A resting request that could be matched if there were an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want<'a> {
    /// Its hash.
    pub request: OrderHash,
    /// Its terms.
    pub order: &'a RequestOrder,
    /// What all of its orders demand of the pool.
    pub tag: Tag,
    /// What a task costs beside the pool's price, nano-credits.
    pub beside: Amount,
    /// Tasks for which request, app and dataset orders are enough.
    pub tasks: U256,
}

impl Book {
    /// The resting requests of a category whose app and dataset are on offer, in the order in which they are served.
    pub fn wants<'a>(&'a self, category: U256, facts: &'a impl Facts) -> impl Iterator<Item = Want<'a>> {
        self.requests.on(&category).filter_map(|row| {
            let wants = Wants::of(&row.order, row.remaining);
            let goods = self.goods(&wants, facts).ok()?;
            let beside = goods.price_with(Amount::ZERO)?;
            let (tag, tasks) = (goods.demands().tag(&wants), goods.volume(&wants));
            Some(Want { request: row.hash, order: &row.order, tag, beside, tasks })
        })
    }
}
