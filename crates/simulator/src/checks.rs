//! What must be so: after each durable turn, and when everything has come to rest.

use crate::machine::truth;
use crate::network::Down;
use crate::reference::{Reference, Status, Task};
use crate::scenario::{Nature, Profile, Scenario};
use api::worker::Ending;
use exchange::Exchange;
use market::Market;
use poco::TaskStatus;
use std::collections::BTreeMap;
use units::{Address, Amount, TaskId};

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) rule: &'static str,
    pub(crate) detail: String,
    /// The task it is about, if one.
    pub(crate) task: Option<TaskId>,
}

pub(crate) fn fault<T>(rule: &'static str, detail: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { rule, detail: detail.into(), task: None })
}

/// A fault in what became of one task.
pub(crate) fn fault_of<T>(task: TaskId, rule: &'static str, detail: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { rule, detail: detail.into(), task: Some(task) })
}

/// What the simulator knows of who is who.
#[derive(Debug)]
pub(crate) struct Register {
    profiles: BTreeMap<Address, Profile>,
    private: bool,
    /// What each worker asked for when it was given a task, or since, if it asks for less by now.
    granted: BTreeMap<(TaskId, Address), u64>,
    /// Whether wrong results can win by agreement among liars of several owners.
    conspiracy: bool,
}

impl Register {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let copycats = scenario.fleet.iter().any(|it| it.nature == Nature::Copycat);
        let conspires = |it: &&Profile| match it.nature {
            Nature::Colluder | Nature::Naysayer | Nature::Copycat => true,
            it if it.lies_alone() => copycats,
            _ => false,
        };
        let profiles = scenario.fleet.iter().map(|it| (it.address, it.clone())).collect();
        let conspiracy = scenario.fleet.iter().filter(conspires).count() > 1;
        Self { profiles, private: scenario.private, granted: BTreeMap::new(), conspiracy }
    }

    /// Whether a pool's honest machines can surely do a task, whatever the others do. One thing is known to take it from them:
    /// machines twenty times as slow as others, of whom as much is sold.
    pub(crate) fn must_be_done(&self) -> bool {
        !self.profiles.values().any(|it| it.nature == Nature::Slow)
    }

    /// Somebody takes part under a new name.
    pub(crate) fn enter(&mut self, profile: Profile) {
        self.profiles.insert(profile.address, profile);
    }

    /// Whether its pool's owner lets a worker work there, and whether it can do what some jobs ask for.
    pub(crate) fn may_have(&self, worker: Address) -> (bool, bool) {
        self.profile(worker).map_or((false, false), |it| (it.invited, it.capable))
    }

    /// A worker is given a task while it asks for so much.
    pub(crate) fn granted(&mut self, task: TaskId, worker: Address, floor: Option<u64>) {
        let floor = floor.unwrap_or(0);
        self.granted.entry((task, worker)).and_modify(|before| *before = floor.min(*before)).or_insert(floor);
    }

    /// The exchange started anew: what a dearer witness was promised beyond what its deal pays (`pay`) is known again only when
    /// it comes back.
    pub(crate) fn restarted(&mut self, pay: impl Fn(TaskId) -> u64) {
        for ((task, _), floor) in &mut self.granted {
            *floor = (*floor).min(pay(*task));
        }
    }

    /// A worker asks for another price: for what it has in hand it is content with less.
    pub(crate) fn restated(&mut self, worker: Address, floor: Option<u64>) {
        let floor = floor.unwrap_or(0);
        let own = self.granted.iter_mut().filter(|((_, by), _)| *by == worker);
        own.for_each(|(_, before)| *before = floor.min(*before));
    }

    /// Somebody was barred: who does its work is not, unless others conspire.
    pub(crate) fn barred(&self, worker: Address) -> Result<(), Fault> {
        let nature = self.profile(worker).map(|it| it.nature);
        let states_the_truth = nature.is_some_and(Nature::states_the_truth);
        if states_the_truth && !self.conspiracy {
            return fault("nobody honest is ever barred", format!("{worker} ({nature:?}) was"));
        }
        Ok(())
    }

    fn profile(&self, worker: Address) -> Option<&Profile> {
        self.profiles.get(&worker)
    }

    /// A task that has just been finalized: strangers agreed on it, and on the right result.
    pub(crate) fn finalized(
        &self,
        id: TaskId,
        task: &Task,
        fails: bool,
        digest: units::B256,
        restarted: bool,
    ) -> Result<bool, Fault> {
        if !self.private {
            let mut owners: Vec<Address> = Vec::new();
            // A worker that is out and has not come back since a restart cannot be told from a stranger.
            for part in task.parts.iter().filter(|part| part.proved || !restarted) {
                let owner = self.profile(part.worker).map_or(part.worker, |it| it.owner);
                if owners.contains(&owner) {
                    let words = format!("task {id} has two contributions of machines of {owner}");
                    return fault_of(id, "replicas have distinct owners", words);
                }
                owners.push(owner);
            }
        }
        let right = digest == truth(id, fails);
        Ok(right)
    }

    /// From trust 3 on a wrong result takes liars of several owners who agree; where pools do not audit, one who earned
    /// weight enough by honest work before may do alone.
    pub(crate) fn tolerates(&self, id: TaskId, right: bool, trust: u64, audited: bool) -> Result<(), Fault> {
        let credited = self.profiles.values().any(|it| it.nature.earns_before_it_lies());
        if right || trust < 3 || self.conspiracy || credited && !audited {
            return Ok(());
        }
        let words = format!("task {id} at trust {trust} is wrong");
        fault_of(id, "what independent workers agree on is right", words)
    }

    /// Nobody whose result was accepted was paid less than it asked when it was given the task.
    pub(crate) fn floors(&self, reference: &Reference) -> Result<(), Fault> {
        for (id, task) in reference.tasks.iter().filter(|(_, task)| task.status == Status::Completed) {
            for part in task.parts.iter().filter(|part| part.proved) {
                let floor = self.granted.get(&(*id, part.worker)).copied().unwrap_or(0);
                let paid = task.paid.get(&part.worker).copied().unwrap_or(0);
                if paid < u128::from(floor) {
                    let others = task.parts.len() - 1;
                    let words = format!(
                        "{} was paid {paid} for task {id} beside {others} others, and asks for {floor}",
                        part.worker
                    );
                    return fault_of(*id, "no worker below its floor", words);
                }
            }
        }
        Ok(())
    }
}

/// Nothing leaves before what it tells of is durable, and nobody is told of a task's end before it has ended.
pub(crate) fn may_be_told(durable: &Exchange, down: &Down) -> Result<(), Fault> {
    const RULE: &str = "nothing leaves before it is durable";
    let status = |task: TaskId| durable.task(task).map(|it| it.status);
    match down {
        Down::Assign { deal, task, .. } if durable.deal(*deal).is_none() => {
            fault_of(*task, RULE, format!("task {task} was assigned, and its deal is not durable"))
        }
        Down::Reveal(task) if status(*task) == Some(TaskStatus::Active) => {
            fault_of(*task, RULE, format!("a reveal of task {task} was asked for, and nobody agrees yet"))
        }
        Down::Settled(it)
            if matches!(it.ending, Ending::Accepted | Ending::Claimed)
                && status(it.task).is_some_and(|it| !it.is_final()) =>
        {
            fault_of(it.task, RULE, format!("task {} was settled and is not final", it.task))
        }
        _ => Ok(()),
    }
}

/// A process that starts again from its disk knows what it knew.
pub(crate) fn same(before: &Exchange, after: &Exchange, when: &str) -> Result<(), Fault> {
    if before == after {
        return Ok(());
    }
    fault("a restart changes nothing", format!("{when}: the state is not what the entries on disk make"))
}

/// When all is done nothing is kept.
pub(crate) fn at_rest(market: &Market) -> Result<(), Fault> {
    const RULE: &str = "dispatch never leaks";
    let load = market.load();
    if load != market::Load::default() {
        return fault(RULE, format!("every task has ended, and yet {load:?}"));
    }
    let exchange = market.exchange();
    if let Some((task, _)) = exchange.all_held().next() {
        return fault(RULE, format!("something is still held of task {task}"));
    }
    if let Some((deal, _)) = exchange.hub().deals().next() {
        return fault(RULE, format!("deal {deal} has not left the live state"));
    }
    // What is locked then is the kitty, and what pools withhold of workers' first earnings.
    let withheld = |who: Address| {
        let of_worker = exchange.standings().filter(|(_, worker, _)| *worker == who);
        of_worker.fold(Amount::ZERO, |sum, (_, _, it)| sum.checked_add(it.withheld).unwrap_or(sum))
    };
    let mut accounts = exchange.hub().ledger().accounts();
    let locked = accounts.find(|(who, it)| it.locked != withheld(*who) && *who != poco::KITTY_ADDRESS);
    if let Some((who, account)) = locked {
        return fault(RULE, format!("{who} still has {} locked", account.locked));
    }
    Ok(())
}
