//! How an agent is set up: by the owner of the machine, who has the last word on what it may use.

use crate::cache::Cache;
use api::limits;
use orders::SigningKey;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use units::{Address, Amount, Bytes, Tag};

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
    /// What runs container images, which agents of one process may share; none: they are not offered.
    #[cfg(target_os = "linux")]
    pub containers: Option<crate::ContainerHost>,
    /// What lets it into a private exchange.
    pub join_token: Option<String>,
    /// Least price it works for, by category, nano-credits a task; a category not named is not wanted. Empty: any, for nothing.
    pub floors: BTreeMap<u64, Amount>,
    /// Where it is, such as `eu-west`; none: it does not say.
    pub region: Option<String>,
    /// What its machine has beyond a processor, as orders' tags name it.
    pub tag: Tag,
    /// What its owner gives for its heat; none: nothing.
    pub heat: Option<Heat>,
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
            #[cfg(target_os = "linux")]
            containers: None,
            join_token: None,
            floors: BTreeMap::new(),
            region: None,
            tag: Tag::NONE,
            heat: None,
            when: When::Always,
            honesty: Honesty::Honest,
            timing: Timing::default(),
        }
    }
}

impl Config {
    /// The runtimes it has.
    pub(crate) fn runtimes(&self) -> Vec<String> {
        let mut runtimes = vec!["wasm".to_owned()];
        #[cfg(target_os = "linux")]
        runtimes.extend(self.containers.iter().map(|host| host.runtime().kind.name().to_owned()));
        runtimes
    }

    /// What it offers beyond a processor: what its owner says, and containers where it runs them.
    pub(crate) fn offered(&self) -> Tag {
        if self.runtimes().len() > 1 { self.tag.union(Tag::CONTAINERS) } else { self.tag }
    }
}

/// What the owner of a machine lets containers be.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug)]
pub struct ContainerPolicy {
    /// The runtime; none: the first that is found of `runc` and `crun`.
    pub runtime: Option<sandbox::Kind>,
    /// Where runtimes are looked for: folders as in `PATH`.
    pub search: std::ffi::OsString,
    /// The registries that images are fetched from.
    pub registries: images::Registries,
    /// Who asks them, by their hosts. Whatever these may read, whoever names it in an app may run here: not for what is secret.
    pub credentials: BTreeMap<String, images::Credentials>,
    /// What images may take on this disk, bytes.
    pub cap_bytes: u64,
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

/// What a machine's owner gives for its heat: while the site wishes for load, the machine works for less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    /// How much load the site wishes for.
    pub demand: HeatDemand,
    /// By how much the floors are lowered while it wishes for all there can be, percent; in proportion when for less.
    pub discount: u8,
}

/// How much load a site wishes for, percent of all that the machine can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeatDemand {
    /// Always so much.
    Percent(u8),
    /// What this file says, a number from 0 to 100, read again every [`Timing::heat`]: a thermostat writes it. Nothing while
    /// it cannot be read.
    File(PathBuf),
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
    /// It states what a machine would whose sums round otherwise: of the numbers that the program says the last digit is another
    /// by so many. For tests of checkers.
    Noisy(u8),
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
    /// How often a [`HeatDemand::File`] is read.
    pub heat: Duration,
}

impl Default for Timing {
    /// The protocol's silence and heartbeat; retries after 0.25 s to 30 s; 5 s of grace; a look at the heat every 10 s.
    fn default() -> Self {
        Self {
            silence: limits::SILENCE,
            heartbeat: limits::HEARTBEAT,
            first_retry: Duration::from_millis(250),
            slowest_retry: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            heat: Duration::from_secs(10),
        }
    }
}
