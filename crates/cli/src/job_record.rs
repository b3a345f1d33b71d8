//! What the requester's side remembers of a job, so that results find their place whenever they come.

use crate::describe::count;
use crate::files::{read_json, write_json};
use crate::home::Home;
use anyhow::{Context as _, bail};
use api::job::TaskResult;
use client::Folder;
use orders::{RequestOrder, Signed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use units::{B256, OrderHash};

/// Where a job was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// At an exchange with this address.
    Url(String),
    /// At the exchange with this data folder, here: started again when it is needed.
    Folder(PathBuf),
}

/// A job as its requester knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// The job.
    pub(crate) id: OrderHash,
    /// A name for people.
    pub(crate) title: String,
    /// Where it was submitted.
    pub(crate) place: Place,
    /// The folder for its results.
    pub(crate) out: PathBuf,
    /// What each task is about, by index; empty for a single task, whose standard output is the command's.
    pub(crate) names: Vec<String>,
    /// The signed order, which cancelling needs.
    pub(crate) order: Signed<RequestOrder>,
    /// The index, among all that were asked for together, of its first task: those before are of the job that tried one.
    #[serde(default, skip_serializing_if = "is_first")]
    pub(crate) first: u64,
    /// The job that tried one of the tasks beforehand: its files in the same folder are as good as this one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trial: Option<OrderHash>,
    /// The command to an app that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) errand: Option<String>,
    /// Whether it found what that command is after, so that no more is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) proved: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_first(index: &u64) -> bool {
    *index == 0
}

/// What came of one task: a line of `placed.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskRecord {
    /// In which order the job's tasks ended.
    pub(crate) ordinal: u64,
    /// The task's index.
    pub(crate) index: u64,
    /// Its files, in the job's folder.
    #[serde(default)]
    pub(crate) files: Vec<String>,
    /// Why it has none, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// Its result's digest.
    #[serde(default)]
    pub(crate) digest: B256,
    /// How sure the result is.
    #[serde(default, skip_serializing_if = "Sureness::is_final")]
    pub(crate) sureness: Sureness,
}

/// How sure a result is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sureness {
    /// It stays.
    #[default]
    Final,
    /// It may still come to nothing.
    Provisional,
    /// It came to nothing.
    Voided,
}

impl Sureness {
    /// Of a result as the exchange tells it.
    pub(crate) fn of(result: &TaskResult) -> Self {
        match (result.provisional, result.voided) {
            (_, true) => Self::Voided,
            (true, false) => Self::Provisional,
            (false, false) => Self::Final,
        }
    }

    fn is_final(&self) -> bool {
        *self == Self::Final
    }
}

/// The tasks of a job that have been seen to their end.
#[derive(Debug)]
pub(crate) struct Placements {
    file: PathBuf,
    /// Ordinal of the last of them.
    pub(crate) last: Option<u64>,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// How many files they left.
    pub(crate) files: u64,
    /// Those whose result is not final, by index.
    pub(crate) provisional: BTreeMap<u64, TaskRecord>,
}

impl JobRecord {
    /// Remembers the job.
    pub(crate) fn save(&self, home: &Home) -> anyhow::Result<()> {
        write_json(&home.job_folder(self.id).join("job.json"), self)
    }

    /// What is remembered of a job; none where it was not submitted from here.
    pub(crate) fn load(home: &Home, id: OrderHash) -> anyhow::Result<Option<Self>> {
        read_json(&home.job_folder(id).join("job.json"))
    }

    /// Every job submitted from here.
    pub(crate) fn all(home: &Home) -> anyhow::Result<Vec<Self>> {
        let Ok(entries) = fs::read_dir(home.jobs_folder()) else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for entry in entries.flatten() {
            if let Some(record) = read_json(&entry.path().join("job.json"))? {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// The job whose id begins like this, as people type it.
    pub(crate) fn find(home: &Home, text: &str) -> anyhow::Result<OrderHash> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let mut fitting: Vec<OrderHash> =
            Self::all(home)?.iter().map(|record| record.id).filter(|id| id.to_string().starts_with(text)).collect();
        match (fitting.pop(), fitting.len()) {
            (Some(id), 0) if text.len() >= 4 => Ok(id),
            (Some(_), 0) | (None, _) => {
                Err(crate::exit::hinted(format!("there is no job {text}"), "`hands job list` shows your jobs"))
            }
            (Some(_), more) => bail!("{} begin with {text}; type more of it", count(more as u64 + 1, "job")),
        }
    }

    /// The number by which the folder knows the task with this index.
    pub(crate) fn place_of(&self, index: u64) -> u64 {
        self.first.saturating_add(index)
    }

    /// What the task with this index is called.
    pub(crate) fn task_name(&self, index: u64) -> Option<&str> {
        let index = self.first.saturating_add(index);
        usize::try_from(index).ok().and_then(|index| self.names.get(index)).map(String::as_str)
    }

    /// The files of each task that is done, by its number among all that were asked for together.
    pub(crate) fn placed(&self, home: &Home) -> anyhow::Result<BTreeMap<u64, Vec<String>>> {
        let mut placed = BTreeMap::new();
        for task in read_tasks(&tasks_file(home, self.id))? {
            let number = self.place_of(task.index);
            if task.sureness == Sureness::Voided || task.failure.is_some() {
                placed.remove(&number);
            } else {
                placed.insert(number, task.files);
            }
        }
        Ok(placed)
    }

    /// Opens the list of what was placed, and the folder as it stands: what earlier jobs left there may be replaced.
    pub(crate) fn open(&self, home: &Home) -> anyhow::Result<(Folder, Placements)> {
        let mut folder = Folder::new(&self.out);
        for other in Self::all(home)?.iter().filter(|other| other.out == self.out && other.id != self.id) {
            let of_this_job = self.trial == Some(other.id);
            for task in read_tasks(&tasks_file(home, other.id))? {
                for path in &task.files {
                    if of_this_job { folder.adopt(task.index, path) } else { folder.allow_replacing(path) }
                }
            }
        }
        let file = tasks_file(home, self.id);
        let mut placements = Placements { file, last: None, failed: 0, files: 0, provisional: BTreeMap::new() };
        for task in read_tasks(&placements.file)? {
            task.files.iter().for_each(|path| folder.adopt(self.place_of(task.index), path));
            placements.count(&task);
        }
        if placements.last.is_some() {
            folder.sweep()?;
        }
        Ok((folder, placements))
    }
}

impl Placements {
    /// Remembers what came of a task.
    pub(crate) fn add(&mut self, task: &TaskRecord) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(task)?;
        line.push(b'\n');
        let append = || {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(&line)
        };
        append().with_context(|| format!("cannot write {}", self.file.display()))?;
        self.count(task);
        Ok(())
    }

    fn count(&mut self, task: &TaskRecord) {
        self.last = self.last.max(Some(task.ordinal));
        // What was not final counts no more once there is something later.
        if let Some(before) = self.provisional.remove(&task.index) {
            self.failed -= u64::from(before.failure.is_some());
            self.files -= before.files.len() as u64;
        }
        if task.sureness != Sureness::Voided {
            self.failed += u64::from(task.failure.is_some());
            self.files += task.files.len() as u64;
        }
        if task.sureness == Sureness::Provisional {
            self.provisional.insert(task.index, task.clone());
        }
    }
}

fn tasks_file(home: &Home, job: OrderHash) -> PathBuf {
    home.job_folder(job).join("placed.jsonl")
}

/// The lines of the list; the last may be cut short by a crash, and that task is simply placed again.
fn read_tasks(file: &PathBuf) -> anyhow::Result<Vec<TaskRecord>> {
    let Ok(open) = File::open(file) else { return Ok(Vec::new()) };
    let mut tasks = Vec::new();
    for line in BufReader::new(open).lines() {
        let line = line.with_context(|| format!("cannot read {}", file.display()))?;
        match serde_json::from_str(&line) {
            Ok(task) => tasks.push(task),
            Err(_) => break,
        }
    }
    Ok(tasks)
}
