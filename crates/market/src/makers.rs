//! Who has how many orders on the book, so that a limit on them can be held without looking at each.

use orders::OrderKind;
use std::collections::BTreeMap;
use units::{Address, OrderHash};

/// Orders at rest by who made them. Invariant: a maker's number is that of its orders here, and never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Makers {
    of: BTreeMap<OrderHash, (OrderKind, Address)>,
    open: BTreeMap<(OrderKind, Address), u64>,
}

impl Makers {
    pub(crate) fn placed(&mut self, order: OrderHash, kind: OrderKind, maker: Address) {
        self.removed(order);
        self.of.insert(order, (kind, maker));
        let open = self.open.entry((kind, maker)).or_default();
        *open = open.saturating_add(1);
    }

    pub(crate) fn removed(&mut self, order: OrderHash) {
        let Some(maker) = self.of.remove(&order) else { return };
        if let Some(open) = self.open.get_mut(&maker) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&maker);
            }
        }
    }

    pub(crate) fn open(&self, kind: OrderKind, maker: Address) -> u64 {
        self.open.get(&(kind, maker)).copied().unwrap_or_default()
    }
}
