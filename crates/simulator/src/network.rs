//! Connections between machines and the exchange: in order within one, in any order across; late, cut, and half open.
//!
//! A cut loses what is under way, and both ends learn of it in their own time, so that a machine may be back before the
//! exchange has missed it. Nothing is lost in the middle of a connection that goes on: that is what TCP is for. Requesters'
//! calls stand each for itself: they and their answers are lost, late or there twice.

use crate::clock::Clock;
use crate::dice::Dice;
use crate::transition::Step;
use api::worker::{FromWorker, Settlement};
use market::Held;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, DealId, TaskId, Timestamp};

/// After so long a silent connection is lost.
const SILENCE_MS: u64 = 30_000;

/// What a machine says.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    Hello { slots: u32, holding: Vec<Held> },
    Frame(FromWorker),
}

/// What the exchange says.
#[derive(Clone, Debug)]
pub(crate) enum Down {
    Welcome { dropped: Vec<TaskId>, sequence: u64, time: Timestamp },
    Assign { task: TaskId, deal: DealId, index: u64, until: Timestamp, direct: bool },
    Reveal(TaskId),
    Upload(TaskId),
    Cancel(TaskId),
    Settled(Settlement),
    Refused(TaskId),
    Bye,
}

/// One connection of a machine.
#[derive(Debug)]
struct Connection {
    machine: usize,
    cut: bool,
    last_up: Timestamp,
    last_down: Timestamp,
}

/// All connections, and who cannot reach the exchange just now.
#[derive(Debug, Default)]
pub(crate) struct Network {
    connections: BTreeMap<u64, Connection>,
    opened: u64,
    apart: BTreeSet<usize>,
    /// Requesters that cannot.
    requesters_apart: BTreeSet<Address>,
    /// Whether delays are short and nothing is cut by itself.
    pub(crate) calm: bool,
}

impl Network {
    pub(crate) fn new(calm: bool) -> Self {
        Self { calm, ..Self::default() }
    }

    /// Whether a machine is on the other side of a partition.
    pub(crate) fn is_apart(&self, machine: usize) -> bool {
        self.apart.contains(&machine)
    }

    pub(crate) fn machine_of(&self, connection: u64) -> Option<usize> {
        self.connections.get(&connection).map(|it| it.machine)
    }

    pub(crate) fn open(&mut self, machine: usize, now: Timestamp) -> u64 {
        self.opened += 1;
        let connection = Connection { machine, cut: false, last_up: now, last_down: now };
        self.connections.insert(self.opened, connection);
        self.opened
    }

    /// Whether what arrives now still arrives.
    pub(crate) fn delivers(&self, connection: u64) -> bool {
        self.connections.get(&connection).is_some_and(|it| !it.cut)
    }

    /// How long something is under way.
    pub(crate) fn delay(&self, dice: &mut Dice) -> u64 {
        let spike = !self.calm && dice.chance(2);
        if spike { dice.between(200, 4_000) } else { dice.between(1, 40) }
    }

    pub(crate) fn up(&mut self, clock: &mut Clock, dice: &mut Dice, connection: u64, said: Up) {
        let delay = self.delay(dice);
        let Some(it) = self.connections.get_mut(&connection).filter(|it| !it.cut) else { return };
        it.last_up = it.last_up.max(Timestamp(clock.now().0 + delay));
        clock.at(it.last_up, Step::Up { connection, said });
    }

    pub(crate) fn down(&mut self, clock: &mut Clock, dice: &mut Dice, connection: u64, said: Down) {
        let delay = self.delay(dice);
        let Some(it) = self.connections.get_mut(&connection).filter(|it| !it.cut) else { return };
        it.last_down = it.last_down.max(Timestamp(clock.now().0 + delay));
        clock.at(it.last_down, Step::Down { connection, said });
    }

    /// Whether what a requester asks for, or is answered, is lost: a request of its own, not part of a connection.
    pub(crate) fn loses(&self, dice: &mut Dice, requester: Address) -> bool {
        self.requesters_apart.contains(&requester) || !self.calm && dice.chance(5)
    }

    pub(crate) fn part_requester(&mut self, requester: Address, apart: bool) {
        if apart {
            self.requesters_apart.insert(requester);
        } else {
            self.requesters_apart.remove(&requester);
        }
    }

    /// A connection breaks. Each end learns of it at once or when it has missed the other's heartbeats.
    pub(crate) fn cut(&mut self, clock: &mut Clock, dice: &mut Dice, connection: u64) {
        let Some(it) = self.connections.get_mut(&connection).filter(|it| !it.cut) else { return };
        it.cut = true;
        let notice = |dice: &mut Dice| if dice.chance(50) { dice.between(0, 50) } else { dice.between(50, SILENCE_MS) };
        let (server, machine) = (notice(dice), notice(dice));
        clock.after(server, Step::ServerMisses { connection });
        clock.after(machine, Step::MachineMisses { connection });
    }

    pub(crate) fn connections_of(&self, machine: usize) -> Vec<u64> {
        self.connections.iter().filter(|(_, it)| it.machine == machine && !it.cut).map(|(id, _)| *id).collect()
    }

    pub(crate) fn all(&self) -> Vec<u64> {
        self.connections.iter().filter(|(_, it)| !it.cut).map(|(id, _)| *id).collect()
    }

    pub(crate) fn part(&mut self, machine: usize) {
        self.apart.insert(machine);
    }

    pub(crate) fn join(&mut self, machine: usize) {
        self.apart.remove(&machine);
    }
}
