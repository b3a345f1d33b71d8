//! What policy learns from events.

use crate::Market;
use crate::jobs::TaskEnd;
use crate::output::{Ending, Message, Output};
use crate::supply::{Sold, least_pay};
use dispatch::{Decision, Statement, Terms};
use exchange::{AnyOrder, Command, Event, Offer, PayReason, RemovalReason};
use orders::OrderKind;
use poco::ContributionStatus;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use units::{Address, Amount, B256, DealId, OrderHash, TaskId, Timestamp, U256};

impl Market {
    /// Takes note of the events from `first` on.
    pub(crate) fn observe(&mut self, at: Timestamp, first: usize, out: &mut Output) {
        // What policy adds meanwhile comes behind, and was observed when it was added.
        for place in first..out.events.len() {
            let Some(event) = out.events.get(place).cloned() else { break };
            self.observe_one(at, &event, out);
        }
        self.rewards.clear();
    }

    fn observe_one(&mut self, at: Timestamp, event: &Event, out: &mut Output) {
        match *event {
            Event::Hub(ref event) => self.observe_hub(at, event, out),
            Event::OrderPlaced { kind, order, remaining } => self.order_placed(kind, order, remaining),
            Event::OrderFilled { order, remaining, .. } => {
                self.book.set_remaining(order, remaining);
                self.book_stirred = true;
            }
            Event::OrderRemoved { order, why, kind } => {
                let bid = self.book.request(order).map(|(order, _)| (order.category, order.workerpoolmaxprice));
                self.book.remove(order);
                self.supply.removed(order);
                self.makers.removed(order);
                let missed = |(category, price)| self.reach(category).is_none_or(|last| price >= last);
                if kind != OrderKind::Workerpool && bid.is_none_or(missed) {
                    self.supply.demand_changed();
                }
                self.book_stirred |= why != RemovalReason::Filled;
            }
            Event::Held { task, worker, failed, .. } => {
                self.statement_held(at, task, worker, failed, out);
            }
            Event::Shown { task, worker, .. } => {
                let mut decisions = Vec::new();
                self.dispatch.shown(at, task, worker, &mut decisions);
                self.carry_out(at, decisions, out);
            }
            Event::Issued { .. } | Event::TokenTransfer { .. } => {
                self.book_stirred = true;
                self.supply.capacity_changed();
            }
            Event::GroupMember { .. } | Event::GroupCreated { .. } => {
                self.book.members_changed();
                self.book_stirred = true;
                self.supply.capacity_changed();
            }
            Event::Checked { task, worker, passed: _ } => self.standing_changed(task, worker),
            Event::Barred { pool, worker, .. } => {
                self.beside.forget(pool, worker);
                self.sync_standing(pool, worker);
            }
            Event::PoolHosted { .. } => {
                self.audit_pools();
                self.supply.demand_changed();
            }
            Event::PoolClosed { .. } | Event::PolicyUpdate { .. } | Event::AssetTransfer { .. } => {
                self.supply.demand_changed();
            }
            Event::Invited { pool, worker, .. } => self.invited(at, pool, worker),
            Event::Enlisted { pool, worker, .. } | Event::Left { pool, worker, .. } => self.sync_standing(pool, worker),
            // What a price leaves somebody short of, its making counts by itself.
            Event::Paid { pool, amount, why, .. } if why != PayReason::TopUp => self.supply.paid(pool, amount),
            Event::Paid { .. }
            | Event::TokenApproval { .. }
            | Event::Redeemed { .. }
            | Event::Done { .. }
            | Event::Refused { .. }
            | Event::Discarded { .. }
            | Event::ItemRefused { .. }
            | Event::AuditCommitted { .. }
            | Event::AuditOpened { .. }
            | Event::Known { .. }
            | Event::Contradicted { .. }
            | Event::Judged { .. }
            | Event::Withheld { .. }
            | Event::Rated { .. }
            | Event::DealFinished { .. }
            | Event::DealForgotten { .. } => {}
        }
    }

    fn observe_hub(&mut self, at: Timestamp, event: &poco::Event, out: &mut Output) {
        use poco::Event as Hub;
        match *event {
            Hub::OrdersMatched { deal, request, workerpool, .. } => self.deal_matched(deal, request, Some(workerpool)),
            Hub::TaskConsensus { task, .. } => self.task_agreed(at, task, out),
            Hub::TaskReopen { task } => self.dispatch.reopened(task),
            Hub::Reward { owner, amount, reference } => {
                let sum = self.rewards.entry((reference, owner)).or_default();
                *sum = sum.checked_add(amount).expect("what was paid exists");
            }
            Hub::TaskFinalize { task, .. } => self.task_ended(at, task, true, out),
            Hub::TaskClaimed { task } => self.task_ended(at, task, false, out),
            Hub::AccurateContribution { worker, task } => self.judged(worker, task, false),
            Hub::FaultyContribution { worker, task } => self.judged(worker, task, true),
            Hub::Transfer { from, to, .. } => {
                self.book_stirred = true;
                // Stakes and rewards go through the hub; what else comes may let a worker stake for more.
                let hub = self.exchange.genesis().hub;
                if from != hub && to != hub {
                    self.supply.capacity_changed();
                }
            }
            Hub::Unlock { .. } => self.book_stirred = true,
            // What may be paid for a pool of others.
            Hub::Approval { .. } => self.supply.demand_changed(),
            Hub::Lock { .. }
            | Hub::Seize { .. }
            | Hub::SchedulerNotice { .. }
            | Hub::DealSponsored { .. }
            | Hub::SignedOrder { .. }
            | Hub::ClosedOrder { .. }
            | Hub::TaskInitialize { .. }
            | Hub::TaskContribute { .. }
            | Hub::TaskReveal { .. }
            | Hub::CreateCategory { .. } => {}
        }
    }

    pub(crate) fn order_placed(&mut self, kind: OrderKind, hash: OrderHash, remaining: U256) {
        let resting = self.exchange.resting_order(hash).expect("an order that was placed rests");
        if let Some(maker) = resting.signer().address() {
            self.makers.placed(hash, kind, maker);
        }
        let order = match resting {
            AnyOrder::App(order) => {
                self.supply.demand_changed();
                book::AnyOrder::App(order.order().clone())
            }
            AnyOrder::Dataset(order) => {
                self.supply.demand_changed();
                book::AnyOrder::Dataset(order.order().clone())
            }
            AnyOrder::Workerpool(order) => {
                self.supply.placed(order.order().salt, hash);
                book::AnyOrder::Workerpool(order.order().clone())
            }
            AnyOrder::Request(order) => {
                let order = order.order();
                // Of equal bids the later is served behind.
                if self.reach(order.category).is_none_or(|last| order.workerpoolmaxprice > last) {
                    self.supply.demand_changed();
                }
                book::AnyOrder::Request(order.clone())
            }
        };
        debug_assert_eq!(kind, resting.kind(), "an order rests as what it was placed as");
        self.arrivals = self.arrivals.saturating_add(1);
        self.book.insert(hash, order, remaining, self.arrivals);
        self.book_stirred = true;
    }

    /// A worker whose invitation was taken back works there no more.
    fn invited(&mut self, at: Timestamp, pool: Address, worker: Address) {
        let there = self.dispatch.description(worker).is_some_and(|it| it.pool == pool);
        if there && !self.exchange.admits(pool, worker) {
            self.worker_left(at, worker);
        }
    }

    /// A worker's part in a replicated task was right or wrong.
    fn judged(&mut self, worker: Address, task: TaskId, faulty: bool) {
        let score = self.exchange.score(worker).saturating_to();
        self.dispatch.set_score(worker, score);
        self.weigh(worker);
        let deal = self.exchange.task(task).and_then(|task| self.exchange.deal(task.deal));
        if let Some(deal) = deal {
            self.supply.contributed(deal.workerpool.pointer, faulty);
        }
    }

    /// What a worker counts for may have changed.
    pub(crate) fn weigh(&mut self, worker: Address) {
        if let Some(known) = self.dispatch.description(worker) {
            let standing = self.exchange.standing(known.pool, worker);
            let (earned, barred) = standing.map_or((known.earned, known.barred), |it| (it.accepted, it.barred));
            let score = self.exchange.score(worker).saturating_to();
            self.supply.weighed(known, (score, earned), barred, self.exchange.genesis().private);
        }
    }

    /// A deal was made with a pool's order, or found after a restart, when it is not known with which.
    pub(crate) fn deal_matched(&mut self, id: DealId, request: OrderHash, order: Option<OrderHash>) {
        let deal = self.exchange.hub().deal(id).expect("a deal that was matched is there");
        if !self.exchange.is_hosted(deal.workerpool.pointer) {
            return;
        }
        let category = self.exchange.hub().category(deal.category).expect("a deal has a category");
        let time = Duration::from_secs(category.seconds);
        let trust = deal.trust.saturating_to();
        let tenth = time.checked_div(10).expect("ten is not zero");
        let ratio = poco::CONTRIBUTION_DEADLINE_RATIO;
        let deadline =
            deal.start_time.saturating_add(time.saturating_mul(u32::try_from(ratio).expect("a small ratio")));
        let sold = Sold {
            pool: deal.workerpool.pointer,
            app: deal.app.pointer,
            requester: deal.requester,
            trust,
            category: deal.category.0,
            price: deal.workerpool.price,
            workers_part: least_pay(deal.workerpool.price, 1, deal.scheduler_reward_ratio),
            limit: category.seconds.saturating_mul(1_000),
            pay: least_pay(deal.workerpool.price, trust, deal.scheduler_reward_ratio),
            left: self.exchange.unfinished(id).saturating_to(),
            done: 0,
        };
        let pay = self.supply.sold(id, order, sold);
        let wishes = (self.read)(&deal.params);
        let terms = Terms {
            request,
            pool: deal.workerpool.pointer,
            trust,
            category: deal.category.0,
            time,
            pay,
            stake: if trust <= 1 { Amount::ZERO } else { deal.worker_stake },
            first: deal.bot_first.saturating_to(),
            size: deal.bot_size.saturating_to(),
            until: deadline.saturating_sub(tenth),
            requester: deal.requester,
            needs: [deal.app.pointer, deal.dataset.pointer].into_iter().filter(|it| !it.is_zero()).collect(),
            region: wishes.region,
            check: wishes.check,
            tag: deal.tag.union(crate::image::capability(&self.exchange, deal.app.pointer)),
        };
        self.jobs.matched(request, id, deal);
        self.deals.insert(id, request);
        self.dispatch.add_deal(id, terms);
    }

    fn statement_held(&mut self, at: Timestamp, task: TaskId, worker: Address, failed: bool, out: &mut Output) {
        // What came with it in one batch may have decided it already: then nothing is held of it any more.
        let Some(hash) = self.held_hash(task, worker) else { return };
        let mut decisions = Vec::new();
        let statement = Statement { worker, hash, failed, let_through: false };
        self.tell_known_answer(task);
        self.dispatch.stated(at, task, statement, &mut decisions);
        self.carry_out(at, decisions, out);
    }

    /// What a held statement is about: equal for workers who agree.
    pub(crate) fn held_hash(&self, task: TaskId, worker: Address) -> Option<B256> {
        let holding = self.exchange.held(task)?;
        let held = holding.offers.iter().find(|held| held.worker == worker)?;
        Some(hash_of(&held.offer))
    }

    fn task_agreed(&mut self, at: Timestamp, id: TaskId, out: &mut Output) {
        let task = self.exchange.hub().task(id).expect("a task that is agreed on is there");
        let agrees = |it: &&poco::Contribution| it.hash == task.consensus && it.status != ContributionStatus::Rejected;
        let winners: BTreeSet<Address> = task.contributions.iter().filter(agrees).map(|it| it.worker).collect();
        if self.dispatch.place(id).is_none() || task.status.is_final() {
            return;
        }
        let reveal = |worker: &Address| (*worker, Message::Reveal { task: id, instead: self.instead(id, *worker) });
        out.messages.extend(winners.iter().map(reveal));
        let mut decisions = Vec::new();
        self.dispatch.agreed(id, winners, task.reveal_deadline, &mut decisions);
        self.carry_out(at, decisions, out);
    }

    fn task_ended(&mut self, at: Timestamp, id: TaskId, finished: bool, out: &mut Output) {
        let topped_up = if finished { self.top_up(at, id, out) } else { BTreeMap::new() };
        if finished {
            self.share_brought(at, id, out);
        }
        let task = self.exchange.hub().task(id).expect("a task that ended is there");
        let Some(request) = self.deals.get(&task.deal).copied() else { return };
        let deal = self.exchange.hub().deal(task.deal).expect("a task has its deal");
        let failed = crate::decide::says_failed(&task.results);
        let end = if finished { TaskEnd::Finished { failed } } else { TaskEnd::Claimed };
        self.jobs.ended(request, deal, end);
        self.supply.ended(task.deal, finished);
        let hopeless = self.jobs.is_hopeless(request);
        self.jobs.forget_conceded(id);
        let (mut told, mut spare) = (BTreeSet::new(), Vec::new());
        let pool = deal.workerpool.pointer;
        let parts: Vec<Address> = task.contributions.iter().map(|part| part.worker).collect();
        for part in &task.contributions {
            let proved = part.status == ContributionStatus::Proved;
            let ending = match (finished, proved) {
                (true, true) => Ending::Accepted,
                (true, false) => Ending::Dissented,
                (false, _) => Ending::Claimed,
            };
            let reward = topped_up.get(&part.worker).copied().unwrap_or_default();
            told.insert(part.worker);
            self.dispatch.outcome(id, part.worker, ended(ending));
            out.messages.push((part.worker, Message::Settled { task: id, ending, reward }));
        }
        for statement in self.dispatch.statements(id) {
            if !told.contains(&statement.worker) {
                let ending = if finished { Ending::NotNeeded } else { Ending::Claimed };
                let message = Message::Settled { task: id, ending, reward: Amount::ZERO };
                out.messages.push((statement.worker, message));
                spare.push((statement.worker, ended(ending)));
            }
        }
        let (deal, index) = (task.deal, task.index.saturating_to());
        for (worker, how) in spare {
            self.dispatch.outcome(id, worker, how);
        }
        for worker in parts {
            self.sync_standing(pool, worker);
        }
        if finished {
            self.know(at, id, out);
        }
        self.packages.remove(&id);
        let mut decisions = Vec::new();
        if self.dispatch.place(id).is_some() {
            let attempts = self.dispatch.task_ended(id, &mut decisions);
            self.past.ended(id, attempts);
        } else {
            self.dispatch.unopened_ended(deal, id, index);
        }
        self.carry_out(at, decisions, out);
        if self.dispatch.bag(deal).is_none() {
            self.deals.remove(&deal);
        }
        self.book_stirred = true;
        if hopeless {
            // No more of it is bought; what is bought is done and paid. Refused where nothing of it is left to buy.
            let _bought_whole = self.command(at, Command::Halt { request }, out);
        }
    }

    /// PoCo splits one price by weight, among as many as took part: whom that leaves with less than it works for, the pool
    /// pays the rest. What each contributor has for the task then. A pool that cannot pay owes it.
    fn top_up(&mut self, at: Timestamp, id: TaskId, out: &mut Output) -> BTreeMap<Address, Amount> {
        let task = self.exchange.hub().task(id).expect("a task that ended is there");
        let deal = task.deal;
        let reward = |worker: Address| self.rewards.get(&(id.0, worker)).copied().unwrap_or_default();
        let mut rewards: BTreeMap<Address, Amount> =
            task.contributions.iter().map(|part| (part.worker, reward(part.worker))).collect();
        let proved = task.contributions.iter().filter(|part| part.status == ContributionStatus::Proved);
        for part in proved.clone() {
            self.supply.earned(deal, part.worker, reward(part.worker));
        }
        let short: Vec<(Address, Amount)> = proved
            .filter_map(|part| {
                let due = self.dispatch.due(part.worker, deal).max(self.dispatch.asked(id, part.worker));
                Some((part.worker, due.checked_sub(reward(part.worker))?))
            })
            .filter(|(_, short)| !short.is_zero())
            .collect();
        let Some(pool) = self.exchange.hub().deal(deal).map(|deal| deal.workerpool.pointer) else { return rewards };
        for (worker, amount) in short {
            let pay = Command::Pay { pool, worker, amount, task: id, why: PayReason::TopUp };
            if self.command(at, pay, out).is_ok() {
                let sum = rewards.entry(worker).or_default();
                *sum = sum.checked_add(amount).expect("what was paid exists");
            }
        }
        rewards
    }

    /// What the deal's task would be worth to a second witness: what the pool's share leaves of the price.
    pub(crate) fn witness_pay(&self, deal: DealId) -> Option<(Address, Amount)> {
        let deal = self.exchange.hub().deal(deal)?;
        let pay = least_pay(deal.workerpool.price, 1, deal.scheduler_reward_ratio);
        Some((deal.workerpool.pointer, pay))
    }

    /// Passes decisions on that are only told to workers.
    pub(crate) fn tell(&self, decisions: Vec<Decision>, out: &mut Output) {
        for decision in decisions {
            if let Decision::Cancel { worker, task, ending } = decision {
                let too_late = ending == dispatch::Ending::TooLate;
                out.messages.push((worker, Message::Cancel { task, too_late }));
            }
        }
    }

    /// A worker that came back is asked again for what it was asked before.
    pub(crate) fn ask_again(&self, worker: Address, joined: &dispatch::Joined, out: &mut Output) {
        for task in &joined.adopted {
            let Some(state) = self.exchange.hub().task(*task) else { continue };
            let to_show = state.status == poco::TaskStatus::Revealing
                && state.contribution(worker).is_some_and(|it| {
                    it.status == ContributionStatus::Contributed && it.hash == state.consensus && it.hash != B256::ZERO
                });
            if to_show {
                out.messages.push((worker, Message::Reveal { task: *task, instead: self.instead(*task, worker) }));
            }
        }
    }
}

/// How a worker's part ended, in dispatch's words.
fn ended(ending: Ending) -> dispatch::Ended {
    match ending {
        Ending::Accepted => dispatch::Ended::Accepted,
        Ending::Dissented => dispatch::Ended::Dissented,
        Ending::NotNeeded => dispatch::Ended::NotNeeded,
        Ending::Claimed => dispatch::Ended::Claimed,
    }
}

/// What an offer is about: equal for workers who agree.
pub(crate) fn hash_of(offer: &Offer) -> B256 {
    match offer {
        Offer::Sealed { hash, .. } => *hash,
        Offer::Open { digest, .. } => *digest,
    }
}
