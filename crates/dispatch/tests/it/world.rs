//! A small world around dispatch: named workers, deals, and a list of what was decided.

use dispatch::{AuditTerms, Clocks, Decision, Dispatch, Ended, Phase, Statement, Terms, Worker};
use std::collections::BTreeMap;
use std::time::Duration;
use units::{Address, Amount, B256, DealId, OrderHash, TaskId, Timestamp, U256};

/// The time class of every deal here.
pub(crate) const TIME: Duration = Duration::from_secs(300);

pub(crate) struct World {
    pub(crate) dispatch: Dispatch,
    pub(crate) now: Timestamp,
    pub(crate) decided: Vec<Decision>,
    pub(crate) purse: Amount,
}

pub(crate) fn worker(name: u8) -> Address {
    Address::repeat_byte(name)
}

pub(crate) fn pool() -> Address {
    Address::repeat_byte(0xaa)
}

pub(crate) fn deal(name: u8) -> DealId {
    DealId(B256::repeat_byte(name))
}

pub(crate) fn task(deal_name: u8, index: u64) -> TaskId {
    orders::ids::task_id(deal(deal_name), U256::from(index))
}

pub(crate) fn result(name: u8) -> B256 {
    B256::repeat_byte(name)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_privacy(false)
    }

    pub(crate) fn with_privacy(private: bool) -> Self {
        let now = Timestamp::from_seconds(1_000);
        Self { dispatch: Dispatch::new(private, Clocks::default()), now, decided: Vec::new(), purse: Amount::ZERO }
    }

    /// A public pool that audits trust 1: so many first jobs, then so many in a thousand; proven after 20.
    pub(crate) fn audited(first: u64, per_mille: u64) -> Self {
        let mut world = Self::new();
        world.dispatch.audit_pool(pool(), AuditTerms { first, per_mille, proven: 20 });
        world.secret(7);
        world
    }

    /// A new secret for the draw; what is decided upon it.
    pub(crate) fn secret(&mut self, name: u8) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.dispatch.audit_secret(self.now, B256::repeat_byte(name), [], &mut decisions);
        decisions
    }

    /// A worker joins that has passed so many checks before.
    pub(crate) fn join_checked(&mut self, name: u8, slots: u32, checks: u64) {
        let worker = Worker { checks, ..self.worker(name, name, slots) };
        self.dispatch.worker_joined(self.now, worker, &[]);
    }

    pub(crate) fn terms(&self, job: u8, trust: u64, size: u64) -> Terms {
        Terms {
            request: OrderHash(B256::repeat_byte(job)),
            pool: pool(),
            trust,
            category: 0,
            time: TIME,
            pay: Amount::nanos(100),
            stake: Amount::ZERO,
            first: 0,
            size,
            until: self.now.saturating_add(TIME * 6),
            ..Terms::default()
        }
    }

    /// A deal of its own job.
    pub(crate) fn deal(&mut self, name: u8, trust: u64, size: u64) {
        let terms = self.terms(name, trust, size);
        self.dispatch.add_deal(deal(name), terms);
    }

    pub(crate) fn join(&mut self, name: u8, slots: u32) {
        self.join_owned(name, name, slots);
    }

    pub(crate) fn join_owned(&mut self, name: u8, owner: u8, slots: u32) {
        let worker = self.worker(name, owner, slots);
        self.dispatch.worker_joined(self.now, worker, &[]);
    }

    pub(crate) fn worker(&self, name: u8, owner: u8, slots: u32) -> Worker {
        Worker {
            address: worker(name),
            owner: worker(owner),
            pool: pool(),
            cores: 1,
            slots,
            floors: BTreeMap::new(),
            benchmark: 1,
            ..Worker::default()
        }
    }

    /// Lets dispatch grant; which worker got which task index.
    pub(crate) fn grants(&mut self) -> Vec<(u8, u64)> {
        let mut decisions = Vec::new();
        let purse = self.purse;
        self.dispatch.grants(self.now, &|_| purse, &mut decisions);
        let mut granted = Vec::new();
        for decision in &decisions {
            if let Decision::Grant { worker, index, .. } = decision {
                granted.push((worker[0], *index));
            }
        }
        self.decided.extend(decisions);
        granted
    }

    /// A worker states a result; what is decided upon it.
    pub(crate) fn states(&mut self, name: u8, task: TaskId, hash: B256) -> Vec<Decision> {
        self.says(name, task, hash, false)
    }

    /// A worker states that the program failed; what is decided upon it.
    pub(crate) fn states_failure(&mut self, name: u8, task: TaskId, hash: B256) -> Vec<Decision> {
        self.says(name, task, hash, true)
    }

    /// A worker states a result at trust 2 or more whose package is too large to come with it; what is decided upon it.
    pub(crate) fn states_large(&mut self, name: u8, task: TaskId, hash: B256) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let statement = Statement { worker: worker(name), hash, failed: false, let_through: false };
        self.dispatch.stated(self.now, task, statement, &mut decisions);
        decisions
    }

    /// At trust 2 and more the package comes with the statement.
    fn says(&mut self, name: u8, task: TaskId, hash: B256, failed: bool) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let deal = self.dispatch.place(task).and_then(|(deal, _)| self.dispatch.bag(deal));
        if deal.is_some_and(|bag| !bag.is_direct()) {
            self.dispatch.package(self.now, task, hash, &mut decisions);
        }
        let statement = Statement { worker: worker(name), hash, failed, let_through: false };
        self.dispatch.stated(self.now, task, statement, &mut decisions);
        decisions
    }

    /// Which packages are asked for now.
    pub(crate) fn asks(&mut self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.dispatch.uploads(self.now, &mut decisions);
        decisions
    }

    pub(crate) fn package(&mut self, task: TaskId, digest: B256) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.dispatch.package(self.now, task, digest, &mut decisions);
        decisions
    }

    /// Time passes; what is decided then.
    pub(crate) fn wait(&mut self, duration: Duration) -> Vec<Decision> {
        self.now = self.now.saturating_add(duration);
        let mut decisions = Vec::new();
        self.dispatch.expire(self.now, &mut decisions);
        decisions
    }

    pub(crate) fn end(&mut self, task: TaskId) -> Vec<Decision> {
        let mut decisions = Vec::new();
        self.dispatch.task_ended(task, &mut decisions);
        decisions
    }

    pub(crate) fn runs(&mut self, name: u8, task: TaskId) {
        self.dispatch.phase(self.now, worker(name), task, Phase::Run);
    }

    /// A worker brings an accepted result at trust 1, and is ready for another task; what is decided upon it.
    pub(crate) fn finishes(&mut self, name: u8, task: TaskId) -> Vec<Decision> {
        self.package(task, result(1));
        let mut decisions = self.states(name, task, result(1));
        self.dispatch.outcome(task, worker(name), Ended::Accepted);
        decisions.extend(self.end(task));
        decisions
    }

    /// A worker says how many more tasks it can take.
    pub(crate) fn ready(&mut self, name: u8, free: u32) {
        self.dispatch.worker_ready(worker(name), free);
    }

    /// A fast worker does the deal's first `tasks` in ten seconds each, so that it is known what they take.
    pub(crate) fn warm_up(&mut self, deal_name: u8, name: u8, tasks: u64) {
        for index in 0..tasks {
            assert_eq!(self.grants(), [(name, index)]);
            self.runs(name, task(deal_name, index));
            self.wait(Duration::from_secs(10));
            self.finishes(name, task(deal_name, index));
            self.ready(name, 1);
        }
    }
}
