//! A pool's workers, and what they can sell together.
//!
//! Only who is connected, not barred, and fast enough for the time class counts. Levels are floors that enough accept: on a
//! public exchange at least two owners, unless the pool has but one, since a program that always fails takes two witnesses.
//! A level sells a class of trust when its lightest workers, one of each owner, are enough for it.

use super::split::{self, Cover, Prices, Weight};
use dispatch::Worker;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, Tag, U256};

/// The classes of trust that are sold: 1 and 2 take one replica, each next one twice as much of newcomers' weight; further
/// apart where a power of ten is asked for.
const TRUSTS: [u64; 11] = [2, 4, 8, 16, 32, 64, 128, 1_024, 16_384, 131_072, 1_048_576];
/// Most floors for which a pool keeps rungs of their own.
const MOST_LEVELS: usize = 4;
/// Most capabilities for which a pool keeps rungs of their own, beside none.
const MOST_TAGS: usize = 2;
/// Of a level of no more workers it is known who they are: those who get no more of a job may be missed there.
pub(super) const FEW: u64 = 64;
/// Most owners whose workers are tried for sets of replicas.
const MOST_DRAWN: usize = 32;
/// A task that takes more replicas is sold only while twice as many owners are there: each dissent takes more of them, and who
/// drops out of a task is not asked again.
const FEW_REPLICAS: usize = 3;
/// The bit of a tag that says TEE: an enclave's result takes another way than a hosted pool's.
const TEE: u8 = 1;
/// The bit of all categories that have none of their own.
const LAST_BIT: u64 = 1 << 63;
/// What a machine has that runs at the reference machine's speed.
pub(super) const FULL_SPEED: u64 = 1_000;

/// A worker as supply counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) owner: Address,
    pub(super) floors: BTreeMap<u64, Amount>,
    pub(super) cores: u64,
    pub(super) slots: u64,
    pub(super) tag: Tag,
    pub(super) weight: Weight,
    /// Per mille of the reference machine's.
    pub(super) speed: u64,
    /// The categories that it works in, a bit for each; of those past the last bit all or none.
    pub(super) categories: u64,
}

impl Member {
    pub(super) fn new(worker: &Worker, weight: Weight, speed: u64, private: bool) -> Self {
        let mut tag = worker.tag;
        tag.0[31] &= !TEE;
        Self {
            owner: if private { worker.address } else { worker.owner },
            floors: worker.floors.clone(),
            cores: worker.cores.into(),
            slots: u64::from(worker.slots).max(worker.cores.into()),
            tag,
            weight,
            speed,
            categories: categories(&worker.floors),
        }
    }

    fn floor(&self, category: u64) -> Option<Amount> {
        if self.floors.is_empty() { Some(Amount::ZERO) } else { self.floors.get(&category).copied() }
    }

    /// Whether it works in a category for so much.
    pub(super) fn takes(&self, category: u64, pay: Amount) -> bool {
        self.speed > 0 && self.floor(category).is_some_and(|floor| floor <= pay)
    }

    pub(super) fn power(&self) -> u64 {
        self.cores.saturating_mul(self.speed)
    }
}

/// Of a category its bit.
pub(super) fn bit(category: u64) -> u64 {
    1_u64.checked_shl(u32::try_from(category).unwrap_or(u32::MAX)).unwrap_or(LAST_BIT)
}

/// Whether categories, a bit for each, have this one among them.
pub(super) fn works_in(categories: u64, category: u64) -> bool {
    categories & bit(category) != 0
}

fn categories(floors: &BTreeMap<u64, Amount>) -> u64 {
    if floors.is_empty() { u64::MAX } else { floors.keys().fold(0, |all, category| all | bit(*category)) }
}

/// How many thousandths of what a pool sold in one category its machines of another have to do: as much of its machines'
/// power there as works in both. What others' machines do leaves these free.
pub(super) fn shared(served: &BTreeMap<u64, u64>, sold: u64, category: u64) -> u64 {
    if sold == category {
        return split::PER_MILLE;
    }
    let there = served.iter().filter(|(mask, _)| works_in(**mask, sold));
    let (mut whole, mut both) = (0_u64, 0_u64);
    for (mask, power) in there {
        whole = whole.saturating_add(*power);
        both = both.saturating_add(if works_in(*mask, category) { *power } else { 0 });
    }
    // Where nobody is left who works there, those who come may be these.
    if whole == 0 { split::PER_MILLE } else { both.saturating_mul(split::PER_MILLE).div_ceil(whole) }
}

/// What is true of the pool as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) private: bool,
    /// What a worker stakes, percent of the price.
    pub(super) stake: u64,
    /// The pool's share, percent.
    pub(super) share: u64,
    /// Tasks with a dissent, per mille.
    pub(super) dissents: u64,
    /// What the pool pays beside PoCo's split, per mille of a floor.
    pub(super) extras: u64,
}

impl Rules {
    fn cover(&self, trust: u64) -> Cover {
        Cover {
            trust,
            share: self.share,
            owners: if trust > 2 && !self.private { 2 } else { 1 },
            dissents: self.dissents,
            extras: if trust > 2 { 0 } else { self.extras },
        }
    }
}

/// What the workers of a floor, and all who ask less, sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) floor: Amount,
    /// Cores, thousandths of a reference machine's.
    pub(super) power: u64,
    pub(super) slots: u64,
    pub(super) classes: Vec<Class>,
}

/// A trust and a capability that a level sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) trust: u64,
    pub(super) tag: Tag,
    /// The price for each thousandth of the floor.
    pub(super) factor: u64,
    /// Replicas that a task takes at the most.
    pub(super) replicas: u64,
    /// Tasks at once, thousandths of a reference machine's each, also after the owner of most of them has left.
    pub(super) lanes: u64,
    /// Who they are, where they are few; empty where they are more than [`FEW`].
    pub(super) few: Vec<Address>,
}

/// What may be had at once of the workers of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Team {
    pub(super) power: u64,
    pub(super) slots: u64,
    pub(super) replicas: u64,
    pub(super) lanes: u64,
}

impl Level {
    /// All of them, at the work of a class.
    pub(super) fn team(&self, class: &Class) -> Team {
        Team { power: self.power, slots: self.slots, replicas: class.replicas.max(1), lanes: class.lanes }
    }

    /// The class of so much trust, with this capability.
    pub(super) fn class(&self, trust: u64, tag: Tag) -> Option<&Class> {
        self.classes.iter().find(|class| class.trust == trust && class.tag == tag)
    }
}

/// What a pool's workers sell in a time class, by rising floor.
pub(super) fn levels(
    members: &BTreeMap<Address, Member>,
    category: u64,
    rules: &Rules,
    prices: &mut Prices,
    has: &impl Fn(Address) -> Amount,
) -> Vec<Level> {
    // A machine that would take longer than there is time for every task is none.
    let able: Vec<(Address, &Member, Amount)> = members
        .iter()
        .filter(|(_, member)| member.speed > 0 && works_in(member.categories, category))
        .filter_map(|(address, member)| Some((*address, member, member.floor(category)?)))
        .collect();
    let mut levels = Vec::new();
    for floor in floors(&able, rules.private) {
        let team: Vec<(Address, &Member)> =
            able.iter().filter(|it| it.2 <= floor).map(|(address, member, _)| (*address, *member)).collect();
        let mut classes = Vec::new();
        for tag in tags(&team) {
            let tagged: Vec<(Address, &Member)> =
                team.iter().filter(|(_, member)| tag.is_subset_of(member.tag)).copied().collect();
            let dearer = able.iter().any(|(_, member, asks)| *asks > floor && tag.is_subset_of(member.tag));
            classes.extend(classes_of(&tagged, (tag, floor, dearer), rules, prices, has));
        }
        let power = sum(team.iter().map(|(_, member)| member.power()));
        let slots = sum(team.iter().map(|(_, member)| member.slots));
        levels.push(Level { floor, power, slots, classes });
    }
    levels
}

fn sum(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0, u64::saturating_add)
}

/// The floors that get a level: the lowest that enough owners accept, the highest, and two between.
fn floors(able: &[(Address, &Member, Amount)], private: bool) -> BTreeSet<Amount> {
    let several = able.windows(2).any(|pair| matches!(pair, [one, other] if one.1.owner != other.1.owner));
    let needed = if several && !private { 2 } else { 1 };
    let mut asked: Vec<(Amount, Address)> = able.iter().map(|(_, member, floor)| (*floor, member.owner)).collect();
    asked.sort_unstable();
    let mut accepting = BTreeSet::new();
    let enough = asked.iter().position(|(_, owner)| {
        accepting.insert(*owner);
        accepting.len() >= needed
    });
    let Some(asked) = enough.and_then(|first| asked.get(first..)) else { return BTreeSet::new() };
    let last = asked.len().saturating_sub(1);
    let steps = MOST_LEVELS.saturating_sub(1);
    let distinct: BTreeSet<Amount> = asked.iter().map(|(floor, _)| *floor).collect();
    if distinct.len() <= MOST_LEVELS {
        return distinct;
    }
    let at = |step: usize| last.saturating_mul(step).checked_div(steps).expect("there are several levels");
    (0..=steps).filter_map(|step| asked.get(at(step)).map(|(floor, _)| *floor)).collect()
}

/// The capabilities that get rungs: none, and those that most of the workers have.
fn tags(team: &[(Address, &Member)]) -> Vec<Tag> {
    let mut counts: BTreeMap<Tag, usize> = BTreeMap::new();
    for (_, member) in team.iter().filter(|(_, member)| member.tag != Tag::NONE) {
        let count = counts.entry(member.tag).or_default();
        *count = count.saturating_add(1);
    }
    let mut counts: Vec<(usize, Tag)> = counts.into_iter().map(|(tag, count)| (count, tag)).collect();
    counts.sort_unstable_by(|left, right| right.cmp(left));
    let some = counts.into_iter().take(MOST_TAGS).map(|(_, tag)| tag);
    [Tag::NONE].into_iter().chain(some).collect()
}

fn classes_of(
    team: &[(Address, &Member)],
    (tag, floor, dearer): (Tag, Amount, bool),
    rules: &Rules,
    prices: &mut Prices,
    has: &impl Fn(Address) -> Amount,
) -> Vec<Class> {
    let mut classes = Vec::new();
    let all = Owners::of(team.iter().map(|(_, member)| *member));
    for trust in TRUSTS {
        let cover = rules.cover(trust);
        let Some(factor) = prices.price(all.drawn(), &cover) else { break };
        let stake = stake(price(floor, factor), rules.stake);
        let can = |worker: Address| stake.is_zero() || has(worker) >= stake;
        let staked = (!stake.is_zero()).then(|| Owners::of(team.iter().filter(|it| can(it.0)).map(|it| it.1)));
        let Some((replicas, lanes)) = staked.as_ref().unwrap_or(&all).serve(&cover, dearer) else { break };
        let few = if team.len() > usize::try_from(FEW).unwrap_or(usize::MAX) {
            Vec::new()
        } else {
            team.iter().map(|it| it.0).filter(|it| can(*it)).collect()
        };
        classes.push(Class { trust, tag, factor, replicas, lanes, few });
    }
    classes
}

/// How many replicas a task of a class takes of these workers at the most, and how many tasks run at once; `None` where they
/// are not enough for it.
pub(super) fn serve<'a>(workers: impl Iterator<Item = &'a Member>, trust: u64, rules: &Rules) -> Option<(u64, u64)> {
    Owners::of(workers).serve(&rules.cover(trust), true)
}

/// What some workers come to by owner. Worked out once for all classes of trust: a pool may have a hundred thousand.
struct Owners {
    /// Of each owner its lightest worker, by the owner's address.
    weights: Vec<Weight>,
    powers: Powers,
}

impl Owners {
    fn of<'a>(team: impl Iterator<Item = &'a Member>) -> Self {
        let mut team: Vec<&Member> = team.collect();
        team.sort_by_key(|member| member.owner);
        let owners = team.chunk_by(|left, right| left.owner == right.owner);
        let (mut weights, mut powers) = (Vec::new(), Vec::new());
        for workers in owners {
            weights.extend(workers.iter().map(|member| member.weight).min());
            powers.push(sum(workers.iter().map(|member| member.power())));
        }
        Self { weights, powers: Powers::of(powers) }
    }

    /// The weights of at most so many owners.
    fn drawn(&self) -> Vec<Weight> {
        self.weights.iter().take(MOST_DRAWN).copied().collect()
    }

    /// How many replicas their tasks take at the most, and how many run at once: without the owner of most, where others are
    /// left who are enough. Who can be done without (`spared`, where there are dearer workers) sells no replicas unless there is
    /// one owner more than they take, so that none of them alone has the pool's stake in its hands.
    fn serve(&self, cover: &Cover, spared: bool) -> Option<(u64, u64)> {
        // The lightest first: then any others are enough, too.
        let mut weights = self.drawn();
        weights.sort_unstable();
        let owners = weights.len();
        let set = split::enough(weights.into_iter(), cover, None)?;
        let few = spared && set.len() > 1 && owners <= set.len();
        if few || set.len() > FEW_REPLICAS && owners < set.len().saturating_mul(2) {
            return None;
        }
        let replicas = u64::try_from(set.len()).expect("a task's replicas are few");
        let all = self.powers.each.len();
        let without = self.powers.side_by_side(all.saturating_sub(1), replicas);
        let lanes = if without == 0 { self.powers.side_by_side(all, replicas) } else { without };
        Some((replicas, lanes))
    }
}

/// The power of each owner's workers, rising, with the sums of each and all before it.
struct Powers {
    each: Vec<u64>,
    sums: Vec<u64>,
}

impl Powers {
    fn of(mut each: Vec<u64>) -> Self {
        each.sort_unstable();
        let add = |sum: &mut u64, power: &u64| {
            *sum = sum.saturating_add(*power);
            Some(*sum)
        };
        let sums = each.iter().scan(0, add).collect();
        Self { each, sums }
    }

    /// How many tasks run at once when each takes replicas of distinct ones of the first `count` owners: the most x for which
    /// parts of at most x of each, together, are `replicas` times x.
    fn side_by_side(&self, count: usize, replicas: u64) -> u64 {
        let (powers, sums) = (self.each.get(..count).unwrap_or(&[]), self.sums.get(..count).unwrap_or(&[]));
        let enough = |lanes: u64| {
            let below = powers.partition_point(|power| *power < lanes);
            let whole = below.checked_sub(1).and_then(|last| sums.get(last)).copied().unwrap_or_default();
            let others = u64::try_from(powers.len().saturating_sub(below)).expect("owners fit 64 bits");
            whole.saturating_add(others.saturating_mul(lanes)) >= lanes.saturating_mul(replicas)
        };
        let all = sums.last().copied().unwrap_or_default();
        let most = all.checked_div(replicas.max(1)).expect("a replica is one at least");
        let mut range = (0, most);
        while range.0 < range.1 {
            let half = range.0.midpoint(range.1.saturating_add(1));
            if enough(half) {
                range.0 = half;
            } else {
                range.1 = half.saturating_sub(1);
            }
        }
        range.0
    }
}

/// So many thousandths of a floor, rounded up.
pub(super) fn price(floor: Amount, factor: u64) -> Amount {
    Amount(floor.0.saturating_mul(U256::from(factor)).div_ceil(U256::from(split::PER_MILLE)))
}

/// The floor, or what is paid above it, of which so many thousandths are this price.
pub(super) fn rate(price: Amount, factor: u64) -> Amount {
    let whole = price.0.saturating_mul(U256::from(split::PER_MILLE));
    Amount(whole.checked_div(U256::from(factor.max(1))).expect("a factor is one at least"))
}

/// So many percent of a price.
pub(super) fn stake(price: Amount, ratio: u64) -> Amount {
    let hundredfold = price.0.saturating_mul(U256::from(ratio));
    Amount(hundredfold.checked_div(U256::from(100)).expect("a hundred is not zero"))
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers of tests")]
mod tests {
    use super::*;

    fn member(owner: u8, floor: u64, cores: u64) -> Member {
        Member {
            owner: Address::repeat_byte(owner),
            floors: BTreeMap::from([(0, Amount::nanos(floor))]),
            cores,
            slots: cores * 2,
            tag: Tag::NONE,
            weight: Weight { poco: 2, gate: 2 },
            speed: FULL_SPEED,
            categories: 1,
        }
    }

    fn sold(members: &[Member], private: bool) -> Vec<Level> {
        let members =
            members.iter().zip(1_u8..).map(|(it, name)| (Address::with_last_byte(name), it.clone())).collect();
        let rules = Rules { private, stake: 0, share: 10, dissents: 0, extras: 0 };
        levels(&members, 0, &rules, &mut Prices::default(), &|_| Amount::ZERO)
    }

    #[test]
    fn what_replicas_can_be_had_is_bounded_by_the_owners_and_not_by_the_cores() {
        let lanes = |powers: &[u64]| Powers::of(powers.to_vec()).side_by_side(powers.len(), 2);
        assert_eq!(lanes(&[100_000, 1_000]), 1_000);
        assert_eq!(lanes(&[1_000, 1_000, 100_000]), 2_000);
        assert_eq!(lanes(&[3_000, 3_000, 3_000]), 4_500);
        assert_eq!(lanes(&[3_000]), 0);
    }

    #[test]
    fn volume_is_counted_without_the_owner_of_most() {
        let crew = [member(1, 10, 50), member(2, 10, 2), member(3, 10, 1)];
        let lanes: Vec<(u64, u64)> = sold(&crew, false)[0].classes.iter().map(|it| (it.trust, it.lanes)).collect();
        assert_eq!(lanes, [(2, 3_000), (4, 1_000), (8, 1_000)]);
    }

    #[test]
    fn a_floor_that_one_owner_alone_accepts_is_not_sold_unless_there_is_no_other() {
        let floors = |crew: &[Member], private| -> Vec<u64> {
            sold(crew, private).iter().map(|level| level.floor.to_nanos().unwrap()).collect()
        };
        assert_eq!(floors(&[member(1, 10, 1), member(1, 20, 1), member(2, 30, 1)], false), [30]);
        assert_eq!(floors(&[member(1, 10, 1), member(1, 20, 1)], false), [10, 20]);
        assert_eq!(floors(&[member(1, 10, 1), member(2, 30, 1)], true), [10, 30]);
    }

    #[test]
    fn however_many_floors_there_are_the_levels_are_few_and_reach_all_workers() {
        let crew: Vec<Member> = (1..=100).map(|name| member(name, u64::from(name), 1)).collect();
        let levels = sold(&crew, false);
        assert!(levels.len() <= MOST_LEVELS);
        assert_eq!(levels[0].floor, Amount::nanos(2));
        assert_eq!(levels.last().unwrap().power, 100_000);
    }

    #[test]
    fn what_only_some_can_do_is_sold_beside_and_no_enclave_is() {
        let mut crew = vec![member(1, 10, 1), member(2, 10, 1), member(3, 10, 1)];
        crew[0].tag.0[30] = 1;
        crew[1].tag.0[30] = 1;
        let sold = sold(&crew, false);
        let gpu: Vec<(u64, u64)> = sold[0]
            .classes
            .iter()
            .filter(|class| class.tag != Tag::NONE)
            .map(|class| (class.trust, class.replicas))
            .collect();
        assert_eq!(gpu, [(2, 1), (4, 2)]);
        let worker = Worker { tag: Tag(units::B256::with_last_byte(1)), ..Worker::default() };
        assert_eq!(Member::new(&worker, crew[0].weight, 1, false).tag, Tag::NONE);
    }
}
