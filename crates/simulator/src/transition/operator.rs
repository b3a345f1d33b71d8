//! At the operator's: requests, turns, what is made durable, crashes and starts.

use super::{Step, World};
use crate::checks::{self, Fault, fault};
use crate::disk::Wrote;
use crate::machine::{Machine, TaskKind};
use crate::network::Up;
use crate::reference::Reference;
use crate::scenario::Program;
use crate::system::{CAPABILITY, Request};
use crate::words::{label, task_of, tasks_of};
use api::worker::FromWorker;
use exchange::{Entry, Event, Exchange};
use market::Worker;
use units::{Digest, Tag, Timestamp, U256};

/// The loop takes a turn at least so often; less often when nothing goes wrong by itself, to save the reader's time.
const IDLE_MS: u64 = 5_000;
const QUIET_IDLE_MS: u64 = 60_000;
/// Turns that may come of nothing, and to nothing, at one moment.
const SPIN: u32 = 1_000;

impl World {
    /// Something reaches the process, if it runs.
    pub(super) fn ask(&mut self, request: Request) {
        if self.system.market.is_some() {
            self.system.inbox.push(request);
            self.arrange_turn();
        }
    }

    pub(super) fn arrives(&mut self, connection: u64, said: Up) -> Result<(), Fault> {
        if !self.network.delivers(connection) || self.system.market.is_none() {
            return Ok(());
        }
        let Some(machine) = self.network.machine_of(connection).and_then(|number| self.fleet.get(number)) else {
            return Ok(());
        };
        let (profile, address) = (machine.profile.clone(), machine.address());
        let request = match said {
            Up::Hello { .. } if !self.system.admits(self.system.pool(profile.pool), address) => {
                self.turn_away(connection);
                return Ok(());
            }
            Up::Hello { slots, holding } => {
                self.register.restated(address, profile.floor);
                let worker = Worker {
                    address,
                    owner: profile.owner,
                    pool: self.system.pool(profile.pool),
                    cores: profile.cores,
                    slots,
                    floors: profile.floors(),
                    benchmark: 1,
                    tag: if profile.capable { CAPABILITY } else { Tag::default() },
                    region: profile.region.map(str::to_owned),
                    heat: profile.heat,
                    cached: self.system.assets(profile.caches),
                    ..Worker::default()
                };
                Request::Join { connection, worker: Box::new(worker), holding }
            }
            Up::Frame(frame) => {
                if let FromWorker::Floors { .. } = frame {
                    self.register.restated(address, profile.floor);
                }
                // What rides in a frame is stored before the loop hears of it.
                for blob in riding(&frame) {
                    if self.system.disk.put(blob) != Wrote::Done {
                        return self.dies();
                    }
                }
                Request::Said { connection, worker: address, frame }
            }
        };
        self.ask(request);
        Ok(())
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
        let idle = Timestamp(self.clock.now().0 + if self.rough { IDLE_MS } else { QUIET_IDLE_MS });
        let due = market.next_deadline().map(|at| self.system.reading.when(at));
        let at = due.map_or(idle, |at| at.min(idle)).max(self.clock.now());
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
        self.note_grants(&turn)?;
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
        self.system.note_packages(&mut turn);
        match self.system.disk.append(&turn.out.entries) {
            Wrote::Done => self.make_durable(&turn.out.entries)?,
            Wrote::Died { landed } => {
                if landed {
                    self.make_durable(&turn.out.entries)?;
                }
                return self.dies();
            }
        }
        self.answer(&turn)?;
        for (connection, down) in self.system.publish(&mut turn) {
            checks::may_be_told(&self.standby, &down)?;
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

    pub(super) fn make_durable(&mut self, entries: &[Entry]) -> Result<(), Fault> {
        for entry in entries {
            let mut events = Vec::new();
            if let Err(why) = self.standby.apply(entry, &mut events) {
                return fault("what was accepted once is accepted again", format!("{}: {why}", label(&entry.command)));
            }
            if let Err(detail) = self.reference.follow(entry, &events) {
                let detail = format!("{}: {detail}", label(&entry.command));
                let task = tasks_of(&entry.command).first().copied();
                return Err(Fault { rule: "the exchange is as a person would reckon", detail, task });
            }
            for task in tasks_of(&entry.command) {
                self.tell_of(task, label(&entry.command));
            }
            self.watch(&events)?;
        }
        self.figures.entries += entries.len() as u64;
        if entries.is_empty() { Ok(()) } else { self.compare(false) }
    }

    /// The exchange is as the naive model has it.
    pub(super) fn compare(&mut self, all: bool) -> Result<(), Fault> {
        let found = self.reference.compare(&self.standby, all);
        found.or_else(|detail| fault("the exchange is as a person would reckon", detail))
    }

    /// Takes note of deals and ends of tasks.
    pub(super) fn watch(&mut self, events: &[Event]) -> Result<(), Fault> {
        for event in events {
            match event {
                Event::Hub(poco::Event::OrdersMatched { deal, request, .. }) => {
                    let plan = &self.jobs.iter().find(|job| job.hash == *request).expect("only jobs request").plan;
                    let kind = TaskKind {
                        fails: plan.program != Program::Sound,
                        endless: plan.program == Program::Endless,
                        big: plan.big,
                        run_ms: plan.run_ms,
                    };
                    let terms = &self.reference.deals[deal];
                    self.figures.guests_deals += u64::from(terms.pool == self.system.guest);
                    self.figures.data_deals += u64::from(plan.data);
                    self.figures.own_deals += u64::from(plan.direct);
                    if plan.rates {
                        self.rated.insert(*deal);
                    }
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
                        self.system.life > 0,
                    )?;
                    self.figures.finished += 1;
                    self.register.tolerates(*id, right, trust, self.reference.draws)?;
                    self.figures.wrong += u64::from(!right);
                    self.rate(*id);
                }
                Event::Rated { .. } => self.figures.ratings += 1,
                Event::Barred { worker, .. } => {
                    self.figures.barred += 1;
                    self.register.barred(*worker)?;
                }
                // No more of a job is bought whose program always fails.
                Event::OrderRemoved { order, why: exchange::RemovalReason::Halted, .. } => {
                    for job in self.jobs.iter_mut().filter(|job| job.hash == *order) {
                        job.cancelled = true;
                    }
                }
                Event::Hub(poco::Event::TaskClaimed { task }) => {
                    self.figures.claimed += 1;
                    let id = self.reference.tasks[task].deal;
                    let deal = &self.reference.deals[&id];
                    // Where nothing is paid nothing is staked.
                    self.figures.seized_deals += u64::from(deal.pool_price > 0 && self.seized.insert(id));
                    if self.scenario.calm && self.register.must_be_done() {
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
        // Of the record that is being written all is on disk, or nothing.
        if let Some(turn) = self.system.writing.take()
            && self.dice.chance(50)
        {
            match self.system.disk.append(&turn.out.entries) {
                Wrote::Done | Wrote::Died { landed: true } => self.make_durable(&turn.out.entries)?,
                Wrote::Died { landed: false } => {}
            }
        }
        self.dies()
    }

    /// The process is gone; somebody starts it again.
    pub(super) fn dies(&mut self) -> Result<(), Fault> {
        self.note(|| "the process dies".to_owned());
        self.system.die();
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
        for entry in &self.system.disk.log {
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
        self.compare(true)?;
        let Reference { tasks, deals, .. } = &self.reference;
        self.register.restarted(|task| tasks.get(&task).map_or(u64::MAX, |it| deals[&it.deal].least_pay()));
        self.figures.restarts += 1;
        let turn = self.system.start(self.clock.now(), exchange);
        self.system.writing = Some(turn);
        self.clock.after(3, Step::Durable { life: self.system.life });
        Ok(())
    }
}

/// The results that ride in a frame.
fn riding(frame: &FromWorker) -> Vec<Digest> {
    let FromWorker::Batch(batch) = frame else { return Vec::new() };
    let completes = batch.completes.iter().map(|it| &it.result);
    let sealed = batch.commits.iter().filter_map(|it| it.opened.as_ref()).map(|it| &it.result);
    let results = completes.chain(sealed).chain(batch.reveals.iter().map(|it| &it.result));
    results.filter(|it| it.inline.is_some()).map(|it| it.blob).collect()
}
