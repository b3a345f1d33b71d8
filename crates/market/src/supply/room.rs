//! How much room a rung's workers have for more: by what is sold and not done, and by what they have in hand.
//!
//! What is sold is counted over whole levels, since it is not known who will do it. Of few workers it is also looked at what they
//! have in hand: who would have a task wait for long behind that is given none ([`Supply::take_up`]), so that a deal of minutes is
//! sold only while enough machines are not taken up with hours, or it would run out before they are.

use super::crew::{self, Level, Team};
use super::load::Alike;
use super::rung::{HORIZON_MS, Rung, Span, capacity, usable};
use super::stand::Wanted;
use super::{Supply, class_for};
use dispatch::newcomers_needed;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, OrderHash};

/// A level without those who get no more of a job counts where so many thousandths of a machine are left for each replica.
const LEAST_LANES: u64 = 500;

impl Supply {
    /// Whether what is wanted may be matched with an order now: with a rung's only while its workers have room for it, and no
    /// cheaper rung waits to be offered again.
    pub(crate) fn admits(&self, order: OrderHash, want: &Wanted, limit: u64) -> bool {
        let Some(rung) = self.by_order.get(&order) else { return true };
        if self.filled.contains(&(rung.pool, rung.category)) {
            return false;
        }
        let levels = self.levels_of(rung.pool, rung.category);
        let span = self.span(want.kind(rung.pool), limit);
        let class = levels.iter().find(|level| level.floor == rung.floor).and_then(|it| it.class(rung.trust, rung.tag));
        class.is_some()
            && !self.is_left(rung, levels, want)
            && want.tasks <= self.room_for(rung, levels, (span, &want.out))
    }

    /// Whether an order is to leave the book for what is wanted: those of its rung who may still have tasks of that job cannot
    /// do it, and a dearer rung's can, for no more than it pays.
    pub(crate) fn leaves(&self, order: OrderHash, want: &Wanted) -> bool {
        let rung = self.by_order.get(&order);
        rung.is_some_and(|rung| self.is_left(rung, self.levels_of(rung.pool, rung.category), want))
    }

    pub(super) fn is_left(&self, rung: &Rung, levels: &[Level], want: &Wanted) -> bool {
        let can = |level: &Level| self.without(rung, level, &want.out).is_some();
        let affords = |level: &&Level| {
            let class = level.class(rung.trust, rung.tag);
            class.is_some_and(|class| crew::price(level.floor, class.factor) <= want.price)
        };
        let own = levels.iter().find(|level| level.floor == rung.floor);
        let above = levels.iter().filter(|level| level.floor > rung.floor).filter(affords);
        !want.out.is_empty() && own.is_some_and(|level| !can(level)) && above.into_iter().any(can)
    }

    /// How many tasks of a job a rung's workers have room for, who are not out of it. A deal at one floor may take the machines
    /// of all lower ones, so none of the levels from its own up may have more than its workers can do.
    pub(super) fn room_for(&self, rung: &Rung, levels: &[Level], (span, out): (Span, &BTreeSet<Address>)) -> u64 {
        let mut room = u64::MAX;
        let mut lanes = None;
        for (at, level) in levels.iter().enumerate().filter(|(_, level)| level.floor >= rung.floor) {
            let above = levels.get(at.saturating_add(1)).map(|level| level.floor);
            let Some(mut team) = self.team(rung, level, out) else { continue };
            // Above its own level there may be more, but its task is for those who work for its price.
            team.lanes = *lanes.get_or_insert(team.lanes);
            let counts = |sold: &Alike| above.is_none_or(|above| sold.pay < above);
            room = room.min(self.room_of(&team, rung, levels, span, &counts));
            if level.floor == rung.floor
                && let Some(taken_up) = self.taken_up_of(rung, level)
            {
                // What takes longer is with those who are taken up.
                let counts = |sold: &Alike| counts(sold) && sold.limit <= span.limit;
                let rest = self.without(rung, level, &taken_up);
                let rest = rest.and_then(|_| self.without(rung, level, &out.union(&taken_up).copied().collect()));
                room = room.min(rest.map_or(0, |team| self.room_of(&team, rung, levels, span, &counts)));
            }
        }
        room
    }

    /// How many tasks a team has room for, beside what was sold that counts.
    fn room_of(&self, team: &Team, rung: &Rung, levels: &[Level], span: Span, counts: &impl Fn(&Alike) -> bool) -> u64 {
        let none = BTreeMap::new();
        let served = self.crews.get(&rung.pool).map_or(&none, |crew| &crew.served);
        let power = team.power.min(team.lanes.saturating_mul(team.replicas));
        let mut sure = capacity(power, usable(span.limit));
        let (mut slots, mut soon) = (team.slots, capacity(team.power, HORIZON_MS));
        for (sold, awaited) in self.loads.of(rung.pool).filter(|(sold, _)| counts(sold)) {
            let theirs = self.span(sold.kind, sold.limit);
            let runs = awaited.saturating_mul(self.replicas(sold.trust, levels));
            let runs = runs.saturating_mul(crew::shared(served, sold.category, rung.category)).div_ceil(1_000);
            sure = sure.saturating_sub(runs.saturating_mul(theirs.surely().min(usable(span.limit))));
            slots = slots.saturating_sub(runs);
            soon = soon.saturating_sub(runs.saturating_mul(theirs.likely()));
        }
        let held = slots.checked_div(team.replicas).expect("one at least");
        let quick = span
            .known
            .map_or(0, |_| soon.checked_div(team.replicas.saturating_mul(span.likely())).expect("a time is not zero"));
        let surely = sure.checked_div(team.replicas.saturating_mul(span.surely())).expect("a time is not zero");
        held.max(quick).min(surely)
    }

    /// Who is taken up, of each pool of few workers; whether that is otherwise than before.
    pub(crate) fn take_up(&mut self, is_taken_up: impl Fn(Address, u64) -> bool, categories: u64) -> bool {
        let few = self.crews.values().filter(|crew| crew.members.count() <= crew::FEW);
        let workers = few.flat_map(|crew| crew.members.all());
        let in_which = |worker: Address, works: u64| {
            let works = (0..categories).filter(|category| crew::works_in(works, *category));
            works.filter(|category| is_taken_up(worker, *category)).fold(0, |all, category| all | crew::bit(category))
        };
        let taken_up: BTreeMap<Address, u64> = workers
            .map(|(worker, member)| (*worker, in_which(*worker, member.categories)))
            .filter(|(_, categories)| *categories != 0)
            .collect();
        let other = taken_up != self.taken_up;
        self.taken_up = taken_up;
        self.stirred |= other && self.withheld;
        other
    }

    /// Those of a level who are taken up; `None` where nobody is.
    fn taken_up_of(&self, rung: &Rung, level: &Level) -> Option<BTreeSet<Address>> {
        let few = &level.class(rung.trust, rung.tag)?.few;
        let is = |worker: &&Address| {
            self.taken_up.get(*worker).is_some_and(|categories| crew::works_in(*categories, rung.category))
        };
        let taken_up: BTreeSet<Address> = few.iter().filter(is).copied().collect();
        (!taken_up.is_empty()).then_some(taken_up)
    }

    /// A level's workers for a rung's class, without those who get no more of a job; all, where too few others are left: whoever
    /// is next and has nobody else is not passed over for those behind it, so that it must have a chance.
    pub(super) fn team(&self, rung: &Rung, level: &Level, out: &BTreeSet<Address>) -> Option<Team> {
        self.without(rung, level, out).or_else(|| Some(level.team(level.class(rung.trust, rung.tag)?)))
    }

    /// A level's workers for a rung's class, without those who get no more of a job; `None` where those left are not enough.
    fn without(&self, rung: &Rung, level: &Level, out: &BTreeSet<Address>) -> Option<Team> {
        let class = level.class(rung.trust, rung.tag)?;
        let mut team = level.team(class);
        let Some(crew) = self.crews.get(&rung.pool).filter(|_| !out.is_empty()) else { return Some(team) };
        for member in out.iter().filter_map(|worker| crew.members.get(*worker)) {
            if member.takes(rung.category, level.floor) {
                team.power = team.power.saturating_sub(member.power());
                team.slots = team.slots.saturating_sub(member.slots);
            }
        }
        if class.few.is_empty() {
            team.lanes = team.lanes.saturating_mul(team.power).checked_div(level.power).unwrap_or_default();
        } else {
            let left = class.few.iter().filter(|it| !out.contains(*it)).filter_map(|it| crew.members.get(*it));
            let (_, rules) = crew.reckoned.as_ref()?;
            let (replicas, lanes) = crew::serve(left, class.trust, rules)?;
            team.replicas = team.replicas.max(replicas);
            team.lanes = lanes;
        }
        (team.lanes >= LEAST_LANES).then_some(team)
    }

    fn replicas(&self, trust: u64, levels: &[Level]) -> u64 {
        let class = levels.last().and_then(|level| class_for(level, trust));
        class.map_or_else(|| newcomers_needed(trust).into(), |class| class.replicas)
    }

    /// How many more tasks a pool can hold now; none while its workers have as much as they finish within the horizon.
    pub(crate) fn room(&self, pool: Address) -> u64 {
        let (slots, power) = self.crews.get(&pool).map_or((0, 0), |crew| (crew.members.slots(), crew.members.power()));
        let (mut held, mut soon) = (0_u64, 0_u64);
        for (sold, awaited) in self.loads.of(pool) {
            let runs = awaited.saturating_mul(newcomers_needed(sold.trust).into());
            held = held.saturating_add(runs);
            soon = soon.saturating_add(runs.saturating_mul(self.span(sold.kind, sold.limit).likely()));
        }
        let free = slots.saturating_sub(held);
        if free > 0 { free } else { u64::from(soon < capacity(power, HORIZON_MS)) }
    }
}
