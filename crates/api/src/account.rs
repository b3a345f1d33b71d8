//! Accounts and transactions.

use serde::{Deserialize, Serialize};
use units::{Address, Amount};

/// `GET /v1/accounts/{address}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose it is.
    pub address: Address,
    /// Can be spent, nano-credits.
    pub free: Amount,
    /// Locked in deals and stakes, nano-credits.
    pub locked: Amount,
    /// PoCo score.
    pub score: u64,
    /// Nonce of the next transaction.
    pub nonce: u64,
}
