//! The exchange held against the naive model.

use super::{Reference, Status, Touched};
use exchange::Exchange;
use poco::TaskStatus;
use units::{Address, Amount, OrderHash, TaskId, U256};

fn amount(plain: u128) -> Amount {
    Amount(U256::from(plain))
}

impl Reference {
    /// A complaint if the exchange has it otherwise: of what was touched since the last time, or of `all`.
    pub(crate) fn compare(&mut self, exchange: &Exchange, all: bool) -> Result<(), String> {
        let Touched { orders, tasks, people, standings } = std::mem::take(&mut self.touched);
        self.compare_money(exchange)?;
        if all {
            for order in self.orders.keys() {
                self.compare_order(exchange, *order)?;
            }
            for task in self.tasks.keys() {
                self.compare_task(exchange, *task)?;
            }
            let resting = self.orders.values().filter(|it| it.rests).count();
            if exchange.resting().count() != resting {
                return Err(format!("{} orders rest, {resting} should", exchange.resting().count()));
            }
            for (pool, worker) in self.standings.keys() {
                self.compare_standing(exchange, *pool, *worker)?;
            }
            if exchange.standings().count() != self.standings.len() {
                return Err("a pool knows somebody whom it should not".to_owned());
            }
            for who in self.purses.keys().chain(self.nonces.keys()) {
                self.compare_person(exchange, *who)?;
            }
        } else {
            for order in orders {
                self.compare_order(exchange, order)?;
            }
            for task in tasks {
                self.compare_task(exchange, task)?;
            }
            for who in people {
                self.compare_person(exchange, who)?;
            }
            for (pool, worker) in standings {
                self.compare_standing(exchange, pool, worker)?;
            }
        }
        Ok(())
    }

    fn compare_money(&self, exchange: &Exchange) -> Result<(), String> {
        let ledger = exchange.hub().ledger();
        if !ledger.is_sound() {
            return Err("the ledger's balances do not add up".to_owned());
        }
        let issued = amount(self.issued);
        if ledger.total() != issued || exchange.outstanding() != issued {
            return Err(format!("issued {issued}, but there is {} of {}", ledger.total(), exchange.outstanding()));
        }
        if exchange.kitty() != amount(self.kitty) {
            return Err(format!("the kitty has {}, it should have {}", exchange.kitty(), self.kitty));
        }
        Ok(())
    }

    fn compare_person(&self, exchange: &Exchange, who: Address) -> Result<(), String> {
        let purse = self.purses.get(&who).copied().unwrap_or_default();
        let account = exchange.account(who);
        let (free, locked) = (amount(purse.free), amount(purse.locked));
        if account.free != free || account.locked != locked {
            let has = format!("{who} has {} free and {} locked", account.free, account.locked);
            return Err(format!("{has}; it should have {free} and {locked}"));
        }
        let score = self.scores.get(&who).copied().unwrap_or(0);
        if exchange.score(who) != U256::from(score) {
            return Err(format!("{who} has score {}, it should have {score}", exchange.score(who)));
        }
        let nonce = self.nonces.get(&who).copied().unwrap_or(0);
        if exchange.nonce(who) != nonce {
            return Err(format!("{who} is at nonce {}, it should be at {nonce}", exchange.nonce(who)));
        }
        Ok(())
    }

    fn compare_standing(&self, exchange: &Exchange, pool: Address, worker: Address) -> Result<(), String> {
        let own = &self.standings[&(pool, worker)];
        let theirs = exchange.standing(pool, worker);
        let alike = |it: &exchange::Standing| {
            let counts =
                (it.owner, it.accepted, it.checks, it.barred) == (own.owner, own.accepted, own.checks, own.barred);
            counts && it.withheld == amount(own.withheld)
        };
        if theirs.is_some_and(alike) { Ok(()) } else { Err(format!("{worker} has {theirs:?}, it should have {own:?}")) }
    }

    fn compare_order(&self, exchange: &Exchange, hash: OrderHash) -> Result<(), String> {
        let Some(order) = self.orders.get(&hash) else { return Err(format!("order {hash} was never placed")) };
        let rests = exchange.resting_order(hash).is_some();
        if exchange.consumed(hash) != U256::from(order.taken) || rests != order.rests {
            let has = format!("order {hash}: {} taken, rests {rests}", exchange.consumed(hash));
            return Err(format!("{has}; it should be {} and {}", order.taken, order.rests));
        }
        Ok(())
    }

    fn compare_task(&self, exchange: &Exchange, id: TaskId) -> Result<(), String> {
        let task = &self.tasks[&id];
        if self.deals[&task.deal].forgotten {
            return Ok(());
        }
        let Some(state) = exchange.task(id) else {
            // Finished deals leave the live state task by task.
            let gone = task.is_final() && exchange.unfinished(task.deal).is_zero();
            return if gone || task.status == Status::Unset {
                Ok(())
            } else {
                Err(format!("task {id} is unknown, it should be {:?}", task.status))
            };
        };
        let alike = match task.status {
            Status::Unset => false,
            Status::Active => state.status == TaskStatus::Active,
            Status::Revealing { hash, .. } => state.status == TaskStatus::Revealing && state.consensus == hash,
            Status::Completed => state.status == TaskStatus::Completed,
            Status::Failed => state.status == TaskStatus::Failed,
        };
        let parts = || task.parts.iter().map(|part| part.worker);
        if !alike || !state.contributions.iter().map(|it| it.worker).eq(parts()) {
            return Err(format!("task {id} is {:?}, it should be {:?}", state.status, task.status));
        }
        Ok(())
    }
}
