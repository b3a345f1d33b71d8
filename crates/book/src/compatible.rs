//! Whether orders fit together: PoCo's checks of compatibility, as facts to count rather than codes to fail with.

use crate::Facts;
use orders::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
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

/// Whether `who` passes a restriction: any for zero, else that address or a member of that group.
pub(crate) fn passes(facts: &impl Facts, restriction: Address, who: Address) -> bool {
    restriction.is_zero() || restriction == who || facts.is_member(restriction, who)
}

/// Why an app order does not fit a request, if it does not. Its restrictions on the pool are checked with the pool.
pub(crate) fn app(facts: &impl Facts, request: &RequestOrder, app: &AppOrder) -> Option<Misfit> {
    if app.appprice > request.appmaxprice {
        Some(Misfit::TooDear)
    } else if !passes(facts, app.requesterrestrict, request.requester)
        || !passes(facts, app.datasetrestrict, request.dataset)
    {
        Some(Misfit::Restricted)
    } else {
        None
    }
}

/// Why a dataset order does not fit a request, if it does not.
pub(crate) fn dataset(facts: &impl Facts, request: &RequestOrder, dataset: &DatasetOrder) -> Option<Misfit> {
    if dataset.datasetprice > request.datasetmaxprice {
        Some(Misfit::TooDear)
    } else if !passes(facts, dataset.requesterrestrict, request.requester)
        || !passes(facts, dataset.apprestrict, request.app)
    {
        Some(Misfit::Restricted)
    } else {
        None
    }
}

/// Why a pool's order does not fit a request with its app and dataset orders, if it does not.
pub(crate) fn workerpool(
    facts: &impl Facts,
    request: &RequestOrder,
    app: &AppOrder,
    dataset: Option<&DatasetOrder>,
    pool: &WorkerpoolOrder,
) -> Option<Misfit> {
    let data_tag = dataset.map_or(Tag::NONE, |order| Tag(order.tag.0 & !TEE_FRAMEWORK));
    let demanded = app.tag.union(data_tag).union(request.tag);
    let needs_tee = demanded.needs_tee() && !app.tag.needs_tee();
    let restricted = !passes(facts, request.workerpool, pool.workerpool)
        || !passes(facts, app.workerpoolrestrict, pool.workerpool)
        || dataset.is_some_and(|order| !passes(facts, order.workerpoolrestrict, pool.workerpool))
        || !passes(facts, pool.apprestrict, request.app)
        || !passes(facts, pool.datasetrestrict, request.dataset)
        || !passes(facts, pool.requesterrestrict, request.requester);
    if pool.workerpoolprice > request.workerpoolmaxprice {
        Some(Misfit::TooDear)
    } else if pool.trust < request.trust {
        Some(Misfit::TrustTooLow)
    } else if !demanded.is_subset_of(pool.tag) || needs_tee {
        Some(Misfit::Tag)
    } else if restricted {
        Some(Misfit::Restricted)
    } else if facts.room(pool.workerpool) == Some(0) {
        Some(Misfit::Busy)
    } else {
        None
    }
}

/// Whether a pool's owner can stake for so many tasks. One that buys from itself pays `each` of them beside.
pub(crate) fn is_staked(
    facts: &impl Facts,
    request: &RequestOrder,
    pool: &WorkerpoolOrder,
    each: Option<Amount>,
    volume: U256,
) -> bool {
    let Some(owner) = facts.pool_owner(pool.workerpool) else { return true };
    let hundred = U256::from_limbs([100, 0, 0, 0]);
    let stake = pool.workerpoolprice.checked_mul(STAKE_PERCENT).and_then(|stake| stake.checked_div(hundred));
    let needed = if owner == request.requester { each.and_then(|each| stake?.checked_add(each)) } else { stake };
    needed.and_then(|needed| needed.checked_mul(volume)).is_some_and(|needed| needed <= facts.free(owner))
}
