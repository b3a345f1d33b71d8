//! What is shown at the end.

use super::proof::{Check, Evidence, nanos, signed};
use super::render::Pictures;
use crate::commands::book::kind_name;
use crate::describe::{count, short};
use crate::listing::Format;
use crate::terminal::say;
use api::job::Deal;
use api::order::BookRow;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use units::{Address, Amount};

/// An order for so many tasks is as good as endless.
const ENDLESS: u64 = api::limits::SAFE_INTEGER;

/// Everything that came of the demo.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether everything held.
    pub(super) holds: bool,
    /// How long it took, seconds.
    pub(super) seconds: f64,
    /// The exchange's data folder, if it is kept.
    pub(super) data: Option<PathBuf>,
    /// The operator's receipts, if kept.
    pub(super) receipts: Option<PathBuf>,
    pub(super) frames: Vec<FrameRow>,
    pub(super) contact_sheet: Option<PathBuf>,
    pub(super) animation: Option<PathBuf>,
    pub(super) book_before: Vec<BookRow>,
    pub(super) book_after: Vec<BookRow>,
    pub(super) deals: Vec<Deal>,
    pub(super) parties: Vec<PartyRow>,
    pub(super) checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
pub(super) struct FrameRow {
    pub(super) index: u64,
    pub(super) file: PathBuf,
    pub(super) cost: Amount,
    pub(super) agreed: u64,
    pub(super) dissented: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct PartyRow {
    pub(super) role: String,
    pub(super) address: Address,
    pub(super) before: Amount,
    pub(super) after: Amount,
    /// What it gained or lost, credits with their sign.
    pub(super) change: String,
    pub(super) score_before: u64,
    pub(super) score: u64,
}

/// The frames as rows.
pub(super) fn frames(evidence: &Evidence) -> Vec<FrameRow> {
    let row = |(index, file): (&u64, &PathBuf)| {
        let result = evidence.rendered.results.get(index)?;
        let (cost, agreed, dissented) = (result.cost, result.agreed, result.dissented);
        Some(FrameRow { index: *index, file: file.clone(), cost, agreed, dissented })
    };
    evidence.rendered.frames.iter().filter_map(row).collect()
}

/// The parties as rows.
pub(super) fn parties(evidence: &Evidence) -> Vec<PartyRow> {
    let account = |accounts: &BTreeMap<Address, api::account::Account>, address| {
        let account = accounts.get(&address)?;
        Some((account.free.checked_add(account.locked)?, account.score))
    };
    let row = |party: &super::stage::Party| {
        let (before, score_before) = account(&evidence.before, party.address).unwrap_or_default();
        let (after, score) = account(&evidence.after, party.address).unwrap_or_default();
        let change = signed(nanos(after) - nanos(before));
        PartyRow { role: party.role.clone(), address: party.address, before, after, change, score_before, score }
    };
    evidence.parties.iter().map(row).collect()
}

impl Report {
    /// Prints it.
    pub(super) fn show(&self, json: bool, pictures: Option<&Pictures>) -> anyhow::Result<()> {
        if json {
            say(serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        let table = Format { json: false };
        title("The order book before the job (prices are for a task, in credits)");
        show_book(&self.book_before)?;
        title("The order book after it");
        show_book(&self.book_after)?;
        title("Deals (prices and stakes are for a frame, in credits)");
        let columns = ["deal", "frames", "app's price", "pool's price", "worker's stake"];
        table.list(&self.deals, &columns, "no deal was made", |deal| {
            let frames = format!("{} to {}", deal.first, deal.first + deal.volume.saturating_sub(1));
            let money = [deal.app.price, deal.workerpool.price, deal.worker_stake].map(|amount| amount.to_string());
            [vec![short(deal.id), frames], money.to_vec()].concat()
        })?;
        title("Balances, in credits");
        let columns = ["", "address", "before", "after", "change", "score"];
        table.list(&self.parties, &columns, "", |row| {
            let money = [row.before.to_string(), row.after.to_string(), row.change.clone()];
            let score = if row.role.starts_with("worker") { row.score.to_string() } else { String::new() };
            [vec![row.role.clone(), short(row.address)], money.to_vec(), vec![score]].concat()
        })?;
        title("Did it hold?");
        for check in &self.checks {
            let word = if check.holds { "yes" } else { "NO " };
            say(format_args!("  {word}  {} ({})", check.claim, check.detail));
        }
        self.show_files(pictures);
        Ok(())
    }

    fn show_files(&self, pictures: Option<&Pictures>) {
        say("");
        if let Some(pictures) = pictures {
            let (sheet, animation) = (pictures.sheet.display(), pictures.animation.display());
            say(format_args!(
                "{}; all at once in {sheet}, moving in {animation}",
                count(self.frames.len() as u64, "frame")
            ));
        }
        if let (Some(data), Some(receipts)) = (&self.data, &self.receipts) {
            let (data, receipts) = (data.display(), receipts.display());
            say(format_args!("the books are kept: `hands audit {data} --receipts {receipts}` proves them"));
        }
        let took = Duration::from_secs_f64(self.seconds);
        say(format_args!("done in {:.1} s", took.as_secs_f64()));
    }
}

/// Orders at rest, without the columns that say nothing here.
fn show_book(rows: &[BookRow]) -> anyhow::Result<()> {
    let columns = ["order", "kind", "of", "price", "left", "trust", "maker"];
    Format { json: false }.list(rows, &columns, "  nothing", |row| {
        let left = match row.volume {
            ENDLESS.. => "any number".to_owned(),
            volume => format!("{} of {volume}", row.remaining),
        };
        let trust = row.trust.map_or_else(String::new, |trust| trust.to_string());
        let (kind, price) = (kind_name(row.kind).to_owned(), row.price.to_string());
        vec![short(row.order), kind, short(row.subject), price, left, trust, short(row.maker)]
    })
}

fn title(text: &str) {
    say(format_args!("\n{text}"));
}
