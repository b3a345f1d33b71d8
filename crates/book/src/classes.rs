//! The offers of computing by class: what is equal but for price and volume is looked at once.
//!
//! Whether an offer fits a request depends, but for its price and its owner's stake, on its class alone. So a search goes
//! over classes, from the one with the cheapest offer up, and an explanation over classes alone, however many offers rest.

use crate::stack::{Place, Stack};
use orders::WorkerpoolOrder;
use std::collections::BTreeMap;
use units::{Address, Amount, B256, Tag, U256};

/// What offers of a category may differ in, but for price and volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) pool: Address,
    pub(crate) trust: U256,
    pub(crate) tag: Tag,
    pub(crate) app: Address,
    pub(crate) dataset: Address,
    pub(crate) requester: Address,
}

impl Class {
    /// The class of an offer.
    pub(crate) fn of(order: &WorkerpoolOrder) -> Self {
        Self {
            pool: order.workerpool,
            trust: order.trust,
            tag: order.tag,
            app: order.apprestrict,
            dataset: order.datasetrestrict,
            requester: order.requesterrestrict,
        }
    }

    /// An offer of the class at this price, of no volume: its terms without looking for one among all that rest.
    pub(crate) fn terms(&self, category: U256, price: Amount) -> WorkerpoolOrder {
        WorkerpoolOrder {
            workerpool: self.pool,
            workerpoolprice: price,
            volume: U256::ZERO,
            tag: self.tag,
            category,
            trust: self.trust,
            apprestrict: self.app,
            datasetrestrict: self.dataset,
            requesterrestrict: self.requester,
            salt: B256::ZERO,
        }
    }
}

/// The offers of one category. Invariant: each class has an offer, and stands among the heads under its first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aisle {
    classes: BTreeMap<Class, Stack>,
    heads: BTreeMap<Place, Class>,
}

/// The offers of all categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aisles(BTreeMap<U256, Aisle>);

impl Aisles {
    /// Puts an offer in its place, or notes how much is left of it.
    pub(crate) fn put(&mut self, order: &WorkerpoolOrder, place: Place, remaining: U256) {
        self.0.entry(order.category).or_default().change(Class::of(order), |stack| stack.put(place, remaining));
    }

    pub(crate) fn remove(&mut self, order: &WorkerpoolOrder, place: &Place) {
        let Some(aisle) = self.0.get_mut(&order.category) else { return };
        aisle.change(Class::of(order), |stack| stack.remove(place));
        if aisle.classes.is_empty() {
            self.0.remove(&order.category);
        }
    }

    pub(crate) fn of(&self, category: U256) -> Option<&Aisle> {
        self.0.get(&category)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (U256, &Aisle)> {
        self.0.iter().map(|(category, aisle)| (*category, aisle))
    }
}

impl Aisle {
    fn change(&mut self, class: Class, change: impl FnOnce(&mut Stack)) {
        let stack = self.classes.entry(class).or_default();
        let before = stack.first();
        change(stack);
        let after = stack.first();
        if before == after {
            return;
        }
        if let Some(head) = before {
            self.heads.remove(&head);
        }
        match after {
            Some(head) => drop(self.heads.insert(head, class)),
            None => drop(self.classes.remove(&class)),
        }
    }

    /// Each class and its offers.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (&Class, &Stack)> {
        self.classes.iter()
    }

    /// All offers in the order in which they are served, by class, so that one can be passed over whole.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk { aisle: self, heads: self.heads.iter(), next_head: None, begun: BTreeMap::new() }.ready()
    }
}

/// A walk over an aisle's offers, from the first served to the last, of which classes can be left out on the way.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    aisle: &'a Aisle,
    heads: std::collections::btree_map::Iter<'a, Place, Class>,
    next_head: Option<(Place, Class)>,
    /// The next offers of classes of which some were looked at.
    begun: BTreeMap<Place, Class>,
}

impl Walk<'_> {
    fn ready(mut self) -> Self {
        self.next_head = self.heads.next().map(|(place, class)| (*place, *class));
        self
    }

    /// The next offer. Of its class no more come unless [`Walk::go_on`] says so.
    pub(crate) fn next(&mut self) -> Option<(Place, Class)> {
        let begun = self.begun.first_key_value().map(|(place, class)| (*place, *class));
        match (self.next_head, begun) {
            (Some(head), Some(begun)) if begun.0 < head.0 => self.begun.pop_first(),
            (None, Some(_)) => self.begun.pop_first(),
            (Some(head), _) => {
                self.next_head = self.heads.next().map(|(place, class)| (*place, *class));
                Some(head)
            }
            (None, None) => None,
        }
    }

    /// The rest of a class is to come too, each offer in its turn.
    pub(crate) fn go_on(&mut self, place: Place, class: Class) {
        let next = self.aisle.classes.get(&class).and_then(|stack| stack.after(Some(place)).next());
        self.begun.extend(next.map(|(place, _)| (place, class)));
    }
}
