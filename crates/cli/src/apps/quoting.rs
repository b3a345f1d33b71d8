//! What the tasks of an errand may cost and take, and whether the person agrees.

use super::Errand;
use crate::describe::{self, count};
use crate::exit::hinted;
use crate::host::workers_for;
use crate::submit::trial::{middling, next_class, smallest};
use crate::terminal::note;
use anyhow::{Context as _, bail};
use api::exchange::Category;
use api::order::Kind;
use client::{BookFilter, Client};
use manifest::quote::{self, Likely};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use units::{Amount, U256};

/// The time limit where nothing was tried and none is said.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The terms that tasks are bought on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) category: u64,
    /// The most that a task may cost, its program's price with it.
    pub(super) max_price: Amount,
}

/// What is said before the rest of an errand is bought; kept, to be held against what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quote {
    /// Tasks still to be bought.
    pub(crate) tasks: u64,
    /// How long those that were tried ran, milliseconds.
    pub(crate) tried_ms: Vec<u64>,
    /// What they cost.
    pub(crate) tried_cost: Amount,
    /// How long it will take, milliseconds; nothing is known where nothing was tried.
    pub(crate) time_ms: Option<Likely<u64>>,
    /// What it will cost.
    pub(crate) cost: Likely<Amount>,
    /// Tasks that are done at once.
    pub(crate) lanes: u64,
    pub(crate) category: u64,
    pub(crate) class: String,
    /// The most that a task may cost: all together stay within the budget.
    pub(crate) max_price: Amount,
}

impl Quote {
    /// What the rest of an errand may cost and take, as things stand.
    pub(super) async fn make(errand: &Errand, client: &Client) -> anyhow::Result<Self> {
        let tasks = errand.tasks.len() as u64 - errand.tried;
        let tried = match errand.trial {
            Some(trial) => crate::submit::all_results(client, trial).await?,
            None => Vec::new(),
        };
        let tried_ms: Vec<u64> = tried.iter().filter_map(|result| result.ran_ms).collect();
        let tried_cost = sum(tried.iter().map(|result| result.cost));
        let classes = &client.exchange().categories;
        let longest = tried.iter().max_by_key(|result| result.ran_ms.unwrap_or_default());
        let class = match (errand.time_limit_s, longest) {
            (Some(seconds), _) => class_for(classes, Duration::from_secs(seconds))?,
            (None, None) => class_for(classes, TIME_LIMIT)?,
            (None, longest) => {
                let ran = longest.and_then(|result| result.ran_ms).map(Duration::from_millis);
                next_class(classes, &middling(classes)?, longest, ran)
            }
        };
        let bid = most(errand, tasks, tried_cost);
        let price = or_bid(errand, prices(errand, client, class.id, tasks).await?, bid)?;
        let lanes = lanes(errand, client).await?.min(tasks).max(1);
        Ok(Self {
            tasks,
            time_ms: quote::time(&tried_ms, tasks, lanes),
            tried_ms,
            cost: Likely { median: times(price.median, tasks), p90: times(price.p90, tasks) },
            lanes,
            category: class.id,
            class: class.name,
            max_price: bid.unwrap_or(price.p90),
            tried_cost,
        })
    }

    pub(super) fn terms(&self) -> Terms {
        Terms { category: self.category, max_price: self.max_price }
    }

    /// Says it.
    pub(super) fn tell(&self, errand: &Errand) {
        let left = count(self.tasks, "task");
        let cost = match self.cost.median.is_zero() && self.cost.p90.is_zero() {
            true => "for nothing".to_owned(),
            false => format!("{} credits ({} at most, nine times in ten)", self.cost.median, self.cost.p90),
        };
        let said = |ms: u64| describe::short_time(Duration::from_millis(ms));
        let time = self.time_ms.map_or_else(
            || "how long is not known, since nothing was tried".to_owned(),
            |time| format!("{} ({} at most, nine times in ten)", said(time.median), said(time.p90)),
        );
        note(format_args!("quote: {left}, {cost}, {time}; {} at once, time class {}", self.lanes, self.class));
        if let Some(budget) = errand.budget {
            note(format_args!("budget: {budget} credits, of which the trial took {}", self.tried_cost));
        }
    }

    /// Makes sure that the person agrees and that the budget can hold it.
    pub(super) fn agree(&self, errand: &Errand, yes: bool) -> anyhow::Result<()> {
        let again =
            || format!("`hands job watch {} --yes`", errand.trial.map_or_else(String::new, |id| id.to_string()));
        let each = self.cost.median.checked_div(U256::from(self.tasks.max(1))).unwrap_or(Amount::ZERO);
        if each > self.max_price {
            let words = format!(
                "the budget leaves {} credits a task and the book asks {each}: nothing more was bought",
                self.max_price
            );
            return Err(hinted(words, format!("{} later, or the command again with a larger --budget", again())));
        }
        if self.cost.p90.is_zero() || yes || crate::ask::yes_or_no("Buy it?") == Some(true) {
            return Ok(());
        }
        let hint = if errand.trial.is_some() { again() } else { "the same with `--yes`".to_owned() };
        Err(hinted("not agreed, so nothing more was bought", hint))
    }
}

/// On which terms the first tasks are tried.
pub(super) async fn trial_terms(errand: &Errand, client: &Client, yes: bool) -> anyhow::Result<Terms> {
    let classes = &client.exchange().categories;
    let class = match errand.time_limit_s {
        Some(seconds) => class_for(classes, Duration::from_secs(seconds))?,
        None => middling(classes)?,
    };
    let bid = most(errand, errand.tasks.len() as u64, Amount::ZERO);
    let price = or_bid(errand, prices(errand, client, class.id, errand.tried).await?, bid)?;
    let all = times(price.p90, errand.tried);
    if let Some(most) = bid {
        if price.median > most {
            bail!("the budget is {most} credits a task and the book asks {}: nothing was bought", price.median);
        }
        return Ok(Terms { category: class.id, max_price: most });
    }
    if !all.is_zero() {
        note(format_args!("the trial costs at most {all} credits"));
        if !yes && crate::ask::yes_or_no("Buy it?") != Some(true) {
            return Err(hinted("not agreed, so nothing was bought", "`--yes`, or `--budget CREDITS` for all of it"));
        }
    }
    Ok(Terms { category: class.id, max_price: price.p90 })
}

/// What a budget leaves for each of so many tasks, when this much is spent.
fn most(errand: &Errand, tasks: u64, spent: Amount) -> Option<Amount> {
    let left = errand.budget?.checked_sub(spent).unwrap_or(Amount::ZERO);
    left.checked_div(U256::from(tasks.max(1)))
}

/// What the book asks; where it asks nothing just now, what the budget bids: the job waits for whoever comes.
fn or_bid(errand: &Errand, asked: Option<Likely<Amount>>, bid: Option<Amount>) -> anyhow::Result<Likely<Amount>> {
    let bid = bid.map(|bid| Likely { median: bid, p90: bid });
    asked.or(bid).ok_or_else(|| {
        let words = format!("nobody sells computing of this time class at trust {} just now", errand.trust);
        hinted(words, "`--budget CREDITS` to bid and wait, or `hands book` to see what is sold")
    })
}

/// What the book asks for so many tasks of this time class, their program's price with it; none where nobody sells.
async fn prices(errand: &Errand, client: &Client, category: u64, tasks: u64) -> anyhow::Result<Option<Likely<Amount>>> {
    let own = errand.program_price;
    if client.exchange().private {
        return Ok(Some(Likely { median: own, p90: own }));
    }
    let filter = BookFilter { kind: Some(Kind::Workerpool), category: Some(category), ..BookFilter::default() };
    let mut asks: Vec<(Amount, u64)> = Vec::new();
    for row in client.book(filter).await? {
        let sure = row.trust.unwrap_or_default() >= errand.trust;
        let able = errand.tag.is_subset_of(row.tag);
        if sure && able && errand.pool.is_none_or(|pool| pool == row.subject) {
            asks.push((sum([row.price, own].into_iter()), row.remaining));
        }
    }
    asks.sort_unstable();
    Ok(quote::price(&asks, tasks))
}

/// Tasks that the connected workers do at once at this trust.
async fn lanes(errand: &Errand, client: &Client) -> anyhow::Result<u64> {
    let replicas = if errand.trust < 2 { 1 } else { u64::from(workers_for(errand.trust)) };
    let workers = client.workers().await?;
    let there = workers.iter().filter(|worker| worker.connected && errand.pool.is_none_or(|pool| pool == worker.pool));
    let cores: u64 = there.map(|worker| u64::from(worker.cores)).sum();
    Ok(cores / replicas)
}

fn class_for(classes: &[Category], limit: Duration) -> anyhow::Result<Category> {
    let none = || format!("no time class of this exchange holds {}", describe::duration(limit));
    smallest(classes, limit).with_context(none)
}

fn times(price: Amount, tasks: u64) -> Amount {
    price.checked_mul(U256::from(tasks)).unwrap_or(Amount(U256::MAX))
}

/// All together.
pub(super) fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Amount(U256::MAX)))
}
