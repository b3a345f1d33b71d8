//! Why a request is not (fully) matched, as counts by cause and the nearest fix.

use crate::compatible::{self, Misfit};
use crate::matching::Obstacle;
use crate::{Book, Facts};
use std::collections::BTreeMap;
use units::{Amount, OrderHash, U256};

/// How a resting request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Tasks not yet matched.
    pub waiting: U256,
    /// What stands in the way of the next match; `None`: it will be matched at once.
    pub obstacle: Option<Obstacle>,
    /// Offers of computing in its category that would serve it.
    pub fitting: u64,
    /// Offers passed over, by cause. Those of other categories are [`Cause::Category`].
    pub passed_over: BTreeMap<Cause, u64>,
    /// The least raise of the pool's price that would make a too dear offer fit, nano-credits a task.
    pub raise: Option<Amount>,
}

/// Why an offer was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is of another time class.
    Category,
    /// It is of this time class, but does not fit.
    Misfit(Misfit),
}

impl Book {
    /// Explains a resting request; `None` when it is not on the book.
    #[must_use]
    pub fn explain(&self, request: OrderHash, facts: &impl Facts) -> Option<Explanation> {
        let bid = self.requests.row(request)?;
        let mut explanation = Explanation {
            waiting: bid.remaining,
            obstacle: self.best(request, facts).err(),
            fitting: 0,
            passed_over: BTreeMap::new(),
            raise: None,
        };
        let Ok(goods) = self.goods(&bid.order, facts) else { return Some(explanation) };
        let dataset = goods.dataset.map(|row| &row.order);
        let mut in_category = 0_usize;
        for ask in self.workerpools.on(&bid.order.category) {
            in_category = in_category.saturating_add(1);
            let Some(misfit) = goods.misfit(bid, ask, facts) else {
                explanation.fitting = explanation.fitting.saturating_add(1);
                continue;
            };
            let count = explanation.passed_over.entry(Cause::Misfit(misfit)).or_default();
            *count = count.saturating_add(1);
            let affordable =
                orders::RequestOrder { workerpoolmaxprice: ask.order.workerpoolprice, ..bid.order.clone() };
            let fits_for_more = misfit == Misfit::TooDear
                && explanation.raise.is_none()
                && compatible::workerpool(facts, &affordable, &goods.app.order, dataset, &ask.order).is_none();
            if fits_for_more {
                explanation.raise = ask.order.workerpoolprice.checked_sub(bid.order.workerpoolmaxprice);
            }
        }
        let elsewhere = self.workerpools.len().saturating_sub(in_category);
        if elsewhere > 0 {
            let elsewhere = u64::try_from(elsewhere).expect("a count of orders fits 64 bits");
            explanation.passed_over.insert(Cause::Category, elsewhere);
        }
        Some(explanation)
    }
}
