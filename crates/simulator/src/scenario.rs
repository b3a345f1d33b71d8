//! What a seed means: who takes part, what is asked for, and what goes wrong when.

use crate::dice::Dice;
use crate::transition::Step;
use units::Address;

/// How long things go wrong; after that the network is quiet and whoever is honest stays.
pub(crate) const ROUGH_MS: u64 = 8 * 60 * 1_000;

/// What becomes of tasks on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Does its work.
    Honest,
    /// Does it, twenty times as slowly.
    Slow,
    /// States a wrong result of its own.
    Liar,
    /// States the same wrong result as every other colluder.
    Colluder,
    /// States that the program failed when it did not.
    Naysayer,
    /// Commits what somebody else committed, if that has leaked.
    Copycat,
    /// Takes tasks and says nothing of them.
    Silent,
    /// Its runs never end.
    Hung,
    /// Commits, and never reveals.
    Shy,
    /// Never uploads what it says it has.
    Withholder,
    /// Gives every task back.
    Unable,
    /// Does its work until it is gone for good.
    Vanisher,
}

impl Nature {
    /// Whether tasks are in good hands with it, sooner or later.
    pub(crate) fn is_honest(self) -> bool {
        matches!(self, Self::Honest | Self::Slow)
    }
}

/// A machine to be.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) nature: Nature,
    pub(crate) address: Address,
    pub(crate) owner: Address,
    /// Which hosted pool.
    pub(crate) pool: usize,
    pub(crate) cores: u32,
    /// The least it works for, nano-credits a task; `None`: anything, for nothing.
    pub(crate) floor: Option<u64>,
}

/// A job to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) requester: Address,
    pub(crate) at_ms: u64,
    pub(crate) trust: u64,
    pub(crate) size: u64,
    pub(crate) price: u64,
    pub(crate) category: u64,
    /// Whether the program always fails.
    pub(crate) fails: bool,
    /// Whether results are too big to ride in a frame.
    pub(crate) big: bool,
    pub(crate) run_ms: u64,
    pub(crate) cancel_ms: Option<u64>,
    /// Whether it can be matched wholly, so that it has to be done.
    pub(crate) hopeful: bool,
}

/// A seed, unfolded.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) private: bool,
    /// Whether nothing goes wrong but what workers do on purpose.
    pub(crate) calm: bool,
    pub(crate) fleet: Vec<Profile>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) weather: Vec<(u64, Step)>,
}

const BAD: &[Nature] = &[
    Nature::Liar,
    Nature::Liar,
    Nature::Colluder,
    Nature::Naysayer,
    Nature::Copycat,
    Nature::Silent,
    Nature::Hung,
    Nature::Shy,
    Nature::Withholder,
    Nature::Unable,
    Nature::Vanisher,
];

/// An address that is nobody else's.
pub(crate) fn named(role: &str, number: u64) -> Address {
    let words = [role.as_bytes(), &number.to_be_bytes()].concat();
    Address::from_word(alloy_primitives::keccak256(words))
}

impl Scenario {
    pub(crate) fn unfold(dice: &mut Dice) -> Self {
        let private = dice.chance(25);
        let calm = dice.chance(30);
        let mut fleet = Vec::new();
        let pools: &[usize] = dice.pick(&[&[0], &[1], &[1], &[0, 1]]);
        let floor = dice.pick(&[0, 100, 1_000, 77_777]);
        let varied = dice.chance(40);
        for pool in pools {
            Self::enlist(dice, &mut fleet, private, *pool, floor, varied);
        }
        let jobs = dice.between(2, 7);
        let plans = (0..jobs).map(|_| Self::plan(dice, private, calm, floor)).collect();
        let weather = if calm { Vec::new() } else { Self::weather(dice, &fleet) };
        Self { private, calm, fleet, plans, weather }
    }

    /// A pool's workers: of honest owners always enough for the highest trust asked for, with one dissent to spare.
    fn enlist(dice: &mut Dice, fleet: &mut Vec<Profile>, private: bool, pool: usize, floor: u64, varied: bool) {
        let start = fleet.len();
        let honest = dice.between(5, 7);
        let bad = dice.pick(&[0, 0, 1, 1, 2, 3]);
        let mut natures: Vec<Nature> =
            (0..honest).map(|_| if dice.chance(10) { Nature::Slow } else { Nature::Honest }).collect();
        natures.extend((0..bad).map(|_| dice.pick(BAD)));
        for (number, nature) in natures.into_iter().enumerate() {
            let name = (start + number) as u64;
            let address = named("worker", name);
            // Whoever is not honest asks for no less: the cheapest offers are such as honest machines can keep.
            let own = if varied && nature.is_honest() { floor / 2 + dice.below(floor / 2 + 1) } else { floor };
            let floor = if private { None } else { Some(own) };
            fleet.push(Profile { nature, address, owner: address, pool, cores: dice.pick(&[1, 1, 2, 4]), floor });
        }
        // Machines of one owner: another of somebody who is there already.
        for extra in 0..dice.below(3) {
            let twin = start + usize::try_from(dice.below((fleet.len() - start) as u64)).expect("a small number");
            let Profile { nature, owner, cores, floor, .. } = fleet[twin].clone();
            let address = named("twin", (start as u64) * 10 + extra);
            fleet.push(Profile { nature, address, owner, pool, cores, floor });
        }
    }

    fn plan(dice: &mut Dice, private: bool, calm: bool, floor: u64) -> Plan {
        let hopeful = private || dice.chance(90);
        let ample = (floor + 1) * 20;
        let price = if private {
            0
        } else if hopeful {
            ample
        } else {
            floor / 3
        };
        let small = dice.chance(75);
        Plan {
            requester: named("requester", dice.below(3)),
            at_ms: dice.below(ROUGH_MS * 3 / 4),
            trust: dice.pick(&[0, 1, 1, 2, 3, 3, 5]),
            size: if small { dice.between(1, 20) } else { dice.between(20, 200) },
            price,
            category: dice.pick(&[5, 5, 0]),
            fails: dice.chance(12),
            big: dice.chance(25),
            run_ms: dice.pick(&[10, 50, 300, 1_000, 4_000]),
            cancel_ms: (!calm && dice.chance(10)).then(|| dice.below(60_000)),
            hopeful,
        }
    }

    fn weather(dice: &mut Dice, fleet: &[Profile]) -> Vec<(u64, Step)> {
        let mut weather = Vec::new();
        let times =
            |dice: &mut Dice, most: u64| (0..dice.below(most + 1)).map(|_| dice.below(ROUGH_MS)).collect::<Vec<_>>();
        let someone = |dice: &mut Dice| usize::try_from(dice.below(fleet.len() as u64)).expect("a small number");
        for at in times(dice, 5) {
            weather.push((at, Step::Crash));
        }
        for at in times(dice, 12) {
            weather.push((at, Step::Break { machine: someone(dice) }));
        }
        for at in times(dice, 5) {
            weather.push((at, Step::MachineDies { machine: someone(dice) }));
        }
        for at in times(dice, 4) {
            let (machine, until) = (someone(dice), at + dice.between(1_000, 120_000));
            weather.push((at, Step::Part { machine }));
            weather.push((until.min(ROUGH_MS), Step::Rejoin { machine }));
        }
        for at in times(dice, 5) {
            let (machine, until) = (someone(dice), at + dice.between(1_000, 200_000));
            weather.push((at, Step::OwnerNeeds { machine, needs: true }));
            weather.push((until.min(ROUGH_MS), Step::OwnerNeeds { machine, needs: false }));
        }
        let gone = fleet.iter().enumerate().filter(|(_, it)| it.nature == Nature::Vanisher).map(|(number, _)| number);
        for machine in gone.collect::<Vec<_>>() {
            weather.push((dice.between(1_000, ROUGH_MS), Step::Vanish { machine }));
        }
        weather
    }
}
