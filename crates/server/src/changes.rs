//! What a turn means for the history: rows made of entries and events.

mod conduct;
mod link;

use crate::core::Stated;
use crate::order::{kind_of, signed_json};
use exchange::{AnyOrder, Command, Entry, Event, Exchange, ItemRejection, Offer, RemovalReason, Transaction};
use journal::history::{
    Change, DealRow, LogRow, NewJob, OrderRow, OrderStatus, Outcome, PartOutcome, PartRow, Party, ResultRow,
    ResultState, TransactionRow,
};
use link::Link;
use poco::{ContributionStatus, Deal};
use std::collections::BTreeMap;
use units::{Address, Amount, B256, DealId, Digest, OrderHash, TaskId, Timestamp, U256};

/// A turn that is durable, and the exchange as it is after it.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) at: Timestamp,
    pub(crate) record: u64,
    pub(crate) entries: &'a [Entry],
    pub(crate) events: &'a [Event],
    pub(crate) exchange: &'a Exchange,
    /// What workers stated, for programs' last words.
    pub(crate) statements: &'a BTreeMap<TaskId, Vec<(Address, Stated)>>,
    /// How long workers say that tasks ran.
    pub(crate) ran: &'a BTreeMap<TaskId, Vec<(Address, u64)>>,
    /// Completions whose packages have come: if they are still held, their results are provisional.
    pub(crate) delivered: &'a [(TaskId, Address)],
    /// Where each transaction's events begin.
    pub(crate) spans: &'a BTreeMap<B256, usize>,
}

/// What is remembered while events are gone through.
#[derive(Default)]
struct Memory {
    rewards: BTreeMap<(B256, Address), Amount>,
}

impl Turn<'_> {
    /// The rows.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let (mut changes, mut memory) = (Vec::new(), Memory::default());
        let placed = self.placed();
        for (place, event) in self.events.iter().enumerate() {
            match event {
                Event::Hub(event) => self.hub(place, event, &mut memory, &mut changes),
                Event::Done { hash, .. } => changes.extend(self.transaction(place, *hash, None)),
                Event::Refused { hash, refusal, .. } => {
                    changes.extend(self.transaction(place, *hash, Some(refusal.revert_bytes())));
                }
                Event::OrderPlaced { order, remaining, .. } => {
                    if let Some(any) = placed.get(order) {
                        self.order(any, *remaining, &mut changes);
                    }
                }
                Event::OrderFilled { order, remaining, .. } => {
                    let status = if remaining.is_zero() { OrderStatus::Filled } else { OrderStatus::Open };
                    changes.push(Change::OrderChanged { order: *order, remaining: *remaining, status });
                }
                Event::OrderRemoved { kind, order, why } => {
                    let status = match why {
                        RemovalReason::Filled => OrderStatus::Filled,
                        RemovalReason::Closed => OrderStatus::Canceled,
                        RemovalReason::Withdrawn | RemovalReason::Halted => OrderStatus::Unpublished,
                        RemovalReason::OwnerChanged => OrderStatus::Dead,
                    };
                    changes.push(Change::OrderChanged { order: *order, remaining: U256::ZERO, status });
                    if *kind == orders::OrderKind::Request {
                        changes.extend(self.ended_early(*order, *why));
                    }
                }
                Event::Discarded { task, .. } => changes.extend(self.voided(*task)),
                Event::ItemRefused { task, worker, why: ItemRejection::TooLate, .. } => {
                    changes.extend(self.late(*task, *worker));
                }
                Event::ItemRefused { .. } => {}
                Event::Rated { .. }
                | Event::TokenTransfer { .. }
                | Event::TokenApproval { .. }
                | Event::AssetTransfer { .. }
                | Event::PolicyUpdate { .. }
                | Event::GroupCreated { .. }
                | Event::GroupMember { .. }
                | Event::Issued { .. }
                | Event::Redeemed { .. }
                | Event::Held { .. }
                | Event::Shown { .. }
                | Event::Paid { .. }
                | Event::Enlisted { .. }
                | Event::AuditCommitted { .. }
                | Event::AuditOpened { .. }
                | Event::Checked { .. }
                | Event::Barred { .. }
                | Event::Known { .. }
                | Event::Contradicted { .. }
                | Event::Judged { .. }
                | Event::Withheld { .. }
                | Event::Left { .. }
                | Event::PoolHosted { .. }
                | Event::PoolClosed { .. }
                | Event::Invited { .. }
                | Event::DealFinished { .. }
                | Event::DealForgotten { .. } => {}
            }
        }
        self.conduct(&mut changes);
        changes.extend(self.delivered.iter().filter_map(|(task, worker)| self.provisional(*task, *worker)));
        changes
    }

    fn hub(&self, place: usize, event: &poco::Event, memory: &mut Memory, changes: &mut Vec<Change>) {
        use poco::Event as Hub;
        match event {
            Hub::OrdersMatched { deal, app, dataset, workerpool, request, .. } => {
                let orders = [*app, *dataset, *workerpool, *request];
                self.deal(place, *deal, orders, changes);
            }
            Hub::Reward { owner, amount, reference } => {
                let sum = memory.rewards.entry((*reference, *owner)).or_default();
                *sum = sum.checked_add(*amount).unwrap_or(*sum);
            }
            Hub::TaskFinalize { task, .. } => changes.extend(self.result(*task, true, memory)),
            Hub::TaskClaimed { task } => changes.extend(self.result(*task, false, memory)),
            Hub::ClosedOrder { kind: orders::OrderKind::Request, order } => {
                changes.push(Change::JobClosed { job: *order, at: self.at });
            }
            Hub::ClosedOrder { .. }
            | Hub::Transfer { .. }
            | Hub::Approval { .. }
            | Hub::Lock { .. }
            | Hub::Unlock { .. }
            | Hub::Seize { .. }
            | Hub::SchedulerNotice { .. }
            | Hub::DealSponsored { .. }
            | Hub::SignedOrder { .. }
            | Hub::TaskInitialize { .. }
            | Hub::TaskContribute { .. }
            | Hub::TaskConsensus { .. }
            | Hub::TaskReveal { .. }
            | Hub::TaskReopen { .. }
            | Hub::AccurateContribution { .. }
            | Hub::FaultyContribution { .. }
            | Hub::CreateCategory { .. } => {}
        }
    }

    /// Orders that were placed in this turn; they may be filled and gone by now.
    fn placed(&self) -> BTreeMap<OrderHash, &AnyOrder> {
        let placed = self.entries.iter().filter_map(|entry| {
            let Command::PlaceOrder(order) = &entry.command else { return None };
            Some((order.hash(), &**order))
        });
        placed.collect()
    }

    /// An order that was published. The hosted pools' own offers come and go with every free slot; they are in the book and the
    /// journal, and not kept here.
    fn order(&self, any: &AnyOrder, remaining: U256, changes: &mut Vec<Change>) {
        if self.exchange.is_hosted(any.subject()) {
            return;
        }
        if let AnyOrder::Request(order) = any {
            let request = order.order();
            changes.push(Change::Job(NewJob {
                id: order.hash,
                requester: request.requester,
                app: request.app,
                trust: small(request.trust),
                category: small(request.category),
                tasks: small(remaining),
                created: self.at,
            }));
        }
        changes.push(Change::Order(Box::new(OrderRow {
            hash: any.hash(),
            kind: kind_of(any.kind()),
            signer: any.signer().address().unwrap_or_default(),
            subject: any.subject(),
            body: signed_json(any),
            remaining,
            status: OrderStatus::Open,
            published: self.at,
        })));
    }

    fn deal(&self, place: usize, id: DealId, orders: [OrderHash; 4], changes: &mut Vec<Change>) {
        let Some(deal) = self.exchange.deal(id) else { return };
        let [app_order, dataset_order, workerpool_order, request_order] = orders;
        let transaction = self.transaction_around(place);
        if !transaction.is_zero() {
            // Matched by a transaction: the request may never have rested here.
            changes.push(Change::Job(NewJob {
                id: request_order,
                requester: deal.requester,
                app: deal.app.pointer,
                trust: small(deal.trust),
                category: deal.category.0,
                tasks: small(deal.bot_size),
                created: self.at,
            }));
        }
        changes.push(Change::Deal(Box::new(DealRow {
            id,
            at: self.at,
            record: self.record,
            transaction,
            app: deal.app.pointer,
            app_owner: deal.app.owner,
            app_price: deal.app.price,
            dataset: deal.dataset.pointer,
            dataset_owner: deal.dataset.owner,
            dataset_price: deal.dataset.price,
            workerpool: deal.workerpool.pointer,
            workerpool_owner: deal.workerpool.owner,
            workerpool_price: deal.workerpool.price,
            app_order,
            dataset_order,
            workerpool_order,
            request_order,
            requester: deal.requester,
            beneficiary: deal.beneficiary,
            callback: deal.callback,
            sponsor: deal.sponsor,
            params: deal.params.clone(),
            volume: deal.bot_size,
            category: deal.category.0,
            tag: deal.tag,
            trust: deal.trust,
            bot_first: deal.bot_first,
            scheduler_reward_ratio: deal.scheduler_reward_ratio,
            worker_stake: deal.worker_stake,
        })));
    }

    /// The transaction that an event is of; zero for policy's.
    fn transaction_around(&self, place: usize) -> B256 {
        let outcome = self.events.get(place..).unwrap_or_default().iter().find_map(|event| {
            let Event::Done { hash, .. } = event else { return None };
            Some(*hash)
        });
        match outcome {
            Some(hash) if self.spans.get(&hash).is_some_and(|first| *first <= place) => hash,
            Some(_) | None => B256::ZERO,
        }
    }

    fn result(&self, id: TaskId, finished: bool, memory: &Memory) -> Option<Change> {
        let task = self.exchange.task(id)?;
        let deal: &Deal = self.exchange.deal(task.deal)?;
        let job = self.exchange.request_of(task.deal)?;
        let link = Link::read(&task.results);
        let blob: Option<Digest> =
            link.as_ref().and_then(|link| link.location.strip_prefix("/v1/blobs/")?.parse().ok());
        let outcome = match (finished, &link) {
            (false, _) => Outcome::Claimed,
            // The words are in the package; the recorder reads them there.
            (true, Some(Link { failed: true, .. })) => Outcome::Failed(String::new()),
            (true, _) => Outcome::Completed,
        };
        let agrees = |hash: B256| finished && hash == task.consensus;
        let agreed = task.contributions.iter().filter(|part| agrees(part.hash)).count();
        let said = self.statements.get(&id).into_iter().flatten().map(|(_, stated)| stated);
        let words = said.filter(|stated| stated.digest == task.result_digest);
        let words = words.max_by_key(|stated| stated.stderr.len().saturating_add(stated.stdout.len()));
        let agree = || task.contributions.iter().filter(|part| agrees(part.hash)).map(|part| part.worker);
        let ran = self.ran.get(&id).into_iter().flatten().filter(|(by, _)| agree().any(|worker| worker == *by));
        let party = |part: &poco::Contribution| Party {
            worker: part.worker,
            status: status_number(part.status),
            reward: memory.rewards.get(&(id.0, part.worker)).copied().unwrap_or_default(),
        };
        Some(Change::Result(Box::new(ResultRow {
            job,
            ordinal: 0,
            task: id,
            index: small(task.index),
            deal: task.deal,
            outcome,
            digest: task.result_digest,
            blob,
            stderr: words.map(|stated| stated.stderr.clone()).unwrap_or_default(),
            stdout: words.map(|stated| stated.stdout.clone()).unwrap_or_default(),
            cost: if finished { deal.task_price() } else { Amount::ZERO },
            agreed: count(agreed),
            dissented: count(task.contributions.len().saturating_sub(agreed)),
            ended: self.at,
            state: ResultState::Final,
            ran_ms: ran.map(|(_, ran)| *ran).max(),
            parties: task.contributions.iter().map(party).collect(),
        })))
    }

    /// A request that left the book before all of it was bought.
    fn ended_early(&self, job: OrderHash, why: RemovalReason) -> Option<Change> {
        match why {
            RemovalReason::Filled => None,
            RemovalReason::Halted => Some(Change::JobHalted { job, at: self.at }),
            RemovalReason::Closed | RemovalReason::Withdrawn | RemovalReason::OwnerChanged => {
                Some(Change::JobClosed { job, at: self.at })
            }
        }
    }

    /// A worker's result came after its task's time.
    fn late(&self, task: TaskId, worker: Address) -> Option<Change> {
        let deal = self.exchange.task(task).map(|task| task.deal);
        let deal = deal.or_else(|| self.exchange.held(task).map(|holding| holding.deal))?;
        let pool = self.exchange.deal(deal)?.workerpool.pointer;
        let (outcome, at) = (PartOutcome::Late, self.at);
        Some(Change::Part(PartRow { task, pool, worker, outcome, at }))
    }

    /// A completion that is held where single words are audited: its requester may have it, though it may come to nothing.
    fn provisional(&self, id: TaskId, worker: Address) -> Option<Change> {
        let holding = self.exchange.held(id)?;
        let held = holding.offers.iter().find(|held| held.worker == worker)?;
        let Offer::Open { digest, blob, .. } = &held.offer else { return None };
        if held.failed {
            // One worker's word that the program fails is no result.
            return None;
        }
        let deal: &Deal = self.exchange.deal(holding.deal)?;
        self.exchange.audits(deal.workerpool.pointer)?;
        let said = self.statements.get(&id).into_iter().flatten().find(|(by, _)| *by == worker).map(|(_, said)| said);
        let ran = self.ran.get(&id).into_iter().flatten().find(|(by, _)| *by == worker).map(|(_, ran)| *ran);
        Some(Change::Result(Box::new(ResultRow {
            job: self.exchange.request_of(holding.deal)?,
            ordinal: 0,
            task: id,
            index: small(holding.index),
            deal: holding.deal,
            outcome: Outcome::Completed,
            digest: *digest,
            blob: Some(*blob),
            stderr: said.map(|said| said.stderr.clone()).unwrap_or_default(),
            stdout: said.map(|said| said.stdout.clone()).unwrap_or_default(),
            cost: Amount::ZERO,
            agreed: 1,
            dissented: 0,
            ended: self.at,
            state: ResultState::Provisional,
            ran_ms: ran,
            parties: Vec::new(),
        })))
    }

    /// A statement was dropped: if nobody else's is held, what was delivered of the task is void.
    fn voided(&self, task: TaskId) -> Option<Change> {
        let holding = self.exchange.held(task)?;
        if !holding.offers.is_empty() {
            return None;
        }
        let job = self.exchange.request_of(holding.deal)?;
        Some(Change::Voided { job, task, at: self.at })
    }

    fn transaction(&self, place: usize, hash: B256, revert: Option<Vec<u8>>) -> Option<Change> {
        let (position, transaction) = self.entries.iter().enumerate().find_map(|(position, entry)| {
            let Command::Transact(transaction) = &entry.command else { return None };
            (transaction.hash == hash).then_some((position, &**transaction))
        })?;
        let first = self.spans.get(&hash).copied().unwrap_or(place);
        let events = self.events.get(first..place).unwrap_or_default();
        let genesis = self.exchange.genesis();
        let created = events.iter().find_map(|event| {
            if let Event::AssetTransfer { asset, from, .. } = event {
                return from.is_zero().then_some(*asset);
            }
            if let Event::GroupCreated { group, .. } = event { Some(*group) } else { None }
        });
        let logs = events.iter().filter_map(|event| event.log(genesis));
        let succeeded = revert.is_none();
        Some(Change::Transaction(Box::new(TransactionRow {
            hash,
            record: self.record,
            position: u32::try_from(position).unwrap_or(u32::MAX),
            at: self.at,
            sender: transaction.from,
            target: transaction.to,
            nonce: transaction.nonce,
            kind: form(transaction),
            succeeded,
            revert: revert.unwrap_or_default().into(),
            created,
            logs: logs.map(|log| LogRow { address: log.address, topics: log.topics, data: log.data }).collect(),
        })))
    }
}

/// A transaction's type: its first byte, unless that begins a list.
fn form(transaction: &Transaction) -> u8 {
    transaction.raw.first().copied().filter(|first| *first < 0xc0).unwrap_or(0)
}

fn status_number(status: ContributionStatus) -> u8 {
    status.number()
}

fn small(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
