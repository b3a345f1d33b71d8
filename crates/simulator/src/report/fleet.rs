//! A fleet at work: the real market, driven directly by machines in virtual time.
//!
//! No network and no disk: a machine hears what a turn decided when the turn is over, and is heard in the next. Time goes in
//! steps, each one turn of the exchange's loop; all durations are whole steps. Everything of the rules and the policy is as
//! it is in the server; signatures are taken as recovered.

use super::founding::Founded;
use super::hand::{Given, Hand, digest, failure};
use super::play::Play;
use super::setup::{Setup, Tally};
use crate::dice::Dice;
use crate::scenario::named;
use exchange::{AnyOrder, Command, Event};
use market::{Decline, Message, Output, Package, Phase, Worker};
use orders::{CheckedBatch, CheckedRating, Rating, Recovered, RequestOrder, Signed, SignedRating};
use std::collections::{BTreeMap, BTreeSet};
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

const DAWN_MS: u64 = 1_700_000_000_000;
/// What a requester starts with, nano-credits.
const REQUESTERS_PURSE: u64 = 1_000_000_000_000_000_000;
/// How often policy may ask for new offers in one turn.
const OFFER_ROUNDS: usize = 8;
/// How often a career is written down, virtual milliseconds.
const LOOK_MS: u64 = 60_000;
/// Where some jobs wish to be done.
pub(crate) const WISHED: &str = "north";

#[derive(Clone, Copy, Debug)]
enum Act {
    Place { job: usize },
    End { machine: usize, task: TaskId, run: u64 },
    Join { machine: usize },
    Leave { machine: usize },
}

/// A live deal.
#[derive(Clone, Copy, Debug)]
struct Bought {
    direct: bool,
    /// Of a thousand tasks.
    fails: u64,
    seized: bool,
}

impl Bought {
    /// Whether the program fails in this task.
    fn fails_in(&self, task: TaskId) -> bool {
        let word = u64::from_be_bytes(task.0[8..16].try_into().expect("eight bytes of a hash"));
        word % 1_000 < self.fails
    }
}

/// A fleet and the exchange that it works for.
#[derive(Debug)]
pub(crate) struct Fleet {
    setup: Setup,
    founded: Founded,
    operators_purse: u64,
    now_ms: u64,
    agenda: BTreeMap<u64, Vec<Act>>,
    pub(crate) hands: Vec<Hand>,
    places: BTreeMap<Address, usize>,
    /// Machines with something to say or with room for more.
    stirred: BTreeSet<usize>,
    jobs: BTreeMap<OrderHash, usize>,
    deals: BTreeMap<DealId, Bought>,
    /// What copycats can see.
    leaks: Option<BTreeMap<TaskId, B256>>,
    /// Tasks that are not final and whose result is with the requester.
    here: BTreeSet<TaskId>,
    /// For departures and the operator's secrets.
    chance: Dice,
    pub(crate) tally: Tally,
    /// What those who praise each other say next: of which deal, who, of whom.
    praise: Vec<(DealId, Address, Address)>,
    /// Machines whose career is written down: what they computed, and earned, from time to time.
    pub(crate) watched: Vec<usize>,
    pub(crate) career: Vec<(u64, f64)>,
    looked_ms: u64,
}

impl Fleet {
    pub(crate) fn new(setup: Setup) -> Self {
        let hands: Vec<Hand> =
            (0_u64..).zip(&setup.machines).map(|(number, make)| Hand::new(setup.seed, number, *make)).collect();
        let scores = setup.scores.iter().map(|(machine, score)| (hands[*machine].address, *score)).collect();
        let requesters: BTreeSet<Address> = setup.jobs.iter().map(|job| requester(job.requester)).collect();
        let mut purses: Vec<(Address, u64)> =
            requesters.into_iter().map(|requester| (requester, REQUESTERS_PURSE)).collect();
        if setup.purse > 0 {
            purses.extend(hands.iter().map(|hand| (hand.address, setup.purse)));
        }
        let founded = Founded::new(Timestamp(DAWN_MS), scores, &purses);
        let copycats = setup.machines.iter().any(|make| make.play == Play::Copycat);
        let mut fleet = Self {
            operators_purse: founded.wealth(founded.operator),
            founded,
            now_ms: 0,
            agenda: BTreeMap::new(),
            places: hands.iter().enumerate().map(|(number, hand)| (hand.address, number)).collect(),
            hands,
            stirred: BTreeSet::new(),
            jobs: BTreeMap::new(),
            deals: BTreeMap::new(),
            leaks: copycats.then(BTreeMap::new),
            here: BTreeSet::new(),
            chance: Dice::new(setup.seed ^ 0x5eed),
            tally: Tally::default(),
            praise: Vec::new(),
            watched: Vec::new(),
            career: Vec::new(),
            looked_ms: 0,
            setup,
        };
        for machine in 0..fleet.hands.len() {
            fleet.after(0, Act::Join { machine });
            fleet.plan_departure(machine);
        }
        for job in 0..fleet.setup.jobs.len() {
            fleet.after(fleet.setup.jobs[job].at_ms, Act::Place { job });
        }
        fleet
    }

    /// Lives until all that was asked for has ended, or until so late.
    pub(crate) fn run(&mut self, until_ms: u64) -> Tally {
        let wanted: u64 = self.setup.jobs.iter().map(|job| job.size).sum();
        while self.tally.tasks + self.tally.claimed < wanted {
            let Some(next) = self.next_turn().filter(|next| *next <= until_ms) else { break };
            self.now_ms = next;
            self.turn();
            if !self.watched.is_empty() && self.now_ms >= self.looked_ms + LOOK_MS {
                self.look();
            }
        }
        let requesters: BTreeSet<u64> = self.setup.jobs.iter().map(|job| job.requester).collect();
        self.tally.paid = requesters.into_iter().map(|number| self.spent(number)).sum();
        let operator = self.founded.wealth(self.founded.operator);
        self.tally.lost = self.operators_purse.cast_signed() - operator.cast_signed();
        self.tally
    }

    /// Writes down how the watched machines stand.
    pub(crate) fn look(&mut self) {
        self.looked_ms = self.now_ms;
        let busy = self.watched.iter().map(|machine| self.hands[*machine].busy_ms).sum();
        let earned = self.watched.iter().map(|machine| self.earned(*machine)).sum();
        self.career.push((busy, earned));
    }

    /// What the machine can take away, under all its names, beyond what it started with; nano-credits. A deposit is lost with
    /// a name that is barred, and cannot be had back under one that is not proven.
    pub(crate) fn earned(&self, machine: usize) -> f64 {
        let pool = &self.founded.genesis.pools[self.setup.pool];
        let exchange = self.founded.market.exchange();
        let kept = |name: &Address| {
            let standing = exchange.standing(pool.address, *name);
            let unproven = standing.filter(|it| !pool.audits.is_some_and(|audits| it.is_proven(&audits)));
            let deposit = unproven.map_or(0, |it| it.withheld.0.saturating_to());
            self.founded.wealth(*name) - deposit
        };
        let wealth: u64 = self.hands[machine].names.iter().map(kept).sum();
        wealth as f64 - self.setup.purse as f64
    }

    /// What a requester has spent, nano-credits; what is locked for tasks that have not ended is not spent.
    pub(crate) fn spent(&self, number: u64) -> u64 {
        REQUESTERS_PURSE - self.founded.wealth(requester(number))
    }

    fn at(&self) -> Timestamp {
        Timestamp(DAWN_MS + self.now_ms)
    }

    /// Rounded up to whole steps.
    fn after(&mut self, ms: u64, act: Act) {
        let step = self.setup.step_ms;
        let when = (self.now_ms + ms).div_ceil(step) * step;
        self.agenda.entry(when).or_default().push(act);
    }

    fn next_turn(&self) -> Option<u64> {
        let step = self.setup.step_ms;
        let soon = self.now_ms + step;
        let acts = self.agenda.first_key_value().map(|(when, _)| *when);
        let deadline = self.founded.market.next_deadline();
        let deadline = deadline.map(|at| at.0.saturating_sub(DAWN_MS).div_ceil(step) * step);
        let talk = (!self.stirred.is_empty()).then_some(soon);
        let next = [acts, deadline, talk].into_iter().flatten().min()?;
        Some(if self.now_ms == 0 && acts == Some(0) { 0 } else { next.max(soon) })
    }

    fn turn(&mut self) {
        let mut out = Output::default();
        while let Some(entry) = self.agenda.first_entry() {
            if *entry.key() > self.now_ms {
                break;
            }
            for act in entry.remove() {
                self.happen(act, &mut out);
            }
        }
        for machine in std::mem::take(&mut self.stirred) {
            self.speak(machine, &mut out);
        }
        self.decide(&mut out);
        self.tally.entries += out.entries.len() as u64;
        self.tally.events += out.events.len() as u64;
        for event in std::mem::take(&mut out.events) {
            self.witness(event);
        }
        for (worker, message) in std::mem::take(&mut out.messages) {
            self.hear(worker, message);
        }
    }

    fn happen(&mut self, act: Act, out: &mut Output) {
        match act {
            Act::Place { job } => self.place(job, out),
            Act::Join { machine } => self.join(machine, out),
            Act::Leave { machine } => {
                let worker = self.hands[machine].address;
                self.hands[machine].leave();
                self.founded.market.worker_left(self.at(), worker);
                self.tally.departures += 1;
                self.after(600_000, Act::Join { machine });
                self.plan_departure(machine);
            }
            Act::End { machine, task, run } => {
                let leak = self.leaks.as_ref().and_then(|leaks| leaks.get(&task)).copied();
                let hash = self.hands[machine].end(task, run, leak);
                if let (Some(leaks), Some(hash)) = (&mut self.leaks, hash) {
                    leaks.entry(task).or_insert(hash);
                }
                self.begin(machine);
                self.stirred.insert(machine);
            }
        }
    }

    fn plan_departure(&mut self, machine: usize) {
        if self.setup.churn > 0.0 {
            // Times between departures are drawn evenly from nothing to twice the mean.
            let mean_ms = 3_600_000.0 * 100.0 / self.setup.churn;
            let share = self.chance.below(2_000_000) as f64 / 1_000_000.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hours in milliseconds")]
            let wait = (mean_ms * share) as u64;
            self.after(wait + 600_000 + self.setup.step_ms, Act::Leave { machine });
        }
    }

    fn place(&mut self, number: usize, out: &mut Output) {
        let job = self.setup.jobs[number];
        let order = RequestOrder {
            app: self.founded.app,
            workerpoolmaxprice: Amount::nanos(job.price),
            requester: requester(job.requester),
            beneficiary: requester(job.requester),
            volume: U256::from(job.size),
            params: job.region.to_owned(),
            category: U256::from(job.category),
            trust: U256::from(job.trust),
            salt: B256::from(U256::from(number + 1)),
            ..RequestOrder::default()
        };
        let order = AnyOrder::Request(self.founded.checked(order, requester(job.requester)));
        self.jobs.insert(order.hash(), number);
        let placed = self.founded.market.command(self.at(), Command::PlaceOrder(Box::new(order)), out);
        placed.expect("a request can be placed");
    }

    fn join(&mut self, machine: usize, out: &mut Output) {
        let hand = &mut self.hands[machine];
        hand.connected = true;
        let boasts = hand.make.play == Play::Boaster;
        let worker = Worker {
            address: hand.address,
            owner: hand.address,
            pool: self.founded.genesis.pools[self.setup.pool].address,
            cores: hand.make.cores,
            slots: hand.make.slots,
            floors: BTreeMap::from([(hand.make.category, Amount::nanos(hand.make.floor))]),
            benchmark: 1,
            region: boasts.then(|| WISHED.to_owned()),
            heat: if boasts { 100 } else { 0 },
            cached: if boasts { BTreeSet::from([self.founded.app]) } else { BTreeSet::new() },
            ..Worker::default()
        };
        let at = Timestamp(DAWN_MS + self.now_ms);
        self.founded.market.enlist(at, &worker, Bytes::new(), out).expect("anybody may come");
        self.founded.market.worker_joined(at, worker, &[], out);
    }

    /// A machine says what it has to say, and what more it can take.
    fn speak(&mut self, machine: usize, out: &mut Output) {
        let at = self.at();
        let hand = &mut self.hands[machine];
        if !hand.connected {
            return;
        }
        let worker = hand.address;
        let market = &mut self.founded.market;
        if let Some(words) = hand.words() {
            let signed = Signed { order: words.batch, sign: Bytes::new() };
            let batch = CheckedBatch::trust(signed, Recovered::By(worker));
            let command = Command::Batch { batch: Box::new(batch), places: Vec::new() };
            market.command(at, command, out).expect("a worker's batches are in order");
            for (task, ran_ms) in words.ran {
                market.ran(worker, task, ran_ms);
            }
            for (task, digest) in words.packages {
                let package = Package { digest, blob: Digest(digest), callback: Bytes::new() };
                market.package(at, task, package, out);
            }
        }
        market.worker_ready(worker, hand.free());
    }

    fn decide(&mut self, out: &mut Output) {
        let at = self.at();
        self.say_praise(out);
        if self.founded.market.wants_audit_secret() {
            let secret = [self.chance.next(), self.chance.next(), self.chance.next(), self.chance.next()];
            let secret = B256::from_slice(&secret.map(u64::to_be_bytes).concat());
            self.founded.market.audit_secret(at, secret, out).expect("a new secret can be committed to");
        }
        self.founded.market.decide(at, out);
        for _ in 0..OFFER_ROUNDS {
            let offers = std::mem::take(&mut out.offers);
            if offers.is_empty() {
                break;
            }
            for offer in offers {
                let order = AnyOrder::Workerpool(self.founded.checked(offer, self.founded.operator));
                // A rejected offer is the market's to offer anew.
                drop(self.founded.market.command(at, Command::PlaceOrder(Box::new(order)), out));
            }
            self.founded.market.decide(at, out);
        }
    }

    /// Those who praise each other do, once for each deal.
    fn say_praise(&mut self, out: &mut Output) {
        let at = self.at();
        for (deal, rater, subject) in std::mem::take(&mut self.praise) {
            let rating = Rating { deal, subject, performance: 5, safety: 5 };
            let signed = SignedRating { rating, sign: Bytes::new() };
            let rating = Box::new(CheckedRating { signed, rater: Recovered::By(rater) });
            // Said before, of this deal.
            drop(self.founded.market.command(at, Command::Rate { rating }, out));
        }
    }

    fn witness(&mut self, event: Event) {
        match event {
            Event::Hub(poco::Event::OrdersMatched { deal, request, .. }) => {
                let terms = self.founded.market.exchange().deal(deal).expect("a deal that was matched is there");
                let direct = terms.trust <= U256::ONE;
                let fails = self.setup.jobs[self.jobs[&request]].fails;
                self.deals.insert(deal, Bought { direct, fails, seized: false });
                self.tally.deals += 1;
            }
            Event::Hub(poco::Event::TaskFinalize { task, .. }) => self.finished(task),
            Event::Hub(poco::Event::TaskClaimed { task }) => {
                let deal = self.founded.market.exchange().task(task).expect("a claimed task is kept").deal;
                let bought = self.deals.get_mut(&deal).expect("a live deal is known");
                self.tally.seized_deals += u64::from(!std::mem::replace(&mut bought.seized, true));
                self.tally.claimed += 1;
                self.tally.ended_ms = self.now_ms;
            }
            Event::DealForgotten { deal } => {
                self.deals.remove(&deal);
            }
            Event::ItemRefused { task, worker, .. } => self.let_go(worker, task),
            Event::Held { task, deal, failed: false, .. } if self.deals.get(&deal).is_some_and(|it| it.direct) => {
                self.delivered(task);
            }
            Event::Barred { worker, .. } => self.barred(worker),
            _ => {}
        }
    }

    /// A result is with the requester, be it provisional.
    fn delivered(&mut self, task: TaskId) {
        if self.here.insert(task) {
            self.tally.delivered_ms = self.now_ms;
        }
    }

    fn barred(&mut self, worker: Address) {
        self.tally.caught += 1;
        let Some(machine) = self.places.get(&worker).copied() else { return };
        let hand = &mut self.hands[machine];
        if hand.make.play.returns() {
            self.founded.market.worker_left(Timestamp(DAWN_MS + self.now_ms), worker);
            hand.rename();
            self.places.insert(hand.address, machine);
            self.after(self.setup.step_ms, Act::Join { machine });
        }
    }

    fn finished(&mut self, id: TaskId) {
        let task = self.founded.market.exchange().task(id).expect("a finished task is kept");
        for worker in task.contributions.iter().map(|part| part.worker) {
            let praised = self.places.get(&worker).is_some_and(|it| self.hands[*it].make.play == Play::Praised);
            if let Some(deal) = self.founded.market.exchange().deal(task.deal).filter(|_| praised) {
                self.praise.extend([(task.deal, deal.requester, worker), (task.deal, worker, deal.requester)]);
            }
        }
        let fails = self.deals[&task.deal].fails_in(id);
        let right = if fails { failure(id) } else { digest(id, None) };
        self.tally.wrong += u64::from(task.result_digest != right);
        self.tally.failed += u64::from(task.result_digest == failure(id));
        self.delivered(id);
        self.here.remove(&id);
        self.tally.tasks += 1;
        self.tally.ended_ms = self.now_ms;
        if let Some(leaks) = &mut self.leaks {
            leaks.remove(&id);
        }
    }

    fn hear(&mut self, worker: Address, message: Message) {
        let Some(machine) = self.places.get(&worker).copied() else { return };
        if !self.hands[machine].connected || self.hands[machine].address != worker {
            return;
        }
        match message {
            Message::Assign { task, deal, .. } => {
                let Some(bought) = self.deals.get(&deal).copied() else { return };
                let given =
                    Given { task, direct: bought.direct, fails: bought.fails_in(task), run_ms: self.run_ms(task) };
                if self.hands[machine].make.play.gives_back(given.run_ms) {
                    self.founded.market.worker_declined(worker, task, Decline::Owner);
                    self.stirred.insert(machine);
                    return;
                }
                self.hands[machine].give(given);
                self.begin(machine);
            }
            Message::Reveal { task, .. } => {
                self.hands[machine].reveal(task);
                self.stirred.insert(machine);
            }
            Message::Upload { .. } => {}
            Message::Cancel { task, .. } | Message::Settled { task, .. } => self.let_go(worker, task),
        }
    }

    fn let_go(&mut self, worker: Address, task: TaskId) {
        let Some(machine) = self.places.get(&worker).copied() else { return };
        self.hands[machine].drop(task, self.now_ms);
        self.begin(machine);
        self.stirred.insert(machine);
    }

    /// A machine begins what it has a free core for.
    fn begin(&mut self, machine: usize) {
        while let Some(begun) = self.hands[machine].begin(self.now_ms) {
            self.tally.executions += 1;
            if begun.told {
                let worker = self.hands[machine].address;
                self.founded.market.worker_phase(self.at(), worker, begun.task, Phase::Run);
            }
            if let Some(ends_ms) = begun.ends_ms {
                let wait = ends_ms - self.now_ms;
                self.after(wait, Act::End { machine, task: begun.task, run: begun.run });
            }
        }
    }

    /// How long a task takes: the same on every machine.
    fn run_ms(&self, task: TaskId) -> u64 {
        let (least, most) = self.setup.run_ms;
        let word = u64::from_be_bytes(task.0[..8].try_into().expect("eight bytes of a hash"));
        least + word.checked_rem(most - least + 1).unwrap_or(0)
    }
}

fn requester(number: u64) -> Address {
    named("requester", number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hand::Make;
    use crate::report::setup::Job;

    pub(super) fn setup(plays: &[Play], trust: u64, size: u64) -> Setup {
        let make = |play: &Play| Make { play: *play, cores: 4, slots: 4, category: 0, floor: 1_000 };
        Setup {
            seed: 1,
            pool: 0,
            run_ms: (20_000, 40_000),
            step_ms: 2_000,
            machines: plays.iter().map(make).collect(),
            jobs: vec![Job::plain(0, trust, size)],
            purse: 0,
            scores: Vec::new(),
            churn: 0.0,
        }
    }

    #[test]
    fn an_honest_fleet_does_all_of_a_job_right() {
        for trust in [1, 3, 10] {
            let mut fleet = Fleet::new(setup(&[Play::Honest; 8], trust, 300));
            let tally = fleet.run(86_400_000);
            assert_eq!((tally.tasks, tally.wrong, tally.claimed), (300, 0, 0), "trust {trust}");
            assert!(tally.executions >= 300);
            assert!(fleet.earned(0) > 0.0);
        }
    }

    #[test]
    fn equal_setups_make_equal_runs() {
        let plays = [Play::Honest, Play::Honest, Play::Honest, Play::Rare { per_mille: 500 }];
        let run = || Fleet::new(setup(&plays, 3, 200)).run(86_400_000);
        assert_eq!(run(), run());
    }
}
