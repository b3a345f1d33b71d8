//! `hands demo`: an exchange, its operator, a requester, an app's owner and workers of as many owners, one of whom lies, in
//! one process and over real sockets; then proof that everybody got what is theirs.
//!
//! The books are read and reckoned only after the exchange has closed, from its journal and from what it told over HTTP; the
//! arithmetic is this module's own ([`proof`]), not the rules'.

mod facts;
mod proof;
mod render;
mod report;
mod scene;
mod stage;

pub(crate) use crate::commands::demo::DemoArgs;

use crate::exit::Exit;
use crate::terminal::{is_watched, note};
use anyhow::{Context as _, bail};
use api::order::BookRow;
use client::{AppPrice, BookFilter};
use proof::{Check, Evidence, Reckoning};
use render::{Bid, Pictures};
use report::Report;
use scene::Scene;
use stage::{Clients, Data, Stage};
use std::path::Path;
use std::time::Instant;
use units::{Amount, U256};

/// What the app's owner asks for a frame: two thousandths of a credit.
const APP_PRICE: Amount = Amount::nanos(2_000_000);
/// How much more than what is asked the requester is ready to pay: prices may rise while it buys.
const HEADROOM: U256 = U256::from_limbs([2, 0, 0, 0]);
/// What the operator issues to everybody who pays or stakes, credits, beside one for every frame.
const ISSUED: u64 = 10;

/// How many stakes the liar has to lose, at the price that is asked at first.
const LIES: U256 = U256::from_limbs([6, 0, 0, 0]);

/// What was seen while the exchange was open.
struct Play {
    evidence: Evidence,
    book_before: Vec<BookRow>,
    book_after: Vec<BookRow>,
}

/// Plays it, proves it, shows it.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let scene = args.scene.as_deref().map_or_else(|| Ok(Scene::bundled()), Scene::read)?;
    if args.out.exists() && !args.out.is_dir() {
        bail!("{} is a file; --out names a folder", args.out.display());
    }
    let data = Data::new(args.data.as_deref())?;
    let mut stage = Stage::open(&data).await?;
    let played = tokio::select! {
        played = Box::pin(play(&mut stage, &args, &scene)) => Some(played),
        _ = tokio::signal::ctrl_c() => None,
    };
    if played.is_none() {
        note("interrupted; closing");
    }
    let closed = stage.close().await;
    let Some(played) = played else { return Ok(Exit::Interrupted) };
    let play = played?;
    closed?;
    let pictures = show_pictures(&args, &play.evidence)?;
    let report = prove(&args, data, play, pictures.as_ref(), began).await?;
    report.show(args.json, pictures.as_ref())?;
    if report.holds {
        return Ok(Exit::Done);
    }
    for check in report.checks.iter().filter(|check| !check.holds) {
        note(format_args!("this did not hold: {} ({})", check.claim, check.detail));
    }
    Ok(Exit::NotProven)
}

/// Everything that happens while the exchange is open.
async fn play(stage: &mut Stage, args: &DemoArgs, scene: &Scene) -> anyhow::Result<Play> {
    note(format_args!("an exchange is open at {}, with books of its own", stage.url()));
    let clients = stage.clients().await?;
    let Clients { operator, requester, app_owner } = &clients;
    stage.start_workers(operator, args.trust)?;
    let app = app_owner.publish_module("tracer", bundle::TRACER, AppPrice::Everybody(APP_PRICE)).await?;
    for party in &stage.parties {
        match party.part {
            stage::Part::Operator | stage::Part::Requester | stage::Part::Worker => {
                operator.issue(party.address, Amount::credits(ISSUED + u64::from(args.frames))).await?;
            }
            stage::Part::AppOwner | stage::Part::Liar | stage::Part::Kitty => {}
        }
    }
    let offer = stage.assembled(requester, args.trust).await?;
    // Who lies is out when its stakes are gone.
    let purse = stage::stake(requester, offer.price)?.checked_mul(LIES).context("the price is beyond reason")?;
    for liar in stage.parties.iter().filter(|party| party.part == stage::Part::Liar) {
        operator.issue(liar.address, purse).await?;
    }
    let workers = stage.workers();
    note(format_args!(
        "{workers} workers of as many owners stand ready in the pool {}; worker {workers} lies",
        stage::POOL
    ));
    let pool = stage::pool(requester)?.clone();
    let book_before = requester.book(BookFilter::default()).await?;
    let before = stage.accounts(operator).await?;

    let most = offer.price.checked_mul(HEADROOM).context("the price is beyond reason")?;
    let bid = Bid { app: APP_PRICE, pool: most };
    let submitted = render::submit(requester, args, scene, app, pool.address, bid).await?;
    note(format_args!(
        "one order for {} frames of {} at trust {}, at most {most} credits each to the pool and {APP_PRICE} to the app's owner",
        args.frames, scene.name, args.trust
    ));
    let rendered = render::follow(requester, &submitted.job, &args.out).await?;

    let book_after = requester.book(BookFilter::default()).await?;
    let mut deals = Vec::new();
    for deal in &rendered.job.deals {
        deals.push(requester.deal(*deal).await?);
    }
    // Whatever the workers still hold is given back before the accounts are read.
    stage.dismiss().await;
    let after = stage.accounts(operator).await?;
    let outstanding = operator.outstanding().await?.outstanding;
    let (asked, parties) = (u64::from(args.frames), stage.parties.clone());
    let evidence = Evidence { asked, rendered, deals, pool, parties, before, after, outstanding };
    Ok(Play { evidence, book_before, book_after })
}

/// Contact sheet, animation and, for somebody who watches, a small picture at once.
fn show_pictures(args: &DemoArgs, evidence: &Evidence) -> anyhow::Result<Option<Pictures>> {
    let frames = &evidence.rendered.frames;
    if frames.is_empty() {
        return Ok(None);
    }
    let pictures = render::pictures(frames, &args.out)?;
    if is_watched() && !args.json {
        note(&pictures.preview);
    }
    Ok(Some(pictures))
}

/// Reads the closed books, reckons, and audits them.
async fn prove(
    args: &DemoArgs,
    data: Data,
    play: Play,
    pictures: Option<&Pictures>,
    began: Instant,
) -> anyhow::Result<Report> {
    let Play { evidence, book_before, book_after } = play;
    let (evidence, checks, data) = tokio::task::spawn_blocking(move || {
        let facts = facts::read(data.path()).context("the demo's own books cannot be read")?;
        let reckoning = Reckoning::new(&evidence.deals, &evidence.pool, &facts);
        let mut checks = evidence.check(&facts, &reckoning);
        checks.push(audit(data.path(), &data.receipts(), evidence.outstanding)?);
        anyhow::Ok((evidence, checks, data))
    })
    .await??;
    let kept = args.data.clone();
    Ok(Report {
        holds: checks.iter().all(|check| check.holds),
        seconds: began.elapsed().as_secs_f64(),
        receipts: kept.as_ref().map(|_| data.receipts()),
        data: kept,
        frames: report::frames(&evidence),
        contact_sheet: pictures.map(|pictures| pictures.sheet.clone()),
        animation: pictures.map(|pictures| pictures.animation.clone()),
        book_before,
        book_after,
        parties: report::parties(&evidence),
        deals: evidence.deals,
        checks,
    })
}

/// Audits the books as a stranger would, with every receipt that the demo's clients were given.
fn audit(folder: &Path, receipts: &Path, outstanding: Amount) -> anyhow::Result<Check> {
    let text = std::fs::read_to_string(receipts).with_context(|| format!("cannot read {}", receipts.display()))?;
    let mut held = Vec::new();
    for line in text.lines() {
        let api::receipt::Receipt { sequence, head, signature } = serde_json::from_str(line)?;
        held.push(journal::Receipt { sequence, head, signature });
    }
    let audited = journal::Source::open(folder).map_err(journal::AuditError::from);
    let (holds, detail) = match audited.and_then(|source| journal::audit(source, &held)) {
        Ok(found) => (
            found.outstanding == outstanding && found.set_aside.is_empty() && found.sealed_from.is_none(),
            format!(
                "records: {}, entries: {}, signatures: {}, matches: {}, receipts: {}; {} credits outstanding",
                found.last.sequence + 1,
                found.entries,
                found.signatures,
                found.matches,
                found.receipts,
                found.outstanding
            ),
        ),
        Err(error) => (false, format!("{:#}", anyhow::Error::new(error))),
    };
    Ok(Check { claim: "the audit passed: chain, signatures, rules, priority, receipts".to_owned(), holds, detail })
}
