//! Jobs: describing, submitting, reading, cancelling.

use crate::client::{Client, salt};
use crate::error::Error;
use abi::{Call, Managed};
use api::explain::{Explain, ExplainTask};
use api::job::{Deal, Job, Submit, Task, TaskResult};
use api::params::{Bag, Check, Input, Params, Row};
use orders::{Operation, RequestOrder, Signed};
use units::{Address, Amount, DealId, OrderHash, Tag, TaskId, U256};

/// What the tasks of a job are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// So many that are all alike but for their index, which the program finds in `IEXEC_BOT_TASK_INDEX`.
    Alike {
        /// How many.
        count: u64,
    },
    /// One a row; a row's arguments replace the job's, its inputs are added.
    Rows(Vec<Row>),
}

impl Tasks {
    /// One task for each list of arguments.
    pub fn each_with_args(args: impl IntoIterator<Item = Vec<String>>) -> Self {
        Self::Rows(args.into_iter().map(|args| Row { args, inputs: Vec::new() }).collect())
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Alike { count } => *count,
            Self::Rows(rows) => u64::try_from(rows.len()).expect("a length fits 64 bits"),
        }
    }
}

/// A job to be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// The app.
    pub app: Address,
    /// The most to pay the app's owner for a task.
    pub app_max_price: Amount,
    /// Arguments of every task.
    pub args: Vec<String>,
    /// Inputs of every task, as [`Client::upload`] names them.
    pub inputs: Vec<Input>,
    /// The tasks.
    pub tasks: Tasks,
    /// Time class, by its index in [`Exchange::categories`](api::exchange::Exchange::categories).
    pub category: u64,
    /// How sure to be of each result: its chance of being wrong, were workers independent, is below 1/trust.
    pub trust: u64,
    /// The most to pay the pool for a task.
    pub max_price: Amount,
    /// Only this pool; none: any.
    pub pool: Option<Address>,
    /// Capabilities demanded.
    pub tag: Tag,
    /// Near where it is best done, as machines name their region: those are given its tasks first, others before any stays idle.
    pub region: Option<String>,
    /// Whether floats are made canonical, at five times the cost of float code.
    pub canonical_nans: bool,
    /// Of an image: whether standard output belongs to the result. A module's always does.
    pub stdout: bool,
    /// How results are held to be right; none: equal to the byte. A judge is a blob that was uploaded before.
    pub check: Option<Check>,
    /// A name for people.
    pub title: String,
}

impl JobSpec {
    /// One task of this app without arguments, in the shortest time class, at trust 1, for nothing.
    #[must_use]
    pub fn of(app: Address) -> Self {
        Self {
            app,
            app_max_price: Amount::ZERO,
            args: Vec::new(),
            inputs: Vec::new(),
            tasks: Tasks::Alike { count: 1 },
            category: 0,
            trust: 1,
            max_price: Amount::ZERO,
            pool: None,
            tag: Tag::NONE,
            region: None,
            canonical_nans: false,
            stdout: false,
            check: None,
            title: String::new(),
        }
    }
}

/// A job that was taken, and the order that was signed for it: what cancelling it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The job as it stands.
    pub job: Job,
    /// Its request order.
    pub order: Signed<RequestOrder>,
}

/// The answer of `GET /v1/jobs`.
#[derive(serde::Deserialize)]
struct JobsAnswer {
    jobs: Vec<Job>,
}

/// The answer of `GET /v1/jobs/{id}/results`.
#[derive(serde::Deserialize)]
struct ResultsAnswer {
    results: Vec<TaskResult>,
    #[serde(default)]
    next: Option<u64>,
}

impl Client {
    /// Signs a request order for the job, uploads its table of tasks, and submits it.
    ///
    /// # Errors
    /// [`Error::Params`] where the description breaks a limit; [`Error::Refused`] where the exchange does not take it;
    /// [`Error::Unreachable`].
    pub async fn submit(&self, spec: &JobSpec) -> Result<Submitted, Error> {
        let order = self.request_order(spec).await?;
        let order = Signed::with(order, self.domain(), self.key());
        let job = self.resubmit(&order, &spec.title).await?;
        Ok(Submitted { job, order })
    }

    /// Submits an order that was signed before. The same order again gets the same answer.
    ///
    /// # Errors
    /// As of [`Client::submit`].
    pub async fn resubmit(&self, order: &Signed<RequestOrder>, title: &str) -> Result<Job, Error> {
        self.command("/v1/jobs", &Submit { order: order.clone(), title: title.to_owned() }).await
    }

    /// The unsigned request order of a job; its table of tasks is uploaded.
    ///
    /// # Errors
    /// As of [`Client::submit`].
    pub async fn request_order(&self, spec: &JobSpec) -> Result<RequestOrder, Error> {
        let table = match &spec.tasks {
            Tasks::Alike { .. } => None,
            Tasks::Rows(rows) => {
                let mut table = Vec::new();
                for row in rows {
                    serde_json::to_writer(&mut table, row).expect("a row is plain JSON");
                    table.push(b'\n');
                }
                Some(self.upload_bytes("table.jsonl", table).await?.digest)
            }
        };
        let bag = Bag {
            version: 1,
            args: spec.args.clone(),
            inputs: spec.inputs.clone(),
            table,
            canonical_nans: spec.canonical_nans,
            region: spec.region.clone(),
            stdout: spec.stdout,
            check: spec.check.clone(),
        };
        let params = Params { manyhands: Some(bag), ..Params::default() };
        let text = serde_json::to_string(&params).expect("params are plain JSON");
        let params = Params::parse(&text)?;
        if let Tasks::Rows(rows) = &spec.tasks {
            for row in rows {
                params.task(row)?;
            }
        }
        Ok(RequestOrder {
            app: spec.app,
            appmaxprice: spec.app_max_price,
            dataset: Address::ZERO,
            datasetmaxprice: Amount::ZERO,
            workerpool: spec.pool.unwrap_or(Address::ZERO),
            workerpoolmaxprice: spec.max_price,
            requester: self.address(),
            volume: U256::from(spec.tasks.count()),
            tag: spec.tag,
            category: U256::from(spec.category),
            trust: U256::from(spec.trust),
            beneficiary: self.address(),
            callback: Address::ZERO,
            params: text,
            salt: salt()?,
        })
    }

    /// A job as it stands.
    ///
    /// # Errors
    /// [`Error::Refused`] for a job that is not there or not this client's; [`Error::Unreachable`].
    pub async fn job(&self, job: OrderHash) -> Result<Job, Error> {
        self.read(&format!("/v1/jobs/{job}")).await
    }

    /// This client's jobs, newest first.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn jobs(&self) -> Result<Vec<Job>, Error> {
        let answer: JobsAnswer = self.read("/v1/jobs").await?;
        Ok(answer.jobs)
    }

    /// Finished tasks of a job from this ordinal on, and from where to go on, if there are more.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn results(&self, job: OrderHash, from: u64) -> Result<(Vec<TaskResult>, Option<u64>), Error> {
        let path = format!("/v1/jobs/{job}/results?from={from}&limit={}", api::limits::PAGE_MOST);
        let answer: ResultsAnswer = self.read(&path).await?;
        Ok((answer.results, answer.next.filter(|next| *next > from)))
    }

    /// Why a job is not matched further, and what would help.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn explain(&self, job: OrderHash) -> Result<Explain, Error> {
        self.read(&format!("/v1/jobs/{job}/explain")).await
    }

    /// Closes a job's order: nothing more is bought. What was bought goes on to its end.
    ///
    /// # Errors
    /// [`Error::Reverted`] where it is closed already or not this client's; [`Error::Unreachable`].
    pub async fn cancel(&self, order: &Signed<RequestOrder>) -> Result<(), Error> {
        let managed = Managed { order: order.clone(), operation: Operation::Close, sign: units::Bytes::new() };
        self.transact(&Call::ManageRequestOrder(Box::new(managed))).await.map(drop)
    }

    /// A deal in full.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn deal(&self, deal: DealId) -> Result<Deal, Error> {
        self.read(&format!("/v1/deals/{deal}")).await
    }

    /// A task and, once it is final, who took part.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn task(&self, task: TaskId) -> Result<Task, Error> {
        self.read(&format!("/v1/tasks/{task}")).await
    }

    /// What became of a task: every machine's part in it, as far as it may be seen, and why each ended.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn explain_task(&self, task: TaskId) -> Result<ExplainTask, Error> {
        self.read(&format!("/v1/tasks/{task}/explain")).await
    }
}
