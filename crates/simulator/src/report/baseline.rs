//! What others do with the same fleet and the same tasks: plain PoCo, and BOINC's adaptive replication.
//!
//! Both are told by their rules alone: a task goes to workers drawn at random, none twice; nobody is barred, since neither
//! bars anybody.

use super::play::{Deed, Play};
use crate::dice::Dice;
use units::U256;

/// What came of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tasks: u64,
    pub(crate) wrong: u64,
    pub(crate) executions: u64,
}

/// A worker as the policy sees it, and what it really does.
struct Hand {
    play: Play,
    done: u64,
    dice: Dice,
    /// PoCo's score.
    score: u64,
    /// BOINC's count of consecutive valid results.
    valid: u64,
}

/// A result: nothing is right, a number is somebody's wrong one.
type Said = Option<usize>;

struct Crew {
    hands: Vec<Hand>,
    dice: Dice,
    executions: u64,
}

impl Crew {
    fn new(seed: u64, plays: &[Play]) -> Self {
        let hand = |(number, play): (usize, &Play)| Hand {
            play: *play,
            done: 0,
            dice: Dice::new(seed ^ (number as u64 + 1).wrapping_mul(0x1234_5678_9abc_def1)),
            score: 0,
            valid: 0,
        };
        Self { hands: plays.iter().enumerate().map(hand).collect(), dice: Dice::new(seed), executions: 0 }
    }

    /// Somebody who is not among these.
    fn draw(&mut self, but: &[(usize, Said)]) -> usize {
        loop {
            let drawn = usize::try_from(self.dice.below(self.hands.len() as u64)).expect("an index");
            if but.iter().all(|(number, _)| *number != drawn) {
                return drawn;
            }
        }
    }

    /// What a worker says about a task.
    fn ask(&mut self, number: usize) -> Said {
        self.executions += 1;
        let hand = &mut self.hands[number];
        hand.done += 1;
        match hand.play.deed(hand.done - 1, &mut hand.dice) {
            Deed::Compute | Deed::Copy | Deed::Sit => None,
            Deed::MakeUp => Some(number + 1),
            Deed::Agree | Deed::Deny => Some(0),
        }
    }
}

/// Plain PoCo: workers contribute one after the other until its inequality holds with its own scores.
pub(crate) fn plain_poco(seed: u64, plays: &[Play], trust: u64, tasks: u64) -> Outcome {
    let mut crew = Crew::new(seed, plays);
    let mut wrong = 0;
    for _ in 0..tasks {
        let (accepted, said) = poco_task(&mut crew, trust);
        wrong += u64::from(accepted.is_some());
        if said.len() > 1 {
            for (number, stated) in said {
                let score = &mut crew.hands[number].score;
                *score = if stated == accepted { *score + 1 } else { *score * 2 / 3 };
            }
        }
    }
    Outcome { tasks, wrong, executions: crew.executions }
}

fn poco_task(crew: &mut Crew, trust: u64) -> (Said, Vec<(usize, Said)>) {
    let mut said: Vec<(usize, Said)> = Vec::new();
    let mut groups: Vec<(Said, U256)> = Vec::new();
    loop {
        let number = crew.draw(&said);
        let stated = crew.ask(number);
        said.push((number, stated));
        let weight = poco::weight(U256::from(crew.hands[number].score));
        let place = groups.iter().position(|(group, _)| *group == stated).unwrap_or_else(|| {
            groups.push((stated, U256::ONE));
            groups.len() - 1
        });
        groups[place].1 = groups[place].1.saturating_mul(weight);
        let total = groups.iter().fold(U256::ONE, |sum, (_, weight)| sum.saturating_add(*weight));
        let agreed = poco::is_consensus(groups[place].1, total, U256::from(trust.max(1)));
        if agreed.unwrap_or(false) || said.len() == crew.hands.len() {
            return (stated, said);
        }
    }
}

/// With fewer consecutive valid results a host is not trusted.
const TRUSTED_FROM: u64 = 10;

/// BOINC: a host with ten valid results in a row is believed without a check, but once in so many as it has; else two must
/// agree, of more a strict majority of the first two's quorum.
pub(crate) fn boinc(seed: u64, plays: &[Play], tasks: u64) -> Outcome {
    let mut crew = Crew::new(seed, plays);
    let mut wrong = 0;
    for _ in 0..tasks {
        let number = crew.draw(&[]);
        let valid = crew.hands[number].valid;
        let believed = valid >= TRUSTED_FROM && crew.dice.below(valid) != 0;
        let mut said = vec![(number, crew.ask(number))];
        let accepted = loop {
            if believed {
                break said[0].1;
            }
            let twice = said.iter().find(|(_, it)| said.iter().filter(|(_, other)| it == other).count() >= 2);
            if let Some((_, agreed)) = twice {
                break *agreed;
            }
            let next = crew.draw(&said);
            let stated = crew.ask(next);
            said.push((next, stated));
        };
        wrong += u64::from(accepted.is_some());
        if !believed {
            for (number, stated) in said {
                let valid = &mut crew.hands[number].valid;
                *valid = if stated == accepted { *valid + 1 } else { 0 };
            }
        }
    }
    Outcome { tasks, wrong, executions: crew.executions }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(liars: usize, play: Play) -> Vec<Play> {
        (0..50).map(|number| if number < liars { play } else { Play::Honest }).collect()
    }

    #[test]
    fn plain_poco_takes_one_liars_word_at_trust_one() {
        let outcome = plain_poco(1, &crew(5, Play::Rare { per_mille: 1_000 }), 1, 20_000);
        let share = outcome.wrong as f64 / outcome.tasks as f64;
        assert!((share - 0.1).abs() < 0.01, "{outcome:?}");
        assert_eq!(outcome.executions, outcome.tasks);
    }

    #[test]
    fn boinc_believes_who_was_right_ten_times() {
        let honest = boinc(1, &crew(0, Play::Honest), 50 * 1_000);
        let ratio = honest.executions as f64 / honest.tasks as f64;
        // A perfect host's replicated share after 1,000 jobs is 4.6 %.
        assert!((1.02..1.08).contains(&ratio), "{honest:?}");
        let outcome = boinc(1, &crew(5, Play::Rare { per_mille: 100 }), 50 * 1_000);
        assert!(outcome.wrong * 200 > outcome.tasks, "{outcome:?}");
    }
}
