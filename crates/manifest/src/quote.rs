//! What the rest of a job is likely to cost and to take, from the few tasks that were tried.
//!
//! Time: every way to draw as many tasks as were tried, with repetition, is a guess at the mean; the middle of all guesses is
//! the median and nine tenths of them lie below the other (the bootstrap, here in full, since there are at most 27 ways). A
//! single trial says nothing of how tasks differ: half as much again is assumed. Money: what the book asks for so many tasks,
//! as it stands; the median is what its middle task would pay, the other what its ninetieth of a hundred would.

/// The share that lies below the greater figure, in hundredths.
const NINETY: usize = 90;

/// Two figures of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Likely<T> {
    /// As likely more as less.
    pub median: T,
    /// Nine times of ten it is less.
    pub p90: T,
}

/// How long so many tasks take on so many lanes at once, milliseconds, from the times of those that were tried. None where
/// nothing was tried.
#[must_use]
pub fn time(tried_ms: &[u64], tasks: u64, lanes: u64) -> Option<Likely<u64>> {
    let mut sums = sums(tried_ms);
    sums.sort_unstable();
    let count = u64::try_from(tried_ms.len()).ok().filter(|count| *count > 0)?;
    // A lane that is done waits for the others: whole rounds.
    let rounds = tasks.div_ceil(lanes.max(1));
    let whole = |sum: u64| sum.saturating_mul(rounds) / count;
    let median = whole(rank(&sums, 50)?);
    let p90 = match sums.as_slice() {
        [only] => whole(only.saturating_add(only / 2)),
        sums => whole(rank(sums, NINETY)?),
    };
    Some(Likely { median, p90 })
}

/// Sums of all ways to draw as many of them as there are, with repetition.
fn sums(values: &[u64]) -> Vec<u64> {
    let draw = |sums: Vec<u64>, _: &u64| {
        sums.iter().flat_map(|sum| values.iter().map(move |value| sum.saturating_add(*value))).collect()
    };
    if values.is_empty() { Vec::new() } else { values.iter().fold(vec![0], draw) }
}

/// The least of sorted values that this many hundredths of them do not pass.
fn rank(sorted: &[u64], hundredths: usize) -> Option<u64> {
    let place = (sorted.len().saturating_mul(hundredths)).div_ceil(100);
    sorted.get(place.saturating_sub(1)).copied()
}

/// The price that the median task and the ninetieth of a hundred would find, of so many, on a book of asks: price and how many
/// tasks are sold at it, cheapest first. What the book does not hold is priced as its last. None where nobody sells.
#[must_use]
pub fn price<P: Copy>(asks: &[(P, u64)], tasks: u64) -> Option<Likely<P>> {
    let last = asks.last()?.0;
    let at = |place: u64| {
        let mut left = place;
        for (price, remaining) in asks {
            if left < *remaining {
                return *price;
            }
            left -= remaining;
        }
        last
    };
    let place = |hundredths: u64| (tasks.saturating_mul(hundredths)).div_ceil(100).saturating_sub(1);
    Some(Likely { median: at(place(50)), p90: at(place(90)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_trials_are_drawn_in_all_27_ways() {
        let sums = sums(&[1, 10, 100]);
        assert_eq!(sums.len(), 27);
        assert_eq!((sums.iter().min(), sums.iter().max()), (Some(&3), Some(&300)));
        // Of the 27 means, the 14th and the 25th.
        assert_eq!(time(&[1, 10, 100], 1, 1), Some(Likely { median: 111 / 3, p90: 210 / 3 }));
    }

    #[test]
    fn equal_trials_leave_no_doubt_and_one_alone_leaves_half() {
        assert_eq!(time(&[40, 40, 40], 10, 1), Some(Likely { median: 400, p90: 400 }));
        assert_eq!(time(&[40], 10, 1), Some(Likely { median: 400, p90: 600 }));
        assert_eq!(time(&[], 10, 1), None);
    }

    #[test]
    fn lanes_work_in_whole_rounds() {
        assert_eq!(time(&[40, 40], 10, 4), Some(Likely { median: 120, p90: 120 }));
        assert_eq!(time(&[40, 40], 10, 0), Some(Likely { median: 400, p90: 400 }));
        assert_eq!(time(&[u64::MAX, 1], 10, 1).unwrap().p90, u64::MAX / 2);
    }

    #[test]
    fn the_book_is_walked_from_its_cheapest_ask_on() {
        let asks = [(5, 10), (7, 35), (9, 10)];
        assert_eq!(price(&asks, 10), Some(Likely { median: 5, p90: 5 }));
        assert_eq!(price(&asks, 20), Some(Likely { median: 5, p90: 7 }));
        assert_eq!(price(&asks, 55), Some(Likely { median: 7, p90: 9 }));
        assert_eq!(price(&asks, 1_000), Some(Likely { median: 9, p90: 9 }));
        assert_eq!(price::<u64>(&[], 1), None);
    }
}
