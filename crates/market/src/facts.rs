//! What the book asks: membership, money, capacity.

use crate::Market;
use crate::fleet::Fleet;
use crate::supply::{Supply, least_pay};
use exchange::Exchange;
use orders::WorkerpoolOrder;
use units::{Address, Amount, U256};

/// The book's view of everything else.
pub(crate) struct MarketFacts<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) supply: &'a Supply,
    pub(crate) fleet: &'a Fleet,
}

impl Market {
    pub(crate) fn facts(&self) -> MarketFacts<'_> {
        MarketFacts { exchange: &self.exchange, supply: &self.supply, fleet: &self.fleet }
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
        self.exchange.is_hosted(workerpool).then(|| self.supply.room(workerpool))
    }

    fn pool_owner(&self, workerpool: Address) -> Option<Address> {
        self.exchange.hub().owner_of(workerpool)
    }

    fn machines(&self, offer: &WorkerpoolOrder) -> Option<u64> {
        if !self.exchange.is_hosted(offer.workerpool) {
            return None;
        }
        let pay = self.supply.worth(offer).or_else(|| {
            let share = self.exchange.hub().policy(offer.workerpool)?.scheduler_reward_ratio;
            Some(least_pay(offer.workerpoolprice, offer.trust.saturating_to(), share))
        })?;
        Some(self.fleet.behind(offer, pay))
    }

    fn seconds(&self, category: U256) -> Option<u64> {
        let category = units::CategoryId(u64::try_from(category).ok()?);
        self.exchange.hub().category(category).map(|category| category.seconds)
    }
}
