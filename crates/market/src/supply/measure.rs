//! What is learnt from work: how long an app's tasks take, how fast a worker is, how often results differ, what a pool pays
//! beside PoCo's split.

use super::crew::FULL_SPEED;
use std::collections::BTreeMap;
use units::{Address, Amount, U256};

/// Most apps and requesters whose times are kept.
const MOST_KEPT: usize = 4_096;
/// Share of a new running time in a mean: one part in this many, or in as many as there are so far.
const WINDOW: u64 = 16;
/// Machines whose times of a kind of task are kept, those who ran it last.
const MOST_SEEN: usize = 16;
/// Counts are halved at so many, so that what was long ago counts less.
const HALVED_AT: u64 = 1_000;
/// Dissents that are taken for granted before anything is known, of twenty times as many tasks.
const DISSENTS_FIRST: u64 = 1;
/// So many tasks without such pay are taken for granted before anything is known.
const TASKS_FIRST: u64 = 200;
/// The slowest that a machine is counted for, thousandths of the reference machine.
const SLOWEST: u64 = 50;
/// The slowest that a machine is counted for on its own word: alone it still sells a task.
const STATED_LEAST: u64 = 250;
/// A share is known to one part in so many, at the least.
const STEPS: u64 = 8;
/// The benchmark of the reference machine, millions of operations a second.
const REFERENCE: u64 = 600;

/// Whose tasks: the same program may do little for one requester and much for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) pool: Address,
    pub(super) app: Address,
    pub(super) requester: Address,
}

/// How long tasks took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) mean_ms: u64,
    /// How many ran.
    pub(super) count: u64,
    /// The count of all runs when it last ran.
    last: u64,
}

/// How long tasks of a kind took, by machine: what is counted on is the middle one's time, or who states results that it never
/// computed would have its pool sell more than it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kept {
    times: Times,
    /// Who ran it last is last.
    by: Vec<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    worker: Address,
    mean_ms: u64,
    runs: u64,
}

impl Kept {
    fn ran(&mut self, worker: Address, ran_ms: u64) {
        let known = self.by.iter().position(|seen| seen.worker == worker).map(|place| self.by.remove(place));
        let Seen { mean_ms, runs, .. } = known.unwrap_or(Seen { worker, mean_ms: 0, runs: 0 });
        let runs = runs.saturating_add(1).min(WINDOW);
        if self.by.len() >= MOST_SEEN {
            self.by.remove(0);
        }
        self.by.push(Seen { worker, mean_ms: moved(mean_ms, ran_ms, runs), runs });
        let mut means: Vec<u64> = self.by.iter().map(|seen| seen.mean_ms).collect();
        means.sort_unstable();
        // Of two the slower.
        self.times.mean_ms = means.get(means.len() / 2).copied().unwrap_or_default();
        self.times.count = self.times.count.saturating_add(1);
    }
}

/// What a pool's replicated tasks and its purse were like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    contributions: u64,
    faulty: u64,
    /// What finished tasks were sold for, nano-credits.
    sold: U256,
    /// What the pool paid for them beside PoCo's split, but for top-ups, which a price counts by itself.
    paid: U256,
    /// What the last of them was sold for.
    last: U256,
}

/// All that is learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Measures {
    times: BTreeMap<Kind, Kept>,
    runs: u64,
    /// How long each worker takes, per mille of the mean of the same tasks.
    slowness: BTreeMap<Address, u64>,
    records: BTreeMap<Address, Record>,
}

/// A mean with another value in it.
fn moved(mean: u64, value: u64, window: u64) -> u64 {
    let sum = mean.saturating_mul(window.saturating_sub(1)).saturating_add(value);
    sum.checked_div(window).expect("the window is not zero")
}

impl Measures {
    /// A task of this kind ran so long on this worker.
    pub(super) fn ran(&mut self, worker: Address, kind: Kind, ran_ms: u64) {
        self.runs = self.runs.saturating_add(1);
        if self.times.len() >= MOST_KEPT && !self.times.contains_key(&kind) {
            let oldest = self.times.iter().min_by_key(|(_, kept)| kept.times.last).map(|(kind, _)| *kind);
            oldest.and_then(|kind| self.times.remove(&kind));
        }
        let kept = self.times.entry(kind).or_default();
        kept.ran(worker, ran_ms);
        kept.times.last = self.runs;
        let times = kept.times;
        if times.count > WINDOW {
            let slowness = ran_ms.saturating_mul(FULL_SPEED).checked_div(times.mean_ms.max(1)).expect("one at least");
            let known = self.slowness.entry(worker).or_insert(FULL_SPEED);
            *known = moved(*known, slowness.min(FULL_SPEED.saturating_mul(50)), WINDOW);
        }
    }

    pub(super) fn times(&self, kind: Kind) -> Option<Times> {
        self.times.get(&kind).map(|kept| kept.times)
    }

    /// A worker's speed, thousandths of the reference machine: its benchmark, and what it takes against others.
    pub(super) fn speed(&self, worker: Address, benchmark: u64) -> u64 {
        let stated = benchmark.saturating_mul(FULL_SPEED).checked_div(REFERENCE).expect("a reference is not zero");
        // A benchmark, taken once and perhaps on a busy machine, keeps none from selling anything, and counts until more is known.
        let stated = if benchmark <= 1 { FULL_SPEED } else { stated.clamp(STATED_LEAST, FULL_SPEED) };
        let measured = self.slowness.get(&worker).map(|slowness| {
            let square = FULL_SPEED.saturating_mul(FULL_SPEED);
            square.checked_div((*slowness).max(FULL_SPEED)).expect("a slowness is not zero")
        });
        let speed = measured.map_or(stated, |measured| measured.min(stated.max(FULL_SPEED / 2)));
        // In few steps, so that a price does not follow every run.
        let step = speed.checked_div(SLOWEST).expect("not zero").saturating_mul(SLOWEST);
        if step < SLOWEST { 0 } else { step }
    }

    pub(super) fn forget(&mut self, worker: Address) {
        self.slowness.remove(&worker);
    }

    /// A contribution to a replicated task was right or wrong.
    pub(super) fn contributed(&mut self, pool: Address, faulty: bool) {
        let record = self.records.entry(pool).or_default();
        record.contributions = record.contributions.saturating_add(1);
        record.faulty = record.faulty.saturating_add(u64::from(faulty));
        if record.contributions >= HALVED_AT {
            record.contributions /= 2;
            record.faulty /= 2;
        }
    }

    /// Tasks with a dissent, per mille, in few steps.
    pub(super) fn dissents(&self, pool: Address) -> u64 {
        let record = self.records.get(&pool).copied().unwrap_or_default();
        let of = record.contributions.saturating_add(DISSENTS_FIRST.saturating_mul(20));
        let share = record.faulty.saturating_add(DISSENTS_FIRST).saturating_mul(1_000);
        // A task has two contributions or more.
        stepped(share.saturating_mul(2).checked_div(of).expect("some are taken for granted")).min(1_000)
    }

    /// A task that was sold for so much was finished.
    pub(super) fn sold(&mut self, pool: Address, price: Amount) {
        let record = self.records.entry(pool).or_default();
        record.sold = record.sold.saturating_add(price.0);
        record.last = price.0;
    }

    /// The pool paid so much beside PoCo's split.
    pub(super) fn paid(&mut self, pool: Address, amount: Amount) {
        let record = self.records.entry(pool).or_default();
        record.paid = record.paid.saturating_add(amount.0);
    }

    /// What the pool pays beside PoCo's split, per mille of what it sells, in few steps.
    pub(super) fn extras(&self, pool: Address) -> u64 {
        let record = self.records.get(&pool).copied().unwrap_or_default();
        let paid = record.paid.saturating_mul(U256::from(1_000));
        let sold = record.sold.saturating_add(record.last.saturating_mul(U256::from(TASKS_FIRST)));
        stepped(paid.checked_div(sold).unwrap_or_default().saturating_to()).min(1_000)
    }
}

/// In few steps, so that prices change seldom; in no larger ones, or a few checks more would be a price of its own.
fn stepped(per_mille: u64) -> u64 {
    let step = per_mille.checked_div(STEPS).expect("some steps").max(1).next_power_of_two();
    per_mille.min(1 << 32).next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { pool: Address::ZERO, app: Address::ZERO, requester: Address::ZERO };

    #[test]
    fn the_first_run_tells_at_once_what_a_task_takes() {
        let mut measures = Measures::default();
        measures.ran(Address::ZERO, KIND, 700);
        assert_eq!(measures.times(KIND).unwrap().mean_ms, 700);
        measures.ran(Address::ZERO, KIND, 900);
        assert_eq!(measures.times(KIND).unwrap().mean_ms, 800);
    }

    #[test]
    fn a_machine_that_takes_four_times_as_long_as_others_counts_for_less() {
        let mut measures = Measures::default();
        let slow = Address::repeat_byte(1);
        for _ in 0..200 {
            for other in 2..10 {
                measures.ran(Address::repeat_byte(other), KIND, 1_000);
            }
            measures.ran(slow, KIND, 4_000);
        }
        assert!(measures.speed(slow, 600) < 500, "{}", measures.speed(slow, 600));
        assert_eq!(measures.speed(Address::repeat_byte(2), 600), FULL_SPEED);
        assert_eq!(measures.speed(Address::repeat_byte(2), 300), FULL_SPEED / 2);
        assert_eq!(measures.speed(Address::repeat_byte(2), 30), FULL_SPEED / 2, "it keeps up with the others");
        assert_eq!(measures.speed(Address::repeat_byte(20), 30), STATED_LEAST, "of whom nothing is known but its word");
    }

    #[test]
    fn who_states_results_that_it_never_computed_does_not_make_a_task_seem_short() {
        let mut measures = Measures::default();
        for _ in 0..10 {
            for honest in 2..5 {
                measures.ran(Address::repeat_byte(honest), KIND, 1_000);
            }
            for _ in 0..100 {
                measures.ran(Address::repeat_byte(9), KIND, 1);
            }
        }
        assert_eq!(measures.times(KIND).unwrap().mean_ms, 1_000);
        assert_eq!(measures.speed(Address::repeat_byte(2), 600), FULL_SPEED);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let mut measures = Measures::default();
        let kind = |name: u64| Kind { requester: Address::left_padding_from(&name.to_be_bytes()), ..KIND };
        for name in 0..5_000 {
            measures.ran(Address::ZERO, kind(name), 1);
        }
        assert_eq!(measures.times.len(), MOST_KEPT);
        assert!(measures.times(kind(0)).is_none() && measures.times(kind(4_999)).is_some());
    }
}
