//! Whether orders fit together: PoCo's checks of compatibility, as facts to count rather than codes to fail with.

use crate::Facts;
use crate::classes::Class;
use orders::{AppOrder, DatasetOrder, RequestOrder};
use units::{Address, Amount, B256, Tag, U256};

/// Why an offer does not fit a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// It asks more than the request pays.
    TooDear,
    /// It sells less trust than is asked for.
    TrustTooLow,
    /// It lacks a capability that app, dataset or request demand.
    Tag,
    /// One of the orders is restricted to others.
    Restricted,
    /// Its pool can take on no more tasks now.
    Busy,
    /// Its pool's owner has not the money to stake for the tasks that would be matched.
    Unstaked,
}

/// Bits of a dataset's tag that PoCo 6.2.0 does not demand of the pool: the TEE framework's.
const TEE_FRAMEWORK: B256 = B256::with_last_byte(0x0e);

/// What a pool stakes, percent of its price (PoCo's `WORKERPOOL_STAKE_RATIO`).
const STAKE_PERCENT: U256 = U256::from_limbs([30, 0, 0, 0]);

/// What a request asks for: its order without the words for its tasks, so that it is cheap to ask for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) app: Address,
    pub(crate) app_price: Amount,
    pub(crate) dataset: Address,
    pub(crate) dataset_price: Amount,
    pub(crate) pool: Address,
    pub(crate) pool_price: Amount,
    pub(crate) requester: Address,
    pub(crate) tag: Tag,
    pub(crate) category: U256,
    pub(crate) trust: U256,
    /// Tasks not yet matched.
    pub(crate) waiting: U256,
}

impl Wants {
    pub(crate) fn of(order: &RequestOrder, waiting: U256) -> Self {
        Self {
            app: order.app,
            app_price: order.appmaxprice,
            dataset: order.dataset,
            dataset_price: order.datasetmaxprice,
            pool: order.workerpool,
            pool_price: order.workerpoolmaxprice,
            requester: order.requester,
            tag: order.tag,
            category: order.category,
            trust: order.trust,
            waiting,
        }
    }
}

/// What app and dataset orders demand of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demands {
    app_tag: Tag,
    data_tag: Tag,
    app_pool: Address,
    dataset_pool: Address,
}

impl Demands {
    pub(crate) fn of(app: &AppOrder, dataset: Option<&DatasetOrder>) -> Self {
        Self {
            app_tag: app.tag,
            data_tag: dataset.map_or(Tag::NONE, |order| Tag(order.tag.0 & !TEE_FRAMEWORK)),
            app_pool: app.workerpoolrestrict,
            dataset_pool: dataset.map_or(Address::ZERO, |order| order.workerpoolrestrict),
        }
    }

    /// The capabilities that a pool must have.
    pub(crate) fn tag(&self, wants: &Wants) -> Tag {
        self.app_tag.union(self.data_tag).union(wants.tag)
    }

    /// Whether a TEE is demanded which the app cannot run in.
    fn lacks_tee(&self, wants: &Wants) -> bool {
        self.tag(wants).needs_tee() && !self.app_tag.needs_tee()
    }

    /// Whether the pool has all that is demanded.
    pub(crate) fn suit(&self, wants: &Wants, offered: Tag) -> bool {
        self.tag(wants).is_subset_of(offered) && !self.lacks_tee(wants)
    }

    /// As much of what the request demands as this pool has and the app can do with.
    pub(crate) fn least(&self, wants: &Wants, offered: Tag) -> Tag {
        let tee = if self.lacks_tee(wants) { B256::with_last_byte(1) } else { B256::ZERO };
        Tag(wants.tag.0 & offered.0 & !tee)
    }
}

/// Whether `who` passes a restriction: any for zero, else that address or a member of that group.
pub(crate) fn passes(facts: &impl Facts, restriction: Address, who: Address) -> bool {
    restriction.is_zero() || restriction == who || facts.is_member(restriction, who)
}

/// Why an app order does not fit a request, if it does not. Its restrictions on the pool are checked with the pool.
pub(crate) fn app(facts: &impl Facts, wants: &Wants, app: &AppOrder) -> Option<Misfit> {
    if app.appprice > wants.app_price {
        Some(Misfit::TooDear)
    } else if !passes(facts, app.requesterrestrict, wants.requester)
        || !passes(facts, app.datasetrestrict, wants.dataset)
    {
        Some(Misfit::Restricted)
    } else {
        None
    }
}

/// Why a dataset order does not fit a request that runs what this app order sells, if it does not.
pub(crate) fn dataset(facts: &impl Facts, wants: &Wants, app: &AppOrder, dataset: &DatasetOrder) -> Option<Misfit> {
    if dataset.datasetprice > wants.dataset_price {
        Some(Misfit::TooDear)
    } else if !passes(facts, dataset.requesterrestrict, wants.requester)
        || !passes(facts, dataset.apprestrict, wants.app)
        || !passes(facts, app.datasetrestrict, wants.dataset)
    {
        Some(Misfit::Restricted)
    } else {
        None
    }
}

/// Why none of a class of offers fits a request with its app and dataset orders, whatever it costs, if none does.
pub(crate) fn class(facts: &impl Facts, wants: &Wants, demands: &Demands, class: &Class) -> Option<Misfit> {
    if class.trust < wants.trust {
        Some(Misfit::TrustTooLow)
    } else if !demands.suit(wants, class.tag) {
        Some(Misfit::Tag)
    } else if !passes(facts, wants.pool, class.pool)
        || !passes(facts, demands.app_pool, class.pool)
        || !passes(facts, demands.dataset_pool, class.pool)
        || !passes(facts, class.app, wants.app)
        || !passes(facts, class.dataset, wants.dataset)
        || !passes(facts, class.requester, wants.requester)
    {
        Some(Misfit::Restricted)
    } else if facts.room(class.pool) == Some(0) {
        Some(Misfit::Busy)
    } else {
        None
    }
}

/// What a request and an offer of this price would lock of the pool's owner and the requester for each task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stake {
    /// The pool, whose owner puts it up.
    pub(crate) pool: Address,
    /// What the offer asks for a task.
    pub(crate) price: Amount,
    /// What a task costs altogether; `None` where that overflows.
    pub(crate) each: Option<Amount>,
}

impl Stake {
    /// Whether the pool's owner can stake for so many tasks. One that buys from itself pays for each of them beside.
    pub(crate) fn is_covered(&self, facts: &impl Facts, requester: Address, volume: U256) -> bool {
        let Some(owner) = facts.pool_owner(self.pool) else { return true };
        let hundred = U256::from_limbs([100, 0, 0, 0]);
        let stake = self.price.checked_mul(STAKE_PERCENT).and_then(|stake| stake.checked_div(hundred));
        let needed = if owner == requester { self.each.and_then(|each| stake?.checked_add(each)) } else { stake };
        needed.and_then(|needed| needed.checked_mul(volume)).is_some_and(|needed| needed <= facts.free(owner))
    }
}
