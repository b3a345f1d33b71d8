//! Looking things up.

use super::History;
use super::rows::{
    DealRow, JobRow, LogRow, NewJob, OrderKind, OrderRow, OrderStatus, Outcome, Party, ResultRow, ResultState,
    TransactionRow,
};
use crate::error::JournalError;
use crate::record::{length, many, whole, word};
use rusqlite::types::{FromSql, Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, RowIndex, params, params_from_iter};
use std::fmt;
use units::{Address, Amount, B256, Bytes, DealId, Digest, OrderHash, Tag, TaskId, Timestamp, U256};

/// Which part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows to leave out.
    pub skip: u64,
    /// How many to give at most.
    pub most: u64,
}

/// Which published orders; what is not said is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only of this kind.
    pub kind: Option<OrderKind>,
    /// Only with this status.
    pub status: Option<OrderStatus>,
    /// Only signed by this account.
    pub signer: Option<Address>,
    /// Only of this app, dataset, pool or requester.
    pub subject: Option<Address>,
}

/// Which deals; what is not said is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DealFilter {
    /// Only of this requester.
    pub requester: Option<Address>,
    /// Only for this beneficiary.
    pub beneficiary: Option<Address>,
    /// Only with this app.
    pub app: Option<Address>,
    /// Only with an app of this owner.
    pub app_owner: Option<Address>,
    /// Only with this dataset.
    pub dataset: Option<Address>,
    /// Only with a dataset of this owner.
    pub dataset_owner: Option<Address>,
    /// Only with this pool.
    pub workerpool: Option<Address>,
    /// Only with a pool of this owner.
    pub workerpool_owner: Option<Address>,
    /// Only of this time class.
    pub category: Option<u64>,
    /// Only from this app order.
    pub app_order: Option<OrderHash>,
    /// Only from this dataset order.
    pub dataset_order: Option<OrderHash>,
    /// Only from this pool's order.
    pub workerpool_order: Option<OrderHash>,
    /// Only from this request order.
    pub request_order: Option<OrderHash>,
}

impl History {
    pub(super) fn fail(&self, error: rusqlite::Error) -> JournalError {
        JournalError::database(&self.path, error)
    }

    pub(super) fn list<T>(
        &self,
        query: &str,
        values: Vec<Value>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map(params_from_iter(values), read)?.collect()
        };
        rows().map_err(|error| self.fail(error))
    }

    pub(super) fn count(&self, query: &str, values: Vec<Value>) -> Result<u64, JournalError> {
        let count = || self.connection.prepare_cached(query)?.query_row(params_from_iter(values), |row| row.get(0));
        count().map_err(|error| self.fail(error))
    }

    /// A job.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn job(&self, id: OrderHash) -> Result<Option<JobRow>, JournalError> {
        job(&self.connection, id).map_err(|error| self.fail(error))
    }

    /// Jobs, the newest first; of one requester, or all.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn jobs(&self, requester: Option<Address>, page: Page) -> Result<Vec<JobRow>, JournalError> {
        let mut filter = Filter::default();
        filter.address("requester", requester);
        filter.list(self, "SELECT * FROM jobs", "created DESC, id", page, read_job)
    }

    /// What came of a job's tasks, each once and as it is now, in the order in which that came to be, from an ordinal on.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn results(&self, job: OrderHash, from: u64, most: u64) -> Result<Vec<ResultRow>, JournalError> {
        let query = "SELECT * FROM results WHERE job = ?1 AND ordinal >= ?2 ORDER BY ordinal LIMIT ?3";
        self.list(query, vec![job.0.to_vec().into(), signed(from).into(), signed(most).into()], read_result)
    }

    /// A task that has ended for good.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn result(&self, task: TaskId) -> Result<Option<ResultRow>, JournalError> {
        let mut rows = self.list(
            "SELECT * FROM results WHERE task = ?1 AND state = 0",
            vec![task.0.to_vec().into()],
            read_result,
        )?;
        Ok(rows.pop())
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn transaction(&self, hash: B256) -> Result<Option<TransactionRow>, JournalError> {
        let query = "SELECT * FROM transactions WHERE hash = ?1";
        Ok(self.list(query, vec![hash.to_vec().into()], read_transaction)?.pop())
    }

    /// A published order.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn order(&self, hash: OrderHash) -> Result<Option<OrderRow>, JournalError> {
        let query = "SELECT * FROM orders WHERE hash = ?1";
        Ok(self.list(query, vec![hash.0.to_vec().into()], read_order)?.pop())
    }

    /// Published orders, the oldest first.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn orders(&self, filter: &OrderFilter, page: Page) -> Result<Vec<OrderRow>, JournalError> {
        filter.terms().list(self, "SELECT * FROM orders", "published, hash", page, read_order)
    }

    /// How many published orders there are.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn count_orders(&self, filter: &OrderFilter) -> Result<u64, JournalError> {
        filter.terms().count(self, "SELECT count(*) FROM orders")
    }

    /// A deal.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn deal(&self, id: DealId) -> Result<Option<DealRow>, JournalError> {
        let query = "SELECT * FROM deals WHERE id = ?1";
        Ok(self.list(query, vec![id.0.to_vec().into()], read_deal)?.pop())
    }

    /// Deals, the newest first.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn deals(&self, filter: &DealFilter, page: Page) -> Result<Vec<DealRow>, JournalError> {
        filter.terms().list(self, "SELECT * FROM deals", "ordinal DESC", page, read_deal)
    }

    /// How many deals there are.
    ///
    /// # Errors
    /// As every query: [`JournalError::Database`].
    pub fn count_deals(&self, filter: &DealFilter) -> Result<u64, JournalError> {
        filter.terms().count(self, "SELECT count(*) FROM deals")
    }
}

/// The terms of a `WHERE`.
#[derive(Default)]
struct Filter {
    terms: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    fn value(&mut self, column: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.push(value.into());
            self.terms.push(format!("{column} = ?{}", self.values.len()));
        }
    }

    fn address(&mut self, column: &str, address: Option<Address>) {
        self.value(column, address.map(|address| address.to_vec()));
    }

    fn order(&mut self, column: &str, order: Option<OrderHash>) {
        self.value(column, order.map(|order| order.0.to_vec()));
    }

    fn clause(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!(" WHERE {}", self.terms.join(" AND ")) }
    }

    fn list<T>(
        mut self,
        history: &History,
        select: &str,
        order: &str,
        page: Page,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let (clause, next) = (self.clause(), self.values.len() + 1);
        let query = format!("{select}{clause} ORDER BY {order} LIMIT ?{next} OFFSET ?{}", next + 1);
        self.values.extend([Value::from(signed(page.most)), Value::from(signed(page.skip))]);
        history.list(&query, self.values, read)
    }

    fn count(self, history: &History, select: &str) -> Result<u64, JournalError> {
        let query = format!("{select}{}", self.clause());
        history.count(&query, self.values)
    }
}

impl OrderFilter {
    fn terms(&self) -> Filter {
        let mut filter = Filter::default();
        filter.value("kind", self.kind.map(OrderKind::number));
        filter.value("status", self.status.map(OrderStatus::number));
        filter.address("signer", self.signer);
        filter.address("subject", self.subject);
        filter
    }
}

impl DealFilter {
    fn terms(&self) -> Filter {
        let mut filter = Filter::default();
        filter.address("requester", self.requester);
        filter.address("beneficiary", self.beneficiary);
        filter.address("app", self.app);
        filter.address("app_owner", self.app_owner);
        filter.address("dataset", self.dataset);
        filter.address("dataset_owner", self.dataset_owner);
        filter.address("workerpool", self.workerpool);
        filter.address("workerpool_owner", self.workerpool_owner);
        filter.value("category", self.category.map(signed));
        filter.order("app_order", self.app_order);
        filter.order("dataset_order", self.dataset_order);
        filter.order("workerpool_order", self.workerpool_order);
        filter.order("request_order", self.request_order);
        filter
    }
}

/// As SQLite counts; nothing is beyond.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column that does not hold what was written into it.
#[derive(Debug)]
struct Unexpected;

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what was written")
    }
}

impl std::error::Error for Unexpected {}

fn unexpected() -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(Unexpected))
}

pub(super) fn hash(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<B256> {
    row.get::<_, [u8; 32]>(column).map(B256::from)
}

pub(super) fn address(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Address> {
    row.get::<_, [u8; 20]>(column).map(Address::from)
}

pub(super) fn number(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<U256> {
    let text: String = row.get(column)?;
    U256::from_str_radix(&text, 10).map_err(|_| unexpected())
}

fn amount(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Amount> {
    number(row, column).map(Amount)
}

fn plain<T: FromSql>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T> {
    row.get(column)
}

pub(super) fn job(connection: &Connection, id: OrderHash) -> rusqlite::Result<Option<JobRow>> {
    let mut statement = connection.prepare_cached("SELECT * FROM jobs WHERE id = ?1")?;
    statement.query_row(params![id.0.as_slice()], read_job).optional()
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        job: NewJob {
            id: OrderHash(hash(row, "id")?),
            requester: address(row, "requester")?,
            app: address(row, "app")?,
            trust: plain(row, "trust")?,
            category: plain(row, "category")?,
            tasks: plain(row, "tasks")?,
            created: Timestamp(plain(row, "created")?),
        },
        title: plain(row, "title")?,
        matched: plain(row, "matched")?,
        finished: plain(row, "finished")?,
        failed: plain(row, "failed")?,
        claimed: plain(row, "claimed")?,
        provisional: plain(row, "provisional")?,
        spent: amount(row, "spent")?,
        halted: plain(row, "halted")?,
        closed: plain(row, "closed")?,
        ended: plain::<Option<u64>>(row, "ended")?.map(Timestamp),
    })
}

/// Every result that is streamed comes through here: its columns are known by their places, for looking their names up takes longer
/// than all else.
fn read_result(row: &Row<'_>) -> rusqlite::Result<ResultRow> {
    let outcome = match plain(row, 5)? {
        0_u8 => Outcome::Completed,
        1 => Outcome::Failed(plain(row, 6)?),
        2 => Outcome::Claimed,
        _ => return Err(unexpected()),
    };
    let parties: Vec<u8> = plain(row, 15)?;
    Ok(ResultRow {
        job: OrderHash(hash(row, 0)?),
        ordinal: plain(row, 1)?,
        task: TaskId(hash(row, 2)?),
        index: plain(row, 3)?,
        deal: DealId(hash(row, 4)?),
        outcome,
        digest: hash(row, 7)?,
        blob: plain::<Option<[u8; 32]>>(row, 8)?.map(Digest::from),
        stderr: plain(row, 9)?,
        stdout: plain(row, 10)?,
        cost: amount(row, 11)?,
        agreed: plain(row, 12)?,
        dissented: plain(row, 13)?,
        ended: Timestamp(plain(row, 14)?),
        state: state(plain(row, 16)?)?,
        ran_ms: plain(row, 17)?,
        parties: decode_parties(&parties).map_err(|_| unexpected())?,
    })
}

/// How sure a result is.
pub(super) fn state(number: u8) -> rusqlite::Result<ResultState> {
    match number {
        0 => Ok(ResultState::Final),
        1 => Ok(ResultState::Provisional),
        2 => Ok(ResultState::Voided),
        _ => Err(unexpected()),
    }
}

fn read_transaction(row: &Row<'_>) -> rusqlite::Result<TransactionRow> {
    let logs: Vec<u8> = plain(row, "logs")?;
    Ok(TransactionRow {
        hash: hash(row, "hash")?,
        record: plain(row, "record")?,
        position: plain(row, "position")?,
        at: Timestamp(plain(row, "at")?),
        sender: address(row, "sender")?,
        target: address(row, "target")?,
        nonce: plain(row, "nonce")?,
        kind: plain(row, "kind")?,
        succeeded: plain(row, "succeeded")?,
        revert: Bytes::from(plain::<Vec<u8>>(row, "revert")?),
        created: plain::<Option<[u8; 20]>>(row, "created")?.map(Address::from),
        logs: decode_logs(&logs).map_err(|_| unexpected())?,
    })
}

fn read_order(row: &Row<'_>) -> rusqlite::Result<OrderRow> {
    let kind = match plain(row, "kind")? {
        0_u8 => OrderKind::App,
        1 => OrderKind::Dataset,
        2 => OrderKind::Workerpool,
        3 => OrderKind::Request,
        _ => return Err(unexpected()),
    };
    let status = match plain(row, "status")? {
        0_u8 => OrderStatus::Open,
        1 => OrderStatus::Filled,
        2 => OrderStatus::Canceled,
        3 => OrderStatus::Dead,
        4 => OrderStatus::Unpublished,
        _ => return Err(unexpected()),
    };
    Ok(OrderRow {
        hash: OrderHash(hash(row, "hash")?),
        kind,
        signer: address(row, "signer")?,
        subject: address(row, "subject")?,
        body: plain(row, "body")?,
        remaining: number(row, "remaining")?,
        status,
        published: Timestamp(plain(row, "published")?),
    })
}

fn read_deal(row: &Row<'_>) -> rusqlite::Result<DealRow> {
    Ok(DealRow {
        id: DealId(hash(row, "id")?),
        at: Timestamp(plain(row, "at")?),
        record: plain(row, "record")?,
        transaction: hash(row, "transaction_hash")?,
        app: address(row, "app")?,
        app_owner: address(row, "app_owner")?,
        app_price: amount(row, "app_price")?,
        dataset: address(row, "dataset")?,
        dataset_owner: address(row, "dataset_owner")?,
        dataset_price: amount(row, "dataset_price")?,
        workerpool: address(row, "workerpool")?,
        workerpool_owner: address(row, "workerpool_owner")?,
        workerpool_price: amount(row, "workerpool_price")?,
        app_order: OrderHash(hash(row, "app_order")?),
        dataset_order: OrderHash(hash(row, "dataset_order")?),
        workerpool_order: OrderHash(hash(row, "workerpool_order")?),
        request_order: OrderHash(hash(row, "request_order")?),
        requester: address(row, "requester")?,
        beneficiary: address(row, "beneficiary")?,
        callback: address(row, "callback")?,
        sponsor: address(row, "sponsor")?,
        params: plain(row, "params")?,
        volume: number(row, "volume")?,
        category: plain(row, "category")?,
        tag: Tag(hash(row, "tag")?),
        trust: number(row, "trust")?,
        bot_first: number(row, "bot_first")?,
        scheduler_reward_ratio: number(row, "scheduler_reward_ratio")?,
        worker_stake: amount(row, "worker_stake")?,
    })
}

pub(super) fn decode_parties(bytes: &[u8]) -> Result<Vec<Party>, usize> {
    whole(bytes, |from| {
        many(from, |from| {
            length(from)?;
            let worker = twenty(from)?;
            let status = from.u8()?;
            let reward = U256::try_from_be_slice(from.bytes()?).unwrap_or_default();
            Ok(Party { worker, status, reward: Amount(reward) })
        })
    })
}

fn decode_logs(bytes: &[u8]) -> Result<Vec<LogRow>, usize> {
    whole(bytes, |from| {
        many(from, |from| {
            length(from)?;
            let address = twenty(from)?;
            Ok(LogRow { address, topics: many(from, word)?, data: Bytes::copy_from_slice(from.bytes()?) })
        })
    })
}

fn twenty(from: &mut minicbor::Decoder<'_>) -> Result<Address, minicbor::decode::Error> {
    Address::try_from(from.bytes()?).map_err(|_| minicbor::decode::Error::message("not 20 bytes"))
}
