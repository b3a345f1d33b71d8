//! Who takes part: the exchange, its operator, a requester, an app's owner, and workers of as many owners.

use crate::exit::hinted;
use crate::{host, wallet};
use agent::{Agent, AgentHandle, Cache, Honesty, Owner, PoolChoice, State, Timing};
use anyhow::{Context as _, bail};
use api::account::Account;
use api::exchange::Pool;
use api::order::{BookRow, Kind};
use client::{BookFilter, Client, Options};
use orders::{Ownership, SigningKey};
use server::{Server, ServerHandle};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use units::{Address, Amount, U256};

/// The pool that the workers work for: a wrong result costs them a stake.
pub(super) const POOL: &str = "bonded";
/// The time class of a frame: PoCo's XS, five minutes.
pub(super) const CATEGORY: u64 = 0;
/// What each worker asks for a task, nano-credits.
const FLOOR: Amount = Amount::nanos(10_000_000);
/// What workers may keep of files that they fetched, bytes.
const CACHE_BYTES: u64 = 4 << 30;
/// How long workers have to be there and on offer.
const ASSEMBLY: Duration = Duration::from_secs(60);
/// How long an agent that is sent home stays for results that it has committed to.
const GRACE: Duration = Duration::from_secs(1);
/// How long an agent has to end.
const FAREWELL: Duration = Duration::from_secs(8);

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) role: String,
    pub(super) address: Address,
    pub(super) part: Part,
}

/// What somebody is in the play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Runs the exchange, owns the pool and stakes for it.
    Operator,
    /// Buys and pays.
    Requester,
    /// Owns the app.
    AppOwner,
    /// States what it computed.
    Worker,
    /// States something else.
    Liar,
    /// Nobody: where seized pool stakes lie.
    Kitty,
}

/// The data folder, and whether it is kept.
#[derive(Debug)]
pub(super) enum Data {
    Kept(PathBuf),
    Passing(TempDir),
}

impl Data {
    /// The folder that was named, which must not have an exchange's books yet, or a new one for the time being.
    pub(super) fn new(named: Option<&Path>) -> anyhow::Result<Self> {
        let Some(folder) = named else {
            return Ok(Self::Passing(tempfile::tempdir().context("no temporary folder can be made")?));
        };
        if journal::exists(folder) {
            return Err(hinted(
                format!("{} has an exchange's books already, and the demo begins with empty ones", folder.display()),
                format!("`hands audit {}`, or --data with a folder that is not there yet", folder.display()),
            ));
        }
        Ok(Self::Kept(folder.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }

    /// Where the operator's receipts are kept.
    pub(super) fn receipts(&self) -> PathBuf {
        self.path().join("receipts.jsonl")
    }
}

/// Everybody, connected.
#[derive(Debug)]
pub(super) struct Stage {
    server: ServerHandle,
    agents: Vec<AgentHandle>,
    receipts: PathBuf,
    operator_key: SigningKey,
    /// The agents' files; one folder for all, so that the tracer is compiled once.
    folder: TempDir,
    /// The same, as the agents share it.
    cache: Option<Cache>,
    pub(super) parties: Vec<Party>,
}

/// Those who act over HTTP.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    pub(super) operator: Client,
    pub(super) requester: Client,
    pub(super) app_owner: Client,
}

/// Workers that `trust` needs: one that lies, and as many others as PoCo's arithmetic wants for the agreed result to win over
/// the lie. With newcomers, whose weight is two: `2ⁿ × trust > (1 + 2 + 2ⁿ) × (trust − 1)`.
fn honest_workers(trust: u64) -> u64 {
    (1..).find(|agreeing| (1_u64 << agreeing) > 3 * (trust - 1)).unwrap_or(u64::MAX)
}

impl Stage {
    /// Opens the exchange, on a free port of this machine.
    pub(super) async fn open(data: &Data) -> anyhow::Result<Self> {
        let config = server::Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: data.path().to_owned(),
            private: false,
            join_token: None,
            registries: None,
            storage: server::StorageLimits::own(),
        };
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let server = Server::start(config).await?;
        let operator_key = host::operator_key(data.path())?.context("the new exchange has no operator's key")?;
        let (receipts, agents, parties) = (data.receipts(), Vec::new(), Vec::new());
        Ok(Self { server, agents, receipts, operator_key, folder, cache: None, parties })
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Connects those who act over HTTP.
    pub(super) async fn clients(&mut self) -> anyhow::Result<Clients> {
        let operator_key = self.operator_key.clone();
        let operator = self.client("operator, owns the pool", Part::Operator, operator_key).await?;
        let requester = self.client("requester", Part::Requester, wallet::new_key()?).await?;
        let app_owner = self.client("app owner", Part::AppOwner, wallet::new_key()?).await?;
        Ok(Clients { operator, requester, app_owner })
    }

    async fn client(&mut self, role: &str, part: Part, key: SigningKey) -> anyhow::Result<Client> {
        let options = Options { receipts: Some(self.receipts.clone()), ..Options::default() };
        let client = Client::connect(&self.url(), key, options).await?;
        self.parties.push(Party { role: role.to_owned(), address: client.address(), part });
        Ok(client)
    }

    /// Starts the workers, the last of which lies, each with a key and an owner of its own.
    pub(super) fn start_workers(&mut self, operator: &Client, trust: u64) -> anyhow::Result<()> {
        let honest = honest_workers(trust);
        let cache = Cache::open(self.folder.path(), CACHE_BYTES)?;
        self.cache = Some(cache.clone());
        for number in 1..=honest + 1 {
            let lies = number > honest;
            let (key, owner) = (wallet::new_key()?, wallet::new_key()?);
            let (worker, role) = (key.address(), format!("worker {number}"));
            let ownership = Ownership { worker, owner: owner.address() };
            let signature = owner.sign(ownership.digest(operator.domain()));
            let config = agent::Config {
                owner: Some(Owner { address: owner.address(), signature }),
                pool: PoolChoice::Name(POOL.to_owned()),
                floors: BTreeMap::from([(CATEGORY, FLOOR)]),
                timing: Timing { grace: GRACE, ..Timing::default() },
                honesty: if lies { Honesty::Liar } else { Honesty::Honest },
                ..agent::Config::new(self.server.url(), key, cache.clone())
            };
            self.agents.push(Agent::start(config)?);
            let (role, part) = if lies { (format!("{role} (lies)"), Part::Liar) } else { (role, Part::Worker) };
            self.parties.push(Party { role, address: worker, part });
        }
        let role = "kitty (seized pool stakes)".to_owned();
        self.parties.push(Party { role, address: poco::KITTY_ADDRESS, part: Part::Kitty });
        Ok(())
    }

    /// Waits until all workers are there, and returns the best offer of their pool that `trust` can be bought at.
    pub(super) async fn assembled(&self, client: &Client, trust: u64) -> anyhow::Result<BookRow> {
        let pool = pool(client)?.address;
        let filter = BookFilter { kind: Some(Kind::Workerpool), category: Some(CATEGORY), ..BookFilter::default() };
        let until = Instant::now() + ASSEMBLY;
        loop {
            for agent in &self.agents {
                if agent.status().borrow().state == State::Ended {
                    bail!("the worker {} ended before it began", agent.worker());
                }
            }
            let connected = client.workers().await?.iter().filter(|row| row.connected && row.pool == pool).count();
            if connected == self.agents.len() {
                let fits = |row: &BookRow| row.subject == pool && row.trust.is_some_and(|offered| offered >= trust);
                let offers = client.book(filter).await?.into_iter().filter(fits);
                if let Some(best) = offers.min_by_key(|row| row.price) {
                    return Ok(best);
                }
            }
            if Instant::now() >= until {
                bail!(
                    "after {} s, {connected} of {} workers are there and nothing of trust {trust} is on offer",
                    ASSEMBLY.as_secs(),
                    self.agents.len()
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> usize {
        self.agents.len()
    }

    /// Everybody's account, as the exchange says.
    pub(super) async fn accounts(&self, client: &Client) -> anyhow::Result<BTreeMap<Address, Account>> {
        let mut accounts = BTreeMap::new();
        for party in &self.parties {
            accounts.insert(party.address, client.account(party.address).await?);
        }
        Ok(accounts)
    }

    /// Sends the workers home; whatever the play came to, none stays.
    pub(super) async fn dismiss(&mut self) {
        let farewells = self.agents.drain(..).map(|agent| timeout(FAREWELL, agent.stop()));
        // How an agent ended tells nothing that the accounts do not.
        drop(futures::future::join_all(farewells).await);
    }

    /// Sends everybody home and closes the exchange; its books are whole then.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        self.dismiss().await;
        // Its folder is removed next.
        if let Some(cache) = self.cache.take() {
            cache.settled().await;
        }
        self.server.stop().await.context("the exchange ended badly")
    }
}

/// The pool that the workers work for.
pub(super) fn pool(client: &Client) -> anyhow::Result<&Pool> {
    client.exchange().pools.iter().find(|pool| pool.name == POOL).with_context(|| format!("there is no pool {POOL}"))
}

/// What a worker of the pool has at stake in a task of this price.
pub(super) fn stake(client: &Client, price: Amount) -> anyhow::Result<Amount> {
    let ratio = U256::from(pool(client)?.worker_stake_ratio);
    let stake = price.checked_mul(ratio).and_then(|part| part.checked_div(U256::from(100)));
    stake.context("the price is beyond reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_honest_outweigh_the_liar_by_pocos_inequality() {
        for trust in 3..=16 {
            let enough = |honest: u64| {
                let agreed = 1_u64 << honest;
                agreed * trust > (1 + 2 + agreed) * (trust - 1)
            };
            assert!(enough(honest_workers(trust)) && !enough(honest_workers(trust) - 1), "trust {trust}");
        }
        assert_eq!(honest_workers(3), 3);
    }

    #[test]
    fn books_that_are_there_already_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Data::new(Some(folder.path())).is_ok());
        std::fs::write(folder.path().join("journal.db"), "").unwrap();
        assert!(Data::new(Some(folder.path())).is_err());
    }
}
