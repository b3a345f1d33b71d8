//! `hands audit`: proves from a journal that everything went by the rules, or names the place where it did not.

use crate::attach::{Attached, ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::describe::count;
use crate::exit::{Exit, hinted};
use crate::listing::Format;
use crate::terminal::{note, say};
use crate::wallet;
use anyhow::Context as _;
use clap::Args;
use journal::{Again, AuditError, Heard, Receipt, Report, Source, Verdicts, audit, audit_with, decode_range};
use serde_json::json;
use server::Retrial;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;
use units::Address;

/// Prove from its journal that an exchange paid and verified by the rules
///
/// Hashes every record again, recovers every signature, replays every entry through the rules, checks that no match passed
/// over a better offer and that the books balance. With an exchange's data folder, whatever a checker or prover said of results is
/// asked again of the same module about the same results, where they are still there. Receipts that you kept are held against the history shown: with them, a
/// history that was rewritten whole is caught too.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands audit                                    this machine's exchange, with your receipts of it
  hands audit demo-data
  hands audit journal.db --receipts receipts.jsonl
  hands audit http://exchange.example:7370

Exits with 6 and names the record where something is wrong.")]
pub(crate) struct AuditArgs {
    /// A journal file, an exchange's data folder, or its address. Default: the data folder of this machine's exchange.
    #[arg(value_name = "FILE|DIR|URL")]
    target: Option<String>,
    /// Receipts to hold against the history, a line of JSON each. Default: those that were kept here for this exchange.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// The token of a private exchange.
    #[arg(long, value_name = "TOKEN", env = "MANYHANDS_JOIN", hide_env_values = true)]
    join: Option<String>,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(context: &Context, args: AuditArgs) -> anyhow::Result<Exit> {
    let audited = match &args.target {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            let (audited, operator) = audit_url(context, &args, url.clone()).await?;
            if let Ok(report) = &audited
                && report.genesis.operator != operator
            {
                let shown = report.genesis.operator;
                note(format_args!("NOT PROVEN: the journal shown is of operator {shown}, not {operator}"));
                return Ok(Exit::NotProven);
            }
            audited
        }
        Some(path) => audit_path(context, &args, path.into()).await?,
        None => audit_path(context, &args, context.home.exchange_folder()).await?,
    };
    match audited {
        Ok(report) => {
            show(&report, args.format)?;
            Ok(Exit::Done)
        }
        Err(AuditError::Found { place, fault }) => {
            if args.format.json {
                let value = json!({ "proven": false, "place": place.to_string(), "fault": fault.to_string() });
                say(serde_json::to_string_pretty(&value)?);
            }
            note(format_args!("NOT PROVEN: {place}: {fault}"));
            Ok(Exit::NotProven)
        }
        Err(error) if error.place().is_some() => {
            note(format_args!("NOT PROVEN: {error}"));
            Ok(Exit::NotProven)
        }
        Err(error) => Err(error.into()),
    }
}

type Audited = Result<Report, AuditError>;

async fn audit_path(context: &Context, args: &AuditArgs, path: PathBuf) -> anyhow::Result<Audited> {
    if !path.exists() {
        return Err(hinted(
            format!("there is no journal at {}", path.display()),
            "`hands audit DIR` with an exchange's data folder, or `hands audit URL`",
        ));
    }
    let receipts = match &args.receipts {
        Some(file) => read_receipts(file)?,
        None => match path.is_dir().then(|| journal::Reader::open(&path)) {
            Some(Ok(reader)) => kept_receipts(context, reader.genesis().hub)?,
            Some(Err(_)) | None => Vec::new(),
        },
    };
    let scratch = tempfile::tempdir().context("no temporary folder can be made")?;
    let audited = tokio::task::spawn_blocking(move || {
        // A journal's file alone has no results beside it.
        let mut retrial = path.is_dir().then(|| Retrial::of(&path, scratch.path()));
        let mut ask = |heard: &Heard| retrial.as_mut().map_or(Again::NotAsked, |retrial| retrial.ask(heard));
        audit_with(Source::open(&path)?, &receipts, &mut ask)
    });
    audited.await.context("the audit itself failed")
}

/// What the audit of an exchange found, and who it says that its operator is.
async fn audit_url(context: &Context, args: &AuditArgs, url: String) -> anyhow::Result<(Audited, Address)> {
    let key = wallet::load(&context.home)?;
    let exchange = ExchangeArgs { exchange: Some(url), join: args.join.clone() };
    let Attached { client, .. } = attach(&context.home, &key, &exchange, Needs::Answers).await?;
    let receipts = match &args.receipts {
        Some(file) => read_receipts(file)?,
        None => kept_receipts(context, client.exchange().hub)?,
    };
    let operator = client.exchange().operator;
    let runtime = Handle::current();
    let audited = tokio::task::spawn_blocking(move || {
        let fetch = |from: u64| -> anyhow::Result<Vec<journal::RecordBytes>> {
            let range = runtime.block_on(client.journal(from))?;
            // At its end a journal is served as nothing at all.
            if range.is_empty() { Ok(Vec::new()) } else { Ok(decode_range(&range)?) }
        };
        audit(Source::fetched(fetch), &receipts)
    });
    let audited = audited.await.context("the audit itself failed")?;
    Ok((audited, operator))
}

/// Receipts of the exchange with this hub that commands of this home kept.
fn kept_receipts(context: &Context, hub: units::Address) -> anyhow::Result<Vec<Receipt>> {
    let file = context.home.receipts_file(hub);
    if file.exists() { read_receipts(&file) } else { Ok(Vec::new()) }
}

fn read_receipts(file: &Path) -> anyhow::Result<Vec<Receipt>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let receipt: api::receipt::Receipt = serde_json::from_str(line)
                .with_context(|| format!("line {} of {} is no receipt", number + 1, file.display()))?;
            Ok(Receipt { sequence: receipt.sequence, head: receipt.head, signature: receipt.signature })
        })
        .collect()
}

fn show(report: &Report, format: Format) -> anyhow::Result<()> {
    let sealed = report.sealed_from.map(|place| place.to_string());
    let value = json!({
        "proven": true,
        "operator": report.genesis.operator,
        "records": report.last.sequence + 1,
        "head": report.last.head,
        "entries": report.entries,
        "signatures": report.signatures,
        "matches": report.matches,
        "state_digests": report.digests,
        "receipts": report.receipts,
        "state": report.state,
        "outstanding": report.outstanding,
        "set_aside": report.set_aside.len(),
        "audits": {
            "opened": report.audits.opened,
            "unopened": report.audits.unopened,
            "single_words": report.audits.single_words,
            "drawn": report.audits.drawn,
            "missed": report.audits.missed,
            "alone": report.audits.alone,
            "first_missed": report.audits.first_missed,
            "passed": report.audits.passed,
            "failed": report.audits.failed,
        },
        "verdicts": {
            "heard": report.verdicts.heard,
            "confirmed": report.verdicts.confirmed,
            "not_asked": report.verdicts.not_asked,
            "decided_only_now": report.verdicts.decided_only_now,
            "conceded": report.verdicts.conceded,
        },
        "sealed_from": sealed,
    });
    let mut lines = vec![
        ("operator", report.genesis.operator.to_string()),
        ("records", format!("{}, each continuing the one before", report.last.sequence + 1)),
        ("entries", format!("{}, replayed by the rules", report.entries)),
        ("signatures", format!("{}, recovered again", report.signatures)),
        ("matches", format!("{}, none past a better offer", report.matches)),
        ("receipts", format!("{}, all of this history", report.receipts)),
        ("state", format!("{} (met {})", report.state, count(report.digests, "recorded digest"))),
        ("outstanding", format!("{} credits, and the books balance", report.outstanding)),
    ];
    if report.audits.opened > 0 {
        lines.push(("audits", words_of(&report.audits)));
    }
    if report.verdicts.heard + report.verdicts.conceded > 0 {
        lines.push(("judges", judged(report.verdicts)));
    }
    if let Some(sealed) = sealed {
        lines.push(("sealed", format!("rules are checked up to {sealed}: tasks from there on are not final")));
    }
    if !report.set_aside.is_empty() {
        lines.push(("set aside", format!("{}: ask the operator", count(report.set_aside.len() as u64, "entry"))));
    }
    lines.push(("verdict", "proven".to_owned()));
    format.one(&value, &lines)
}

/// How the operator kept to its hidden audits.
fn words_of(audits: &journal::Audits) -> String {
    let mut words = format!("{} of {} drawn for a check", audits.drawn, count(audits.single_words, "single word"));
    match audits.missed {
        0 => words.push_str(", every one that somebody else could make was made"),
        missed => {
            let named: Vec<String> = audits.named.iter().map(ToString::to_string).collect();
            words.push_str(&format!(", of these {missed} NOT checked: {}", named.join(", ")));
        }
    }
    if audits.alone > 0 {
        words.push_str(&format!("; {} had nobody else to check them", audits.alone));
    }
    words
}

/// What became of judges' words.
fn judged(verdicts: Verdicts) -> String {
    let mut words = format!("{}, {} said again of the same results", count(verdicts.heard, "word"), verdicts.confirmed);
    for (number, what) in [
        (verdicts.not_asked, "not asked again: a result, an input or the judge is not here"),
        (verdicts.decided_only_now, "left open then and decided now"),
    ] {
        if number > 0 {
            words.push_str(&format!("; {number} {what}"));
        }
    }
    if verdicts.conceded > 0 {
        words.push_str(&format!("; {} taken because no judge could tell", count(verdicts.conceded, "result")));
    }
    words
}
