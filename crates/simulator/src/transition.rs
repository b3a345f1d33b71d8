//! The world: what may happen, and what comes of each step.

mod at_machine;
mod operator;
mod requesters;
mod sides;
mod step;

pub(crate) use step::Step;

use crate::checks::{self, Fault, Register, fault};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::machine::{Machine, TaskKind};
use crate::network::Network;
use crate::reference::Reference;
use crate::scenario::{GUEST, Nature, Scenario, named};
use crate::system::{Request, System, Wish, requesters as purses};
use exchange::Exchange;
use requesters::Job;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Address, B256, DealId, TaskId, Timestamp};

/// Within this time of quiet every job ends, or within ten times its category's time and a margin.
const PATIENCE_MS: u64 = 3 * HOUR_MS;
const HOUR_MS: u64 = 3_600 * 1_000;
/// Steps kept to be shown.
const SHOWN: usize = 40;

/// Figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Steps taken.
    pub steps: u64,
    /// Entries made durable.
    pub entries: u64,
    /// Starts of the exchange after a crash.
    pub restarts: u64,
    /// Deals matched.
    pub deals: u64,
    /// Tasks with an accepted result.
    pub finished: u64,
    /// Of those, wrong ones.
    pub wrong: u64,
    /// Tasks not done in time.
    pub claimed: u64,
    /// Deals with such a task, whose stake is lost: none of those that are for nothing.
    pub seized_deals: u64,
    /// Liars found out.
    pub barred: u64,
    /// Deals of a pool that somebody opened.
    pub guests_deals: u64,
    /// Deals with data.
    pub data_deals: u64,
    /// Deals that a requester made itself, by a transaction.
    pub own_deals: u64,
    /// Ratings taken.
    pub ratings: u64,
    /// Virtual milliseconds.
    pub elapsed_ms: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    dice: Dice,
    /// For what goes beyond plain computing.
    more: Dice,
    clock: Clock,
    network: Network,
    system: System,
    fleet: Vec<Machine>,
    jobs: Vec<Job>,
    scenario: Scenario,
    reference: Reference,
    register: Register,
    /// What the durable entries make, one by one.
    standby: Exchange,
    deals: BTreeMap<DealId, TaskKind>,
    /// Deals of which those who take part say how they went.
    rated: BTreeSet<DealId>,
    /// Deals with a task that was claimed.
    seized: BTreeSet<DealId>,
    leaks: BTreeMap<TaskId, B256>,
    /// Names that were taken up so far by those who come back.
    names: u64,
    turn_arranged: bool,
    wake_at: Option<Timestamp>,
    spins: (Timestamp, u32),
    rough: bool,
    quiet_since: Timestamp,
    pub(crate) figures: Figures,
    trace: VecDeque<String>,
    /// What became of each task, in words.
    lives: BTreeMap<TaskId, Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut more = Dice::new(seed ^ 0x6d6f_7265);
        let scenario = Scenario::unfold(&mut dice, &mut more);
        let farmers = scenario.fleet.iter().filter(|it| it.nature == Nature::Farmer).map(|it| it.address);
        let system = System::new(scenario.private, farmers);
        let fleet = {
            let machines = scenario.fleet.iter().cloned().zip(&scenario.skew_ms).enumerate();
            machines.map(|(name, (it, skew))| Machine::new(name, it, *skew)).collect()
        };
        Self {
            reference: Reference::new(&system.genesis),
            register: Register::new(&scenario),
            standby: Exchange::new(system.genesis.clone()),
            network: Network::new(scenario.calm),
            jobs: scenario.plans.iter().cloned().map(Job::new).collect(),
            clock: Clock::new(),
            rough: !scenario.calm,
            dice,
            more,
            system,
            fleet,
            scenario,
            deals: BTreeMap::new(),
            rated: BTreeSet::new(),
            seized: BTreeSet::new(),
            leaks: BTreeMap::new(),
            names: 0,
            turn_arranged: false,
            wake_at: None,
            spins: (Timestamp::default(), 0),
            quiet_since: Timestamp::default(),
            figures: Figures::default(),
            trace: VecDeque::new(),
            lives: BTreeMap::new(),
        }
    }

    /// Notes something about a task.
    fn tell_of(&mut self, task: TaskId, words: String) {
        let line = format!("{:>9.3} s  {words}", self.clock.elapsed_ms() as f64 / 1_000.0);
        self.lives.entry(task).or_default().push(line);
    }

    /// What became of a task.
    pub(crate) fn life(&self, task: TaskId) -> Vec<String> {
        self.lives.get(&task).cloned().unwrap_or_default()
    }

    /// The last steps, in words.
    pub(crate) fn trace(&self) -> Vec<String> {
        let natures: Vec<String> = self.scenario.fleet.iter().map(|it| format!("{:?}", it.nature)).collect();
        let (private, calm) = (self.scenario.private, self.scenario.calm);
        let world = format!("{:?}, private {private}, calm {calm}; {}", self.scenario.theme, natures.join(" "));
        std::iter::once(world).chain(self.trace.iter().cloned()).collect()
    }

    /// Lives through it all.
    pub(crate) fn run(&mut self) -> Result<(), Fault> {
        self.begin()?;
        while !self.all_ended() {
            if self.quiet_for() > PATIENCE_MS.max(10 * self.scenario.longest_ms() + HOUR_MS) {
                let left = self.reference.tasks.iter().find(|(_, task)| !task.is_final()).map(|(id, _)| *id);
                let rule = "in quiet every job ends";
                return Err(Fault { rule, detail: self.what_is_left(), task: left });
            }
            self.step()?;
        }
        self.call_off();
        let ended = self.clock.now();
        // Then the live state is empty within this time, and agents have heard of it.
        let settled = 12 * self.scenario.longest_ms() + HOUR_MS;
        let holds = |it: &Self| it.fleet.iter().any(|machine| machine.still_holds().is_some());
        while self.clock.now().0 < ended.0 + settled && (checks_rest(self).is_err() || holds(self)) {
            self.step()?;
        }
        checks_rest(self)?;
        self.compare(true)?;
        for machine in &self.fleet {
            if let Some(held) = machine.still_holds() {
                let words = format!("machine {} still holds {held:?}", machine.name);
                return checks::fault_of(held, "agents let go of what has ended", words);
            }
        }
        self.register.floors(&self.reference)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let mut purses: Vec<(Address, u64)> = purses().into_iter().map(|it| (it, 10_000_000_000)).collect();
        purses.extend(self.scenario.fleet.iter().map(|it| (it.address, 1_000_000_000)));
        let app_price = if self.scenario.private { 0 } else { self.dice.pick(&[0, 5]) };
        let at = self.system.reading.of(self.clock.now());
        let invited = self.scenario.fleet.iter().filter(|it| it.pool == GUEST && it.invited).map(|it| it.address);
        let turn = self.system.found(at, app_price, &purses, &self.scenario.trade, &invited.collect::<Vec<_>>());
        self.reference.learn(&self.system.published());
        self.system.disk.append(&turn.out.entries);
        self.make_durable(&turn.out.entries)?;
        for job in 0..self.jobs.len() {
            self.make_order(job, app_price);
            let plan = &self.jobs[job].plan;
            let begins =
                if plan.direct { Step::MatchItself { job, tries: 3 } } else { Step::Wish { job, wish: Wish::Place } };
            self.clock.after(plan.at_ms, begins);
        }
        for machine in 0..self.fleet.len() {
            let late = self.dice.chance(20);
            let at = if late { self.dice.below(self.scenario.rough_ms / 2) } else { self.dice.below(2_000) };
            self.clock.after(at, Step::Connect { machine, life: 0 });
        }
        for (at, step) in self.scenario.weather.clone() {
            self.clock.after(at, step);
        }
        if let Some((from, call, after)) = self.system.closing(&self.scenario.trade) {
            self.clock.after(after, Step::Transact { from, call: Box::new(call), signers: Vec::new() });
        }
        self.clock.after(self.scenario.rough_ms, Step::Quiet);
        self.arrange_wake();
        Ok(())
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        if self.trace.len() >= SHOWN {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>9.3} s  {}", self.clock.elapsed_ms() as f64 / 1_000.0, words()));
    }

    fn quiet_for(&self) -> u64 {
        if self.quiet_since == Timestamp::default() { 0 } else { self.clock.now().0 - self.quiet_since.0 }
    }

    fn all_ended(&self) -> bool {
        let bought = |job: &Job| self.reference.taken(job.hash);
        let wanting = |job: &&Job| job.plan.hopeful && !job.cancelled && bought(job) < job.plan.size;
        self.quiet_since != Timestamp::default()
            && !self.jobs.iter().any(|job| wanting(&job))
            && self.figures.finished + self.figures.claimed == self.reference.tasks.len() as u64
    }

    fn what_is_left(&self) -> String {
        let mut words = Vec::new();
        for (number, job) in self.jobs.iter().enumerate() {
            let bought = self.reference.taken(job.hash);
            if bought < job.plan.size {
                let why = self.system.market.as_ref().and_then(|it| it.explain(job.hash));
                words.push(format!("job {number} {:?}: {bought} bought, {why:?}", job.plan));
            }
        }
        let left = self.reference.tasks.iter().filter(|(_, task)| !task.is_final());
        words.extend(left.take(3).map(|(id, task)| format!("task {id} of deal {}", task.deal)));
        words.push(format!("{:?}", self.system.market.as_ref().map(market::Market::load)));
        for machine in self.fleet.iter().filter(|machine| !machine.gone) {
            let why = self.system.market.as_ref().map(|market| market.idle(machine.address()));
            words.push(format!("machine {} asks for {:?}: {why:?}", machine.name, machine.profile.floor));
        }
        words.join("; ")
    }

    fn step(&mut self) -> Result<(), Fault> {
        let Some(step) = self.clock.next() else {
            return fault("time goes on", "nothing is arranged any more");
        };
        self.figures.steps += 1;
        self.figures.elapsed_ms = self.clock.elapsed_ms();
        if !matches!(step, Step::Wake { .. } | Step::Tick { .. } | Step::Turn { .. } | Step::Durable { .. }) {
            self.note(|| step.to_string());
        }
        match step {
            Step::Wish { job, wish } => self.wish(job, wish),
            Step::Asked { job, wish } => self.asked(job, wish),
            Step::Answered { job, wish } => self.answered(job, wish),
            Step::Transact { from, call, signers } => self.ask(Request::Transact { from, call, signers }),
            Step::MatchItself { job, tries } => self.match_itself(job, tries),
            Step::Rate { deal, rater, subject, due } => self.ask(Request::Rate { deal, rater, subject, due }),
            Step::Turn { life } => return self.turn(life),
            Step::Durable { life } => return self.durable(life),
            Step::Wake { life } => {
                if life == self.system.life && self.wake_at.is_some_and(|at| at <= self.clock.now()) {
                    self.wake_at = None;
                    self.arrange_turn();
                }
            }
            Step::Crash => return self.crash(),
            Step::SetTrap { writes, lands } => self.system.disk.set_trap(writes, lands),
            Step::OperatorClockJumps { by_ms } => self.system.reading.jump(by_ms),
            Step::PartRequester { requester } => self.network.part_requester(named("requester", requester), true),
            Step::RejoinRequester { requester } => self.network.part_requester(named("requester", requester), false),
            Step::Start => return self.start(),
            Step::Up { connection, said } => return self.arrives(connection, said),
            Step::ServerMisses { connection } => self.server_misses(connection),
            Step::Quiet => self.be_quiet(),
            other => return self.at_machine(other),
        }
        Ok(())
    }

    /// From now on nothing goes wrong by itself.
    fn be_quiet(&mut self) {
        self.rough = false;
        self.network.calm = true;
        self.system.disk.disarm();
        self.quiet_since = self.clock.now();
    }
}

fn checks_rest(world: &World) -> Result<(), Fault> {
    let Some(market) = &world.system.market else { return fault("dispatch never leaks", "the process is down") };
    checks::at_rest(market)?;
    if world.system.writing.is_none() {
        checks::same(market.exchange(), &world.standby, "at rest")?;
    }
    Ok(())
}
