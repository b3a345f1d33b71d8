//! At the requesters': what they ask for, over a network that loses and repeats it, until they are answered.

use super::{Step, World};
use crate::checks::{Fault, fault};
use crate::scenario::Plan;
use crate::system::{CAPABILITY, Request, Turn, Wish};
use exchange::{AnyOrder, Command, Rejection};
use orders::RequestOrder;
use std::collections::BTreeSet;
use units::{Address, Amount, B256, OrderHash, Tag, U256};

/// After so long without an answer a requester asks again.
const ANSWER_MS: u64 = 10_000;

/// A job and what its requester knows of it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) order: Option<AnyOrder>,
    pub(crate) hash: OrderHash,
    /// Whether an answer that it rests has left the exchange: from then on it must not be lost.
    pub(crate) acknowledged: bool,
    pub(crate) cancelled: bool,
    placed: bool,
    /// What its requester was answered.
    heard: BTreeSet<Wish>,
}

impl Job {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            order: None,
            hash: OrderHash::default(),
            acknowledged: false,
            cancelled: false,
            placed: false,
            heard: BTreeSet::new(),
        }
    }
}

impl World {
    pub(super) fn make_order(&mut self, job: usize, app_price: u64) {
        let plan = &self.jobs[job].plan;
        let order = RequestOrder {
            app: self.system.app,
            appmaxprice: Amount::nanos(app_price),
            workerpoolmaxprice: Amount::nanos(plan.price),
            requester: plan.requester,
            beneficiary: plan.requester,
            volume: U256::from(plan.size),
            category: U256::from(plan.category),
            trust: U256::from(plan.trust),
            tag: if plan.capability { CAPABILITY } else { Tag::default() },
            dataset: if plan.data { self.system.dataset } else { Address::ZERO },
            datasetmaxprice: Amount::nanos(self.scenario.trade.data.filter(|_| plan.data).map_or(0, |data| data.price)),
            params: plan.region.to_owned(),
            salt: B256::from(U256::from(job + 1)),
            ..RequestOrder::default()
        };
        let order = AnyOrder::Request(self.system.checked(order, plan.requester));
        self.jobs[job].hash = order.hash();
        self.jobs[job].order = Some(order);
    }

    /// A requester wants something, or wants it still.
    pub(super) fn wish(&mut self, number: usize, wish: Wish) {
        let job = &mut self.jobs[number];
        let moot = wish == Wish::Place && job.cancelled;
        if moot || job.heard.contains(&wish) {
            return;
        }
        match wish {
            Wish::Place => {
                let first = !std::mem::replace(&mut job.placed, true);
                if let Some(after) = job.plan.cancel_ms.filter(|_| first) {
                    self.clock.after(after, Step::Wish { job: number, wish: Wish::Cancel });
                }
            }
            Wish::Cancel => job.cancelled = true,
        }
        let requester = self.jobs[number].plan.requester;
        let copies = if self.rough && self.dice.chance(5) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.network.loses(&mut self.dice, requester) {
                let takes = self.network.delay(&mut self.dice);
                self.clock.after(takes, Step::Asked { job: number, wish });
            }
        }
        self.clock.after(ANSWER_MS, Step::Wish { job: number, wish });
    }

    /// A requester's call reaches the exchange.
    pub(super) fn asked(&mut self, number: usize, wish: Wish) {
        let job = &self.jobs[number];
        let command = match wish {
            Wish::Place => Command::PlaceOrder(Box::new(job.order.clone().expect("every job has its order"))),
            Wish::Cancel => Command::RemoveOrder { order: job.hash, by: job.plan.requester },
        };
        self.ask(Request::Command { command: Box::new(command), asker: Some((number, wish)) });
    }

    /// What is durable is answered; the answer may be lost.
    pub(super) fn answer(&mut self, turn: &Turn) -> Result<(), Fault> {
        if let Some(what) = &turn.replayed {
            return fault("a transaction is good once", what.clone());
        }
        if let Some(what) = &turn.misjudged {
            return fault("who took part rates once, and nobody else", what.clone());
        }
        for ((number, wish), taken) in &turn.answers {
            let job = &mut self.jobs[*number];
            match (wish, taken) {
                (Wish::Place, Ok(()) | Err(Rejection::AlreadyResting(_) | Rejection::Consumed(_))) => {
                    job.acknowledged = true;
                }
                (Wish::Place, Err(why)) => {
                    return fault("a sound order is taken", format!("job {number}: {why}"));
                }
                // Filled already, or never heard of.
                (Wish::Cancel, _) => {}
            }
            let requester = job.plan.requester;
            if !self.network.loses(&mut self.dice, requester) {
                let takes = self.network.delay(&mut self.dice);
                self.clock.after(takes, Step::Answered { job: *number, wish: *wish });
            }
        }
        Ok(())
    }

    /// An answer arrives.
    pub(super) fn answered(&mut self, number: usize, wish: Wish) {
        self.jobs[number].heard.insert(wish);
    }

    /// What can never be matched is taken off the book, as a requester would at last.
    pub(super) fn call_off(&mut self) {
        for number in 0..self.jobs.len() {
            if self.jobs[number].plan.direct {
                self.jobs[number].cancelled = true;
                continue;
            }
            if !std::mem::replace(&mut self.jobs[number].cancelled, true) {
                let job = &self.jobs[number];
                let command = Command::RemoveOrder { order: job.hash, by: job.plan.requester };
                self.ask(Request::Command { command: Box::new(command), asker: None });
            }
        }
    }
}
