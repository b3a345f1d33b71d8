//! At the machines': what reaches them, and what befalls them.

use super::{Step, World};
use crate::checks::Fault;
use crate::disk::Wrote;
use crate::machine::Around;
use crate::scenario::named;
use abi::Call;
use orders::Recovered;

impl World {
    /// Which machine a step is about, and in which of its lives.
    fn whose(&self, step: &Step) -> (Option<usize>, Option<u32>) {
        match step {
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
            | Step::ComeBackAnew { machine }
            | Step::MachineClockJumps { machine, .. }
            | Step::Restate { machine, .. }
            | Step::OwnerNeeds { machine, .. } => (Some(*machine), None),
            _ => (None, None),
        }
    }

    /// A step at a machine.
    pub(super) fn at_machine(&mut self, step: Step) -> Result<(), Fault> {
        let up = self.system.market.is_some();
        let (number, life) = self.whose(&step);
        let Some(machine) = number.and_then(|number| self.fleet.get_mut(number)) else { return Ok(()) };
        if life.is_some_and(|life| life != machine.life) || machine.gone {
            return Ok(());
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
                let blob = machine.blob(task).filter(|_| there);
                let wrote = blob.map_or(Wrote::Done, |blob| self.system.disk.put(blob));
                machine.uploaded(task, there && wrote == Wrote::Done, &mut around);
                if wrote != Wrote::Done {
                    return self.dies();
                }
            }
            Step::Break { machine } => cut_off(&mut around, machine),
            Step::Part { machine } => {
                around.network.part(machine);
                cut_off(&mut around, machine);
            }
            Step::Rejoin { machine } => around.network.join(machine),
            Step::MachineDies { .. } => machine.die(&mut around, false),
            Step::Vanish { .. } => machine.die(&mut around, true),
            Step::OwnerNeeds { needs, .. } => machine.owner_needs(needs, &mut around),
            Step::MachineClockJumps { by_ms, .. } => machine.clock_jumps(by_ms, &mut around),
            Step::Restate { floor, heat, .. } => machine.restate(floor, heat, &mut around),
            Step::ComeBackAnew { machine: number } => {
                self.names += 1;
                machine.come_back_anew(named("again", self.names), &mut around);
                self.register.enter(self.fleet[number].profile.clone());
            }
            _ => {}
        }
        self.speak_aside(number);
        Ok(())
    }

    /// What a machine sends as transactions of its own is on its way.
    fn speak_aside(&mut self, number: Option<usize>) {
        let Some(machine) = number.and_then(|number| self.fleet.get_mut(number)) else { return };
        let from = machine.address();
        for call in std::mem::take(&mut machine.aside) {
            let signatures = if matches!(call, Call::Contribute { .. }) { 2 } else { 0 };
            let takes = self.network.delay(&mut self.dice);
            let signers = vec![Recovered::By(from); signatures];
            self.clock.after(takes, Step::Transact { from, call: Box::new(call), signers });
        }
    }
}

fn cut_off(around: &mut Around<'_>, machine: usize) {
    for connection in around.network.connections_of(machine) {
        around.network.cut(around.clock, around.dice, connection);
    }
}
