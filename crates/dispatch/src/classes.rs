//! Classes of results: what a checker says of statements whose results are not equal to the byte.
//!
//! A statement about a judged task has no place until its bytes are here and were held against the first statement of every
//! class that the task has. The first `equal` puts it into that class: it counts as the class's first statement from then on.
//! `different` from all, or no certain word, begins a class of its own. Two classes between which the checker could not tell are
//! *in doubt*: neither weighs against the other, and nobody loses anything because of it. Everything is held against first
//! statements alone: a class is a ball, not a chain.
//!
//! Where a prover sees from a result alone that it is right, one proved statement is the result (trust 1); one that is wrong is
//! out, and what the prover cannot tell of is audited as any.
//!
//! A checker that can tell of no two results of a task would cost the pool its stake: after [`MOST_STATEMENTS`] or at the last
//! call those in doubt are taken for the best class ([`Decision::Concede`]). Its requester chose it, pays, and is told.
//!
//! Invariants: what waits for a word counts neither for nor against anybody, and no stake is decided on while one is awaited; a
//! program's failure is not judged (its digest is exact).

use crate::decision::Decision;
use crate::gate::last_call;
use crate::open::{Open, Statement};
use crate::quarantine::Fault;
use crate::{Bag, Dispatch};
use orders::ids;
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, B256, TaskId, Timestamp};

/// After so many statements no more opinions are asked for.
const MOST_STATEMENTS: usize = 7;

/// How the results of a deal's tasks are held against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Equal bytes on every machine.
    #[default]
    Exact,
    /// Equal bytes on machines of one class: a task's first replica binds its others.
    SameClass,
    /// A checker says whether two results are as good as equal.
    Checker,
    /// A prover sees from a result alone whether it is right.
    SelfProving,
}

/// What a judge said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// As good as equal; right by itself.
    Good,
    /// Different; wrong by itself.
    Bad,
    /// It cannot tell.
    Undecided,
}

/// How an open task's statements fall into classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    /// Whose statement has its place.
    placed: BTreeSet<Address>,
    /// The digest of each class's first statement, by what it states.
    firsts: BTreeMap<B256, B256>,
    /// What was asked of a judge: of whose statement, against which digest.
    asked: BTreeSet<(Address, Option<B256>)>,
    /// What it said.
    said: BTreeMap<(Address, Option<B256>), Word>,
    /// Classes between which it could not tell, the lesser first.
    doubts: BTreeSet<(B256, B256)>,
    /// Whose result was proved.
    proved: Option<Address>,
}

/// Where a statement belongs.
enum Place {
    /// Into this class.
    In(B256),
    /// It is the first of its own; in doubt with these.
    First(Vec<B256>),
    /// A word on this is wanted.
    Ask(Option<B256>),
    /// A class's first result is not known, since a restart: it is waited for.
    Wait,
    /// It is right by itself.
    Proved,
    /// It is wrong by itself.
    Wrong,
}

impl Open {
    /// Whether a statement has no place in any class yet, and counts for nothing.
    pub(crate) fn is_unplaced(&self, statement: &Statement) -> bool {
        let Some(classes) = &self.classes else { return false };
        !statement.failed && !statement.let_through && !classes.placed.contains(&statement.worker)
    }

    /// Whose statements have no place yet.
    pub(crate) fn unplaced(&self) -> impl Iterator<Item = Address> {
        self.said.iter().filter(|it| self.is_unplaced(it)).map(|it| it.worker)
    }

    /// Whether the checker could not tell between two results.
    pub(crate) fn in_doubt(&self, one: B256, other: B256) -> bool {
        let pair = (one.min(other), one.max(other));
        self.classes.as_ref().is_some_and(|classes| classes.doubts.contains(&pair))
    }

    /// The digest of the result that a statement is about, where its bytes are here.
    fn digest_here(&self, task: TaskId, statement: &Statement, direct: bool) -> Option<B256> {
        let states = |digest: &&B256| {
            if direct { **digest == statement.hash } else { ids::result_hash(task, **digest) == statement.hash }
        };
        self.packages.iter().find(states).copied()
    }

    /// Whose result was proved.
    pub(crate) fn proved(&self) -> Option<Address> {
        self.classes.as_ref().and_then(|classes| classes.proved)
    }
}

impl Classes {
    /// What a statement belongs to, by what was said so far. At the last call nothing more is waited for: what has no word is in
    /// doubt.
    fn place(&self, open: &Open, statement: &Statement, proves: bool, over: bool) -> Place {
        let (worker, hash) = (statement.worker, statement.hash);
        if proves {
            return match self.said.get(&(worker, None)) {
                None if !over => Place::Ask(None),
                Some(Word::Good) => Place::Proved,
                Some(Word::Bad) => Place::Wrong,
                None | Some(Word::Undecided) => Place::First(Vec::new()),
            };
        }
        let (mut alive, mut doubts) = (Vec::new(), Vec::new());
        for other in open.said.iter().filter(|it| !it.failed && !open.is_unplaced(it)) {
            if other.hash == hash {
                return Place::In(hash);
            }
            if !alive.contains(&other.hash) {
                alive.push(other.hash);
            }
        }
        for class in alive {
            let first = self.firsts.get(&class);
            match first.and_then(|digest| self.said.get(&(worker, Some(*digest)))) {
                None if !over => return first.map_or(Place::Wait, |digest| Place::Ask(Some(*digest))),
                Some(Word::Good) => return Place::In(class),
                Some(Word::Bad) => {}
                None | Some(Word::Undecided) => doubts.push(class),
            }
        }
        Place::First(doubts)
    }
}

impl Dispatch {
    /// Whether the statements of a deal are judged before they count.
    pub(crate) fn judges(&self, bag: &Bag) -> bool {
        match bag.terms.check {
            Check::Exact | Check::SameClass => false,
            Check::Checker => !bag.is_direct() || self.audits_of(bag).is_some(),
            Check::SelfProving => self.audits_of(bag).is_some(),
        }
    }

    /// Says, after a restart, that a held statement counts as another's: a checker said so.
    pub fn restore_judged(&mut self, task: TaskId, worker: Address) {
        if let Some(open) = self.open.get_mut(&task) {
            open.classes.get_or_insert_default().placed.insert(worker);
        }
    }

    /// A judge has spoken of a worker's own result, held against `other` or seen alone.
    pub fn judged(
        &mut self,
        at: Timestamp,
        (task, worker): (TaskId, Address),
        other: Option<B256>,
        word: Word,
        decisions: &mut Vec<Decision>,
    ) {
        let Some(classes) = self.open.get_mut(&task).and_then(|open| open.classes.as_mut()) else { return };
        classes.said.insert((worker, other), word);
        self.examine(at, task, decisions);
    }

    /// Gives every statement of a judged task its place, as far as that is known; asks for what is not.
    pub(crate) fn sort(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) {
        let Some(open) = self.open.get_mut(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let (direct, proves) = (bag.is_direct(), bag.terms.check == Check::SelfProving);
        let over = at >= last_call(bag);
        open.classes.get_or_insert_default();
        for worker in open.unplaced().collect::<Vec<_>>() {
            let open = self.open.get(&task).expect("the task is open");
            let classes = open.classes.as_ref().expect("set just now");
            let Some(statement) = open.said.iter().find(|it| it.worker == worker).cloned() else { continue };
            let Some(digest) = open.digest_here(task, &statement, direct) else {
                self.want_bytes(at, task, worker, decisions);
                continue;
            };
            let place = classes.place(open, &statement, proves, over);
            let open = self.open.get_mut(&task).expect("the task is open");
            open.asked.remove(&worker);
            let classes = open.classes.as_mut().expect("set just now");
            match place {
                Place::In(class) => {
                    classes.placed.insert(worker);
                    // Known anew after a restart, from whoever stated just this.
                    classes.firsts.entry(class).or_insert(digest);
                    open.said.iter_mut().filter(|it| it.worker == worker).for_each(|it| it.hash = class);
                }
                Place::First(doubts) => {
                    let hash = statement.hash;
                    classes.placed.insert(worker);
                    classes.firsts.insert(hash, digest);
                    classes.doubts.extend(doubts.into_iter().map(|other| (hash.min(other), hash.max(other))));
                }
                Place::Ask(other) => {
                    if classes.asked.insert((worker, other)) {
                        decisions.push(Decision::Judge { task, worker, digest, other });
                    }
                }
                Place::Wait => {}
                Place::Proved => {
                    classes.placed.insert(worker);
                    classes.proved.get_or_insert(worker);
                }
                Place::Wrong => {
                    self.fault(worker, task, Fault::Dissented);
                    self.drop_statement(task, worker);
                    decisions.push(Decision::Discard { task, worker });
                }
            }
        }
    }

    /// Bytes that are to be judged are asked for once what came together has been taken; who does not bring them is out.
    fn want_bytes(&mut self, at: Timestamp, task: TaskId, worker: Address, decisions: &mut Vec<Decision>) {
        let asked = self.open.get(&task).and_then(|open| open.asked.get(&worker)).copied();
        match asked {
            None => {
                self.unasked.insert(task);
            }
            Some(until) if until <= at => self.shut_out(task, worker, decisions),
            Some(_) => {}
        }
    }

    /// Asks everybody whose result has yet to be judged for its bytes. Whether anybody's lack.
    pub(crate) fn ask_bytes(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) -> bool {
        let Some(open) = self.open.get(&task) else { return false };
        let Some(bag) = self.bags.get(&open.deal).filter(|bag| self.judges(bag)) else { return false };
        if open.settled_on.is_some() {
            return false;
        }
        let (direct, time) = (bag.is_direct(), bag.terms.time);
        let here = |it: &Statement| open.digest_here(task, it, direct).is_some();
        let lacking = open.said.iter().filter(|it| open.is_unplaced(it) && !here(it));
        let lacking: Vec<Address> = lacking.map(|it| it.worker).collect();
        let unasked: Vec<Address> = lacking.iter().copied().filter(|it| !open.asked.contains_key(it)).collect();
        for worker in unasked {
            // Who is away is asked when it comes back.
            let away = !self.workers.get(&worker).is_some_and(|station| station.connected);
            let wait = if away { self.clocks.grace } else { self.clocks.upload.min(time) };
            let until = at.saturating_add(wait);
            self.alarms.insert((until, task));
            self.open.get_mut(&task).expect("the task is open").asked.insert(worker, until);
            if !away {
                decisions.push(Decision::AskUpload { task, worker });
            }
        }
        !lacking.is_empty()
    }

    /// Whether a word is awaited that may change what the statements amount to.
    pub(crate) fn awaits_words(&self, at: Timestamp, open: &Open, bag: &Bag) -> bool {
        at < last_call(bag) && open.unplaced().next().is_some()
    }

    /// Whether no more opinions are asked for: the judge has seen enough of them.
    pub(crate) fn has_enough_opinions(&self, open: &Open) -> bool {
        open.classes.as_ref().is_some_and(|classes| !classes.doubts.is_empty()) && open.said.len() >= MOST_STATEMENTS
    }

    /// Takes those that the checker could not tell from the best class for it, where nothing else is left; whether there were any.
    pub(crate) fn concede(&mut self, at: Timestamp, task: TaskId, decisions: &mut Vec<Decision>) -> bool {
        let Some(open) = self.open.get(&task) else { return false };
        let Some(bag) = self.bags.get(&open.deal) else { return false };
        let over = at >= last_call(bag) || self.has_enough_opinions(open) && open.leases.is_empty();
        let Some(best) = self.best_group(open).filter(|_| over).map(|group| group.hash) else { return false };
        let Some(classes) = &open.classes else { return false };
        let Some(other) = classes.firsts.get(&best).copied() else { return false };
        let doubted = open.said.iter().filter(|it| !it.failed && !it.let_through && open.in_doubt(it.hash, best));
        let doubted = doubted.filter_map(|it| Some((it.worker, *classes.firsts.get(&it.hash)?)));
        let doubted: Vec<(Address, B256)> = doubted.collect();
        let open = self.open.get_mut(&task).expect("the task is open");
        for (worker, digest) in &doubted {
            open.said.iter_mut().filter(|it| it.worker == *worker).for_each(|it| it.hash = best);
            decisions.push(Decision::Concede { task, worker: *worker, digest: *digest, other });
        }
        !doubted.is_empty()
    }

    /// A statement that the checker could not tell from the accepted one is nobody's fault: the pool pays its worker. Who is
    /// often so gets no more of the job.
    pub(crate) fn excuse(&mut self, task: TaskId, worker: Address, decisions: &mut Vec<Decision>) {
        self.fault(worker, task, Fault::Trouble);
        decisions.push(Decision::PayWitness { task, worker, asks: self.asked(task, worker) });
    }
}
