//! What is withheld of workers' earnings as their deposits, and when it comes back.

use crate::describe::count;
use api::provider::Machine;
use client::Client;
use serde::Serialize;
use units::{Address, Amount};

/// A worker's deposit in a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Deposit {
    /// Nano-credits.
    withheld: Amount,
    worker: Address,
    /// The pool's name, else its address.
    pool: String,
    checks: u64,
    proven_at: u64,
}

/// The deposits of somebody's workers; those of a worker itself where that is asked for.
pub(crate) async fn of(client: &Client, owner: Address) -> Result<Vec<Deposit>, client::Error> {
    let provider = client.provider(owner).await?;
    // The page of a pool has everybody's machines.
    let own = |machine: &Machine| [machine.owner, machine.worker].contains(&owner) && !machine.withheld.is_zero();
    let deposits = provider.machines.into_iter().filter(own).map(|machine| {
        let known = client.exchange().pools.iter().find(|pool| pool.address == machine.pool);
        Deposit {
            withheld: machine.withheld,
            worker: machine.worker,
            pool: known.map_or_else(|| machine.pool.to_string(), |pool| pool.name.clone()),
            checks: machine.checks,
            proven_at: machine.proven_at,
        }
    });
    Ok(deposits.collect())
}

/// All of them together.
pub(crate) fn total(deposits: &[Deposit]) -> Amount {
    deposits.iter().fold(Amount::ZERO, |sum, it| sum.checked_add(it.withheld).unwrap_or(sum))
}

impl Deposit {
    /// What it is, and how it comes back.
    pub(crate) fn words(&self) -> String {
        let Self { withheld, worker, pool, checks, proven_at } = self;
        let what = format!("{withheld} credits of worker {worker} are its deposit in pool {pool}");
        let leave = format!("`hands pool leave \"{pool}\" {worker}`");
        if checks >= proven_at {
            return format!("{what}; it is proven: {leave} brings them back, and it begins there anew");
        }
        format!(
            "{what}, for results that nobody has checked; it has passed {}, and from {proven_at} on {leave} brings them back: let it work on until then",
            count(*checks, "check")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposit_says_what_brings_it_back() {
        let deposit = |checks| Deposit {
            withheld: Amount::nanos(1_250_000_000),
            worker: Address::ZERO,
            pool: "commons".to_owned(),
            checks,
            proven_at: 20,
        };
        let words = deposit(7).words();
        assert!(words.starts_with("1.25 credits of worker 0x"), "{words}");
        assert!(words.contains("it has passed 7 checks, and from 20 on `hands pool leave \"commons\" 0x"), "{words}");
        let words = deposit(20).words();
        assert!(words.contains("it is proven: `hands pool leave"), "{words}");
        assert_eq!(total(&[deposit(1), deposit(2)]), Amount::nanos(2_500_000_000));
    }
}
