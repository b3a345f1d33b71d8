//! The offers of one class in the order in which they are served, counted as they come and go.

use crate::Tally;
use std::collections::BTreeMap;
use units::{Amount, B256, OrderHash, U256};

/// Where an offer stands: by price, then arrival.
pub(crate) type Place = (Amount, u64, OrderHash);

/// Most offers on a page. Where a price divides a page, the tasks on one side of it are added up.
const PAGE: usize = 512;

/// The first of all places.
const FIRST: Place = (Amount::ZERO, 0, OrderHash(B256::ZERO));

/// Offers by place, on pages that know their sums. Invariants: a page holds the places from its key up to the next page's key,
/// at least one and at most [`PAGE`], in order; every sum is that of what is below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    pages: BTreeMap<Place, Page>,
    sum: Tally,
}

#[derive(Clone, Debug, Default)]
struct Page {
    places: Vec<Place>,
    /// Those of each place.
    tasks: Vec<u64>,
    sum: Tally,
}

impl PartialEq for Stack {
    /// Where pages begin depends on what was there before, and says nothing.
    fn eq(&self, other: &Self) -> bool {
        self.after(None).eq(other.after(None)) && self.sum == other.sum
    }
}

impl Eq for Stack {}

/// Tasks as they are counted: more than any pool can do are as many as can be counted.
fn counted(remaining: U256) -> u64 {
    remaining.saturating_to()
}

impl Stack {
    /// Puts an offer in its place, or notes how much is left of the one that stands there.
    pub(crate) fn put(&mut self, place: Place, remaining: U256) {
        let key = self.page_of(&place).unwrap_or(FIRST);
        let page = self.pages.entry(key).or_default();
        let tasks = counted(remaining);
        match page.find(&place) {
            Ok(index) => {
                let before = page.tasks.get_mut(index).map(|before| std::mem::replace(before, tasks));
                let before = before.expect("each place has its tasks");
                page.sum.take(before);
                self.sum.take(before);
            }
            Err(index) => {
                page.places.insert(index, place);
                page.tasks.insert(index, tasks);
            }
        }
        page.sum.count(tasks);
        self.sum.count(tasks);
        if page.places.len() > PAGE {
            let upper = page.split();
            self.pages.extend(upper);
        }
    }

    /// Takes an offer from its place.
    pub(crate) fn remove(&mut self, place: &Place) {
        let Some(key) = self.page_of(place) else { return };
        let page = self.pages.get_mut(&key).expect("a page that was found is there");
        let Ok(index) = page.find(place) else { return };
        page.places.remove(index);
        let tasks = page.tasks.remove(index);
        page.sum.take(tasks);
        self.sum.take(tasks);
        if page.places.is_empty() {
            self.pages.remove(&key);
        }
    }

    fn page_of(&self, place: &Place) -> Option<Place> {
        self.pages.range(..=*place).next_back().map(|(key, _)| *key)
    }

    /// The place that is served first.
    pub(crate) fn first(&self) -> Option<Place> {
        self.pages.first_key_value()?.1.places.first().copied()
    }

    /// The places after one, or all of them, in the order in which they are served; each with its tasks.
    pub(crate) fn after(&self, place: Option<Place>) -> impl Iterator<Item = (Place, u64)> {
        let key = place.and_then(|place| self.page_of(&place)).unwrap_or(FIRST);
        let rows = self.pages.range(key..).flat_map(|(_, page)| page.rows());
        rows.skip_while(move |(stands, _)| place.is_some_and(|place| *stands <= place))
    }

    /// The last place that asks no more than this.
    pub(crate) fn last_upto(&self, price: Amount) -> Option<Place> {
        let beyond = (price, u64::MAX, OrderHash(B256::repeat_byte(0xff)));
        let mut pages = self.pages.range(..=beyond).rev();
        pages.find_map(|(_, page)| page.places.get(page.upto(price).checked_sub(1)?).copied())
    }

    /// All of them.
    pub(crate) fn sum(&self) -> Tally {
        self.sum
    }

    /// Those that ask no more than this.
    pub(crate) fn upto(&self, price: Amount) -> Tally {
        let last = self.pages.last_key_value().and_then(|(_, page)| page.places.last());
        if last.is_none_or(|last| last.0 <= price) {
            return self.sum;
        }
        let mut sum = Tally::default();
        let mut next = self.pages.keys().skip(1);
        for page in self.pages.values() {
            // All places on a page come before the next page's key.
            if next.next().is_some_and(|key| key.0 <= price) {
                sum.add(page.sum);
                continue;
            }
            page.tasks.iter().take(page.upto(price)).for_each(|tasks| sum.count(*tasks));
            break;
        }
        sum
    }
}

impl Page {
    fn rows(&self) -> impl Iterator<Item = (Place, u64)> {
        self.places.iter().copied().zip(self.tasks.iter().copied())
    }

    fn find(&self, place: &Place) -> Result<usize, usize> {
        self.places.binary_search(place)
    }

    /// How many of its places ask no more than this.
    fn upto(&self, price: Amount) -> usize {
        self.places.partition_point(|place| place.0 <= price)
    }

    /// Keeps the lower half and gives the upper, with its key.
    fn split(&mut self) -> Option<(Place, Self)> {
        let middle = self.places.len().div_euclid(2);
        let (places, tasks) = (self.places.split_off(middle), self.tasks.split_off(middle));
        let mut sum = Tally::default();
        tasks.iter().for_each(|tasks| sum.count(*tasks));
        self.sum = self.sum.without(sum);
        let key = *places.first()?;
        Some((key, Self { places, tasks, sum }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(price: u64, since: u64) -> Place {
        (Amount::nanos(price), since, OrderHash(B256::with_last_byte(1)))
    }

    proptest! {
        /// However offers come and go, a stack tells what a plain list would.
        #[test]
        fn a_stack_is_a_list_that_knows_its_sums(
            steps in prop::collection::vec((0_u64..40, 0_u64..40, 0_u64..4), 0..2_000),
            prices in prop::collection::vec(0_u64..42, 8),
        ) {
            let (mut stack, mut list) = (Stack::default(), BTreeMap::new());
            for (price, since, tasks) in steps {
                if tasks == 0 {
                    stack.remove(&place(price, since));
                    list.remove(&place(price, since));
                } else {
                    stack.put(place(price, since), U256::from(tasks));
                    list.insert(place(price, since), tasks);
                }
            }
            prop_assert!(stack.after(None).eq(list.iter().map(|(place, tasks)| (*place, *tasks))));
            prop_assert_eq!(stack.first(), list.keys().next().copied());
            for price in prices {
                let within: Vec<_> = list.range(..=(Amount::nanos(price), u64::MAX, OrderHash::default())).collect();
                let sum = stack.upto(Amount::nanos(price));
                let tasks: u64 = within.iter().map(|(_, tasks)| **tasks).sum();
                prop_assert_eq!((sum.offers, sum.tasks), (within.len() as u64, u128::from(tasks)));
                prop_assert_eq!(stack.last_upto(Amount::nanos(price)), within.last().map(|(place, _)| **place));
                let later = stack.after(Some(place(price, 20))).map(|(place, _)| place);
                prop_assert!(later.eq(list.keys().filter(|it| **it > place(price, 20)).copied()));
            }
        }
    }

    #[test]
    fn volumes_without_bound_do_not_overflow_a_sum() {
        let mut stack = Stack::default();
        for since in 0..300 {
            stack.put(place(1, since), U256::MAX);
        }
        assert_eq!(stack.sum().tasks, 300 * u128::from(u64::MAX));
        for since in 0..300 {
            stack.remove(&place(1, since));
        }
        assert_eq!(stack, Stack::default());
    }
}
