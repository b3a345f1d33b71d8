//! How an agent is set up: by the owner of the machine, who has the last word on what it may use.

use crate::cache::Cache;
use api::limits;
use orders::SigningKey;
use std::collections::BTreeMap;
use std::time::Duration;
use units::{Address, Amount, Bytes};

/// How an agent is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The exchange, such as `http://127.0.0.1:7370` or `https://exchange.example`.
    pub exchange_url: String,
    /// The worker's own key.
    pub key: SigningKey,
    /// Who owns it; itself where nobody is named.
    pub owner: Option<Owner>,
    /// The pool it works for.
    pub pool: PoolChoice,
    /// Cores it lends: tasks that run at once. At least one.
    pub cores: u32,
    /// Memory a task may use, MiB.
    pub memory_mib: u64,
    /// Disk a task's output may use, MiB.
    pub disk_mib: u64,
    /// Where files and compiled programs are kept; agents of one process may share it.
    pub cache: Cache,
    /// What lets it into a private exchange.
    pub join_token: Option<String>,
    /// Least price it works for, by category, nano-credits a task; a category not named is not wanted. Empty: any, for nothing.
    pub floors: BTreeMap<u64, Amount>,
    /// When it works.
    pub when: When,
    /// Whether it states what it computed.
    pub honesty: Honesty,
    /// How patient it is.
    pub timing: Timing,
}

impl Config {
    /// A worker of the pool `commons` with one core, and as much memory and disk as a task may ask for, that always works, honestly, for any price.
    #[must_use]
    pub fn new(exchange_url: impl Into<String>, key: SigningKey, cache: Cache) -> Self {
        Self {
            exchange_url: exchange_url.into(),
            key,
            owner: None,
            pool: PoolChoice::Name("commons".to_owned()),
            cores: 1,
            memory_mib: limits::TASK_MEMORY_MIB,
            disk_mib: limits::OUTPUT_MIB,
            cache,
            join_token: None,
            floors: BTreeMap::new(),
            when: When::Always,
            honesty: Honesty::Honest,
            timing: Timing::default(),
        }
    }
}

/// Who owns a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner.
    pub address: Address,
    /// The owner's signature over `orders::hello::Ownership`.
    pub signature: Bytes,
}

/// Which pool to work for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolChoice {
    /// By its name on this exchange, such as `commons` or `bonded`.
    Name(String),
    /// By its address.
    Address(Address),
}

/// When a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever there is work.
    Always,
    /// While nothing else needs the machine's processors. Linux only.
    Idle,
}

/// Whether a worker states what it computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    /// It does.
    Honest,
    /// It states a wrong result for every task, the same one each time it is asked, and has a package to show for it. For
    /// demonstrations and tests of verification: such a worker loses its stakes and is barred.
    Liar,
}

/// How patient an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A connection on which nothing comes for this long is lost.
    pub silence: Duration,
    /// The most time without saying anything.
    pub heartbeat: Duration,
    /// First pause before connecting again; it doubles each time, up to [`Timing::slowest_retry`], and is shortened at random.
    pub first_retry: Duration,
    /// Longest pause before connecting again.
    pub slowest_retry: Duration,
    /// How long a stopping agent stays for results that it has committed to and not yet revealed.
    pub grace: Duration,
}

impl Default for Timing {
    /// The protocol's silence and heartbeat; retries after 0.25 s to 30 s; 5 s of grace.
    fn default() -> Self {
        Self {
            silence: limits::SILENCE,
            heartbeat: limits::HEARTBEAT,
            first_retry: Duration::from_millis(250),
            slowest_retry: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}
