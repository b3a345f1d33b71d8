//! What goes beyond plain computing: ratings, requesters who match their jobs themselves, and what a machine may be given.

use super::{Step, World};
use crate::checks::{Fault, fault, fault_of};
use crate::scenario::{Theme, named};
use crate::system::{CAPABILITY, Request, Turn};
use exchange::AnyOrder;
use market::Message;
use units::TaskId;

/// Tasks of a million that may be begun or waited for at once: far fewer than there are.
const AT_ONCE: usize = 2_000;
/// A requester tries again after so long.
const AGAIN_MS: u64 = 20_000;

impl World {
    /// Takes down what a turn gave to whom, for what it asked then; it must be able to do it and let do it.
    pub(super) fn note_grants(&mut self, turn: &Turn) -> Result<(), Fault> {
        for (worker, message) in &turn.out.messages {
            let Message::Assign { task, deal, .. } = message else { continue };
            self.register.granted(*task, *worker, self.system.asked.get(worker).copied().flatten());
            // The deal may be made in this turn.
            let market = self.system.market.as_ref().expect("the process runs");
            let needs = market.exchange().deal(*deal).is_some_and(|deal| deal.tag == CAPABILITY);
            let (invited, capable) = self.register.may_have(*worker);
            if !invited {
                return fault_of(*task, "who is not invited is given nothing", format!("{worker} was given {task}"));
            }
            if needs && !capable {
                return fault_of(*task, "who cannot do a task is not given it", format!("{worker} was given {task}"));
            }
        }
        if self.scenario.theme == Theme::Million
            && let Some(market) = &self.system.market
        {
            let load = market.load();
            if load.open > AT_ONCE || load.leases > AT_ONCE || load.alarms > AT_ONCE {
                return fault("a job of a million tasks takes no more room than one", format!("{load:?}"));
            }
        }
        Ok(())
    }

    /// Who is not invited is told so, and asks again later.
    pub(super) fn turn_away(&mut self, connection: u64) {
        let machine = self.network.machine_of(connection);
        self.network.cut(&mut self.clock, &mut self.dice, connection);
        if let Some(machine) = machine.and_then(|number| self.fleet.get_mut(number)) {
            machine.turned_away(&mut self.clock);
        }
    }

    /// Those who took part say how it went, and somebody who did not.
    pub(super) fn rate(&mut self, task: TaskId) {
        let id = self.reference.tasks[&task].deal;
        if !self.rated.contains(&id) || !self.more.chance(20) {
            return;
        }
        let deal = &self.reference.deals[&id];
        let proved = self.reference.tasks[&task].parts.iter().find(|part| part.proved).map(|part| part.worker);
        let (requester, pool) = (deal.requester, deal.pool);
        let (rater, subject, due) = match (self.more.below(4), proved) {
            (0, Some(worker)) => (requester, worker, true),
            (1, Some(worker)) => (worker, requester, true),
            (2, _) => (named("passer-by", 1), pool, false),
            _ => (requester, pool, true),
        };
        let after = self.more.below(60_000);
        self.clock.after(after, Step::Rate { deal: id, rater, subject, due });
    }

    /// A requester takes the cheapest offer that fits its job, and matches both by a transaction.
    pub(super) fn match_itself(&mut self, number: usize, tries: u32) {
        if tries == 0 || self.jobs[number].cancelled {
            return;
        }
        self.clock.after(AGAIN_MS, Step::MatchItself { job: number, tries: tries - 1 });
        let job = &self.jobs[number];
        let Some(AnyOrder::Request(request)) = job.order.clone() else { return };
        let Some((call, signers)) = self.system.match_call(&request) else { return };
        self.reference.know(&AnyOrder::Request(request), job.plan.requester);
        self.ask(Request::Transact { from: job.plan.requester, call: Box::new(call), signers });
    }
}
