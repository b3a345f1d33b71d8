//! The agent's loop: tells the policy what happens and does what it hands out.

mod deals;
mod tasks;

use crate::clock::Clock;
use crate::config::{Config, When};
use crate::fetch::Fetcher;
use crate::handle::{AgentError, StartError, State, Status};
use crate::heat::Thermostat;
use crate::http::Http;
use crate::idle::{self, Idle};
use crate::kit::{Kit, Obstacle};
use crate::link::{Link, LinkEvent, Outgoing, SOFTWARE};
use crate::policy::Policy;
use crate::runner::{Engines, Job, Kept, Report, Runner};
use crate::{benchmark, sign};
use api::limits::{CACHED_FILES, PROTOCOL_VERSION};
use api::params::TaskSpec;
use api::worker::{
    Assignment, Capabilities, DealBrief, DeclineReason, Ending, FromWorker, Hello, Settlement, ToWorker,
};
use blobs::Pin;
use deals::Deals;
use orders::Domain;
use orders::hello::WorkerHello;
use sandbox::Control;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use units::{Address, DealId, TaskId};

/// How often the status is published at most.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// How long the last words may take to be written.
const CLOSING: Duration = Duration::from_secs(1);
/// How often a new token is fetched at most.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// Events that may wait for the loop; beyond this the exchange waits.
const EVENTS: usize = 256;

/// What the loop's own tasks report.
#[derive(Debug)]
enum Errand {
    Loaded { deal: DealId, kit: Result<Arc<Kit>, Obstacle> },
    Fetched { task: TaskId, kit: Arc<Kit>, spec: TaskSpec, own: Result<Vec<Pin>, Obstacle> },
    Uploaded { task: TaskId, there: bool },
}

/// A task in hand.
#[derive(Debug)]
struct Work {
    assignment: Assignment,
    control: Control,
    /// Ready to be run.
    job: Option<Job>,
    kept: Option<Arc<Kept>>,
}

/// A connection, from its making on.
#[derive(Debug)]
struct Connection {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    pool: Address,
    /// Where its signatures are good; known once the exchange has spoken.
    domain: Option<Domain>,
    welcomed: bool,
}

/// The loop and all that it holds.
#[derive(Debug)]
pub(crate) struct Shell {
    config: Config,
    http: Arc<Http>,
    fetcher: Fetcher,
    policy: Policy,
    clock: Clock,
    runner: Runner,
    reports: mpsc::UnboundedReceiver<Report>,
    errands: mpsc::UnboundedReceiver<Errand>,
    /// For the loop's own tasks.
    errand: mpsc::UnboundedSender<Errand>,
    /// Boxed, so that a new one does not move its neighbours.
    work: BTreeMap<TaskId, Box<Work>>,
    deals: Deals,
    connection: Option<Connection>,
    /// The last hello's.
    nonce: u64,
    /// When a connection was last given up for a new token.
    renewed: Option<Instant>,
    idle: Option<Idle>,
    thermostat: Thermostat,
    paused: bool,
    /// When a stopping agent leaves at the latest.
    leaves: Option<Instant>,
    stop: CancellationToken,
    status: Status,
    publish: watch::Sender<Status>,
    published: Instant,
}

impl Shell {
    pub(crate) fn new(
        config: Config,
        publish: watch::Sender<Status>,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let http = Arc::new(Http::new(&config.exchange_url)?);
        let idle = match config.when {
            When::Always => None,
            When::Idle => Some(Idle::watch().map_err(|_| StartError::Idle)?),
        };
        let cores = config.cores.max(1);
        let engines = Engines {
            sandbox: config.cache.sandbox.clone(),
            #[cfg(target_os = "linux")]
            containers: config.containers.clone(),
        };
        let (runner, reports) = Runner::start(cores, &engines, config.honesty).map_err(StartError::Threads)?;
        let (errand, errands) = mpsc::unbounded_channel();
        Ok(Self {
            fetcher: Fetcher::new(Arc::clone(&http), config.cache.clone()),
            policy: Policy::new(config.key.address(), cores),
            clock: Clock::system(),
            http,
            runner,
            reports,
            errands,
            errand,
            work: BTreeMap::new(),
            deals: Deals::default(),
            connection: None,
            nonce: 0,
            renewed: None,
            idle,
            thermostat: Thermostat::new(config.heat.clone()),
            paused: false,
            leaves: None,
            stop,
            status: Status::default(),
            publish,
            published: Instant::now(),
            config,
        })
    }

    /// Works until it is stopped, or the exchange says not to come back.
    pub(crate) async fn run(mut self) -> Result<(), AgentError> {
        // Measured before there is other work to disturb it; later calls have the answer at once.
        drop(tokio::task::spawn_blocking(benchmark::score).await);
        let (events, mut link_events) = mpsc::channel(EVENTS);
        let link = Link::new(&self.config, Arc::clone(&self.http), events);
        let link = tokio::spawn(link.run());
        let ended = self.work_on(&mut link_events).await;
        for work in self.work.values() {
            work.control.cancel();
        }
        // Dropping it closes the connection once all is written.
        if self.connection.take().is_some() {
            let closed = async { while !matches!(link_events.recv().await, None | Some(LinkEvent::Lost { .. })) {} };
            drop(timeout(CLOSING, closed).await);
        }
        link.abort();
        self.status.state = State::Ended;
        self.publish.send_replace(self.status);
        ended
    }

    async fn work_on(&mut self, link_events: &mut mpsc::Receiver<LinkEvent>) -> Result<(), AgentError> {
        let mut look = tokio::time::interval(idle::EVERY);
        let mut warmth = tokio::time::interval(self.config.timing.heat);
        let mut fetching = tokio::time::interval(self.config.timing.heartbeat);
        let mut moved = 0;
        let http = Arc::clone(&self.http);
        loop {
            self.act();
            let republish = self.tell();
            if self.leaves.is_some() && (self.policy.is_drained() || !self.is_welcome()) {
                return Ok(());
            }
            let deadline = self.policy.next_deadline().map(|at| self.clock.instant(at));
            let wake = [deadline, republish, self.leaves].into_iter().flatten().min();
            tokio::select! {
                event = link_events.recv() => {
                    let Some(event) = event else { return Err(AgentError::Bug) };
                    self.on_link(event)?;
                }
                Some(report) = self.reports.recv() => {
                    self.on_report(report);
                    while let Ok(report) = self.reports.try_recv() {
                        self.on_report(report);
                    }
                }
                Some(errand) = self.errands.recv() => self.on_errand(errand),
                () = http.stale.notified() => self.renew(),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    if self.leaves.is_some_and(|leaves| leaves <= Instant::now()) {
                        tracing::warn!(unsettled = self.status.unsettled, "stopped before all results were settled");
                        return Ok(());
                    }
                    self.policy.tick(self.clock.now());
                }
                _ = look.tick(), if self.idle.is_some() => {
                    let needed = self.idle.as_mut().is_some_and(Idle::look);
                    self.paused = needed;
                    self.policy.owner_needs_it(needed, self.clock.now());
                }
                // Not between hello and welcome: what changed then would never be said.
                _ = warmth.tick(), if self.thermostat.changes() && self.is_welcome() => {
                    if self.thermostat.look() {
                        let floors = self.thermostat.floors(&self.config.floors);
                        self.say(FromWorker::Floors { floors, heat: self.thermostat.demand() });
                    }
                }
                _ = fetching.tick() => {
                    let bytes = self.fetcher.moved().bytes();
                    if std::mem::replace(&mut moved, bytes) < bytes {
                        self.policy.still_fetching();
                    }
                }
                () = self.stop.cancelled(), if self.leaves.is_none() => {
                    self.leaves = Some(Instant::now() + self.config.timing.grace);
                    self.policy.stop(self.clock.now());
                }
            }
        }
    }

    fn on_link(&mut self, event: LinkEvent) -> Result<(), AgentError> {
        match event {
            LinkEvent::Connected { outgoing, pool, date } => {
                if let Some(date) = date {
                    self.clock.correct(date);
                }
                self.connection = Some(Connection { outgoing, pool, domain: None, welcomed: false });
            }
            LinkEvent::Frame(frame) => self.on_frame(frame),
            LinkEvent::Went(way) => self.policy.went(way),
            LinkEvent::BatchSent => self.policy.batch_sent(self.clock.now()),
            LinkEvent::Lost { because } => self.lost(because),
            LinkEvent::Over(error) => return Err(error),
        }
        Ok(())
    }

    fn on_frame(&mut self, frame: ToWorker) {
        let now = self.clock.now();
        match frame {
            ToWorker::Challenge { chain_id, hub, challenge, .. } => {
                self.hello(Domain::new(chain_id, hub), challenge);
            }
            ToWorker::Welcome { token, dropped, sequence, adopted: _ } => {
                if let Some(connection) = &mut self.connection {
                    connection.welcomed = true;
                    self.http.welcome(token);
                    self.policy.connected(&dropped, sequence, now);
                }
            }
            ToWorker::Ping => self.say(FromWorker::Pong),
            // Nothing else is due before the welcome.
            _ if !self.is_welcome() => self.connection = None,
            ToWorker::Assign { deals, tasks } => self.assign(deals, tasks),
            ToWorker::Reveal { tasks, instead } => {
                instead.into_iter().for_each(|instead| self.policy.stands_for(instead));
                self.policy.reveal(&tasks, now);
            }
            ToWorker::Upload { tasks } => self.policy.upload(&tasks),
            ToWorker::Cancel { tasks, reason } => {
                tracing::debug!(tasks = tasks.len(), reason, "tasks were called off");
                self.policy.cancelled(&tasks, now);
            }
            ToWorker::Settled { tasks } => {
                tasks.iter().for_each(|settlement| self.count(settlement));
                self.policy.settled(&tasks, now);
            }
            ToWorker::Refused { task, code, reason } => {
                tracing::warn!(task = task.map(tracing::field::display), code, reason, "the exchange refused");
                if let Some(task) = task {
                    self.policy.refused(task);
                }
            }
            // The connection has ended before this could come.
            ToWorker::Bye { .. } => {}
        }
    }

    fn hello(&mut self, domain: Domain, challenge: String) {
        let Some(connection) = &mut self.connection else { return };
        connection.domain = Some(domain);
        let (config, pool) = (&self.config, connection.pool);
        self.thermostat.look();
        let worker = config.key.address();
        let owner = config.owner.as_ref().map_or(worker, |owner| owner.address);
        // Greater than in any hello before, also than in one of an earlier process.
        let nonce = self.clock.now().0.max(self.nonce.saturating_add(1));
        self.nonce = nonce;
        let signed = WorkerHello { challenge, worker, owner, pool, nonce };
        let hello = Hello {
            version: PROTOCOL_VERSION,
            software: SOFTWARE.to_owned(),
            worker,
            owner,
            owner_signature: config.owner.as_ref().map(|owner| owner.signature.clone()),
            pool,
            nonce,
            signature: sign::hello(&signed, &domain, &config.key),
            join_token: config.join_token.clone(),
            capabilities: Capabilities {
                cores: config.cores.max(1),
                memory_mib: config.memory_mib,
                disk_mib: config.disk_mib,
                runtimes: config.runtimes(),
                benchmark: benchmark::score(),
                processor: crate::processor::family(),
                tag: config.offered(),
            },
            floors: self.thermostat.floors(&config.floors),
            region: config.region.clone(),
            heat: self.thermostat.demand(),
            cached: config.cache.store.recent(CACHED_FILES),
            slots: self.policy.slots(),
            holding: self.policy.holding(),
        };
        self.say(FromWorker::Hello(Box::new(hello)));
    }

    fn assign(&mut self, deals: Vec<DealBrief>, tasks: Vec<Assignment>) {
        let now = self.clock.now();
        for brief in deals {
            self.deals.describe(brief);
        }
        for assignment in tasks {
            let Some(brief) = self.deals.brief(&assignment.deal) else {
                // It was described so long ago that it was forgotten; on a new connection it is described again.
                self.connection = None;
                return;
            };
            if self.policy.assigned(&assignment, brief.direct, now) {
                self.deals.taken(&assignment.deal);
                let work = Work { control: Control::new(), job: None, kept: None, assignment };
                self.work.insert(work.assignment.task, Box::new(work));
            }
        }
    }

    fn count(&mut self, settlement: &Settlement) {
        match settlement.ending {
            Ending::Accepted => self.status.accepted += 1,
            Ending::Dissented => self.status.dissented += 1,
            Ending::NotNeeded | Ending::Claimed => {}
        }
        let earned = self.status.earned.checked_add(settlement.reward);
        self.status.earned = earned.unwrap_or(self.status.earned);
    }

    fn lost(&mut self, because: String) {
        self.connection = None;
        self.policy.disconnected();
        self.status.state = State::Connecting { because };
    }

    /// Connects anew, for a token that the exchange takes.
    fn renew(&mut self) {
        let lately = self.renewed.is_some_and(|renewed| renewed.elapsed() < RENEW_EVERY);
        if self.is_welcome() && !lately {
            self.renewed = Some(Instant::now());
            self.connection = None;
        }
    }

    fn on_report(&mut self, Report { task, result }: Report) {
        let result = result.map(|(finished, kept)| {
            self.status.done += 1;
            if let Some(work) = self.work.get_mut(&task) {
                work.kept = Some(Arc::new(kept));
            }
            finished
        });
        if result == Err(DeclineReason::Fetch) {
            self.spoiled(task);
        }
        self.policy.ended(task, result, self.clock.now());
    }

    fn on_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Loaded { deal, kit } => {
                for task in self.deals.loaded(deal, kit.as_ref().ok().cloned()) {
                    match &kit {
                        Ok(kit) => self.outfit(task, kit),
                        Err(obstacle) => self.obstructed(task, obstacle.clone()),
                    }
                }
            }
            Errand::Fetched { task, kit, spec, own } => match own {
                Ok(own) => self.equip(task, &kit, spec, own),
                Err(obstacle) => self.obstructed(task, obstacle),
            },
            Errand::Uploaded { task, there } => self.policy.uploaded(task, there),
        }
    }

    fn say(&self, frame: FromWorker) {
        if let Some(connection) = &self.connection {
            // A connection that broke meanwhile is told by an event.
            drop(connection.outgoing.send(Outgoing::Frame(frame)));
        }
    }

    fn is_welcome(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.welcomed)
    }

    /// Publishes the status where it has changed, but not too often; gives when to try again.
    fn tell(&mut self) -> Option<Instant> {
        let counts = self.policy.counts();
        self.status.waiting = counts.waiting;
        self.status.running = counts.running;
        self.status.unsettled = counts.done;
        if self.leaves.is_some() {
            self.status.state = State::Stopping;
        } else if self.is_welcome() {
            self.status.state = if self.paused { State::Paused } else { State::Working };
        }
        if *self.publish.borrow() == self.status {
            return None;
        }
        let next = self.published + PUBLISH_EVERY;
        if next > Instant::now() {
            return Some(next);
        }
        self.published = Instant::now();
        self.publish.send_replace(self.status.clone());
        None
    }
}
