//! Why a request is not (fully) matched: offers passed over by cause, and what would help.
//!
//! Both are read off the classes of offers, never off every offer, so an explanation costs a look at each class.

use crate::classes::Class;
use crate::compatible::{self, Misfit, Wants};
use crate::fix::{Change, Fix};
use crate::matching::{Goods, Obstacle};
use crate::stack::Stack;
use crate::{Book, Facts};
use std::collections::BTreeMap;
use units::{Address, Amount, OrderHash, U256};

/// Offers, and the tasks left in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many orders.
    pub offers: u64,
    /// How many tasks they would run; of one order at most 2⁶⁴ − 1 are counted.
    pub tasks: u128,
}

/// How a resting request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Tasks not yet matched.
    pub waiting: U256,
    /// What stands in the way of the next match; `None`: it will be matched at once.
    pub obstacle: Option<Obstacle>,
    /// Offers of computing in its category that would serve it.
    pub fitting: Tally,
    /// Offers passed over, by cause. Those of other categories are [`Cause::Category`].
    pub passed_over: BTreeMap<Cause, Tally>,
    /// What the requester can do to be matched at once, the nearest first; none where nothing stands in the way.
    pub fixes: Vec<Fix>,
}

/// Why an offer was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is of another time class.
    Category,
    /// It is of this time class, but does not fit.
    Misfit(Misfit),
}

impl Tally {
    pub(crate) fn count(&mut self, tasks: u64) {
        self.add(Self { offers: 1, tasks: tasks.into() });
    }

    pub(crate) fn take(&mut self, tasks: u64) {
        *self = self.without(Self { offers: 1, tasks: tasks.into() });
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.offers = self.offers.saturating_add(other.offers);
        self.tasks = self.tasks.saturating_add(other.tasks);
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self { offers: self.offers.saturating_sub(other.offers), tasks: self.tasks.saturating_sub(other.tasks) }
    }
}

impl Explanation {
    /// The least raise of the pool's price that alone would get a match, nano-credits a task.
    #[must_use]
    pub fn raise(&self) -> Option<Amount> {
        self.fixes.iter().find_map(|fix| match fix.changes.as_slice() {
            [Change::PoolPrice { more, .. }] => Some(*more),
            _ => None,
        })
    }
}

/// What a category has for a request.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) fitting: Tally,
    passed_over: BTreeMap<Misfit, Tally>,
    /// Machines behind what fits, by pool, of pools that say.
    machines: BTreeMap<Address, u64>,
}

impl Survey {
    fn pass_over(&mut self, why: Misfit, offers: Tally) {
        if offers.offers > 0 {
            self.passed_over.entry(why).or_default().add(offers);
        }
    }

    pub(crate) fn machines(&self) -> Option<u64> {
        (!self.machines.is_empty()).then(|| self.machines.values().copied().fold(0, u64::saturating_add))
    }
}

impl Book {
    /// Explains a resting request; `None` when it is not on the book.
    #[must_use]
    pub fn explain(&self, request: OrderHash, facts: &impl Facts) -> Option<Explanation> {
        let bid = self.requests.row(request)?;
        let wants = Wants::of(&bid.order, bid.remaining);
        let obstacle = self.propose(request, &wants, facts).err();
        let survey = self.goods(&wants, facts).map(|goods| self.survey(&wants, &goods, facts)).unwrap_or_default();
        let fixes = if obstacle.is_some() { self.fixes(request, &wants, facts) } else { Vec::new() };
        let mut passed_over: BTreeMap<Cause, Tally> =
            survey.passed_over.iter().map(|(why, offers)| (Cause::Misfit(*why), *offers)).collect();
        let mut elsewhere = Tally::default();
        for (_, aisle) in self.asks.all().filter(|(category, _)| *category != wants.category) {
            aisle.classes().for_each(|(_, stack)| elsewhere.add(stack.sum()));
        }
        if elsewhere.offers > 0 {
            passed_over.insert(Cause::Category, elsewhere);
        }
        Some(Explanation { waiting: bid.remaining, obstacle, fitting: survey.fitting, passed_over, fixes })
    }

    /// What the request's category has for it.
    pub(crate) fn survey(&self, wants: &Wants, goods: &Goods<'_>, facts: &impl Facts) -> Survey {
        let mut survey = Survey::default();
        let demands = goods.demands();
        for (class, stack) in self.asks.of(wants.category).into_iter().flat_map(crate::classes::Aisle::classes) {
            let within = stack.upto(wants.pool_price);
            survey.pass_over(Misfit::TooDear, stack.sum().without(within));
            if within.offers == 0 {
                continue;
            }
            if let Some(why) = compatible::class(facts, wants, &demands, class) {
                survey.pass_over(why, within);
                continue;
            }
            let dearest = stack.last_upto(wants.pool_price);
            let all = dearest.is_some_and(|dearest| {
                goods.stake(class.pool, dearest.0).is_covered(facts, wants.requester, goods.volume(wants))
            });
            let staked = if all { within } else { staked(wants, goods, (class, stack), facts) };
            survey.pass_over(Misfit::Unstaked, within.without(staked));
            survey.fitting.add(staked);
            let terms = dearest.filter(|_| staked.offers > 0).map(|dearest| class.terms(wants.category, dearest.0));
            if let Some(machines) = terms.and_then(|terms| facts.machines(&terms)) {
                let most = survey.machines.entry(class.pool).or_default();
                *most = machines.max(*most);
            }
        }
        survey
    }
}

/// Those of a class's offers within the price for which the pool's owner can stake.
fn staked(wants: &Wants, goods: &Goods<'_>, (class, stack): (&Class, &Stack), facts: &impl Facts) -> Tally {
    let covered =
        |price: Amount, volume: U256| goods.stake(class.pool, price).is_covered(facts, wants.requester, volume);
    let mut staked = Tally::default();
    let within = stack.after(None).take_while(|(place, _)| place.0 <= wants.pool_price);
    for (place, tasks) in within.take_while(|(place, _)| covered(place.0, U256::ONE)) {
        if covered(place.0, goods.volume(wants).min(U256::from(tasks))) {
            staked.count(tasks);
        }
    }
    staked
}
