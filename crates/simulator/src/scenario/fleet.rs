//! The machines, and whose they are.

use super::{Nature, Theme, named};
use crate::dice::Dice;
use orders::SigningKey;
use std::collections::BTreeMap;
use units::{Address, Amount};

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
    /// Whether its pool's owner lets it work there.
    pub(crate) invited: bool,
    /// Whether it has the one capability that some jobs ask for.
    pub(crate) capable: bool,
    pub(crate) region: Option<&'static str>,
    /// Whether it holds the app and the data already.
    pub(crate) caches: bool,
    /// How much its site wishes for load, percent.
    pub(crate) heat: u8,
}

impl Profile {
    /// The least it works for, by category, as its hello says it.
    pub(crate) fn floors(&self) -> BTreeMap<u64, Amount> {
        self.floor.map(|floor| (0..6).map(|category| (category, Amount::nanos(floor))).collect()).unwrap_or_default()
    }

    fn plain(nature: Nature, address: Address, pool: usize, cores: u32, floor: Option<u64>) -> Self {
        let (region, heat) = (None, 0);
        Self {
            nature,
            address,
            owner: address,
            pool,
            cores,
            floor,
            invited: true,
            capable: false,
            region,
            caches: false,
            heat,
        }
    }
}

/// The key of the worker of a number: whoever owns more machines signs for them with it.
pub(crate) fn worker_key(number: u64) -> SigningKey {
    let secret = alloy_primitives::keccak256([b"worker".as_slice(), &number.to_be_bytes()].concat());
    SigningKey::from_bytes(&secret.0).expect("a hash is a key")
}

/// Who takes part.
pub(super) fn unfold(dice: &mut Dice, theme: Theme, private: bool, floor: u64) -> Vec<Profile> {
    let mut fleet = Vec::new();
    let pools: &[usize] = match theme {
        Theme::Bags | Theme::Burst | Theme::Million => dice.pick(&[&[0], &[1], &[1], &[0, 1]]),
        Theme::Mixed | Theme::Fleet => dice.pick(&[&[0], &[1]]),
    };
    let varied = dice.chance(40);
    for pool in pools {
        enlist(dice, &mut fleet, theme, (private, *pool, floor, varied));
    }
    fleet
}

/// A pool's workers: of honest owners always enough for the highest trust asked for, with one dissent to spare.
fn enlist(dice: &mut Dice, fleet: &mut Vec<Profile>, theme: Theme, terms: (bool, usize, u64, bool)) {
    let (private, pool, floor, varied) = terms;
    let start = fleet.len();
    let (honest, bad) = match theme {
        Theme::Bags | Theme::Burst | Theme::Million => (dice.between(5, 7), dice.pick(&[0, 0, 1, 1, 2, 3])),
        Theme::Mixed => (dice.between(12, 15), dice.pick(&[0, 1, 2])),
        Theme::Fleet => (dice.between(30, 40), dice.pick(&[0, 2, 4])),
    };
    let mut natures: Vec<Nature> =
        (0..honest).map(|_| if dice.chance(10) { Nature::Slow } else { Nature::Honest }).collect();
    natures.extend((0..bad).map(|_| Nature::bad(dice)));
    for (number, nature) in natures.into_iter().enumerate() {
        let name = (start + number) as u64;
        let address = worker_key(name).address();
        // Whoever is not honest asks for no less: the cheapest offers are such as honest machines can keep.
        let own = if varied && nature.is_honest() { floor / 2 + dice.below(floor / 2 + 1) } else { floor };
        let floor = if private { None } else { Some(own) };
        fleet.push(Profile::plain(nature, address, pool, dice.pick(&[1, 1, 2, 4]), floor));
    }
    // Machines of one owner: another of somebody who is there already.
    for extra in 0..dice.below(3) {
        let twin = start + usize::try_from(dice.below((fleet.len() - start) as u64)).expect("a small number");
        let Profile { nature, owner, cores, floor, .. } = fleet[twin].clone();
        let address = named("twin", (start as u64) * 10 + extra);
        fleet.push(Profile { owner, ..Profile::plain(nature, address, pool, cores, floor) });
    }
}
