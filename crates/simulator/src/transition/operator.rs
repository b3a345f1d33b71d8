//! At the operator's: requests, turns, what is made durable, crashes and starts.

use super::{Step, World};
use crate::checks::{self, Fault, fault};
use crate::machine::{Machine, TaskKind};
use crate::network::Up;
use crate::system::{Request, Turn};
use crate::words::{label, task_of, tasks_of};
use exchange::{Command, Entry, Event, Exchange, Rejection};
use market::Worker;
use units::{Amount, Timestamp, U256};

/// The loop takes a turn at least so often.
const IDLE_MS: u64 = 5_000;
/// Turns that may come of nothing, and to nothing, at one moment.
const SPIN: u32 = 1_000;

impl World {
    pub(super) fn place(&mut self, number: usize) {
        let job = &mut self.jobs[number];
        if job.acknowledged || job.cancelled {
            return;
        }
        if let Some(after) = job.plan.cancel_ms.filter(|_| !job.placed) {
            self.clock.after(after, Step::Cancel { job: number });
        }
        job.placed = true;
        let order = job.order.clone().expect("every job has its order");
        let ask = |_: &Self| Request::Command {
            command: Box::new(Command::PlaceOrder(Box::new(order.clone()))),
            job: number,
        };
        let times = if self.rough && self.dice.chance(10) { 2 } else { 1 };
        for _ in 0..times {
            let request = ask(self);
            self.ask(request);
        }
        self.clock.after(10_000, Step::AskAgain { job: number });
    }

    pub(super) fn cancel(&mut self, number: usize) {
        let job = &mut self.jobs[number];
        job.cancelled = true;
        let command = Command::RemoveOrder { order: job.hash, by: job.plan.requester };
        self.ask(Request::Command { command: Box::new(command), job: usize::MAX });
    }

    /// Something reaches the process, if it runs.
    pub(super) fn ask(&mut self, request: Request) {
        if self.system.market.is_some() {
            self.system.inbox.push(request);
            self.arrange_turn();
        }
    }

    pub(super) fn arrives(&mut self, connection: u64, said: Up) {
        if !self.network.delivers(connection) {
            return;
        }
        let Some(machine) = self.network.machine_of(connection).and_then(|number| self.fleet.get(number)) else {
            return;
        };
        let (profile, address) = (machine.profile.clone(), machine.address());
        let request = match said {
            Up::Hello { slots, holding } => {
                let floors =
                    profile.floor.map(|floor| (0..6).map(|category| (category, Amount::nanos(floor))).collect());
                let worker = Worker {
                    address,
                    owner: profile.owner,
                    pool: self.system.pool(profile.pool),
                    cores: profile.cores,
                    slots,
                    floors: floors.unwrap_or_default(),
                    benchmark: 1,
                    ..Worker::default()
                };
                Request::Join { connection, worker: Box::new(worker), holding }
            }
            Up::Frame(frame) => Request::Said { connection, worker: address, frame },
        };
        self.ask(request);
    }

    pub(super) fn server_misses(&mut self, connection: u64) {
        let machine = self.network.machine_of(connection).and_then(|number| self.fleet.get(number));
        if let Some(worker) = machine.map(Machine::address) {
            self.ask(Request::Left { connection, worker });
        }
    }

    pub(super) fn arrange_turn(&mut self) {
        if !self.turn_arranged && self.system.writing.is_none() && self.system.market.is_some() {
            self.turn_arranged = true;
            self.clock.after(0, Step::Turn { life: self.system.life });
        }
    }

    /// The loop wakes at the market's next deadline, and now and then anyway.
    pub(super) fn arrange_wake(&mut self) {
        let Some(market) = &self.system.market else { return };
        let idle = Timestamp(self.clock.now().0 + IDLE_MS);
        let at = market.next_deadline().map_or(idle, |at| at.min(idle)).max(self.clock.now());
        if self.wake_at.is_none_or(|before| at < before || before < self.clock.now()) {
            self.wake_at = Some(at);
            self.clock.at(at, Step::Wake { life: self.system.life });
        }
    }

    pub(super) fn turn(&mut self, life: u32) -> Result<(), Fault> {
        if life != self.system.life || self.system.market.is_none() {
            return Ok(());
        }
        self.turn_arranged = false;
        let now = self.clock.now();
        let turn = self.system.turn(now);
        let idle = turn.out.entries.is_empty() && !turn.heard;
        if idle {
            self.spins = if self.spins.0 == now { (now, self.spins.1 + 1) } else { (now, 1) };
            if self.spins.1 > SPIN {
                let next = self.system.market.as_ref().and_then(market::Market::next_deadline);
                return fault(
                    "the loop sleeps when there is nothing to do",
                    format!("it is {now:?}, it waits for {next:?}"),
                );
            }
        }
        for entry in &turn.out.entries {
            self.note(|| format!("  entry {}", label(&entry.command)));
        }
        let takes = if turn.out.entries.is_empty() {
            0
        } else if self.rough && self.dice.chance(3) {
            self.dice.between(100, 3_000)
        } else {
            self.dice.between(1, 12)
        };
        self.system.writing = Some(turn);
        self.clock.after(takes, Step::Durable { life });
        Ok(())
    }

    /// What was written is on disk: now it is known, and leaves.
    pub(super) fn durable(&mut self, life: u32) -> Result<(), Fault> {
        if life != self.system.life {
            return Ok(());
        }
        let Some(mut turn) = self.system.writing.take() else { return Ok(()) };
        if !turn.out.entries.is_empty() {
            self.note(|| format!("  {} entries are durable", turn.out.entries.len()));
        }
        self.make_durable(&turn.out.entries)?;
        self.answer(&turn)?;
        for (connection, down) in self.system.publish(&mut turn) {
            if let Some(task) = task_of(&down) {
                let to = self.network.machine_of(connection).unwrap_or(usize::MAX);
                self.tell_of(task, format!("to machine {to}, {}", Step::Down { connection, said: down.clone() }));
            }
            self.network.down(&mut self.clock, &mut self.dice, connection, down);
        }
        if !self.system.inbox.is_empty() {
            self.arrange_turn();
        }
        self.arrange_wake();
        Ok(())
    }

    pub(super) fn answer(&mut self, turn: &Turn) -> Result<(), Fault> {
        for (number, taken) in &turn.answers {
            let Some(job) = self.jobs.get_mut(*number) else { continue };
            match taken {
                Ok(()) | Err(Rejection::AlreadyResting(_) | Rejection::Consumed(_)) => job.acknowledged = true,
                Err(why) => return fault("a sound order is taken", format!("job {number}: {why}")),
            }
        }
        Ok(())
    }

    pub(super) fn make_durable(&mut self, entries: &[Entry]) -> Result<(), Fault> {
        for entry in entries {
            let mut events = Vec::new();
            if let Err(why) = self.standby.apply(entry, &mut events) {
                return fault("what was accepted once is accepted again", format!("{}: {why}", label(&entry.command)));
            }
            if let Err(detail) = self.reference.follow(entry, &events) {
                return fault("money moves as a person would reckon", format!("{}: {detail}", label(&entry.command)));
            }
            for task in tasks_of(&entry.command) {
                self.tell_of(task, label(&entry.command));
            }
            self.watch(&events)?;
        }
        self.figures.entries += entries.len() as u64;
        self.system.log.extend_from_slice(entries);
        if entries.is_empty() { Ok(()) } else { checks::books(&self.standby, &self.reference) }
    }

    /// Takes note of deals and ends of tasks.
    pub(super) fn watch(&mut self, events: &[Event]) -> Result<(), Fault> {
        for event in events {
            match event {
                Event::Hub(poco::Event::OrdersMatched { deal, request, .. }) => {
                    let plan = &self.jobs.iter().find(|job| job.hash == *request).expect("only jobs request").plan;
                    let kind = TaskKind { fails: plan.fails, big: plan.big, run_ms: plan.run_ms };
                    self.deals.insert(*deal, kind);
                    self.figures.deals += 1;
                }
                Event::Hub(poco::Event::TaskFinalize { task: id, .. }) => {
                    let task = &self.reference.tasks[id];
                    let trust = self.reference.deals[&task.deal].trust;
                    let digest = self.standby.task(*id).map(|it| it.result_digest).unwrap_or_default();
                    let right = self.register.finalized(
                        *id,
                        task,
                        self.deals[&task.deal].fails,
                        digest,
                        trust,
                        self.system.life > 0,
                    )?;
                    self.figures.finished += 1;
                    self.figures.wrong += u64::from(!right);
                }
                Event::Hub(poco::Event::TaskClaimed { task }) => {
                    self.figures.claimed += 1;
                    let id = self.reference.tasks[task].deal;
                    let deal = &self.reference.deals[&id];
                    if self.scenario.calm && self.register.must_be_done(deal.trust, self.deals[&id].fails) {
                        let words = format!("task {task} of {deal:?} was claimed, and nothing went wrong");
                        return checks::fault_of(*task, "a pool that can work loses no stake", words);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn crash(&mut self) -> Result<(), Fault> {
        let Some(market) = &self.system.market else { return Ok(()) };
        if self.system.writing.is_none() && !self.turn_arranged {
            checks::same(market.exchange(), &self.standby, "before a crash")?;
        }
        let written = self.dice.chance(50);
        let entries = self.system.crash(written);
        self.make_durable(&entries)?;
        self.turn_arranged = false;
        self.wake_at = None;
        for connection in self.network.all() {
            self.network.cut(&mut self.clock, &mut self.dice, connection);
        }
        let down = self.dice.pick(&[50, 500, 3_000, 40_000]);
        self.clock.after(down, Step::Start);
        Ok(())
    }

    pub(super) fn start(&mut self) -> Result<(), Fault> {
        let mut exchange = Exchange::new(self.system.genesis.clone());
        let mut forgotten = Vec::new();
        for entry in &self.system.log {
            forgotten.clear();
            if let Err(why) = exchange.apply(entry, &mut forgotten) {
                return fault("what was accepted once is accepted again", format!("{}: {why}", label(&entry.command)));
            }
        }
        checks::same(&self.standby, &exchange, "after a crash")?;
        for (number, job) in self.jobs.iter().enumerate().filter(|(_, job)| job.acknowledged && !job.cancelled) {
            let consumed = exchange.consumed(job.hash) == U256::from(job.plan.size);
            if exchange.resting_order(job.hash).is_none() && !consumed {
                return fault("nothing acknowledged is lost", format!("job {number} is gone after a crash"));
            }
        }
        self.figures.restarts += 1;
        let turn = self.system.start(self.clock.now(), exchange);
        self.system.writing = Some(turn);
        self.clock.after(3, Step::Durable { life: self.system.life });
        Ok(())
    }
}
