//! Who may read which blob: the parties of a task that names it, and nobody else.
//!
//! Whoever sent a blob may read it; so may requester and beneficiary a task's result. A worker may read what its live
//! assignments name: the job's inputs and table, what the table's rows name, the app, the dataset. Naming alone gives no
//! right (or anybody's file would be open to whoever knows its digest): it counts only if the blob is the requester's to
//! read, or, for an app or a dataset, its owner's.

use crate::history::Reads;
use crate::problem::Answer;
use crate::worker::{Brief, Seats};
use api::image::ImageAddress;
use api::limits;
use api::params::{Params, ParamsError, Row};
use blobs::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use units::{Address, Digest, OrderHash};

/// Jobs whose names are kept at hand.
const KEPT: usize = 256;

/// Why a job's params cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamesError {
    /// The params themselves.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// The table is not there.
    #[error("the table {0} is not here, or not yours: upload it before the job")]
    NoTable(Digest),
    /// The table is not what was described.
    #[error("line {line} of the table is not a task: {why}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
}

/// What a job names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Inputs and table.
    pub(crate) blobs: BTreeSet<Digest>,
    /// Rows of its table; none where all tasks are alike.
    pub(crate) rows: Option<u64>,
}

/// Reads what a job's params name, its table with them. Blocks on the disk.
pub(crate) fn names(text: &str, store: &Store) -> Result<Names, NamesError> {
    let params = Params::parse(text)?;
    let mut names = Names::default();
    let alike = params.task(&Row::default())?;
    names.blobs.extend(alike.inputs.iter().map(|input| input.digest));
    let Some(table) = params.table() else { return Ok(names) };
    names.blobs.insert(table);
    let bytes = store.bytes(&table, limits::TABLE_BYTES).map_err(|_| NamesError::NoTable(table))?;
    let mut rows = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        rows += 1;
        let wrong = |why: String| NamesError::Line { line: rows, why };
        let row: Row = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        let task = params.task(&row).map_err(|error| wrong(error.to_string()))?;
        names.blobs.extend(task.inputs.iter().map(|input| input.digest));
    }
    names.rows = Some(rows);
    Ok(names)
}

/// Decides who may read what.
#[derive(Debug, Default)]
pub(crate) struct Parties {
    names: Mutex<BTreeMap<OrderHash, Arc<Names>>>,
}

impl Parties {
    /// Whether somebody may read a blob.
    pub(crate) async fn may_read(
        &self,
        who: Address,
        blob: Digest,
        seats: &Seats,
        store: &Store,
        reads: &Arc<Reads>,
    ) -> Answer<bool> {
        if reads.read(move |history| history.may_read(blob, who)).await? {
            return Ok(true);
        }
        let Some(seat) = seats.of(who) else { return Ok(false) };
        for brief in seat.jobs() {
            let owners = self.grantors(&brief, blob, store).await;
            for owner in owners {
                if reads.read(move |history| history.may_read(blob, owner)).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Who has to be allowed to read the blob, so that a worker for this job is.
    async fn grantors(&self, brief: &Arc<Brief>, blob: Digest, store: &Store) -> Vec<Address> {
        let mut owners = Vec::new();
        let archive = brief.deal.image.as_deref().and_then(ImageAddress::archive);
        if brief.deal.app == blob || archive == Some(blob) {
            owners.push(brief.app_owner);
        }
        if brief.deal.dataset.as_ref().is_some_and(|dataset| dataset.digest == blob) {
            owners.push(brief.dataset_owner);
        }
        if self.of(brief, store).await.blobs.contains(&blob) {
            owners.push(brief.requester);
        }
        owners
    }

    async fn of(&self, brief: &Arc<Brief>, store: &Store) -> Arc<Names> {
        if let Some(names) = self.kept().get(&brief.job) {
            return Arc::clone(names);
        }
        let (params, store) = (Arc::clone(brief), store.clone());
        let reading = tokio::task::spawn_blocking(move || names(&params.deal.params, &store));
        let found = reading.await.ok().and_then(Result::ok).map(Arc::new);
        // What cannot be read now may be later: it is not kept.
        let Some(found) = found else { return Arc::default() };
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(brief.job, Arc::clone(&found));
        found
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<OrderHash, Arc<Names>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_names_its_inputs_its_table_and_what_the_rows_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).unwrap();
        let input = |byte: u8| Digest(units::B256::repeat_byte(byte));
        let row = |byte| format!(r#"{{"inputs":[{{"name":"x","digest":"{}","size":1}}]}}"#, input(byte));
        let table = store.put(format!("{}\n{}\n", row(1), row(2)).as_bytes()).unwrap().digest;
        let text = format!(
            r#"{{"manyhands":{{"version":1,"inputs":[{{"name":"a","digest":"{}","size":1}}],"table":"{table}"}}}}"#,
            input(3)
        );
        let found = names(&text, &store).unwrap();
        assert_eq!(found.blobs, BTreeSet::from([input(1), input(2), input(3), table]));
        assert_eq!(found.rows, Some(2));
        let missing = text.replace(&table.to_string(), &input(9).to_string());
        assert!(matches!(names(&missing, &store), Err(NamesError::NoTable(_))));
    }
}
