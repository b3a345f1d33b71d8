//! The gate: what of the statements held is let through, and when.
//!
//! At trust ≤ 2 a success passes at once, unless the pool audits trust 1 ([`crate::audit`]); a statement that the program
//! failed waits for a second witness of another owner. Above, statements are held until enough agree. Then dissenters are let
//! through first, wherever PoCo's arithmetic still lets the agreed result win, so that they lose their stakes; a dissent calls
//! for the further replicas that this takes, where they are to be had, else the dissenter is left out. A statement of failure
//! is never let through as a dissent.
//!
//! PoCo cannot take back what was shown: winners who show their result and never bring it would let the task run out, and the
//! pool lose its stake. So nothing is let through before the package of what is agreed is here, of one of those who agree: a
//! small one comes beside the statement, a large one is asked of one after the other, and who does not bring it is out.
//!
//! PoCo's score can be farmed by whoever owns a pool and asks its own worker. So in a pool that audits the gate weighs workers
//! by what they earned there from strangers, if that is less than their score, and at most as [`MOST_WEIGHT`]; from trust 3 on
//! it wants two owners. PoCo's own inequality must hold besides. Members of the agreeing group are let through lightest first,
//! so that as many as can be are PoCo's to pay; whom PoCo did not need the pool pays, and it goes first another time.
//!
//! One statement an owner counts, and only of a worker that the task was granted to: nobody joins a vote uninvited. After a
//! restart it may not be known whose a worker is until it comes back: till then its statement does not count, unless it was
//! let through before.

use crate::attempt::Ended;
use crate::classes::Check;
use crate::decision::Decision;
use crate::open::{Agreement, Open, Statement, agrees};
use crate::quarantine::Fault;
use crate::weight::{self, Weight, weight_of_score};
use crate::{Bag, Dispatch};
use std::collections::BTreeSet;
use units::{Address, B256, TaskId, Timestamp};

/// What a worker weighs at most in a pool that audits.
pub(crate) const MOST_WEIGHT: u128 = 10;
/// From this trust on two owners must agree in a pool that audits.
const TWO_OWNERS_FROM: u64 = 3;

/// Workers who state the same.
pub(crate) struct Group {
    pub(crate) hash: B256,
    pub(crate) failed: bool,
    pub(crate) weight: Weight,
    /// In the order in which they stated it.
    pub(crate) members: Vec<Address>,
}

impl Dispatch {
    /// A worker's statement about a task is held by the exchange. One of a worker that was not granted the task, or is barred,
    /// is dropped.
    pub fn stated(&mut self, at: Timestamp, task: TaskId, statement: Statement, decisions: &mut Vec<Decision>) {
        let worker = statement.worker;
        self.seen(at);
        self.release(worker, task);
        let barred = self.is_barred(worker);
        let Some(open) = self.open.get_mut(&task) else { return };
        if barred || !open.touched.contains(&worker) {
            decisions.push(Decision::Discard { task, worker });
            return;
        }
        open.note(statement);
        self.note_audited(task, worker, None);
        self.time_last_call(task);
        self.watch_kin(at, task);
        self.examine(at, task, decisions);
    }

    /// What is stated of a task is looked at again when nothing more is waited for.
    pub(crate) fn time_last_call(&mut self, task: TaskId) {
        let bag = self.open.get(&task).and_then(|open| self.bags.get(&open.deal));
        self.alarms.extend(bag.map(|bag| (last_call(bag), task)));
    }

    /// The exchange has the package of a result of this task.
    pub fn package(&mut self, at: Timestamp, task: TaskId, digest: B256, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get_mut(&task) else { return };
        open.packages.insert(digest);
        // Asked for no more, unless it is another's that is wanted.
        self.unasked.remove(&task);
        self.examine(at, task, decisions);
    }

    /// A statement that was let through was not taken by the rules (its worker could not stake, or enough agreed before its
    /// turn came): it counts no more.
    pub fn refused(&mut self, at: Timestamp, task: TaskId, worker: Address, decisions: &mut Vec<Decision>) {
        if !self.open.contains_key(&task) {
            return;
        }
        self.take_turns(task, worker);
        self.close(task, worker, Ended::Refused);
        self.drop_statement(task, worker);
        self.examine(at, task, decisions);
    }

    /// PoCo did not need this worker's word, for it had those of others: it is to go before them another time.
    fn take_turns(&mut self, task: TaskId, worker: Address) {
        let Some(agreement) = self.open.get(&task).and_then(|open| open.settled_on.as_ref()) else { return };
        for winner in &agreement.winners {
            if let Some(station) = self.workers.get_mut(winner) {
                station.turns_owed = station.turns_owed.saturating_sub(1);
            }
        }
        if let Some(station) = self.workers.get_mut(&worker) {
            station.turns_owed = station.turns_owed.saturating_add(1);
        }
    }

    /// Contributions suffice: `winners` are to show their result before `until`. Who still runs the task may stop.
    pub fn agreed(
        &mut self,
        task: TaskId,
        winners: BTreeSet<Address>,
        until: Timestamp,
        decisions: &mut Vec<Decision>,
    ) {
        let Some(open) = self.open.get_mut(&task) else { return };
        open.settled_on = Some(Agreement { winners, shown: BTreeSet::new(), until, concluded: false });
        self.alarms.insert((until, task));
        self.call_off(task, decisions);
        self.reconsider(task);
    }

    /// Says, after a restart, that a task is agreed on and who has shown its result already.
    pub fn resume_agreement(
        &mut self,
        task: TaskId,
        winners: BTreeSet<Address>,
        shown: impl IntoIterator<Item = Address>,
        until: Timestamp,
    ) {
        let Some(open) = self.open.get_mut(&task) else { return };
        let shown = shown.into_iter().collect();
        open.settled_on = Some(Agreement { winners, shown, until, concluded: false });
        self.alarms.insert((until, task));
        self.reconsider(task);
    }

    /// A worker has shown the agreed result.
    pub fn shown(&mut self, at: Timestamp, task: TaskId, worker: Address, decisions: &mut Vec<Decision>) {
        if let Some(agreement) = self.open.get_mut(&task).and_then(|open| open.settled_on.as_mut()) {
            agreement.shown.insert(worker);
        }
        self.examine(at, task, decisions);
    }

    /// Nobody showed the agreed result in time: those who agreed on it are out, others are wanted.
    pub fn reopened(&mut self, task: TaskId) {
        let Some(open) = self.open.get_mut(&task) else { return };
        if let Some(agreement) = open.settled_on.take() {
            for worker in agreement.winners {
                self.drop_statement(task, worker);
                self.outcome(task, worker, Ended::NotBrought);
            }
        }
        self.reconsider(task);
    }

    /// Looks at a task again: whether the gate's rule passes, whether it can be concluded, whether it wants workers.
    pub(crate) fn examine(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        if open.settled_on.is_some() {
            self.conclude(at, task, decisions);
            return self.reconsider(task);
        }
        match bag.terms.check {
            Check::Exact => {}
            Check::SameClass => self.rebind(at, task, decisions),
            Check::Checker | Check::SelfProving if self.judges(bag) => self.sort(at, task, decisions),
            Check::Checker | Check::SelfProving => {}
        }
        let Some(bag) = self.open.get(&task).and_then(|open| self.bags.get(&open.deal)) else { return };
        if self.audits_of(bag).is_some() {
            self.gate_audited(at, task, decisions);
        } else if bag.is_direct() {
            self.gate_direct(at, task, decisions);
        } else {
            self.gate_sealed(at, task, decisions);
        }
        self.reconsider(task);
    }

    /// Trust 1: the first success whose package is here, else a failure with two witnesses. Who was asked for its package
    /// and did not bring it in time is out.
    fn gate_direct(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let open = self.open.get(&task).expect("the task is open");
        let Some((worker, second)) = self.acceptable(open) else { return };
        let hash = open.said.iter().find(|statement| statement.worker == worker).map(|statement| statement.hash);
        if !hash.is_some_and(|hash| open.packages.contains(&hash)) {
            if open.asked.get(&worker).is_none_or(|until| *until > at) {
                self.unasked.insert(task);
                return;
            }
            self.shut_out(task, worker, decisions);
            return self.gate_direct(at, task, decisions);
        }
        self.let_through(task, worker);
        decisions.push(Decision::Accept { task, worker });
        if let Some(worker) = second {
            decisions.push(Decision::PayWitness { task, worker, asks: self.asked(task, worker) });
        }
    }

    /// Who did not bring its package in time is out, and gets no more of the job.
    pub(crate) fn shut_out(&mut self, task: TaskId, worker: Address, decisions: &mut Vec<Decision>) {
        self.outcome(task, worker, Ended::NotBrought);
        self.drop_statement(task, worker);
        decisions.push(Decision::Discard { task, worker });
    }

    /// Whose completion the rule of trust 1 accepts, and its second witness if it is a failure; nobody's once one was.
    fn acceptable(&self, open: &Open) -> Option<(Address, Option<Address>)> {
        if open.said.iter().any(|statement| statement.let_through) {
            return None;
        }
        if let Some(success) = open.said.iter().find(|statement| !statement.failed) {
            return Some((success.worker, None));
        }
        let group = self.best_group(open)?;
        Some((*group.members.first()?, Some(*group.members.get(1)?)))
    }

    /// Trust ≥ 2: lets through what the rule allows.
    fn gate_sealed(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let open = self.open.get(&task).expect("the task is open");
        let bag = self.bags.get(&open.deal).expect("an open task has its deal");
        let Some(best) = self.best_group(open).filter(|_| !self.awaits_words(at, open, bag)) else { return };
        if best.failed && best.members.len() < if at >= last_call(bag) { 2 } else { self.words_needed(open, true) } {
            return;
        }
        let owners = best.members.len();
        let dissent = self.dissent(open, best.hash);
        let with_dissent = self.enough(bag, best.weight, dissent, owners);
        let without = self.enough(bag, best.weight, self.let_through_dissent(open, best.hash), owners);
        let nobody_else = || open.leases.is_empty() && !self.more_to_be_had(task) || at >= last_call(bag);
        let passes = with_dissent || without && nobody_else();
        if !passes {
            if self.concede(at, task, decisions) {
                self.gate_sealed(at, task, decisions);
            }
            return;
        }
        if !open.has_package(task, best.hash) {
            let bringing = |it: &&Statement| best.members.contains(&it.worker) && !it.let_through;
            let over = |it: &&Statement| open.asked.get(&it.worker).is_some_and(|until| *until <= at);
            let Some(late) = open.said.iter().filter(bringing).find(over).map(|it| it.worker) else {
                self.unasked.insert(task);
                return;
            };
            self.shut_out(task, late, decisions);
            return self.gate_sealed(at, task, decisions);
        }
        let counted: BTreeSet<Address> = self.counted(open).iter().map(|statement| statement.worker).collect();
        // Going first, those whose word is enough for PoCo would win: they are left out. So is who has not come back since a
        // restart, for what it weighs is not known.
        let wins_alone = |group: &Group| weight::suffices(bag.terms.trust, group.weight.poco, 0);
        let winning = self.groups(open).into_iter().filter(wins_alone).flat_map(|group| group.members);
        let said = open.said.iter().map(|statement| statement.worker);
        let left_out: BTreeSet<Address> = winning.chain(said.filter(|it| self.score_of(*it).is_none())).collect();
        let others = |it: &&Statement| (!agrees(it, best.hash) || !counted.contains(&it.worker)) && !it.let_through;
        let others: Vec<Statement> = open.said.iter().filter(others).cloned().collect();
        for statement in others {
            let worker = statement.worker;
            let doubted = self.open.get(&task).is_some_and(|open| open.in_doubt(statement.hash, best.hash));
            if doubted && counted.contains(&worker) {
                self.excuse(task, worker, decisions);
            } else if counted.contains(&worker) && !best.failed && owners >= 2 {
                self.contradicted(task, &statement);
            }
            if with_dissent && !doubted && !statement.failed && counted.contains(&worker) && !left_out.contains(&worker)
            {
                self.let_through(task, worker);
                decisions.push(Decision::Authorize { task, worker });
            } else {
                self.drop_statement(task, worker);
                decisions.push(Decision::Discard { task, worker });
            }
        }
        let mut members = best.members;
        members.sort_by_key(|worker| {
            let turns = self.workers.get(worker).map_or(0, |station| station.turns_owed);
            (std::cmp::Reverse(turns), self.score_of(*worker))
        });
        for worker in members {
            if self.let_through(task, worker) {
                decisions.push(Decision::Authorize { task, worker });
            }
        }
    }

    /// After consensus: concludes when all winners have shown, or the time to show is over, and the package is here.
    fn conclude(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let open = self.open.get_mut(&task).expect("the task is open");
        let agreed_on = |open: &Open| {
            let agreement = open.settled_on.as_ref()?;
            open.said.iter().find(|it| agreement.winners.contains(&it.worker)).map(|it| it.hash)
        };
        let has_package = agreed_on(open).is_some_and(|hash| open.has_package(task, hash));
        let agreement = open.settled_on.as_mut().expect("the task is agreed on");
        let over = at >= agreement.until;
        let all = agreement.shown.len() >= agreement.winners.len();
        let nobody = over && agreement.shown.is_empty();
        if agreement.concluded || !(all || over) {
            return;
        }
        if nobody || has_package {
            agreement.concluded = true;
            decisions.push(Decision::Conclude { task });
        } else {
            self.unasked.insert(task);
        }
    }

    /// Asks for the packages that are still wanted, now that everything that came together has been taken: a small result
    /// rides beside its statement, and is not asked for.
    pub fn uploads(&mut self, at: Timestamp, decisions: &mut Vec<Decision>) {
        for task in std::mem::take(&mut self.unasked) {
            if !self.ask_bytes(at, task, decisions) {
                self.ask_upload(at, task, decisions);
            }
        }
    }

    /// Asks one worker after the other for the package, each given its time.
    fn ask_upload(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get(&task) else { return };
        let candidates: Vec<Address> = match &open.settled_on {
            Some(agreement) if agreement.concluded => return,
            Some(agreement) => agreement.shown.iter().copied().collect(),
            None if self.bags.get(&open.deal).is_some_and(|bag| self.audits_of(bag).is_some()) => {
                self.deliverers(open).into_iter().take(1).collect()
            }
            None if self.bags.get(&open.deal).is_some_and(Bag::is_direct) => {
                self.acceptable(open).into_iter().map(|(worker, _)| worker).collect()
            }
            None => self.best_group(open).map(|group| group.members).unwrap_or_default(),
        };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        if open.asked.values().any(|until| *until > at) {
            return;
        }
        let mut candidates: Vec<(bool, Option<Timestamp>, Address)> = candidates
            .into_iter()
            .map(|worker| {
                let away = !self.workers.get(&worker).is_some_and(|station| station.connected);
                (away, open.asked.get(&worker).copied(), worker)
            })
            .collect();
        candidates.sort_unstable();
        let Some((away, _, worker)) = candidates.first().copied() else { return };
        // Whose time to bring it is over gets no more of the job.
        let wait_for = self.clocks.upload.min(bag.terms.time);
        let late: Vec<Address> = open.asked.keys().copied().collect();
        for late in late {
            self.fault(late, task, Fault::NotBrought);
        }
        // Who is away is asked when it comes back.
        let wait = if away { self.clocks.grace } else { wait_for };
        let until = at.saturating_add(wait);
        self.alarms.insert((until, task));
        let open = self.open.get_mut(&task).expect("the task is open");
        open.asked.insert(worker, until);
        if !away {
            decisions.push(Decision::AskUpload { task, worker });
        }
    }

    /// The weightiest group of statements; of equals, the one stated first.
    pub(crate) fn best_group(&self, open: &Open) -> Option<Group> {
        let groups = self.groups(open);
        let first = |group: &Group| groups.iter().position(|it| it.hash == group.hash);
        let best = groups.iter().max_by_key(|group| (group.weight, std::cmp::Reverse(first(group))))?.hash;
        groups.into_iter().find(|group| group.hash == best)
    }

    /// The statements that count, by what they say, in the order in which each was first said.
    pub(crate) fn groups(&self, open: &Open) -> Vec<Group> {
        self.grouped(open, &self.counted(open))
    }

    /// The statements that count, in the order in which they were made: those let through, and of the others one an owner.
    pub(crate) fn counted<'a>(&self, open: &'a Open) -> Vec<&'a Statement> {
        if self.private {
            return open.said.iter().filter(|it| !open.is_unplaced(it)).collect();
        }
        let pool = self.bags.get(&open.deal).map(|bag| bag.terms.pool).unwrap_or_default();
        let owner = |it: &Statement| self.owner_in(pool, it.worker).filter(|_| !open.is_unplaced(it));
        let mut owners: BTreeSet<Address> = open.said.iter().filter(|it| it.let_through).filter_map(owner).collect();
        let counts = |it: &&Statement| it.let_through || owner(it).is_some_and(|owner| owners.insert(owner));
        open.said.iter().filter(counts).collect()
    }

    fn grouped(&self, open: &Open, statements: &[&Statement]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for statement in statements {
            let weight = self.weight(open, statement.worker);
            let place = groups.iter().position(|group| agrees(statement, group.hash));
            if let Some(group) = place.and_then(|place| groups.get_mut(place)) {
                group.weight = group.weight.times(weight);
                group.failed |= statement.failed;
                group.members.push(statement.worker);
            } else {
                let (hash, failed) = (statement.hash, statement.failed);
                groups.push(Group { hash, failed, weight, members: vec![statement.worker] });
            }
        }
        groups
    }

    /// What all others than `hash` weigh who may be let through as dissent.
    pub(crate) fn dissent(&self, open: &Open, hash: B256) -> Weight {
        let groups = self.groups(open);
        let others = groups.iter().filter(|it| it.hash != hash && !it.failed && !open.in_doubt(it.hash, hash));
        others.fold(Weight::NONE, |sum, group| sum.plus(group.weight))
    }

    /// What those others weigh that were let through before.
    fn let_through_dissent(&self, open: &Open, hash: B256) -> Weight {
        let through: Vec<&Statement> = open.said.iter().filter(|it| it.let_through && !agrees(it, hash)).collect();
        self.grouped(open, &through).iter().fold(Weight::NONE, |sum, group| sum.plus(group.weight))
    }

    /// Whether a group of so many owners is enough for the deal's trust, by the gate's measure and by PoCo's.
    pub(crate) fn enough(&self, bag: &Bag, weight: Weight, against: Weight, owners: usize) -> bool {
        let trust = bag.terms.trust;
        let two_wanted = trust >= TWO_OWNERS_FROM && self.is_audited(bag.terms.pool);
        weight.suffices(trust, against) && (owners >= 2 || !two_wanted)
    }

    /// What a worker's word weighs in a task.
    pub(crate) fn weight(&self, open: &Open, worker: Address) -> Weight {
        let poco = self.score_of(worker).map_or(weight::NEWCOMER, weight_of_score);
        let pool = self.bags.get(&open.deal).map(|bag| bag.terms.pool).filter(|pool| self.is_audited(*pool));
        let gate = pool.map_or(poco, |pool| poco.min(weight_of_score(self.earned_in(pool, worker))).min(MOST_WEIGHT));
        Weight { gate, poco }
    }

    /// How many must say the same. The failure of a program that works for others, in this task or in another of its job, takes
    /// three where they are to be had: machines that say so of everything agree by nature.
    pub(crate) fn words_needed(&self, open: &Open, failed: bool) -> usize {
        let worked = self.jobs.get(&open.job).is_some_and(|job| job.blame.worked());
        let doubtful = failed && (worked || open.said.iter().any(|statement| !statement.failed));
        let task = orders::ids::task_id(open.deal, units::U256::from(open.index));
        if doubtful && (!open.leases.is_empty() || self.more_to_be_had(task)) { 3 } else { 2 }
    }

    /// Others agreed on another result than this: its worker gets no more of the job.
    pub(crate) fn contradicted(&mut self, task: TaskId, statement: &Statement) {
        let fault = if statement.failed { Fault::Denied } else { Fault::Dissented };
        self.fault(statement.worker, task, fault);
    }

    fn score_of(&self, worker: Address) -> Option<u64> {
        self.workers.get(&worker).map(|station| station.score)
    }

    /// Marks a statement as let through; false if it was before.
    pub(crate) fn let_through(&mut self, task: TaskId, worker: Address) -> bool {
        let open = self.open.get_mut(&task).expect("the task is open");
        let statement = open.said.iter_mut().find(|statement| statement.worker == worker);
        statement.is_some_and(|statement| !std::mem::replace(&mut statement.let_through, true))
    }

    pub(crate) fn drop_statement(&mut self, task: TaskId, worker: Address) {
        self.forget_audited(task, worker);
        let open = self.open.get_mut(&task).expect("the task is open");
        open.said.retain(|statement| statement.worker != worker);
    }
}

/// From when on waiting for more replicas would risk the task: the last tenth of the category's time before statements are
/// no longer taken.
pub(crate) fn last_call(bag: &Bag) -> Timestamp {
    let tenth = bag.terms.time.checked_div(10).expect("ten is not zero");
    bag.terms.until.saturating_sub(tenth)
}
