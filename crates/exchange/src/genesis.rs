//! What an exchange starts from: who operates it, where its parts have their addresses, what it sells.

use alloy_primitives::keccak256;
use orders::Domain;
use poco::{Asset, Category, Contract};
use serde::{Deserialize, Serialize};
use units::{Address, Amount, U256};

/// The rules an entry is judged by. A change that would make an old entry mean something else gets a new number.
///
/// 1: PoCo, the book, hosted pools. 2: standing and deposits, hidden audits, checks, ratings, pools opened by anyone.
/// 3: a finished deal leaves the live state after seconds; what is held says in which of its worker's batches it came; verdicts of
/// checkers and provers.
pub const RULES_VERSION: u32 = 3;
/// Chain ids begin here, far from any real chain's, and stay below 2⁵², which JavaScript counts exactly.
const FIRST_CHAIN_ID: u64 = 0x4d48 << 32;

/// What an operator's own pools keep of a price, percent: it pays for what PoCo's split does not, checks, second witnesses and
/// top-ups.
const HOSTED_SHARE: u64 = 10;

/// How many tasks' pay a worker of the commons has at stake: about what a liar gets away with before it is caught, (1−p)/p.
const COMMONS_DEPOSIT: u64 = 20;

/// How a hosted pool makes sure of single words, and what a newcomer puts at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audits {
    /// A worker's first jobs, so many, are all checked.
    pub first: u64,
    /// Then, so many of a thousand are, drawn by a secret that was committed to beforehand.
    pub per_mille: u64,
    /// A worker's earnings are withheld until they are this many times what it was just paid for a task; 0: never.
    pub deposit_tasks: u64,
    /// A worker that passed so many checks is proven: when it leaves the pool, what was withheld is given back.
    pub proven: u64,
}

/// A workerpool run by the exchange itself: there its decisions are the authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedPool {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// Who puts up the pool's stake and earns its share.
    pub owner: Address,
    /// What a worker stakes, percent of the pool's price.
    pub worker_stake_ratio: u64,
    /// The owner's share of the pot, percent, at most 100.
    pub scheduler_reward_ratio: u64,
    /// How single words are audited there; none where nobody need be mistrusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audits: Option<Audits>,
    /// Whether only workers that its owner invited may work there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_invitation: bool,
}

/// What exists before the first entry: a world that was recorded elsewhere goes on here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Tokens that the operator has.
    pub token_supply: Amount,
    /// Published things by address.
    pub assets: Vec<(Address, Asset)>,
    /// Contract-like accounts by address.
    pub contracts: Vec<(Address, Contract)>,
    /// Workers' scores.
    pub scores: Vec<(Address, U256)>,
}

/// The first entry of every journal. Two exchanges with equal geneses and equal entries are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The chain id that signatures are bound to.
    pub chain_id: u64,
    /// Who runs the exchange: issues credits, adds categories, names the TEE broker.
    pub operator: Address,
    /// Where PoCo is.
    pub hub: Address,
    /// The token that is deposited.
    pub token: Address,
    /// Where apps are created.
    pub app_registry: Address,
    /// Where datasets are created.
    pub dataset_registry: Address,
    /// Where workerpools are created.
    pub workerpool_registry: Address,
    /// Time classes by index.
    pub categories: Vec<Category>,
    /// Whether strangers are kept out.
    pub private: bool,
    /// Pools run by the exchange.
    pub pools: Vec<HostedPool>,
    /// What exists from the start beside all this; nothing in an exchange of one's own.
    pub world: World,
    /// [`RULES_VERSION`] when the exchange was founded.
    pub rules_version: u32,
}

impl Genesis {
    /// The exchange of an operator: PoCo's five categories and a sixth of one minute, the open pools *commons*
    /// (no worker stake, first earnings withheld) and *bonded* (PoCo's), both audited unless the exchange is private, and a chain id and addresses of its own, derived from the operator's address.
    #[must_use]
    pub fn new(operator: Address, private: bool) -> Self {
        let audits = |deposit_tasks| Audits { first: 10, per_mille: 50, deposit_tasks, proven: 20 };
        let pool = |name: &str, worker_stake_ratio, deposit_tasks| HostedPool {
            name: name.to_owned(),
            address: derived(name, operator),
            owner: operator,
            worker_stake_ratio,
            scheduler_reward_ratio: HOSTED_SHARE,
            audits: (!private).then(|| audits(deposit_tasks)),
            by_invitation: false,
        };
        let salt = keccak256([b"manyhands chain id".as_slice(), operator.as_slice()].concat());
        let low = u64::from(u32::from_be_bytes([salt[0], salt[1], salt[2], salt[3]]));
        Self {
            chain_id: FIRST_CHAIN_ID | low,
            operator,
            hub: derived("hub", operator),
            token: derived("token", operator),
            app_registry: derived("app registry", operator),
            dataset_registry: derived("dataset registry", operator),
            workerpool_registry: derived("workerpool registry", operator),
            categories: default_categories(),
            private,
            pools: vec![pool("commons", 0, COMMONS_DEPOSIT), pool("bonded", poco::DEFAULT_WORKER_STAKE_RATIO, 0)],
            world: World::default(),
            rules_version: RULES_VERSION,
        }
    }

    /// The EIP-712 domain of orders and batches.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::new(self.chain_id, self.hub)
    }

    /// The hosted pool of this address.
    #[must_use]
    pub fn hosted(&self, pool: Address) -> Option<&HostedPool> {
        self.pools.iter().find(|hosted| hosted.address == pool)
    }
}

/// The address of a part of the operator's exchange.
fn derived(part: &str, operator: Address) -> Address {
    let hash = keccak256([b"manyhands ".as_slice(), part.as_bytes(), b" ".as_slice(), operator.as_slice()].concat());
    Address::from_word(hash)
}

/// XS, S, M, L, XL as PoCo has them, and XXS of one minute.
fn default_categories() -> Vec<Category> {
    [
        ("XS", "five minutes", 300),
        ("S", "twenty minutes", 1_200),
        ("M", "one hour", 3_600),
        ("L", "three hours", 10_800),
        ("XL", "ten hours", 36_000),
        ("XXS", "one minute", 60),
    ]
    .into_iter()
    .map(|(name, description, seconds)| Category {
        name: name.to_owned(),
        description: description.to_owned(),
        seconds,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_operators_exchanges_share_no_address_and_no_domain() {
        let first = Genesis::new(Address::repeat_byte(1), false);
        let second = Genesis::new(Address::repeat_byte(2), false);
        assert_ne!(first.hub, second.hub);
        assert_ne!(first.domain().separator(), second.domain().separator());
        assert!(first.chain_id < 1 << 52);
        let own = [first.hub, first.token, first.app_registry, first.dataset_registry, first.workerpool_registry];
        let pools = first.pools.iter().map(|pool| pool.address);
        let distinct: std::collections::BTreeSet<_> = own.into_iter().chain(pools).collect();
        assert_eq!(distinct.len(), 7);
    }
}
