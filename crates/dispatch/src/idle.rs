//! Why a worker has nothing to do, in the order in which a person wants to hear it.

use crate::Dispatch;
use crate::grant::Why;
use crate::quarantine::Fault;
use units::{Address, Amount, OrderHash, Tag};

/// How many ready jobs are asked why a worker gets none of theirs.
const ASKED: usize = 1_000;

/// Why a worker has nothing (more) to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It is not connected.
    NotConnected,
    /// It is barred from its pool.
    Barred,
    /// It has all it says it can take.
    Full {
        /// Tasks it holds.
        holding: usize,
    },
    /// It had faults lately, and holds as many tasks as it may with those.
    Resting {
        /// Tasks it holds.
        holding: usize,
    },
    /// No job has a task to give.
    NoWork,
    /// It gets no more of the jobs that have tasks: it failed them.
    Quarantined {
        /// Those jobs, as far as they were looked at, and how it failed each.
        jobs: Vec<(OrderHash, Fault)>,
    },
    /// It asks more than the jobs that have tasks pay.
    AsksTooMuch {
        /// The least it asks in a category that has tasks; `None`: it does not work in those categories.
        floor: Option<Amount>,
        /// The most that a task pays.
        best_pay: Amount,
    },
    /// It cannot stake what the tasks ask for.
    CannotStake {
        /// The least that it must be able to stake.
        needs: Amount,
    },
    /// It cannot do what the tasks ask for.
    TagMissing {
        /// What that is.
        missing: Tag,
    },
    /// It is not proven yet, and its pool has as many results of such workers to check as it can.
    ChecksBehind,
    /// It gave tasks back for its owner too often, and others run them now.
    GaveBack,
    /// It or another machine of its owner takes part in every task that wants a worker.
    OwnerTakesPart,
    /// There is a task for it: it is about to get it.
    Soon,
}

impl Dispatch {
    /// Why a worker has nothing (more) to do; `purse` says what an account can spend.
    #[must_use]
    pub fn idle(&self, worker: Address, purse: &impl Fn(Address) -> Amount) -> Idle {
        let Some(station) = self.workers.get(&worker).filter(|station| station.connected) else {
            return Idle::NotConnected;
        };
        let holding = station.holding.len();
        if self.is_barred(worker) {
            return Idle::Barred;
        }
        if station.free == 0 {
            return Idle::Full { holding };
        }
        if station.rank.is_none() {
            return Idle::Resting { holding };
        }
        let Some(pool) = self.pools.get(&station.worker.pool) else { return Idle::NoWork };
        let mut found = Found::default();
        for request in pool.queue.in_turn().take(ASKED) {
            match self.pick((request, station.worker.pool), station, purse) {
                Ok(_) => return Idle::Soon,
                Err(why) => found.note(request, why),
            }
        }
        found.most_telling()
    }
}

/// What stood in the way, over the jobs asked.
#[derive(Default)]
struct Found {
    quarantined: Vec<(OrderHash, Fault)>,
    too_much: Option<(Amount, Option<Amount>)>,
    stake: Option<Amount>,
    missing: Option<Tag>,
    takes_part: bool,
    gave_back: bool,
    waits: bool,
}

impl Found {
    fn note(&mut self, request: OrderHash, why: Why) {
        match why {
            // What it has in hand comes first.
            Why::Nothing | Why::Busy => {}
            Why::Waits => self.waits = true,
            Why::GaveBack => self.gave_back = true,
            Why::TakesPart => self.takes_part = true,
            Why::Quarantined(fault) => self.quarantined.push((request, fault)),
            Why::Lacks(tag) => self.missing = Some(tag),
            Why::Stake(needs) => self.stake = Some(self.stake.map_or(needs, |least| least.min(needs))),
            Why::AsksTooMuch { floor, pay } => {
                if self.too_much.is_none_or(|(best, _)| pay > best) {
                    self.too_much = Some((pay, floor));
                }
            }
        }
    }

    /// What its owner can mend comes first.
    fn most_telling(self) -> Idle {
        if let Some((best_pay, floor)) = self.too_much {
            Idle::AsksTooMuch { floor, best_pay }
        } else if let Some(needs) = self.stake {
            Idle::CannotStake { needs }
        } else if let Some(missing) = self.missing {
            Idle::TagMissing { missing }
        } else if !self.quarantined.is_empty() {
            Idle::Quarantined { jobs: self.quarantined }
        } else if self.gave_back {
            Idle::GaveBack
        } else if self.waits {
            Idle::ChecksBehind
        } else if self.takes_part {
            Idle::OwnerTakesPart
        } else {
            Idle::NoWork
        }
    }
}
