//! Grants: which worker gets which task next.
//!
//! A worker that comes free is tried against the jobs that are ready, in turn; a job that has something new to give looks for
//! the best of those who wait. What was tried in vain is not tried again until something changes, so that a turn in which
//! nothing can be granted costs nothing, however many workers wait and tasks are queued.

use crate::attempt::Role;
use crate::decision::Decision;
use crate::hedge::NEVER;
use crate::job::{Job, JobKey};
use crate::open::{Lease, Open, Phase, Stand};
use crate::quarantine::Fault;
use crate::weight::Weight;
use crate::worker::{Station, Worker};
use crate::{Bag, Dispatch, Terms};
use units::{Address, Amount, DealId, Tag, TaskId, Timestamp};

/// How many tasks that want a replica are tried for a worker before a new task is opened for it.
const SCAN: usize = 64;
/// Grants made at once, or a few more: while the first of many tasks run, the rest are granted.
const AT_ONCE: usize = 512;
/// What a task is taken to cost in turns where nothing was measured yet, milliseconds.
const USUAL_MS: u64 = 1_000;

/// A task for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) deal: DealId,
    /// The begun task, with its index; `None`: a new one.
    pub(crate) begun: Option<(u64, TaskId)>,
    pub(crate) role: Role,
}

/// Why a worker gets no task of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The job has none for it just now.
    Nothing,
    /// It, or another machine of its owner, takes part already.
    TakesPart,
    /// The gate has it wait: what is under check is for the proven, and newcomers begin no faster than they are checked.
    Waits,
    /// It failed the job before.
    Quarantined(Fault),
    /// It cannot do this.
    Lacks(Tag),
    /// It gave tasks of the job back too often, and others run them now.
    GaveBack,
    /// It would wait too long behind what the machine has in hand.
    Busy,
    /// It must be able to stake this.
    Stake(Amount),
    /// It asks more than this pays.
    AsksTooMuch { floor: Option<Amount>, pay: Amount },
}

impl Dispatch {
    /// Grants tasks to workers with free slots, one each in turn, until nobody can be given more, or so many are granted that
    /// the rest is better left for the next time, which is then due at once. `purse` says what an account can spend: a worker
    /// that cannot stake gets no task that asks for it.
    pub fn grants(&mut self, at: Timestamp, purse: &impl Fn(Address) -> Amount, decisions: &mut Vec<Decision>) {
        self.seen(at);
        let most = decisions.len().saturating_add(AT_ONCE);
        self.ungranted = false;
        while let Some(pool) = self.stirred.pop_first() {
            self.serve_fresh(pool, purse, (most, decisions));
            self.serve_jobs(pool, purse, (most, decisions));
            if decisions.len() >= most {
                self.stirred.insert(pool);
                self.ungranted = true;
                return;
            }
        }
    }

    /// Those who came free, each the job whose turn it is.
    fn serve_fresh(
        &mut self,
        pool: Address,
        purse: &impl Fn(Address) -> Amount,
        (most, decisions): (usize, &mut Vec<Decision>),
    ) {
        while decisions.len() < most
            && let Some((_, worker)) = self.pools.get_mut(&pool).and_then(|it| it.fresh.pop_first())
        {
            let station = self.workers.get_mut(&worker).expect("who waits is known");
            station.fresh = false;
            while let Some((key, pick)) = self.for_worker(pool, worker, purse) {
                if self.hurry_before(key) {
                    continue;
                }
                self.grant(worker, key, pick, decisions);
                self.appraise(worker, true);
                break;
            }
        }
    }

    /// Jobs that have something new to give, each the best who waits.
    fn serve_jobs(
        &mut self,
        pool: Address,
        purse: &impl Fn(Address) -> Amount,
        (most, decisions): (usize, &mut Vec<Decision>),
    ) {
        while decisions.len() < most
            && let Some((turn, request)) = self.pools.get(&pool).and_then(|it| it.queue.next())
        {
            let key = (request, pool);
            if self.hurry_before(key) {
                continue;
            }
            let mut looked = 0;
            let best = self.best_worker(key, purse, &mut looked);
            self.steps = self.steps.saturating_add(looked);
            if let Some((worker, pick)) = best {
                self.grant(worker, key, pick, decisions);
            } else if let Some(it) = self.pools.get_mut(&pool) {
                it.queue.set_aside(turn, request);
                if self.is_audited(pool) {
                    self.pools.entry(pool).or_default().waiting.insert(request);
                }
            }
        }
    }

    /// The first job in turn that has a task for the worker.
    fn for_worker(
        &mut self,
        pool: Address,
        worker: Address,
        purse: &impl Fn(Address) -> Amount,
    ) -> Option<(JobKey, Pick)> {
        let station = self.workers.get(&worker)?;
        let (mut looked, mut waiting) = (0_u64, Vec::new());
        let found = self.pools.get(&pool)?.queue.in_turn().find_map(|request| {
            looked = looked.saturating_add(1);
            let key = (request, pool);
            let picked = self.pick(key, station, purse);
            if picked == Err(Why::Waits) {
                waiting.push(request);
            }
            Some((key, picked.ok()?))
        });
        self.steps = self.steps.saturating_add(looked);
        self.pools.get_mut(&pool)?.waiting.extend(waiting);
        found
    }

    /// The job's next task for a worker: first one that is begun and wants a replica, else a new one, else a hedge.
    pub(crate) fn pick(&self, key: JobKey, station: &Station, purse: &impl Fn(Address) -> Amount) -> Result<Pick, Why> {
        let job = self.jobs.get(&key).ok_or(Why::Nothing)?;
        if let Some(fault) = job.blame.why_out(station.worker.address) {
            return Err(Why::Quarantined(fault));
        }
        if let Some(owed) = self.must_do(job, station, purse) {
            return owed;
        }
        let (mut why, mut again) = (Why::Nothing, None);
        for (index, task) in job.wanting.iter().take(SCAN) {
            let open = self.open.get(task).expect("a task that wants workers is open");
            match self.may_have(station, *task, open, purse) {
                Err(other) => why = other,
                Ok(()) => {
                    let pick = Pick { deal: open.deal, begun: Some((*index, *task)), role: self.role_in(open) };
                    // What it lost before is for others while it has something else to do.
                    if !open.touched.contains(&station.worker.address) {
                        return Ok(pick);
                    }
                    again = again.or(Some(pick));
                }
            }
        }
        for deal in &job.roomy {
            let Some(bag) = self.bags.get(deal).filter(|bag| bag.unopened() > 0) else { continue };
            match self.suits(station, (*deal, None), purse) {
                Err(other) => why = other,
                Ok(()) if !self.may_begin(station, bag) || !self.may_bind(station, bag) => why = Why::Waits,
                Ok(()) => return Ok(Pick { deal: *deal, begun: None, role: Role::Replica }),
            }
        }
        if let Some(pick) = again {
            return Ok(pick);
        }
        if !job.wanting.is_empty() || !job.roomy.is_empty() {
            return Err(why);
        }
        let Some(task) = self.overdue(job, station) else { return Err(why) };
        let open = self.open.get(&task).expect("an overdue task is open");
        self.suits(station, (open.deal, None), purse)?;
        Ok(Pick { deal: open.deal, begun: Some((open.index, task)), role: Role::Hedge })
    }

    /// Whether a worker may have a part in an open task that wants another.
    pub(crate) fn may_have(
        &self,
        station: &Station,
        task: TaskId,
        open: &Open,
        purse: &impl Fn(Address) -> Amount,
    ) -> Result<(), Why> {
        self.suits(station, (open.deal, Some(open)), purse)?;
        if !self.takes_no_part(station, task, open) {
            return Err(Why::TakesPart);
        }
        if self.may_check(station, open) && self.is_drawn(station, task, open) { Ok(()) } else { Err(Why::Waits) }
    }

    /// Whether a worker may and can do tasks of a deal, or take part in an open one.
    fn suits(
        &self,
        station: &Station,
        (deal, open): (DealId, Option<&Open>),
        purse: &impl Fn(Address) -> Amount,
    ) -> Result<(), Why> {
        let Some(terms) = self.bags.get(&deal).map(|bag| &bag.terms) else { return Err(Why::Nothing) };
        let Terms { until, tag, category, stake, .. } = terms;
        let pay = self.pays(terms, open);
        if self.now >= *until {
            return Err(Why::Nothing);
        }
        if !tag.is_subset_of(station.worker.tag) {
            return Err(Why::Lacks(*tag));
        }
        if !station.accepts(*category, pay) {
            let floor = station.worker.floors.get(category).copied();
            return Err(Why::AsksTooMuch { floor, pay });
        }
        if self.overweighs(station, terms) {
            return Err(Why::Waits);
        }
        if !stake.is_zero() && *stake > purse(station.worker.address) {
            return Err(Why::Stake(*stake));
        }
        if self.would_wait(station, terms) {
            return Err(Why::Busy);
        }
        Ok(())
    }

    /// What the gate has workers wait for may have come: the jobs that were set aside for it look for workers again.
    pub(crate) fn stir_waiting(&mut self, pool: Address) {
        let waiting = self.pools.get_mut(&pool).map(|pool| std::mem::take(&mut pool.waiting)).unwrap_or_default();
        for request in waiting {
            self.stir((request, pool));
        }
    }

    /// As what another worker joins an open task.
    pub(crate) fn role_in(&self, open: &Open) -> Role {
        if open.audit.stand == Stand::Checked {
            return Role::Check;
        }
        let fails = self.best_group(open).is_some_and(|group| group.failed);
        if fails { Role::Witness } else { Role::Replica }
    }

    fn grant(&mut self, worker: Address, key: JobKey, pick: Pick, decisions: &mut Vec<Decision>) {
        let deal = pick.deal;
        let bag = self.bags.get_mut(&deal).expect("a granted task has its deal");
        let end = bag.terms.until;
        let new = || bag.peek().map(|index| (index, orders::ids::task_id(deal, units::U256::from(index))));
        let (index, task) = pick.begun.or_else(new).expect("a deal with room has a next task");
        if pick.begun.is_none() {
            self.open_known(task, deal, index);
        }
        self.agree_price(worker, &pick);
        let station = self.workers.get_mut(&worker).expect("who waits is known");
        station.free = station.free.saturating_sub(1);
        let pool = self.pools.entry(key.1).or_default();
        pool.cursor = worker;
        if let Some(class) = pool.classes.get_mut(&station.class) {
            class.cursor = (station.worker.owner, worker);
        }
        let bag = self.bags.get(&deal).expect("a granted task has its deal");
        let until = bag.lease_until(self.now, Phase::Fetch, station.holding.len(), &self.clocks);
        self.lease(worker, task, (pick.role, Phase::Fetch), until);
        let known = self.paces.get(bag_of(&self.bags, deal)).and_then(|pace| pace.run.mean());
        if let Some(job) = self.jobs.get_mut(&key) {
            let cost = job.pace.run.mean().or(known).unwrap_or(USUAL_MS);
            let hurried = job.hurried.is_some_and(|until| self.now < until);
            let queue = &mut self.pools.entry(key.1).or_default().queue;
            job.turn = queue.served(job.turn, key.0, cost, hurried);
        }
        self.reconsider(task);
        decisions.push(Decision::Grant { worker, task, deal, index, until: end });
    }

    /// Gives a worker a lease on an open task, or renews the one it has.
    pub(crate) fn lease(&mut self, worker: Address, task: TaskId, (role, phase): (Role, Phase), until: Timestamp) {
        let (granted, expected_ms) = (self.now, self.expected_ms(task));
        let renewed = self.unlease(worker, task).is_some();
        let open = self.open.get_mut(&task).expect("a task that is leased is open");
        let station = self.workers.get_mut(&worker).expect("who is given a lease is known");
        let alone = station.holding.is_empty() && !renewed;
        let running = (phase == Phase::Run).then_some(granted);
        open.touched.insert(worker);
        let first = open.leases.is_empty();
        open.leases.insert(
            worker,
            Lease { role, phase, until, ends: until, granted, fetching: None, running, alone, due: NEVER, expected_ms },
        );
        if !renewed {
            open.begin(worker, role, granted);
        }
        station.holding.insert(task);
        station.backlog_ms = station.backlog_ms.saturating_add(expected_ms);
        let key = open.job;
        self.alarms.insert((until, task));
        self.count_lease(key, role, first);
        self.time_leases(task);
        self.appraise(worker, false);
    }

    /// Whether a worker may have a replica of an open task.
    pub(crate) fn may_join(&self, station: &Station, task: TaskId) -> bool {
        let open = self.open.get(&task).expect("a task that wants workers is open");
        self.takes_no_part(station, task, open) && self.may_check(station, open) && self.is_drawn(station, task, open)
    }

    /// Whether a worker never had a part in the task, or lost it with its connection and nobody else is there to do it, and nobody
    /// of the same owner has. (That others have left since is seen when its deal is hurried.)
    fn takes_no_part(&self, station: &Station, task: TaskId, open: &Open) -> bool {
        let anew = || open.may_begin_anew(station.worker.address) && !self.others_to_be_had(task);
        (!open.touched.contains(&station.worker.address) || anew())
            && self.is_stranger_to(station, open)
            && self.is_kin(station, open)
            && !Self::waits_again(station, open)
    }

    /// Whether nobody else who takes part in the task has the same owner.
    pub(crate) fn is_stranger_to(&self, station: &Station, open: &Open) -> bool {
        let Worker { address, owner, .. } = &station.worker;
        let others = open.touched.iter().filter(|other| *other != address);
        self.private || others.filter_map(|other| self.workers.get(other)).all(|other| other.worker.owner != *owner)
    }

    /// Puts the task among those that want another worker, or takes it from there.
    pub(crate) fn reconsider(&mut self, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let Some(bag) = self.bags.get(&open.deal) else { return };
        let rests = self.now < open.rests_until;
        let wants = open.settled_on.is_none() && !rests && !self.foreseen(open, bag);
        let (place, key) = ((open.index, task), open.job);
        self.unbind(task);
        let Some(job) = self.jobs.get_mut(&key) else { return };
        if !wants {
            job.wanting.remove(&place);
            self.refresh(key);
        } else if job.wanting.insert(place) {
            self.stir(key);
        } else {
            self.refresh(key);
        }
    }

    /// Whether consensus is to be expected from what is stated and what is still running, if all who run agree with the
    /// weightiest statement.
    fn foreseen(&self, open: &Open, bag: &Bag) -> bool {
        if let Some(foreseen) = self.audit_foresees(open, bag) {
            return foreseen;
        }
        let pending = open.leases.keys().copied().chain(open.unplaced());
        let pending = pending.fold(Weight::ONE, |product, worker| product.times(self.weight(open, worker)));
        let best = self.best_group(open);
        let weight = best.as_ref().map_or(Weight::ONE, |group| group.weight).times(pending);
        let members = best.as_ref().map_or(0, |group| group.members.len());
        let members = members.saturating_add(open.leases.len()).saturating_add(open.unplaced().count());
        let against = best.as_ref().map_or(Weight::NONE, |group| self.dissent(open, group.hash));
        let fails = best.as_ref().is_some_and(|group| group.failed);
        self.has_enough_opinions(open)
            || members > 0
                && self.enough(bag, weight, against, members)
                && (!fails || members >= 2 && members >= self.words_needed(open, true))
    }
}

fn bag_of(bags: &std::collections::BTreeMap<DealId, Bag>, deal: DealId) -> &Bag {
    bags.get(&deal).expect("a granted task has its deal")
}

/// The deals of a job that classes of workers are held against.
pub(crate) fn some_terms<'a>(dispatch: &'a Dispatch, job: &'a Job) -> impl Iterator<Item = &'a Terms> {
    job.deals.iter().filter_map(|deal| dispatch.bags.get(deal)).map(|bag| &bag.terms)
}
