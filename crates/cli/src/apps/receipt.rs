//! What an errand came to, beside what was quoted: signed by whoever ordered it, with the operator's own receipt in it.

use super::errand::Errand;
use super::quoting::{Quote, sum};
use crate::attach::Attached;
use crate::describe;
use crate::home::Home;
use crate::terminal::note;
use anyhow::Context as _;
use api::job::{Outcome, TaskResult};
use api::receipt::Receipt as OperatorsReceipt;
use orders::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;
use units::{Address, Amount, B256, Bytes, OrderHash, Timestamp};

/// The receipt's name in the folder of results.
const FILE: &str = "receipt.json";

/// A receipt: what is signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) receipt: Content,
    /// A personal signature (EIP-191) of the requester's over SHA-256 of `manyhands app receipt` and the content as compact JSON,
    /// its keys in the order of this file.
    pub(crate) signature: Bytes,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) app: String,
    pub(crate) version: String,
    pub(crate) arguments: Value,
    pub(crate) exchange: String,
    pub(crate) hub: Address,
    pub(crate) requester: Address,
    pub(crate) trust: u64,
    pub(crate) budget: Option<Amount>,
    /// The job of the tasks that were tried, and that of the others.
    pub(crate) jobs: Vec<OrderHash>,
    /// What was said before the others were bought.
    pub(crate) quoted: Option<Quote>,
    /// What they came to.
    pub(crate) actual: Actual,
    /// What everything came to, the trial with it.
    pub(crate) paid: Amount,
    pub(crate) tasks: Vec<Line>,
    /// The operator's last receipt, which covers all of it: `hands audit --receipts` holds it against the journal.
    pub(crate) operator: Option<OperatorsReceipt>,
}

/// What the tasks that were quoted came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Actual {
    pub(crate) tasks: u64,
    pub(crate) failed: u64,
    pub(crate) cost: Amount,
    /// From the job's being taken to its last result, milliseconds.
    pub(crate) time_ms: u64,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) outcome: String,
    pub(crate) cost: Amount,
    pub(crate) ran_ms: Option<u64>,
    /// Workers whose results agreed.
    pub(crate) agreed: u64,
    /// Whether it may still come to nothing.
    pub(crate) provisional: bool,
    pub(crate) digest: B256,
}

impl Receipt {
    fn sign(content: Content, key: &SigningKey) -> anyhow::Result<Self> {
        let signature = key.sign_personal(digest(&content)?);
        Ok(Self { receipt: content, signature })
    }

    /// Says what it came to.
    pub(crate) fn tell(&self, out: &Path) {
        let Content { quoted, actual, paid, .. } = &self.receipt;
        let said = |ms: u64| describe::short_time(Duration::from_millis(ms));
        if let Some(quoted) = quoted {
            let time = quoted.time_ms.map_or_else(|| "no time".to_owned(), |time| said(time.median));
            note(format_args!(
                "quoted {} credits and {time}; it was {} credits and {}",
                quoted.cost.median,
                actual.cost,
                said(actual.time_ms)
            ));
        }
        note(format_args!("receipt: {} ({paid} credits in all)", out.join(FILE).display()));
    }
}

fn digest(content: &Content) -> anyhow::Result<B256> {
    let hash = Sha256::new().chain_update(b"manyhands app receipt").chain_update(serde_json::to_vec(content)?);
    Ok(B256::from(<[u8; 32]>::from(hash.finalize())))
}

/// Writes the receipt into the folder of results.
pub(super) async fn write(
    home: &Home,
    errand: &Errand,
    attached: &Attached,
    key: &SigningKey,
) -> anyhow::Result<Receipt> {
    let client = &attached.client;
    let mut tasks = Vec::new();
    let mut actual = Actual::default();
    for (job, first) in [(errand.trial, 0), (errand.job, errand.tried)] {
        let Some(job) = job else { continue };
        let results = crate::submit::all_results(client, job).await?;
        if errand.job == Some(job) {
            let began = client.job(job).await?.created;
            actual = measure(&results, began);
        }
        tasks.extend(results.iter().map(|result| line(errand, first + result.index, result)));
    }
    let content = Content {
        app: errand.app.clone(),
        version: errand.version.clone(),
        arguments: Value::Object(errand.said.arguments.clone()),
        exchange: client.url().to_owned(),
        hub: client.exchange().hub,
        requester: client.address(),
        trust: errand.trust,
        budget: errand.budget,
        jobs: [errand.trial, errand.job].into_iter().flatten().collect(),
        quoted: errand.quote.clone(),
        actual,
        paid: sum(tasks.iter().map(|task: &Line| task.cost)),
        tasks,
        operator: last_receipt(home, client.exchange().hub)?,
    };
    let receipt = Receipt::sign(content, key)?;
    std::fs::create_dir_all(&errand.out).with_context(|| format!("cannot make {}", errand.out.display()))?;
    let mut text = serde_json::to_vec_pretty(&receipt)?;
    text.push(b'\n');
    let file = errand.out.join(FILE);
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(receipt)
}

fn measure(results: &[TaskResult], began: Timestamp) -> Actual {
    let ended = results.iter().map(|result| result.ended).max().unwrap_or(began);
    let failed = results.iter().filter(|result| result.outcome != Outcome::Completed).count();
    let time = ended.saturating_since(began).as_millis();
    Actual {
        tasks: results.len() as u64,
        failed: failed as u64,
        cost: sum(results.iter().map(|result| result.cost)),
        time_ms: u64::try_from(time).unwrap_or(u64::MAX),
    }
}

fn line(errand: &Errand, number: u64, result: &TaskResult) -> Line {
    Line {
        name: errand.task(number).map_or_else(|| number.to_string(), |task| task.name.clone()),
        outcome: match &result.outcome {
            Outcome::Completed => "completed".to_owned(),
            Outcome::Failed { reason } => format!("failed: {reason}"),
            Outcome::Claimed => "not done in time".to_owned(),
        },
        cost: result.cost,
        ran_ms: result.ran_ms,
        agreed: result.agreed,
        provisional: result.provisional,
        digest: result.digest,
    }
}

/// The last receipt of this exchange's operator.
fn last_receipt(home: &Home, hub: Address) -> anyhow::Result<Option<OperatorsReceipt>> {
    let Ok(text) = std::fs::read_to_string(home.receipts_file(hub)) else { return Ok(None) };
    text.lines().next_back().map(serde_json::from_str).transpose().context("the operators' receipts are damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use orders::signature::recover_personal;

    #[test]
    fn a_receipt_is_signed_over_all_it_says_and_reads_back_the_same() {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let content = Content {
            app: "search".to_owned(),
            version: "0.1.0".to_owned(),
            arguments: serde_json::json!({ "range": { "from": 1, "to": 2 } }),
            exchange: "http://127.0.0.1:1".to_owned(),
            hub: Address::ZERO,
            requester: key.address(),
            trust: 3,
            budget: Some(Amount::credits(5)),
            jobs: vec![OrderHash::default()],
            quoted: None,
            actual: Actual::default(),
            paid: Amount::credits(1),
            tasks: Vec::new(),
            operator: None,
        };
        let receipt = Receipt::sign(content, &key).unwrap();
        let mut read: Receipt = serde_json::from_slice(&serde_json::to_vec_pretty(&receipt).unwrap()).unwrap();
        assert_eq!(read, receipt);
        let signer = |receipt: &Receipt| recover_personal(digest(&receipt.receipt).unwrap(), &receipt.signature);
        assert!(signer(&read).is_by(key.address()));
        read.receipt.paid = Amount::ZERO;
        assert!(!signer(&read).is_by(key.address()));
    }
}
