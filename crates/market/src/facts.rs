//! What the book asks: membership, money, capacity.

use crate::Market;
use crate::supply::Supply;
use dispatch::Dispatch;
use exchange::Exchange;
use units::{Address, Amount};

/// The book's view of everything else.
pub(crate) struct MarketFacts<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) dispatch: &'a Dispatch,
    pub(crate) supply: &'a Supply,
}

impl Market {
    pub(crate) fn facts(&self) -> MarketFacts<'_> {
        MarketFacts { exchange: &self.exchange, dispatch: &self.dispatch, supply: &self.supply }
    }
}

impl book::Facts for MarketFacts<'_> {
    fn is_member(&self, group: Address, who: Address) -> bool {
        self.exchange.hub().satisfies(group, who)
    }

    fn free(&self, account: Address) -> Amount {
        self.exchange.account(account).free
    }

    fn room(&self, workerpool: Address) -> Option<u64> {
        self.exchange.genesis().hosted(workerpool)?;
        Some(self.supply.room(workerpool, self.dispatch))
    }

    fn pool_owner(&self, workerpool: Address) -> Option<Address> {
        self.exchange.hub().owner_of(workerpool)
    }
}
