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

/// What a look at a category's resting requests found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look<'a> {
    /// Those whose app and dataset are on offer, in the order in which they are served.
    pub wants: Vec<Want<'a>>,
    /// Those in between whose app or dataset is not; for [`Book::leave_out`], so that they are not looked at again.
    pub without: Vec<OrderHash>,
    /// Whether the look was ended early: there are more to look at once these are left out.
    pub more: bool,
}

/// Most requests without their app or dataset that one look finds.
const MOST_WITHOUT: usize = 4_096;

impl Book {
    /// Looks for the first `most` requests of a category whose app and dataset are on offer.
    pub fn look(&self, category: U256, most: usize, facts: &impl Facts) -> Look<'_> {
        let mut look = Look { wants: Vec::new(), without: Vec::new(), more: false };
        for hash in self.prospects.line(category) {
            if look.wants.len() >= most {
                break;
            }
            if look.without.len() >= MOST_WITHOUT {
                look.more = true;
                break;
            }
            match self.want(hash, facts) {
                Some(want) => look.wants.push(want),
                None => look.without.push(hash),
            }
        }
        look
    }

    /// What a resting request wants, if its app and dataset are on offer to it.
    fn want(&self, request: OrderHash, facts: &impl Facts) -> Option<Want<'_>> {
        let row = self.requests.row(request)?;
        let wants = Wants::of(&row.order, row.remaining);
        let goods = self.goods(&wants, facts).ok()?;
        let beside = goods.price_with(Amount::ZERO)?;
        let (tag, tasks) = (goods.demands().tag(&wants), goods.volume(&wants));
        Some(Want { request, order: &row.order, tag, beside, tasks })
    }
}
