//! Calls on the program itself: arguments, environment, clocks, waiting, randomness; and sockets, of which there are none.
#![expect(
    clippy::needless_pass_by_ref_mut,
    clippy::too_many_arguments,
    reason = "all calls have one shape, and preview 1 says their arguments"
)]

use super::host::{Answer, Descriptor, Host};
use super::memory::Memory;
use crate::world::{Clock, Errno, Fault, Stop};
use results::Failure;

const CLOCK_REAL: u32 = 0;
const CLOCKS: u32 = 4;
const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;
/// The most that a program waits for at a time.
const MAX_SUBSCRIPTIONS: u32 = 4096;
/// How much randomness is made before the run looks at its limits.
const RANDOM_PIECE_BYTES: usize = 1 << 20;
const EVENT_CLOCK: u8 = 0;
const EVENT_READ: u8 = 1;
const EVENT_WRITE: u8 = 2;
/// The other end is gone: standard input has none.
const HANGUP: u16 = 1;

/// Something that a program waits for.
#[derive(Clone, Copy)]
enum Wait {
    /// A moment of the run's clock.
    Until(u64),
    /// A descriptor; it is always ready, with so many bytes.
    Ready { kind: u8, bytes: u64, flags: u16 },
    /// What cannot be waited for.
    Wrong { kind: u8, errno: Errno },
}

impl Host {
    pub(super) fn args_get(&mut self, memory: &mut Memory<'_>, argv: u32, buffer: u32) -> Answer {
        write_strings(memory, &self.args, argv, buffer)
    }

    pub(super) fn args_sizes_get(&mut self, memory: &mut Memory<'_>, count: u32, size: u32) -> Answer {
        write_sizes(memory, &self.args, count, size)
    }

    pub(super) fn environ_get(&mut self, memory: &mut Memory<'_>, environ: u32, buffer: u32) -> Answer {
        write_strings(memory, &self.env, environ, buffer)
    }

    pub(super) fn environ_sizes_get(&mut self, memory: &mut Memory<'_>, count: u32, size: u32) -> Answer {
        write_sizes(memory, &self.env, count, size)
    }

    pub(super) fn clock_res_get(&mut self, memory: &mut Memory<'_>, clock: u32, resolution: u32) -> Answer {
        if clock >= CLOCKS {
            return Err(Errno::Inval.into());
        }
        memory.write_u64(resolution, Clock::STEP)
    }

    pub(super) fn clock_time_get(&mut self, memory: &mut Memory<'_>, clock: u32, _: u64, time: u32) -> Answer {
        if clock >= CLOCKS {
            return Err(Errno::Inval.into());
        }
        let now = self.clock.read();
        memory.write_u64(time, if clock == CLOCK_REAL { Clock::EPOCH.saturating_add(now) } else { now })
    }

    pub(super) fn random_get(&mut self, memory: &mut Memory<'_>, buffer: u32, length: u32) -> Answer {
        let stretch = memory.stretch(buffer, length)?;
        for piece in memory.0[stretch].chunks_mut(RANDOM_PIECE_BYTES) {
            self.random.fill(piece);
            self.watch.look().map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    pub(super) fn sched_yield(&mut self, _: &mut Memory<'_>) -> Answer {
        Ok(())
    }

    /// A signal to oneself ends the program.
    pub(super) fn proc_raise(&mut self, _: &mut Memory<'_>, _signal: u32) -> Answer {
        Err(Stop::Fail(Failure::Trap).into())
    }

    /// Waiting takes no time of the host: the run's clock goes on to the first moment waited for.
    pub(super) fn poll_oneoff(
        &mut self,
        memory: &mut Memory<'_>,
        subscriptions: u32,
        events: u32,
        count: u32,
        happened: u32,
    ) -> Answer {
        if count == 0 || count > MAX_SUBSCRIPTIONS {
            return Err(Errno::Inval.into());
        }
        memory.stretch(subscriptions, count * SUBSCRIPTION_BYTES)?;
        let mut waits = Vec::new();
        for number in 0..count {
            let subscription: [u8; 48] = memory.read(subscriptions + number * SUBSCRIPTION_BYTES)?;
            waits.push((part::<8>(&subscription, 0), self.wait(&subscription)?));
        }
        let first = waits.iter().filter_map(|(_, wait)| match wait {
            Wait::Until(moment) => Some(*moment),
            Wait::Ready { .. } | Wait::Wrong { .. } => None,
        });
        let only_clocks = waits.iter().all(|(_, wait)| matches!(wait, Wait::Until(_)));
        if let Some(first) = first.min().filter(|_| only_clocks) {
            self.clock.sleep_until(first);
        }
        let mut written: u32 = 0;
        for (userdata, wait) in waits {
            let (errno, kind, bytes, flags) = match wait {
                Wait::Until(moment) if moment <= self.clock.now() => (0, EVENT_CLOCK, 0, 0),
                Wait::Until(_) => continue,
                Wait::Ready { kind, bytes, flags } => (0, kind, bytes, flags),
                Wait::Wrong { kind, errno } => (errno as u16, kind, 0, 0),
            };
            let mut event = [0; 32];
            event[..8].copy_from_slice(&userdata);
            event[8..10].copy_from_slice(&errno.to_le_bytes());
            event[10] = kind;
            event[16..24].copy_from_slice(&bytes.to_le_bytes());
            event[24..26].copy_from_slice(&flags.to_le_bytes());
            let place = written.checked_mul(EVENT_BYTES).and_then(|offset| events.checked_add(offset));
            memory.write(place.ok_or(Errno::Fault)?, &event)?;
            written += 1;
        }
        memory.write_u32(happened, written)
    }

    fn wait(&mut self, subscription: &[u8; 48]) -> Result<Wait, Fault> {
        let kind = subscription[8];
        match kind {
            EVENT_CLOCK => {
                let clock = u32::from_le_bytes(part(subscription, 16));
                let timeout = u64::from_le_bytes(part(subscription, 24));
                let absolute = subscription[40] & 1 != 0;
                Ok(match (clock, absolute) {
                    (CLOCKS.., _) => Wait::Wrong { kind, errno: Errno::Inval },
                    (CLOCK_REAL, true) => Wait::Until(timeout.saturating_sub(Clock::EPOCH)),
                    (_, true) => Wait::Until(timeout),
                    (_, false) => Wait::Until(self.clock.read().saturating_add(timeout)),
                })
            }
            EVENT_READ | EVENT_WRITE => {
                let fd = u32::from_le_bytes(part(subscription, 16));
                let ready = |bytes, flags| Wait::Ready { kind, bytes, flags };
                Ok(match self.descriptors.get(&fd) {
                    None => Wait::Wrong { kind, errno: Errno::Badf },
                    Some(Descriptor::Stdin) => ready(0, HANGUP),
                    Some(Descriptor::Stdout | Descriptor::Stderr) => ready(1 << 16, 0),
                    Some(Descriptor::Folder { .. }) => Wait::Wrong { kind, errno: Errno::Badf },
                    Some(Descriptor::File { ino, position, .. }) => {
                        ready(self.tree.stat(*ino).size.saturating_sub(*position), 0)
                    }
                })
            }
            _ => Err(Errno::Inval.into()),
        }
    }

    pub(super) fn sock_accept(&mut self, _: &mut Memory<'_>, fd: u32, _: u32, _: u32) -> Answer {
        self.no_socket(fd)
    }

    pub(super) fn sock_recv(
        &mut self,
        _: &mut Memory<'_>,
        fd: u32,
        _vectors: u32,
        _count: u32,
        _flags: u32,
        _received: u32,
        _out_flags: u32,
    ) -> Answer {
        self.no_socket(fd)
    }

    pub(super) fn sock_send(
        &mut self,
        _: &mut Memory<'_>,
        fd: u32,
        _vectors: u32,
        _count: u32,
        _flags: u32,
        _sent: u32,
    ) -> Answer {
        self.no_socket(fd)
    }

    pub(super) fn sock_shutdown(&mut self, _: &mut Memory<'_>, fd: u32, _how: u32) -> Answer {
        self.no_socket(fd)
    }

    fn no_socket(&mut self, fd: u32) -> Answer {
        self.descriptor(fd)?;
        Err(Errno::Notsock.into())
    }
}

/// Bytes of a subscription.
fn part<const N: usize>(subscription: &[u8; 48], from: usize) -> [u8; N] {
    *subscription[from..].first_chunk().expect("every part lies within a subscription")
}

fn write_strings(memory: &mut Memory<'_>, strings: &[String], mut pointers: u32, mut buffer: u32) -> Answer {
    for string in strings {
        memory.write_u32(pointers, buffer)?;
        memory.write(buffer, string.as_bytes())?;
        let end = u32::try_from(string.len()).ok().and_then(|length| buffer.checked_add(length));
        let end = end.ok_or(Errno::Overflow)?;
        memory.write(end, &[0])?;
        buffer = end.checked_add(1).ok_or(Errno::Overflow)?;
        pointers = pointers.checked_add(4).ok_or(Errno::Overflow)?;
    }
    Ok(())
}

fn write_sizes(memory: &mut Memory<'_>, strings: &[String], count: u32, size: u32) -> Answer {
    memory.write_size(count, strings.len())?;
    memory.write_size(size, strings.iter().map(|string| string.len() + 1).sum())
}
