//! Which orders should stand, and what it takes to get there.

use super::Supply;
use super::auction::{self, Bid, Stock};
use super::crew::{self, Class, Level};
use super::load::Alike;
use super::measure::Kind;
use super::rung::{self, Ask, HORIZON_MS, Place, Rung, Span, Stand, sell_order};
use exchange::Exchange;
use orders::WorkerpoolOrder;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, OrderHash, Tag, Timestamp, U256};

/// A resting request that could be matched if there were an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) requester: Address,
    pub(crate) app: Address,
    /// The pool it wants, or a group of them; zero: any.
    pub(crate) pool: Address,
    pub(crate) trust: u64,
    pub(crate) tag: Tag,
    /// What it pays a pool at the most.
    pub(crate) price: Amount,
    /// What a task costs it beside.
    pub(crate) beside: Amount,
    pub(crate) tasks: u64,
    /// Workers who get no more of it.
    pub(crate) out: BTreeSet<Address>,
}

/// What is to be done so that every rung stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renewal {
    /// To be signed and placed; for a pool of others offered in its owner's name.
    pub(crate) offers: Vec<WorkerpoolOrder>,
    /// Resting orders to withdraw, each with its pool's owner.
    pub(crate) withdrawn: Vec<(OrderHash, Address)>,
}

/// What a pool's rungs of a category are reckoned from.
struct Market<'a> {
    exchange: &'a Exchange,
    pool: Address,
    category: u64,
    /// Longest that a task may take, milliseconds.
    limit: u64,
    /// What the pool's owner can stake.
    purse: Amount,
    /// What may be paid beside PoCo for tasks that are not sold yet.
    beside: Amount,
    marginal: Amount,
    wants: &'a [Wanted],
}

impl Wanted {
    /// How many tasks its requester can pay for at this price.
    fn affords(&self, exchange: &Exchange, price: Amount) -> u64 {
        let each = self.beside.checked_add(price).unwrap_or(Amount(U256::MAX));
        let free = exchange.account(self.requester).free;
        free.0.checked_div(each.0).map_or(u64::MAX, |tasks| tasks.saturating_to())
    }

    fn takes(&self, exchange: &Exchange, pool: Address) -> bool {
        self.pool.is_zero() || self.pool == pool || exchange.hub().satisfies(self.pool, pool)
    }
}

impl Supply {
    /// What it takes so that every rung stands as it should. `wants` are the resting requests by category, as they are served.
    pub(crate) fn renew(&mut self, at: Timestamp, exchange: &Exchange, wants: &BTreeMap<u64, Vec<Wanted>>) -> Renewal {
        let mut renewal = Renewal::default();
        if !self.is_stirred(at) {
            return renewal;
        }
        (self.stirred, self.due) = (false, None);
        self.withheld = false;
        self.filled.clear();
        // What was not signed in its turn never will be.
        let lost = |stand: &Stand| matches!(stand.place, Place::Offered(_, when) if when < at);
        self.rungs.retain(|_, stand| !lost(stand));
        let owner_of = |pool: Address| exchange.hub().owner_of(pool);
        for (order, pool) in std::mem::take(&mut self.stale) {
            renewal.withdrawn.extend(owner_of(pool).map(|owner| (order, owner)));
        }
        let pools: Vec<Address> = self.crews.keys().copied().filter(|pool| exchange.sells_for(*pool)).collect();
        let pools: Vec<(Address, Amount, Amount)> = pools
            .into_iter()
            .map(|pool| {
                self.reckon(at, exchange, pool);
                let purse = owner_of(pool).map(|owner| exchange.account(owner).free).unwrap_or_default();
                (pool, purse, self.beside(exchange, pool))
            })
            .collect();
        let mut desired = BTreeMap::new();
        for (category, class) in (0_u64..).zip(exchange.categories()) {
            let wants = wants.get(&category).map_or(&[][..], Vec::as_slice);
            let marginal = self.marginal(exchange, category, wants);
            for (pool, purse, beside) in pools.iter().copied() {
                let limit = class.seconds.saturating_mul(1_000);
                let market = Market { exchange, pool, category, limit, purse, beside, marginal, wants };
                self.desire(&market, &mut desired);
            }
        }
        let gone: Vec<Rung> = self.rungs.keys().filter(|rung| !desired.contains_key(rung)).copied().collect();
        for rung in gone {
            self.withdraw(rung, owner_of(rung.pool), &mut renewal);
        }
        for (rung, ask) in desired {
            match self.rungs.get(&rung) {
                Some(stand) if stand.ask == ask => continue,
                Some(_) => self.withdraw(rung, owner_of(rung.pool), &mut renewal),
                None => {}
            }
            self.offered = self.offered.saturating_add(1);
            let order = sell_order((at, self.offered), rung, &ask);
            self.by_salt.insert(order.salt, rung);
            self.rungs.insert(rung, Stand { place: Place::Offered(order.salt, at), ask });
            renewal.offers.push(order);
        }
        self.stirred |= !renewal.offers.is_empty();
        renewal
    }

    /// Takes a rung's order off.
    fn withdraw(&mut self, rung: Rung, owner: Option<Address>, renewal: &mut Renewal) {
        match self.rungs.remove(&rung).map(|stand| stand.place) {
            Some(Place::Resting(order)) => {
                self.by_order.remove(&order);
                renewal.withdrawn.extend(owner.map(|owner| (order, owner)));
            }
            Some(Place::Offered(salt, _)) => {
                self.by_salt.remove(&salt);
            }
            None => {}
        }
    }

    /// Reckons again what a pool's workers sell, if it is time to.
    fn reckon(&mut self, at: Timestamp, exchange: &Exchange, pool: Address) {
        let Some(rules) = self.rules(exchange, pool) else { return };
        let Some(crew) = self.crews.get_mut(&pool) else { return };
        let Some(due) = crew.due(at, rules) else { return };
        if due > at {
            self.due = self.due.into_iter().chain([due]).min();
            return;
        }
        let has = |worker| {
            let account = exchange.account(worker);
            account.free.checked_add(account.locked).expect("all money can be counted")
        };
        (crew.changes, crew.reckoned) = (0, Some((at, rules)));
        let categories = (0_u64..).zip(exchange.categories());
        let (members, prices) = (crew.members.all(), &mut crew.prices);
        crew.served.clear();
        for member in members.values() {
            let power = crew.served.entry(member.categories).or_default();
            *power = power.saturating_add(member.power());
        }
        let served = |category| crew.served.keys().any(|works| crew::works_in(*works, category));
        let levels = categories
            .filter(|(category, _)| served(*category))
            .map(|(category, _)| (category, crew::levels(members, category, &rules, prices, &has)));
        crew.levels = levels.collect();
    }

    /// What may be paid beside PoCo for a pool once every task that is sold has taken a worker's pay of it. The exchange's own
    /// pools owe what they cannot pay.
    fn beside(&self, exchange: &Exchange, pool: Address) -> Amount {
        if exchange.genesis().hosted(pool).is_some() {
            return Amount(U256::MAX);
        }
        let each = |(sold, awaited): (&Alike, u64)| sold.pay.0.saturating_mul(U256::from(awaited));
        let sold = self.loads.of(pool).map(each).fold(U256::ZERO, U256::saturating_add);
        Amount(exchange.may_pay(pool).0.saturating_sub(sold))
    }

    pub(super) fn levels_of(&self, pool: Address, category: u64) -> &[Level] {
        self.crews.get(&pool).and_then(|crew| crew.levels.get(&category)).map_or(&[], Vec::as_slice)
    }

    /// What machines of this category are paid at the least, by the highest bid that goes unserved.
    fn marginal(&self, exchange: &Exchange, category: u64, wants: &[Wanted]) -> Amount {
        let mut stocks: BTreeMap<Amount, u64> = BTreeMap::new();
        for pool in self.crews.keys() {
            let mut before = 0_u64;
            for level in self.levels_of(*pool, category) {
                let machines = level.slots.max(level.power.div_ceil(crew::FULL_SPEED));
                let units = machines.saturating_mul(HORIZON_MS);
                let stock = stocks.entry(level.floor).or_default();
                *stock = stock.saturating_add(units.saturating_sub(before));
                before = units;
            }
        }
        let mut whole = 0_u64;
        let stocks: Vec<Stock> = stocks
            .into_iter()
            .map(|(floor, units)| {
                whole = whole.saturating_add(units);
                Stock { floor, units: whole }
            })
            .collect();
        let bid = |want: &Wanted| {
            let classes = self
                .crews
                .keys()
                .filter(|pool| want.takes(exchange, **pool))
                .filter_map(|pool| Some((*pool, class_of(self.levels_of(*pool, category).last()?, want)?)));
            let (pool, class) = classes.min_by_key(|(_, class)| class.factor)?;
            let kind = Kind { pool, app: want.app, requester: want.requester };
            let each = self.span(kind, HORIZON_MS).likely().saturating_mul(class.replicas);
            let tasks = want.tasks.min(want.affords(exchange, want.price));
            let rate = crew::rate(want.price, class.factor);
            Some(Bid { requester: want.requester, rate, units: tasks.saturating_mul(each) })
        };
        let bids: Vec<Bid> = wants.iter().filter_map(bid).collect();
        auction::marginal(&bids, &stocks).unwrap_or_default()
    }

    /// The rungs that a pool should have in a category, and what they ask. What stands and will do stays as it is.
    fn desire(&mut self, market: &Market<'_>, desired: &mut BTreeMap<Rung, Ask>) {
        let levels = self.levels_of(market.pool, market.category).to_vec();
        let mut held_back = false;
        for (at, level) in levels.iter().enumerate() {
            let above = levels.get(at.saturating_add(1));
            if above.is_some_and(|above| above.floor <= market.marginal) {
                // Those of the next level are paid no more.
                continue;
            }
            for class in &level.classes {
                let (pool, category) = (market.pool, market.category);
                let rung = Rung { pool, category, trust: class.trust, tag: class.tag, floor: level.floor };
                let front = market.front(level, class);
                let Some(ask) = self.reckon_ask(market, &rung, (level, class), front) else { continue };
                if ask.pay > market.beside {
                    // Whoever checks or stands witness could not be paid.
                    held_back = true;
                    continue;
                }
                let stays = self.rungs.get(&rung).map(|stand| stand.ask).filter(|old| {
                    let fits = old.only.is_none_or(|only| front.is_some_and(|want| want.kind(pool) == only));
                    let cap = market.cap(&ask, front);
                    let taken = front.map_or(old.volume, |want| old.volume.min(want.tasks));
                    let known = front.and_then(|want| self.measures.times(want.kind(pool)));
                    let most = rung::most(&level.team(class), Span { limit: market.limit, known });
                    let can = taken <= most && old.volume <= ask.volume.saturating_mul(2);
                    old.price == ask.price && fits && can && taken <= cap.max(1)
                });
                let ask = stays.unwrap_or(ask);
                if let Some(want) = front
                    && above.is_some()
                {
                    let span = self.span(want.kind(pool), market.limit);
                    let room = self.room_for(&rung, &levels, (span, &want.out));
                    if room < ask.volume.min(want.tasks) || self.is_left(&rung, &levels, want) {
                        // A dearer level may serve it, and is not passed a cheaper offer over for.
                        held_back = true;
                        continue;
                    }
                }
                desired.insert(rung, ask);
            }
        }
        self.withheld |= held_back;
    }

    /// What a rung asks for whoever is next to be served by it.
    fn reckon_ask(
        &self,
        market: &Market<'_>,
        rung: &Rung,
        (level, class): (&Level, &Class),
        front: Option<&Wanted>,
    ) -> Option<Ask> {
        let known = front.map(|want| want.kind(market.pool));
        let anybody = rung::volume(&level.team(class), Span { limit: market.limit, known: None });
        let theirs = front.map_or(anybody, |want| {
            let span = self.span(want.kind(market.pool), market.limit);
            self.team(rung, level, &want.out).map_or(0, |team| rung::volume(&team, span))
        });
        let only = known.filter(|_| theirs > anybody);
        let limited = front.is_some_and(|want| !want.out.is_empty());
        let volume = if only.is_some() || limited { theirs } else { anybody };
        let ask = rung::ask(level, class, market.marginal, volume, only);
        // A rung whose stake or price nobody has now stays to say so.
        let capped = volume.min(market.cap(&ask, front).max(1));
        (volume > 0).then_some(Ask { volume: capped, ..ask })
    }
}

impl Wanted {
    pub(super) fn kind(&self, pool: Address) -> Kind {
        Kind { pool, app: self.app, requester: self.requester }
    }
}

impl Market<'_> {
    /// Who is next to be served by a class of a level: no lower class would do for it.
    fn front(&self, level: &Level, class: &Class) -> Option<&Wanted> {
        let price = crew::price(self.marginal.max(level.floor), class.factor);
        self.wants.iter().find(|want| {
            want.price >= price
                && class_of(level, want).is_some_and(|fit| fit == class)
                && want.takes(self.exchange, self.pool)
                && want.affords(self.exchange, price) > 0
        })
    }

    /// How many tasks at this price the pool's owner can stake for, checks of which can be paid, and who is next can pay for.
    fn cap(&self, ask: &Ask, front: Option<&Wanted>) -> u64 {
        let of = |sum: Amount, each: Amount| sum.0.checked_div(each.0).map_or(u64::MAX, |tasks| tasks.saturating_to());
        let staked = of(self.purse, crew::stake(ask.price, poco::WORKERPOOL_STAKE_RATIO)).min(of(self.beside, ask.pay));
        front.map_or(staked, |want| staked.min(want.affords(self.exchange, ask.price)))
    }
}

/// The least class of a level that will do for a request.
fn class_of<'a>(level: &'a Level, want: &Wanted) -> Option<&'a Class> {
    let fits = |class: &&Class| class.trust >= want.trust && want.tag.is_subset_of(class.tag);
    level.classes.iter().filter(fits).min_by_key(|class| (class.factor, class.trust, class.tag))
}
