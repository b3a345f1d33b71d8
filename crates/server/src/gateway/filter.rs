//! Which orders a listing shows, in iExec's terms: open ones, by restriction, tag, volume and trust.

use super::{is_page_size, iso, small};
use crate::core::State;
use crate::order::{as_published, signed_json};
use crate::problem::{Answer, Problem};
use api::gateway::OrderRecord;
use api::limits;
use exchange::AnyOrder;
use orders::OrderKind;
use serde::Deserialize;
use std::cmp::Reverse;
use units::{Address, Amount, OrderHash, Tag, Timestamp, U256};

/// Which page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Paging {
    pub(super) page_index: Option<String>,
    pub(super) page_size: Option<String>,
}

impl Paging {
    /// Index and size.
    pub(super) fn page(&self) -> Answer<(u64, u64)> {
        let wrong = |what: &str| Problem::bad("bad_page", what.to_owned());
        let number = |text: &Option<String>, default: u64, what: &str| match text {
            Some(text) => text.parse::<u64>().map_err(|_| wrong(what)),
            None => Ok(default),
        };
        let index = number(&self.page_index, 0, "pageIndex is a number from 0")?;
        let size = number(&self.page_size, limits::PAGE_DEFAULT as u64, "pageSize is a number from 10 to 1000")?;
        if is_page_size(size) { Ok((index, size)) } else { Err(wrong("pageSize is a number from 10 to 1000")) }
    }
}

/// The index of the next page, if there is one.
pub(super) fn next_page(count: u64, index: u64, size: u64) -> Option<u64> {
    let next = index.saturating_add(1);
    (next.saturating_mul(size) < count).then_some(next)
}

/// One page of a list.
pub(super) fn page_of<T>(all: Vec<T>, index: u64, size: u64) -> Vec<T> {
    let skip = usize::try_from(index.saturating_mul(size)).unwrap_or(usize::MAX);
    all.into_iter().skip(skip).take(usize::try_from(size).unwrap_or(usize::MAX)).collect()
}

/// The query of a listing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filter {
    pub(super) chain_id: Option<String>,
    #[serde(flatten)]
    pub(super) paging: Paging,
    app: Option<String>,
    app_owner: Option<String>,
    is_app_strict: Option<String>,
    dataset: Option<String>,
    dataset_owner: Option<String>,
    is_dataset_strict: Option<String>,
    workerpool: Option<String>,
    workerpool_owner: Option<String>,
    is_workerpool_strict: Option<String>,
    requester: Option<String>,
    is_requester_strict: Option<String>,
    beneficiary: Option<String>,
    category: Option<String>,
    min_tag: Option<String>,
    max_tag: Option<String>,
    min_volume: Option<String>,
    min_trust: Option<String>,
    max_trust: Option<String>,
    bulk_only: Option<String>,
}

/// What a restriction must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restriction {
    /// Anything.
    Any,
    /// None.
    Open,
    /// None, or this address.
    For(Address),
    /// This address.
    Only(Address),
}

impl Restriction {
    fn admits(self, restrict: Address) -> bool {
        match self {
            Self::Any => true,
            Self::Open => restrict.is_zero(),
            Self::For(address) => restrict.is_zero() || restrict == address,
            Self::Only(address) => restrict == address,
        }
    }
}

/// A filter that was understood.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    kind: OrderKind,
    /// The app, dataset, pool or requester itself.
    subject: Option<Address>,
    owner: Option<Address>,
    app: Restriction,
    dataset: Restriction,
    workerpool: Restriction,
    requester: Restriction,
    /// For requests: what they name.
    names: [Option<Address>; 3],
    category: Option<U256>,
    min_tag: Option<Tag>,
    max_tag: Option<Tag>,
    min_volume: Option<U256>,
    min_trust: Option<U256>,
    max_trust: Option<U256>,
    bulk_only: bool,
}

impl Filter {
    /// Reads the filter for a kind of orders.
    pub(super) fn read(&self, kind: OrderKind) -> Answer<Wanted> {
        let (subject, owner) = match kind {
            OrderKind::App => (&self.app, &self.app_owner),
            OrderKind::Dataset => (&self.dataset, &self.dataset_owner),
            OrderKind::Workerpool => (&self.workerpool, &self.workerpool_owner),
            OrderKind::Request => (&self.requester, &None),
        };
        let required = match kind {
            OrderKind::App => Some("app or appOwner is a required field"),
            OrderKind::Dataset => Some("dataset or datasetOwner is a required field"),
            OrderKind::Workerpool | OrderKind::Request => None,
        };
        if let (Some(words), None, None) = (required, subject, owner) {
            return Err(Problem::bad("filter_missing", words));
        }
        let is_request = kind == OrderKind::Request;
        let named = |field: &Option<String>| if is_request { address_or_any(field) } else { Ok(None) };
        Ok(Wanted {
            kind,
            subject: address_or_any(subject)?,
            owner: address_or_any(owner)?,
            app: restriction(&self.app, &self.is_app_strict)?,
            dataset: restriction(&self.dataset, &self.is_dataset_strict)?,
            workerpool: restriction(&self.workerpool, &self.is_workerpool_strict)?,
            requester: restriction(&self.requester, &self.is_requester_strict)?,
            names: [named(&self.app)?, named(&self.dataset)?, named(&self.beneficiary)?],
            category: number(&self.category)?,
            min_tag: tag(&self.min_tag)?,
            max_tag: tag(&self.max_tag)?,
            min_volume: number(&self.min_volume)?,
            min_trust: number(&self.min_trust)?,
            max_trust: number(&self.max_trust)?,
            bulk_only: is_true(&self.bulk_only),
        })
    }
}

fn is_true(field: &Option<String>) -> bool {
    field.as_deref() == Some("true")
}

fn address_or_any(field: &Option<String>) -> Answer<Option<Address>> {
    match field.as_deref() {
        None | Some("any") => Ok(None),
        Some(text) => crate::extract::id("an address or `any`", text).map(Some),
    }
}

fn restriction(field: &Option<String>, strict: &Option<String>) -> Answer<Restriction> {
    Ok(match (field.as_deref(), address_or_any(field)?) {
        (None, _) => Restriction::Open,
        (Some(_), None) => Restriction::Any,
        (Some(_), Some(address)) if is_true(strict) => Restriction::Only(address),
        (Some(_), Some(address)) => Restriction::For(address),
    })
}

fn number(field: &Option<String>) -> Answer<Option<U256>> {
    field.as_deref().map(|text| crate::extract::id::<u64>("a number", text).map(U256::from)).transpose()
}

fn tag(field: &Option<String>) -> Answer<Option<Tag>> {
    field.as_deref().map(|text| crate::extract::id("a tag of 32 bytes", text)).transpose()
}

/// An order at rest, for one page.
#[derive(Clone, Debug)]
pub(super) struct Row {
    order: AnyOrder,
    remaining: U256,
    since: Timestamp,
}

impl Row {
    /// An order at rest.
    pub(super) fn of(state: &State, hash: OrderHash) -> Option<Self> {
        let exchange = state.market.exchange();
        let order = exchange.resting_order(hash)?.clone();
        let remaining = exchange.remaining_volume(&order);
        Some(Self { order, remaining, since: state.since.get(&hash).copied().unwrap_or_default() })
    }

    pub(super) fn kind(&self) -> OrderKind {
        self.order.kind()
    }

    /// As the gateway writes it.
    pub(super) fn record(self, chain_id: u64) -> OrderRecord {
        let order = serde_json::from_str(&signed_json(&self.order)).map(as_published).unwrap_or_default();
        OrderRecord {
            order_hash: self.order.hash(),
            order,
            chain_id,
            remaining: small(self.remaining),
            status: "open".to_owned(),
            publication_timestamp: iso(self.since),
            signer: self.order.signer().address().unwrap_or_default(),
            bulk: (self.kind() == OrderKind::Dataset).then_some(false),
        }
    }
}

impl Wanted {
    /// How many there are, and one page of them: by price, then time, then hash.
    pub(super) fn rows(&self, state: &State, index: u64, size: u64) -> (u64, Vec<Row>) {
        let exchange = state.market.exchange();
        let since = |hash: OrderHash| state.since.get(&hash).copied().unwrap_or_default();
        let fits = |order: &&AnyOrder| order.kind() == self.kind && self.fits(state, order);
        let mut found: Vec<_> = exchange
            .resting()
            .filter(fits)
            .map(|order| {
                let (ask, bid) = prices(order);
                ((ask, Reverse(bid), since(order.hash()), order.hash()), order)
            })
            .collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let page = page_of(found, index, size).into_iter().map(|((_, _, since, _), order)| Row {
            order: order.clone(),
            remaining: exchange.remaining_volume(order),
            since,
        });
        (count, page.collect())
    }

    fn fits(&self, state: &State, order: &AnyOrder) -> bool {
        let exchange = state.market.exchange();
        let owner = self.owner.is_none_or(|owner| exchange.hub().owner_of(order.subject()) == Some(owner));
        let subject = self.subject.is_none_or(|subject| order.subject() == subject);
        let volume = self.min_volume.is_none_or(|least| exchange.remaining_volume(order) >= least);
        owner && subject && volume && !(self.bulk_only && self.kind == OrderKind::Dataset) && self.fits_terms(order)
    }

    fn fits_terms(&self, order: &AnyOrder) -> bool {
        match order {
            AnyOrder::App(order) => {
                let order = order.order();
                self.tag(order.tag)
                    && self.dataset.admits(order.datasetrestrict)
                    && self.workerpool.admits(order.workerpoolrestrict)
                    && self.requester.admits(order.requesterrestrict)
            }
            AnyOrder::Dataset(order) => {
                let order = order.order();
                self.tag(order.tag)
                    && self.app.admits(order.apprestrict)
                    && self.workerpool.admits(order.workerpoolrestrict)
                    && self.requester.admits(order.requesterrestrict)
            }
            AnyOrder::Workerpool(order) => {
                let order = order.order();
                self.tag(order.tag)
                    && self.category.is_none_or(|category| order.category == category)
                    && self.min_trust.is_none_or(|least| order.trust >= least)
                    && self.app.admits(order.apprestrict)
                    && self.dataset.admits(order.datasetrestrict)
                    && self.requester.admits(order.requesterrestrict)
            }
            AnyOrder::Request(order) => {
                let order = order.order();
                let [app, dataset, beneficiary] = self.names;
                self.tag(order.tag)
                    && self.category.is_none_or(|category| order.category == category)
                    && self.max_trust.is_none_or(|most| order.trust <= most)
                    && app.is_none_or(|app| order.app == app)
                    && dataset.is_none_or(|dataset| order.dataset == dataset)
                    && beneficiary.is_none_or(|beneficiary| order.beneficiary == beneficiary)
                    && self.workerpool.admits(order.workerpool)
            }
        }
    }

    fn tag(&self, tag: Tag) -> bool {
        self.min_tag.is_none_or(|least| least.is_subset_of(tag))
            && self.max_tag.is_none_or(|most| tag.is_subset_of(most))
    }
}

/// What is asked, and what is bid.
fn prices(order: &AnyOrder) -> (Amount, Amount) {
    match order {
        AnyOrder::App(order) => (order.order().appprice, Amount::ZERO),
        AnyOrder::Dataset(order) => (order.order().datasetprice, Amount::ZERO),
        AnyOrder::Workerpool(order) => (order.order().workerpoolprice, Amount::ZERO),
        AnyOrder::Request(order) => (Amount::ZERO, order.order().workerpoolmaxprice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restriction_filter_reads_as_iexecs() {
        let (me, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let read = |field: Option<&str>, strict: bool| {
            restriction(&field.map(str::to_owned), &strict.then(|| "true".to_owned())).unwrap()
        };
        let text = me.to_string();
        for (restriction, open, mine, others) in [
            (read(None, false), true, false, false),
            (read(Some("any"), false), true, true, true),
            (read(Some(&text), false), true, true, false),
            (read(Some(&text), true), false, true, false),
        ] {
            let found = [Address::ZERO, me, other].map(|address| restriction.admits(address));
            assert_eq!(found, [open, mine, others], "{restriction:?}");
        }
    }

    #[test]
    fn pages_have_ten_to_a_thousand_rows() {
        let page = |size: Option<&str>| Paging { page_index: None, page_size: size.map(str::to_owned) }.page().ok();
        assert_eq!(page(None), Some((0, 20)));
        assert_eq!((page(Some("10")), page(Some("1000"))), (Some((0, 10)), Some((0, 1_000))));
        assert_eq!((page(Some("9")), page(Some("1001")), page(Some("x"))), (None, None, None));
        assert_eq!((next_page(21, 0, 20), next_page(20, 0, 20)), (Some(1), None));
    }
}
