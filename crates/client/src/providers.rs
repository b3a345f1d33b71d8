//! Pools that the exchange runs for their owners, and what both sides of a deal say of each other.

use crate::client::Client;
use crate::error::Error;
use abi::Call;
use api::provider::{Provider, Rated};
use orders::Rating;
use units::{Address, Amount, U256};

/// A pool to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPool {
    /// What it is called; no two hosted pools have one name.
    pub name: String,
    /// What a worker stakes, percent of the pool's price.
    pub worker_stake_ratio: u64,
    /// The owner's share, percent; at most 100.
    pub commission: u64,
    /// Whether any worker may work there, or only whom the owner invites.
    pub open: bool,
    /// What the exchange may pay from the owner's credits beside prices: checks, second witnesses, what a price leaves a
    /// worker short of. It sells only while this covers them.
    pub beside: Amount,
}

impl Client {
    /// Publishes a pool of one's own and lets the exchange run it: it sells for the pool, and the owner's free credits are
    /// its stake.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn open_pool(&self, pool: &NewPool) -> Result<Address, Error> {
        let address = self.pool_address(&pool.name).await?;
        let call = Call::OpenPool {
            description: pool.name.clone(),
            worker_stake_ratio: U256::from(pool.worker_stake_ratio),
            scheduler_reward_ratio: U256::from(pool.commission),
            open: pool.open,
        };
        self.transact(&call).await?;
        self.allow_beside(pool.beside).await?;
        Ok(address)
    }

    /// Lets the exchange pay so much, from now on, from one's own credits for one's pools.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn allow_beside(&self, amount: Amount) -> Result<(), Error> {
        let spender = self.exchange().operator;
        self.transact(&Call::HubToken(abi::Erc20::Approve { spender, amount })).await.map(drop)
    }

    /// Has the exchange sell no more for a pool of one's own; what was sold is finished.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn close_pool(&self, pool: Address) -> Result<(), Error> {
        self.transact(&Call::ClosePool { pool }).await.map(drop)
    }

    /// Invites a worker into a pool of one's own, or takes the invitation back.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn invite(&self, pool: Address, worker: Address, invited: bool) -> Result<(), Error> {
        self.transact(&Call::Invite { pool, worker, invited }).await.map(drop)
    }

    /// Takes a worker of one's own out of a pool, with what was withheld of its earnings.
    ///
    /// # Errors
    /// As of [`Client::transact`].
    pub async fn leave_pool(&self, pool: Address, worker: Address) -> Result<(), Error> {
        self.transact(&Call::LeavePool { pool, worker }).await.map(drop)
    }

    /// Says how the other side of a deal did.
    ///
    /// # Errors
    /// [`Error::Refused`] where the deal cannot be rated by this client, or was; [`Error::Unreachable`].
    pub async fn rate(&self, rating: Rating) -> Result<Rated, Error> {
        self.command("/v1/ratings", &rating.sign(self.domain(), self.key())).await
    }

    /// What a worker, somebody's machines together, or a pool have done, and how they are rated.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn provider(&self, address: Address) -> Result<Provider, Error> {
        self.read(&format!("/v1/providers/{address}")).await
    }
}
