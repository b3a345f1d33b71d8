//! The world: what may happen, and what comes of each step.

mod operator;

use crate::checks::{self, Fault, Register, fault};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::machine::{Around, Machine, TaskKind};
use crate::network::{Down, Network, Up};
use crate::reference::Reference;
use crate::scenario::{Plan, ROUGH_MS, Scenario};
use crate::system::{System, app_owner, requesters};
use exchange::{AnyOrder, Exchange};
use orders::RequestOrder;
use std::collections::{BTreeMap, VecDeque};
use units::{Address, Amount, B256, DealId, OrderHash, TaskId, Timestamp, U256};

/// Within this time of quiet every job ends.
const PATIENCE_MS: u64 = 3 * 3_600 * 1_000;
/// After the last job has ended, the live state is empty within this time.
const SETTLED_MS: u64 = 110 * 60 * 1_000;
/// Steps kept to be shown.
const SHOWN: usize = 40;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Place {
        job: usize,
    },
    Cancel {
        job: usize,
    },
    /// A requester that was not answered asks again.
    AskAgain {
        job: usize,
    },
    Turn {
        life: u32,
    },
    Durable {
        life: u32,
    },
    Wake {
        life: u32,
    },
    Crash,
    Start,
    Up {
        connection: u64,
        said: Up,
    },
    Down {
        connection: u64,
        said: Down,
    },
    ServerMisses {
        connection: u64,
    },
    MachineMisses {
        connection: u64,
    },
    Connect {
        machine: usize,
        life: u32,
    },
    Tick {
        machine: usize,
        life: u32,
        at: Timestamp,
    },
    Prepared {
        machine: usize,
        life: u32,
        task: TaskId,
        there: bool,
    },
    RunEnded {
        machine: usize,
        life: u32,
        run: u64,
    },
    Uploaded {
        machine: usize,
        life: u32,
        task: TaskId,
    },
    Break {
        machine: usize,
    },
    MachineDies {
        machine: usize,
    },
    Vanish {
        machine: usize,
    },
    Part {
        machine: usize,
    },
    Rejoin {
        machine: usize,
    },
    OwnerNeeds {
        machine: usize,
        needs: bool,
    },
    Quiet,
}

/// A job and what its requester knows of it.
#[derive(Debug)]
struct Job {
    plan: Plan,
    order: Option<AnyOrder>,
    hash: OrderHash,
    placed: bool,
    acknowledged: bool,
    cancelled: bool,
}

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
    /// Virtual milliseconds.
    pub elapsed_ms: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    dice: Dice,
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
    leaks: BTreeMap<TaskId, B256>,
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
        let scenario = Scenario::unfold(&mut dice);
        let system = System::new(scenario.private);
        let fleet = scenario.fleet.iter().cloned().enumerate().map(|(name, it)| Machine::new(name, it)).collect();
        let job = |plan: &Plan| Job {
            plan: plan.clone(),
            order: None,
            hash: OrderHash::default(),
            placed: false,
            acknowledged: false,
            cancelled: false,
        };
        Self {
            reference: Reference::new(&system.genesis, app_owner()),
            register: Register::new(&scenario),
            standby: Exchange::new(system.genesis.clone()),
            network: Network::new(scenario.calm),
            jobs: scenario.plans.iter().map(job).collect(),
            clock: Clock::new(),
            rough: !scenario.calm,
            dice,
            system,
            fleet,
            scenario,
            deals: BTreeMap::new(),
            leaks: BTreeMap::new(),
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
        let world = format!("private {private}, calm {calm}; {}", natures.join(" "));
        std::iter::once(world).chain(self.trace.iter().cloned()).collect()
    }

    /// Lives through it all.
    pub(crate) fn run(&mut self) -> Result<(), Fault> {
        self.begin()?;
        while !self.all_ended() {
            if self.quiet_for() > PATIENCE_MS {
                let left = self.reference.tasks.iter().find(|(_, task)| task.ended.is_none()).map(|(id, _)| *id);
                let rule = "in quiet every job ends";
                return Err(Fault { rule, detail: self.what_is_left(), task: left });
            }
            self.step()?;
        }
        self.call_off();
        let ended = self.clock.now();
        while self.clock.now().0 < ended.0 + SETTLED_MS && checks_rest(self).is_err() {
            self.step()?;
        }
        checks_rest(self)?;
        for machine in &self.fleet {
            if let Some(held) = machine.still_holds() {
                return fault(
                    "agents let go of what has ended",
                    format!("machine {} still holds {held:?}", machine.name),
                );
            }
        }
        self.register.floors(&self.reference, true)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let mut purses: Vec<(Address, u64)> = requesters().into_iter().map(|it| (it, 10_000_000_000)).collect();
        purses.extend(self.scenario.fleet.iter().map(|it| (it.address, 1_000_000_000)));
        let app_price = if self.scenario.private { 0 } else { self.dice.pick(&[0, 5]) };
        let turn = self.system.found(self.clock.now(), app_price, &purses);
        self.make_durable(&turn.out.entries)?;
        for job in 0..self.jobs.len() {
            self.make_order(job, app_price);
            self.clock.after(self.jobs[job].plan.at_ms, Step::Place { job });
        }
        for machine in 0..self.fleet.len() {
            let late = self.dice.chance(20);
            let at = if late { self.dice.below(ROUGH_MS / 2) } else { self.dice.below(2_000) };
            self.clock.after(at, Step::Connect { machine, life: 0 });
        }
        for (at, step) in self.scenario.weather.clone() {
            self.clock.after(at, step);
        }
        self.clock.after(ROUGH_MS, Step::Quiet);
        self.arrange_wake();
        Ok(())
    }

    fn make_order(&mut self, job: usize, app_price: u64) {
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
            salt: B256::from(U256::from(job + 1)),
            ..RequestOrder::default()
        };
        let order = AnyOrder::Request(self.system.checked(order, plan.requester));
        self.jobs[job].hash = order.hash();
        self.jobs[job].order = Some(order);
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
        let bought = |job: &Job| self.reference.matched.get(&job.hash).copied().unwrap_or(0);
        let wanting = |job: &&Job| job.plan.hopeful && !job.cancelled && bought(job) < job.plan.size;
        self.quiet_since != Timestamp::default()
            && !self.jobs.iter().any(|job| wanting(&job))
            && self.figures.finished + self.figures.claimed == self.reference.tasks.len() as u64
    }

    fn what_is_left(&self) -> String {
        let mut words = Vec::new();
        for (number, job) in self.jobs.iter().enumerate() {
            let bought = self.reference.matched.get(&job.hash).copied().unwrap_or(0);
            if bought < job.plan.size {
                let why = self.system.market.as_ref().and_then(|it| it.explain(job.hash));
                words.push(format!("job {number} {:?}: {bought} bought, {why:?}", job.plan));
            }
        }
        let left = self.reference.tasks.iter().filter(|(_, task)| task.ended.is_none());
        words.extend(left.take(3).map(|(id, task)| format!("task {id} of deal {}", task.deal)));
        words.push(format!("{:?}", self.system.market.as_ref().map(market::Market::load)));
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
            Step::Place { job } | Step::AskAgain { job } => self.place(job),
            Step::Cancel { job } => self.cancel(job),
            Step::Turn { life } => return self.turn(life),
            Step::Durable { life } => return self.durable(life),
            Step::Wake { life } => {
                if life == self.system.life && self.wake_at.is_some_and(|at| at <= self.clock.now()) {
                    self.wake_at = None;
                    self.arrange_turn();
                }
            }
            Step::Crash => return self.crash(),
            Step::Start => return self.start(),
            Step::Up { connection, said } => self.arrives(connection, said),
            Step::ServerMisses { connection } => self.server_misses(connection),
            Step::Quiet => self.be_quiet(),
            other => self.at_machine(other),
        }
        Ok(())
    }

    /// A step at a machine.
    fn at_machine(&mut self, step: Step) {
        let up = self.system.market.is_some();
        let (number, life) = match &step {
            Step::Down { connection, .. } | Step::MachineMisses { connection } => {
                (self.network.machine_of(*connection), None)
            }
            Step::Connect { machine, life }
            | Step::Tick { machine, life, .. }
            | Step::Prepared { machine, life, .. }
            | Step::RunEnded { machine, life, .. }
            | Step::Uploaded { machine, life, .. } => (Some(*machine), Some(*life)),
            Step::Break { machine }
            | Step::MachineDies { machine }
            | Step::Vanish { machine }
            | Step::Part { machine }
            | Step::Rejoin { machine }
            | Step::OwnerNeeds { machine, .. } => (Some(*machine), None),
            _ => (None, None),
        };
        let Some(machine) = number.and_then(|number| self.fleet.get_mut(number)) else { return };
        if life.is_some_and(|life| life != machine.life) || machine.gone {
            return;
        }
        let mut around = Around {
            clock: &mut self.clock,
            dice: &mut self.dice,
            network: &mut self.network,
            deals: &self.deals,
            leaks: &mut self.leaks,
            rough: self.rough,
        };
        match step {
            Step::Down { connection, said } if around.network.delivers(connection) => {
                machine.hear(connection, said, &mut around);
            }
            Step::MachineMisses { connection } => machine.misses(connection, &mut around),
            Step::Connect { .. } => machine.connect(up, &mut around),
            Step::Tick { at, .. } if machine.awaits_tick(at) => machine.tick(&mut around),
            Step::Prepared { task, there, .. } => machine.prepared(task, there, &mut around),
            Step::RunEnded { run, .. } => machine.ended(run, &mut around),
            Step::Uploaded { task, .. } => {
                let there = up && !around.network.is_apart(machine.name);
                if there {
                    self.system.blobs.extend(machine.blob(task));
                }
                machine.uploaded(task, there, &mut around);
            }
            Step::Break { machine } => {
                for connection in around.network.connections_of(machine) {
                    around.network.cut(around.clock, around.dice, connection);
                }
            }
            Step::Part { machine } => {
                around.network.part(machine);
                for connection in around.network.connections_of(machine) {
                    around.network.cut(around.clock, around.dice, connection);
                }
            }
            Step::Rejoin { machine } => around.network.join(machine),
            Step::MachineDies { .. } => machine.die(&mut around, false),
            Step::Vanish { .. } => machine.die(&mut around, true),
            Step::OwnerNeeds { needs, .. } => machine.owner_needs(needs, &mut around),
            _ => {}
        }
    }

    /// From now on nothing goes wrong by itself.
    fn be_quiet(&mut self) {
        self.rough = false;
        self.network.calm = true;
        self.quiet_since = self.clock.now();
    }

    /// What can never be matched is taken off the book, as a requester would at last.
    fn call_off(&mut self) {
        for number in 0..self.jobs.len() {
            if !self.jobs[number].cancelled {
                self.cancel(number);
            }
        }
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
