//! Trying a task of an image twice, before trust is bought: replicas can only agree where results are the same wherever, and
//! whenever, a program runs.

use super::{Prepared, Terms, asked_price};
use crate::attach::Attached;
use crate::exit::hinted;
use crate::terminal::note;
use anyhow::Context as _;
use api::exchange::Category;
use api::job::TaskResult;
use client::{Client, Event, Fetched, Folder, JobSpec, Tasks, Tree};
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use units::{Amount, Tag};

/// Runs the first task twice at trust 1, where nobody stakes, and compares what came of it. Where the two differ, says in which
/// file, and nothing more is bought. A program whose requester says that its results are reproducible is not tried.
pub(super) async fn check(
    terms: &Terms,
    prepared: &Prepared,
    class: &Category,
    attached: &Attached,
) -> anyhow::Result<()> {
    let spec = &prepared.spec;
    let agreement_is_bought = spec.trust > 1;
    let declared = terms.check.as_ref().is_some_and(|how| !how.is_exact());
    if terms.reproducible || declared || !agreement_is_bought || !Tag::CONTAINERS.is_subset_of(spec.tag) {
        return Ok(());
    }
    note(
        "an image: the first task is run twice, to see that its results can agree; `--reproducible` says that they do",
    );
    let client = &attached.client;
    let tasks = match &spec.tasks {
        Tasks::Rows(rows) => Tasks::Rows(rows.iter().take(1).cloned().collect()),
        Tasks::Alike { .. } => Tasks::Alike { count: 1 },
    };
    let spec =
        JobSpec { tasks, trust: 1, category: class.id, title: format!("{} (tried)", spec.title), ..spec.clone() };
    let max_price = match terms.max_price {
        Some(price) => price,
        None if client.exchange().private => Amount::ZERO,
        None => asked_price(client, &spec, class.id, 2, terms.yes).await?,
    };
    let spec = JobSpec { max_price, ..spec };
    let (first, second) = futures::try_join!(Box::pin(run(client, &spec)), Box::pin(run(client, &spec)))?;
    if first.0.digest == second.0.digest {
        return Ok(());
    }
    let difference = tokio::task::spawn_blocking(move || difference(&first.1, &second.1)).await??;
    Err(hinted(
        format!("two runs of the same task gave different results, so machines could not agree: {difference}"),
        "without times and with fixed seeds results agree, and computed.json names the file that counts; `--trust 1` takes one \
         machine's word, `--reproducible` buys anyway",
    ))
}

/// Buys a task and waits for what comes of it, be it provisional.
async fn run(client: &Client, spec: &JobSpec) -> anyhow::Result<(TaskResult, Fetched)> {
    let job = client.submit(spec).await?.job.id;
    let mut events = Box::pin(client.watch(job, None));
    while let Some(event) = events.next().await {
        match event? {
            Event::Result(result) if !result.voided => {
                let fetched = client.fetch(&result).await?;
                return Ok((*result, fetched));
            }
            Event::Result(_) | Event::Progress(_) | Event::Lost { .. } => {}
        }
    }
    Err(anyhow::anyhow!("the task that was tried came to nothing"))
}

/// Where two results differ, in words.
fn difference(one: &Fetched, other: &Fetched) -> anyhow::Result<String> {
    let (one, other) = match (one, other) {
        (Fetched::Tree(one), Fetched::Tree(other)) => (one, other),
        (one, other) => return Ok(format!("one {}, the other {}", ending(one), ending(other))),
    };
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let place = |name: &str, tree: &Tree| -> anyhow::Result<PathBuf> {
        let root = folder.path().join(name);
        Folder::new(&root).place(0, tree, Some("what it printed"))?;
        Ok(root)
    };
    let (one, other) = (files(&place("one", one)?)?, files(&place("other", other)?)?);
    for (name, file) in &one {
        let Some(second) = other.get(name) else { return Ok(format!("only one has {name}")) };
        let (first, second) = (fs::read(file)?, fs::read(second)?);
        if let Some(at) = differs_at(&first, &second) {
            let (lengths, line) = (first.len() != second.len(), line_at(&first, at).zip(line_at(&second, at)));
            let sizes = if lengths { format!(" ({} and {} bytes)", first.len(), second.len()) } else { String::new() };
            let lines = line.map(|(one, other)| format!("\n  | {one}\n  | {other}")).unwrap_or_default();
            return Ok(format!("{name} differs at byte {at}{sizes}{lines}"));
        }
    }
    let more = other.keys().find(|name| !one.contains_key(*name));
    Ok(more.map_or_else(|| "in what does not count".to_owned(), |name| format!("only one has {name}")))
}

fn ending(fetched: &Fetched) -> String {
    match fetched {
        Fetched::Tree(_) => "ended well".to_owned(),
        Fetched::Failure(failure) => format!("failed: {failure}"),
        Fetched::Nothing => "was not done in time".to_owned(),
    }
}

/// The files below a folder, by their names in it.
fn files(root: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root)?.to_string_lossy().into_owned(), path);
            }
        }
    }
    Ok(found)
}

fn differs_at(one: &[u8], other: &[u8]) -> Option<usize> {
    let common = one.iter().zip(other).position(|(one, other)| one != other);
    common.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}

/// The line around a place, where it is text that can be shown.
fn line_at(bytes: &[u8], at: usize) -> Option<String> {
    let from = bytes.get(..at)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = bytes.get(from..)?.split(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line.get(..line.len().min(120))?).ok()?;
    (!text.chars().any(|letter| letter.is_control() && letter != '\t')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_its_line_where_that_is_text() {
        assert_eq!(differs_at(b"same", b"same"), None);
        assert_eq!(differs_at(b"a\nat 12:01\n", b"a\nat 12:02\n"), Some(9));
        assert_eq!(line_at(b"a\nat 12:01\n", 9).as_deref(), Some("at 12:01"));
        assert_eq!(differs_at(b"ab", b"abc"), Some(2));
        assert_eq!(line_at(&[0xff, 0], 1), None);
    }
}
