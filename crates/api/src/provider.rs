//! What providers have done, and what others say of them.

use serde::{Deserialize, Serialize};
use units::{Address, Amount, DealId, Timestamp};

/// `GET /v1/providers/{address}`: a worker, somebody's machines together, or a pool; computed from the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Who.
    pub address: Address,
    /// A hosted pool's name, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Results that were accepted.
    pub delivered: u64,
    /// Results that came too late; of a pool, tasks that were not done in time.
    pub late: u64,
    /// Results that others disagreed with.
    pub wrong: u64,
    /// PoCo score.
    pub score: u64,
    /// Checks passed.
    pub checks: u64,
    /// Whether it, or one of its machines, was found to have lied.
    pub barred: bool,
    /// Earnings withheld as its deposit, nano-credits.
    pub withheld: Amount,
    /// Its machines, in each pool that it was enlisted in; at most 1,000.
    pub machines: Vec<Machine>,
    /// Marks for performance.
    pub performance: Marks,
    /// Marks for safety.
    pub safety: Marks,
    /// What was said of it, the newest first, at most 100.
    pub ratings: Vec<Rated>,
}

/// A machine in a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The worker.
    pub worker: Address,
    /// Whose it is.
    pub owner: Address,
    /// The pool.
    pub pool: Address,
    /// Connected just now.
    pub connected: bool,
    /// Results that strangers paid for there.
    pub accepted: u64,
    /// Checks passed there.
    pub checks: u64,
    /// With so many checks passed it is proven there, and may leave with its deposit; 0 where nothing is audited.
    #[serde(default)]
    pub proven_at: u64,
    /// Whether it was found to have lied there.
    pub barred: bool,
    /// Earnings withheld there as its deposit, nano-credits.
    #[serde(default)]
    pub withheld: Amount,
}

/// How somebody is marked, from 1 (bad) to 5 (good).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// How many marks.
    pub count: u64,
    /// Their mean, in hundredths; 0 where there are none.
    pub mean_hundredths: u64,
}

/// A rating that was taken: the answer of `POST /v1/ratings`, whose body is a signed one (`orders::SignedRating`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// The deal.
    pub deal: DealId,
    /// Who says it.
    pub rater: Address,
    /// Of whom.
    pub subject: Address,
    /// 1 to 5.
    pub performance: u8,
    /// 1 to 5.
    pub safety: u8,
    /// When.
    pub at: Timestamp,
}
