//! What a requester can change so that its request is matched at once.
//!
//! Candidates are read off the classes of offers; each is then tried: it is only offered if the search that makes matches
//! finds one for the changed request.

use crate::classes::Class;
use crate::compatible::{self, Wants};
use crate::explain::Tally;
use crate::matching::{Goods, Match, Obstacle};
use crate::stack::{Place, Stack};
use crate::{Book, Facts};
use orders::WorkerpoolOrder;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, OrderHash, Tag, U256};

/// Most fixes that are offered.
const MOST_FIXES: usize = 5;
/// Most offers beyond the price that are looked at for a raise that serves every waiting task.
const MOST_STEPS: usize = 256;

/// A change of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Pay the pool up to `to` a task, which is so much `more`; nano-credits.
    PoolPrice {
        /// The new limit.
        to: Amount,
        /// The difference.
        more: Amount,
    },
    /// Pay the app's owner up to `to` a task.
    AppPrice {
        /// The new limit.
        to: Amount,
        /// The difference.
        more: Amount,
    },
    /// Pay the data's owner up to `to` a task.
    DatasetPrice {
        /// The new limit.
        to: Amount,
        /// The difference.
        more: Amount,
    },
    /// Have so much more to spend, nano-credits.
    Deposit {
        /// What is missing for the tasks that would be matched.
        amount: Amount,
    },
    /// Ask for less trust.
    Trust {
        /// The new trust.
        to: U256,
    },
    /// Ask for another time class, of at least as much time.
    Category {
        /// The new one.
        to: U256,
    },
    /// Demand fewer capabilities.
    Tag {
        /// The new tag.
        to: Tag,
    },
    /// Let any pool work.
    AnyPool,
}

/// What would get a request matched, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// All of this together, in the order of [`Change`].
    pub changes: Vec<Change>,
    /// Tasks that would be matched at once with the first offer.
    pub matched: U256,
    /// The offers that would fit then.
    pub offers: Tally,
    /// Machines behind them, where their pools say.
    pub machines: Option<u64>,
}

impl Change {
    /// Whether the requester gets less than it asked for, rather than paying more.
    #[must_use]
    pub fn asks_less(self) -> bool {
        match self {
            Self::PoolPrice { .. } | Self::AppPrice { .. } | Self::DatasetPrice { .. } | Self::Deposit { .. } => false,
            Self::Trust { .. } | Self::Category { .. } | Self::Tag { .. } | Self::AnyPool => true,
        }
    }

    /// What it costs: of a price, a task; of a deposit, once.
    fn cost(self) -> Amount {
        match self {
            Self::PoolPrice { more, .. } | Self::AppPrice { more, .. } | Self::DatasetPrice { more, .. } => more,
            Self::Deposit { amount } => amount,
            Self::Trust { .. } | Self::Category { .. } | Self::Tag { .. } | Self::AnyPool => Amount::ZERO,
        }
    }
}

impl Fix {
    /// Whether it makes only some kinds of these changes.
    fn makes_fewer(&self, changes: &[Change]) -> bool {
        let kinds: Vec<_> = changes.iter().map(std::mem::discriminant).collect();
        self.changes.len() < kinds.len()
            && self.changes.iter().all(|change| kinds.contains(&std::mem::discriminant(change)))
    }

    /// The nearest first: fewer changes before more, those that keep what was asked for before those that ask for less, then
    /// by cost.
    fn distance(&self) -> impl Ord + use<> {
        let asks_less = self.changes.iter().any(|change| change.asks_less());
        let cost = self.changes.iter().fold(U256::ZERO, |sum, change| sum.saturating_add(change.cost().0));
        (self.changes.len(), asks_less, cost, self.changes.clone())
    }
}

/// What differs between what a request asks for and what it might.
fn changes(from: &Wants, to: &Wants) -> Vec<Change> {
    let more = |from: Amount, to: Amount| to.checked_sub(from).filter(|more| !more.is_zero());
    let prices = [
        more(from.pool_price, to.pool_price).map(|more| Change::PoolPrice { to: to.pool_price, more }),
        more(from.app_price, to.app_price).map(|more| Change::AppPrice { to: to.app_price, more }),
        more(from.dataset_price, to.dataset_price).map(|more| Change::DatasetPrice { to: to.dataset_price, more }),
        (from.trust != to.trust).then_some(Change::Trust { to: to.trust }),
        (from.category != to.category).then_some(Change::Category { to: to.category }),
        (from.tag != to.tag).then_some(Change::Tag { to: to.tag }),
        (from.pool != to.pool).then_some(Change::AnyPool),
    ];
    prices.into_iter().flatten().collect()
}

/// The nearest candidate so far for one set of changes: the least raise, then the most trust, then the shortest time.
type Nearest = (Amount, Reverse<U256>, u64, Reverse<Tag>);

impl Book {
    /// What would get a request matched that is not, the nearest first.
    pub(crate) fn fixes(&self, request: OrderHash, wants: &Wants, facts: &impl Facts) -> Vec<Fix> {
        let Some(payable) = self.with_goods(wants, facts) else { return Vec::new() };
        let Ok(goods) = self.goods(&payable, facts) else { return Vec::new() };
        let mut candidates = self.candidates(&payable, &goods, facts);
        let for_all = self.raise_for_all(&payable, &goods, facts);
        candidates.extend(for_all.filter(|candidate| !candidates.contains(candidate)));
        let mut candidates: Vec<(Vec<Change>, Wants)> =
            candidates.into_iter().map(|candidate| (changes(wants, &candidate), candidate)).collect();
        candidates.sort_by_key(|(changes, _)| changes.len());
        let mut found: Vec<Fix> = Vec::new();
        for (changes, candidate) in candidates {
            // More changes are of no use where fewer of the same kinds do.
            if !found.iter().any(|fix| fix.makes_fewer(&changes)) {
                found.extend(self.tried(request, changes, &candidate, facts));
            }
        }
        found.sort_by_cached_key(Fix::distance);
        found.truncate(MOST_FIXES);
        found
    }

    /// The same request, with prices at which app and dataset are to be had; `None` where more money does not help.
    fn with_goods(&self, wants: &Wants, facts: &impl Facts) -> Option<Wants> {
        let mut wants = *wants;
        if let Err(Obstacle::NoAppOrder(_)) = self.goods(&wants, facts) {
            let rich = Wants { app_price: Amount(U256::MAX), ..wants };
            let mut rows = self.apps.on(&wants.app);
            wants.app_price = rows.find(|row| compatible::app(facts, &rich, &row.order).is_none())?.order.appprice;
        }
        if let Err(Obstacle::NoDatasetOrder(_)) = self.goods(&wants, facts) {
            let rich = Wants { dataset_price: Amount(U256::MAX), ..wants };
            wants.dataset_price = self.goods(&rich, facts).ok()?.dataset?.order.datasetprice;
        }
        Some(wants)
    }

    /// What the request would have to ask for, for each class that can be had: the nearest of each set of changes.
    fn candidates(&self, wants: &Wants, goods: &Goods<'_>, facts: &impl Facts) -> Vec<Wants> {
        let mut nearest: BTreeMap<u8, (Nearest, Wants)> = BTreeMap::new();
        let time = facts.seconds(wants.category);
        for (category, aisle) in self.asks.all() {
            let longer = facts.seconds(category);
            if category != wants.category && (time.is_none() || longer < time) {
                continue;
            }
            for (class, stack) in aisle.classes() {
                let Some(to) = mended(wants, goods, (category, class, stack), facts) else { continue };
                let raise = to.pool_price.checked_sub(wants.pool_price).unwrap_or_default();
                let key = (raise, Reverse(to.trust), longer.unwrap_or(0), Reverse(to.tag));
                let differs = [
                    to.pool_price != wants.pool_price,
                    to.trust != wants.trust,
                    category != wants.category,
                    to.tag != wants.tag,
                    to.pool != wants.pool,
                ];
                let set = differs.into_iter().fold(0_u8, |set, differs| set << 1 | u8::from(differs));
                let best = nearest.entry(set).or_insert((key, to));
                if key < best.0 {
                    *best = (key, to);
                }
            }
        }
        nearest.into_values().map(|(_, wants)| wants).collect()
    }

    /// The request with a price at which every waiting task is served, as far as can be seen from here.
    fn raise_for_all(&self, wants: &Wants, goods: &Goods<'_>, facts: &impl Facts) -> Option<Wants> {
        let demands = goods.demands();
        let fits = |class: &Class| compatible::class(facts, wants, &demands, class).is_none();
        let stacks: Vec<&Stack> =
            self.asks.of(wants.category)?.classes().filter(|(class, _)| fits(class)).map(|(_, stack)| stack).collect();
        let waiting: u128 = wants.waiting.saturating_to();
        let mut served = stacks.iter().map(|stack| stack.upto(wants.pool_price).tasks).fold(0, u128::saturating_add);
        let mut rests: Vec<_> =
            stacks.iter().map(|stack| stack.after(stack.last_upto(wants.pool_price)).peekable()).collect();
        let mut turn: BTreeSet<(Place, usize)> = BTreeSet::new();
        for (number, rest) in rests.iter_mut().enumerate() {
            turn.extend(rest.peek().map(|(place, _)| (*place, number)));
        }
        let mut price = None;
        for _ in 0..MOST_STEPS {
            if served >= waiting {
                break;
            }
            let Some((place, number)) = turn.pop_first() else { break };
            price = Some(place.0);
            let rest = rests.get_mut(number).expect("a number in turn is of a class");
            served = served.saturating_add(rest.next().map_or(0, |(_, tasks)| tasks.into()));
            turn.extend(rest.peek().map(|(place, _)| (*place, number)));
        }
        Some(Wants { pool_price: price?, ..*wants })
    }

    /// Whether a request for this would be matched, with a deposit if that is all that is missing.
    fn tried(&self, request: OrderHash, mut changes: Vec<Change>, to: &Wants, facts: &impl Facts) -> Option<Fix> {
        let mut richer = Richer { facts, who: to.requester, by: Amount::ZERO };
        let mut found = self.propose(request, to, &richer);
        if let Err(Obstacle::Funds { needed, free, .. }) = found {
            let amount = needed.checked_sub(free)?;
            changes.push(Change::Deposit { amount });
            richer.by = amount;
            found = self.propose(request, to, &richer);
        }
        let Match { volume, .. } = found.ok()?;
        changes.sort_unstable();
        let goods = self.goods(to, &richer).ok()?;
        let survey = self.survey(to, &goods, &richer);
        let machines = survey.machines();
        (!changes.is_empty()).then_some(Fix { changes, matched: volume, offers: survey.fitting, machines })
    }
}

/// What a request would have to ask for so that a class of offers serves it; `None` where the requester cannot change that.
fn mended(
    wants: &Wants,
    goods: &Goods<'_>,
    (category, class, stack): (U256, &Class, &Stack),
    facts: &impl Facts,
) -> Option<Wants> {
    let demands = goods.demands();
    let (price, _, _) = stack.first()?;
    let tag = if demands.suit(wants, class.tag) { wants.tag } else { demands.least(wants, class.tag) };
    let to = Wants {
        category,
        tag,
        trust: wants.trust.min(class.trust),
        pool: if compatible::passes(facts, wants.pool, class.pool) { wants.pool } else { Address::ZERO },
        pool_price: wants.pool_price.max(price),
        ..*wants
    };
    let fits = compatible::class(facts, &to, &demands, class).is_none()
        && goods.stake(class.pool, price).is_covered(facts, wants.requester, U256::ONE);
    fits.then_some(to)
}

/// The facts, were somebody so much richer.
struct Richer<'a, F> {
    facts: &'a F,
    who: Address,
    by: Amount,
}

impl<F: Facts> Facts for Richer<'_, F> {
    fn is_member(&self, group: Address, who: Address) -> bool {
        self.facts.is_member(group, who)
    }

    fn free(&self, account: Address) -> Amount {
        let free = self.facts.free(account);
        let more = if account == self.who { self.by } else { Amount::ZERO };
        free.checked_add(more).unwrap_or(Amount(U256::MAX))
    }

    fn room(&self, workerpool: Address) -> Option<u64> {
        self.facts.room(workerpool)
    }

    fn pool_owner(&self, workerpool: Address) -> Option<Address> {
        self.facts.pool_owner(workerpool)
    }

    fn machines(&self, offer: &WorkerpoolOrder) -> Option<u64> {
        self.facts.machines(offer)
    }

    fn seconds(&self, category: U256) -> Option<u64> {
        self.facts.seconds(category)
    }
}
