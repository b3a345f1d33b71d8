//! Policy at work: matches, grants, the gate's decisions, supply.

use crate::Market;
use crate::facts::MarketFacts;
use crate::output::{Ending, Message, Output, Package};
use crate::supply::Wanted;
use book::Match;
use dispatch::Decision;
use exchange::{Command, PayReason, Rejection};
use poco::TaskStatus;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{Address, Amount, B256, Bytes, OrderHash, TaskId, Timestamp, U256};

/// Most requests of a category, the highest bids first, that supply looks at.
const MOST_WANTS: usize = 256;

impl Market {
    /// Lets policy act until it has nothing more to do now.
    pub fn decide(&mut self, at: Timestamp, out: &mut Output) {
        if self.exchange.next_deadline().is_some_and(|deadline| deadline <= at) {
            let ticked = self.command(at, Command::Tick, out);
            debug_assert!(ticked.is_ok(), "a tick is always admissible");
        }
        let mut decisions = Vec::new();
        self.dispatch.expire(at, &mut decisions);
        self.carry_out(at, decisions, out);
        self.show_secrets(at, out);
        // What is done and held leaves room for more.
        for deal in self.dispatch.done_changed() {
            self.book_stirred = true;
            self.supply.done(deal, self.dispatch.done(deal));
        }
        self.see_who_is_taken_up();
        self.renew(at, out);
        self.match_requests(at, out);
        self.renew(at, out);
        let mut decisions = Vec::new();
        self.dispatch.uploads(at, &mut decisions);
        let exchange = &self.exchange;
        self.dispatch.grants(at, &|account| exchange.account(account).free, &mut decisions);
        self.carry_out(at, decisions, out);
    }

    /// While requests wait for machines it is looked at what these have in hand.
    fn see_who_is_taken_up(&mut self) {
        if self.book.wanted_categories().next().is_none() {
            return;
        }
        let (dispatch, categories) = (&self.dispatch, self.exchange.categories());
        let is_taken_up = |worker, category: u64| {
            let category = usize::try_from(category).ok().and_then(|at| categories.get(at));
            category.is_some_and(|it| dispatch.is_taken_up(worker, Duration::from_secs(it.seconds)))
        };
        let count = u64::try_from(categories.len()).expect("categories are few");
        self.book_stirred |= self.supply.take_up(is_taken_up, count);
    }

    /// Puts the hosted pools' rungs in order.
    fn renew(&mut self, at: Timestamp, out: &mut Output) {
        if !self.supply.is_stirred(at) {
            return;
        }
        let (wants, more) = self.wants();
        let renewal = self.supply.renew(at, &self.exchange, &wants);
        if more {
            self.supply.demand_changed();
        }
        out.offers.extend(renewal.offers);
        for (order, by) in renewal.withdrawn {
            // Gone already if it was filled just now.
            let own = self.exchange.resting_order(order).map(exchange::AnyOrder::subject);
            let own = own.is_some_and(|pool| self.exchange.genesis().hosted(pool).is_some());
            // What was offered for others is void as soon as it is off the book; what the exchange signed is to be closed.
            let command = if own { Command::Withdraw { order } } else { Command::RemoveOrder { order, by } };
            let _gone = self.command(at, command, out);
        }
    }

    /// The resting requests that could be matched if there were offers, by category, as they are served; and whether there may
    /// be more that were not looked at yet.
    fn wants(&mut self) -> (BTreeMap<u64, Vec<Wanted>>, bool) {
        let categories: Vec<U256> = self.book.wanted_categories().collect();
        let facts = MarketFacts { exchange: &self.exchange, supply: &self.supply, fleet: &self.fleet };
        let wanted = |want: &book::Want<'_>| Wanted {
            requester: want.order.requester,
            app: want.order.app,
            pool: want.order.workerpool,
            trust: want.order.trust.saturating_to(),
            tag: want.tag,
            price: want.order.workerpoolmaxprice,
            beside: want.beside,
            tasks: want.tasks.saturating_to(),
            out: self.dispatch.quarantined(want.request).collect(),
        };
        let (mut wants, mut more) = (BTreeMap::new(), false);
        self.reach.clear();
        for category in categories {
            let look = self.book.look(category, MOST_WANTS, &facts);
            let found: Vec<Wanted> = look.wants.iter().map(wanted).collect();
            more |= look.more;
            let category = category.saturating_to();
            let lowest = found.last().filter(|_| found.len() >= MOST_WANTS);
            self.reach.extend(lowest.map(|last| (category, last.price)));
            wants.insert(category, found);
            let without = look.without;
            self.book.leave_out(without);
        }
        (wants, more)
    }

    /// The lowest bid of a category that supply looked at last; none where it looked at all.
    pub(crate) fn reach(&self, category: U256) -> Option<Amount> {
        self.reach.get(&category.saturating_to()).copied()
    }

    /// Matches what can be matched: in each category the highest bid first, each as often as it can be.
    fn match_requests(&mut self, at: Timestamp, out: &mut Output) {
        if !std::mem::take(&mut self.book_stirred) {
            return;
        }
        let categories: Vec<U256> = self.book.wanted_categories().collect();
        for category in categories {
            let requests: Vec<OrderHash> = self.book.crossing(category).map(|(hash, _, _)| hash).collect();
            // Offers that must wait until their workers have done more: who is next waits for them, and all behind it.
            let mut waited_for = BTreeSet::new();
            for request in requests {
                while let Ok(found) = self.book.best(request, &self.facts()) {
                    if !waited_for.contains(&found.workerpool) && !self.admits(&found) {
                        waited_for.insert(found.workerpool);
                        if self.is_left(&found) {
                            self.supply.demand_changed();
                        }
                    }
                    if waited_for.contains(&found.workerpool) {
                        break;
                    }
                    if self.enter_match(at, found, out).is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Whether a match may be made now: the workers of a hosted pool's rung have room for it.
    pub(crate) fn admits(&self, found: &Match) -> bool {
        self.wanted_in(found).is_some_and(|(want, limit)| self.supply.admits(found.workerpool, &want, limit))
    }

    /// Whether the rung is to leave the book for a dearer one, since the request's tasks are no more for its workers.
    fn is_left(&self, found: &Match) -> bool {
        self.wanted_in(found).is_some_and(|(want, _)| self.supply.leaves(found.workerpool, &want))
    }

    /// What a match would be made for, and how long each of its tasks may take, milliseconds.
    fn wanted_in(&self, found: &Match) -> Option<(Wanted, u64)> {
        let (order, _) = self.book.request(found.request)?;
        let category = self.exchange.categories().get(order.category.saturating_to::<usize>());
        let limit = category.map_or(0, |it| it.seconds.saturating_mul(1_000));
        let want = Wanted {
            requester: order.requester,
            app: order.app,
            pool: order.workerpool,
            trust: order.trust.saturating_to(),
            tag: order.tag,
            price: order.workerpoolmaxprice,
            beside: Amount::ZERO,
            tasks: found.volume.saturating_to(),
            out: self.dispatch.quarantined(found.request).collect(),
        };
        Some((want, limit))
    }

    fn enter_match(&mut self, at: Timestamp, found: Match, out: &mut Output) -> Result<(), Rejection> {
        let Match { app, dataset, workerpool, request, .. } = found;
        self.command(at, Command::Match { app, dataset, workerpool, request }, out)
    }

    /// Turns decisions into commands and messages.
    pub(crate) fn carry_out(&mut self, at: Timestamp, decisions: Vec<Decision>, out: &mut Output) {
        for decision in decisions {
            match decision {
                Decision::Grant { worker, task, deal, index, until } => {
                    out.messages.push((worker, Message::Assign { task, deal, index, until }));
                }
                Decision::Cancel { .. } => self.tell(vec![decision], out),
                Decision::AskUpload { task, worker } => out.messages.push((worker, Message::Upload { task })),
                Decision::Authorize { task, worker } => self.authorize(at, task, worker, out),
                Decision::Accept { task, worker } => self.accept(at, task, worker, out),
                Decision::Discard { task, worker } => self.discard(at, task, worker, out),
                Decision::PayWitness { task, worker, asks } => self.pay_witness(at, (task, worker), asks, out),
                Decision::PayCheck { task, worker, asks } => self.pay_check(at, (task, worker), asks, out),
                Decision::Check { task, worker, witnesses, passed: _ } => self.check(at, task, worker, witnesses, out),
                Decision::PayHedge { task, deal, worker, amount } => {
                    if let Some(pool) = self.exchange.hub().deal(deal).map(|deal| deal.workerpool.pointer) {
                        self.pay_beside(at, (pool, worker), amount, (task, PayReason::Hedge), out);
                    }
                }
                Decision::Judge { task, worker, digest, other } => self.ask((task, worker), digest, other, out),
                Decision::Concede { task, worker, digest, other } => {
                    self.concede(at, (task, worker), digest, other, out);
                }
                Decision::Conclude { task } => self.conclude(at, task, out),
            }
        }
    }

    /// Lets a commitment become a contribution. PoCo may refuse it for want of stake, or because consensus is reached.
    fn authorize(&mut self, at: Timestamp, task: TaskId, worker: Address, out: &mut Output) {
        let state = self.exchange.hub().task(task).filter(|state| state.status != TaskStatus::Active);
        let (agreed, on) = (state.is_some(), state.map(|state| state.consensus));
        if agreed && on == self.held_hash(task, worker) {
            let asks = self.dispatch.asked(task, worker);
            self.pay_check(at, (task, worker), asks, out);
        }
        if agreed || self.command(at, Command::Authorize { task, worker }, out).is_err() {
            self.discard(at, task, worker, out);
            let mut decisions = Vec::new();
            self.dispatch.refused(at, task, worker, &mut decisions);
            self.carry_out(at, decisions, out);
        }
    }

    /// Drops a statement, and lets its worker know.
    fn discard(&mut self, at: Timestamp, task: TaskId, worker: Address, out: &mut Output) {
        // Held no more when the task ended meanwhile: then there is nothing to drop, and its worker was told.
        if self.command(at, Command::Discard { task, worker }, out).is_ok() {
            let ending = Ending::NotNeeded;
            out.messages.push((worker, Message::Settled { task, ending, reward: Amount::ZERO }));
        }
    }

    fn accept(&mut self, at: Timestamp, task: TaskId, worker: Address, out: &mut Output) {
        let digest = self.held_hash(task, worker);
        let package = digest.and_then(|digest| self.package_of(task, digest)).cloned();
        let failed = self.dispatch.statements(task).iter().any(|it| it.worker == worker && it.failed);
        let results = package.map(|package| link(&package, failed)).unwrap_or_default();
        if self.command(at, Command::Accept { task, worker, results }, out).is_err() {
            let mut decisions = Vec::new();
            self.dispatch.refused(at, task, worker, &mut decisions);
            self.carry_out(at, decisions, out);
        }
    }

    /// The package of a result that the shell holds.
    pub(crate) fn package_of(&self, task: TaskId, digest: B256) -> Option<&Package> {
        self.packages.get(&task)?.iter().find(|package| package.digest == digest)
    }

    /// The second witness is paid what the first is, or what it asks where that is more.
    fn pay_witness(&mut self, at: Timestamp, (task, worker): (TaskId, Address), asks: Amount, out: &mut Output) {
        let deal = self.dispatch.place(task).map(|(deal, _)| deal);
        let deal = deal.or_else(|| self.exchange.hub().task(task).map(|state| state.deal));
        let Some((pool, amount)) = deal.and_then(|deal| self.witness_pay(deal)) else { return };
        let amount = amount.max(asks);
        self.pay_beside(at, (pool, worker), amount, (task, PayReason::SecondWitness), out);
    }

    /// After consensus, when no more results are to be awaited: finalizes if one was shown, else reopens.
    fn conclude(&mut self, at: Timestamp, task: TaskId, out: &mut Output) {
        let Some(state) = self.exchange.hub().task(task) else { return };
        let command = if state.reveal_counter > 0 {
            let package = self.package_of(task, state.result_digest).cloned();
            let winner = state.contributions.iter().find(|it| it.hash == state.consensus).map(|it| it.worker);
            let failed = self.dispatch.statements(task).iter().any(|it| Some(it.worker) == winner && it.failed);
            let results = package.as_ref().map(|package| link(package, failed)).unwrap_or_default();
            let callback = package.map(|package| package.callback).unwrap_or_default();
            Command::Finalize { task, results, callback }
        } else {
            Command::Reopen { task }
        };
        // Refused only when the final deadline has come: then the next tick claims the task.
        let _overdue = self.command(at, command, out);
    }
}

/// What the exchange says about where a result is, in the form iExec's SDK reads.
fn link(package: &Package, failed: bool) -> Bytes {
    let blob = package.blob;
    let failed = if failed { FAILED } else { "" };
    format!(r#"{{"storage":"manyhands","location":"/v1/blobs/{blob}"{failed}}}"#).into_bytes().into()
}

/// The mark of a result that is the program's failure.
const FAILED: &str = r#","failed":true"#;

/// Whether a task's result says that it is the program's failure.
pub(crate) fn says_failed(results: &Bytes) -> bool {
    std::str::from_utf8(results).is_ok_and(|text| text.contains(FAILED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::Digest;

    #[test]
    fn a_result_says_where_it_is_and_whether_it_is_a_failure() {
        let package = Package { digest: B256::ZERO, blob: Digest::default(), callback: Bytes::new() };
        assert!(says_failed(&link(&package, true)));
        assert!(!says_failed(&link(&package, false)));
    }
}
