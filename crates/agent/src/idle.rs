//! Whether the machine's owner needs it: how much processor time programs other than this one use.

use std::io;
use std::path::Path;
use std::time::Duration;

/// How often it is looked at.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// Cores that others use, in thousandths, from which on the owner needs the machine.
const BUSY_MILLICORES: u64 = 500;
/// Cores that others use, in thousandths, below which they do not.
const CALM_MILLICORES: u64 = 250;
/// Calm looks in a row before work goes on.
const CALM_LOOKS: u32 = 10;

/// Processor time since the machine started, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Of one core, whether used or not.
    elapsed: u64,
    /// Used by all programs on all cores.
    used: u64,
    /// Used by this one.
    own: u64,
}

/// What was seen so far.
#[derive(Debug)]
pub(crate) struct Idle {
    last: Sample,
    needed: bool,
    calm: u32,
}

impl Idle {
    /// Begins to watch; not everywhere can this be known.
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self::since(Sample::take()?))
    }

    /// Whether the owner needs the machine. Unknown counts as yes.
    pub(crate) fn look(&mut self) -> bool {
        match Sample::take() {
            Ok(sample) => self.judge(sample),
            Err(error) => {
                tracing::warn!(%error, "whether this machine is idle could not be told");
                true
            }
        }
    }

    fn since(last: Sample) -> Self {
        Self { last, needed: false, calm: 0 }
    }

    fn judge(&mut self, now: Sample) -> bool {
        let before = std::mem::replace(&mut self.last, now);
        let others = |sample: Sample| sample.used.saturating_sub(sample.own);
        let elapsed = now.elapsed.saturating_sub(before.elapsed).max(1);
        let millicores = others(now).saturating_sub(others(before)).saturating_mul(1_000) / elapsed;
        if millicores >= BUSY_MILLICORES {
            (self.needed, self.calm) = (true, 0);
        } else if millicores < CALM_MILLICORES {
            self.calm = self.calm.saturating_add(1);
            self.needed &= self.calm < CALM_LOOKS;
        } else {
            self.calm = 0;
        }
        self.needed
    }
}

impl Sample {
    fn take() -> io::Result<Self> {
        let read = |path: &str| std::fs::read_to_string(Path::new("/proc").join(path));
        Self::parse(&read("stat")?, &read("self/stat")?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// From `/proc/stat` and `/proc/self/stat` (proc(5)).
    fn parse(machine: &str, process: &str) -> Option<Self> {
        let cores = machine.lines().filter(|line| line.starts_with("cpu")).count().checked_sub(1).filter(|n| *n > 0)?;
        let all = machine.lines().next()?.strip_prefix("cpu ")?;
        let all: Vec<u64> = all.split_whitespace().map_while(|word| word.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in user's already.
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = all[..] else { return None };
        let used = user + nice + system + irq + softirq;
        let elapsed = (used + idle + iowait + steal) / u64::try_from(cores).ok()?;
        // The name, in parentheses, may hold anything; the fields behind it are counted from the third.
        let (_, fields) = process.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11).map_while(|word| word.parse::<u64>().ok());
        let own = fields.next()? + fields.next()?;
        Some(Self { elapsed, used, own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_whatever_the_program_is_called() {
        let machine =
            "cpu  100 1 50 800 10 2 3 4 0 0\ncpu0 50 1 25 400 5 1 1 2 0 0\ncpu1 50 0 25 400 5 1 2 2 0 0\nintr 1\n";
        let process = "42 (a) 7 ) (b) S 1 1 1 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 4 0 1 1 1\n";
        let sample = Sample { elapsed: 970 / 2, used: 156, own: 42 };
        assert_eq!(Sample::parse(machine, process), Some(sample));
        assert_eq!(Sample::parse("", process), None);
        assert_eq!(Sample::parse(machine, "42 (a"), None);
    }

    #[test]
    fn others_work_stops_ours_at_once_and_calm_lets_it_go_on_after_a_while() {
        let at = |second: u64, used: u64, own: u64| Sample { elapsed: second * 100, used, own };
        let mut idle = Idle::since(at(0, 0, 0));
        assert!(!idle.judge(at(1, 200, 190)), "our own use is none of the owner's");
        assert!(idle.judge(at(2, 260, 190)), "60 ticks of 100 by others");
        for second in 3..12 {
            assert!(idle.judge(at(second, 260, 190)), "not calm for long enough at {second}");
        }
        assert!(!idle.judge(at(12, 260, 190)));
    }
}
