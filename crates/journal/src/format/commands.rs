//! Entries.

use super::conduct::{EnlistRecord, EvidenceRecord, JudgementRecord, RatingRecord};
use super::signed::{BatchRecord, OrderRecord, SignerRecord, WorkerpoolOrderRecord};
use super::values::{Account, Number, Octets, Word};
use abi::SignedTransaction;
use exchange::{Command, Entry, PayReason, Place, Transaction};
use minicbor::{Decode, Encode};
use orders::Domain;
use units::{DealId, OrderHash, TaskId, Timestamp};

/// An entry.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct EntryRecord {
    /// Milliseconds since the Unix epoch.
    #[n(0)]
    at: u64,
    #[n(1)]
    command: CommandRecord,
}

/// A command by its number.
#[derive(Clone, Debug, Encode, Decode)]
enum CommandRecord {
    #[n(0)]
    Transact(#[n(0)] TransactionRecord),
    #[n(1)]
    PlaceOrder(#[n(0)] Box<OrderRecord>),
    #[n(2)]
    RemoveOrder(#[n(0)] Word, #[n(1)] Account),
    #[n(3)]
    Match(#[n(0)] MatchRecord),
    #[n(4)]
    Batch(#[n(0)] Box<BatchRecord>, #[n(1)] Vec<PlaceRecord>),
    #[n(5)]
    Authorize(#[n(0)] Word, #[n(1)] Account),
    #[n(6)]
    Accept(#[n(0)] Word, #[n(1)] Account, #[n(2)] Octets),
    #[n(7)]
    Discard(#[n(0)] Word, #[n(1)] Account),
    #[n(8)]
    Initialize(#[n(0)] PlaceRecord),
    #[n(9)]
    Finalize(#[n(0)] Word, #[n(1)] Octets, #[n(2)] Octets),
    #[n(10)]
    Reopen(#[n(0)] Word),
    #[n(11)]
    Claim(#[n(0)] Word),
    #[n(12)]
    Pay(#[n(0)] Box<PayRecord>),
    #[n(13)]
    Tick,
    #[n(14)]
    Enlist(#[n(0)] EnlistRecord),
    #[n(15)]
    AuditCommit(#[n(0)] Word),
    #[n(16)]
    AuditOpen(#[n(0)] Word),
    #[n(17)]
    Check(#[n(0)] Word, #[n(1)] Account, #[n(2)] EvidenceRecord),
    #[n(18)]
    Know(#[n(0)] Word),
    #[n(19)]
    Halt(#[n(0)] Word),
    #[n(20)]
    Rate(#[n(0)] Box<RatingRecord>),
    #[n(21)]
    Offer(#[n(0)] Box<WorkerpoolOrderRecord>),
    #[n(22)]
    Withdraw(#[n(0)] Word),
    #[n(23)]
    Judge(#[n(0)] JudgementRecord),
}

/// A transaction: the bytes that were signed, and whom the signatures are by.
#[derive(Clone, Debug, Encode, Decode)]
struct TransactionRecord {
    #[n(0)]
    raw: Octets,
    #[n(1)]
    from: Account,
    #[n(2)]
    signers: Vec<SignerRecord>,
}

#[derive(Clone, Debug, Encode, Decode)]
struct MatchRecord {
    #[n(0)]
    app: Word,
    #[n(1)]
    workerpool: Word,
    #[n(2)]
    request: Word,
    #[n(3)]
    dataset: Option<Word>,
}

#[derive(Clone, Debug, Encode, Decode)]
struct PlaceRecord {
    #[n(0)]
    deal: Word,
    #[n(1)]
    index: Number,
}

#[derive(Clone, Debug, Encode, Decode)]
struct PayRecord {
    #[n(0)]
    pool: Account,
    #[n(1)]
    worker: Account,
    #[n(2)]
    amount: Number,
    #[n(3)]
    task: Word,
    #[n(4)]
    why: PayReasonRecord,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(index_only)]
enum PayReasonRecord {
    #[n(0)]
    SecondWitness,
    #[n(1)]
    Hedge,
    #[n(2)]
    TopUp,
    #[n(3)]
    Check,
}

impl From<PayReason> for PayReasonRecord {
    fn from(why: PayReason) -> Self {
        match why {
            PayReason::SecondWitness => Self::SecondWitness,
            PayReason::Hedge => Self::Hedge,
            PayReason::TopUp => Self::TopUp,
            PayReason::Check => Self::Check,
        }
    }
}

impl From<PayReasonRecord> for PayReason {
    fn from(why: PayReasonRecord) -> Self {
        match why {
            PayReasonRecord::SecondWitness => Self::SecondWitness,
            PayReasonRecord::Hedge => Self::Hedge,
            PayReasonRecord::TopUp => Self::TopUp,
            PayReasonRecord::Check => Self::Check,
        }
    }
}

impl From<&Place> for PlaceRecord {
    fn from(place: &Place) -> Self {
        Self { deal: Word(place.deal.0), index: Number(place.index) }
    }
}

impl From<PlaceRecord> for Place {
    fn from(record: PlaceRecord) -> Self {
        Self { deal: DealId(record.deal.0), index: record.index.0 }
    }
}

impl From<&Transaction> for TransactionRecord {
    fn from(transaction: &Transaction) -> Self {
        Self {
            raw: Octets(transaction.raw.clone()),
            from: Account(transaction.from),
            signers: transaction.signers.iter().copied().map(SignerRecord::from).collect(),
        }
    }
}

impl TransactionRecord {
    /// The transaction, if its bytes are one.
    fn into_transaction(self) -> Option<Transaction> {
        let signed = SignedTransaction::decode(&self.raw.0).ok()?;
        Some(Transaction {
            from: self.from.0,
            nonce: signed.nonce,
            chain_id: signed.chain_id,
            to: signed.to?,
            input: signed.input,
            signers: self.signers.into_iter().map(Into::into).collect(),
            hash: signed.hash,
            raw: self.raw.0,
        })
    }
}

impl From<&Entry> for EntryRecord {
    fn from(entry: &Entry) -> Self {
        Self { at: entry.at.0, command: CommandRecord::from(&entry.command) }
    }
}

impl EntryRecord {
    /// The entry; none if it has a transaction whose bytes are none.
    pub(super) fn into_entry(self, domain: &Domain) -> Option<Entry> {
        Some(Entry { at: Timestamp(self.at), command: self.command.into_command(domain)? })
    }
}

impl From<&Command> for CommandRecord {
    fn from(command: &Command) -> Self {
        match command {
            Command::Transact(transaction) => Self::Transact(transaction.as_ref().into()),
            Command::PlaceOrder(order) => Self::PlaceOrder(Box::new(order.as_ref().into())),
            Command::RemoveOrder { order, by } => Self::RemoveOrder(Word(order.0), Account(*by)),
            Command::Match { app, dataset, workerpool, request } => Self::Match(MatchRecord {
                app: Word(app.0),
                workerpool: Word(workerpool.0),
                request: Word(request.0),
                dataset: dataset.map(|dataset| Word(dataset.0)),
            }),
            Command::Batch { batch, places } => {
                Self::Batch(Box::new(batch.as_ref().into()), places.iter().map(PlaceRecord::from).collect())
            }
            Command::Authorize { task, worker } => Self::Authorize(Word(task.0), Account(*worker)),
            Command::Accept { task, worker, results } => {
                Self::Accept(Word(task.0), Account(*worker), Octets(results.clone()))
            }
            Command::Discard { task, worker } => Self::Discard(Word(task.0), Account(*worker)),
            Command::Initialize { deal, index } => {
                Self::Initialize(PlaceRecord { deal: Word(deal.0), index: Number(*index) })
            }
            Command::Finalize { task, results, callback } => {
                Self::Finalize(Word(task.0), Octets(results.clone()), Octets(callback.clone()))
            }
            Command::Reopen { task } => Self::Reopen(Word(task.0)),
            Command::Claim { task } => Self::Claim(Word(task.0)),
            Command::Pay { pool, worker, amount, task, why } => Self::Pay(Box::new(PayRecord {
                pool: Account(*pool),
                worker: Account(*worker),
                amount: (*amount).into(),
                task: Word(task.0),
                why: (*why).into(),
            })),
            Command::Tick => Self::Tick,
            Command::Enlist { pool, worker, owner, evidence } => Self::Enlist(EnlistRecord {
                pool: Account(*pool),
                worker: Account(*worker),
                owner: Account(*owner),
                evidence: Octets(evidence.clone()),
            }),
            Command::AuditCommit { commitment } => Self::AuditCommit(Word(*commitment)),
            Command::AuditOpen { secret } => Self::AuditOpen(Word(*secret)),
            Command::Check { task, worker, evidence } => Self::Check(Word(task.0), Account(*worker), evidence.into()),
            Command::Know { task } => Self::Know(Word(task.0)),
            Command::Judge(judgement) => Self::Judge(judgement.into()),
            Command::Halt { request } => Self::Halt(Word(request.0)),
            Command::Rate { rating } => Self::Rate(Box::new(rating.as_ref().into())),
            Command::Offer { order } => Self::Offer(Box::new(order.as_ref().into())),
            Command::Withdraw { order } => Self::Withdraw(Word(order.0)),
        }
    }
}

impl CommandRecord {
    fn into_command(self, domain: &Domain) -> Option<Command> {
        Some(match self {
            Self::Transact(transaction) => Command::Transact(Box::new(transaction.into_transaction()?)),
            Self::PlaceOrder(order) => Command::PlaceOrder(Box::new(order.into_order(domain))),
            Self::RemoveOrder(order, by) => Command::RemoveOrder { order: OrderHash(order.0), by: by.0 },
            Self::Match(orders) => Command::Match {
                app: OrderHash(orders.app.0),
                dataset: orders.dataset.map(|dataset| OrderHash(dataset.0)),
                workerpool: OrderHash(orders.workerpool.0),
                request: OrderHash(orders.request.0),
            },
            Self::Batch(batch, places) => Command::Batch {
                batch: Box::new(batch.into_batch()),
                places: places.into_iter().map(Place::from).collect(),
            },
            Self::Authorize(task, worker) => Command::Authorize { task: TaskId(task.0), worker: worker.0 },
            Self::Accept(task, worker, results) => {
                Command::Accept { task: TaskId(task.0), worker: worker.0, results: results.0 }
            }
            Self::Discard(task, worker) => Command::Discard { task: TaskId(task.0), worker: worker.0 },
            Self::Initialize(place) => Command::Initialize { deal: DealId(place.deal.0), index: place.index.0 },
            Self::Finalize(task, results, callback) => {
                Command::Finalize { task: TaskId(task.0), results: results.0, callback: callback.0 }
            }
            Self::Reopen(task) => Command::Reopen { task: TaskId(task.0) },
            Self::Claim(task) => Command::Claim { task: TaskId(task.0) },
            Self::Pay(pay) => Command::Pay {
                pool: pay.pool.0,
                worker: pay.worker.0,
                amount: pay.amount.into(),
                task: TaskId(pay.task.0),
                why: pay.why.into(),
            },
            Self::Tick => Command::Tick,
            Self::Enlist(record) => Command::Enlist {
                pool: record.pool.0,
                worker: record.worker.0,
                owner: record.owner.0,
                evidence: record.evidence.0,
            },
            Self::AuditCommit(commitment) => Command::AuditCommit { commitment: commitment.0 },
            Self::AuditOpen(secret) => Command::AuditOpen { secret: secret.0 },
            Self::Check(task, worker, evidence) => {
                Command::Check { task: TaskId(task.0), worker: worker.0, evidence: evidence.into() }
            }
            Self::Know(task) => Command::Know { task: TaskId(task.0) },
            Self::Judge(judgement) => Command::Judge(judgement.into()),
            Self::Halt(request) => Command::Halt { request: OrderHash(request.0) },
            Self::Rate(rating) => Command::Rate { rating: Box::new((*rating).into()) },
            Self::Offer(order) => Command::Offer { order: Box::new((*order).into()) },
            Self::Withdraw(order) => Command::Withdraw { order: OrderHash(order.0) },
        })
    }
}
